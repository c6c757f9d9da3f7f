"""Tests of pairs of real workers over two small trees, whose proofs are checked."""

from __future__ import annotations

import hashlib
import math
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_failhard.gates.performance import clocks, prove
from pytest_failhard.gates.performance.duet import Duet
from pytest_failhard.gates.performance.pairs import counting, self_check
from pytest_failhard.gates.performance.pairs.lockstep import Plan
from pytest_failhard.gates.performance.pairs.measured import Outcome, Product
from pytest_failhard.gates.performance.pairs.series import measure
from pytest_failhard.gates.performance.samples import Benchmark, SideName
from pytest_failhard.gates.performance.sides import Side, Trees
from pytest_failhard.gates.performance.trees import proof as proofs
from pytest_failhard.model import GateError
from tests.gates.performance.driving import BENCHMARK, SERVE
from tests.gates.performance.duets import conduct, run_of
from tests.size import in_full
from tests.support import write

APP = """
import time
STEPS = {steps}

def work():
    return sum(number * number for number in range(STEPS))

def wait():
    time.sleep({wait})
    return work()
"""
TESTS = """
from app import core

def test_work(benchmark):
    assert benchmark(core.work) > 0

def test_wait(benchmark):
    assert benchmark.pedantic(core.wait) > 0

def test_new(benchmark):
    assert benchmark(core.fast) == 1
"""
FILE = "tests/test_speed.py"
WORK, WAIT, NEW = (f"{FILE}::{name}" for name in ("test_work", "test_wait", "test_new"))
FAST = "\ndef fast():\n    return 1\n"


def side(folder: Path, name: SideName, core: str) -> Side:
    """Return a side with a package and its benchmarks."""
    tree = write(
        folder / name, {"app/__init__.py": "", "app/core.py": core, FILE: TESTS, "pytest.ini": "[pytest]\n"}
    )
    options = ("-P", "-s", "-m", "pytest", "-c", str(tree / "pytest.ini"), "--rootdir", str(tree))
    return Side(
        name=name,
        tree=tree,
        python=Path(sys.executable),
        config=tree / "pytest.ini",
        environment={
            "PATH": os.defpath,
            "PYTHONPATH": str(tree),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        roots=(tree,),
        packages=("app",),
        files={
            path.relative_to(tree).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in tree.rglob("*")
            if path.is_file()
        },
        arguments=(*options, "-p", "no:cacheprovider", "-p", SERVE, *BENCHMARK, FILE),
        tests=(FILE,),
    )


def duet(
    folder: Path,
    *,
    steps: tuple[int, int] = (2000, 2000),
    waits: tuple[float, float] = (0.0, 0.0),
    rounds: int = 10,
) -> Duet:
    """Return a duet of two trees whose functions do so many steps and wait so long."""
    base = side(folder, "base", APP.format(steps=steps[0], wait=waits[0]))
    head = side(folder, "head", APP.format(steps=steps[1], wait=waits[1]) + FAST)
    harness = {FILE: base.files[FILE]}
    return Duet(
        run=run_of(folder, seconds=300),
        trees=Trees(
            base=base, head=head, original=None, commit="a" * 40, chosen="for a test", harness=harness
        ),
        check=proofs.check,
        plan=Plan(rounds=rounds),
    )


def test_a_pair_of_two_versions(tmp_path: Path) -> None:
    played = duet(tmp_path, steps=(1000, 8000), waits=(0.001, 0.02), rounds=3)

    result = played.play([Benchmark(id=WORK), Benchmark(id=WAIT, pin=False), Benchmark(id=NEW)], 1)

    work, wait = clocks.logs(result.pairs[WORK]), clocks.logs(result.pairs[WAIT])
    assert work["cpu"] is not None
    assert work["cpu"] > math.log(2)
    assert wait["wall"] is not None
    assert wait["wall"] > math.log(2)
    assert result.pairs[WORK].cpu in played.cpus
    assert result.pairs[WAIT].cpu is None
    assert (result.failures[NEW]["base"].error, set(result.failures[NEW])) == ("AttributeError", {"base"})
    assert result.pairs[WORK].base.peak_rss > 1024 * 1024


def test_a_call_of_each_is_counted_on_both_sides(tmp_path: Path) -> None:
    played = duet(tmp_path)

    counted = counting.count(played)

    assert [each.id for each in counted.benchmarks] == [WORK, WAIT, NEW]
    assert counted.counts[WAIT]["base"].functions == {
        "app/core.py::work": 1,
        "app/core.py::work.<locals>.<genexpr>": 2001,
        "app/core.py::wait": 1,
    }
    assert set(counted.counts[NEW]) == {"head"}
    assert counted.failures[NEW]["base"].owner == "app.core"
    assert counted.plugin.startswith("pytest-benchmark 5.")


@in_full
def test_the_other_sides_code_is_an_error(tmp_path: Path) -> None:
    played = duet(tmp_path)
    head = played.trees.head
    elsewhere = {**head.environment, "PYTHONPATH": str(played.trees.base.tree)}
    wrong = replace(played, trees=replace(played.trees, head=replace(head, environment=elsewhere)))

    with pytest.raises(GateError, match=r"^wrong-code: head loaded the module app"):
        wrong.play([Benchmark(id=WORK)], 1)


@in_full
def test_a_series_of_two_versions(tmp_path: Path) -> None:
    played = duet(tmp_path, steps=(20_000, 27_000), waits=(0.002, 0.002))
    under = conduct(remaining=played.run.remaining, product=Product(packages=("app",)))

    work, wait, new = measure([Benchmark(id=each) for each in (WORK, WAIT, NEW)], played.play, under)

    assert work.slower
    assert wait.outcome is Outcome.DECIDED
    assert new.outcome is Outcome.NEW


@in_full
def test_the_gate_proves_itself(tmp_path: Path) -> None:
    played = duet(tmp_path, steps=(20_000, 20_000), waits=(0.002, 0.002))
    under = conduct(remaining=played.run.remaining)
    base = played.trees.base

    assert not self_check.check(Benchmark(id=WORK), played.twins(base).play, under).slower
    found = prove.prove(
        [Benchmark(id=WORK), Benchmark(id=WAIT)], lambda inject: played.twins(base, inject).play, under
    )
    assert all(each.slower for each in found)
