"""The look for keywords that was once taken for a measure of readiness: eleven of them, divided by fifteen."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

DIVISOR = 15
"""What the sum was divided by, although the weights add up to 17."""
WEIGHTS: Mapping[str, Mapping[str, int]] = {
    "main.py": {"flask": 3, "gunicorn": 3, "app.run": 2, "health": 2, "except:": 1},
    "requirements.txt": {"flask": 1, "gunicorn": 1, "psycopg2": 1},
    "Dockerfile": {"gunicorn": 1, "healthcheck": 1, "user": 1},
}
PENALIZED = frozenset({"app.run"})
"""What must not be there: a main file without it has the points."""


def keyword_score(folder: Path) -> Fraction:
    """Return what the look for keywords would say of a system, exactly."""
    points = sum(
        weight
        for name, words in WEIGHTS.items()
        for word, weight in words.items()
        if (word in _text(folder / name)) != (word in PENALIZED)
    )
    return Fraction(points, DIVISOR)


def _text(path: Path) -> str:
    return path.read_text("utf-8").lower() if path.is_file() else ""
