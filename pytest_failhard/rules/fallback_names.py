"""Tells which functions call themselves a fallback."""

from __future__ import annotations

from pytest_failhard.rules.data import swallowed as data


def is_fallback_name(name: str) -> bool:
    """Tell whether a function's name says that it stands in for something."""
    return bool(data.FALLBACK.search(name)) and not data.NO_FALLBACK.search(name)
