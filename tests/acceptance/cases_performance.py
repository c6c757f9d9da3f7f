"""Cases of the fail-open list about performance: no benchmark, another name, switched off, slower."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.case import Case
from tests.acceptance.harness import Ask, Expected, Outcome
from tests.acceptance.project import SECOND, Files, commit, write
from tests.size import FULL

ASK = Ask(only="performance", level=3)
SPEED = "tests/test_speed.py"
BENCHMARK = """\
from shop.prices import net


def test_net_is_quick(failhard_benchmark) -> None:
    assert failhard_benchmark(net, list(range(2000))) == 1999000
"""
TWICE: Files = {
    "shop/prices.py": str(SECOND["shop/prices.py"]).replace(
        "total += price\n", "total += int(str(price))\n", 1
    )
}
"""The same sum, several times as slow."""
DOCUMENTED: Files = {"README.md": "# Shop\n\nAdds up prices.\n"}


def with_benchmark(root: Path) -> None:
    """Commit the benchmark, and then something else: the base has it too."""
    commit(write(root, {SPEED: BENCHMARK}))
    commit(write(root, DOCUMENTED))


def _renamed(root: Path) -> None:
    """Rename what the base has, and make what it measures slower."""
    with_benchmark(root)
    write(root, {SPEED: BENCHMARK.replace("test_net_is_quick", "test_net"), **(TWICE if FULL else {})})


def _switched_off(root: Path) -> None:
    with_benchmark(root)
    write(root, {SPEED: BENCHMARK.replace("failhard_benchmark(net, ", "net("), **TWICE})


def _slower(root: Path) -> None:
    with_benchmark(root)
    write(root, TWICE)


def _both_are_said(outcome: Outcome) -> None:
    """The vanished name is a finding, and the new one is measured on both sides all the same."""
    rules = {finding["rule"] for finding in outcome.gate("performance")["findings"]}
    # In the size of CI nothing is slower, so nothing has to be measured; FO-13 is what is slower.
    assert {"benchmark-removed", *({"perf-regression"} if FULL else ())} <= rules


def _is_complete(outcome: Outcome) -> None:
    """A regression is judged like any other measure: the report says by how much."""
    gate = outcome.gate("performance")
    assert gate["measures"]["benchmarks"] == 1
    names = {kept["name"] for kept in gate["evidence"]}
    assert "states.json" in names


CASES = (
    Case(
        id="FO-10",
        gate="performance",
        author=Expected.ERROR,
        supervised=Expected.ERROR,
        phrase="no-benchmarks",
        ask=ASK,
        # Nothing but a text differs, so nothing has to be measured.
        twin={},
        twin_change=with_benchmark,
    ),
    Case(
        id="FO-11",
        gate="performance",
        author=Expected.FAIL,
        supervised=Expected.FAIL,
        phrase="benchmark-removed",
        change=_renamed,
        ask=ASK,
        twin={},
        twin_change=with_benchmark,
        also=_both_are_said,
    ),
    Case(
        id="FO-12",
        gate="performance",
        author=Expected.ERROR,
        supervised=Expected.ERROR,
        phrase="not-measured",
        change=_switched_off,
        ask=ASK,
        twin={},
        twin_change=with_benchmark,
    ),
    Case(
        id="FO-13",
        gate="performance",
        author=Expected.FAIL,
        supervised=Expected.FAIL,
        phrase="perf-regression",
        change=_slower,
        ask=ASK,
        twin={},
        twin_change=with_benchmark,
        also=_is_complete,
    ),
)
