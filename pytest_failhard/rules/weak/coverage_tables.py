"""What in coverage's configuration takes code out of the measurement."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_failhard.rules.data import configuration as data
from pytest_failhard.rules.weak.settings import Setting, Settings
from pytest_failhard.rules.weak.weakness import Project, Weakness, left_out, shown, weakness


def weaknesses(settings: Settings, project: Project) -> Iterator[Weakness]:
    """Yield the globs that omit product code, and the patterns that exclude plain code."""
    for setting in settings.of("coverage"):
        if setting.key == "omit":
            yield from _omitted(setting, project)
        elif setting.key in data.EXCLUDING_KEYS:
            for pattern in setting.lines:
                if line := excluded(pattern):
                    yield weakness(setting, pattern, f"excludes code such as `{line}`")


def _omitted(setting: Setting, project: Project) -> Iterator[Weakness]:
    for pattern in setting.entries:
        hidden = left_out(pattern, project.own, anywhere=False)
        if hidden or pattern in data.EVERYTHING:
            effect = f"leaves {shown(hidden)} out of the measurement" if hidden else "leaves everything out"
            yield weakness(setting, pattern, effect)


def excluded(pattern: str) -> str:
    """Return a line of plain code that a pattern leaves out, nothing where it leaves out none."""
    try:
        compiled = re.compile(pattern)
    except re.error:
        # coverage refuses the pattern and says so: nothing is hidden by it.
        return ""
    return next((line for line in data.CODE_LINES if compiled.search(line)), "")
