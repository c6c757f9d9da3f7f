"""Live decisions: which project is next, what is written down, and that a project is what it should be."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import psutil

from benchmarks.performance_gate import decided, noise, page, project
from benchmarks.performance_gate.decided import Decided, Run
from benchmarks.performance_gate.protocol import Wish
from benchmarks.performance_gate.stored import REGRESSED
from benchmarks.performance_gate.through_gate import Judged
from benchmarks.performance_gate.workloads import WORKLOADS
from pytest_failhard.gates.performance.pairs.measured import Measured, Outcome
from pytest_failhard.gates.performance.samples import Benchmark
from pytest_failhard.gates.performance.statistics import Alarm, Decision, Estimate, State

MACHINE = {"day": "2026-01-15", "python": "3", "system": "Linux", "processor": "one", "processors": "2"}
WISH = Wish(cells={("quiet", 0): 4, ("noisy", 20): 2}, workloads=("pure",))


def run(noise: str, level: int, *states: str, tool: str = "gate", error: str = "") -> Run:
    """Return a run that decided so."""
    decisions = tuple(
        Decided(workload="pure", state=state, pairs=4, seconds=1.5, ratios={"cpu": 1.2, "adj": 1.25})
        for state in states
    )
    return Run(tool=tool, noise=noise, level=level, load=0.5, seconds=3, decisions=decisions, error=error)


def test_the_cell_that_lacks_most_is_next() -> None:
    done: list[Run] = []
    assert WISH.next(done) == ("quiet", 0)
    done += [run("quiet", 0, "slower"), run("quiet", 0, "slower", "slower", tool="stored")]
    assert WISH.next(done) == ("noisy", 20)
    done += [run("noisy", 20, "slower", "slower")]
    assert WISH.next(done) == ("quiet", 0)
    assert WISH.next([*done, run("quiet", 0, *["not-slower"] * 3)]) is None


def test_a_run_comes_back_as_it_was(tmp_path: Path) -> None:
    runs = [run("quiet", 0, "not-slower"), run("noisy", 20, error="GateError: machine-unfit")]
    path = tmp_path / "protocol.jsonl"
    decided.write(path, MACHINE, runs)
    path.write_text(path.read_text() + '{"tool":"ga')
    assert decided.read(path) == (MACHINE, {}, runs)


def test_what_the_gate_said_is_written_down() -> None:
    estimate = Estimate(pairs=6, ratio=1.2, low=1.18, high=1.22, spread=0.01)
    decision = Decision(
        state=State.SLOWER,
        pairs=6,
        ratio=Fraction("1.2"),
        clock="cpu",
        estimates={"cpu": estimate},
        alarms=(Alarm(pair=3, clock="cpu", kept=False),),
    )
    said = decided.of_gate(
        Judged(
            measured=(
                Measured(
                    benchmark=Benchmark(id="tests/test_speed.py::test_pure"),
                    outcome=Outcome.DECIDED,
                    decision=decision,
                    seconds=2.345,
                ),
                Measured(
                    benchmark=Benchmark(id="tests/test_speed.py::test_wait"),
                    outcome=Outcome.ERROR,
                    problem="below-resolution",
                ),
            ),
            seconds=5,
        )
    )
    assert said == (
        Decided(workload="pure", state="slower", seconds=2.35, ratios={"cpu": 1.2}, dropped=1),
        Decided(workload="wait", state="below-resolution", ratios={}),
    )


def test_the_tables_count_errors_apart_and_bound_the_rates(tmp_path: Path) -> None:
    runs = [
        run("quiet", 0, *["not-slower"] * 299),
        run("quiet", 0, "slower", "not-slower", tool="stored"),
        run("noisy", 0, error="GateError: worker-died"),
        run("noisy", 20, "slower", "undecided", "throttled"),
    ]
    path = tmp_path / "protocol.jsonl"
    decided.write(path, MACHINE, runs)
    text = page.of_protocol(path)
    assert "| A/A quiet | 299 | 0 | 299 | 0 | 0 | 4.0 | 0.0 (0.0) | 1 of 2 |" in text
    assert "| A/A noisy | 0 | 0 | 0 | 0 | 1 | - | - | - |" in text
    assert "| +20 % noisy | 2 | 1 | 0 | 1 | 1 | 4.0 | 1.0 (1.0) | - |" in text
    assert "* the gate, A/A: fails 0 of 299, so the true rate is at most 1.00 %." in text
    assert "| pure | -; 1.200, 1.250; 0 of 299 | -; 1.200, 1.250; 1 of 3 |" in text
    assert "| 3 | noisy | 1 | 1.0 (1.0) | 0.0 |" in page.cost_table([runs[3]])


def test_a_project_has_a_slower_head_and_the_same_tests(tmp_path: Path) -> None:
    units = {"pure": {0: 3, 20: 4}}
    made = project.write(tmp_path / "shop", units, 20)
    changed = ["git", "diff", "--stat", "--name-only", made.base, "HEAD"]
    done = subprocess.run(changed, cwd=made.root, capture_output=True, text=True, check=True)
    assert done.stdout == "shop/sizes.py\n"
    assert "UNITS = {'pure': 4}" in (made.root / "shop" / "sizes.py").read_text()
    assert "benchmark(work, UNITS" in (made.root / "tests" / "test_speed.py").read_text()
    again = project.write(tmp_path / "shop", units, 0)
    assert "UNITS = {'pure': 3}\nREVISION = 2" in (again.root / "shop" / "sizes.py").read_text()


def test_every_workload_does_what_it_is_asked() -> None:
    for workload in WORKLOADS.values():
        with workload.opened() as work:
            assert work(60) == work(60)
            assert work(60) > 0


def test_the_neighbours_work_and_end() -> None:
    assert noise.KINDS
    for kind in noise.KINDS:
        noise.disturb(kind, 0.02, 1)
    with noise.neighbours(True), noise.neighbours(False):
        started = psutil.Process().children()
    assert len(started) == len(noise.KINDS)
    assert not any(each.is_running() for each in started)


def test_what_pytest_benchmark_calls_regressed_is_found() -> None:
    told = (
        "Performance has regressed:\n"
        "\ttest_json (0001_base) - Field 'median' has failed PercentageRegressionCheck: 19.27 > 15.00\n"
        "\ttest_wait (0001_base) - Field 'median' has failed PercentageRegressionCheck: 20.86 > 15.00\n"
    )
    assert [match["name"] for match in REGRESSED.finditer(told)] == ["json", "wait"]
