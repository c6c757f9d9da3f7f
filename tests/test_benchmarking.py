"""The fixture `failhard_benchmark` and the marker `failhard_perf` in ordinary runs of pytest."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_failhard.benchmarking import Benchmark, UsedTwiceError
from tests.support import inactive, write

RIGHT = """\
import pytest

CALLS = []


@pytest.mark.failhard_perf(max_regression=0.1)
def test_once(failhard_benchmark):
    assert failhard_benchmark(CALLS.append, 1) is None
    assert CALLS == [1]


def test_set_up(failhard_benchmark):
    assert failhard_benchmark.pedantic(sum, setup=lambda: (([1, 2],), {}), rounds=9) == 3
"""
WRONG = """\
import pytest


@pytest.mark.failhard_perf(max_regression=0.2)
@pytest.mark.parametrize("size", [1, 2])
def test_loose(failhard_benchmark, size):
    failhard_benchmark(sum, [size])


@pytest.mark.failhard_perf(limit=0.1, pin="no")
def test_unknown(failhard_benchmark):
    failhard_benchmark(sum, [1])
"""
MISTAKES = """\
test_wrong.py::test_loose: failhard_perf: max_regression is 0.2: it may be lower than 0.15, not higher
test_wrong.py::test_unknown: failhard_perf: has no limit: it knows max_regression, budget_ms, pin, clock
test_wrong.py::test_unknown: failhard_perf: pin is 'no', not True or False
"""


def test_an_ordinary_run_calls_once(tmp_path: Path) -> None:
    done = inactive(write(tmp_path, {"test_right.py": RIGHT}))
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_mistakes_are_refused_together_before_any_test_runs(tmp_path: Path) -> None:
    done = inactive(write(tmp_path, {"test_right.py": RIGHT, "test_wrong.py": WRONG}))
    assert done.returncode == pytest.ExitCode.USAGE_ERROR, done.stdout
    assert [line.removeprefix("ERROR: ") for line in done.stderr.split("\n") if line] == MISTAKES.splitlines()


def test_workers_of_xdist_refuse_as_well(tmp_path: Path) -> None:
    done = inactive(write(tmp_path, {"test_wrong.py": WRONG}), "-p", "xdist.plugin", "-n", "1")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR, done.stdout
    assert MISTAKES.splitlines()[1] in done.stderr


def test_it_can_be_used_once() -> None:
    benchmark = Benchmark()
    assert benchmark(max, 1, 2) == 2
    with pytest.raises(UsedTwiceError):
        benchmark(max, 1, 2)
    with pytest.raises(UsedTwiceError):
        benchmark.pedantic(max, (1, 2))


def test_what_is_set_up_is_torn_down() -> None:
    events: list[object] = []
    result = Benchmark().pedantic(
        lambda *args, **kwargs: (args, kwargs),
        (1,),
        {"b": 2},
        teardown=lambda *args, **kwargs: events.append((args, kwargs)),
    )
    assert (result, events) == (((1,), {"b": 2}), [((1,), {"b": 2})])
    assert Benchmark().pedantic(lambda: events, setup=events.clear) == []


def test_arguments_have_one_source() -> None:
    with pytest.raises(TypeError, match="if `setup` returns the arguments"):
        Benchmark().pedantic(len, ([],), setup=lambda: (([],), {}))
