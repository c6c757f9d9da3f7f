"""Keeps what is computed of a whole file for as long as the file is looked at, and no longer."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from typing import TypeVar

from pytest_failhard.source.module import Module

KEPT_NAMES = 16384
"""How many names a test of names remembers: most names come again, in other files too."""
_Result = TypeVar("_Result")


def once(compute: Callable[[Module], _Result]) -> Callable[[Module], _Result]:
    """Return the function so that it runs once for each file; its results go when the file does."""
    known: weakref.WeakKeyDictionary[Module, _Result] = weakref.WeakKeyDictionary()

    @functools.wraps(compute)
    def kept(module: Module) -> _Result:
        if module not in known:
            known[module] = compute(module)
        return known[module]

    return kept
