"""Says what each test did as a whole, and what is wrong with that."""

from __future__ import annotations

import fnmatch
import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from pytest_failhard.markers import ISOLATION_MOCK
from pytest_failhard.model import Finding, Severity, TestRecord, TestRun

SHOWN = 10
SHORTEST_REASON = 10
NO_REASONS = ("unconditional skip", "could not import *", "condition: *", "*<skipped instance>*")
"""Texts that pytest writes where a person gave no reason."""
RAISED_BY_SKIP = frozenset({"Skipped", "SkipTest"})


class View:
    """The records by test: a phase that is reported twice counts once."""

    def __init__(self, run: TestRun) -> None:
        self.run = run
        self.files = [record for record in run.records if record.when == "collect"]
        self.by_test: dict[str, list[TestRecord]] = {}
        for record in dict.fromkeys(record for record in run.records if record.when != "collect"):
            self.by_test.setdefault(record.nodeid, []).append(record)
        self.kinds = {nodeid: _kind(records) for nodeid, records in self.by_test.items()}
        self.markers = {
            record.nodeid: frozenset(record.markers.split())
            for records in self.by_test.values()
            for record in records
            if record.when == "setup"
        }
        self.executed = {nodeid for nodeid, records in self.by_test.items() if any(map(_executes, records))}

    def measures(self, unexplained: int, nonstrict: int) -> Mapping[str, int]:
        """Return the counts; each test has one kind."""
        kinds = list(self.kinds.values())
        skipped_files = [record for record in self.files if record.outcome == "skipped"]
        return {
            "collected": len(set(self.run.collected)),
            "executed": len(self.executed),
            "passed": kinds.count("passed"),
            "failed": kinds.count("failed"),
            "errors": kinds.count("error"),
            "flaky": kinds.count("flaky"),
            "skipped": kinds.count("skipped") + len(skipped_files),
            "skipped_unexplained": unexplained,
            "xfailed": kinds.count("xfailed"),
            "xfailed_nonstrict": nonstrict,
            "deselected": len(set(self.run.deselected)),
            "isolation_mocks": sum(ISOLATION_MOCK in self.markers.get(each, ()) for each in self.executed),
        }


def _executes(record: TestRecord) -> bool:
    body = record.when == "call" and record.outcome in {"passed", "failed", "rerun"}
    # `pytest.xfail()` in the body stops it; an xfail by marker ran to where it failed.
    return body or (record.when == "call" and record.xfail and record.raised not in {"XFailed", ""})


def _kind(records: list[TestRecord]) -> str:
    """Return what a test did as a whole; empty where its records do not reach its end."""
    bodies = [record for record in records if record.when in {"call", "???"}]
    failed = [record for record in records if record.outcome == "failed"]
    passed_last = bool(bodies) and bodies[-1].outcome == "passed"
    attempts = sum(record.when == "setup" for record in records)
    if passed_last and (any(record.outcome == "rerun" for record in records) or (failed and attempts > 1)):
        return "flaky"
    if failed:
        return "failed" if any(record in bodies for record in failed) else "error"
    return _unfailed(records, bodies) if any(record.when == "teardown" for record in records) else ""


def _unfailed(records: list[TestRecord], bodies: list[TestRecord]) -> str:
    if any(record.xfail for record in records):
        return "xfailed"
    if any(record.outcome == "skipped" for record in records):
        return "skipped"
    return "passed" if bodies and bodies[-1].outcome == "passed" else ""


def listed(names: Collection[str]) -> str:
    shown = sorted(names)[:SHOWN]
    rest = len(names) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest else "")


def finding(name: str, nodeid: str, message: str, fix: str, record: TestRecord | None = None) -> Finding:
    known = record is not None and record.path and not record.path.startswith(("..", "/"))
    return Finding(
        rule=name,
        name=name,
        path=record.path if record is not None and known else nodeid.partition("::")[0],
        line=record.line if record is not None else 0,
        severity=Severity.HIGH,
        message=f"{nodeid} {message}",
        fix=fix,
        anchor=nodeid if record is None or record.when in {"call", "???"} else f"{nodeid} {record.when}",
    )


def first_line(message: str) -> str:
    return next((line.strip() for line in message.splitlines() if line.strip()), "no message")


def _command(nodeid: str) -> str:
    return f"run `pytest {shlex.quote(nodeid)}` and mend what it shows"


def outcomes(view: View) -> Iterator[Finding]:
    for nodeid, kind in view.kinds.items():
        records = view.by_test[nodeid]
        if kind == "flaky":
            first = next(record for record in records if record.outcome in {"rerun", "failed"})
            text = f"passed only after a failed attempt: {first_line(first.message)}"
            yield finding("flaky-test", nodeid, text, f"make it deterministic: {_command(nodeid)}", first)
            continue
        for record in records:
            if record.outcome == "failed":
                body = record.when in {"call", "???"}
                did = "failed" if body else f"broke in its {record.when}"
                name = "test-failed" if body else "test-error"
                text = f"{did}: {first_line(record.message)}"
                yield finding(name, nodeid, text, _command(nodeid), record)


def is_explained(reason: str, accepted: Iterable[str]) -> bool:
    """Tell whether a skip or xfail says why: two words of ten characters together, or an accepted text."""
    text = reason.removeprefix("reason:").strip()
    if any(fnmatch.fnmatchcase(text, glob) for glob in accepted):
        return True
    written = not any(fnmatch.fnmatchcase(text.lower(), glob) for glob in NO_REASONS)
    return written and len(text) >= SHORTEST_REASON and len(text.split()) >= 2


def skips(view: View, accepted: tuple[str, ...]) -> Iterator[Finding]:
    skipped = [record for records in view.by_test.values() for record in records if not record.xfail]
    seen = set()
    for record in [*view.files, *skipped]:
        if record.outcome != "skipped" or record.nodeid in seen or is_explained(record.reason, accepted):
            continue
        seen.add(record.nodeid)
        said = f"says only {record.reason!r}" if record.reason else "gives no reason"
        fix = "give a reason that says what is missing and where it is tracked, or let it run"
        yield replace(
            finding("unexplained-skip", record.nodeid, f"is skipped and {said}", fix, record),
            anchor=record.nodeid,
        )


def xfails(view: View, accepted: tuple[str, ...]) -> Iterator[Finding]:
    for nodeid, records in view.by_test.items():
        for record in records:
            lax = not record.xfail_strict
            if not record.xfail or (not lax and is_explained(record.reason, accepted)):
                continue
            text = "is an xfail without strict=True" if lax else "is an xfail without a reason"
            fix = "write @pytest.mark.xfail(strict=True, reason=...) with a reason that names the defect"
            yield replace(finding("nonstrict-xfail", nodeid, text, fix, record), anchor=nodeid)
            break


def categories(view: View, demanded: Iterable[str]) -> Iterator[Finding]:
    """Yield each marker that the level or the project demands and no passing test has."""
    passed = [nodeid for nodeid, kind in view.kinds.items() if kind == "passed"]
    proved = {name for nodeid in passed for name in view.markers.get(nodeid, ())}
    for name in sorted({*demanded} - proved):
        yield Finding(
            rule="missing-category",
            name="missing-category",
            path="",
            line=0,
            severity=Severity.HIGH,
            message=f"no test with the marker {name} passed",
            fix=f"write a test of this kind and mark it with @pytest.mark.{name}",
            anchor=name,
        )


def forged(view: View) -> Iterator[Finding]:
    for nodeid, records in view.by_test.items():
        for record in records:
            if _is_forged(record):
                text = f"is reported as {record.outcome} in its {record.when}, which raised {record.raised}"
                fix = "remove the code in conftest.py or a plugin that turns the outcome"
                yield finding("forged-outcome", nodeid, text, fix, record)
    status_says_green = view.run.exit_status == 0
    failed = sorted({record.nodeid for record in view.run.records if record.outcome == "failed"})
    if failed and status_says_green:
        yield Finding(
            rule="exit-code-forged",
            name="exit-code-forged",
            path="",
            line=0,
            severity=Severity.HIGH,
            message=f"pytest ended with exit status 0 while {len(failed)} tests failed: {listed(failed)}",
            fix="remove the code that ends the process or sets its exit status",
            anchor="exit-code",
        )


def _is_forged(record: TestRecord) -> bool:
    if record.outcome == "passed":
        return bool(record.raised)
    return record.outcome == "skipped" and not record.xfail and record.raised not in RAISED_BY_SKIP
