"""Finds keys in texts: whole or in part, plain, base64, base64url, hex, percent- or JSON-escaped."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

SLICE = 12
"""Characters of the random part that count as a leak: chance does not write twelve of them."""
STEP = SLICE // 2
BASE64_CHARACTERS = 4 * SLICE // 3
HEX_CHARACTERS = 2 * SLICE
PREFIXES = ("sk-proj-", "sk-ant-api03-", "sk-or-v1-", "AIza", "gsk_", "AKIA")
"""What all keys of a provider begin with: in no way secret."""

_BASE64_RUN = re.compile(rf"[A-Za-z0-9+/_-]{{{BASE64_CHARACTERS},}}")
_HEX_RUN = re.compile(rf"[0-9A-Fa-f]{{{HEX_CHARACTERS},}}")
_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})")
_URL_SAFE = str.maketrans("-_", "+/")


@dataclass(frozen=True, kw_only=True)
class Leak:
    """A key in a text: the name of its variable, and the line where it stands, 0 where that is unclear."""

    key: str
    line: int


def leaks(text: str, keys: Mapping[str, str]) -> tuple[Leak, ...]:
    """Return which of the keys, by variable, the text holds in any form; a masked echo is none."""
    found = holding("\0".join(views(text)), keys)
    return tuple(Leak(key=name, line=_line(text, name, keys[name])) for name in found)


def holding(text: str, keys: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of the keys of which the text holds a slice as it stands."""
    return tuple(name for name, key in keys.items() if _holds(text, random_part(key)))


def random_part(key: str) -> str:
    """Return a key without what all keys of its provider begin with."""
    prefix = next((known for known in PREFIXES if key.startswith(known)), "")
    return key.removeprefix(prefix)


def views(text: str) -> Iterator[str]:
    """Yield the text as it stands and as it reads when its encoded runs are decoded.

    Decoding at every offset finds what was encoded together with other bytes: `base64("user:" + key)` has
    its key at one of three alignments, and the text before a run may look like a part of it.
    """
    yield text
    if "%" in text:
        yield unquote(text)
    if "\\" in text:
        yield _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text.replace("\\/", "/"))
    for match in _BASE64_RUN.finditer(text):
        run = match.group().translate(_URL_SAFE)
        yield from (_base64(run[offset:]) for offset in range(4))
    for match in _HEX_RUN.finditer(text):
        yield from (_hex(match.group()[offset:]) for offset in range(2))


def _base64(run: str) -> str:
    # 'A' is six zero bits: a run that was cut keeps all bytes that are complete.
    return base64.b64decode(run + "A" * (-len(run) % 4)).decode("latin-1")


def _hex(run: str) -> str:
    return bytes.fromhex(run[: len(run) // 2 * 2]).decode("latin-1")


def _holds(text: str, secret: str) -> bool:
    """Tell whether the text holds a slice: each of them has a shorter piece at a multiple of STEP."""
    if len(secret) <= SLICE:
        return bool(secret) and secret in text
    pieces = (secret[start : start + STEP] for start in range(0, len(secret) - STEP + 1, STEP))
    if not any(piece in text for piece in pieces):
        return False
    return any(secret[start : start + SLICE] in text for start in range(len(secret) - SLICE + 1))


def _line(text: str, name: str, key: str) -> int:
    for number, line in enumerate(text.splitlines(), start=1):
        if holding("\0".join(views(line)), {name: key}):
            return number
    return 0
