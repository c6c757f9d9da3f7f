"""Keeps an optional module that is dear to load from being loaded by a library that can do without it."""

from __future__ import annotations

import contextlib
import importlib.abc
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

IRI_GRAMMAR = "rfc3987_syntax"
"""What jsonschema checks IRIs with: more than a second to load."""


class _Absent(importlib.abc.MetaPathFinder):
    """Has one module not be found."""

    def __init__(self, module: str) -> None:
        self._module = module

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        del path, target
        if fullname == self._module:
            raise ModuleNotFoundError(f"{fullname} is left out", name=fullname)
        return None


@contextlib.contextmanager
def without(module: str) -> Iterator[None]:
    """Have what is imported meanwhile do without a module; one that is loaded already stays."""
    absent = _Absent(module)
    sys.meta_path.insert(0, absent)
    try:
        yield
    finally:
        sys.meta_path.remove(absent)
