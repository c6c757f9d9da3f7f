"""Says which functions of a test file are tests, and what each of them checks."""

from __future__ import annotations

import ast
import functools
import re
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pytest_failhard.source.module import FUNCTIONS, FunctionNode, Module, children, last_part, walk

CHECK = re.compile(
    r"_*(assert|check|verif|expect|validate|should|fail|ensure|run_|match|snapshot|raise_for_status|judge)"
    r"|\w*assert|(raises|warns|deprecated_call|fnmatch_lines\w*|approx)\Z",
    re.IGNORECASE,
)
"""The last part of the name of a call that fails where something is not so."""
ASSERTING_FIXTURE = re.compile(r"(\w*(pytester|snapshot)|httpx_mock|\w+_regression|llm_faults)\Z")
"""Fixtures that fail by themselves."""
UNCOLLECTED = frozenset(
    {"fixture", "async_fixture", "pytest_fixture", "property", "cached_property", "overload"}
    | {"abstractmethod", "contextmanager", "asynccontextmanager", "hookimpl", "hookspec"}
    | {"command", "task", "route", "get", "post", "put", "delete", "websocket"}
)
"""Decorators after which `test_x` is no test."""
TEST_CLASS = re.compile(r"Test|\w*(Test|Tests|TestCase)\Z")
FLAG = "TYPE_CHECKING"
_BRANCHES = (ast.If, ast.While, ast.For, ast.AsyncFor)
ROUNDS = 3
"""Through how many helpers of the file an assertion is looked for."""


@dataclass(frozen=True, kw_only=True)
class WrittenTest:
    """A test function as it stands, and what of it checks something when it runs."""

    node: FunctionNode
    checks: Sequence[ast.AST]
    """Without those in a dead branch, or in a nested function that nobody uses."""

    def live(self) -> Iterator[ast.AST]:
        """Yield its nodes that can run."""
        return live(self.node.body)


_KNOWN: weakref.WeakKeyDictionary[Module, tuple[WrittenTest, ...]] = weakref.WeakKeyDictionary()


def written_tests(module: Module) -> tuple[WrittenTest, ...]:
    """Return the tests of a file, worked out once for all rules; none where it is no test file."""
    if module.role != "test":
        return ()
    if module not in _KNOWN:
        _KNOWN[module] = tuple(_written(module))
    return _KNOWN[module]


def _written(module: Module) -> Iterator[WrittenTest]:
    tests = list(_functions(module))
    checks: dict[ast.AST, list[ast.AST]] = {test: [] for test in tests}
    # From the checks to their tests: most nodes of a test are neither.
    at = _by_line(tests)
    dead = set(_unreachable(module)) if tests else set[ast.AST]()
    for node in (*module.nodes(ast.Assert, ast.Raise), *_checking_calls(module)):
        test = at.get(getattr(node, "lineno", 0))
        if test is not None and _is_live(module, node, test, dead):
            checks[test].append(node)
    for test in tests:
        yield WrittenTest(node=test, checks=tuple(checks[test]))


def _by_line(tests: Iterable[FunctionNode]) -> Mapping[int, FunctionNode]:
    """Return the test of each line of a body."""
    return {
        line: test
        for test in tests
        for line in range(test.body[0].lineno, (test.end_lineno or test.lineno) + 1)
    }


def _unreachable(module: Module) -> Iterator[ast.AST]:
    """Yield the statements after one that leaves their block for certain."""
    for end in module.nodes(ast.Return, ast.Raise, ast.Continue, ast.Break):
        for block in _blocks(module.parent(end)):
            if block[-1] is not end and end in block:
                yield from block[block.index(end) + 1 :]


def _blocks(node: ast.AST | None) -> Iterator[list[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, None)
        if isinstance(block, list) and block:
            yield block


def _is_live(module: Module, node: ast.AST, test: FunctionNode, dead: set[ast.AST]) -> bool:
    below = node
    for above in module.ancestors(node):
        if below in dead:
            return False
        if above is test:
            return below in test.body
        if isinstance(above, (*FUNCTIONS, ast.ClassDef)):
            if not above.decorator_list and not _is_named(test, above):
                return False
        elif isinstance(above, _BRANCHES) and below in getattr(above, _dead_field(above), ()):
            return False
        below = above
    return False


def _is_named(test: FunctionNode, inner: FunctionNode | ast.ClassDef) -> bool:
    return any(isinstance(each, ast.Name) and each.id == inner.name for each in walk(test))


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


def is_check(node: ast.AST) -> bool:
    """Tell whether a node fails a test by itself: an assert, a raise, or a call that is named like one."""
    if isinstance(node, ast.Assert | ast.Raise):
        return True
    return isinstance(node, ast.Call) and (
        _names_a_check(last_part(node)) or any(_is_checked(each) for each in node.keywords)
    )


def _checking_calls(module: Module) -> Sequence[ast.Call]:
    """Return the calls of a file that are checks, outer ones first."""
    named = module.calls.where(_names_a_check)
    checked = [module.parent(each) for each in module.keywords.of(("check",)) if _is_checked(each)]
    if not checked:
        return named
    found = {*named, *checked}
    return [call for call in module.nodes(ast.Call) if call in found]


@functools.cache
def _names_a_check(name: str) -> bool:
    return CHECK.match(name) is not None


def _is_checked(keyword: ast.keyword) -> bool:
    """Tell `check=True` of a process that is run."""
    return keyword.arg == "check" and isinstance(keyword.value, ast.Constant) and keyword.value.value is True


def live(body: Iterable[ast.stmt]) -> Iterator[ast.AST]:
    """Yield the nodes that can run with a body: nested functions only where they are used."""
    work: list[ast.AST] = [*_reached(body)]
    inner: list[FunctionNode | ast.ClassDef] = []
    names: set[str] = set()
    for node in work:
        if isinstance(node, ast.Name):
            names.add(node.id)
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            inner.append(node)
            work.extend(node.decorator_list)
            continue
        yield node
        work.extend(_below(node) if isinstance(node, ast.stmt | ast.ExceptHandler) else children(node))
    for definition in inner:
        if definition.name in names or definition.decorator_list:
            yield from live(definition.body)


def _below(node: ast.AST) -> Iterator[ast.AST]:
    dead = _dead_field(node)
    for name in node._fields:
        value = None if name == dead else getattr(node, name, None)
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
    return frozenset({*_called(module, test.live()), *_parameters(test.node)})


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
    found: set[str] = set()
    for node in (*module.nodes(ast.Assert), *_checking_calls(module)):
        helper = _outermost(module, node)
        if helper is not None and helper not in tests and _helps(module, node, helper):
            found.add(helper.name)
    for _ in range(ROUNDS if found else 0):
        found |= set(_passing_on(module, found))
    # A test that calls another one with something changed checks what that one checks.
    return frozenset(found.union(test.node.name for test in written_tests(module) if test.checks))


def _outermost(module: Module, node: ast.AST) -> FunctionNode | None:
    outer = [above for above in module.ancestors(node) if isinstance(above, FUNCTIONS)]
    return outer[-1] if outer and not outer[-1].name.startswith("__") else None


def _helps(module: Module, check: ast.AST, helper: FunctionNode) -> bool:
    """Tell whether a check serves the tests: in a fixture, after its `yield` or in what it hands out."""
    if not is_fixture(helper) or module.function(check) is not helper:
        return True
    ends = (each.lineno for each in walk(helper) if isinstance(each, ast.Yield))
    return getattr(check, "lineno", 0) > min(ends, default=getattr(check, "lineno", 0))


def _passing_on(module: Module, found: set[str]) -> Iterator[str]:
    """Yield the helpers that call one of those found."""
    for call in module.nodes(ast.Call):
        if last_part(call) in found:
            helper = _outermost(module, call)
            if helper is not None and not is_fixture(helper) and set(_called(module, [call])) & found:
                yield helper.name
