"""YAML as text alone: a version such as `1.10` is no number."""

from __future__ import annotations

import yaml

from pytest_failhard.source import yaml_text
from pytest_failhard.source.yaml_text import YamlError


class _Text(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # C where it was built
    """Leaves every scalar as it is written; the C parser is ten times as fast."""


_Text.yaml_implicit_resolvers = {}


def plain(data: bytes) -> object:
    """Return a document of tables, lists and texts, None where there is none; raises YamlError."""
    try:
        return yaml_text.value(data, _Text)
    except YamlError as error:
        raise YamlError(f"no YAML: {error}") from None
