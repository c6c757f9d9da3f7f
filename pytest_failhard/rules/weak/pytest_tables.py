"""What in pytest's configuration makes a run see fewer tests, or their failures less."""

from __future__ import annotations

import fnmatch
import shlex
from collections.abc import Iterator, Sequence

from pytest_failhard.rules.data import configuration as data
from pytest_failhard.rules.weak.settings import Setting, Settings
from pytest_failhard.rules.weak.weakness import Project, Weakness, left_out, shown, weakness
from pytest_failhard.source.pytest_config import PytestConfig, is_blanket, options, plugin_file


def weaknesses(settings: Settings, project: Project, *, told_elsewhere: bool) -> Iterator[Weakness]:
    """Yield what is weak.

    `told_elsewhere` for the file that pytest takes in the root: the gate `tests` reports there what loads
    project code early and what silences every warning.
    """
    for setting in settings.of("pytest"):
        if setting.key == "addopts":
            yield from _addopts(setting, project, told_elsewhere=told_elsewhere)
        elif setting.key in {"python_files", "python_functions"}:
            yield from _names(setting, project)
        elif setting.key in {"testpaths", "norecursedirs"}:
            yield from _folders(setting, project)
        elif setting.key in data.RERUN_KEYS and setting.number:
            yield weakness(setting, str(setting.value), data.SELECTING["--reruns"])
        elif setting.key == "filterwarnings":
            yield from _warnings(setting, told_elsewhere=told_elsewhere)


def _addopts(setting: Setting, project: Project, *, told_elsewhere: bool) -> Iterator[Weakness]:
    yield from of_options(setting, words(setting), project)
    if not told_elsewhere:
        yield from _early(setting, words(setting), project)


def words(setting: Setting) -> tuple[str, ...]:
    """Return the words of a setting that is an option string, or a list of them."""
    return tuple(map(str, setting.value)) if isinstance(setting.value, list) else split(str(setting.value))


def split(text: str) -> tuple[str, ...]:
    """Return the words of an option string; where a quote is open, those between blanks."""
    try:
        return tuple(shlex.split(text))
    except ValueError:
        return tuple(text.split())


def of_options(setting: Setting, given: Sequence[str], project: Project) -> Iterator[Weakness]:
    """Yield what is weak among options of pytest, wherever they are set."""
    for option, value in options(given):
        text = f"{option} {value}".strip()
        if option in data.SELECTING and text not in data.HARMLESS:
            yield weakness(setting, text, data.SELECTING[option])
        elif option in data.IGNORING:
            hidden = left_out(value, project.tests, anywhere=False)
            if hidden:
                yield weakness(setting, text, f"leaves out {shown(hidden)}")
        elif option == "--assert" and value == data.PLAIN_ASSERT:
            yield weakness(setting, text, "switches the rewriting of asserts off")
        elif option == "-p" and value.removeprefix("no:") != value and value[3:] in data.GUARDS:
            yield weakness(setting, text, "switches off a plugin that sees failures")


def _early(setting: Setting, given: Sequence[str], project: Project) -> Iterator[Weakness]:
    config = PytestConfig(root=project.root, path=setting.path)
    for option, value in options(given):
        text = f"{option} {value}".strip()
        if option == "-p" and plugin_file(config, value):
            yield weakness(setting, text, "loads code of the project before the gate")
        elif (option == "-W" and is_blanket(value)) or option == "--disable-warnings":
            yield weakness(setting, text, "silences warnings")


def _names(setting: Setting, project: Project) -> Iterator[Weakness]:
    patterns = setting.entries if isinstance(setting.value, list) else tuple(str(setting.value).split())
    if setting.key == "python_files":
        hidden = project.with_tests(path for path in project.tests if not _collects(patterns, path))
        if hidden:
            yield weakness(setting, " ".join(patterns), f"leaves out {shown(hidden)}", _WIDEN)
    elif not any(fnmatch.fnmatch(data.TEST_FUNCTION, f"{pattern.rstrip('*')}*") for pattern in patterns):
        yield weakness(
            setting, " ".join(patterns), "leaves out functions whose name begins with `test`", _WIDEN
        )


_WIDEN = "name the usual patterns as well"


def _collects(patterns: Sequence[str], path: str) -> bool:
    name = path.rpartition("/")[2]
    return any(fnmatch.fnmatch(path if "/" in each else name, each.replace("**", "*")) for each in patterns)


def _folders(setting: Setting, project: Project) -> Iterator[Weakness]:
    patterns = setting.entries if isinstance(setting.value, list) else tuple(split(str(setting.value)))
    if setting.key == "testpaths":
        # Loose test files beside the packages are often scripts; what lies in a folder of tests is meant.
        meant = tuple(path for path in project.tests if "/" in path)
        hidden = project.with_tests(path for path in meant if not _below(path, patterns))
        # Where no path fits, pytest looks everywhere.
        if hidden and any(_below(path, patterns) for path in meant):
            yield weakness(
                setting, " ".join(patterns), f"leaves out {shown(hidden)}", "name every test folder"
            )
        return
    for pattern in patterns:
        hidden = left_out(pattern, project.tests, anywhere="/" not in pattern)
        # A few of many are the data of tests more often than tests.
        if 2 * len(hidden) > len(project.tests):
            yield weakness(setting, pattern, f"leaves out {shown(hidden)}")


def _below(path: str, folders: Sequence[str]) -> bool:
    plain = [folder.removeprefix("./").rstrip("/") for folder in folders]
    return any(
        each in {"", "."} or path == each or path.startswith(f"{each}/") or _fits(path, each)
        for each in plain
    )


def _fits(path: str, pattern: str) -> bool:
    return "*" in pattern and fnmatch.fnmatch(path, f"{pattern}/*")


def _warnings(setting: Setting, *, told_elsewhere: bool) -> Iterator[Weakness]:
    for entry in setting.lines:
        action, _, rest = entry.partition(":")
        category = rest.split(":")[1] if rest.count(":") else ""
        if is_blanket(entry):
            if not told_elsewhere:
                yield weakness(setting, entry, "silences every warning")
        elif action.strip().startswith("ig") and data.TELLTALE_WARNINGS.match(
            category.rpartition(".")[2].strip()
        ):
            yield weakness(setting, entry, "hides a test that did not do what it seems to")


def shadowing(settings: Settings, project: Project) -> Iterator[Weakness]:
    """Yield the weakness of a file below the root that is empty and that pytest takes all the same."""
    name = settings.path.rpartition("/")[2]
    if name in data.EMPTY_COUNTS and not settings.of("pytest") and project.tests:
        yield Weakness(
            path=settings.path,
            line=0,
            key="",
            value="empty",
            message=f"{settings.path} is empty and hides the pytest configuration above it",
            fix=f"delete {settings.path}",
        )
