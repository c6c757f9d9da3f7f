"""sleeping-test: a test that waits by the clock instead of for something."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterable

from pytest_failhard.rules.data import delays as data
from pytest_failhard.rules.unit import TESTS, Hit, StaticRule
from pytest_failhard.source.checks import is_fixture, is_test
from pytest_failhard.source.module import Module, last_part

ELSEWHEN = (ast.For, ast.AsyncFor, ast.While, ast.Lambda)


class SleepingTest(StaticRule):
    """A test sleeps for a fixed time.

    Finds:
        A sleep of a fixed time in a test, a fixture or a hook, outside a loop. The policy takes the stock as
        it is; what a change adds is a finding.
    Why:
        A delay hides a race, it mends none: on a slower machine the test fails again, and on all others it
        costs its time in every run.
    Bad:
        import time

        def test_ready(server):
            server.start()
            time.sleep(2)
            assert server.is_ready()
    Good:
        def test_ready(server):
            server.start()
            assert server.wait_until_ready(timeout=30)
    Exempt:
        `sleep(0)`, which only lets others run; a sleep in a loop that looks whether it is time; one in a
        function inside a test: a slow service that the test plays.
    Evasions:
        `asyncio.sleep`, an alias, a constant of the module. Not seen: a helper that sleeps.
    Measured:
        79 places in 9 of 30 projects, hand-written ones among them: the stock is nobody's finding.
    """

    code = "sleeping-test"
    name = "sleeping-test"
    gate = "integrity"
    family = "gaming"
    roles = TESTS

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each sleep."""
        if data.SLEEP_BYTES not in module.data:
            return
        for call in module.nodes(ast.Call):
            if last_part(call) != "sleep" and not isinstance(call.func, ast.Name):
                continue
            if module.resolve(call.func) in data.SLEEPS and _is_fixed(module, call) and _waits(module, call):
                message = f"{module.qualname(call)} waits by the clock"
                yield self.hit(module, call, message, "wait for what it is about, with a limit")


def _is_fixed(module: Module, call: ast.Call) -> bool:
    value = module.value(call.args[0]) if call.args else None
    return isinstance(value, ast.Constant) and isinstance(value.value, int | float) and value.value > 0


def _waits(module: Module, call: ast.Call) -> bool:
    """Tell whether a sleep runs once in a test or a fixture itself."""
    function = module.function(call)
    if function is None or not (is_test(module, function) or is_fixture(function)):
        return False
    inside = itertools.takewhile(lambda above: above is not function, module.ancestors(call))
    return not any(isinstance(above, ELSEWHEN) for above in inside)
