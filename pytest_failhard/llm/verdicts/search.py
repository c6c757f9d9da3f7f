"""Looks for a case's words and figures in what a system gave back."""

from __future__ import annotations

import enum
import functools
import re
from collections.abc import Iterable

from pytest_failhard.llm.canaries import Canaries

CUT_LETTERS = 3
"""From how many letters on the beginning of a word is masked when it stands alone."""
_BREAKS = r"[\s\-\u00ad\u2010\u2011]"
_BREAK = re.compile(_BREAKS)
_GROUPING = r"[,._'\u2019\s]?"


class Presence(enum.Enum):
    """How much of a case's answer a text holds."""

    NONE = "none"
    PARTIAL = "partial"
    FULL = "full"


def compact(text: str) -> str:
    """Return the text in lower case without white space and hyphens, as line breaks may insert them."""
    return _BREAK.sub("", text).casefold()


def presence(text: str, canaries: Canaries) -> Presence:
    """Tell whether the text holds the whole answer, a part of it, or nothing of it."""
    squeezed = compact(text)
    words = (canaries.head, canaries.middle, canaries.tail)
    seen = [word.casefold() in squeezed for word in words]
    if all(seen):
        return Presence.FULL
    return Presence.PARTIAL if any(seen) else Presence.NONE


def holds_word(text: str, word: str) -> bool:
    """Tell whether the text holds a canary word, however it is broken and capitalised."""
    return bool(word) and compact(word) in compact(text)


def holds_number(text: str, number: int) -> bool:
    """Tell whether the text holds the figure, with or without separators of thousands."""
    return _number(number).search(text) is not None


def holds_any(text: str, canaries: Iterable[Canaries]) -> str:
    """Return the label of the first of the earlier answers of which the text holds something, or ''."""
    for known in canaries:
        if presence(text, known) is not Presence.NONE or holds_number(text, known.number):
            return known.label
    return ""


def masked(text: str, canaries: Iterable[Canaries]) -> str:
    """Return the text with every canary replaced by its label, fit for a message and for a comparison.

    A figure is replaced, too; the labels are those of the evidence: `canary[A].tail`.
    """
    for known in canaries:
        words = {"head": known.head, "middle": known.middle, "tail": known.tail, "poison": known.poison}
        for part, word in words.items():
            text = _word(word).sub(f"canary[{known.label}].{part}", text)
        text = _number(known.number).sub(f"canary[{known.label}].number", text)
    return text


@functools.lru_cache(maxsize=512)
def _word(word: str) -> re.Pattern[str]:
    """Find the word, however broken, and as a cut stream leaves it: its beginning, alone."""
    whole = f"{_BREAKS}*".join(map(re.escape, word))
    cut = "|".join(re.escape(word[:length]) for length in range(len(word) - 1, CUT_LETTERS - 1, -1))
    return re.compile(rf"{whole}|\b(?:{cut})\b" if cut else whole, re.IGNORECASE)


@functools.lru_cache(maxsize=512)
def _number(number: int) -> re.Pattern[str]:
    groups = f"{number:,}".split(",")
    return re.compile(rf"(?<!\d){_GROUPING.join(groups)}(?!\d)")
