"""How much is run: in the size of CI one variant of a kind, in the full size all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from tests.acceptance.harness import Mode
from tests.unkept import FULL

__all__ = ["FULL", "in_full", "modes", "some", "without"]
_Variant = TypeVar("_Variant")
_Test = TypeVar("_Test", bound=Callable[..., None])


def some(variants: Mapping[str, _Variant], *names: str) -> dict[str, _Variant]:
    """Return the variants of these names, in the full size all; raises KeyError for a name there is not."""
    chosen = {name: variants[name] for name in names}
    return dict(variants) if FULL else chosen


def without(names: Iterable[str], *heavy: str) -> list[str]:
    """Return the names but the heavy ones, in the full size all."""
    return [name for name in names if FULL or name not in heavy]


def modes(telling: Mode) -> tuple[Mode, ...]:
    """Return the more telling mode, in the full size both."""
    return tuple(Mode) if FULL else (telling,)


def in_full(test: _Test) -> _Test | None:
    """Keep a test for the full size: in that of CI there is none of its name."""
    return test if FULL else None
