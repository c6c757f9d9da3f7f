"""What in the configuration of ruff, flake8 and pylint leaves product code or whole families of rules out."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_failhard.rules.data import configuration as data
from pytest_failhard.rules.weak.settings import Setting, Settings
from pytest_failhard.rules.weak.weakness import Project, Weakness, left_out, shown, weakness


def weaknesses(settings: Settings, project: Project) -> Iterator[Weakness]:
    """Yield what is weak for the three linters."""
    for setting in settings.of("ruff"):
        if setting.section.rpartition(".")[2] in {"per-file-ignores", "extend-per-file-ignores"}:
            yield from _by_file(setting, setting.key, setting.entries, project)
        elif not setting.section.startswith("format"):
            yield from _common(setting, project)
    for setting in settings.of("flake8"):
        yield from _flake8(setting, project)
    for setting in settings.of("pylint"):
        yield from _pylint(setting, settings, project)


def _common(setting: Setting, project: Project) -> Iterator[Weakness]:
    if setting.key in data.IGNORE_KEYS:
        for code in setting.entries:
            if code in data.ALL_RULES or code in data.WHOLE_FAMILIES:
                yield weakness(setting, code, "switches a whole family of rules off")
    elif setting.key in data.EXCLUDE_KEYS:
        yield from _excluded(setting, project)


def _excluded(setting: Setting, project: Project) -> Iterator[Weakness]:
    for pattern in setting.entries:
        hidden = left_out(pattern, project.own, anywhere=True)
        if hidden or pattern in data.EVERYTHING:
            effect = f"leaves {shown(hidden)} unread" if hidden else "leaves everything unread"
            yield weakness(setting, pattern, effect)


def _by_file(setting: Setting, pattern: str, codes: tuple[str, ...], project: Project) -> Iterator[Weakness]:
    if pattern in data.EVERYTHING:
        yield weakness(setting, pattern, f"ignores {', '.join(codes)} in every file")
    elif data.ALL_RULES.intersection(codes):
        hidden = left_out(pattern, project.own, anywhere=True)
        if hidden:
            yield weakness(setting, pattern, f"ignores every rule in {shown(hidden)}")


def _flake8(setting: Setting, project: Project) -> Iterator[Weakness]:
    if setting.key == "per-file-ignores":
        for entry in setting.lines:
            pattern, _, codes = entry.partition(":")
            yield from _by_file(setting, pattern.strip(), (codes.strip(),), project)
    elif setting.key == "exit-zero" and setting.truth:
        yield weakness(setting, "true", "ends with success whatever is found", "remove it")
    else:
        yield from _common(setting, project)


def _pylint(setting: Setting, settings: Settings, project: Project) -> Iterator[Weakness]:
    if setting.key == "disable" and data.ALL_RULES.intersection(setting.entries):
        if not any(each.key == "enable" and each.entries for each in settings.of("pylint")):
            yield weakness(setting, "all", "switches every rule off")
    elif setting.key in data.PYLINT_IGNORES:
        yield from _excluded(setting, project)
    elif setting.key == "exit-zero" and setting.truth:
        yield weakness(setting, "true", "ends with success whatever is found", "remove it")
