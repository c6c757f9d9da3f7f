"""Reads the comments of a file and nothing else, so that a string is never taken for one."""

from __future__ import annotations

import ast
import functools
import io
import re
import sys
import tokenize
from dataclasses import dataclass
from pathlib import Path

from pytest_failhard.model import GateError

# All that can hold a `#` that begins no comment is a string; a prefix changes nothing about where it ends.
_STRING_OR_COMMENT = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*"""'
    r"|'''(?:[^'\\]|\\.|'(?!''))*'''"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'(?:[^'\\\n]|\\.)*'"
    r"|\#[^\n]*",
    re.DOTALL,
)
NESTING = (3, 12)
"""From this version on the fields of an f-string may hold its own quotes: no pattern follows them."""


@dataclass(frozen=True, kw_only=True, order=True)
class Comment:
    """A comment from its `#` to the end of its line, and the number of that line."""

    line: int
    text: str


@functools.lru_cache(maxsize=20_000)
def comments(root: Path, path: str) -> tuple[Comment, ...]:
    """Return a file's comments; raises GateError where the file cannot be read or tokenized."""
    try:
        return tokenized((root / path).read_bytes())
    except (OSError, SyntaxError, ValueError, tokenize.TokenError) as error:
        raise GateError(f"{path}: its comments cannot be read: {error}") from None


def count(root: Path, path: str, pattern: re.Pattern[str]) -> int:
    """Return in how many of a file's comments a pattern is found; raises GateError as `comments` does.

    The pattern must not ask what stands behind the end of a comment. A file in whose text it is not found
    is not tokenized.
    """
    try:
        data = (root / path).read_bytes()
        if b"#" not in data or not pattern.search(decoded(data)):
            return 0
    except (OSError, SyntaxError, ValueError) as error:
        raise GateError(f"{path}: its comments cannot be read: {error}") from None
    return sum(bool(pattern.search(item.text)) for item in comments(root, path))


def tokenized(data: bytes) -> tuple[Comment, ...]:
    """Return the comments of a source as Python's tokenizer sees them; raises what it raises."""
    if b"#" not in data:
        return ()
    tokens = tokenize.tokenize(io.BytesIO(data).readline)
    return tuple(
        Comment(line=token.start[0], text=token.string) for token in tokens if token.type == tokenize.COMMENT
    )


def decoded(data: bytes) -> str:
    """Return a source as text, in the encoding that its first lines name."""
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    return data.decode(encoding)


def scanned(data: bytes, tree: ast.Module) -> tuple[Comment, ...]:
    """Return the comments of a source that has been parsed: the same as `tokenized`, many times faster."""
    if b"#" not in data:
        return ()
    if sys.version_info >= NESTING and any(isinstance(node, ast.JoinedStr) for node in ast.walk(tree)):
        return tokenized(data)
    text = decoded(data)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    found, line, read = [], 1, 0
    for match in _STRING_OR_COMMENT.finditer(text):
        if text[match.start()] == "#":
            line += text.count("\n", read, match.start())
            read = match.start()
            found.append(Comment(line=line, text=match.group()))
    return tuple(found)
