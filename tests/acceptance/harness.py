"""Runs the product over a project as its users do, and holds all that it says against each other."""

from __future__ import annotations

import enum
import json
import os
import re
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TypedDict

from pytest_failhard.measurement import VARIABLES
from tests.support import WITHOUT_OTHERS, measuring
from tests.unkept import UNKEPT

UNMEASURED = dict.fromkeys(VARIABLES, "")
"""Variables of a run that is not part of the measurement of ours, which costs it half as much again."""
SECONDS = 170
"""Far beyond every run: a run that takes so long hangs."""


class Mode(enum.Enum):
    """How the product is started."""

    AUTHOR = "H"
    """`pytest --failhard-level=N`."""
    SUPERVISED = "S"
    """`failhard check`."""


class Expected(enum.Enum):
    """A row of the table of exit codes."""

    PASS = "pass"
    FAIL = "fail"
    ERROR = "error"
    REFUSE = "refuse"
    MISSING = "missing"
    WATCHDOG = "watchdog"


EXIT = {
    Mode.AUTHOR: {Expected.PASS: 0, Expected.FAIL: 1, Expected.ERROR: 1, Expected.REFUSE: 4},
    Mode.SUPERVISED: {
        Expected.PASS: 0,
        Expected.FAIL: 1,
        Expected.REFUSE: 2,
        Expected.ERROR: 3,
        Expected.MISSING: 4,
        Expected.WATCHDOG: 124,
    },
}


class FindingPart(TypedDict):
    """A finding as the report has it."""

    rule: str
    name: str
    path: str
    line: int
    severity: str
    message: str


class EvidencePart(TypedDict):
    """A kept file as the report has it."""

    name: str
    sha256: str


class GatePart(TypedDict):
    """A gate as the report has it."""

    id: str
    verdict: str
    because: list[str]
    tool: str
    examined: int
    measures: dict[str, float]
    findings: list[FindingPart]
    waived: list[object]
    evidence: list[EvidencePart]


class VolatilePart(TypedDict):
    """The part of the report that differs between two runs."""

    seconds: dict[str, float]


class ReportPart(TypedDict):
    """The parts of the report that are looked at."""

    schema: str
    verdict: str
    complete: bool
    level: int
    gates: list[GatePart]
    digest: str
    volatile: VolatilePart


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What a run is asked for, in words that both modes have.

    `tests` are options of pytest; under `failhard check` they stand after `--`. `author` and
    `supervised` are added in one mode only, `python` are the interpreter's own options.
    """

    level: int | None = 1
    only: str = ""
    policy: str = ""
    base: str = ""
    report_dir: str = ""
    tests: tuple[str, ...] = ()
    author: tuple[str, ...] = ()
    supervised: tuple[str, ...] = ()
    python: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def argv(self, mode: Mode, executable: Path, root: Path) -> list[str]:
        """Return the command line."""
        named = {
            "level": str(self.level) if self.level is not None else "",
            "only": self.only,
            "policy": self.policy.replace("{root}", str(root)),
            "base": self.base,
            "report-dir": self.report_dir.replace("{root}", str(root)),
        }
        prefix = "--failhard-" if mode is Mode.AUTHOR else "--"
        options = [f"{prefix}{name}={value}" for name, value in named.items() if value]
        if mode is Mode.AUTHOR:
            plain = [str(executable), *self.python, "-m", "pytest", *WITHOUT_OTHERS]
            return [*plain, *options, *self.tests, *self.author]
        check = [str(executable), *(self.python or ("-I",)), "-m", "pytest_failhard", "check", str(root)]
        return [*check, *options, *self.supervised, *(("--", *self.tests) if self.tests else ())]


def apart(ask: Ask) -> Ask:
    """Return what is asked for, in a run that nobody measures."""
    return replace(ask, environment={**UNMEASURED, **ask.environment})


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A finished run: its exit code, its output, and what it left."""

    mode: Mode
    argv: tuple[str, ...]
    code: int
    stdout: str
    stderr: str
    folder: Path

    @cached_property
    def report(self) -> ReportPart | None:
        """The report, or None where there is none."""
        path = self.folder / "report.json"
        if not path.is_file():
            return None
        report: ReportPart = json.loads(path.read_bytes())
        assert report["schema"] == "failhard-report/1"
        return report

    @property
    def output(self) -> str:
        """Everything that was printed."""
        return f"{self.stdout}\n{self.stderr}"

    def gate(self, name: str) -> GatePart:
        """Return a gate of the report."""
        assert self.report is not None, f"no report in {self.folder}:\n{self}"
        found = [gate for gate in self.report["gates"] if gate["id"] == name]
        assert len(found) == 1, f"{name} is {len(found)} times in the report:\n{self}"
        return found[0]

    def evidence(self, gate: str, name: str) -> str:
        """Return a kept file."""
        return (self.folder / "evidence" / gate / name).read_text("utf-8", "replace")

    def __str__(self) -> str:
        """Return all that helps to see why a run ended as it did."""
        gates = self.report["gates"] if self.report else []
        said = "\n".join(f"{gate['id']}: {gate['verdict']}: {gate['because']}" for gate in gates)
        return (
            f"{' '.join(self.argv)}\nended with {self.code}\n{said}\n"
            f"--- stdout\n{self.stdout[-6000:]}\n--- stderr\n{self.stderr[-3000:]}"
        )


def environment(root: Path, extra: Mapping[str, str]) -> dict[str, str]:
    """Return what a user's shell has: nothing of the test run that we are in, but what measures it."""
    home = root.parent / "home"
    home.mkdir(exist_ok=True)
    plain = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8"}
    return (
        plain
        | UNKEPT
        | measuring()
        | {name: value.replace("{root}", str(root)) for name, value in extra.items()}
    )


def start(mode: Mode, root: Path, ask: Ask, executable: Path = Path(sys.executable)) -> subprocess.Popen[str]:
    """Start a run in a session of its own."""
    return subprocess.Popen(
        ask.argv(mode, executable, root),
        cwd=root,
        env=environment(root, ask.environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str], mode: Mode, root: Path, ask: Ask) -> Outcome:
    """Wait for a run; one that hangs is ended with all its children in the session."""
    try:
        stdout, stderr = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    folder = root / (ask.report_dir.replace("{root}", str(root)) or ".failhard")
    argv = tuple(str(part) for part in process.args) if isinstance(process.args, list) else ()
    return Outcome(mode=mode, argv=argv, code=process.returncode, stdout=stdout, stderr=stderr, folder=folder)


def run(mode: Mode, root: Path, ask: Ask, executable: Path = Path(sys.executable)) -> Outcome:
    """Run the product over a project."""
    return finish(start(mode, root, ask, executable), mode, root, ask)


def check_agreement(outcome: Outcome) -> None:
    """Hold text, JSON, JUnit and exit code of one run against each other (FO-02)."""
    assert "Traceback (most recent call last)" not in outcome.stderr, str(outcome)
    report = outcome.report
    if report is None:
        assert outcome.code != 0, f"success without a report:\n{outcome}"
        return
    worst = max((gate["verdict"] for gate in report["gates"]), key=("pass", "fail", "error").index)
    assert report["verdict"] == worst, str(outcome)
    assert (outcome.code == 0) == (worst == "pass"), str(outcome)
    # pytest prints no summary after an internal error, which is what it takes an exit in a worker for.
    silent = "no:terminal" in outcome.argv or (outcome.mode is Mode.AUTHOR and outcome.code == 3)
    assert silent or re.search(rf"^failhard: {worst}\b", outcome.stdout, re.MULTILINE), str(outcome)
    junit = outcome.folder / "report.xml"
    if junit.is_file():
        suites = ET.fromstring(junit.read_bytes()).iter("testsuite")
        bad = sum(int(suite.get("failures", "0")) + int(suite.get("errors", "0")) for suite in suites)
        assert bad == sum(gate["verdict"] != "pass" for gate in report["gates"]), str(outcome)
    for gate in report["gates"]:
        if gate["verdict"] != "pass":
            check_no_claim(outcome, gate["id"])


def check_no_claim(outcome: Outcome, gate: str) -> None:
    """Make sure that no line of the output says that the gate passed."""
    claim = re.compile(
        rf"^(?:PASSED\s+)?(?:failhard::)?{gate}\s*:?\s+pass(?:ed)?\b", re.IGNORECASE | re.MULTILINE
    )
    found = claim.search(outcome.stdout)
    assert found is None, f"{found.group() if found else ''!r} claims that {gate} passed:\n{outcome}"
