"""What a decision of the gate costs: seconds of a benchmark that is no slower, the self-check included."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.performance_gate import calibrate, decided, page, project, through_gate
from benchmarks.performance_gate.decided import GATE, Run
from benchmarks.performance_gate.machine import described, sentence
from benchmarks.performance_gate.noise import neighbours
from benchmarks.performance_gate.recorded import NOISES, NOISY
from benchmarks.performance_gate.workloads import SIX

KEPT = Path(__file__).parent / "results" / "cost.jsonl"
ALONE = ("string",)


def measured(workloads: tuple[str, ...], noise: str, seed: int) -> Run:
    """Let the gate decide about a project in which nothing is slower."""
    units = {name: calibrate.stored()[name] for name in workloads}
    with tempfile.TemporaryDirectory(prefix="rates-") as folder, neighbours(noise == NOISY):
        made = project.write(Path(folder, "project"), units, 0)
        judged = through_gate.judge(made, seed=seed, checked=True)
    return Run(
        tool=GATE,
        noise=noise,
        level=0,
        load=round(os.getloadavg()[0], 1),
        seconds=round(judged.seconds, 2),
        self_check=round(judged.self_check, 2),
        decisions=decided.of_gate(judged),
    )


def main() -> None:
    """Print the seconds per benchmark of six benchmarks and of one alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=10, help="no run is begun later")
    parser.add_argument("--keep", action="store_true", help=f"write {KEPT.name}")
    asked = parser.parse_args()
    until = time.monotonic() + asked.minutes * 60
    runs = [
        measured(workloads, noise, seed)
        for seed in range(asked.runs)
        for workloads in (SIX, ALONE)
        for noise in NOISES
        if time.monotonic() < until
    ]
    machine = described()
    sys.stdout.write(f"{sentence(machine)}\n\n{page.cost_table(runs)}")
    if asked.keep:
        decided.write(KEPT, machine, runs)


if __name__ == "__main__":
    main()
