"""Whole runs that recall one another: in both modes, with the same verdict whatever is recalled."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from pytest_failhard import history, plan, supervisor
from pytest_failhard.cli import main
from pytest_failhard.model import Finding, Mode, Observation, Report, Run, Settings, Severity, Verdict
from pytest_failhard.redact import Redactor
from pytest_failhard.report import printed
from pytest_failhard.session import Session
from pytest_failhard.session import Tests as Handed
from pytest_failhard.store import Store
from tests.acceptance.cases_terms import SHIPPED
from tests.acceptance.project import VIOLATION, write
from tests.size import in_full
from tests.support import WITHOUT_OTHERS, measuring
from tests.unkept import UNKEPT

HERE = Path(".failhard")
SECRET = "hunter2hunter2"
REDACTOR = Redactor.from_environment({"API_TOKEN": SECRET})
RULE = "\n  probe:\n    fail_at: medium\n    timeout: 30\n"
NO_TESTS = Handed(records=None, problem="no gate of this run needs the tests")


@dataclasses.dataclass(frozen=True)
class Probe:
    """A gate of another distribution, which fails with the findings that it is given."""

    findings: tuple[str, ...]
    id: str = "probe"
    settings: type[Settings] = Settings

    def observe(self, run: Run) -> Observation:
        found = (
            Finding(rule=name, name=name, path="", line=0, severity=Severity.HIGH, message=name, fix="mend")
            for name in self.findings
        )
        return Observation(tool=f"probe {run.level}", examined=1, findings=tuple(found))


def session(root: Path, folder: Path, *findings: str, interrupted: bool = False) -> Report:
    """Run the gate `probe` alone, as `failhard check --only probe` does."""
    policy = write(folder.parent, {"policy.yaml": SHIPPED.rstrip("\n") + RULE}) / "policy.yaml"
    request = plan.Request(root=root, level=1, mode=Mode.SUPERVISED, only=("probe",), policy=policy)
    gates = [*plan.collect_gates(()), Probe(findings)]
    resolved = plan.resolve(request, gates, [gate.id for gate in gates], datetime.now(UTC).date())
    folder.mkdir()
    with Store.open(HERE, root, REDACTOR) as store:
        made = Session(resolved, store, REDACTOR, folder)
        made.begin()
        try:
            return made.abort("a test") if interrupted else made.end(NO_TESTS)
        finally:
            made.close()


def document(root: Path) -> dict[str, object]:
    stored: dict[str, object] = json.loads((root / HERE / "report.json").read_bytes())
    return stored


def lines(root: Path) -> Sequence[str]:
    return (root / HERE / "history.jsonl").read_text().splitlines()


def test_runs_recall_one_another_and_the_verdict_does_not(shop: Path, tmp_path: Path) -> None:
    digests = set()
    for number, attempts in enumerate((0, 1, 2, 3)):
        write(shop, {"README.md": f"# Shop {number}\n"})
        report = session(shop, tmp_path / f"run{number}", "wrong")
        assert report.verdict is Verdict.FAIL
        volatile = document(shop)["volatile"]
        assert isinstance(volatile, dict)
        assert volatile["attempts"] == {"probe": attempts, "run": attempts}
        digests.add(document(shop)["digest"])
    # Four runs, and above `volatile` one report.
    assert len(digests) == 1
    assert [each.gate for each in report.stuck] == ["probe"]
    assert "STUCK: probe: 3 attempts have not mended it" in printed(report, "text")
    # A run that was not finished is none.
    assert session(shop, tmp_path / "aborted", "wrong", interrupted=True).stuck == ()
    assert len(lines(shop)) == 4
    # What somebody else wrote into the file does not bring a secret into a report.
    decision = {"kind": "decision", "at": "now", "gate": "run", "choice": SECRET, "reason": "x", "owner": "y"}
    with (shop / HERE / "history.jsonl").open("a") as file:
        file.write(json.dumps(decision) + "\n")
    report = session(shop, tmp_path / "decided", "wrong")
    assert (report.verdict, report.stuck, report.attempts["probe"]) == (Verdict.FAIL, (), 0)
    assert report.decisions[0].choice == "[redacted:secret-value]"
    assert session(shop, tmp_path / "passed").verdict is Verdict.PASS


def test_what_cannot_be_kept_is_said_and_the_report_stands(shop: Path, tmp_path: Path) -> None:
    (shop / HERE / "history.jsonl").mkdir(parents=True)
    report = session(shop, tmp_path / "run", "wrong")
    assert report.verdict is Verdict.FAIL
    assert report.notes[-1].startswith("attempts are not counted: history.jsonl: ")
    assert document(shop)["verdict"] == "fail"


def test_the_author_is_told_the_same(shop: Path, tmp_path: Path) -> None:
    write(shop, VIOLATION)
    earlier = history.RunLine(
        at="2026-11-20T11:00:00+00:00",
        commit="",
        dirty=True,
        tree="a" * 64,
        packages="",
        level=1,
        policy="b" * 64,
        rules={"lint": "c"},
        complete=False,
        verdict="fail",
        report="",
        gates={"lint": history.JudgedPart(verdict="fail", fingerprint="d", why="found")},
    )
    write(shop, {".failhard/history.jsonl": history.dumped(earlier) + b"\n"})
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *WITHOUT_OTHERS, "--failhard-level=1", "--failhard-only=lint"],
        cwd=shop,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **UNKEPT, **measuring()},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "fix attempts so far: lint 1 (2 left), this change 1 (9 left)" in done.stdout, done.stdout
    assert "note: the policy changed at the same level since the run of 2026-11-20T11:00:00" in done.stdout
    assert [json.loads(line)["gates"]["lint"]["verdict"] for line in lines(shop)] == ["fail", "fail"]


@in_full
def test_the_merge_gate_stops_after_three_attempts_until_a_person_decides(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(shop, VIOLATION)
    request = plan.Request(root=shop, level=1, mode=Mode.SUPERVISED, only=("lint",))
    for number in range(4):
        write(shop, {"README.md": f"# Shop {number}\n"})
        report = supervisor.check(request, HERE, ()).report
    assert [each.gate for each in report.stuck] == ["lint"]
    assert '"do":"stop: change nothing more' in printed(report, "agent")
    monkeypatch.chdir(shop)
    asked = ("decide", "lint", "--choose", "continue", "--reason", "the cause is known", "--owner", "ana")
    assert CliRunner().invoke(main, asked).exit_code == 0
    report = supervisor.check(request, HERE, ()).report
    assert (report.verdict, report.stuck, report.attempts_left["lint"]) == (Verdict.FAIL, (), 3)


FLIPPING = """\
import pathlib


def test_flips() -> None:
    seen = pathlib.Path({place!r})
    first = not seen.exists()
    seen.touch()
    assert first
"""


@in_full
def test_a_test_that_flips_between_two_runs_is_quarantined_with_an_owner(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(shop, {"tests/test_flips.py": FLIPPING.format(place=str(tmp_path / "seen"))})
    request = plan.Request(root=shop, level=1, mode=Mode.SUPERVISED, only=("tests",))
    first = supervisor.check(request, HERE, ()).report
    second = supervisor.check(request, HERE, ()).report
    assert [first.verdict, second.verdict] == [Verdict.PASS, Verdict.FAIL]
    (entry,) = second.quarantined
    assert (entry.kind, entry.subject) == ("flaky_test", "tests/test_flips.py::test_flips")
    assert entry.owner != "unassigned"
    assert second.attempts == {}
    monkeypatch.chdir(shop)
    removed = CliRunner().invoke(main, ["quarantine", "rm", entry.id])
    assert removed.exit_code == 0, removed.output
