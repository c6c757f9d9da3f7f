"""Tests of the pair that is not timed: what both sides have, what one call of each counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_failhard.gates.performance.pairs.channel import WorkerDiedError
from pytest_failhard.gates.performance.pairs.counting import collect, count
from pytest_failhard.gates.performance.pairs.messages import Uncollected
from pytest_failhard.gates.performance.samples import Benchmark, Counts, Failure
from tests.gates.performance.duets import ONE, TWO, Proven, duet, run_of, side, survivors

SKIPPED = {"outcome": "skipped", "phase": "setup"}


def test_every_benchmark_of_head_is_counted_where_it_is(tmp_path: Path) -> None:
    check = Proven()
    ids = [ONE, TWO, "t.py::skipped", "t.py::excluded"]
    markers = {ONE: {"max_regression": "0.05", "budget_ms": "5", "pin": False, "clock": ["wall"]}}
    played = duet(
        tmp_path,
        both={"hello": {"plugin": "pytest-benchmark 5.3.1"}},
        base={"ids": ["t.py::removed", ONE, "t.py::skipped"]},
        head={"ids": ids, "markers": markers, "ends": {"t.py::skipped": SKIPPED}},
        check=check,
    )

    counting = count(played, excluded={"t.py::excluded"})

    counts = Counts(memory=1000, functions={"app/core.py::parse": 1}, sql=2)
    assert [each.id for each in counting.benchmarks] == ids[:3]
    assert counting.benchmarks[0] == Benchmark(
        id=ONE, limit="0.05", budget_ms="5", pin=False, clocks=("wall",)
    )
    assert counting.counts[ONE] == {"base": counts, "head": counts}
    assert counting.counts[TWO] == {"head": counts}
    assert counting.failures == {
        ONE: {},
        TWO: {"base": Failure(kind="absent", phase="collect")},
        "t.py::skipped": {"head": Failure(kind="skipped", phase="setup")},
    }
    assert [each.id for each in counting.collected["base"].collected] == [
        "t.py::removed",
        ONE,
        "t.py::skipped",
    ]
    assert counting.plugin == "pytest-benchmark 5.3.1"
    ((_, base, head),) = check.proofs
    assert (base, head) == (counting.proofs["base"], counting.proofs["head"])
    assert survivors(tmp_path) == []


def test_nothing_to_count_ends_both_sides(tmp_path: Path) -> None:
    counting = count(duet(tmp_path, head={"ids": []}))

    assert counting.benchmarks == ()
    assert survivors(tmp_path) == []


def test_one_that_was_not_counted_because_its_fixture_was_not_used(tmp_path: Path) -> None:
    counting = count(duet(tmp_path, head={"ends": {ONE: {"phase": "call", "unused": True}}}))

    assert counting.failures[ONE] == {"head": Failure(kind="unused", phase="call")}


def test_a_collection_runs_nothing(tmp_path: Path) -> None:
    lost = {"file": "tests/test_b.py", "type": "SyntaxError", "name": "", "owner": "", "message": "invalid"}

    collected = collect(run_of(tmp_path), side(tmp_path, "base", ids=[ONE], errors=[lost]))

    assert [entry.id for entry in collected.collected] == [ONE]
    assert collected.errors == (Uncollected(file="tests/test_b.py", type="SyntaxError", message="invalid"),)
    assert survivors(tmp_path) == []


def test_a_worker_that_dies_while_counting(tmp_path: Path) -> None:
    with pytest.raises(WorkerDiedError, match=rf"a counted call of {ONE}"):
        count(duet(tmp_path, base={"faults": {"counted": "ends"}}))

    assert survivors(tmp_path) == []
