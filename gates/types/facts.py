"""Reads from a source file what the gate must know of it besides mypy's errors."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_failhard.source import files
from pytest_failhard.source.comments import Comment, comments

_IGNORE = re.compile(r"#\s*type:\s*ignore\b")
_WHOLE_IGNORE = re.compile(r"#\s*type:\s*ignore\s*(#|$)")
_INLINE = re.compile(r"#\s*mypy:\s*(?P<options>.+)")
_UNCHECKED = re.compile(
    r"\bignore[-_]errors\b(?!\s*=\s*(false|no|0|off)\b)|\bdisable[-_]error[-_]code\b", re.I
)
_SIGNATURE = re.compile(r"#\s*type:\s*\(")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the bytes of one file say."""

    imports: tuple[str, ...]
    """The top-level names that it imports, sorted."""
    untyped: int
    """Functions of modules and classes without any annotation."""
    suppressions: int
    """Comments that hide something from mypy."""
    unchecked: tuple[tuple[int, str], ...]
    """Line and text of each comment that switches checking off for the whole file."""


def read(root: Path, path: str) -> Facts:
    """Return a file's facts; raises GateError where it cannot be read or does not parse."""
    tree = files.parse(root, path)
    found = comments(root, path)
    hiding = [each for each in found if _IGNORE.search(each.text) or _INLINE.search(each.text)]
    return Facts(
        imports=tuple(sorted(_imports(tree))),
        untyped=_untyped(tree, [each.line for each in found if _SIGNATURE.match(each.text)]),
        suppressions=len(hiding),
        unchecked=_unchecked(tree, hiding),
    )


def _imports(tree: ast.Module) -> Iterator[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return iter(names)


def _untyped(tree: ast.Module, signatures: Sequence[int]) -> int:
    return sum(not _is_annotated(each, signatures) for each in _functions(tree.body))


def _functions(body: Iterable[ast.AST]) -> Iterator[Function]:
    """Yield the functions of modules and classes, but none that is within another one."""
    waiting = list(body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
        elif isinstance(node, ast.stmt | ast.excepthandler | ast.match_case):
            waiting += ast.iter_child_nodes(node)


def _is_annotated(function: Function, signatures: Sequence[int]) -> bool:
    given = function.args
    arguments = (*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg)
    if function.returns is not None or any(each and each.annotation for each in arguments):
        return True
    # A comment with the whole signature stands between the head and the first statement.
    return any(function.lineno <= line <= function.body[0].lineno for line in signatures)


def _unchecked(tree: ast.Module, hiding: Iterable[Comment]) -> tuple[tuple[int, str], ...]:
    first = min((_first_line(node) for node in tree.body[:1]), default=0)
    return tuple((each.line, each.text.strip()) for each in hiding if _is_for_all(each, first))


def _is_for_all(comment: Comment, first: int) -> bool:
    options = _INLINE.search(comment.text)
    if options and _UNCHECKED.search(options["options"]):
        return True
    return (not first or comment.line < first) and bool(_WHOLE_IGNORE.search(comment.text))


def _first_line(node: ast.stmt) -> int:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.decorator_list:
        return node.decorator_list[0].lineno
    return node.lineno
