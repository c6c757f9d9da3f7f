"""The gate over small repositories: what becomes of every kind of change, and what can never be a pass."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from pytest_failhard.gates.performance import PerformanceGate, recomputing
from pytest_failhard.gates.performance.declaration import Exclusion, Workload
from pytest_failhard.gates.performance.settings import PerformanceSettings
from pytest_failhard.model import GateError, Observation, Settings, Severity
from pytest_failhard.run import GateRun
from tests.gates.performance.repositories import commit, repository, run_of
from tests.size import FULL, in_full
from tests.support import Kept

Files = Mapping[str, str | bytes | None]
ENFORCED = PerformanceSettings(enforce=("benchmarks", "imports", "memory"))
QUICK = replace(ENFORCED, rounds=3, max_seconds=30)
"""Fewer rounds than any level asks for: the slowdowns here are large."""
FILE = "tests/test_speed.py"
TESTS = """
from app import core

def test_work(failhard_benchmark):
    assert failhard_benchmark(core.work) > 0
"""
CORE = '''"""What is measured."""


def work():
    return sum(number * number for number in range({steps}))
'''
BASE: Files = {
    "pyproject.toml": '[project]\nname = "app"\nversion = "1"\n[tool.pytest.ini_options]\npythonpath = ["."]\n',
    "app/__init__.py": "",
    "app/core.py": CORE.format(steps=2000),
    FILE: TESTS,
    "README.md": "# App\n",
}


def settled(run: GateRun, settings: PerformanceSettings) -> tuple[Observation, dict[str, str], Kept]:
    """Return what the gate saw, the state of each benchmark, and what it kept."""
    kept = run.keep
    assert isinstance(kept, Kept)
    try:
        observation = PerformanceGate().observe(replace(run, settings=settings))
    finally:
        run.close()
    return observation, json.loads(kept.files["states.json"])["states"], kept


def rules(observation: Observation) -> dict[str, Severity]:
    return {f"{each.rule} {each.anchor.rpartition('::')[2]}": each.severity for each in observation.findings}


def observed(root: Path, *states: Files, settings: PerformanceSettings = QUICK) -> Observation:
    """Return what the gate saw of the last of some commits."""
    return settled(run_of(repository(root, *states)), settings)[0]


class TestWhatNeedsNoMeasuring:
    def test_a_change_of_a_text_is_identical_and_starts_nothing_that_measures(self, tmp_path: Path) -> None:
        root = repository(tmp_path / "app", BASE, {"README.md": "# The app\n"})

        observation, states, kept = settled(run_of(root), replace(QUICK, self_check=True))

        assert states == {f"{FILE}::test_work": "identical"}
        assert observation.measures == {
            "benchmarks": 1,
            "compared": 1,
            "compared_percent": 100,
            "worst_ratio": Fraction(1),
        }
        assert (observation.findings, observation.traits) == ((), frozenset())
        assert kept.files["pairs.jsonl"] == b""

    def test_without_a_benchmark_there_is_a_test_to_paste(self, tmp_path: Path) -> None:
        with pytest.raises(GateError, match=r"no-benchmarks: (.|\n)*from app.core import work\n") as raised:
            observed(
                tmp_path / "app",
                {**BASE, FILE: "def test_x():\n    pass\n"},
                {"app/core.py": "X = 1\n" + CORE},
            )

        assert "def test_work_is_not_slower(failhard_benchmark):" in str(raised.value)

    def test_where_nothing_is_demanded_the_lack_of_one_is_told(self, tmp_path: Path) -> None:
        told = PerformanceSettings(report=("benchmarks",))
        root = repository(tmp_path / "app", {**BASE, FILE: "X = 1\n"}, {"app/core.py": CORE.format(steps=9)})

        observation, states, kept = settled(run_of(root), told)

        assert (states, observation.examined) == ({}, 1)
        assert "there is no benchmark" in json.loads(kept.files["states.json"])["notes"]

    def test_without_a_base_nothing_is_compared_which_is_an_error_where_it_is_demanded(
        self, tmp_path: Path
    ) -> None:
        root = tmp_path / "app"
        root.mkdir()
        run = run_of(root)
        told = PerformanceGate().observe(replace(run, settings=PerformanceSettings(report=("benchmarks",))))

        assert [(each.rule, each.severity) for each in told.findings] == [("not-compared", Severity.LOW)]
        with pytest.raises(GateError, match="no-baseline: "):
            PerformanceGate().observe(replace(run, settings=QUICK))

    def test_foreign_settings_are_refused(self, tmp_path: Path) -> None:
        run = run_of(repository(tmp_path / "app", BASE))

        with pytest.raises(GateError, match="settings are Settings, not PerformanceSettings"):
            PerformanceGate().observe(replace(run, settings=Settings()))


class TestTheFirstCommit:
    @in_full
    def test_everything_is_new_and_the_machine_is_checked_with_head_itself(self, tmp_path: Path) -> None:
        root = repository(tmp_path / "app", BASE)

        observation, states, _ = settled(run_of(root), replace(QUICK, self_check=True, max_seconds=60))

        assert states == {f"{FILE}::test_work": "new"}
        assert rules(observation) == {"new-benchmark test_work": Severity.LOW}
        assert observation.measures["compared_percent"] == 100
        assert observation.measures["self_check"] == 1


MIXED = """
from app import core

def test_work(failhard_benchmark):
    assert failhard_benchmark(core.work) > 0

def test_gone(failhard_benchmark):
    assert failhard_benchmark(core.work) > 0

def test_signature(failhard_benchmark):
    assert failhard_benchmark(core.signed, 3) == 3

def test_left_out(failhard_benchmark):
    assert failhard_benchmark(core.work) > 0

def test_memory(failhard_benchmark):
    assert failhard_benchmark(core.listed) > 0
"""
MIXED_CORE = (
    CORE + "\n\ndef signed(n):\n    return n\n\n\ndef listed():\n    return len(list(range({items})))\n"
)


def edited(files: Mapping[str, bytes]) -> bool:
    """Tell whether each edit of what was kept is found."""
    pairs = files["pairs.jsonl"].splitlines()
    slower = next(number for number, line in enumerate(pairs) if b"::test_work" in line)
    faster = json.loads(pairs[slower])
    faster["head"] = faster["base"]
    impossible = json.loads(pairs[slower])
    for name in ("wall", "cpu", "adj"):
        impossible["head"][name] = [0 for _ in impossible["head"][name]]
    edits: dict[str, bytes] = {
        "pairs.jsonl": b"\n".join([*pairs[:slower], json.dumps(faster).encode(), *pairs[slower + 1 :]]),
        "states.json": files["states.json"].replace(b'"slower"', b'"not-slower"'),
        "decisions.json": files["decisions.json"].replace(b'"state": "slower"', b'"state": "not-slower"'),
    }
    invented = {"states.json": files["states.json"].replace(b'"removed"', b'"not-slower"')}
    timeless = {
        "pairs.jsonl": b"\n".join([*pairs[:slower], json.dumps(impossible).encode(), *pairs[slower + 1 :]])
    }
    broken = {"pairs.jsonl": b"", "states.json": b"[]", "decisions.json": b"{}"}
    assert any("cannot be decided" in each for each in recomputing.mismatches({**files, **timeless}))
    return all(
        recomputing.mismatches({**files, name: data})
        for table in (edits, invented, broken)
        for name, data in table.items()
    )


def test_each_kind_of_change_has_its_state_and_its_finding(tmp_path: Path) -> None:
    base = {**BASE, FILE: MIXED, "app/core.py": MIXED_CORE.format(steps=2000, items=1000)}
    head = MIXED_CORE.format(steps=8000, items=9000).replace("def signed(n):", "def signed(n, *, more):")
    changed = {
        FILE: MIXED.replace("test_gone", "test_renamed").replace("signed, 3)", "signed, 3, more=1)")
        + "\ndef test_fresh(failhard_benchmark):\n    assert failhard_benchmark(core.fresh) == 1\n",
        "app/core.py": f"{head}\n\ndef fresh():\n    return 1\n",
    }
    root = repository(tmp_path / "app", base, changed)
    left_out = Exclusion(id=f"{FILE}::test_left_out", reason="depends on the weather", owner="anna")

    observation, states, kept = settled(run_of(root), replace(QUICK, excluded=(left_out,)))

    assert {name.rpartition("::")[2]: state for name, state in states.items()} == {
        "test_work": "slower",
        "test_renamed": "slower",
        "test_gone": "removed",
        "test_signature": "incomparable",
        "test_fresh": "new",
        "test_left_out": "excluded",
        "test_memory": "slower",
    }
    assert rules(observation) == {
        "perf-regression test_work": Severity.HIGH,
        "perf-regression test_renamed": Severity.HIGH,
        "perf-regression test_memory": Severity.HIGH,
        "memory-regression test_memory": Severity.MEDIUM,
        "benchmark-removed test_gone": Severity.MEDIUM,
        "incomparable test_signature": Severity.MEDIUM,
        "new-benchmark test_fresh": Severity.LOW,
        "benchmark-excluded test_left_out": Severity.MEDIUM,
    }
    assert observation.measures["benchmarks"] == 5
    assert observation.measures["compared_percent"] == 100
    ratios = {name for name in observation.volatile if name.startswith("ratio ")}
    assert len(ratios) == 3
    # No figure of a clock is in what must be equal in two runs.
    assert not any(re.search(r"\d\.\d", each.message) for each in observation.findings)
    assert recomputing.mismatches(kept.files) == []
    assert edited(kept.files)
    trend = {each["fullname"]: each for each in json.loads(kept.files["benchmarks.json"])["benchmarks"]}
    assert trend[f"{FILE}::test_work"]["extra_info"]["failhard"]["state"] == "slower"
    assert trend[f"{FILE}::test_work"]["stats"]["min"] > 0
    table = kept.files["benchmarks.txt"].decode()
    assert table.index("slower") < table.index("test_gone: removed")


@in_full
def test_where_it_is_only_told_nothing_is_worse_than_low(tmp_path: Path) -> None:
    root = repository(tmp_path / "app", BASE, {"app/core.py": CORE.format(steps=9000)})
    told = PerformanceSettings(report=ENFORCED.enforce, rounds=3, most_pairs=6)

    observation, states, _ = settled(run_of(root), told)

    assert states[f"{FILE}::test_work"] == "slower"
    assert rules(observation) == {"perf-regression test_work": Severity.LOW}


HOOK = """def pytest_collection_modifyitems(config, items):
    config.hook.pytest_deselected(items=items)
    items.clear()
"""
SKIPPED = TESTS.replace("def test", "import pytest\n@pytest.mark.skip\ndef test")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        pytest.param({FILE: SKIPPED}, "skipped", id="skipped"),
        pytest.param(
            {FILE: TESTS.replace("failhard_benchmark(core.work)", "core.work()")}, "unused", id="unused"
        ),
        *(
            [
                pytest.param(
                    {FILE: TESTS.replace("> 0", "> 9**99")}, "failed in call: AssertionError", id="failing"
                ),
                pytest.param({"conftest.py": HOOK}, "collects it and ends without", id="deselected"),
            ]
            if FULL
            else []
        ),
        pytest.param({FILE: "import absent\n" + TESTS}, "cannot be collected", id="broken"),
    ],
)
def test_what_gives_no_numbers_is_an_error_at_every_level(
    tmp_path: Path, change: Files, problem: str
) -> None:
    root = repository(tmp_path / "app", BASE, {**change, "app/core.py": CORE.format(steps=9000)})

    with pytest.raises(GateError, match=rf"not-measured: (.|\n)*{problem}"):
        settled(run_of(root), PerformanceSettings(report=("benchmarks",)))


@pytest.mark.parametrize("states", [2, 1], ids=["identical", "first"])
def test_where_nothing_is_compared_each_benchmark_runs_all_the_same(tmp_path: Path, states: int) -> None:
    root = repository(tmp_path / "app", *({**BASE, FILE: SKIPPED}, {"README.md": "# The app\n"})[:states])

    with pytest.raises(GateError, match=r"not-measured: (.|\n)*skipped"):
        settled(run_of(root), QUICK)


@in_full
def test_where_all_are_new_the_machine_is_checked_with_them(tmp_path: Path) -> None:
    fresh = CORE.format(steps=2000).replace("def work", "def fresh")
    root = repository(
        tmp_path / "app",
        {**BASE, FILE: "def test_x():\n    pass\n"},
        {FILE: TESTS.replace("core.work", "core.fresh"), "app/core.py": fresh},
    )

    observation, states, _ = settled(run_of(root), replace(QUICK, self_check=True, max_seconds=60))

    assert (states, observation.traits) == ({f"{FILE}::test_work": "new"}, frozenset({"measured"}))
    assert (observation.measures["self_check"], observation.measures["compared"]) == (1, 0)


def test_what_is_only_told_cannot_end_the_run(tmp_path: Path) -> None:
    root = repository(tmp_path / "app", BASE, {"README.md": "# The app\n"})
    lacking = Workload(id="batch", kind="job", start=("no-such-program",), done="out.jsonl", items=1)
    told = replace(QUICK, report=("workloads",), workloads=(lacking,))

    observation, states, _ = settled(run_of(root), told)

    assert states == {f"{FILE}::test_work": "identical"}
    assert rules(observation) == {"not-compared workloads": Severity.LOW}
    with pytest.raises(GateError, match="no-such-program"):
        settled(run_of(root), replace(told, enforce=("benchmarks", "workloads")))


def test_a_benchmark_of_nothing_proves_nothing(tmp_path: Path) -> None:
    empty = "def test_x(failhard_benchmark):\n    assert failhard_benchmark(sum, [1]) == 1\n"

    with pytest.raises(GateError, match=r"benchmark-without-product-code: tests/test_speed\.py::test_x"):
        observed(tmp_path / "app", {**BASE, FILE: empty}, {"app/core.py": CORE.format(steps=9)})


@in_full
@pytest.mark.parametrize("addopts", ["--benchmark-disable", "-n 2"])
def test_options_that_switch_benchmarks_off_change_nothing(tmp_path: Path, addopts: str) -> None:
    text = f'{BASE["pyproject.toml"]!s}addopts = "{addopts}"\n'

    seen = observed(
        tmp_path / "app", {**BASE, "pyproject.toml": text}, {"app/core.py": CORE.format(steps=9000)}
    )

    assert rules(seen) == {"perf-regression test_work": Severity.HIGH}


@in_full
def test_what_is_not_committed_is_measured_too(tmp_path: Path) -> None:
    root = repository(tmp_path / "app", BASE, {"README.md": "# Other\n"})
    (root / "app" / "core.py").write_text(CORE.format(steps=9000))

    observation, _, _ = settled(run_of(root), QUICK)

    assert rules(observation) == {"perf-regression test_work": Severity.HIGH}


@in_full
def test_a_new_benchmark_needs_a_budget_where_that_is_demanded_and_keeps_it(tmp_path: Path) -> None:
    marked = "import pytest\nfrom app import core\n\n" + "".join(
        f"{mark}\ndef test_{name}(failhard_benchmark):\n    assert failhard_benchmark(core.fresh) == 499500\n\n"
        for name, mark in {
            "unbound": "",
            "narrow": "@pytest.mark.failhard_perf(budget_ms=0.0001)",
            "wide": "@pytest.mark.failhard_perf(budget_ms=1000)",
        }.items()
    )
    fresh = f"{CORE.format(steps=2000)}\n\ndef fresh():\n    return sum(range(1000))\n"
    root = repository(tmp_path / "app", BASE, {"app/core.py": fresh})
    commit(root, {FILE: TESTS + marked.replace("from app import core\n", "")})
    run = run_of(root, base="HEAD~2")

    observation, _, _ = settled(run, replace(QUICK, enforce=("benchmarks", "new")))

    assert rules(observation) == {
        **{f"new-benchmark test_{name}": Severity.LOW for name in ("unbound", "narrow", "wide")},
        "new-without-budget test_unbound": Severity.MEDIUM,
        "budget-exceeded test_narrow": Severity.MEDIUM,
    }
