"""The only code that puts labels in the place of canaries: their words and keys stand in no record."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence

from pytest_failhard.llm.canaries import Canaries

FOREIGN = "foreign"
"""The label of a presented key that is none of ours."""


def labelled(text: str, canaries: Sequence[Canaries]) -> str:
    """Return the text with each canary word, number and key replaced by its label.

    Words are found in any case and inside longer words. A label is as `<canary[A].tail>` or
    `<key[A.OPENAI_API_KEY]>`: the brackets keep it from becoming part of what stands beside it.
    """
    for each in canaries:
        found = _replacements(_Words.of(each))
        text = found.pattern.sub(found.label, text)
    return text


def key_label(presented: str, current: Canaries, known: Sequence[Canaries]) -> str:
    """Return the label of a presented key: `key[VARIABLE]` for one of the case, `key[A.VARIABLE]` for one
    of the canaries A of another case, `foreign` for any other, empty for none.
    """
    if not presented:
        return ""
    for name, key in current.keys.items():
        if key == presented:
            return f"key[{name}]"
    others = (
        f"key[{each.label}.{name}]" for each in known for name, key in each.keys.items() if key == presented
    )
    return next(others, FOREIGN)


class _Words(tuple[tuple[str, str], ...]):
    """The words of one case with their labels, hashable: the compiled pattern is kept by them."""

    __slots__ = ()

    @classmethod
    def of(cls, canaries: Canaries) -> _Words:
        return cls(sorted(_words(canaries), key=lambda pair: (-len(pair[0]), pair)))


def _words(canaries: Canaries) -> Iterator[tuple[str, str]]:
    words = {
        "head": canaries.head,
        "middle": canaries.middle,
        "tail": canaries.tail,
        "number": str(canaries.number),
        "poison": canaries.poison,
    }
    yield from ((word.lower(), f"<canary[{canaries.label}].{name}>") for name, word in words.items())
    yield from ((key.lower(), f"<key[{canaries.label}.{name}]>") for name, key in canaries.keys.items())


class _Replacements:
    """One pattern for all words of a case, and what each becomes."""

    def __init__(self, words: _Words) -> None:
        self._labels = dict(reversed(words))
        # An empty word would be found everywhere.
        spelled = "|".join(re.escape(word) for word, _ in words if word)
        self.pattern = re.compile(spelled or r"(?!)", re.IGNORECASE)

    def label(self, match: re.Match[str]) -> str:
        """Return what stands for a match."""
        return self._labels[match.group().lower()]


@functools.lru_cache(maxsize=64)
def _replacements(words: _Words) -> _Replacements:
    return _Replacements(words)
