"""Reads what a configuration tells coverage and pytest to overlook, as the suppressions that it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pytest_failhard.rules.data import configuration as data
from pytest_failhard.rules.suppressed import unreasoned
from pytest_failhard.rules.unit import Hit
from pytest_failhard.rules.weak.coverage_tables import excluded
from pytest_failhard.rules.weak.pytest_tables import words
from pytest_failhard.rules.weak.settings import ConfigError, Setting, read
from pytest_failhard.source.pytest_config import options
from pytest_failhard.source.suppression_forms import LINE
from pytest_failhard.source.suppressions import Suppression, reason_in

COMMENT = re.compile(r"(?:^|\s)[#;](.*)")


def of_files(root: Path, paths: Sequence[str]) -> tuple[Suppression, ...]:
    """Return those of some configuration files; one that is no text is reported elsewhere."""
    found: list[Suppression] = []
    for path in paths:
        try:
            found += of_text(path, (root / path).read_text("utf-8-sig"))
        except (OSError, UnicodeDecodeError):
            continue
    return tuple(found)


def of_text(path: str, text: str) -> tuple[Suppression, ...]:
    """Return those of one file; none where it does not parse, which is a finding of its own."""
    try:
        settings = read(path, text)
    except ConfigError:
        return ()
    lines = text.splitlines()
    found = [each for setting in settings.of("coverage") for each in _patterns(setting, lines)]
    found += [each for setting in settings.of("pytest") for each in _left_out(setting, lines)]
    return tuple(found)


def hits(found: Iterable[Suppression]) -> Iterator[Hit]:
    """Yield a hit for each without a reason; what takes plain code out is a weakened configuration."""
    yield from unreasoned(each for each in found if each.kind != "coverage" or not excluded(each.text))


def _patterns(setting: Setting, lines: Sequence[str]) -> Iterator[Suppression]:
    if setting.key in data.EXCLUDING_KEYS:
        for pattern in setting.lines:
            if not _is_structural(pattern):
                yield _told("coverage", setting, pattern, lines)


def _is_structural(pattern: str) -> bool:
    """Tell whether a pattern leaves out what cannot be wrong; one that is none leaves nothing out."""
    try:
        compiled = re.compile(pattern)
    except re.error:
        return True
    return not excluded(pattern) and any(compiled.search(line) for line in data.STRUCTURAL_LINES)


def _left_out(setting: Setting, lines: Sequence[str]) -> Iterator[Suppression]:
    if setting.key == "addopts":
        for option, value in options(words(setting)):
            blinds = option == "-p" and value.startswith("no:")
            if option in data.LEAVING_OUT or blinds:
                yield _told("pytest", setting, f"{option} {value}".strip(), lines)
    elif setting.key == "filterwarnings":
        for entry in setting.lines:
            if entry.startswith("ig"):
                yield _told("pytest", setting, entry, lines)


def _told(kind: str, setting: Setting, text: str, lines: Sequence[str]) -> Suppression:
    line = _line(setting, text, lines)
    return Suppression(
        path=setting.path,
        line=line,
        kind=kind,
        name=setting.key,
        rules=(text,),
        specific=True,
        scope=LINE,
        reason=_reason(text, line, lines),
        flaw="",
        text=text,
        where=setting.where,
    )


def _line(setting: Setting, text: str, lines: Sequence[str]) -> int:
    """Return the line of an entry, that of its key where the file writes it otherwise."""
    spelt = {text, text.replace("\\", "\\\\")}
    for number, line in enumerate(lines[setting.line - 1 :] if setting.line else (), setting.line):
        if any(each in line for each in spelt):
            return number
    return setting.line


def _reason(text: str, line: int, lines: Sequence[str]) -> str:
    """Return what a comment behind the entry, or alone on the line above it, says."""
    if not 0 < line <= len(lines):
        return ""
    behind = COMMENT.search(lines[line - 1].partition(text)[2])
    above = lines[line - 2].strip() if line > 1 else ""
    said = [behind[1] if behind else "", above if above.startswith(("#", ";")) else ""]
    return next((reason for each in said if (reason := reason_in(each, ()))), "")
