"""Reads what a project's Python files import, from where, and under which conditions."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from operator import attrgetter
from pathlib import Path

from pytest_failhard.distributions.branches import is_taken
from pytest_failhard.model import GateError
from pytest_failhard.source.files import SourceFile, parse
from pytest_failhard.source.module import Module, argument, last_part
from pytest_failhard.source.structure import FLAG

CAUGHT = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})
DYNAMIC = frozenset({"importlib.import_module", "__import__", "builtins.__import__"})
IMPORTING = (ast.Import, ast.ImportFrom)
PLAIN = (*IMPORTING, ast.Assign, ast.AnnAssign, ast.Expr, ast.Return, ast.Assert, ast.Raise, ast.AugAssign)
_DYNAMIC_WORD = re.compile(rb"import_module|__import__")
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*\Z")
_PROBES = frozenset({"find_spec", "find_loader", "importorskip"})


@dataclass(frozen=True, kw_only=True, order=True)
class Import:
    """One absolute import. `module` is the dotted name that it asks for, `name` what it takes from there.

    `name` is empty for a plain import and for a star. `role` is that of the file.
    """

    path: str
    line: int
    module: str
    name: str = ""
    role: str = "product"
    is_guarded: bool = False
    """Whether a handler, or a test that it is installed, hides that it is missing."""
    is_typing: bool = False
    """Whether only a type checker sees it."""
    instead_of: tuple[str, ...] = ()
    """In a handler: the modules whose absence leads there."""

    @property
    def asked(self) -> str:
        """Return the longest dotted name that may be a module."""
        return f"{self.module}.{self.name}" if self.name else self.module

    @property
    def top(self) -> str:
        """Return the top-level module."""
        return self.module.partition(".")[0]


_ORDER = attrgetter(*(field.name for field in fields(Import)))


@dataclass(frozen=True, kw_only=True)
class _Around:
    """What stands around a statement."""

    is_guarded: bool = False
    is_typing: bool = False
    instead_of: tuple[str, ...] = ()


_Block = tuple[Sequence[ast.stmt], _Around]


def read(
    root: Path,
    files: Iterable[SourceFile],
    markers: Mapping[str, str],
    look: Callable[[SourceFile], Iterable[Import]] | None = None,
) -> tuple[Import, ...]:
    """Return the absolute imports of files, sorted.

    What the target, whose `markers` are given, never reaches is left out: the branch of another platform
    or version. `look` tells those of one file in the place of `of_file`. Raises GateError that lists every
    file which cannot be read or parsed.
    """
    found: list[Import] = []
    problems: list[str] = []
    for file in files:
        try:
            found += of_file(root, file, markers) if look is None else look(file)
        except GateError as error:
            problems.append(str(error))
    if problems:
        raise GateError("unreadable-source: " + "; ".join(problems))
    # The order of the imports themselves, which would make two tuples for each comparison.
    return tuple(sorted(found, key=_ORDER))


def of_file(root: Path, file: SourceFile, markers: Mapping[str, str]) -> Iterator[Import]:
    """Yield the absolute imports of one file."""
    tree = parse(root, file.path)
    data = (root / file.path).read_bytes()
    module = Module(file.path, file.role, data, tree) if _DYNAMIC_WORD.search(data) else None
    flag = not _is_own_flag(tree)
    work: list[_Block] = [(tree.body, _Around())]
    while work:
        statements, around = work.pop()
        for statement in statements:
            if module is not None or isinstance(statement, IMPORTING):
                told = _told(file, statement, around)
                yield from _imports(statement, told)
                yield from _called(statement, told, module)
            # Most statements hold no block, and most of the time would go into asking them.
            if not isinstance(statement, PLAIN):
                work += _blocks(statement, around, markers, is_flag_trusted=flag)


def _told(file: SourceFile, statement: ast.stmt, around: _Around) -> Import:
    return Import(
        path=file.path,
        line=statement.lineno,
        module="",
        role=file.role,
        is_guarded=around.is_guarded,
        is_typing=around.is_typing,
        instead_of=around.instead_of,
    )


def _imports(statement: ast.stmt, told: Import) -> Iterator[Import]:
    if isinstance(statement, ast.Import):
        yield from (replace(told, module=alias.name) for alias in statement.names)
    elif isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
        for alias in statement.names:
            name = "" if alias.name == "*" else alias.name
            yield replace(told, module=statement.module, name=name)


def _called(statement: ast.stmt, told: Import, module: Module | None) -> Iterator[Import]:
    """Yield the modules that the expressions of a statement load by a name that is certain.

    Without a module none is loaded so.
    """
    if module is None:
        return
    for part in ast.iter_child_nodes(statement):
        if isinstance(part, ast.expr | ast.withitem | ast.arguments):
            for node in ast.walk(part):
                if isinstance(node, ast.Call) and module.resolve(node.func) in DYNAMIC:
                    name = module.text(argument(node, 0, "name"))
                    if name and _DOTTED.match(name):
                        yield replace(told, line=node.lineno, module=name)


def _blocks(
    statement: ast.stmt, around: _Around, markers: Mapping[str, str], *, is_flag_trusted: bool
) -> Iterator[_Block]:
    """Yield the blocks inside a statement that the target can reach."""
    if isinstance(statement, ast.If):
        yield from _branches(statement, around, markers, is_flag_trusted=is_flag_trusted)
    elif isinstance(statement, ast.Try | ast.TryStar):
        yield from _tried(statement, around)
    elif isinstance(statement, ast.With | ast.AsyncWith):
        yield from _under(statement, around)
    elif isinstance(statement, ast.Match):
        yield from ((case.body, around) for case in statement.cases)
    else:
        yield from ((getattr(statement, part, ()), around) for part in ("body", "orelse"))


def _branches(
    statement: ast.If, around: _Around, markers: Mapping[str, str], *, is_flag_trusted: bool
) -> Iterator[_Block]:
    test, body, orelse = statement.test, statement.body, statement.orelse
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        test, body, orelse = test.operand, orelse, body
    if is_flag_trusted and last_part(test) == FLAG and not isinstance(test, ast.Call):
        yield body, replace(around, is_typing=True)
        yield orelse, around
        return
    taken = is_taken(test, markers)
    if taken is not False:
        yield body, replace(around, is_guarded=around.is_guarded or _probes(test))
    if taken is not True:
        yield orelse, around


def _probes(test: ast.expr) -> bool:
    return any(isinstance(node, ast.Call) and last_part(node) in _PROBES for node in ast.walk(test))


def _tried(statement: ast.Try | ast.TryStar, around: _Around) -> Iterator[_Block]:
    catching = [handler for handler in statement.handlers if _catches(handler)]
    yield statement.body, replace(around, is_guarded=True) if catching else around
    asked = tuple(sorted({name for each in statement.body for name in _names(each)}))
    for handler in statement.handlers:
        yield handler.body, replace(around, instead_of=asked) if handler in catching else around
    yield statement.orelse, around
    yield statement.finalbody, around


def _names(statement: ast.stmt) -> Iterator[str]:
    yield from (each.asked for each in _imports(statement, Import(path="", line=0, module="")))


def _catches(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    return any(last_part(node) in CAUGHT for node in ast.walk(handler.type))


def _under(statement: ast.With | ast.AsyncWith, around: _Around) -> Iterator[_Block]:
    calls = [item.context_expr for item in statement.items if isinstance(item.context_expr, ast.Call)]
    about = [call for call in calls if any(last_part(argument) in CAUGHT for argument in call.args)]
    # A test that wants the import to fail is right about it.
    if not any(last_part(call) == "raises" for call in about):
        hides = any(last_part(call) == "suppress" for call in about)
        yield statement.body, replace(around, is_guarded=True) if hides else around


def _is_own_flag(tree: ast.Module) -> bool:
    """Tell whether a file sets TYPE_CHECKING itself, to anything but False: then it proves nothing."""
    for statement in tree.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        if isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        if any(isinstance(target, ast.Name) and target.id == FLAG for target in targets):
            value = getattr(statement, "value", None)
            return not (isinstance(value, ast.Constant) and value.value is False)
    return False
