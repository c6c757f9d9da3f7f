"""YAML as text alone: a version such as `1.10` is no number."""

from __future__ import annotations

from collections.abc import Iterable

import yaml

MAX_NESTING = 200


class PlainError(ValueError):
    """No YAML document."""


class _Text(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # C where it was built
    """Leaves every scalar as it is written; the C parser is ten times as fast."""


_Text.yaml_implicit_resolvers = {}


def _require_flat(events: Iterable[yaml.Event]) -> None:
    depth = 0
    for event in events:
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_NESTING:
            raise PlainError(f"nested more than {MAX_NESTING} deep")


def plain(data: bytes) -> object:
    """Return a document of tables, lists and texts; raises PlainError."""
    loader = _Text(data)
    try:
        # The events first: the C loader composes by recursion, and what is too deep would end the process.
        _require_flat(yaml.parse(data, Loader=_Text))
        document: object = loader.get_single_data()
    except (yaml.YAMLError, ValueError) as error:
        raise PlainError(f"no YAML: {error}".replace("\n", " ")) from None
    finally:
        loader.dispose()
    return document
