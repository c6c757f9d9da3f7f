"""Reads what mypy says: its errors, and the modules that it has finished."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from pytest_failhard.model import GateError

UNRESOLVED = frozenset({"import-not-found", "import-untyped", "import"})
_FINISHED = re.compile(r"(?P<module>\S+) \d{1,18}")
_SUGGESTION = "Did you mean"


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One error of mypy's JSON lines."""

    path: str
    line: int
    code: str
    message: str
    hint: str


def parse_problems(output: bytes, returncode: int) -> tuple[Problem, ...]:
    """Return the errors of `mypy -O json`; raises GateError unless the output is complete."""
    try:
        text = output.decode("utf-8", "strict")
        entries = [json.loads(line) for line in text.split("\n") if line]
        problems = tuple(_problem(entry) for entry in entries if entry["severity"] != "note")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise GateError(f"mypy: unreadable output ({error}): {output[:200]!r}") from None
    if not text.endswith("\n"):
        raise GateError(f"mypy: its output has no end: {output[-200:]!r}")
    if bool(problems) != (returncode == 1):
        raise GateError(f"mypy: exit code {returncode} with {len(problems)} errors contradict")
    return problems


def _problem(entry: Mapping[str, object]) -> Problem:
    path, line, hint = entry["file"], entry["line"], entry["hint"]
    if entry["severity"] != "error" or not isinstance(path, str) or not isinstance(line, int):
        raise TypeError("an entry without severity, file or line")
    code = str(entry["code"] or "misc")
    return Problem(
        path=path,
        line=max(line, 0),
        code=code,
        message=str(entry["message"]),
        hint=_hint(code, str(hint or "")),
    )


def _hint(code: str, text: str) -> str:
    """Return what mypy adds to an error.

    What it adds to an import it says once in a run, at whichever file it reads first: that is left out.
    """
    lines = text.split("\n")
    return " ".join(line for line in lines if code not in UNRESOLVED or line.startswith(_SUGGESTION))


def parse_finished(listing: bytes) -> frozenset[str]:
    """Return the modules of mypy's list of times, which it writes last; raises GateError if unreadable."""
    try:
        lines = listing.decode("utf-8", "strict").split("\n")
    except UnicodeDecodeError as error:
        raise GateError(f"mypy: unreadable list of modules ({error})") from None
    matches = [(line, _FINISHED.fullmatch(line)) for line in lines[:-1]]
    for line, match in matches:
        if match is None:
            raise GateError(f"mypy: unreadable line in its list of modules: {line[:200]!r}")
    if lines[-1]:
        raise GateError(f"mypy: its list of modules has no end: {lines[-1][:200]!r}")
    return frozenset(match["module"] for _, match in matches if match)
