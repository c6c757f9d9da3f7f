"""What the entries of the fail-open list demand that are no case but a test of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tests.acceptance.harness import Mode


@dataclass(frozen=True, kw_only=True)
class Procedure:
    """What is demanded in the two modes, in a word; empty where nothing is promised."""

    gate: str = ""
    author: str
    supervised: str

    def demanded(self, mode: Mode) -> str:
        """Return the word of a mode."""
        return self.author if mode is Mode.AUTHOR else self.supervised


PROCEDURES: Mapping[str, Procedure] = {
    "FO-02": Procedure(author="fail", supervised="fail"),
    "FO-27": Procedure(gate="lint", author="fail", supervised="fail"),
    "FO-34": Procedure(gate="lint", author="partial", supervised="partial"),
    "FO-108": Procedure(author="no report", supervised="no report"),
    "FO-109": Procedure(author="run again", supervised="run again"),
    "FO-110": Procedure(gate="lint", author="run again", supervised="run again"),
    "FO-111": Procedure(gate="lint", author="", supervised="run again"),
    "FO-112": Procedure(author="error", supervised="error"),
    "FO-113": Procedure(author="refuse", supervised="refuse"),
    "FO-114": Procedure(author="refuse", supervised="refuse"),
    "FO-116": Procedure(gate="tests", author="", supervised="watchdog"),
    "FO-117": Procedure(author="interrupted", supervised="interrupted"),
    "FO-118": Procedure(author="no report", supervised="refuse"),
    "FO-133": Procedure(author="refuse", supervised="refuse"),
    "FO-135": Procedure(gate="lint", author="fail", supervised="fail"),
}
"""By id."""
