"""YAML as text alone: a version such as `1.10` is no number."""

from __future__ import annotations

import yaml


class PlainError(ValueError):
    """No YAML document."""


class _Text(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # C where it was built
    """Leaves every scalar as it is written; the C parser is ten times as fast."""


_Text.yaml_implicit_resolvers = {}


def plain(data: bytes) -> object:
    """Return a document of tables, lists and texts; raises PlainError."""
    loader = _Text(data)
    try:
        document: object = loader.get_single_data()
    except (yaml.YAMLError, ValueError) as error:
        raise PlainError(f"no YAML: {error}".replace("\n", " ")) from None
    finally:
        loader.dispose()
    return document
