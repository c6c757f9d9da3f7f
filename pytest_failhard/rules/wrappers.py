"""Finds what a wrapper runs: a target of make, an environment of tox, a session of nox, a shell script."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from pytest_failhard.rules.data import ci as data
from pytest_failhard.rules.invoked import base
from pytest_failhard.source import syntax
from pytest_failhard.source.inifile import IniError, sections
from pytest_failhard.source.module import last_part


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A piece of script in a wrapper's file; `line` is that of its first line in the file.

    `softener` is what makes the wrapper go on when it fails, empty where it does not.
    """

    path: str
    line: int
    text: str
    softener: str = ""


class Wrappers:
    """The wrappers of one project, read when they are first asked for."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._texts: dict[str, str | None] = {}

    def recipes(self, words: Sequence[str], folder: str) -> tuple[Recipe, ...]:
        """Return what a command runs in the project's files, nothing where it is no wrapper."""
        name = base(words[0]) if words else ""
        if name in {"make", "gmake"}:
            return tuple(self._make(words[1:], folder))
        if name == "tox":
            return tuple(self._tox(_chosen(words, "-e", "--env")))
        if name == "nox":
            return tuple(self._nox(_chosen(words, "-s", "-e", "--session", "--sessions")))
        script = self._script(words, name)
        return tuple(self._shell(script, folder)) if script else ()

    def _text(self, path: str) -> str | None:
        if path not in self._texts:
            file = self._root / path
            inside = file.resolve().is_relative_to(self._root.resolve())
            self._texts[path] = file.read_text("utf-8", "replace") if inside and file.is_file() else None
        return self._texts[path]

    def _script(self, words: Sequence[str], name: str) -> str:
        if name in data.SHELLS or name in {"source", "."}:
            return next((word for word in words[1:] if not word.startswith(("-", "+"))), "")
        return words[0] if words and data.SHELL_FILE.match(words[0]) else ""

    def _shell(self, script: str, folder: str) -> Iterator[Recipe]:
        for place in dict.fromkeys((_joined(folder, script), _joined("", script))):
            text = self._text(place)
            if text is not None:
                yield Recipe(path=place, line=1, text=text)
                return

    def _make(self, words: Sequence[str], folder: str) -> Iterator[Recipe]:
        ignoring = any(data.IGNORING_MAKE.match(word) for word in words)
        targets = [word for word in words if not word.startswith("-") and "=" not in word]
        if "-C" in words[:-1]:
            folder = _joined(folder, words[words.index("-C") + 1])
            targets.remove(words[words.index("-C") + 1])
        for name in data.MAKEFILES:
            path = _joined(folder, name)
            text = self._text(path)
            if text is not None:
                yield from Makefile(path, text).recipes(targets, ignoring=ignoring)
                return

    def _tox(self, chosen: frozenset[str]) -> Iterator[Recipe]:
        text = self._text("tox.ini")
        if text is not None:
            yield from tox_ini("tox.ini", text, chosen)
        for path, keys in (("tox.toml", ()), ("pyproject.toml", ("tool", "tox"))):
            text = self._text(path)
            if text is not None:
                yield from tox_toml(path, text, keys, chosen)

    def _nox(self, chosen: frozenset[str]) -> Iterator[Recipe]:
        text = self._text("noxfile.py")
        if text is not None:
            yield from noxfile("noxfile.py", text, chosen)


def _joined(folder: str, name: str) -> str:
    return (PurePosixPath(folder.removeprefix("./") or ".") / name.removeprefix("./")).as_posix()


def _chosen(words: Sequence[str], *options: str) -> frozenset[str]:
    """Return the names given with an option, `-e a,b` and `--session=a` alike; empty for all."""
    found: list[str] = []
    for place, word in enumerate(words):
        option, _, given = word.partition("=")
        if option in options:
            found += given.split(",") if given else words[place + 1 : place + 2]
    return frozenset(name.strip() for each in found for name in each.split(",") if name.strip())


class Makefile:
    """The recipes of a Makefile by target, its simple variables filled in."""

    def __init__(self, path: str, text: str) -> None:
        self._path = path
        self._variables: dict[str, str] = {}
        self._needs: dict[str, list[str]] = {}
        self._recipes: dict[str, list[tuple[int, str]]] = {}
        self._order: list[str] = []
        self._read(text)

    def _read(self, text: str) -> None:
        current: list[str] = []
        for number, line in _logical(text):
            if line.startswith("\t"):
                for target in current:
                    self._recipes[target].append((number, line[1:]))
            elif line.strip() and not line.lstrip().startswith("#"):
                current = self._head(number, line) or []

    def _head(self, number: int, line: str) -> list[str]:
        variable = data.MAKE_VARIABLE.match(line)
        rule = None if variable else data.MAKE_RULE.match(line)
        if variable:
            self._variables.setdefault(variable[1], variable[2].strip())
        if rule is None:
            return []
        targets = rule[1].split()
        for target in targets:
            self._order.append(target)
            self._needs.setdefault(target, []).extend(rule[2].split())
            self._recipes.setdefault(target, []).extend([(number, rule[3])] if rule[3] else [])
        return targets

    def recipes(self, targets: Sequence[str], *, ignoring: bool) -> Iterator[Recipe]:
        """Yield the lines of the targets and of what they need; of the first one where none is named."""
        first = [name for name in self._order if not name.startswith(".")][:1]
        work = list(targets or first)
        for name in work:
            work += [each for each in self._needs.get(name, ()) if each not in work]
            for number, line in self._recipes.get(name, ()):
                text = line.lstrip("@-+ ")
                prefix = line[: len(line) - len(text)]
                softener = "`make -i`" if ignoring else "a leading `-`" if "-" in prefix else ""
                yield Recipe(
                    path=self._path,
                    line=number,
                    text=self._filled(text).replace("$$", "$"),
                    softener=softener,
                )

    def _filled(self, text: str) -> str:
        for _ in range(3):
            text = data.MAKE_REFERENCE.sub(lambda match: self._variables.get(match[1], match[0]), text)
        return text


def _logical(text: str) -> Iterator[tuple[int, str]]:
    """Yield lines with their numbers, a line that ends in a backslash with the next."""
    first, kept = 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        first = first if kept else number
        if line.endswith("\\"):
            kept += line + "\n"
            continue
        yield first, kept + line
        kept = ""
    if kept:
        yield first, kept


def tox_ini(path: str, text: str, chosen: frozenset[str]) -> Iterator[Recipe]:
    """Yield the commands of the chosen environments of a tox.ini, of all where none is chosen."""
    try:
        found = sections(path, text)
    except IniError:
        # FH707 reports a file that does not parse.
        return
    for name, entries in found.items():
        environment = name.removeprefix("testenv")
        if environment == name or not _is_environment(environment.removeprefix(":"), chosen):
            continue
        outcome = entries.get("ignore_outcome")
        ignoring = outcome is not None and outcome.value.lower() == "true"
        for key in data.TOX_COMMANDS:
            for line, command in entries[key].lines if key in entries else ():
                plain = data.TOX_FACTORS.sub("", command, count=1)
                yield _tox_command(path, line, plain, ignoring=ignoring)


def _is_environment(name: str, chosen: frozenset[str]) -> bool:
    """Tell whether a section serves a chosen environment; `[testenv]` serves all."""
    if not chosen or not name:
        return True
    return any(each in {name, *re.split(r"[{},]", name)} for each in chosen)


def _tox_command(path: str, line: int, command: str, *, ignoring: bool) -> Recipe:
    softener = "`ignore_outcome`" if ignoring else "a leading `-`" if command.startswith("-") else ""
    return Recipe(path=path, line=line, text=command.lstrip("-! "), softener=softener)


def tox_toml(path: str, text: str, keys: Sequence[str], chosen: frozenset[str]) -> Iterator[Recipe]:
    """Yield the commands of tox environments that are written in TOML."""
    try:
        table: object = tomllib.loads(text)
    except (ValueError, RecursionError):
        # FH707 reports a file that does not parse.
        return
    for key in keys:
        table = table.get(key) if isinstance(table, dict) else None
    if isinstance(table, dict):
        yield from _tox_table(path, text, table, chosen)


def _tox_table(path: str, text: str, table: Mapping[str, object], chosen: frozenset[str]) -> Iterator[Recipe]:
    import shlex

    legacy = table.get("legacy_tox_ini")
    if isinstance(legacy, str):
        above = _line_with(text, "legacy_tox_ini")
        for recipe in tox_ini(path, legacy, chosen):
            yield replace(recipe, line=above + recipe.line)
    for name, environment in _environments(table):
        for words in _commands(environment) if _is_environment(name, chosen) else ():
            line = _line_with(text, f'"{words[0]}"' if words else name)
            ignoring = environment.get("ignore_outcome") is True
            yield _tox_command(path, line, shlex.join(words), ignoring=ignoring)


def _line_with(text: str, part: str) -> int:
    return next((number for number, line in enumerate(text.splitlines(), 1) if part in line), 0)


def _environments(table: Mapping[str, object]) -> Iterator[tuple[str, Mapping[str, object]]]:
    base = table.get("env_run_base")
    if isinstance(base, dict):
        yield "", base
    environments = table.get("env")
    for name, each in environments.items() if isinstance(environments, dict) else ():
        if isinstance(each, dict):
            yield name, each


def _commands(environment: Mapping[str, object]) -> Iterator[list[str]]:
    commands = environment.get("commands")
    for words in commands if isinstance(commands, list) else ():
        if isinstance(words, list):
            yield [word for word in words if isinstance(word, str)]


def noxfile(path: str, text: str, chosen: frozenset[str]) -> Iterator[Recipe]:
    """Yield the commands that the chosen sessions of a noxfile run, of all where none is chosen."""
    import shlex

    try:
        tree = syntax.parsed(text)
    except SyntaxError:
        # FH000 reports a Python file that does not parse.
        return
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and _is_session(function, chosen):
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and last_part(call) in {"run", "run_always"}:
                    words = [each.value for each in call.args if isinstance(each, ast.Constant)]
                    command = shlex.join(str(word) for word in words)
                    yield Recipe(path=path, line=call.lineno, text=command, softener=_success_codes(call))


def _is_session(function: ast.FunctionDef, chosen: frozenset[str]) -> bool:
    decorators = [last_part(each) for each in function.decorator_list]
    names = {re.split(r"[-(]", name)[0] for name in chosen} | chosen
    return "session" in decorators and (not chosen or function.name in names)


def _success_codes(call: ast.Call) -> str:
    given = next((each.value for each in call.keywords if each.arg == data.NOX_SUCCESS), None)
    codes = [each.value for each in getattr(given, "elts", ()) if isinstance(each, ast.Constant)]
    return f"`{data.NOX_SUCCESS}`" if 1 in codes else ""
