"""FH603: a test that is skipped or expected to fail, and nobody says why."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from pytest_failhard.rules.data import quality as data
from pytest_failhard.rules.tested import QualityRule
from pytest_failhard.source.checks import is_test_class, written_tests
from pytest_failhard.source.module import argument, last_part
from pytest_failhard.source.reasons import explains

if TYPE_CHECKING:
    from pytest_failhard.model import Option
    from pytest_failhard.rules.unit import Hit
    from pytest_failhard.source.index import Index
    from pytest_failhard.source.module import Module

STRICT = "xfail_strict"
"""The option under which the gate says that pytest takes every xfail for strict."""
IMPORTED = "imported"
SWITCHED = "class"
FIXES = {
    "skip-no-reason": "say what is missing and where that is tracked, or let the test run",
    "module-skip": "skip the tests that cannot run, each with its reason",
    "xfail-nonstrict": "write xfail(strict=True, reason=...), with a reason that names the defect",
}


class UnexplainedSkip(QualityRule):
    """A test does not run, or may fail, and the text does not say why.

    Finds:
        A skip without a reason of two words or more, a whole file or class that is switched off, an xfail
        that is not strict. At run time the same is judged by what happened; this is about text that did
        not run.
    Why:
        What is skipped "for now" stays so: the suite is green, and shorter than it looks.
    Subs:
        `skip-no-reason`: a skip whose reason is missing or says nothing. `module-skip`: a file, or a class
        with tests, switched off without a condition. `xfail-nonstrict`: an xfail that may pass or fail.
    Bad:
        import pytest

        @pytest.mark.skip
        def test_total(cart):
            assert cart.total() == 42
    Good:
        import pytest

        @pytest.mark.skip(reason="needs PostgreSQL, see #12")
        def test_total(cart):
            assert cart.total() == 42
    Exempt:
        A reason in a constant, or one that is worked out; a file that is skipped under a condition, with a
        reason; `__test__ = False` on a class that others derive from; xfails where pytest is told that all
        are strict; `importorskip` of somebody else's library.
    Evasions:
        `reason=""`, `reason="skip"`, `pytestmark` in a class, an alias of the marker, `raise SkipTest`,
        `importorskip` of a module of the project.
    Measured:
        Skips without a reason 0 in generated and 1 in hand-written code; xfails that are not strict 0 and
        39: it is the good code that has them.
    """

    code = "FH603"
    name = "unexplained-skip"
    subs = ("skip-no-reason", "module-skip", "xfail-nonstrict")

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each skip without a reason, each switched-off file, each lax xfail."""
        if not any(word in module.data for word in data.SKIP_BYTES):
            return
        for node, name in _mentions(module):
            sub, details = _judged(module, node, name)
            if sub:
                yield self._told(module, node, sub, details)
        for node in module.nodes(ast.Assign):
            # As an attribute it is another's: of a class or function that looks like a test and is none.
            target = node.targets[0]
            if isinstance(target, ast.Name) and target.id == "__test__" and _is_false(node.value):
                yield from self._switched(module, node)

    def _told(self, module: Module, node: ast.AST, sub: str, details: Mapping[str, str]) -> Hit:
        where = module.qualname(node) or "the module"
        says = {
            "skip-no-reason": f"{where} is skipped without a reason that says why",
            "module-skip": f"{where} is switched off as a whole",
            "xfail-nonstrict": f"{where} may pass or fail: its xfail is not strict",
        }
        return self.hit(module, node, says[sub], FIXES[sub], sub=sub, details=details)

    def _switched(self, module: Module, node: ast.Assign) -> Iterator[Hit]:
        tests = [test.node for test in written_tests(module)]
        owner = module.class_of(node)
        if owner is None:
            if tests and module.scope(node) is module.tree:
                yield self._told(module, node, "module-skip", {})
        elif is_test_class(module, owner) and any(module.class_of(each) is owner for each in tests):
            yield self._told(
                module, node, "module-skip", {SWITCHED: f"{module.name}.{module.qualname(owner)}"}
            )

    def settle(self, hits: Sequence[Hit], index: Index, options: Mapping[str, Option]) -> Iterable[Hit]:
        """Return the hits that stand: what pytest takes for strict is, what is derived from runs below."""
        return [hit for hit in super().settle(hits, index, options) if _stands(hit, index, options)]


def _stands(hit: Hit, index: Index, options: Mapping[str, Option]) -> bool:
    if hit.sub == "xfail-nonstrict":
        return options.get(STRICT) is not True or "False" in hit.canonical
    if SWITCHED in hit.details:
        known = index.classes.get(hit.details[SWITCHED])
        return known is None or not index.subclasses(known)
    wanted = hit.details.get(IMPORTED)
    return wanted is None or any(f".{path}".endswith(f".{wanted}") for path in index.by_module)


def _mentions(module: Module) -> Iterator[tuple[ast.AST, str]]:
    """Yield what skips or expects a failure, the call where there is one, with its dotted name."""
    aliases = set[str]()
    attributes = [node for node in module.nodes(ast.Attribute) if node.attr in data.SKIP_WORDS]
    for node in attributes:
        above = module.parent(node)
        given = above.targets[0] if isinstance(above, ast.Assign) else None
        if isinstance(given, ast.Name) and given.id != "pytestmark":
            aliases.add(given.id)
            continue
        yield _whole(module, node), module.resolve(node)
    words = data.SKIP_WORDS
    aliases |= {name for name, path in module.imports.items() if path.rpartition(".")[2] in words}
    if aliases:
        for name in module.nodes(ast.Name):
            if name.id in aliases and isinstance(name.ctx, ast.Load):
                yield _whole(module, name), module.resolve(name)


def _whole(module: Module, node: ast.AST) -> ast.AST:
    above = module.parent(node)
    return above if isinstance(above, ast.Call) and above.func is node else node


def _judged(module: Module, node: ast.AST, name: str) -> tuple[str, Mapping[str, str]]:
    """Return the sub of what skips, empty where it says enough."""
    last = name.rpartition(".")[2]
    if name == "pytest.mark.xfail":
        return ("" if _is_strict(node) else "xfail-nonstrict"), {}
    if last == "expectedFailure" or (name == "pytest.xfail" and isinstance(node, ast.Call)):
        return "xfail-nonstrict", {}
    if name == "pytest.importorskip" and isinstance(node, ast.Call):
        wanted = module.text(argument(node, 0, "modname"))
        sub = "module-skip" if module.function(node) is None else "skip-no-reason"
        return (sub, {IMPORTED: wanted}) if wanted else ("", {})
    if not _is_skip(module, node, name, last):
        return "", {}
    if _is_whole_module(module, node):
        return "module-skip", {}
    return ("" if _explained(module, node) else "skip-no-reason"), {}


def _is_skip(module: Module, node: ast.AST, name: str, last: str) -> bool:
    if name in data.SKIPS:
        return True
    if last in data.SKIPPED:
        above = module.parent(node)
        return isinstance(above, ast.Raise)
    return isinstance(node, ast.Call) and (name == "pytest.skip" or last == "skipTest")


def _is_whole_module(module: Module, node: ast.AST) -> bool:
    """Tell whether a file is skipped without a condition."""
    statement: ast.AST | None = node
    while statement is not None and not isinstance(statement, ast.stmt):
        statement = module.parent(statement)
    if isinstance(statement, ast.Assign):
        marks = last_part(statement.targets[0]) == "pytestmark"
        return marks and isinstance(module.parent(statement), ast.Module | ast.ClassDef)
    called = isinstance(statement, ast.Expr | ast.Raise)
    return called and module.parent(statement) is module.tree if statement is not None else False


def _is_strict(node: ast.AST) -> bool:
    strict = argument(node, None, "strict") if isinstance(node, ast.Call) else None
    return strict is not None and not _is_false(strict)


def _is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def _explained(module: Module, node: ast.AST) -> bool:
    """Tell whether a skip says why; what is worked out or stands in another file is taken for a reason."""
    reason = argument(node, 0, "reason", "msg") if isinstance(node, ast.Call) else None
    if reason is None:
        return False
    text = module.text(reason)
    return explains(text) if text is not None else not isinstance(reason, ast.Constant)
