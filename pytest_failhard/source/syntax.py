"""Turns text into a syntax tree, one text at a time: gates are threads, and CPython cannot do two at once."""

from __future__ import annotations

import ast
import threading

# The builder of trees counts its depth for all threads together: where one was interrupted by another,
# CPython 3.11 ended with `SystemError: AST constructor recursion depth mismatch`.
_ONE = threading.RLock()


def parsed(text: str | bytes, filename: str = "<unknown>") -> ast.Module:
    """Return the tree of a module; raises what `ast.parse` does."""
    with _ONE:
        return ast.parse(text, filename=filename)
