"""Tests of one pair of fresh processes: how both are started, who takes turns, what is told of failures."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_failhard.gates.performance.duet import processors, require_platform, rotated, seed
from pytest_failhard.gates.performance.pairs.channel import WorkerDiedError
from pytest_failhard.gates.performance.pairs.lockstep import Plan
from pytest_failhard.gates.performance.samples import Failure
from pytest_failhard.gates.performance.settings import PerformanceSettings
from pytest_failhard.model import GateError
from tests.gates.performance.duets import ONE, TWO, Proven, Script, benchmark, duet, survivors

SKIPPED = {"outcome": "skipped", "phase": "setup", "measured": False}


class TestAPair:
    def test_both_sides_give_batches_of_as_many_calls(self, tmp_path: Path) -> None:
        check = Proven()
        played = duet(tmp_path, head={"factor": 2.0, "calls": 9}, check=check)

        result = played.play([benchmark()], 1)

        pair = result.pairs[ONE]
        assert [batch.cpu for batch in pair.base.batches] == [4_000_000] * 4
        assert [batch.cpu for batch in pair.head.batches] == [8_000_000] * 4
        assert (pair.base.calls, pair.head.calls, pair.head.peak_rss) == (4, 4, 1000)
        assert (pair.number, pair.first, pair.cpu) == (1, "base", processors()[1 % len(processors())])
        assert pair.seed == int.from_bytes(hashlib.sha256(b"0:1").digest()[:4])
        assert pair.conditions.load is not None
        assert result.failures == {}
        assert result.adjusted
        ((trees, base, head),) = check.proofs
        assert (trees, base["side"], head["side"]) == (played.trees, "base", "head")
        assert survivors(tmp_path) == []

    def test_both_take_turns_and_the_first_side_alternates(self, tmp_path: Path) -> None:
        played = duet(tmp_path, both={"ids": [ONE, TWO], "log": str(tmp_path / "log")})

        for number in (1, 2):
            played.play([benchmark(), benchmark(TWO)], number)

        lines = (tmp_path / "log").read_text().splitlines()
        batches = [line.split()[0] for line in lines if line.split()[1] == "batch"]
        odd = ["base", "head", "head", "base", "base", "head", "head", "base"]
        even = ["head", "base", "base", "head", "head", "base", "base", "head"]
        assert batches == odd * 2 + even * 2
        order = [line.split()[2] for line in lines if line.split()[:2] == ["base", "ready"]]
        assert order == [TWO, ONE, ONE, TWO]

    def test_a_head_that_is_many_times_slower_makes_no_batches_that_are_as_many_times_longer(
        self, tmp_path: Path
    ) -> None:
        pair = duet(tmp_path, head={"call_ns": 8_000_000}).play([benchmark()], 1).pairs[ONE]

        assert (pair.base.calls, pair.head.calls) == (2, 2)

    def test_a_long_call_gets_fewer_rounds(self, tmp_path: Path) -> None:
        slow = {"calls": 1, "call_ns": 600_000_000}

        result = duet(tmp_path, head=slow, plan=Plan(rounds=10)).play([benchmark()], 1)

        assert len(result.pairs[ONE].base.batches) == 3

    def test_what_cannot_end_in_its_time_is_not_begun(self, tmp_path: Path) -> None:
        slow = {"calls": 1, "call_ns": 4_000_000_000}

        result = duet(tmp_path, both=slow).play([benchmark()], 1)

        assert result.pairs == {}
        assert result.failures == {}
        assert result.call_seconds == {ONE: 4.0}

    def test_a_benchmark_may_run_on_all_processors(self, tmp_path: Path) -> None:
        result = duet(tmp_path).play([benchmark(pin=False)], 1)

        assert result.pairs[ONE].cpu is None

    def test_a_side_without_accounts_says_why(self, tmp_path: Path) -> None:
        result = duet(tmp_path, head={"hello": {"adj": False, "why": "no schedstat"}}).play([benchmark()], 1)

        assert (result.adjusted, result.why_not) == (False, "no schedstat")

    @pytest.mark.parametrize("said", [{"hello": {"affinity": [97]}}, {"place": [97]}])
    def test_a_process_that_runs_elsewhere_is_an_error(self, tmp_path: Path, said: Script) -> None:
        with pytest.raises(GateError, match=r"^environment-differs: the process of head runs on .* \(97,\)"):
            duet(tmp_path, head=said).play([benchmark()], 1)

        assert survivors(tmp_path) == []

    def test_where_one_side_dies_both_end(self, tmp_path: Path) -> None:
        with pytest.raises(WorkerDiedError, match=r"process of head was lost"):
            duet(tmp_path, head={"faults": {"batch": "killed"}}).play([benchmark()], 1)

        assert survivors(tmp_path) == []

    @pytest.mark.parametrize(
        ("said", "error"),
        [
            (
                {"hello": {"unsupported": "pytest-benchmark 6.0"}},
                r"^benchmark-plugin-unsupported: pytest-benc",
            ),
            ({"traced": "sys.setprofile"}, r"^traced-worker: sys\.setprofile is active"),
        ],
    )
    def test_a_process_that_cannot_measure(self, tmp_path: Path, said: Script, error: str) -> None:
        with pytest.raises(GateError, match=error):
            duet(tmp_path, head=said).play([benchmark()], 1)

        assert survivors(tmp_path) == []


class TestWhereTheyRun:
    def test_the_second_side_starts_beside_the_first_and_both_are_measured_in_one_place(
        self, tmp_path: Path
    ) -> None:
        played = replace(duet(tmp_path), cpus=(4, 7, 9))

        odd, even = played.start(3), played.start(8)

        assert (odd.cpu, odd.home("base"), odd.home("head")) == (4, 4, 7)
        assert (even.cpu, even.home("base"), even.home("head")) == (9, 4, 9)
        told = {name: odd.environment_of(name) for name in odd.order}
        assert [each["FAILHARD_CPU"] for each in told.values()] == ["4", "4"]
        assert [each["FAILHARD_HOME"] for each in told.values()] == ["00004", "00007"]

    def test_one_processor_is_shared_and_none_is_not_named(self, tmp_path: Path) -> None:
        alone, nowhere = (replace(duet(tmp_path), cpus=cpus).start(2) for cpus in ((3,), ()))

        assert {alone.home(name) for name in alone.order} == {3}
        assert {nowhere.environment_of(name)["FAILHARD_HOME"] for name in nowhere.order} == {""}

    def test_a_tree_beside_itself_has_temporary_files_apart(self, tmp_path: Path) -> None:
        shared = tmp_path / "shared"
        shared.mkdir()
        played = duet(tmp_path)
        head = replace(played.trees.head, environment={"PATH": os.defpath, "TMPDIR": str(shared)})

        played.twins(head).play([benchmark()], 1)

        assert sorted(path.name for path in shared.iterdir()) == ["base", "head"]


class TestRounds:
    @pytest.mark.parametrize(("most_rounds", "rounds"), [(0, 3), (7, 7)])
    def test_a_start_that_takes_longer_than_the_batches_is_worth_more_of_them(
        self, tmp_path: Path, most_rounds: int, rounds: int
    ) -> None:
        plan = Plan(rounds=3, most_rounds=most_rounds, max_seconds=4800)

        # A process starts, which no batch of the scripted ones does.
        with_more = duet(tmp_path, plan=plan).play([benchmark()], 1).pairs[ONE]

        assert len(with_more.base.batches) == len(with_more.head.batches) == rounds

    def test_it_leaves_time_for_all_pairs(self) -> None:
        plan = Plan.of(PerformanceSettings(max_seconds=48, rounds=10, pairs=(3, 12, 24)))

        assert (plan.rounds, plan.most_rounds, plan.fewest) == (10, 40, 3)
        assert [plan.worth, plan.after(0.25).worth, plan.after(7).worth] == [0, 0.25, 1]


class TestFailures:
    def test_each_kind_of_end_without_numbers(self, tmp_path: Path) -> None:
        error = {
            "type": "ImportError",
            "name": "fast",
            "owner": "app",
            "message": "cannot import name 'fast'",
        }
        ends = {
            "t.py::skipped": SKIPPED,
            "t.py::unused": {"outcome": "passed", "measured": False},
            "t.py::imports": {"outcome": "failed", "phase": "setup", "measured": False, "error": error},
            "t.py::asserts": {"outcome": "failed", "phase": "call", "error": {"type": "AssertionError"}},
            "t.py::lazy": {"lazy": "coroutine"},
        }
        played = duet(tmp_path, both={"ids": [*ends, ONE]}, base={"ends": ends})

        result = played.play([benchmark(each) for each in [*ends, ONE]], 1)

        assert {each: dict(failures) for each, failures in result.failures.items()} == {
            "t.py::skipped": {"base": Failure(kind="skipped", phase="setup")},
            "t.py::unused": {"base": Failure(kind="unused", phase="call")},
            "t.py::imports": {
                "base": Failure(
                    kind="failed",
                    phase="setup",
                    error="ImportError",
                    name="fast",
                    owner="app",
                    message="cannot import name 'fast'",
                )
            },
            "t.py::asserts": {"base": Failure(kind="failed", phase="call", error="AssertionError")},
            "t.py::lazy": {"base": Failure(kind="lazy", phase="call", message="coroutine")},
        }
        assert list(result.pairs) == [ONE]

    def test_a_target_that_cannot_be_called_again(self, tmp_path: Path) -> None:
        result = duet(tmp_path, head={"faults": {"batch": "repeats_not"}}).play([benchmark()], 1)

        assert result.failures[ONE]["head"].kind == "not-repeatable"
        assert result.pairs == {}

    def test_what_only_one_side_collects_runs_on_none(self, tmp_path: Path) -> None:
        lost = {
            "file": "tests/conftest.py",
            "type": "ImportError",
            "name": "fast",
            "owner": "app",
            "message": "no",
        }
        played = duet(tmp_path, base={"errors": [lost]}, head={"ids": [ONE, TWO, "t.py::new"]})

        result = played.play([benchmark(ONE), benchmark(TWO), benchmark("t.py::new")], 1)

        assert list(result.pairs) == [ONE]
        assert result.failures[TWO]["base"] == Failure(
            kind="absent", phase="collect", error="ImportError", name="fast", owner="app", message="no"
        )
        assert result.failures["t.py::new"]["base"] == Failure(kind="absent", phase="collect")

    def test_where_nothing_is_left_the_processes_end_with_their_proofs(self, tmp_path: Path) -> None:
        check = Proven()

        result = duet(tmp_path, check=check).play([benchmark(TWO)], 1)

        assert set(result.failures[TWO]) == {"base", "head"}
        ((_, base, _),) = check.proofs
        assert base["order"] == {"stop": True}


def test_modules_rotate_and_their_tests_stay_together() -> None:
    ids = ["a.py::x", "a.py::y", "b.py::z", "c.py::w"]

    assert [rotated(ids, number) for number in (3, 4, 5)] == [
        ids,
        ["b.py::z", "c.py::w", "a.py::x", "a.py::y"],
        ["c.py::w", "a.py::x", "a.py::y", "b.py::z"],
    ]
    assert rotated([], 4) == []


def test_each_pair_has_a_hash_seed_of_its_own_that_python_takes() -> None:
    seeds = [seed(7, number) for number in range(100)]

    assert len(set(seeds)) == 100
    assert all(0 <= each < 2**32 for each in seeds)
    assert seed(8, 0) != seeds[0]


def test_windows_is_refused() -> None:
    require_platform("linux")
    with pytest.raises(GateError, match=r"measure on Linux"):
        require_platform("win32")
