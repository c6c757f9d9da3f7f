"""Text of strangers for a reader: what would move, hide or paint other text is made visible."""

from __future__ import annotations

import re
from collections.abc import Sequence

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str, keep: str = "") -> str:
    """Return the text with control characters written out, but for those to keep; white ones as a space."""
    return CONTROL.sub(lambda match: _written(match.group(), keep), text)


def _written(character: str, keep: str) -> str:
    if character in keep:
        return character
    return " " if character in "\n\r\t" else character.encode("unicode_escape").decode("ascii")


def first_step(options: Sequence[str]) -> str:
    """Return the first way out as one plain step, empty where there is none."""
    return next(iter(options), "").removeprefix("fix: ").removesuffix(" (recommended)")
