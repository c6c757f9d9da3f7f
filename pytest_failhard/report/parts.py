"""What the stored documents share: strict types, numbers without rounding, places of mistakes."""

from __future__ import annotations

import re
from datetime import date
from fractions import Fraction
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

FRACTION = re.compile(r"(-?\d+)/([1-9]\d*)")


def _checked_fraction(value: int | str) -> int | str:
    if isinstance(value, str) and FRACTION.fullmatch(value) is None:
        raise ValueError("is neither a whole number nor a fraction `n/d`")
    return value


Exact = Annotated[int | str, AfterValidator(_checked_fraction)]
"""A whole number, or a fraction as `n/d`."""


def exact(value: int | Fraction) -> int | str:
    """Write a measure without rounding."""
    return f"{value.numerator}/{value.denominator}" if isinstance(value, Fraction) else value


def number(value: int | str) -> int | Fraction:
    """Read what `exact` wrote."""
    return Fraction(value) if isinstance(value, str) else value


class Strict(BaseModel):
    """Refuses unknown keys and silent conversions."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)


class EvidencePart(Strict):
    """A file below `evidence/<gate>/` and the SHA-256 of its bytes."""

    name: str
    sha256: str
    media_type: str


class WaiverPart(Strict):
    """A person's consent; `value` is the worst accepted measure, exact."""

    rule: str
    path: str
    fingerprint: str
    reason: str
    owner: str
    expires: date
    kind: str
    ref: str
    approved_by: str
    value: Exact | None
    until_fixed: bool = False


def places(error: ValidationError) -> str:
    """Return every mistake with its place in the document."""
    return "; ".join(
        f"{'.'.join(map(str, each['loc'])) or 'document'}: {each['msg']}" for each in error.errors()
    )
