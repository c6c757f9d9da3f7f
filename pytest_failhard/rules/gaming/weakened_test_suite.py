"""FH711: tests that prove less than they did at the merge base."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_failhard.rules.strength import weaker
from pytest_failhard.rules.tree import Tree
from pytest_failhard.rules.unit import EVERY, StaticRule
from pytest_failhard.source import syntax
from pytest_failhard.source.canonical import canonical
from pytest_failhard.source.checks import WrittenTest, called, is_check, live, written_tests
from pytest_failhard.source.files import role
from pytest_failhard.source.module import Module, argument, last_part

if TYPE_CHECKING:
    from pytest_failhard.rules.unit import Hit

MANY = 1_000_000
"""What stands for a number of cases that is worked out at run time."""
PRAGMA = "pragma: no cover"
MARKS = {"skip": "skip", "skipif": "skip", "xfail": "xfail", "expectedFailure": "xfail"}
MARKS |= {"skipIf": "skip", "skipUnless": "skip", "skipTest": "skip", "importorskip": "skip"}


class WeakenedTestSuite(StaticRule):
    """A change takes away from what the tests proved before it.

    Finds:
        Against the merge base, test by test: fewer checks, weaker checks, a test that is gone although
        what it tested is still there, a skip, an xfail or a coverage pragma that was not there.
    Why:
        The quickest way to green is to weaken the test that is red. A change of tests and product at once
        is honest mostly, and is only counted.
    Subs:
        `fewer-assertions`: a test has fewer checks, or weaker ones. `removed-test`: it is gone, or no
        longer has to pass.
    Bad:
        # file: base/tests/test_cart.py
        from shop.cart import total

        def test_total():
            assert total([40, 2]) == 42
        # file: tests/test_cart.py
        from shop.cart import total

        def test_total():
            assert total([40, 2])
        # file: shop/cart.py
        def total(prices):
            return max(prices)
    Good:
        # file: base/tests/test_cart.py
        from shop.cart import total

        def test_total():
            assert total([40, 2]) == 42
        # file: tests/test_cart.py
        from shop.cart import total

        def test_total():
            assert total([40, 2]) == 42
        # file: shop/cart.py
        def total(prices):
            return sum(prices)
    Exempt:
        A test that moved or was renamed with its body; checks that went into another test of the change
        or into a helper; repeated checks that became parameters or a loop; a test whose subject is gone.
    Evasions:
        An assert turned into a comment; `x == y` into `x`, into `in`, into a bound; `raises(Specific)`
        into `raises(Exception)`; a larger tolerance; an expected value replaced by a call.
    Measured:
        No verdicts yet.
    """

    code = "FH711"
    name = "weakened-test-suite"
    gate = "integrity"
    family = "gaming"
    roles = EVERY
    subs = ("fewer-assertions", "removed-test")
    # One scan sees one tree: the gate calls `weakened` with both.

    def told(self, module: Module, test: WrittenTest, sub: str, says: str) -> Hit:
        """Return a hit at a test of either tree."""
        where = module.qualname(test.node)
        fix = "restore the test and mend the product; where a requirement changed, say so in a waiver"
        return self.hit(module, test.node, f"{where} {says}", fix, sub=sub)


@dataclass(frozen=True, kw_only=True)
class _Suite:
    """The tests of one tree, by node id."""

    modules: Mapping[str, Module]
    tests: Mapping[str, tuple[Module, WrittenTest]]


def weakened(base_sources: Mapping[str, bytes], now: Mapping[str, bytes]) -> tuple[Hit, ...]:
    """Return what the tests prove less than at the base.

    `base_sources` are the changed and removed test files as they were, by path; `now` are the Python files
    of the tree as they are, product files included. A file that does not parse on one side is left to the
    gate that says so.
    """
    rule = WeakenedTestSuite()
    before = _suite({path: data for path, data in base_sources.items() if role(path) == "test"})
    after = _suite({path: data for path, data in now.items() if path in base_sources})
    found = [
        hit
        for nodeid, (module, test) in before.tests.items()
        if nodeid in after.tests
        for hit in _compared(rule, (module, test), after.tests[nodeid], _added(before, after))
    ]
    gone = {nodeid: each for nodeid, each in before.tests.items() if nodeid not in after.tests}
    if gone:
        everywhere = _suite({path: data for path, data in now.items() if role(path) == "test"})
        found += _removed(rule, gone, _added(before, everywhere), now)
    return tuple(sorted(found))


def check(tree: Tree) -> Iterable[Hit]:
    """Return what the change takes from the tests; nothing where there is no merge base to compare with."""
    base = tree.base
    if base is None:
        return ()
    touched = sorted({*base.changed_lines(), *base.differing()})
    names = [path for path in touched if path.endswith(".py") and role(path) == "test"]
    before = {path: data for path in names if (data := base.read(path)) is not None}
    if not before:
        return ()
    return weakened(
        before, {path: (tree.root / path).read_bytes() for path in (file.path for file in tree.files)}
    )


def _suite(sources: Mapping[str, bytes]) -> _Suite:
    modules = {path: module for path, data in sources.items() if (module := _parsed(path, data)) is not None}
    return _Suite(
        modules=modules,
        tests={
            f"{path}::{module.qualname(test.node).replace('.', '::')}": (module, test)
            for path, module in modules.items()
            for test in written_tests(module)
        },
    )


def _parsed(path: str, data: bytes) -> Module | None:
    try:
        return Module(path, "test", data, syntax.parsed(data))
    except (SyntaxError, ValueError):
        return None


def _added(before: _Suite, after: _Suite) -> list[tuple[Module, WrittenTest]]:
    return [each for nodeid, each in after.tests.items() if nodeid not in before.tests]


Placed = tuple[Module, WrittenTest]


def _compared(rule: WeakenedTestSuite, old: Placed, new: Placed, added: list[Placed]) -> Iterator[Hit]:
    module, test = new
    marks = _marks(*new) - _marks(*old)
    if marks:
        yield rule.told(module, test, "removed-test", f"has a new {' and '.join(sorted(marks))}")
    lost, gained = _difference(old[1], test)
    for _, other in added:
        # A test that was split: its checks went on in the new one.
        lost = _without(lost, other)
    if lost and _weight(*new) < _weight(*old):
        counts = f"makes {_shown(_weight(*new))} checks, before the change {_shown(_weight(*old))}"
        yield rule.told(module, test, "fewer-assertions", counts)
        return
    says = next(
        (way for a, b in zip(lost, gained, strict=False) if (way := weaker(old[0], a, module, b))), ""
    )
    if says:
        yield rule.told(module, test, "fewer-assertions", f"proves less than before: {says}")


def _shown(weight: int) -> str:
    return "many" if weight >= MANY else str(weight)


def _difference(old: WrittenTest, new: WrittenTest) -> tuple[list[ast.AST], list[ast.AST]]:
    return _without(list(old.checks), new), _without(list(new.checks), old)


def _without(checks: list[ast.AST], test: WrittenTest) -> list[ast.AST]:
    left = Counter(map(canonical, test.checks))
    kept: list[ast.AST] = []
    for check in checks:
        text = canonical(check)
        if left[text]:
            left[text] -= 1
        else:
            kept.append(check)
    return kept


def _weight(module: Module, test: WrittenTest) -> int:
    """Return how often a test checks: helpers, literal loops and parameters counted."""
    helpers = called(module, test)
    inner = [
        each
        for name in helpers
        for function in module.functions.get(name, ())
        for each in live(function.body)
        if is_check(each)
    ]
    # The call of a helper that is named like a check is one already.
    own = sum(_repeats(module, check) for check in test.checks if last_part(check) not in module.functions)
    return min(MANY, (own + len(inner)) * _parameters(module, test.node))


def _repeats(module: Module, check: ast.AST) -> int:
    times = 1
    for above in (*module.ancestors(check), *ast.walk(check)):
        if isinstance(above, ast.For | ast.AsyncFor | ast.comprehension):
            times *= _length(module, above.iter)
    return times


def _parameters(module: Module, node: ast.AST) -> int:
    cases = 1
    owner = module.class_of(node)
    for each in (node, *([owner] if owner else [])):
        for mark in getattr(each, "decorator_list", []):
            if isinstance(mark, ast.Call) and last_part(mark) in {"parametrize", "expand", "given", "data"}:
                cases *= _length(module, argument(mark, 1, "argvalues") or mark)
    return max(cases, 1)


def _length(module: Module, node: ast.expr) -> int:
    value = module.value(node)
    if isinstance(value, ast.List | ast.Tuple | ast.Set):
        return len(value.elts)
    return len(value.keys) if isinstance(value, ast.Dict) else MANY


def _marks(module: Module, test: WrittenTest) -> frozenset[str]:
    """Return what lets a test not run or not pass: marks of its own, of its class, of its file."""
    owner = module.class_of(test.node)
    marked = [*test.node.decorator_list, *(owner.decorator_list if owner else [])]
    wide = [
        each for each in (*(owner.body if owner else ()), *module.tree.body) if isinstance(each, ast.Assign)
    ]
    marked += [each.value for each in wide if last_part(each.targets[0]) == "pytestmark"]
    calls = [*test.live(), *(each for node in marked for each in ast.walk(node))]
    found = {MARKS[name] for each in calls if (name := last_part(each)) in MARKS}
    lines = range(test.node.lineno, (test.node.end_lineno or test.node.lineno) + 1)
    excluded = any(PRAGMA in comment.text for comment in module.comments if comment.line in lines)
    return frozenset({*found, *([PRAGMA] if excluded else [])})


def _removed(
    rule: WeakenedTestSuite, gone: Mapping[str, Placed], added: list[Placed], now: Mapping[str, bytes]
) -> Iterator[Hit]:
    bodies = {_body(test) for _, test in added}
    for module, test in gone.values():
        if _body(test) not in bodies and not _is_moved(test, added) and _subject_stands(module, test, now):
            yield rule.told(module, test, "removed-test", "is gone, and what it tested is still there")


def _body(test: WrittenTest) -> str:
    return " ".join(map(canonical, test.node.body))


def _is_moved(test: WrittenTest, added: list[Placed]) -> bool:
    """Tell whether all checks of a test stand in new ones."""
    left = list(test.checks)
    for _, other in added:
        left = _without(left, other)
    return bool(test.checks) and not left


def _subject_stands(module: Module, test: WrittenTest, now: Mapping[str, bytes]) -> bool:
    """Tell whether the tree still defines something that the test took from the project.

    A test that takes nothing from it by name is held to have a subject.
    """
    used = {each.id for each in test.live() if isinstance(each, ast.Name)}
    tops = {part.removesuffix(".py") for path in now for part in path.split("/")[:3]}
    taken = [path for name, path in module.imports.items() if name in used and path.partition(".")[0] in tops]
    used_of_them = [path.rpartition(".")[2] for path in taken]
    pattern = re.compile(
        rb"^\s*(?:(?:async )?def|class) (?:%s)\b|^(?:%s)\b\s*[:=]" % ((_any(used_of_them),) * 2), re.M
    )
    return not taken or any(
        pattern.search(data) is not None or _stem(path) in used_of_them
        for path, data in now.items()
        if role(path) != "test"
    )


def _any(names: list[str]) -> bytes:
    return "|".join(map(re.escape, names)).encode()


def _stem(path: str) -> str:
    return path.removesuffix("/__init__.py").rpartition("/")[2].removesuffix(".py")
