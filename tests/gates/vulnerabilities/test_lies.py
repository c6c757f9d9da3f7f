"""Tests that no lie of pip-audit passes: a stand-in for each way in which it ends well and did not look."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_failhard.gates.vulnerabilities import audit, sources
from pytest_failhard.gates.vulnerabilities.audit import NoReportError, parse
from pytest_failhard.gates.vulnerabilities.pins import pins
from pytest_failhard.model import GateError, Severity
from tests.advisory_data import small_file
from tests.conftest import Script
from tests.gates.vulnerabilities.support import (
    FOUND,
    SERVICE,
    Entry,
    clean,
    look,
    pattern,
    report,
    run_over,
    says,
    supply,
    told,
    vulnerable,
    writes,
)
from tests.support import FakeTools, Kept

BOX = supply("box==1.0")
SKIPPED: Entry = {
    "name": "box",
    "skip_reason": "Dependency not found on PyPI and could not be audited: box (1.0)",
}
NO_CANARY: Entry = {"name": "jinja2", "skip_reason": "Dependency not found on PyPI"}
REFUSED = 'Traceback (most recent call last):\n  File "x"\nrequests.exceptions.ConnectionError: refused\n'
ODD_TIME = "Traceback (most recent call last):\n  File \"x\"\nValueError: time data '+00:00' does not match\n"


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "PAUSES", (0.0, 0.0))


@pytest.fixture
def tools(script: Script) -> FakeTools:
    return script()


def test_the_command_is_isolated_asks_once_for_each_pin_and_builds_nothing(
    tmp_path: Path, script: Script
) -> None:
    keep = Kept()
    run = run_over(tmp_path / "p", tools=script(), keep=keep, mode="osv", osv_url=SERVICE)
    script(says(run, clean("box", "1.0"), FOUND), ("exit", 1))
    seen = look(run, BOX)
    assert (seen.findings, seen.examined) == ((), 1)
    assert keep.files["closure.txt"] == b"box==1.0\njinja2==2.10\n"
    argv = json.loads(keep.files["pip_audit-1.json"])["argv"]
    assert argv[:5] == ["<python>", "-I", "-X", "utf8", "-m"]
    assert {"--no-deps", "--disable-pip"} <= set(argv)
    assert not {"--strict", "--ignore-vuln"} & set(argv)
    assert argv[-4:] == ["-s", "osv", "--osv-url", SERVICE]


def test_a_vulnerable_package_is_found_and_another_is_clean(tmp_path: Path, script: Script) -> None:
    run = run_over(tmp_path / "p", tools=script(), mode="online")
    script(says(run, vulnerable("box", "1.0", "GHSA-1", "CVE-1"), clean("lid", "2.0"), FOUND), ("exit", 1))
    seen = look(run, supply("box==1.0", "box>lid==2.0"))
    assert told(seen.findings) == [
        "known-vulnerability: box 1.0: CVE-1, GHSA-1; no fixed version known; app -> box"
    ]
    assert (seen.findings[0].severity, seen.findings[0].line) == (Severity.HIGH, 1)
    assert seen.measures == {
        "known": 1,
        "undetermined": 0,
        "clean": 1,
        "advisory_age_days": 0,
        "canary_found": 1,
        "queries": 3,
        "attempts": 1,
    }
    assert seen.tool.endswith("answered by the package index")


@pytest.mark.parametrize("reason", [SKIPPED["skip_reason"], "URL requirements cannot be pinned", ""])
def test_a_package_that_was_skipped_is_undetermined(tmp_path: Path, script: Script, reason: str) -> None:
    run = run_over(tmp_path / "p", tools=script(), mode="online")
    script(says(run, {"name": "box", "skip_reason": reason}, FOUND), ("exit", 1))
    seen = look(run, BOX)
    [finding] = seen.findings
    assert (finding.rule, finding.severity) == ("vulnerability-undetermined", Severity.HIGH)
    assert "was not audited" in finding.message
    assert (seen.measures["undetermined"], seen.measures["clean"]) == (1, 0)


@pytest.mark.parametrize(
    ("entries", "code", "said"),
    [
        ([SKIPPED, NO_CANARY], 0, "canary-missed"),
        ([clean("box", "1.0"), clean("jinja2", "2.10")], 0, "canary-missed"),
        ([clean("box", "1.0"), vulnerable("jinja2", "2.10", "CVE-0")], 1, "canary-missed"),
        ([], 0, "0 entries for 2 pins"),
        ([clean("box", "1.0"), FOUND], 0, "exit code 0 contradicts"),
        ([clean("box", "1.0"), NO_CANARY], 1, "exit code 1 contradicts"),
        ([FOUND], 1, "look at box"),
        ([clean("box", "1.0"), clean("box", "1.0"), FOUND], 1, "look at box"),
        ([clean("box", "1.0"), FOUND, {**FOUND, "name": "Jinja2"}], 1, "look at jinja2"),
        ([clean("box", "1.1"), FOUND], 1, "look at box"),
        ([clean("box", "1.0"), clean("lid", "1"), FOUND], 1, "look at lid"),
        ([{"name": "box", "version": "1.0"}, FOUND], 1, "unreadable report"),
        ([{"name": "box", "version": "1.0", "vulns": None}, FOUND], 1, "unreadable report"),
        ([{"name": "box", "version": "one", "vulns": []}, FOUND], 1, "unreadable report"),
        ([{"name": "box", "version": "1.0", "vulns": [{"id": "A"}]}, FOUND], 1, "unreadable report"),
        ([{"name": "box", "version": "1.0", "vulns": [{"id": "A", "aliases": 1, "fix_versions": []}]}, FOUND],
         1, "unreadable report"),
        ([{"name": 7, "version": "1.0", "vulns": []}, FOUND], 1, "unreadable report"),
    ],
)  # fmt: skip
def test_a_report_that_does_not_account_for_everything_is_an_error(
    tmp_path: Path, script: Script, entries: list[dict[str, object]], code: int, said: str
) -> None:
    keep = Kept()
    run = run_over(tmp_path / "p", tools=script(), keep=keep, mode="osv", osv_url=SERVICE)
    script(says(run, *entries), ("exit", code))
    with pytest.raises(GateError, match=said):
        look(run, BOX)
    assert json.loads(keep.files["audit.rejected.json"])["dependencies"] == entries


@pytest.mark.parametrize(
    ("steps", "said", "external"),
    [
        ([("exit", 1)], "wrote no report", False),
        ([("exit", 0)], "wrote no report", False),
        ([("err", REFUSED), ("exit", 1)], "requests.exceptions.ConnectionError: refused", True),
        ([("err", ODD_TIME), ("exit", 1)], "ValueError: time data", False),
        ([("err", "duplicate requirements"), ("exit", 1)], "wrote no report", False),
        ([("exit", 2)], "exit code 2", False),
        ([("kill", 9)], "killed by signal 9", False),
    ],
    ids=["strict", "silent", "refused", "odd time", "duplicates", "usage", "killed"],
)
def test_no_report_is_an_error_and_only_a_service_is_outside(
    tmp_path: Path, script: Script, steps: list[tuple[str, object]], said: str, external: bool
) -> None:
    run = run_over(tmp_path / "p", tools=script(*steps), mode="osv", osv_url=SERVICE)
    with pytest.raises(
        GateError, match=pattern("could not ask OSV at", said, "failhard advisories")
    ) as caught:
        look(run, BOX)
    assert caught.value.external is external
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("words", audit.DROPPED)
def test_a_record_that_was_dropped_is_an_error(tmp_path: Path, script: Script, words: str) -> None:
    run = run_over(tmp_path / "p", tools=script(), mode="osv", osv_url=SERVICE)
    script(says(run, clean("box", "1.0"), FOUND), ("err", f"WARNING: {words}: 2.0"), ("exit", 1))
    with pytest.raises(GateError, match="left records out"):
        look(run, BOX)


def test_a_report_without_a_run_is_an_error(tmp_path: Path, script: Script) -> None:
    run = run_over(tmp_path / "p", tools=script(("exit", 1)), mode="osv", osv_url=SERVICE)
    (run.scratch / "audit.json").write_bytes(report(clean("box", "1.0"), FOUND))
    with pytest.raises(GateError, match="wrote no report"):
        look(run, BOX)


def test_who_answers_from_a_file_without_asking_is_an_error(tmp_path: Path, script: Script) -> None:
    small_file(tmp_path / "p" / "advisories")
    run = run_over(tmp_path / "p", tools=script(), mode="file", path="advisories")
    script(says(run, clean("box", "1.0"), FOUND), ("exit", 1))
    with pytest.raises(GateError, match="asked 0 questions, not the 2"):
        look(run, BOX)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ([("box", "1.0"), ("jinja2", "2.10"), ("jinja2", "2.10")], "asked 3 questions, not the 2"),
        ([("box", "1.0"), ("jinja2", "2.10"), ("other", "1")], "what it was not to ask: other 1 is none of"),
    ],
)
def test_who_asks_something_else_is_an_error(
    tmp_path: Path, script: Script, asked: list[tuple[str, str]], said: str
) -> None:
    small_file(tmp_path / "p" / "advisories")
    run = run_over(tmp_path / "p", tools=script(), mode="file", path="advisories")
    script(("ask", asked), says(run, clean("box", "1.0"), FOUND), ("exit", 1))
    with pytest.raises(GateError, match=said):
        look(run, BOX)


def test_a_hanging_tool_is_an_error(tmp_path: Path, script: Script) -> None:
    run = run_over(tmp_path / "p", tools=script(("hang", 0)), mode="osv", osv_url=SERVICE, seconds=0.5)
    with pytest.raises(GateError, match="not finished after"):
        look(run, BOX)


def test_a_missing_tool_is_an_error_with_the_command(tmp_path: Path, tools: FakeTools) -> None:
    run = replace(run_over(tmp_path / "p", tools=tools), packages=(str(tmp_path),))
    with pytest.raises(GateError, match="pip-audit is not installed for python: python -m pip install"):
        look(run, BOX)


def test_a_service_that_fails_is_asked_three_times(tmp_path: Path, script: Script) -> None:
    keep = Kept()
    run = run_over(
        tmp_path / "p", tools=script(("err", REFUSED), ("exit", 1)), keep=keep, mode="osv", osv_url=SERVICE
    )
    with pytest.raises(GateError, match=r"\(3 tries\)") as caught:
        look(run, BOX)
    assert caught.value.external
    assert len(json.loads(keep.files["tries.json"])) == 3


def test_what_another_try_would_not_mend_is_asked_once(tmp_path: Path, script: Script) -> None:
    refused = REFUSED.replace("refused", "[SSL: CERTIFICATE_VERIFY_FAILED]")
    run = run_over(tmp_path / "p", tools=script(("err", refused), ("exit", 1)), mode="online")
    with pytest.raises(GateError, match=r"\(1 tries\)") as caught:
        look(run, BOX)
    assert caught.value.external


def test_a_network_that_takes_too_long_is_not_asked_again(
    tmp_path: Path, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "TRYING_SECONDS", 0.0)
    run = run_over(tmp_path / "p", tools=script(("err", REFUSED), ("exit", 1)), mode="online")
    with pytest.raises(GateError, match=r"could not ask the package index \(1 tries\)"):
        look(run, BOX)


def test_auto_asks_the_second_source_and_says_both_reasons(tmp_path: Path, script: Script) -> None:
    run = run_over(tmp_path / "p", tools=script(), mode="auto", osv_url=SERVICE)
    script(says(run, SKIPPED, NO_CANARY), ("exit", 0))
    with pytest.raises(GateError, match=pattern("canary-missed", "and canary-missed")):
        look(run, BOX)


def test_a_full_house_of_canaries_needs_a_run_of_its_own(tmp_path: Path, script: Script) -> None:
    members = ["jinja2==3", "requests==3", "pyyaml==7", "urllib3==3", "flask==4"]
    run = run_over(tmp_path / "p", tools=script(), mode="osv", osv_url=SERVICE)
    script(says(run, FOUND), ("exit", 1))
    with pytest.raises(GateError, match="1 entries for 5 pins"):
        look(run, supply(*members))


RECORDED = report(vulnerable("box", "1.0", "A", "B", fixes=["2"]), clean("lid", "1"), FOUND)
ASKED = pins([("box", "1.0"), ("lid", "1"), ("jinja2", "2.10")]).askable


def test_a_complete_report_is_read() -> None:
    assert set(parse(RECORDED, 1, ASKED)) == {"box", "jinja2", "lid"}


@given(st.integers(0, len(RECORDED) - 1))
def test_a_cut_report_is_an_error(length: int) -> None:
    with pytest.raises(NoReportError):
        parse(RECORDED[:length], 1, ASKED)


def test_a_cut_report_is_an_error_of_the_gate(tmp_path: Path, script: Script) -> None:
    run = run_over(tmp_path / "p", tools=script(), mode="osv", osv_url=SERVICE)
    script(writes(run, RECORDED[:-30]), ("exit", 1))
    with pytest.raises(GateError, match="unreadable report"):
        look(run, BOX)
