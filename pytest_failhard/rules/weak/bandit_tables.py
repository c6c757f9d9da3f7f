"""What in bandit's configuration takes tests or files out of the scan."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_failhard.rules.data import configuration as data
from pytest_failhard.rules.weak.settings import Setting, Settings
from pytest_failhard.rules.weak.weakness import Project, Weakness, left_out, shown, weakness


def weaknesses(settings: Settings, project: Project) -> Iterator[Weakness]:
    """Yield the tests that are skipped and the globs that exclude product code.

    `bandit -r` reads a `.bandit` of the tree without a word, so a scan may never have seen them.
    """
    for setting in settings.of("bandit"):
        if setting.key == "skips":
            codes = (code for code in setting.entries if code not in data.ACCEPTED_SKIPS)
            yield from (weakness(setting, code, "is not looked for anywhere") for code in codes)
        elif setting.key in {"exclude", "exclude_dirs"}:
            yield from _excluded(setting, project)


def _excluded(setting: Setting, project: Project) -> Iterator[Weakness]:
    for pattern in setting.entries:
        hidden = left_out(pattern.strip("/"), project.own, anywhere=True)
        if hidden or pattern in data.EVERYTHING:
            yield weakness(setting, pattern, f"leaves {shown(hidden) or 'everything'} out of the scan")
