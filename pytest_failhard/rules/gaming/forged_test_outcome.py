"""FH703: a hook that turns the outcome of tests."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence

from pytest_failhard.model import Option
from pytest_failhard.rules.data import gaming as data
from pytest_failhard.rules.unit import EVERY, Hit, StaticRule
from pytest_failhard.source.forgery import names_of, way_of
from pytest_failhard.source.index import Index
from pytest_failhard.source.module import FUNCTIONS, FunctionNode, Module, argument, last_part

Implementation = FunctionNode | ast.Lambda


class ForgedTestOutcome(StaticRule):
    """A hook of pytest changes what a test did, or which tests there are.

    Finds:
        An implementation of one of pytest's hooks that report, run or collect tests, and in it: an
        assignment to an outcome or an exit status, removed or replaced items, an answer in place of
        pytest's own, an exit.
    Why:
        A failed test is reported as passed, or is not there, and pytest ends with 0.
    Subs:
        `outcome`: what a test did, or that it ran, can be turned.
        `collection-skip`: tests get a mark that keeps them from running.
    Bad:
        import pytest

        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_makereport(item, call):
            report = yield
            report.outcome = "passed"
            return report
    Good:
        import pytest

        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_makereport(item, call):
            report = yield
            report.sections.append(("order", str(item.order)))
            return report
    Exempt:
        Ordinary markers, sections, properties; sorting the items; the product of a project that is a
        plugin of pytest.
    Evasions:
        `setattr`, `__dict__`, a hook under another name (`specname=`), a plugin class, a hook that is
        assigned or registered at run time, another name for the items.
    Measured:
        No verdicts yet.
    """

    code = "FH703"
    name = "forged-test-outcome"
    gate = "integrity"
    family = "gaming"
    subs = ("outcome", "collection-skip")
    roles = EVERY

    def over(self, module: Module) -> Iterable[Hit]:
        """Return at most one hit of each sub for each implementation of a hook."""
        if not data.HOOK_BYTES.search(module.data):
            return
        found = list(_implementations(module))
        names = names_of(module) if found else {}
        for hook, function in found:
            way = way_of(function, names, hook)
            if way:
                yield self._said(module, function, "outcome", f"{hook}: {way}", "remove the hook")
            if _skips(module, function):
                said = f"{hook} adds marks by which tests do not run"
                yield self._said(module, function, "collection-skip", said, "mark the tests where they stand")

    def _said(self, module: Module, function: Implementation, sub: str, message: str, fix: str) -> Hit:
        return self.hit(module, function, message, fix, sub=sub, details={"role": module.role})

    def settle(self, hits: Sequence[Hit], index: Index, options: Mapping[str, Option]) -> Iterable[Hit]:
        """Leave out the product of a plugin: hooks are what it consists of."""
        del options
        plugin = index.metadata.is_pytest_plugin
        return [hit for hit in hits if not (plugin and hit.details["role"] == "product")]


def _implementations(module: Module) -> Iterator[tuple[str, Implementation]]:
    """Yield hook and function, however the two come together."""
    for name, functions in module.functions.items():
        for function in functions:
            hook = name if name in data.JUDGING_HOOKS else _specified(module, function)
            if hook:
                yield hook, function
    for name, value in _named_values(module):
        yield from _bound(module, name, value)


def _named_values(module: Module) -> Iterator[tuple[str, ast.expr]]:
    """Yield what is given a name otherwise than by `def`: assigned, set, or as an entry of a dict."""
    for assigned in module.nodes(ast.Assign):
        yield from ((last_part(target), assigned.value) for target in assigned.targets)
    for call in module.calls.of(("setattr",)):
        if len(call.args) > 2:
            yield module.text(call.args[1]) or "", call.args[2]
    for display in module.nodes(ast.Dict):
        pairs = zip(display.keys, display.values, strict=True)
        yield from ((str(key.value), value) for key, value in pairs if isinstance(key, ast.Constant))


def _bound(module: Module, hook: str, value: ast.expr) -> Iterator[tuple[str, Implementation]]:
    if hook not in data.JUDGING_HOOKS:
        return
    if isinstance(value, ast.Lambda):
        yield hook, value
    for function in module.functions.get(last_part(value), ()):
        yield hook, function


def _specified(module: Module, function: FunctionNode) -> str:
    """Return the hook that `@hookimpl(specname=...)` names; empty for none."""
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call) and last_part(decorator) == "hookimpl":
            named = module.text(argument(decorator, None, "specname")) or ""
            return named if named in data.JUDGING_HOOKS else ""
    return ""


def _skips(module: Module, function: Implementation) -> bool:
    if not isinstance(function, FUNCTIONS):
        return False
    calls = (node for node in ast.walk(function) if isinstance(node, ast.Call))
    return any(
        _is_skip(module, call.args[0]) for call in calls if last_part(call) == "add_marker" and call.args
    )


def _is_skip(module: Module, marker: ast.expr) -> bool:
    meant = module.value(marker)
    called = meant.func if isinstance(meant, ast.Call) else meant
    return module.resolve(called) in data.SKIPPING or module.text(meant) in {"skip", "xfail"}
