"""Reads the comments of a file and nothing else, so that a string is never taken for one."""

from __future__ import annotations

import functools
import io
import tokenize
from dataclasses import dataclass
from pathlib import Path

from pytest_failhard.model import GateError


@dataclass(frozen=True, kw_only=True, order=True)
class Comment:
    """A comment from its `#` to the end of its line, and the number of that line."""

    line: int
    text: str


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
