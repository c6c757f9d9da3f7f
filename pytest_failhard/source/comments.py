"""Reads the comments of a file and nothing else, so that a string is never taken for one."""

from __future__ import annotations

import ast
import functools
import io
import re
import tokenize
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_failhard.model import GateError


@dataclass(frozen=True, kw_only=True, order=True)
class Comment:
    """A comment from its `#` to the end of its line, and the number of that line."""

    line: int
    text: str


BLOCK = re.compile(rb"(?i)[rbuf]{0,3}(\"\"\"|''')")
"""How a string begins that may run over several lines."""
ENDLESS = 1 << 30
Spans = dict[int, list[tuple[int, int]]]


def beside(data: bytes, strings: Iterable[ast.expr]) -> tuple[Comment, ...] | None:
    """Return the comments of a UTF-8 file by what is no string in it: ten times faster than the tokens.

    `strings` are the nodes of its texts, none of them inside of another. None where only the tokens can
    tell: another encoding, or a comment between the lines of texts that are joined.
    """
    lines = data.splitlines()
    marked = [number for number, line in enumerate(lines, 1) if b"#" in line]
    if data.startswith(b"\xef\xbb\xbf") or any(b"coding" in line for line in lines[:2]):
        return None
    spans: Spans = {number: [] for number in marked}
    for node in strings:
        last = node.end_lineno or node.lineno
        if last == node.lineno:
            if last in spans:
                spans[last].append((node.col_offset, node.end_col_offset or ENDLESS))
        elif any(number in spans for number in range(node.lineno, last + 1)):
            if not _is_one_block(lines, node):
                return None
            _cover(spans, node)
    return tuple(_comments(lines, spans))


def _is_one_block(lines: Sequence[bytes], node: ast.expr) -> bool:
    """Tell whether a text of several lines is one string and not two that are joined."""
    last = node.end_lineno or node.lineno
    text = b"\n".join(lines[node.lineno - 1 : last])
    text = text[node.col_offset : len(text) - len(lines[last - 1]) + (node.end_col_offset or 0)]
    begun = BLOCK.match(text)
    return begun is not None and text.count(begun[1]) == 2 and text.endswith(begun[1])


def _cover(spans: Spans, node: ast.expr) -> None:
    last = node.end_lineno or node.lineno
    for number in range(node.lineno, last + 1):
        if number in spans:
            start = node.col_offset if number == node.lineno else 0
            end = node.end_col_offset if number == last else None
            spans[number].append((start, ENDLESS if end is None else end))


def _comments(lines: Sequence[bytes], spans: Mapping[int, Sequence[tuple[int, int]]]) -> Iterable[Comment]:
    for number, covered in spans.items():
        line = lines[number - 1]
        at = line.find(b"#")
        while at >= 0:
            inside = next((end for start, end in covered if start <= at < end), None)
            if inside is None:
                yield Comment(line=number, text=line[at:].decode())
                break
            at = line.find(b"#", inside)


@functools.lru_cache(maxsize=20_000)
def comments(root: Path, path: str) -> tuple[Comment, ...]:
    """Return a file's comments; raises GateError where the file cannot be read or tokenized."""
    try:
        data = (root / path).read_bytes()
        if b"#" not in data:
            return ()
        tokens = tokenize.tokenize(io.BytesIO(data).readline)
        return tuple(
            Comment(line=token.start[0], text=token.string)
            for token in tokens
            if token.type == tokenize.COMMENT
        )
    except (OSError, SyntaxError, ValueError, tokenize.TokenError) as error:
        raise GateError(f"{path}: its comments cannot be read: {error}") from None
