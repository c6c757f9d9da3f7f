"""rerun-test: a test that may fail, as long as it passes once."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from pytest_failhard.rules.data import delays as data
from pytest_failhard.rules.unit import TESTS, Hit, StaticRule
from pytest_failhard.source.module import Module


class RerunTest(StaticRule):
    """A test is run again until it passes.

    Finds:
        The mark `flaky` of pytest-rerunfailures and pytest-retry, and the decorator of flaky. `--reruns` in
        a configuration or a command is a weakened configuration (FH707).
    Why:
        A test that fails now and then has found something: a race, an order, a clock. Run again it says
        nothing, and the system still fails now and then.
    Bad:
        import pytest

        @pytest.mark.flaky(reruns=3)
        def test_total(cart):
            assert cart.total() == 42
    Good:
        def test_total(cart):
            assert cart.total() == 42
    Exempt:
        A mark that allows one run: `reruns=0`, `max_runs=1`.
    Evasions:
        `pytestmark`, a class, an alias of the mark, `pytest.param(..., marks=...)`.
    Measured:
        6 hits in one of 30 projects, all of them such tests.
    """

    code = "rerun-test"
    name = "rerun-test"
    gate = "integrity"
    family = "gaming"
    roles = TESTS

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each mark."""
        if not any(word in module.data for word in data.RERUN_BYTES):
            return
        for node in (*module.nodes(ast.Attribute), *module.nodes(ast.Name)):
            if module.resolve(node) in data.RERUN_MARKS and not _is_once(module, node):
                where = module.qualname(node) or "the module"
                message = f"{where} is run again until it passes"
                yield self.hit(module, node, message, "find what makes it fail now and then, and mend that")


def _is_once(module: Module, mark: ast.AST) -> bool:
    """Tell whether a mark allows no second run; also for what is no use of it: a part of a longer name."""
    call = module.parent(mark)
    if isinstance(call, ast.Attribute) or (isinstance(mark, ast.Name) and isinstance(mark.ctx, ast.Store)):
        return True
    if not isinstance(call, ast.Call) or call.func is not mark:
        return False
    given = [(each.arg, each.value) for each in call.keywords] + [(None, each) for each in call.args[:1]]
    return any(
        isinstance(value, ast.Constant) and name in data.RERUN_NONE and value.value == data.RERUN_NONE[name]
        for name, value in given
    )
