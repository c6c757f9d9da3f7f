"""FH707: a configuration that makes a tool see less."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pytest_failhard.model import GateError
from pytest_failhard.rules.data import ci
from pytest_failhard.rules.data import configuration as data
from pytest_failhard.rules.unit import EVERY, Hit, StaticRule
from pytest_failhard.rules.weak import (
    bandit_tables,
    commands,
    compared,
    coverage_tables,
    lint_tables,
    mypy_tables,
    pytest_tables,
)
from pytest_failhard.rules.weak.files import configurations
from pytest_failhard.rules.weak.settings import ConfigError, Settings, read
from pytest_failhard.rules.weak.weakness import Project, Weakness
from pytest_failhard.source.files import TEST_FILES
from pytest_failhard.source.pytest_config import load

if TYPE_CHECKING:
    from pytest_failhard.rules.tree import Tree
    from pytest_failhard.source.module import Module


class WeakenedConfig(StaticRule):
    """The configuration of a tool leaves out tests, code or rules.

    Finds:
        In every configuration file of the root, of a package below it and of a test root, with the files
        that they extend: pytest's `addopts` that select or drop tests, end the run early or switch off what
        sees failures, names and folders under which existing tests are not collected, hidden telltale
        warnings, an empty file that shadows another; coverage's globs and patterns that take product code
        out; mypy's ignored errors, error codes, excluded product files and plugins of the project; ruff's,
        flake8's and pylint's switched-off families and excluded product files; bandit's skips. The same
        options in PYTEST_ADDOPTS, PYTHONOPTIMIZE, `python -O`, ignored vulnerabilities, in whatever file
        of commands; `collect_ignore` in a conftest; PYTEST_DONT_REWRITE. Against the merge base: lowered
        thresholds and levels, switched-off flags, shortened lists, new exclusions of `[tool.failhard]`, and
        its advisories taken from a file of the project where a service was asked.
    Why:
        Our own gates read none of it, but every other run of the tool is green for it, and nobody sees it in
        the code.
    Bad:
        # file: pyproject.toml
        [tool.pytest.ini_options]
        addopts = "--deselect tests/test_a.py::test_bad"
    Good:
        # file: pyproject.toml
        [tool.pytest.ini_options]
        addopts = "-ra --strict-markers"
        filterwarnings = ["error"]
        [tool.coverage.run]
        omit = ["tests/*"]
    Exempt:
        What leaves out tests of a linter or of coverage, generated or foreign code, migrations, or nothing
        that exists; per-module tables for modules of others; codes that speak of missing stubs; B101; empty
        `ignore` paths; `collect_ignore` under a condition. Of the file that pytest takes in the root, what
        the gate `tests` reports already: shadowing, plugins of the project, silenced warnings.
    Evasions:
        A file that takes precedence, a nested pyproject, PYTEST_ADDOPTS in a workflow, in tox, nox or make,
        an extended file, INI and TOML spelling. Not seen: options that a program of the project computes.
    Measured:
        23 verdicts: 16 true (13 of them harmless), 7 false and exempt since (in-sample). Now 16 hits in 8
        of 41 projects.
    """

    code = "FH707"
    name = "weakened-config"
    gate = "integrity"
    family = "gaming"
    roles = EVERY
    tree = True

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a test module that refuses the rewriting of its asserts, and what a conftest ignores."""
        if module.role == "test" and data.DONT_REWRITE.encode() in module.data:
            yield from self._unrewritten(module)
        if module.path.endswith("conftest.py"):
            for statement in module.tree.body:
                if isinstance(statement, ast.Assign | ast.AnnAssign):
                    yield from self._ignored(module, statement)

    def _unrewritten(self, module: Module) -> Iterator[Hit]:
        if data.DONT_REWRITE in (ast.get_docstring(module.tree, clean=False) or ""):
            message = f"{module.path} refuses the rewriting of its asserts ({data.DONT_REWRITE})"
            yield self.hit(module, module.tree.body[0], message, f"remove {data.DONT_REWRITE}", line=1)

    def _ignored(self, module: Module, statement: ast.Assign | ast.AnnAssign) -> Iterator[Hit]:
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        names = {each.id for each in targets if isinstance(each, ast.Name)}
        if not names & data.COLLECT_IGNORE or not isinstance(statement.value, ast.List | ast.Tuple):
            return
        given = [each.value for each in statement.value.elts if isinstance(each, ast.Constant)]
        dropped = [str(each) for each in given if data.TEST_NAME.search(str(each)) or each in data.EVERYTHING]
        if dropped:
            shown = ", ".join(dropped)
            message = f"{module.path} keeps pytest from collecting {shown}"
            yield self.hit(module, statement, message, "collect them, or skip each test with its reason")


def check(tree: Tree) -> Iterator[Hit]:
    """Yield what is weak in the configuration files of a tree, and whether this change brought it."""
    yield from sorted({_hit(each) for each in _Looked(tree).weaknesses()})


def _hit(found: Weakness) -> Hit:
    return Hit(
        path=found.path,
        line=found.line,
        code=WeakenedConfig.code,
        name=WeakenedConfig.name,
        sub="",
        qualname=found.key,
        message=found.message,
        fix=found.fix,
        canonical=f"{found.key} {found.value}",
    )


class _Looked:
    """One look at all configuration files of a tree."""

    def __init__(self, tree: Tree) -> None:
        self._root = tree.root
        self._base = tree.base
        roots = tuple(PurePosixPath(root).as_posix() for root in tree.test_roots)
        self._project = Project(
            root=tree.root,
            product=tuple(file.path for file in tree.files if file.role == "product"),
            tests=tuple(f.path for f in tree.files if f.role == "test" and _is_test_file(f.path, roots)),
        )
        self._test_roots = roots
        self._taken = _taken(tree.root)

    def weaknesses(self) -> Iterator[Weakness]:
        done: set[str] = set()
        work = [(path, "") for path in configurations(self._root, self._test_roots)]
        for path, like in work:
            if path not in done:
                done.add(path)
                yield from self._of_file(path, like, work)
        for path in _command_files(self._root):
            yield from self._of_commands(path)

    def _of_file(self, path: str, like: str, work: list[tuple[str, str]]) -> Iterator[Weakness]:
        text, project = self._text(path), self._project.below(PurePosixPath(path).parent.as_posix())
        try:
            now = read(path, text, like)
        except ConfigError as error:
            message = f"{path} does not parse: what it tells its tools cannot be known"
            yield Weakness(path=path, line=0, key="", value=str(error), message=message, fix="mend the file")
            return
        work += [(name, kind) for name, kind in _extended(now) if self._is_inside(name)]
        before = self._before(path, like)
        stock = _identities(self._tables(before, project)) if before else frozenset()
        yield from self._told(self._tables(now, project), stock)
        if before:
            yield from compared.weaknesses(now, before, project)

    def _of_commands(self, path: str) -> Iterator[Weakness]:
        now = tuple(commands.weaknesses(path, self._text(path), self._project))
        # The base is asked only where there is something to tell apart: each question is a process.
        before = self._base.read(path) if self._base is not None and now else None
        old = commands.weaknesses(path, (before or b"").decode("utf-8", "replace"), self._project)
        yield from self._told(now, _identities(old))

    def _told(self, found: Iterable[Weakness], stock: frozenset[tuple[str, str]]) -> Iterator[Weakness]:
        """Yield what is found, and say of what the base lacks that this change brought it."""
        for each in found:
            is_new = self._base is not None and (each.key, each.value) not in stock
            yield replace(each, message=f"{each.message}, added by this change") if is_new else each

    def _before(self, path: str, like: str) -> Settings | None:
        data_before = self._base.read(path) if self._base is not None else None
        try:
            return (
                read(path, data_before.decode("utf-8", "replace"), like) if data_before is not None else None
            )
        except ConfigError:
            # What did not parse at the base has no settings to compare with.
            return None

    def _tables(self, settings: Settings, project: Project) -> Iterator[Weakness]:
        taken = settings.path == self._taken
        yield from pytest_tables.weaknesses(settings, project, told_elsewhere=taken)
        if "/" in settings.path:
            yield from pytest_tables.shadowing(settings, project)
        for module in (coverage_tables, mypy_tables, lint_tables, bandit_tables):
            yield from module.weaknesses(settings, project)

    def _is_inside(self, path: str) -> bool:
        file = (self._root / path).resolve()
        return file.is_file() and file.is_relative_to(self._root.resolve())

    def _text(self, path: str) -> str:
        try:
            return (self._root / path).read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise GateError(f"{path}: cannot be read: {error}") from None


def _identities(found: Iterable[Weakness]) -> frozenset[tuple[str, str]]:
    return frozenset((each.key, each.value) for each in found)


def _taken(root: Path) -> str:
    """Return the file that pytest takes in the root, empty where a file there does not parse."""
    try:
        return load(root).path
    except GateError:
        # The file that does not parse is reported as such.
        return ""


def _is_test_file(path: str, roots: tuple[str, ...]) -> bool:
    pure = PurePosixPath(path)
    below = any(root in {".", path} or path.startswith(f"{root}/") for root in roots)
    return below and any(pure.match(pattern) for pattern in TEST_FILES[:2])


def _extended(settings: Settings) -> list[tuple[str, str]]:
    """Return the files that a file of ruff extends, and the one that pytest-cov is given."""
    folder = PurePosixPath(settings.path).parent
    found: Mapping[str, str] = {}
    extend = settings.get("ruff", "", "extend")
    if extend is not None:
        found = {str(extend.value): "ruff.toml"}
    addopts = settings.get("pytest", "", "addopts")
    for word in pytest_tables.words(addopts) if addopts else ():
        if word.startswith(data.COVERAGE_FILE):
            found = {**found, word.removeprefix(data.COVERAGE_FILE): ".coveragerc"}
    return [((folder / name).as_posix(), like) for name, like in found.items()]


def _command_files(root: Path) -> tuple[str, ...]:
    found = {
        path for glob in (*data.COMMAND_FILES, *ci.WORKFLOWS) for path in root.glob(glob) if path.is_file()
    }
    return tuple(sorted(path.relative_to(root).as_posix() for path in found))
