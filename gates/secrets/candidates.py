"""What may be a secret: the value, the name it is bound to, and where it stands."""

from __future__ import annotations

import bisect
import functools
import hashlib
import itertools
import re
from dataclasses import dataclass, field

DIGEST_DIGITS = 16
_NAMED = re.compile(
    r"(?P<key>[A-Za-z_][\w.-]*)[\"'\])]*\s*(?::\s*[\w.\[\]| ]+)?(?:=>|[=:(,]|\s)+\s*[a-zA-Z]{0,2}[\"'`]?$"
)


@dataclass(frozen=True, kw_only=True, order=True)
class Candidate:
    """A value in a file that is to be judged. `value` never leaves this package, and no `repr` shows it."""

    path: str
    line: int
    rule: str
    key: str
    """The name that the value is bound to, empty where there is none."""
    value: str = field(repr=False)
    """The value itself, empty where only its digest is known."""
    deployed: bool = False
    """True where the file says that a system is started with it, as a Kubernetes Secret does."""
    literal: bool = False
    """True where the file gives the value itself, so that a word is no name of a place where it stands."""
    user: str = field(default="", repr=False)
    """The user before the password of a URL; it may be the password, so nobody is told."""
    detected: str = ""
    """The digest of a value that the detector alone knows."""

    @property
    def digest(self) -> str:
        """Return the first digits of the value's SHA-256, or of what the detector knows of it."""
        known = self.value or self.detected
        return hashlib.sha256(known.encode("utf-8", "surrogatepass")).hexdigest()[:DIGEST_DIGITS]

    @property
    def anchor(self) -> str:
        """Return what does not move: rule, name and digest, never the value nor the line."""
        return f"{self.rule} {self.key} {self.digest}"


class Lines:
    """Says in which line of a text a character stands."""

    def __init__(self, text: str) -> None:
        self._text = text

    def at(self, offset: int) -> int:
        """Return the line of an offset, counted from 1."""
        return bisect.bisect_right(self._ends, offset) + 1

    @functools.cached_property
    def _ends(self) -> list[int]:
        return list(itertools.accumulate(len(line) + 1 for line in self._text.split("\n")))


def name_before(text: str) -> str:
    """Return the name that a line binds what follows `text` to, empty where there is none."""
    match = _NAMED.search(text)
    return match["key"] if match else ""
