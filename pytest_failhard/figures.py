"""Exact figures as text: rounded towards the failing side, and only when shown."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fractions import Fraction

DECIMALS = 2
BOUND_DECIMALS = 12
TENTHS = 1000
"""Tenths of a percent in the whole."""
SHARE, OF_A_LIMIT = "_percent", "worst_"


def is_share(name: str) -> bool:
    """Tell whether a measure is a part of a whole: no more than 100 percent, unlike a use of a limit."""
    return name.endswith(SHARE) and not name.startswith(OF_A_LIMIT)


def decimal_text(value: int | Fraction, *, up: bool = False) -> str:
    """Return a measure as text: integers plainly, others with two decimals, cut down unless `up`.

    A floor's measure is cut down and a ceiling's up, so that no rounding makes a figure look better.
    """
    if value == int(value):
        return str(int(value))
    scaled = value * 10**DECIMALS
    digits = math.ceil(scaled) if up else math.floor(scaled)
    whole, rest = divmod(digits, 10**DECIMALS)
    return f"{whole}.{rest:0{DECIMALS}d}"


def score_text(passed: int, applicable: int) -> str:
    """Return a score for a reader, `27/30 (90.0 %)`: the percentage rounded half up, the counts exact."""
    tenths = (2 * TENTHS * passed + applicable) // (2 * applicable)
    return f"{passed}/{applicable} ({tenths // 10}.{tenths % 10} %)"


def bound_text(value: int | Fraction) -> str:
    """Return a bound as a policy states it: every decimal that it has, or the exact fraction."""
    for decimals in range(BOUND_DECIMALS + 1):
        scaled = value * 10**decimals
        if scaled == int(scaled):
            digits = str(int(scaled)).rjust(decimals + 1, "0")
            return f"{digits[:-decimals]}.{digits[-decimals:]}" if decimals else digits
    return str(value)
