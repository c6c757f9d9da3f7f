"""Reads JSON as its standard has it: no repeated key, no number that is none, no half of a character."""

from __future__ import annotations

import json
import math


def read(data: bytes) -> object:
    """Return the document; raises ValueError, and RecursionError where it is nested too deeply."""
    content: object = json.loads(
        data, object_pairs_hook=_once, parse_constant=_no_number, parse_float=_finite
    )
    if rb"\u" in data:
        # Half of a pair of surrogates can only be written as an escape, and has no bytes to be digested.
        json.dumps(content, ensure_ascii=False).encode()
    return content


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    keys = [key for key, _ in pairs]
    if repeated := sorted({key for key in keys if keys.count(key) > 1}):
        raise ValueError(f"repeated key {', '.join(repeated)}")
    return dict(pairs)


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text[:20]} is too large a number")
    return value
