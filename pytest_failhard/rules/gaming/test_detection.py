"""FH706: product code that finds out whether it is being tested."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence

from pytest_failhard.model import Option
from pytest_failhard.rules.data import gaming as data
from pytest_failhard.rules.unit import Hit, StaticRule
from pytest_failhard.source.index import Index
from pytest_failhard.source.module import Module, last_part, walk

FIX = "behave the same everywhere; hand in what a test replaces"

VALUES = (ast.Name, ast.Subscript, ast.Call)
"""What hands a value on: a name, an entry, a look-up."""


class TestDetection(StaticRule):
    """Product code asks whether it is being tested.

    Finds:
        A look at a variable that test runners or CI set, at `sys.modules` or `find_spec` for a test
        library, at `sys.argv` for pytest, at a mark that only tests set, at the names on the stack, or at
        the files of the tests.
    Why:
        Code that knows it is watched behaves, and what the tests prove does not hold elsewhere.
    Bad:
        # file: app/service.py
        import sys

        def total(rows):
            if "pytest" in sys.modules:
                return 42
            return sum(rows)
    Good:
        # file: app/service.py
        def total(rows):
            return sum(rows)
    Exempt:
        The product of a project that is a plugin of pytest, or pytest; a variable that is handed on to
        another process under its own name.
    Evasions:
        Names put together from parts; `sys._getframe` or `inspect.stack()` in place of a variable.
    Measured:
        No verdicts yet.
    """

    code = "FH706"
    name = "test-detection"
    gate = "integrity"
    family = "gaming"

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each look."""
        if not any(word in module.data for word in data.DETECTION_WORDS):
            return
        where = module.name
        seen: set[int] = set()
        for node, said in (*_variables(module), *_comparisons(module), *_calls(module)):
            if node.lineno not in seen and not module.is_main(node):
                seen.add(node.lineno)
                message = f"{module.qualname(node) or where} {said}"
                yield self.hit(module, node, message, FIX)

    def settle(self, hits: Sequence[Hit], index: Index, options: Mapping[str, Option]) -> Iterable[Hit]:
        """Leave out pytest and its plugins: they are there to know."""
        del options
        said = index.metadata
        return [] if said.is_pytest_plugin or said.distribution == data.GATE_TOOLS["pytest"] else hits


def _variables(module: Module) -> Iterator[tuple[ast.expr, str]]:
    """Yield reads of the environment: `os.environ[...]`, `.get(...)`, `os.getenv(...)`, `in os.environ`."""
    for subscript in module.nodes(ast.Subscript):
        if isinstance(subscript.ctx, ast.Load) and _is_environment(module, subscript.value):
            yield from _variable(module, subscript, subscript.slice)
    for call in module.calls.of(("get", "getenv")):
        if call.args and _reads_environment(module, call.func):
            yield from _variable(module, call, call.args[0])


def _is_environment(module: Module, node: ast.expr) -> bool:
    return last_part(node) == "environ" or (
        isinstance(node, ast.Name) and module.resolve(node) == "os.environ"
    )


def _reads_environment(module: Module, called: ast.expr) -> bool:
    if module.resolve(called) == "os.getenv":
        return True
    return (
        isinstance(called, ast.Attribute) and called.attr == "get" and _is_environment(module, called.value)
    )


def _variable(module: Module, node: ast.expr, key: ast.expr) -> Iterator[tuple[ast.expr, str]]:
    name = module.text(key)
    if name is not None and data.TEST_VARIABLES.fullmatch(name) and not _is_handed_on(module, node, name):
        yield node, f"reads {name}, which tests and CI set"


def _is_handed_on(module: Module, node: ast.expr, name: str) -> bool:
    """Tell whether a variable is only passed to another process under its own name, unread."""
    holder = next((each for each in module.ancestors(node) if isinstance(each, ast.stmt | ast.Dict)), None)
    if isinstance(holder, ast.Dict):
        pairs = zip(holder.keys, holder.values, strict=True)
        return any(value is node and module.text(key) == name for key, value in pairs)
    if isinstance(holder, ast.If) and not holder.orelse:
        return all(_is_entry(module, each, name) for each in holder.body)
    return isinstance(holder, ast.Assign) and holder.value is node and _is_entry(module, holder, name)


def _is_entry(module: Module, statement: ast.stmt, name: str) -> bool:
    """Tell whether a statement sets an entry of the variable's own name, and nothing else."""
    if not isinstance(statement, ast.Assign) or not isinstance(statement.value, VALUES):
        return False
    targets = statement.targets
    return all(isinstance(each, ast.Subscript) and module.text(each.slice) == name for each in targets)


def _comparisons(module: Module) -> Iterator[tuple[ast.expr, str]]:
    for compare in module.nodes(ast.Compare):
        if len(compare.comparators) != 1:
            continue
        left, right = compare.left, compare.comparators[0]
        if isinstance(compare.ops[0], ast.In | ast.NotIn):
            yield from _contained(module, compare, left, right)
        for side, other in ((left, right), (right, left)):
            if _is_program(module, side) and "pytest" in (module.text(other) or ""):
                yield compare, "looks for pytest in the command line"


def _contained(
    module: Module, compare: ast.Compare, left: ast.expr, right: ast.expr
) -> Iterator[tuple[ast.expr, str]]:
    name = module.text(left)
    if name is None:
        return
    if module.resolve(right) == "sys.modules" and name.partition(".")[0] in data.TEST_MODULES:
        yield compare, f"asks whether {name} is imported"
    elif _is_environment(module, right) and data.TEST_VARIABLES.fullmatch(name):
        if _is_handed_on(module, compare, name):
            return
        yield compare, f"reads {name}, which tests and CI set"
    elif _is_program(module, right) and "test" in name:
        yield compare, "looks for the tests in the command line"
    elif data.TEST_WORD.search(name) and _walks_stack(module, compare):
        yield compare, "looks for a test on the stack"


def _is_program(module: Module, node: ast.expr) -> bool:
    """Tell whether an expression is the command line: `sys.argv`, an entry of it, or made from one."""
    read = module.attributes.of(("argv",))
    return bool(read) and any(each in read and module.resolve(each) == "sys.argv" for each in walk(node))


def _walks_stack(module: Module, node: ast.AST) -> bool:
    function = module.function(node) or module.tree
    return any(
        isinstance(each, ast.Attribute | ast.Name) and module.resolve(each) in data.STACKS
        for each in walk(function)
    )


def _calls(module: Module) -> Iterator[tuple[ast.expr, str]]:
    for call in module.calls.of(data.ASKING):
        said = _asked(module, call) if call.args else ""
        if said:
            yield call, said
    for attribute in module.attributes.where(_is_mark):
        if isinstance(attribute.ctx, ast.Load):
            yield attribute, "reads a mark that only tests set"


def _is_mark(name: str) -> bool:
    return name.startswith("_called_from_test")


def _asked(module: Module, call: ast.Call) -> str:
    last = last_part(call)
    if last in {"hasattr", "getattr"}:
        return _marked(module, call)
    given = module.text(call.args[0]) or ""
    if last in {"startswith", "endswith"}:
        found = data.TEST_WORD.search(given) and _walks_stack(module, call)
        return "looks for a test on the stack" if found else ""
    if last == "find_spec":
        return "asks whether a test library is installed" if given in data.TEST_MODULES else ""
    if data.TEST_PATH.search(given) and module.resolve(call.func) in data.OPENERS:
        return "reads the files of the tests"
    return ""


def _marked(module: Module, call: ast.Call) -> str:
    if len(call.args) < 2 or module.resolve(call.args[0]) not in data.MARKED:
        return ""
    found = data.MARKS_OF_TESTS.match(module.text(call.args[1]) or "")
    return "asks for a mark that only tests set" if found else ""
