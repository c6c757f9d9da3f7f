"""Validates documents against their schemas, without what jsonschema takes longest to load."""

from __future__ import annotations

from pytest_failhard.distributions.bom.optional import IRI_GRAMMAR, without

with without(IRI_GRAMMAR):
    import jsonschema

__all__ = ["jsonschema"]
