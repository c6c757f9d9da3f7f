"""Reads what the tree tells pytest, and where, and writes what pytest is told instead."""

from __future__ import annotations

import configparser
import re
import shlex
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pytest_failhard.model import Finding, GateError, Severity
from pytest_failhard.source.manifest import UNENTERED_FOLDERS, Patterns

COPIED = re.compile(
    r"(markers|minversion|required_plugins|xfail_strict|strict(_\w+)?|asyncio_\w+|anyio_mode|log_\w+)\Z"
)
RETURNS = "error::pytest.PytestReturnNotNoneWarning"
# Options in addopts that leave tests out, blind a plugin or end the run early; the value says what.
NARROWING: Mapping[str, str] = {
    "-k": "selects tests",
    "-m": "selects tests",
    "--deselect": "leaves tests out",
    "--ignore": "leaves files out",
    "--ignore-glob": "leaves files out",
    "--lf": "selects tests",
    "--last-failed": "selects tests",
    "--sw": "selects tests",
    "--stepwise": "selects tests",
    "--continue-on-collection-errors": "goes on without files that cannot be collected",
    "--no-cov": "switches coverage off",
    "--collect-only": "runs no test",
    "--co": "runs no test",
    "--runxfail": "changes what an xfail means",
    "-x": "ends the run early",
    "--exitfirst": "ends the run early",
    "--maxfail": "ends the run early",
    "--assert": "can switch the rewriting of asserts off",
    "--reruns": "runs failing tests again",
    "--noconftest": "leaves conftest files out",
    "--confcutdir": "leaves conftest files out",
    "--max-warnings": "changes the exit status",
}
VALUED = frozenset(
    {"-k", "-m", "-p", "-W", "-o", "-c", "--deselect", "--ignore", "--ignore-glob", "--maxfail", "--assert"}
    | {"--reruns", "--confcutdir", "--max-warnings", "--pythonwarnings"}
)
ATTACHED = ("-k", "-m", "-p", "-W", "-o", "-c")

Value = bool | int | float | str | list[str]


@dataclass(frozen=True, kw_only=True)
class PytestConfig:
    """The configuration file that pytest takes in the root, and what stands in it.

    `path` is relative, empty where there is none; `values` are native TOML types or ini strings;
    `hidden` names files whose pytest tables are filled and never read.
    """

    root: Path
    path: str
    values: Mapping[str, Value] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()

    def entries(self, key: str) -> tuple[str, ...]:
        """Return a value of one entry a line."""
        value = self.values.get(key, [])
        found = value if isinstance(value, list) else str(value).splitlines()
        return tuple(entry.strip() for entry in found if entry.strip())

    def words(self, key: str) -> tuple[str, ...]:
        """Return a value of shell words; raises GateError where a quote is left open."""
        value = self.values.get(key, [])
        if isinstance(value, list):
            return tuple(value)
        try:
            return tuple(shlex.split(str(value)))
        except ValueError as error:
            raise GateError(f"{self.path}:{self.lines.get(key, 0)}: {key}: {error}") from None

    def plugins(self) -> tuple[str, ...]:
        """Return the names after `-p` in addopts."""
        return tuple(value for option, value in options(self.words("addopts")) if option == "-p")


def load(root: Path) -> PytestConfig:
    """Return the root's configuration; raises GateError for a file that does not parse."""
    found: list[tuple[str, dict[str, Value]]] = []
    for name, reader in READERS.items():
        path = root / name
        values = reader(_text(path)) if path.is_file() else None
        if values is not None:
            found.append((name, values))
    if not found:
        return PytestConfig(root=root, path="pyproject.toml" if (root / "pyproject.toml").is_file() else "")
    (path_taken, taken), rest = found[0], found[1:]
    text = _text(root / path_taken)
    return PytestConfig(
        root=root,
        path=path_taken,
        values=taken,
        lines={key: _line(text, key) for key in taken},
        hidden=tuple(name for name, values in rest if values),
    )


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise GateError(f"{path.name}: cannot be read: {error}") from None


def _line(text: str, key: str) -> int:
    pattern = re.compile(rf"""["']?{re.escape(key)}["']?\s*[=:]""")
    tables = [number for number, line in enumerate(text.splitlines(), 1) if re.match(r"\[.*pytest", line)]
    first = tables[0] if tables else 0
    lines = enumerate(text.splitlines(), 1)
    return next((number for number, line in lines if number > first and pattern.match(line)), 0)


def _ini(section: str, *, empty_counts: bool) -> Callable[[str], dict[str, Value] | None]:
    def reader(text: str) -> dict[str, Value] | None:
        parser = configparser.RawConfigParser(strict=False, allow_no_value=True, default_section="\0")
        parser.optionxform = str  # type: ignore[assignment,method-assign]  # as configparser documents it
        try:
            parser.read_string(text)
        except configparser.Error as error:
            raise GateError(f"the ini section [{section}] does not parse: {error.message}") from None
        except AttributeError:
            # How configparser ends on a line that goes on below a key without a value.
            raise GateError(
                f"the ini section [{section}] does not parse: a line goes on where no value is"
            ) from None
        if parser.has_section(section):
            return {key: value or "" for key, value in parser.items(section)}
        return {} if empty_counts else None

    return reader


def _toml(*tables: tuple[str, ...], empty_counts: bool) -> Callable[[str], dict[str, Value] | None]:
    def reader(text: str) -> dict[str, Value] | None:
        try:
            document = tomllib.loads(text)
        except (ValueError, RecursionError) as error:
            raise GateError(f"the TOML of pytest's configuration does not parse: {error}") from None
        for keys in tables:
            table = _table(document, keys)
            values = {key: native for key, value in table.items() if (native := _native(value)) is not None}
            if values:
                return values
        return {} if empty_counts else None

    return reader


def _table(document: Mapping[str, object], keys: Iterable[str]) -> Mapping[str, object]:
    for key in keys:
        inner = document.get(key)
        if not isinstance(inner, dict):
            return {}
        document = inner
    return document


def _native(value: object) -> Value | None:
    if isinstance(value, list):
        return [str(item) for item in value]
    return value if isinstance(value, bool | int | float | str) else None


# In pytest's order. The first four count even when they are empty.
READERS: Mapping[str, Callable[[str], dict[str, Value] | None]] = {
    "pytest.toml": _toml(("pytest",), empty_counts=True),
    ".pytest.toml": _toml(("pytest",), empty_counts=True),
    "pytest.ini": _ini("pytest", empty_counts=True),
    ".pytest.ini": _ini("pytest", empty_counts=True),
    "pyproject.toml": _toml(("tool", "pytest"), ("tool", "pytest", "ini_options"), empty_counts=False),
    "tox.ini": _ini("pytest", empty_counts=False),
    "setup.cfg": _ini("tool:pytest", empty_counts=False),
}


def weaknesses(config: PytestConfig) -> tuple[Finding, ...]:
    """Return what in the configuration could make a test run look better than it is."""
    return tuple(sorted({*_shadowing(config), *_addopts(config), *_silenced(config)}))


def _finding(config: PytestConfig, key: str, name: str, severity: Severity, text: tuple[str, str]) -> Finding:
    message, fix = text
    return Finding(
        rule=f"FH707/{name}",
        name=name,
        path=config.path,
        line=config.lines.get(key, 0),
        severity=severity,
        message=message,
        fix=fix,
    )


def _shadowing(config: PytestConfig) -> Iterator[Finding]:
    if config.hidden and not config.values:
        hidden = ", ".join(config.hidden)
        text = (
            f"{config.path} is empty and hides the pytest configuration of {hidden}",
            f"delete {config.path}",
        )
        yield _finding(config, "", "shadowing-pytest-config", Severity.HIGH, text)


def _addopts(config: PytestConfig) -> Iterator[Finding]:
    for option, value in options(config.words("addopts")):
        shown = f"{option} {value}".strip()
        if option == "-p" and value.startswith("no:"):
            text = (f"addopts: {shown} switches a plugin off", f"remove {shown} from addopts")
            yield _finding(config, "addopts", "narrowed-test-run", Severity.LOW, text)
        elif option == "-p" and plugin_file(config, value):
            text = (
                f"addopts: {shown} loads {plugin_file(config, value)} of the project before the gate",
                f"remove {shown} from addopts and move the code into a conftest.py",
            )
            yield _finding(config, "addopts", "project-plugin-in-addopts", Severity.HIGH, text)
        elif option in NARROWING:
            text = (f"addopts: {shown} {NARROWING[option]}", f"remove {shown} from addopts")
            yield _finding(config, "addopts", "narrowed-test-run", Severity.LOW, text)


def plugin_file(config: PytestConfig, module: str) -> str:
    """Return the project's file that a module name means, relative to the root; empty for none."""
    folders = dict.fromkeys([".", "src", "tests", *config.words("pythonpath")])
    for folder in folders:
        stem = config.root / folder / module.replace(".", "/")
        for path in (stem.with_name(f"{stem.name}.py"), stem / "__init__.py"):
            if path.is_file() and path.resolve().is_relative_to(config.root.resolve()):
                return path.resolve().relative_to(config.root.resolve()).as_posix()
    return ""


def _silenced(config: PytestConfig) -> Iterator[Finding]:
    for entry in config.entries("filterwarnings"):
        if is_blanket(entry):
            text = (
                f"filterwarnings: `{entry}` silences every warning",
                f"remove `{entry}`; name a message or a category that is ignored",
            )
            yield _finding(config, "filterwarnings", "warnings-silenced", Severity.HIGH, text)
    for option, value in options(config.words("addopts")):
        if (option == "-W" and is_blanket(value)) or option in {"--disable-warnings", "--pythonwarnings"}:
            shown = f"{option} {value}".strip()
            text = (f"addopts: {shown} silences warnings", f"remove {shown} from addopts")
            yield _finding(config, "addopts", "warnings-silenced", Severity.HIGH, text)


def is_blanket(entry: str) -> bool:
    """Tell whether a warning filter ignores everything: no message, no category, no module."""
    action, message, category, module, _ = [part.strip() for part in [*entry.split(":", 4), *[""] * 5][:5]]
    ignores = bool(action) and "ignore".startswith(action.lower())
    every = category.rpartition(".")[2] in {"", "Warning"} and message in {"", ".*"}
    return ignores and every and module in {"", ".*"}


def options(words: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the options with their values: `-k x`, `-kx`, `--ignore=x` and `--ignore x` alike."""
    pending = ""
    for word in words:
        if pending:
            yield pending, word
            pending = ""
            continue
        option, value = _split(word)
        if not value and option in VALUED:
            pending = option
        elif option.startswith("-"):
            yield option, value


def _split(word: str) -> tuple[str, str]:
    if word.startswith("--"):
        option, _, value = word.partition("=")
        return option, value
    if word.startswith(ATTACHED) and len(word) > 2:
        return word[:2], word[2:].removeprefix("=")
    # `-vx`: short flags in one word; after `-r` stand characters of its own.
    if re.match(r"-[a-qs-zA-Z][a-zA-Z]*\Z", word) and word.endswith("x"):
        return "-x", ""
    return word, ""


def supervised_ini(
    config: PytestConfig,
    *,
    test_roots: Iterable[str],
    import_roots: Iterable[str],
    patterns: Patterns | None = None,
) -> str:
    """Return the ini file that pytest gets in place of the project's.

    Copied are the keys that describe the project; what selects, ignores or silences is not. Roots are
    relative to the root; what is written is absolute where pytest would read it from the file's folder.
    """
    wanted = patterns or Patterns()
    folders = dict.fromkeys([*config.words("pythonpath"), *import_roots])
    warnings = [entry for entry in config.entries("filterwarnings") if not is_blanket(entry)]
    keys: dict[str, Iterable[str]] = {
        key: config.entries(key) for key in sorted(config.values) if COPIED.match(key)
    }
    # pytest reads true and false, Python writes True and False.
    for key, value in config.values.items():
        if key in keys and isinstance(value, bool):
            keys[key] = (str(value).lower(),)
    keys |= {
        "addopts": (),
        "filterwarnings": (*warnings, RETURNS),
        "pythonpath": map(shlex.quote, (str((config.root / folder).resolve()) for folder in folders)),
        "testpaths": map(shlex.quote, test_roots),
        "python_files": map(shlex.quote, wanted.files),
        "python_classes": map(shlex.quote, wanted.classes),
        "python_functions": map(shlex.quote, wanted.functions),
        "norecursedirs": map(shlex.quote, UNENTERED_FOLDERS),
    }
    return "[pytest]\n" + "".join(_key(key, entries) for key, entries in keys.items())


def _key(key: str, entries: Iterable[str]) -> str:
    # Every line of a value is indented: none can begin a key or a section of its own.
    lines = [line for entry in entries for line in entry.splitlines() if line.strip()]
    if len(lines) < 2:
        return f"{key} = {''.join(lines)}\n"
    return f"{key} =\n" + "".join(f"    {line}\n" for line in lines)
