"""Examples of regular expressions, for JSON Schema's `pattern`: of the common syntax, else an error."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence

_CLASSES = {"d": string.digits, "w": string.ascii_letters + string.digits + "_", "s": " "}
_NEGATED = {"D": "a", "W": "-", "S": "a"}
_QUANTIFIER = re.compile(r"\{([0-9]+)(?:,([0-9]*))?\}\??")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_PRINTABLE = string.ascii_letters + string.digits + " -_.,:;!?"


class PatternError(ValueError):
    """No example was found."""


def example(pattern: str, preferred: Sequence[str], least: int = 0, most: int | None = None) -> str:
    """Return a text that a pattern matches, one of the preferred if it does, within these lengths.

    Raises PatternError.
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise PatternError(f"{pattern!r} is no regular expression: {error}") from error
    made = (*preferred, *(_Maker(pattern, extra).text() for extra in range(max(least, 1) + 1)))
    for each in made:
        if compiled.search(each) and least <= len(each) and (most is None or len(each) <= most):
            return each
    raise PatternError(f"no example of {pattern!r} was found")


class _Maker:
    """Reads a pattern from left to right and writes the shortest text, with `extra` repeats where it may."""

    def __init__(self, pattern: str, extra: int) -> None:
        self.pattern = pattern
        self.extra = extra
        self.place = 0

    def text(self) -> str:
        return self._alternatives()

    def _peek(self) -> str:
        return self.pattern[self.place : self.place + 1]

    def _take(self) -> str:
        taken = self._peek()
        self.place += 1
        return taken

    def _alternatives(self) -> str:
        """Return an example of the first alternative; the others are read over."""
        first = self._sequence()
        while self._peek() == "|":
            self._take()
            self._sequence()
        return first

    def _sequence(self) -> str:
        made = ""
        while self._peek() and self._peek() not in "|)":
            made += self._repeated(self._atom())
        return made

    def _repeated(self, atom: str) -> str:
        low, high = self._bounds()
        wanted = max(low, self.extra)
        return atom * (wanted if high is None else min(wanted, high))

    def _bounds(self) -> tuple[int, int | None]:
        counted = _QUANTIFIER.match(self.pattern, self.place)
        if counted:
            self.place = counted.end()
            low, high = int(counted.group(1)), counted.group(2)
            return low, low if high is None else int(high) if high else None
        known: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
        if self._peek() not in known:
            return 1, 1
        bounds = known[self._take()]
        if self._peek() == "?":
            self._take()
        return bounds

    def _atom(self) -> str:
        taken = self._take()
        if taken == "(":
            return self._group()
        if taken == "[":
            return self._set()
        if taken == "\\":
            return self._escaped()[:1]
        if taken in "^$":
            return ""
        return "a" if taken == "." else taken

    def _group(self) -> str:
        head = re.compile(r"\?(?:[:=!]|P?<\w+>|<[=!])").match(self.pattern, self.place)
        self.place = head.end() if head else self.place
        made = self._alternatives()
        self._take()
        # What looks ahead or behind is no text of its own.
        looks = head is not None and head.group()[-1] in "=!"
        return "" if looks else made

    def _escaped(self) -> str:
        """Return the characters that an escape stands for."""
        taken = self._take()
        if taken in "bBAzZ":
            return ""
        return _CLASSES.get(taken) or _NEGATED.get(taken) or _ESCAPES.get(taken, taken)

    def _set(self) -> str:
        negated = self._peek() == "^"
        if negated:
            self._take()
        members = self._member()
        while self._peek() not in ("]", ""):
            members += self._member()
        self._take()
        if not negated:
            return members[:1]
        return next((each for each in _PRINTABLE if each not in members), "")

    def _member(self) -> str:
        taken = self._take()
        if taken == "\\":
            return self._escaped()
        if self._peek() == "-" and self.pattern[self.place + 1 : self.place + 2] not in ("]", ""):
            self._take()
            last = self._take()
            return "".join(chr(each) for each in range(ord(taken), ord(last) + 1))
        return taken
