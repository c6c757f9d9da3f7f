"""Draws personal data that belongs to nobody, and puts it into a request, to see where it comes out."""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping
from dataclasses import replace

from pytest_failhard.system.declaration import Route

LETTERS = 10
DIGITS = 9


def draw() -> dict[str, str]:
    """Return fresh personal data by its kind; the host's ending is one that no name server knows."""
    word = "".join(secrets.choice(string.ascii_lowercase) for _ in range(LETTERS))
    number = "".join(secrets.choice(string.digits) for _ in range(DIGITS))
    family = "".join(secrets.choice(string.ascii_lowercase) for _ in range(LETTERS))
    return {
        "an e-mail address": f"{word}@{word[::-1]}.invalid",
        "a phone number": f"+999{number}",
        "a name": f"{word.title()} {family.title()}",
    }


def carrying(route: Route, data: Mapping[str, str]) -> Route | None:
    """Return a route whose body holds the data in every text, None where it holds no text."""
    added = " ".join(data.values())
    if isinstance(route.body, str):
        return replace(route, body=f"{route.body} {added}", capture={})
    filled = {name: _added(value, added) for name, value in (route.body or {}).items()}
    return None if filled == (route.body or {}) else replace(route, body=filled, capture={})


def _added(value: object, added: str) -> object:
    if isinstance(value, str):
        return f"{value} {added}"
    if isinstance(value, dict):
        return {name: _added(each, added) for name, each in value.items()}
    return [_added(each, added) for each in value] if isinstance(value, list) else value


def found(text: str, data: Mapping[str, str]) -> tuple[str, ...]:
    """Return the kinds of data that a text holds."""
    return tuple(kind for kind, value in data.items() if value in text)
