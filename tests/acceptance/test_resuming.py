"""A run that is killed at any moment leaves no verdict and no process, and goes on to the report it would have made."""

from __future__ import annotations

import json
import random
import secrets
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest

from pytest_failhard import private, sweep
from pytest_failhard.checkpoint import MANIFEST, TEST_RUN
from pytest_failhard.cli import recheck
from tests.acceptance.harness import (
    EXIT,
    UNMEASURED,
    Ask,
    Expected,
    Mode,
    Outcome,
    check_agreement,
    finish,
    run,
    start,
)
from tests.acceptance.keeping import Record
from tests.acceptance.project import write
from tests.size import in_full
from tests.support import GATES as GATE_IDS

pytestmark = pytest.mark.usefixtures("children_unmeasured")

SECONDS = 120
STATIC = ("lint", "secrets", "fallbacks")
GATES = ("tests", "coverage", *STATIC)
KEPT = {private.CHECKPOINTS: "1"}
ASK = Ask(only=",".join(GATES), environment={**UNMEASURED, **KEPT})
RESUME = replace(ASK, supervised=("--resume",), author=("--failhard-resume",))

# Waits for ever beside a process in a session of its own, until it is told to go on.
WAITING = """\
import pathlib
import subprocess
import sys
import threading


def test_waits() -> None:
    told = pathlib.Path({go!r})
    if not told.exists():
        argv = [sys.executable, "-c", "import threading; threading.Event().wait()"]
        subprocess.Popen(argv, start_new_session=True)
        pathlib.Path({mark!r}).touch()
        threading.Event().wait()
    assert told.name == "go"
"""


@dataclass(frozen=True, kw_only=True)
class Runs:
    """Runs over one project that can be killed, and what they leave."""

    project: Path
    tag: str

    @property
    def go(self) -> Path:
        """The file that lets the tests end."""
        return self.project.parent / "go"

    @property
    def mark(self) -> Path:
        """The file that the tests write when they wait."""
        return self.project.parent / "mark"

    def kept(self) -> set[str]:
        """Return what the checkpoint holds: gates, the test run, the manifest."""
        folder = self.project.parent / "home" / ".cache" / "pytest-failhard" / "checkpoint"
        return {path.name.rpartition("-")[0] for path in folder.glob("*/*/*.entry")}

    def gates(self) -> int:
        """Return how many gates the checkpoint holds."""
        return len(self.kept() - {MANIFEST, TEST_RUN})

    def killed(self, ask: Ask, moment: Callable[[], bool], pause: float = 0.0) -> bool:
        """Kill a run at a moment; return whether it had not ended before."""
        tagged = replace(ask, environment={**ask.environment, sweep.TAG: self.tag})
        process = start(Mode.SUPERVISED, self.project, tagged)
        end = time.monotonic() + SECONDS
        while not moment() and process.poll() is None:
            assert time.monotonic() < end, f"the moment did not come: {self.kept()}"
            time.sleep(0.002)
        time.sleep(pause)
        process.kill()
        said = process.communicate(timeout=SECONDS)
        assert process.returncode in {-signal.SIGKILL, 0, 1}, said
        self.assert_no_process()
        return process.returncode == -signal.SIGKILL

    def assert_no_process(self) -> None:
        """Nothing that the run started may live on."""
        _, alive = psutil.wait_procs(list(sweep.members(self.tag)), timeout=15)
        left = [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
        assert not left, [process.cmdline() for process in left]


@pytest.fixture
def runs(project: Path) -> Runs:
    made = Runs(project=project, tag=secrets.token_hex(16))
    write(project, {"tests/test_waits.py": WAITING.format(go=str(made.go), mark=str(made.mark))})
    return made


def canonical(outcome: Outcome) -> bytes:
    """Return the bytes of the report above `volatile`."""
    data = (outcome.folder / "report.json").read_bytes()
    return data.partition(b'\n  "volatile"')[0]


def check_equal(resumed: Outcome, project: Path) -> None:
    """Compare a resumed run with one that nobody interrupts."""
    assert resumed.report is not None, str(resumed)
    check_agreement(resumed)
    told = canonical(resumed)
    whole = run(Mode.SUPERVISED, project, ASK)
    assert resumed.code == whole.code == EXIT[Mode.SUPERVISED][Expected.FAIL], str(whole)
    assert told == canonical(whole)


def no_verdict(project: Path) -> None:
    """There is no report, and no part of one, below any name."""
    left = [path.name for path in project.glob(".failhard/*")]
    assert not [name for name in left if "report" in name or "verdict" in name], left


def no_false_verdict(project: Path) -> None:
    """There is no report, or, where the run had written it and was about to end, the whole of it."""
    folder = project / ".failhard"
    if not (folder / "report.json").exists():
        return
    whole = recheck.check(folder, level=None, policy_file=None, gates=GATE_IDS, partial=True)
    assert whole.verdict == "fail"
    assert {part.id for part in whole.gates} == {*GATES}


def test_a_run_killed_three_times_ends_as_if_it_had_not_been_fo_109(runs: Runs, record: Record) -> None:
    row = record.procedure("FO-109", Mode.SUPERVISED)
    few = random.Random(109).randint(1, len(STATIC) - 1)
    assert runs.killed(ASK, lambda: runs.gates() >= few and runs.mark.exists())
    no_verdict(runs.project)
    assert runs.gates() >= few
    assert runs.killed(RESUME, lambda: runs.gates() == len(STATIC))
    no_verdict(runs.project)
    runs.go.touch()
    assert runs.killed(RESUME, lambda: TEST_RUN in runs.kept())
    no_verdict(runs.project)
    # Bytes that are not those that were written: noted, and the gate runs again.
    (lint,) = runs.project.parent.glob("home/.cache/pytest-failhard/checkpoint/*/*/lint-*.entry")
    lint.write_bytes(lint.read_bytes()[:-1])
    # Tests that ran again would wait for ever.
    runs.go.unlink()
    resumed = row.said(run(Mode.SUPERVISED, runs.project, replace(RESUME, environment=KEPT)))
    assert resumed.report is not None, str(resumed)
    volatile = json.loads(json.dumps(resumed.report["volatile"]))
    assert {*STATIC} - {"lint"} <= {*volatile["reused"]}
    assert any(note.startswith("checkpoint-damaged: lint-") for note in volatile["notes"]), volatile
    assert any(" and the tests had ended before" in note for note in volatile["notes"]), volatile
    runs.go.touch()
    check_equal(resumed, runs.project)
    assert not runs.kept()


@in_full
@pytest.mark.parametrize("seed", range(20))
def test_a_run_killed_at_any_moment_goes_on_to_the_same_report(runs: Runs, seed: int) -> None:
    chosen = random.Random(seed)
    runs.go.touch()
    entries, pause = chosen.randint(0, len(GATES) + 2), chosen.uniform(0.0, 0.4)
    died = runs.killed(ASK, lambda: len(runs.kept()) >= entries, pause)
    if not died:
        # It was faster: then its report is whole, and there is nothing to go on from.
        assert json.loads((runs.project / ".failhard" / "report.json").read_bytes())["verdict"] == "fail"
        assert not runs.kept()
        return
    no_false_verdict(runs.project)
    resumed = run(Mode.SUPERVISED, runs.project, RESUME if MANIFEST in runs.kept() else ASK)
    check_equal(resumed, runs.project)
    runs.assert_no_process()


@in_full
def test_two_runs_at_once_go_on_each_from_its_own(runs: Runs) -> None:
    """Two report folders are two runs: neither takes what the other has kept."""
    runs.go.touch()
    other = replace(ASK, report_dir="{root}/../other")
    assert runs.killed(ASK, lambda: runs.gates() == len(GATES))
    aside = start(Mode.SUPERVISED, runs.project, other)
    resumed = run(Mode.SUPERVISED, runs.project, RESUME)
    whole = finish(aside, Mode.SUPERVISED, runs.project, other)
    check_equal(resumed, runs.project)
    assert canonical(whole) == canonical(resumed)
    assert "resumed: " not in whole.stdout
