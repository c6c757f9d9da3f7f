"""Builders for what plays pairs: sides whose workers are scripted, results made of numbers."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import psutil

from pytest_failhard.gates.performance import PerformanceGate
from pytest_failhard.gates.performance.duet import Duet, Result, Start
from pytest_failhard.gates.performance.evidence import Journal
from pytest_failhard.gates.performance.pairs.lockstep import Plan
from pytest_failhard.gates.performance.pairs.series import Conduct
from pytest_failhard.gates.performance.samples import Batch, Benchmark, Conditions, Pair, Sample, SideName
from pytest_failhard.gates.performance.sides import Side, Trees
from pytest_failhard.gates.performance.terms import Rule
from pytest_failhard.run import GateRun
from tests.support import gate_run

WORKER = Path(__file__).with_name("fake_worker.py")
ONE, TWO = "tests/test_a.py::test_one", "tests/test_b.py::test_two"
Script = Mapping[str, object]
SCRIPT: Script = {
    "hello": {},
    "ids": [ONE],
    "errors": [],
    "markers": {},
    "ends": {},
    "faults": {},
    "waits": {},
    "log": "",
    "traced": "",
    "place": [],
    "calls": 4,
    "call_ns": 1_000_000,
    "factor": 1.0,
    "noise": 0.0,
    "growth": 0.0,
}


def side(folder: Path, name: SideName, **script: object) -> Side:
    """Return a side whose worker is the scripted one."""
    tree = folder / name
    tree.mkdir(exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps({**SCRIPT, **script, "side": name}))
    return Side(
        name=name,
        tree=tree,
        python=Path(sys.executable),
        config=tree / "pytest.ini",
        environment={"PATH": os.defpath},
        roots=(tree,),
        packages=("app",),
        files={},
        arguments=("-I", "-S", str(WORKER), str(path)),
    )


def trees(base: Side, head: Side) -> Trees:
    """Return two sides as trees."""
    return Trees(base=base, head=head, original=None, commit="a" * 40, chosen="for a test")


def run_of(folder: Path, seconds: float = 60) -> GateRun:
    """Return a run whose scratch folder is fresh."""
    root = folder / "root"
    root.mkdir(exist_ok=True)
    return gate_run(root, PerformanceGate(), seconds=seconds)


class Proven:
    """Takes every proof, and remembers them."""

    def __init__(self) -> None:
        self.proofs: list[tuple[Trees, Mapping[str, object], Mapping[str, object]]] = []

    def __call__(self, of: Trees, base: Mapping[str, object], head: Mapping[str, object]) -> None:
        """Remember."""
        self.proofs.append((of, base, head))


def duet(
    folder: Path,
    *,
    base: Script | None = None,
    head: Script | None = None,
    both: Script | None = None,
    plan: Plan | None = None,
    check: Proven | None = None,
    seconds: float = 60,
) -> Duet:
    """Return a duet of two scripted workers."""
    return Duet(
        run=run_of(folder, seconds),
        trees=trees(
            side(folder, "base", **{**(both or {}), **(base or {})}),
            side(folder, "head", **{**(both or {}), **(head or {})}),
        ),
        check=check or Proven(),
        plan=plan or Plan(rounds=4),
    )


def benchmark(
    name: str = ONE, *, limit: str = "", pin: bool = True, clocks: tuple[str, ...] = ()
) -> Benchmark:
    """Return a benchmark."""
    return Benchmark(id=name, limit=limit, pin=pin, clocks=clocks)


def sample(*cpu: int, wait: int = 0, adjusted: bool = True, calls: int = 1) -> Sample:
    """Return a sample of batches that took so much."""
    return Sample(
        calls=calls,
        batches=tuple(
            Batch(wall=each + wait, cpu=each, children=0, delay=0, adj=each + wait if adjusted else None)
            for each in cpu
        ),
    )


def pair(
    number: int, ratio: float, *, base: int = 1_000_000, conditions: Conditions | None = None, wait: int = 0
) -> Pair:
    """Return a pair in which head took so much more."""
    made = Pair(
        number=number,
        seed=number,
        cpu=0,
        first="base",
        base=sample(*[base] * 4, wait=wait),
        head=sample(*[round(base * ratio)] * 4, wait=round(wait * ratio)),
    )
    return made if conditions is None else replace(made, conditions=conditions)


def survivors(folder: Path) -> list[int]:
    """Return the ids of the scripted workers, and of what they started, that still live; there were some."""
    pids = [int(path.stem) for path in folder.glob("*/*.pid")]
    assert pids
    return [pid for pid in pids if psutil.pid_exists(pid)]


class Played:
    """Plays pairs that are numbers: `ratio` gives head / base of a benchmark in the pair of a number.

    `waits` is how long a call waits, `ratio` concerning both; `asked` says what was played.
    """

    def __init__(self, ratio: Callable[[str, int], float], **changes: object) -> None:
        self.ratio = ratio
        self.changes = changes
        self.asked: list[tuple[int, list[str]]] = []

    def __call__(self, benchmarks: Sequence[Benchmark], number: int) -> Result:
        """Play one."""
        ids = [each.id for each in benchmarks]
        self.asked.append((number, ids))
        made = Result(
            start=Start(number=number, seed=number, cpu=0, first="base"),
            pairs={each: pair(number, self.ratio(each, number)) for each in ids},
            failures={},
            call_seconds=dict.fromkeys(ids, 0.001),
            seconds=dict.fromkeys(ids, 1.0),
            proofs={"base": {"side": "base"}, "head": {"side": "head"}},
            adjusted=True,
        )
        # A test names what it changes by the fields that there are.
        return replace(made, **self.changes)  # type: ignore[arg-type]


def conduct(journal: Journal | None = None, **changes: object) -> Conduct:
    """Return how a series is run, with time enough."""
    made = Conduct(rule=Rule(), journal=journal or Journal(), remaining=lambda: 1000.0)
    # As above.
    return replace(made, **changes)  # type: ignore[arg-type]


def steady(ratio: float) -> Callable[[str, int], float]:
    """Return pairs that all say the same, but for half a percent."""
    return lambda _, number: ratio * (1 + 0.005 * (number % 2))
