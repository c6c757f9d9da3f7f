"""Writes a syntax tree as text that is equal on every Python version and under every formatting."""

from __future__ import annotations

import ast
from collections.abc import Iterator

# What says nothing about the code, or is there on some versions only.
SKIPPED = frozenset({"ctx", "kind", "type_comment"})


def canonical(node: ast.AST) -> str:
    """Return the node's type and its fields in their order, without empty ones and without positions.

    `ast.dump` will not do: 3.12 adds a field to every function, 3.13 drops the empty ones.
    """
    parts: list[str] = []
    # Iterative: generated literals nest deeper than Python's own stack.
    work: list[object] = [node]
    while work:
        item = work.pop()
        if isinstance(item, ast.AST):
            work.extend(reversed([f"{type(item).__name__}(", *_fields(item), ")"]))
        elif isinstance(item, list):
            work.extend(reversed(["[", *item, "]"]))
        else:
            parts.append(item if isinstance(item, str) else repr(item))
    return " ".join(parts)


def _fields(node: ast.AST) -> Iterator[object]:
    for name in node._fields:
        value = getattr(node, name, None)
        if name in SKIPPED or value == []:
            continue
        if value is None and not (isinstance(node, ast.Constant) and name == "value"):
            continue
        yield f"{name}="
        # A constant is shown as Python writes it, so that "1" and 1 differ.
        yield value if isinstance(value, ast.AST | list) else repr(value)
