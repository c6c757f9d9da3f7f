"""Says when a text is a reason: whoever reads it learns why."""

from __future__ import annotations

SHORTEST = 10
WORDS = 2


def explains(text: str) -> bool:
    """Tell whether a text says why: two words, of ten characters together."""
    return len(text.strip()) >= SHORTEST and len(text.split()) >= WORDS
