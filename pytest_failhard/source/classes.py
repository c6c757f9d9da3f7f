"""What a class says of itself: its bases, its methods, and which of them do nothing."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_failhard.source.module import FUNCTIONS, docstring, last_part

if TYPE_CHECKING:
    from pytest_failhard.source.module import FunctionNode, Module

ABSTRACT = frozenset({"abstractmethod", "abstractproperty", "abstractclassmethod", "abstractstaticmethod"})
PROPERTIES = frozenset({"property", "cached_property", "abstractproperty"})
NEUTRAL_BASES = frozenset(
    {"object", "builtins.object", "abc.ABC", "ABC", "typing.Generic", "typing.Protocol"}
    | {"typing_extensions.Generic", "typing_extensions.Protocol"}
)
"""Bases from elsewhere that bring no method which a class could have meant to override."""
UNKNOWN = "?"
"""Stands for a base that is computed: nobody knows what it brings."""
TYPE_ARGUMENTS = 3


@dataclass(frozen=True, kw_only=True)
class ClassFacts:
    """A class, also one made by `type("Name", (Base,), {...})`.

    `name` is dotted below its module; `bases` are dotted as far as imports tell, `?` for a computed one.
    """

    name: str
    module: str
    path: str
    line: int
    bases: tuple[str, ...]
    methods: frozenset[str]
    raising: frozenset[str]
    """Methods that end in `raise NotImplementedError` and do nothing before it."""
    trivial: frozenset[str]
    """Methods that do nothing: pass, a docstring, a constant returned, or only `super()`'s method."""
    abstract: frozenset[str] = frozenset()
    """Methods decorated as abstract."""
    properties: frozenset[str] = frozenset()
    attributes: frozenset[str] = frozenset()
    """Names assigned in the class body; one bound to a lambda is a method."""
    lines: Mapping[str, int] = field(default_factory=dict, compare=False)
    """Method -> line."""

    @property
    def dotted(self) -> str:
        """Module and name."""
        return f"{self.module}.{self.name}"


def classes(module: Module) -> Iterator[ClassFacts]:
    """Yield the classes of a file, those under `if TYPE_CHECKING:` too."""
    for node in module.nodes(ast.ClassDef):
        yield _class(module, node)
    for call in module.calls.of(("type",)):
        if isinstance(call.func, ast.Name) and len(call.args) == TYPE_ARGUMENTS:
            yield from _made(module, call)


def _class(module: Module, node: ast.ClassDef) -> ClassFacts:
    methods = list(_methods(node))
    assigned = dict(_assigned(node))
    lambdas = {name for name, value in assigned.items() if isinstance(value, ast.Lambda)}
    return ClassFacts(
        name=module.qualname(node),
        module=module.name,
        path=module.path,
        line=node.lineno,
        bases=tuple(_base(module, base) for base in node.bases),
        methods=frozenset(each.name for each in methods) | lambdas,
        raising=frozenset(each.name for each in methods if _raises_only(each)),
        trivial=frozenset(each.name for each in methods if is_trivial(each))
        | {name for name in lambdas if _is_nothing(assigned[name])},
        abstract=frozenset(each.name for each in methods if decorators(each) & ABSTRACT),
        properties=frozenset(each.name for each in methods if decorators(each) & PROPERTIES),
        attributes=frozenset(assigned) - lambdas,
        lines={each.name: each.lineno for each in methods},
    )


def _methods(node: ast.ClassDef) -> Iterator[FunctionNode]:
    """Yield the functions of a class body, those under an `if` or `try` too."""
    work: list[ast.stmt] = list(node.body)
    for each in work:
        if isinstance(each, FUNCTIONS):
            yield each
        elif isinstance(each, ast.If | ast.Try):
            work.extend([*each.body, *each.orelse])


def _assigned(node: ast.ClassDef) -> Iterator[tuple[str, ast.expr]]:
    for each in node.body:
        if isinstance(each, ast.Assign):
            yield from ((target.id, each.value) for target in each.targets if isinstance(target, ast.Name))
        elif isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name) and each.value:
            yield each.target.id, each.value


def _made(module: Module, call: ast.Call) -> Iterator[ClassFacts]:
    """Yield the class that `type(name, bases, names)` makes, as far as it can be read."""
    name = module.text(call.args[0])
    bases = module.value(call.args[1])
    names = module.value(call.args[2])
    if name is None or not isinstance(bases, ast.Tuple):
        return
    given = _given(names) if isinstance(names, ast.Dict) else {}
    lambdas = {key for key, value in given.items() if isinstance(value, ast.Lambda)}
    yield ClassFacts(
        name=".".join(part for part in (module.qualname(call), name) if part),
        module=module.name,
        path=module.path,
        line=call.lineno,
        bases=tuple(_base(module, base) for base in bases.elts),
        methods=frozenset(lambdas),
        raising=frozenset(),
        trivial=frozenset(key for key in lambdas if _is_nothing(given[key])),
        attributes=frozenset(given) - lambdas,
    )


def _given(names: ast.Dict) -> Mapping[str, ast.expr]:
    return {
        key.value: value
        for key, value in zip(names.keys, names.values, strict=True)
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
    }


def _base(module: Module, base: ast.expr) -> str:
    return module.resolve(base.value if isinstance(base, ast.Subscript) else base) or UNKNOWN


def decorators(function: FunctionNode) -> frozenset[str]:
    """Return the last names of a function's decorators."""
    return frozenset(map(last_part, function.decorator_list))


def body(function: FunctionNode) -> list[ast.stmt]:
    """Return the statements of a function after its docstring."""
    return function.body if docstring(function) is None else function.body[1:]


def is_trivial(function: FunctionNode) -> bool:
    """Tell whether a function does nothing: pass, `...`, a constant, or what its base does anyway."""
    return all(_does_nothing(each) for each in body(function))


def _does_nothing(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Pass):
        return True
    if isinstance(statement, ast.Expr | ast.Return):
        return statement.value is None or _is_empty(statement.value)
    return False


def _is_nothing(value: ast.expr) -> bool:
    return _is_empty(value.body) if isinstance(value, ast.Lambda) else False


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
    if not left or not all(isinstance(each, ast.Expr | ast.Pass) for each in left[:-1]):
        return False
    raised = left[-1].exc if isinstance(left[-1], ast.Raise) else None
    return last_part(raised) == "NotImplementedError" if raised is not None else False
