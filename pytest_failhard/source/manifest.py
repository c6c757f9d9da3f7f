"""Says, from the source alone, which tests pytest must at least collect."""

from __future__ import annotations

import ast
import fnmatch
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pytest_failhard.source.by_file import ByFile
from pytest_failhard.source.files import Project, contents, parsed

KIND = "written-tests/1"
PYTHON_FILES = ("test_*.py", "*_test.py")
PYTHON_CLASSES = ("Test",)
PYTHON_FUNCTIONS = ("test",)
# What pytest itself does not enter.
UNENTERED_FOLDERS = ("*.egg", ".*", "_darcs", "build", "CVS", "dist", "node_modules", "venv", "{arch}")
# Decorators that leave a test a test. Others may turn it into a fixture, a command, or several tests,
# so what they decorate is not counted: the manifest is a lower bound.
KEEPING = frozenset(
    {"patch", "object", "dict", "multiple", "given", "settings", "example", "seed", "reproduce_failure"}
    | {"freeze_time", "use_cassette", "activate", "mock_aws", "override_settings"}
    | {"skip", "skipIf", "skipUnless", "expectedFailure"}
)
CASES = frozenset({"unittest.TestCase", "unittest.IsolatedAsyncioTestCase"})
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


@dataclass(frozen=True, kw_only=True)
class Patterns:
    """Which names pytest collects: file patterns, and prefixes or globs of classes and functions."""

    files: tuple[str, ...] = PYTHON_FILES
    classes: tuple[str, ...] = PYTHON_CLASSES
    functions: tuple[str, ...] = PYTHON_FUNCTIONS


def manifest(
    project: Project,
    patterns: Patterns | None = None,
    below: Iterable[str] = (),
    known: ByFile | None = None,
) -> Mapping[str, tuple[str, ...]]:
    """Return the node ids, without parameters, of each file that pytest must collect.

    A file in which no test is recognised stands with no id: it must be collected all the same.
    `below` are the roots under which pytest looks; none means the whole tree. What was `known` of a file by
    the same patterns is not read from it again. Raises GateError for a file that cannot be read or parsed.
    """
    wanted = patterns or Patterns()
    roots = [PurePosixPath(name) for name in below]
    by_file = ByFile(KIND) if known is None else known
    return {
        file.path: _ids(project.root, file.path, wanted, by_file)
        for file in project.tests
        if is_collected(file.path, wanted)
        and (not roots or any(PurePosixPath(file.path).is_relative_to(root) for root in roots))
    }


def _ids(root: Path, path: str, patterns: Patterns, known: ByFile) -> tuple[str, ...]:
    data = contents(root, path)
    answer = known.find(path, data)
    if not isinstance(answer, list):
        answer = [*ids(parsed(path, data), path, patterns)]
        known.keep(path, data, answer)
    return tuple(answer)


def conftests(project: Project) -> tuple[str, ...]:
    """Return the conftest files that pytest reads for the project's tests, the roots above them included."""
    above = {parent for file in project.tests for parent in PurePosixPath(file.path).parents}
    paths = {folder / "conftest.py" for folder in {*above, PurePosixPath()}}
    return tuple(sorted(path.as_posix() for path in paths if (project.root / path).is_file()))


def is_collected(path: str, patterns: Patterns) -> bool:
    """Tell whether pytest takes a file of this path, which is relative to the root."""
    place = PurePosixPath(path)
    entered = not any(_fits(folder, UNENTERED_FOLDERS) for folder in place.parts[:-1])
    return entered and _fits(place.name, patterns.files)


def _fits(name: str, globs: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, glob) for glob in globs)


def _named(name: str, patterns: Iterable[str]) -> bool:
    return any(name.startswith(pattern) or fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def ids(tree: ast.Module, path: str, patterns: Patterns) -> Iterator[str]:
    """Yield the node ids of the tests that a module defines whatever happens at import."""
    module = _Scope(tree.body)
    if "__test__" in module.bound:
        return
    for name, definition in module.definitions.items():
        if isinstance(definition, ast.ClassDef):
            yield from _class_ids(definition, f"{path}::{name}", module, patterns)
        elif _named(name, patterns.functions) and module.is_test(definition):
            yield f"{path}::{name}"


def _class_ids(node: ast.ClassDef, prefix: str, module: _Scope, patterns: Patterns) -> Iterator[str]:
    kind = module.kind(node)
    if not kind or (kind == "plain" and not _named(node.name, patterns.classes)):
        return
    names = patterns.functions if kind == "plain" else PYTHON_FUNCTIONS
    body = _Scope(node.body, module.aliases)
    for name, definition in body.definitions.items():
        if not isinstance(definition, ast.ClassDef) and _named(name, names) and body.is_test(definition):
            yield f"{prefix}::{name}"


class _Scope:
    """The names of one module or class body: which are defined for certain, and what decorates them."""

    def __init__(self, body: list[ast.stmt], aliases: Mapping[str, str] | None = None) -> None:
        nodes = [node for statement in body for node in _same_scope(statement)]
        self.aliases = {**(aliases or {}), **_aliases(nodes)}
        self.bound = {name for node in nodes for name in _bound(node)}
        # A name that anything else binds, deletes, marks or rebinds may not be the test in the end.
        self.definitions: dict[str, Definition] = {
            statement.name: statement
            for statement in body
            if isinstance(statement, Definition) and statement.name not in self.bound
        }
        certain = {id(statement) for statement in body}
        for node in nodes:
            if isinstance(node, Definition) and id(node) not in certain:
                self.definitions.pop(node.name, None)

    def is_test(self, node: Definition) -> bool:
        """Tell whether the decorators leave a test, and the body is no generator."""
        yields = (isinstance(inner, ast.Yield | ast.YieldFrom) for inner in ast.walk(node))
        return not any(yields) and all(map(self._keeps, node.decorator_list))

    def kind(self, node: ast.ClassDef) -> str:
        """Return `plain` or `unittest` for a class that pytest collects for certain, else nothing."""
        names = _Scope(node.body, self.aliases)
        defined = names.bound | set(names.definitions)
        if node.keywords or not all(map(self._keeps, node.decorator_list)):
            return ""
        if defined & {"__init__", "__new__", "__test__", "__getattr__"}:
            return ""
        kinds = {self._base(base) for base in node.bases}
        if kinds <= {"plain"}:
            return "plain"
        return "unittest" if kinds <= {"plain", "unittest"} else ""

    def _base(self, base: ast.expr) -> str:
        name = _resolved(base, self.aliases)
        if name in CASES:
            return "unittest"
        definition = self.definitions.get(name)
        if isinstance(definition, ast.ClassDef) and isinstance(base, ast.Name):
            # Looked at without the class itself, so that `class A(A)` comes to an end.
            return self._without(definition.name).kind(definition)
        return "plain" if name == "object" and name not in self.bound else ""

    def _without(self, name: str) -> _Scope:
        scope = _Scope([], self.aliases)
        scope.bound = self.bound
        scope.definitions = {key: value for key, value in self.definitions.items() if key != name}
        return scope

    def _keeps(self, decorator: ast.expr) -> bool:
        name = _resolved(decorator.func if isinstance(decorator, ast.Call) else decorator, self.aliases)
        return name.startswith("pytest.mark.") or name.rpartition(".")[2] in KEEPING


def _same_scope(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and what runs in the same scope: not the bodies of functions and classes.

    A `global` statement anywhere counts, because it lets a function rebind a name of the module.
    """
    yield node
    if isinstance(node, SCOPES):
        yield from (inner for inner in ast.walk(node) if isinstance(inner, ast.Global))
        return
    for child in ast.iter_child_nodes(node):
        yield from _same_scope(child)


def _bound(node: ast.AST) -> Iterator[str]:
    """Yield names that a node binds, deletes or marks with `__test__`, other than by a definition."""
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            yield name
        case ast.Attribute(value=ast.Name(id=name), attr="__test__", ctx=ast.Store()):
            yield name
        case ast.Global(names=names):
            yield from names
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in aliases)
        case ast.ExceptHandler(name=str(name)):
            yield name


def _aliases(nodes: list[ast.AST]) -> dict[str, str]:
    """Return what imported names and names of markers stand for."""
    found: dict[str, str] = {}
    for node in nodes:
        match node:
            case ast.Import(names=names):
                found.update({alias.asname: alias.name for alias in names if alias.asname})
            case ast.ImportFrom(module=str(module), names=names, level=0):
                found.update({alias.asname or alias.name: f"{module}.{alias.name}" for alias in names})
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                mark = _resolved(value.func if isinstance(value, ast.Call) else value, found)
                if mark.startswith("pytest.mark."):
                    found[name] = mark
    return found


def _resolved(node: ast.expr, aliases: Mapping[str, str]) -> str:
    first, _, rest = _dotted(node).partition(".")
    known = aliases.get(first, first)
    return f"{known}.{rest}" if rest else known


def _dotted(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attr):
            return f"{_dotted(value)}.{attr}"
    return "?"
