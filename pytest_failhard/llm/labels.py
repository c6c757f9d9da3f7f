"""The only code that puts labels in the place of canaries: their words and keys stand in no record."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pytest_failhard.llm.canaries import Canaries

FOREIGN = "foreign"
"""The label of a presented key that is none of ours."""


class Labels:
    """What stands for the words and keys of some canaries, the first of which win."""

    def __init__(self, canaries: Sequence[Canaries]) -> None:
        words = (pair for each in reversed(canaries) for pair in _words(each))
        # An empty word would be found everywhere.
        self._labels = {word.lower(): label for word, label in words if word}

    def clean(self, text: str) -> str:
        """Return the text with each canary word, number and key replaced by its label.

        Words are found in any case and inside longer words. A label is as `<canary[A].tail>` or
        `<key[A.OPENAI_API_KEY]>`: the brackets keep it from becoming part of what stands beside it.
        """
        lowered = text.lower()
        # A plain search first: a text can be an image of megabytes.
        found = [word for word in self._labels if word in lowered]
        if not found:
            return text
        spelled = "|".join(re.escape(word) for word in sorted(found, key=lambda word: (-len(word), word)))
        return re.sub(spelled, self._label, text, flags=re.IGNORECASE | re.ASCII)

    def _label(self, match: re.Match[str]) -> str:
        return self._labels[match.group().lower()]


def key_label(presented: str, current: Canaries, known: Sequence[Canaries]) -> str:
    """Return the label of a presented key.

    It is `key[VARIABLE]` for one of the case, `key[A.VARIABLE]` for one of the canaries A of another case,
    and `foreign` for any other.
    """
    own = (f"key[{name}]" for name, key in current.keys.items() if key == presented)
    others = (
        f"key[{each.label}.{name}]" for each in known for name, key in each.keys.items() if key == presented
    )
    return next(own, None) or next(others, FOREIGN)


def _words(canaries: Canaries) -> Iterator[tuple[str, str]]:
    words = {
        "head": canaries.head,
        "middle": canaries.middle,
        "tail": canaries.tail,
        "number": str(canaries.number),
        "poison": canaries.poison,
    }
    yield from ((word, f"<canary[{canaries.label}].{name}>") for name, word in words.items())
    yield from ((key, f"<key[{canaries.label}.{name}]>") for name, key in canaries.keys.items())
