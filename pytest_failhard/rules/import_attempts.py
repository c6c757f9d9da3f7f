"""Finds the imports that a file allows to fail, and what it puts in their place."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pytest_failhard.rules.data import swallowed as data
from pytest_failhard.rules.handlers import is_log_call, raises
from pytest_failhard.rules.handlings import Handling, handlings
from pytest_failhard.rules.kept import once
from pytest_failhard.source.module import FunctionNode, Module, last_part

_IMPORTS = (ast.Import, ast.ImportFrom)
HARMLESS = 1
"""So many other simple statements beside the imports leave a try an import."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ImportAttempt:
    """Imports that may fail. `modules` are dotted names, `relative` those that are imported relatively.

    `stands_in` tells whether a stand-in is defined, `imports` whether another module is imported
    instead, `raises_later` whether the file raises where the flag of a missing module is tested,
    `backports` whether all that is imported are names that only an old Python lacks.
    """

    node: ast.AST
    modules: tuple[str, ...]
    relative: tuple[str, ...]
    stands_in: bool
    imports: bool
    raises_later: bool
    backports: bool


def import_attempts(module: Module) -> Iterator[ImportAttempt]:
    """Yield the imports of a file that may fail without an exception, each handler once."""
    for handling in handlings(module):
        if isinstance(handling.node, ast.ExceptHandler) and not handling.fails and _is_for_imports(handling):
            found = tuple(dict.fromkeys(_modules(module, handling.attempt.body)))
            if found and not _stands_in_raising(module, handling.body):
                yield _attempt(module, handling.node, handling.attempt.body, handling.body, found)
    for test in module.nodes(ast.If):
        missing = _missing(module, test)
        if missing is not None and missing[1] and not _stands_in_raising(module, missing[1]):
            branch = missing[1]
            if _defines(module, branch) or any(isinstance(each, ast.Assign) for each in branch):
                yield _attempt(module, test, (), branch, (missing[0],))


def _attempt(
    module: Module,
    node: ast.AST,
    tried: Sequence[ast.stmt],
    instead: Sequence[ast.stmt],
    modules: tuple[str, ...],
) -> ImportAttempt:
    names = _imported_names(tried)
    return ImportAttempt(
        node=node,
        modules=modules,
        relative=tuple(
            name
            for each in tried
            if isinstance(each, ast.ImportFrom) and each.level
            for name in _taken(module, each)
        ),
        stands_in=_defines(module, instead) or _defined_before(module, node, names),
        imports=any(isinstance(each, _IMPORTS) for each in _flat(instead))
        or bool([*_modules(module, [each for each in instead if isinstance(each, ast.Assign)])]),
        raises_later=not (_flags(instead) | names).isdisjoint(_asked_before_raising(module)),
        backports=bool(tried) and all(map(_is_of_every_python, tried)),
    )


def _is_of_every_python(statement: ast.stmt) -> bool:
    """Tell whether a statement takes names from a module that every Python has."""
    return isinstance(statement, ast.ImportFrom) and statement.module in data.IN_EVERY_PYTHON


def _is_for_imports(handling: Handling) -> bool:
    if not (handling.broad or data.IMPORT_ERRORS & set(handling.names)):
        return False
    others = [each for each in handling.attempt.body if not _is_import(each)]
    if len(others) > HARMLESS or len(others) == len(handling.attempt.body):
        return False
    names = (
        frozenset() if data.IMPORT_ERRORS & set(handling.names) else _imported_names(handling.attempt.body)
    )
    return all(isinstance(each, ast.Expr | ast.Assign) and not _uses(each, names) for each in others)


def _uses(statement: ast.stmt, names: frozenset[str]) -> bool:
    return any(isinstance(each, ast.Name) and each.id in names for each in ast.walk(statement))


def _is_import(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        return isinstance(statement.value, ast.Constant) or _called_module(statement.value) is not None
    if isinstance(statement, ast.Expr):
        return _called_module(statement.value) is not None or isinstance(statement.value, ast.Constant)
    return isinstance(statement, (*_IMPORTS, ast.Pass)) or is_log_call(statement)


def _called_module(value: ast.expr | None) -> ast.expr | None:
    """Return the argument of `import_module(...)` or `__import__(...)`, looked for inside `getattr`."""
    if isinstance(value, ast.Attribute):
        return _called_module(value.value)
    if not isinstance(value, ast.Call) or not value.args:
        return None
    name = last_part(value)
    if name == "getattr":
        return _called_module(value.args[0])
    return value.args[0] if name in {"import_module", "__import__"} else None


def _modules(module: Module, body: Sequence[ast.stmt]) -> Iterator[str]:
    for statement in body:
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            yield from _taken(module, statement)
        elif isinstance(statement, ast.Assign | ast.AnnAssign | ast.Expr):
            named = module.text(_called_module(statement.value))
            if named:
                yield named.lstrip(".")


def _taken(module: Module, statement: ast.ImportFrom) -> Iterator[str]:
    base = module.imported_from(statement)
    if base and (statement.module or not statement.level):
        yield base
    else:
        yield from (f"{base}.{alias.name}".lstrip(".") for alias in statement.names)


def _imported_names(body: Sequence[ast.stmt]) -> frozenset[str]:
    aliases = (alias for each in body if isinstance(each, _IMPORTS) for alias in each.names)
    return frozenset(alias.asname or alias.name.partition(".")[0] for alias in aliases)


def _flat(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        yield statement
        if isinstance(statement, ast.If | ast.Try | ast.With):
            yield from _flat(statement.body)


def _defines(module: Module, body: Sequence[ast.stmt]) -> bool:
    """Tell whether a body makes a stand-in: a class that is no exception, a function, an object."""
    return any(_is_stand_in(module, each) for each in _flat(body))


def _is_stand_in(module: Module, statement: ast.stmt) -> bool:
    if isinstance(statement, FunctionNode):
        return True
    if isinstance(statement, ast.ClassDef):
        return not any(
            last_part(base).endswith(("Error", "Exception", "Warning")) for base in statement.bases
        )
    if not isinstance(statement, ast.Assign):
        return False
    if any(
        isinstance(each, ast.Subscript) and module.resolve(each.value) == "sys.modules"
        for each in statement.targets
    ):
        return True
    value = statement.value
    if isinstance(value, ast.Lambda) or (isinstance(value, ast.Name) and _is_defined(module, value.id)):
        return True
    return isinstance(value, ast.Call) and (
        module.resolve(value.func) in data.STAND_INS or bool(data.DOUBLES.search(last_part(value)))
    )


def _is_defined(module: Module, name: str) -> bool:
    return name in module.functions or name in _classes(module)


@once
def _classes(module: Module) -> frozenset[str]:
    return frozenset(each.name for each in module.nodes(ast.ClassDef))


def _defined_before(module: Module, node: ast.AST, names: frozenset[str]) -> bool:
    """Tell whether a class or function of an imported name stands before the try, in its block."""
    attempt = module.parent(node) if isinstance(node, ast.ExceptHandler) else node
    around = module.parent(attempt) if attempt is not None else None
    block = getattr(around, "body", [])
    return any(
        isinstance(each, (ast.FunctionDef, ast.ClassDef)) and each.name in names
        for each in (block if isinstance(block, list) else [])
        if each.lineno < getattr(attempt, "lineno", 0)
    )


def _stands_in_raising(module: Module, body: Sequence[ast.stmt]) -> bool:
    """Tell whether all that a body defines fails when it is used."""
    made = [each for each in body if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))]
    return bool(made) and all(_fails_always(module, each) for each in made)


def _fails_always(module: Module, made: ast.stmt) -> bool:
    if isinstance(made, ast.ClassDef):
        methods = [each for each in made.body if isinstance(each, FunctionNode)]
        return bool(methods) and all(_fails_always(module, each) for each in methods)
    return isinstance(made, FunctionNode) and raises(module, made.body[-1:])


def _flags(body: Sequence[ast.stmt]) -> frozenset[str]:
    return frozenset(
        last_part(target) for each in body if isinstance(each, ast.Assign) for target in each.targets
    ) - {""}


@once
def _asked_before_raising(module: Module) -> frozenset[str]:
    """Return the names that a test reads under which the file raises."""
    return frozenset(
        each.id
        for test in module.nodes(ast.If)
        if any(isinstance(statement, ast.Raise) for statement in [*test.body, *test.orelse])
        for each in ast.walk(test.test)
        if isinstance(each, ast.Name)
    )


def _missing(module: Module, test: ast.If) -> tuple[str, Sequence[ast.stmt]] | None:
    """Return the module that a test of `find_spec` asks for, and the branch that does without it."""
    compared = test.test
    if isinstance(compared, ast.Compare) and len(compared.ops) == 1:
        spec, absent = compared.left, isinstance(compared.ops[0], ast.Is)
    elif isinstance(compared, ast.UnaryOp) and isinstance(compared.op, ast.Not):
        spec, absent = compared.operand, True
    else:
        spec, absent = compared, False
    call = module.value(spec)
    if not isinstance(call, ast.Call) or last_part(call) != "find_spec" or not call.args:
        return None
    name = module.text(call.args[0])
    return (name, test.body if absent else test.orelse) if name else None
