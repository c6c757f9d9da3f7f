"""How far a true rate may lie from a counted one: one-sided bounds of Clopper and Pearson."""

from __future__ import annotations

import math

RISK = 0.05
STEPS = 60


def at_most(hits: int, n: int, risk: float = RISK) -> float:
    """Return the rate above which so few hits in n would be a surprise, 1 where there is nothing to count."""
    if hits >= n:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        if _up_to(hits, n, middle) > risk:
            low = middle
        else:
            high = middle
    return high


def at_least(hits: int, n: int, risk: float = RISK) -> float:
    """Return the rate below which so many hits in n would be a surprise."""
    return 1 - at_most(n - hits, n, risk)


def _up_to(hits: int, n: int, rate: float) -> float:
    """Return the probability of so many hits or fewer."""
    return math.fsum(math.comb(n, k) * rate**k * (1 - rate) ** (n - k) for k in range(hits + 1))
