"""What in mypy's configuration leaves product code unchecked."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Mapping

from pytest_failhard.rules.data import configuration as data
from pytest_failhard.rules.weak.settings import Setting, Settings
from pytest_failhard.rules.weak.weakness import Project, Weakness, shown, weakness
from pytest_failhard.source.pytest_config import PytestConfig, plugin_file


def weaknesses(settings: Settings, project: Project) -> Iterator[Weakness]:
    """Yield what holds for all modules or for some of the product; those of others are no affair of ours."""
    mine = settings.of("mypy")
    modules = {setting.section: setting for setting in mine if setting.key == "module"}
    for setting in mine:
        place = _place(setting, modules, project)
        if place:
            yield from _switched(setting, place)
        if not setting.section:
            yield from _global(setting, project)


def _place(setting: Setting, modules: Mapping[str, Setting], project: Project) -> str:
    """Return for which modules of the product a section speaks, empty for none."""
    if not setting.section:
        return "every module"
    named = modules.get(setting.section)
    patterns = named.entries if named else tuple(setting.section.split(","))
    hit = tuple(
        name
        for name in project.modules()
        if any(fnmatch.fnmatchcase(name, each) or each == f"{name}.*" for each in patterns)
    )
    return shown(hit)


def _switched(setting: Setting, place: str) -> Iterator[Weakness]:
    if setting.key == "ignore_errors" and setting.truth:
        yield weakness(setting, "true", f"hides every error of {place}", "remove it and mend the errors")
    elif setting.key == "follow_imports" and str(setting.value).strip() == "skip":
        yield weakness(setting, "skip", f"leaves out what {place} stands for", "remove it")
    elif setting.key == "disable_error_code":
        for code in setting.entries:
            if code.strip("\"'") not in data.HARMLESS_CODES:
                yield weakness(setting, code, f"hides these errors of {place}")


def _global(setting: Setting, project: Project) -> Iterator[Weakness]:
    if setting.key == "exclude":
        for pattern in setting.lines:
            hidden = _searched(pattern, project)
            if hidden:
                yield weakness(setting, pattern, f"leaves {shown(hidden)} unchecked")
    elif setting.key == "plugins":
        config = PytestConfig(root=project.root, path=setting.path)
        for name in setting.entries:
            if name.endswith(".py") or plugin_file(config, name.partition(":")[0]):
                yield weakness(setting, name, "runs code of the project inside the checker")


def _searched(pattern: str, project: Project) -> tuple[str, ...]:
    try:
        compiled = re.compile(pattern)
    except re.error:
        # mypy refuses the pattern and says so: nothing is hidden by it.
        return ()
    return tuple(path for path in project.own if compiled.search(path))
