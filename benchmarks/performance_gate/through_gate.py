"""Has the gate's own parts decide about a project: its trees, workers, series of pairs, and proofs."""

from __future__ import annotations

import hashlib
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.performance_gate.project import Project
from pytest_failhard.gates.performance import terms, trees
from pytest_failhard.gates.performance.duet import Duet
from pytest_failhard.gates.performance.evidence import Journal
from pytest_failhard.gates.performance.pairs import counting, self_check, series
from pytest_failhard.gates.performance.pairs.lockstep import Plan
from pytest_failhard.gates.performance.pairs.measured import Measured
from pytest_failhard.gates.performance.pairs.series import Conduct
from pytest_failhard.gates.performance.samples import Benchmark
from pytest_failhard.gates.performance.settings import PerformanceSettings
from pytest_failhard.gates.performance.trees import proof
from pytest_failhard.model import Evidence
from pytest_failhard.run import GateRun
from pytest_failhard.source.base import resolve

SECONDS = 900
SETTINGS = PerformanceSettings()


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What came of a project. `seconds` are all of it, `self_check` those of the base against itself."""

    measured: tuple[Measured, ...]
    seconds: float
    self_check: float = 0.0


def judge(project: Project, *, seed: int, checked: bool = False) -> Judged:
    """Measure all benchmarks of a project; raises GateError where that cannot be done."""
    began = time.monotonic()
    with _run(project, seed) as run:
        duet = Duet(run=run, trees=trees.build(run, SETTINGS), check=proof.check, plan=Plan.of(SETTINGS))
        conduct = Conduct(rule=terms.rule(SETTINGS), journal=Journal(), remaining=run.remaining)
        entries = counting.collect(run, duet.trees.head).collected
        measured = series.measure([Benchmark(id=entry.id) for entry in entries], duet.play, conduct)
        decided = time.monotonic()
        chosen = self_check.chosen(measured) if checked else None
        if chosen is not None:
            self_check.check(chosen, duet.twins(duet.trees.base).play, conduct)
    ended = time.monotonic()
    return Judged(measured=measured, seconds=ended - began, self_check=ended - decided if checked else 0.0)


@contextmanager
def _run(project: Project, seed: int) -> Iterator[GateRun]:
    with tempfile.TemporaryDirectory(prefix="rates-", ignore_cleanup_errors=True) as folder:
        run = GateRun(
            gate="performance",
            root=project.root,
            level=3,
            source=("shop",),
            test_roots=("tests",),
            interpreter=Path(sys.executable),
            settings=SETTINGS,
            options={},
            base=resolve(project.root, project.base),
            base_missing="",
            seed=seed,
            today=datetime.now(UTC).date(),
            scratch=Path(folder),
            keep=_forget,
            deadline=time.monotonic() + SECONDS,
            test_run=None,
        )
        try:
            yield run
        finally:
            run.close()


def _forget(name: str, data: bytes, *, volatile: bool = False, has_contacts: bool = False) -> Evidence:
    """Describe evidence and keep nothing of it."""
    del has_contacts
    digest = hashlib.sha256(data).hexdigest()
    return Evidence(name=name, sha256=digest, media_type="application/octet-stream", volatile=volatile)
