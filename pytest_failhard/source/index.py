"""What the files of a project say of one another: classes and their bases, imports, names used."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_failhard.source.allows import of_module
from pytest_failhard.source.module import FUNCTIONS

if TYPE_CHECKING:
    from pytest_failhard.source.allows import Allow
    from pytest_failhard.source.module import FunctionNode, Module
    from pytest_failhard.source.suppressions import Suppression


@dataclass(frozen=True, kw_only=True)
class ClassFacts:
    """A class. `name` is dotted below its module; `bases` are dotted as far as imports tell."""

    name: str
    module: str
    path: str
    line: int
    bases: tuple[str, ...]
    methods: frozenset[str]
    raising: frozenset[str]
    """Methods whose body is `raise NotImplementedError`."""
    trivial: frozenset[str]
    """Methods that do nothing: pass, a docstring, a constant returned, or only `super()`'s method."""
    lines: Mapping[str, int] = field(default_factory=dict, compare=False)
    """Method -> line."""

    @property
    def dotted(self) -> str:
        """Module and name."""
        return f"{self.module}.{self.name}"


@dataclass(frozen=True, kw_only=True)
class FileFacts:
    """What one file adds to the index. It holds no tree.

    `imports` are dotted names of modules and of what is taken from them; `used` are pairs of a name that
    is read and the outermost function or class around it (empty: module level); what stands under
    `if __name__ == "__main__"` is left out.
    """

    path: str
    role: str
    module: str
    imports: frozenset[str]
    classes: tuple[ClassFacts, ...]
    used: frozenset[tuple[str, str]]
    code_lines: int
    """Lines that are neither blank nor a comment alone."""
    suppressions: tuple[Suppression, ...] = ()
    allows: tuple[Allow, ...] = ()


class Index:
    """The facts of all files, joined."""

    def __init__(self, files: Sequence[FileFacts]) -> None:
        self.files = tuple(files)
        self.by_path: Mapping[str, FileFacts] = {each.path: each for each in files}
        self.by_module: Mapping[str, FileFacts] = {each.module: each for each in files}
        self.classes: Mapping[str, ClassFacts] = {
            each.dotted: each for facts in files for each in facts.classes
        }

    @functools.cached_property
    def _by_last_name(self) -> Mapping[str, tuple[ClassFacts, ...]]:
        found: dict[str, tuple[ClassFacts, ...]] = {}
        for each in self.classes.values():
            last = each.name.rpartition(".")[2]
            found[last] = (*found.get(last, ()), each)
        return found

    def find_class(self, dotted: str, module: str = "") -> ClassFacts | None:
        """Return the project's class of a dotted name, as it is named in a module.

        A name is tried as it stands, below the module, and by its tail: `app.base.Base` is found below
        `backend/`, too. None for a class of somebody else.
        """
        exact = self.classes.get(dotted) or self.classes.get(f"{module}.{dotted}")
        if exact or "." not in dotted:
            return exact
        candidates = self._by_last_name.get(dotted.rpartition(".")[2], ())
        return next((each for each in candidates if f".{each.dotted}".endswith(f".{dotted}")), None)

    def bases(self, known: ClassFacts) -> Iterator[ClassFacts]:
        """Yield the project's classes above one, nearest first, each once."""
        seen = {known.dotted}
        work = [known]
        while work:
            each = work.pop(0)
            for base in each.bases:
                above = self.find_class(base, each.module)
                if above is not None and above.dotted not in seen:
                    seen.add(above.dotted)
                    work.append(above)
                    yield above

    def subclasses(self, known: ClassFacts) -> Sequence[ClassFacts]:
        """Return all project classes below one, however far."""
        return self._below.get(known.dotted, ())

    @functools.cached_property
    def _below(self) -> Mapping[str, tuple[ClassFacts, ...]]:
        found: dict[str, tuple[ClassFacts, ...]] = {}
        for each in self.classes.values():
            for above in self.bases(each):
                found[above.dotted] = (*found.get(above.dotted, ()), each)
        return found

    def is_overridden(self, known: ClassFacts, method: str) -> bool:
        """Tell whether a class below defines the method."""
        return any(method in each.methods for each in self.subclasses(known))

    @functools.cached_property
    def users(self) -> Mapping[str, frozenset[tuple[str, str]]]:
        """Name -> where product code reads it: pairs of path and outermost function or class."""
        found: dict[str, set[tuple[str, str]]] = {}
        for facts in self.files:
            if facts.role == "product":
                for name, owner in facts.used:
                    found.setdefault(name, set()).add((facts.path, owner))
        return {name: frozenset(places) for name, places in found.items()}

    def is_referenced(self, name: str, path: str) -> bool:
        """Tell whether product code reads a name outside the definition of that name in its own file."""
        return any(place != (path, name) for place in self.users.get(name, ()))


def facts(module: Module) -> FileFacts:
    """Return what a file adds to the index."""
    return FileFacts(
        path=module.path,
        role=module.role,
        module=module.name,
        imports=frozenset(_imports(module)),
        classes=tuple(_class(module, node) for node in module.nodes(ast.ClassDef)),
        used=frozenset(_used(module)),
        code_lines=_code_lines(module.data),
        suppressions=module.suppressions,
        allows=of_module(module),
    )


def _imports(module: Module) -> Iterator[str]:
    for node in module.nodes(ast.Import):
        yield from (alias.name for alias in node.names)
    for taken in module.nodes(ast.ImportFrom):
        base = module.imported_from(taken)
        yield base
        yield from (f"{base}.{alias.name}" for alias in taken.names)


def _class(module: Module, node: ast.ClassDef) -> ClassFacts:
    methods = [each for each in node.body if isinstance(each, FUNCTIONS)]
    return ClassFacts(
        name=module.qualname(node),
        module=module.name,
        path=module.path,
        line=node.lineno,
        bases=tuple(name for base in node.bases if (name := module.resolve(_unsubscripted(base)))),
        methods=frozenset(each.name for each in methods),
        raising=frozenset(each.name for each in methods if _raises_only(each)),
        trivial=frozenset(each.name for each in methods if is_trivial(each)),
        lines={each.name: each.lineno for each in methods},
    )


def _unsubscripted(base: ast.expr) -> ast.expr:
    return base.value if isinstance(base, ast.Subscript) else base


def body(function: FunctionNode) -> list[ast.stmt]:
    """Return the statements of a function after its docstring."""
    return function.body if ast.get_docstring(function, clean=False) is None else function.body[1:]


def is_trivial(function: FunctionNode) -> bool:
    """Tell whether a function does nothing: pass, `...`, a constant, or what its base does anyway."""
    return all(_does_nothing(each) for each in body(function))


def _does_nothing(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Pass):
        return True
    if isinstance(statement, ast.Expr | ast.Return):
        return statement.value is None or _is_empty(statement.value)
    return False


def _is_empty(value: ast.expr) -> bool:
    if isinstance(value, ast.Await):
        value = value.value
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        owner = value.func.value
        return isinstance(owner, ast.Call) and isinstance(owner.func, ast.Name) and owner.func.id == "super"
    if isinstance(value, ast.List | ast.Tuple | ast.Set):
        return all(map(_is_empty, value.elts))
    if isinstance(value, ast.Dict):
        return all(map(_is_empty, value.values))
    return isinstance(value, ast.Constant)


def _raises_only(function: FunctionNode) -> bool:
    left = body(function)
    if len(left) != 1 or not isinstance(left[0], ast.Raise):
        return False
    raised = left[0].exc.func if isinstance(left[0].exc, ast.Call) else left[0].exc
    return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"


def _used(module: Module) -> Iterator[tuple[str, str]]:
    owners = _owners(module)
    for name in module.nodes(ast.Name):
        if isinstance(name.ctx, ast.Load):
            yield from _use(name.id, name.lineno, owners)
    for attribute in module.nodes(ast.Attribute):
        if isinstance(attribute.ctx, ast.Load):
            yield from _use(attribute.attr, attribute.lineno, owners)


def _use(name: str, line: int, owners: Sequence[str | None]) -> Iterator[tuple[str, str]]:
    owner = owners[line] if line < len(owners) else ""
    if owner is not None:
        yield name, owner


def _owners(module: Module) -> Sequence[str | None]:
    """Line -> the outermost function or class there; None under the main guard."""
    last = max((each.end_lineno or 0 for each in module.tree.body), default=0)
    owners: list[str | None] = [""] * (last + 2)
    for statement in module.tree.body:
        end = statement.end_lineno or statement.lineno
        if isinstance(statement, (*FUNCTIONS, ast.ClassDef)):
            owners[statement.lineno : end + 1] = [statement.name] * (end + 1 - statement.lineno)
        elif isinstance(statement, ast.If) and module.is_main(statement.body[0]):
            owners[statement.lineno : end + 1] = [None] * (end + 1 - statement.lineno)
    return owners


def _code_lines(data: bytes) -> int:
    return sum(1 for line in data.splitlines() if (left := line.strip()) and not left.startswith(b"#"))
