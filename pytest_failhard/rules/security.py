"""Tells which functions decide who may do what."""

from __future__ import annotations

from pytest_failhard.rules.data import swallowed as data


def is_security_check(name: str) -> bool:
    """Tell whether a function of this name lets somebody in or not, rather than shows a token."""
    named = data.SECURITY_WORD.search(name) or data.VALIDATES.search(name)
    return bool(named) and not data.DISPLAYED.search(name)
