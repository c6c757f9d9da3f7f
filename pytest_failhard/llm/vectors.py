"""Edits of healthy embeddings, whichever way they are encoded."""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Callable, Mapping, Sequence

from pytest_failhard.llm.catalogue import Json
from pytest_failhard.llm.content import at, items

Vector = Sequence[float]


class VectorError(ValueError):
    """The edit does not exist, or the answer holds no vectors."""


def edited(name: str, body: Json) -> Json:
    """Return an embeddings answer with other vectors. Raises VectorError."""
    listed = [each for each in items(at(body, "data")) if isinstance(each, dict)]
    if name not in NAMES or not isinstance(body, dict) or not listed:
        raise VectorError(f"no edit {name!r} of vectors here; known: {', '.join(sorted(NAMES))}")
    if name == "short":
        return {**body, "data": [*listed[:-1]]}
    if name == "shuffled":
        return {**body, "data": [*reversed(listed)]}
    return {**body, "data": [_with(each, _VALUES[name]) for each in listed]}


def _with(item: dict[str, Json], change: Callable[[Vector], Vector]) -> Json:
    known = item["embedding"]
    if isinstance(known, str):
        data = base64.b64decode(known)
        vector = change(struct.unpack(f"<{len(data) // 4}f", data))
        return {**item, "embedding": base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()}
    numbers = [each for each in items(known) if isinstance(each, float)]
    return {**item, "embedding": [*change(numbers)]}


def _one_less(vector: Vector) -> Vector:
    return vector[:-1]


def _not_a_number(vector: Vector) -> Vector:
    return [math.nan, *vector[1:]]


def _zero(vector: Vector) -> Vector:
    return [0.0] * len(vector)


_VALUES: Mapping[str, Callable[[Vector], Vector]] = {
    "wrong_dim": _one_less,
    "nan": _not_a_number,
    "zero": _zero,
}
NAMES = frozenset(_VALUES) | {"short", "shuffled"}
"""The edits that this module knows."""
