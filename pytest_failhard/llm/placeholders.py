"""Fills the placeholders of the catalogue's texts with what belongs to one request."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pytest_failhard.llm.catalogue import Json

Value = int | float | str | None
Values = Mapping[str, Value]

_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")
_UNKNOWN_WAIT = "a moment"


class PlaceholderError(ValueError):
    """A text names a placeholder that does not exist."""


def names(text: str) -> frozenset[str]:
    """Return the placeholders of a text."""
    return frozenset(_PLACEHOLDER.findall(text))


def fill(text: str, values: Values) -> str:
    """Return a text with its values; None, a wait that is not told, reads `a moment`.

    Raises PlaceholderError.
    """
    for name in sorted(names(text) - values.keys()):
        raise PlaceholderError(f"no placeholder {{{{{name}}}}}; known: {', '.join(sorted(values))}")
    return _PLACEHOLDER.sub(lambda match: _written(values[match.group(1)]), text)


def lacks(text: str, values: Values) -> bool:
    """Whether a text needs a value that is None."""
    return any(values.get(name, "") is None for name in names(text))


def fill_json(template: Json, values: Values) -> Json:
    """Return a JSON value with its texts filled.

    A text that is one placeholder becomes the value itself, a number where it is one. A list item that
    needs a value of None is left out.
    """
    if isinstance(template, str):
        whole = _PLACEHOLDER.fullmatch(template)
        return values[whole.group(1)] if whole and whole.group(1) in values else fill(template, values)
    if isinstance(template, list):
        return [fill_json(item, values) for item in template if not _item_lacks(item, values)]
    if isinstance(template, dict):
        return {name: fill_json(item, values) for name, item in template.items()}
    return template


def _item_lacks(item: Json, values: Values) -> bool:
    texts = item.values() if isinstance(item, dict) else [item]
    return any(isinstance(text, str) and lacks(text, values) for text in texts)


def _written(value: Value) -> str:
    if value is None:
        return _UNKNOWN_WAIT
    return f"{value:g}" if isinstance(value, float) else str(value)
