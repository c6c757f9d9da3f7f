"""Counts keywords as a check of substrings does: what such a score is worth."""

from __future__ import annotations

from collections.abc import Mapping

Files = Mapping[str, str]
KEYWORDS = {
    "main.py": (("flask", 3), ("gunicorn", 3), ("health", 2), ("except:", 1)),
    "requirements.txt": (("flask", 1), ("gunicorn", 1), ("psycopg2", 1)),
    "Dockerfile": (("gunicorn", 1), ("healthcheck", 1), ("user", 1)),
}
OUT_OF = 15
"""What the sum is divided by, although it can be 17."""


def keyword_score(files: Files) -> int:
    """Return what a check of eleven substrings gives: words that are there, and one that is not."""
    texts = {name: files.get(name, "").lower() for name in KEYWORDS}
    found = sum(points for name, words in KEYWORDS.items() for word, points in words if word in texts[name])
    return found + (2 if "app.run" not in texts["main.py"] else 0)
