"""Says which functions of a test file are tests, and what each of them checks."""

from __future__ import annotations

import ast
import re
import weakref
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pytest_failhard.source.module import FUNCTIONS, SCOPES, FunctionNode, Module, last_part

CHECK = re.compile(
    r"_*(assert|check|verif|expect|validate|should|fail|ensure|run_|match|snapshot|raise_for_status)"
    r"|\w*assert|(raises|warns|deprecated_call|fnmatch_lines\w*|approx)\Z",
    re.IGNORECASE,
)
"""The last part of the name of a call that fails where something is not so."""
ASSERTING_FIXTURE = re.compile(r"(\w*(pytester|snapshot)|httpx_mock|\w+_regression)\Z")
"""Fixtures that fail by themselves."""
UNCOLLECTED = frozenset(
    {"fixture", "async_fixture", "pytest_fixture", "property", "cached_property", "overload"}
    | {"abstractmethod", "contextmanager", "asynccontextmanager", "hookimpl", "hookspec"}
    | {"command", "task", "route", "get", "post", "put", "delete", "websocket"}
)
"""Decorators after which `test_x` is no test."""
TEST_CLASS = re.compile(r"Test|\w*(Test|Tests|TestCase)\Z")
FLAG = "TYPE_CHECKING"
ROUNDS = 3
"""Through how many helpers of the file an assertion is looked for."""


@dataclass(frozen=True, kw_only=True)
class WrittenTest:
    """A test function as it stands: what of it can run, and what of that checks something."""

    node: FunctionNode
    live: Sequence[ast.AST]
    """Its nodes that can run: no dead branch, no nested function that nobody uses."""
    checks: Sequence[ast.AST]


_KNOWN: weakref.WeakKeyDictionary[Module, tuple[WrittenTest, ...]] = weakref.WeakKeyDictionary()


def written_tests(module: Module) -> tuple[WrittenTest, ...]:
    """Return the tests of a file, worked out once for all rules; none where it is no test file."""
    if module.role != "test":
        return ()
    if module not in _KNOWN:
        _KNOWN[module] = tuple(_written(node) for node in _functions(module))
    return _KNOWN[module]


def _functions(module: Module) -> Iterator[FunctionNode]:
    for name, nodes in module.functions.items():
        if name.startswith("test"):
            yield from (node for node in nodes if is_test(module, node))


def is_test(module: Module, node: FunctionNode) -> bool:
    """Tell whether pytest takes a function for a test: by its name, place and decorators."""
    if not node.name.startswith("test") or any(map(_uncollects, node.decorator_list)):
        return False
    owner = module.class_of(node)
    return module.function(node) is None and (owner is None or is_test_class(module, owner))


def is_test_class(module: Module, node: ast.ClassDef) -> bool:
    """Tell whether pytest takes a class for one of tests: by its name, or because its base is one."""
    if any(TEST_CLASS.match(module.resolve(base).rpartition(".")[2]) for base in node.bases):
        return True
    made = any(isinstance(each, FUNCTIONS) and each.name == "__init__" for each in node.body)
    return not made and TEST_CLASS.match(node.name) is not None


def is_fixture(node: FunctionNode) -> bool:
    """Tell whether a function is decorated as a fixture."""
    return any(last_part(each).endswith("fixture") for each in node.decorator_list)


def _uncollects(decorator: ast.expr) -> bool:
    return last_part(decorator) in UNCOLLECTED


def _written(node: FunctionNode) -> WrittenTest:
    nodes = tuple(live(node.body))
    return WrittenTest(node=node, live=nodes, checks=tuple(each for each in nodes if is_check(each)))


def is_check(node: ast.AST) -> bool:
    """Tell whether a node fails a test by itself: an assert, a raise, or a call that is named like one."""
    if isinstance(node, ast.Assert | ast.Raise):
        return True
    return isinstance(node, ast.Call) and (
        CHECK.match(last_part(node)) is not None or any(_is_checked(each) for each in node.keywords)
    )


def _is_checked(keyword: ast.keyword) -> bool:
    """Tell `check=True` of a process that is run."""
    return keyword.arg == "check" and isinstance(keyword.value, ast.Constant) and keyword.value.value is True


def live(body: Iterable[ast.stmt]) -> Iterator[ast.AST]:
    """Yield the nodes that can run with a body: nested functions only where they are used."""
    work: list[ast.AST] = [*_reached(body)]
    inner: list[ast.AST] = []
    names: set[str] = set()
    for node in work:
        if isinstance(node, ast.Name):
            names.add(node.id)
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            inner.append(node)
            work.extend(node.decorator_list)
            continue
        yield node
        work.extend(_below(node))
    for node in inner:
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)) and (node.name in names or node.decorator_list):
            yield from live(node.body)


def _below(node: ast.AST) -> Iterator[ast.AST]:
    dead = _dead_field(node)
    for name in node._fields:
        value = getattr(node, name, None)
        if name == dead:
            continue
        if isinstance(value, ast.AST):
            yield value
        elif isinstance(value, list) and value:
            yield from _reached(value) if isinstance(value[0], ast.stmt) else _nodes(value)


def _nodes(values: Iterable[object]) -> Iterator[ast.AST]:
    return (each for each in values if isinstance(each, ast.AST))


def _dead_field(node: ast.AST) -> str:
    """Return the field of a statement that never runs, empty where there is none."""
    if isinstance(node, ast.If | ast.While):
        if never(node.test):
            return "body"
        return "orelse" if isinstance(node.test, ast.Constant) and node.test.value else ""
    if isinstance(node, ast.For | ast.AsyncFor) and isinstance(node.iter, ast.List | ast.Tuple):
        return "" if node.iter.elts else "body"
    return ""


def never(test: ast.expr) -> bool:
    """Tell whether a test is false before anything runs."""
    if isinstance(test, ast.Constant):
        return not test.value
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return isinstance(test.operand, ast.Constant) and bool(test.operand.value)
    return last_part(test) == FLAG and not isinstance(test, ast.Call)


def _reached(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements up to one that leaves the body for certain."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.Return | ast.Raise | ast.Continue | ast.Break):
            return


def called(module: Module, test: WrittenTest) -> frozenset[str]:
    """Return the functions and fixtures that a test hands its checks to, by their last names.

    A method counts where its owner is `self`, `cls` or an imported module: a method of any object is
    the subject of the test, not its helper.
    """
    return frozenset({*_called(module, test.live), *_parameters(test.node)})


def _parameters(node: FunctionNode) -> Iterator[str]:
    given = node.args
    return (each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs))


def _called(module: Module, nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Call):
            owner = node.func.value if isinstance(node.func, ast.Attribute) else None
            if owner is None or _is_helpers(module, owner):
                yield last_part(node)


def _is_helpers(module: Module, owner: ast.expr) -> bool:
    return isinstance(owner, ast.Name) and (owner.id in {"self", "cls"} or owner.id in module.imports)


def checking(module: Module) -> frozenset[str]:
    """Return the helpers, fixtures and tests of a file that check something, by name.

    A `raise` is none of their checks, and a fixture's are those after its `yield` or in what it hands out.
    """
    tests = {test.node for test in written_tests(module)}
    helpers = [
        node
        for nodes in module.functions.values()
        for node in nodes
        if node not in tests and module.function(node) is None and not node.name.startswith("__")
    ]
    found = {node.name for node in helpers if any(_helps(node))}
    # A test that calls another one with something changed checks what that one checks.
    found |= {test.node.name for test in written_tests(module) if test.checks}
    calls = {node.name: set(_called(module, live(node.body))) for node in helpers if not is_fixture(node)}
    for _ in range(ROUNDS):
        found |= {name for name, names in calls.items() if names & found}
    return frozenset(found)


def _helps(node: FunctionNode) -> Iterator[bool]:
    nodes = list(live(node.body))
    after = 0
    if is_fixture(node):
        yields = [each.lineno for each in nodes if isinstance(each, ast.Yield)]
        after = min(yields, default=1 << 30)
        inner = (each for each in ast.walk(node) if isinstance(each, SCOPES) and each is not node)
        yield from (True for scope in inner for each in ast.walk(scope) if isinstance(each, ast.Assert))
    yield from (
        True
        for each in nodes
        if is_check(each) and not isinstance(each, ast.Raise) and getattr(each, "lineno", 0) > after
    )
