"""R11: the log is for machines, tells requests apart, and does not speak of going on regardless."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import pytest

from pytest_failhard.gates.system import logs
from pytest_failhard.gates.system.record import Ended
from pytest_failhard.gates.system.seen import Seen
from pytest_failhard.model import Finding
from tests.gates.system.served import HTTP, stage
from tests.size import FULL
from tests.support import Kept

LEVEL_3 = ("R11", "R11/request-id", "R11/all-lines", "R11/at-once", "R11/metrics")
JOB: Mapping[str, object] = {"kind": "job", "start": ["true"], "secrets": [], "outputs": ["out"]}


def check(tmp_path: Path, *parts: str, fault: str = "", says: str = "", keep: Kept | None = None) -> Seen:
    with stage(tmp_path, *parts, fault=fault, says=says, keep=keep) as made:
        return logs.check(made)


def of_log(tmp_path: Path, log: str, *parts: str, house_phrases: tuple[str, ...] = ()) -> Seen:
    """Return what is seen in the log of a job that somebody else has run."""
    with stage(tmp_path, *parts, declared=JOB, house_phrases=house_phrases) as made:
        made.record.end(Ended(purpose="run", stdout=log, stderr="", log=log, argv=()))
        return logs.check(made)


def only(seen: Seen) -> Finding:
    [found] = seen.findings
    return found


def test_a_good_log_has_no_finding(tmp_path: Path) -> None:
    seen = check(tmp_path, *LEVEL_3)

    assert seen.findings == ()
    assert (seen.measures["app_json_share"], seen.measures["non_json_lines"]) == (1, 0)
    assert seen.measures["log_lines"] > 1
    assert seen.examined == 1
    assert seen.volatile == {"app_json_share", "log_lines", "non_json_lines"}
    assert seen.proved == {"P2": True, "P3": True}


@pytest.mark.parametrize(
    ("fault", "rules"),
    [
        ("unechoed", {"R11-request-id-not-echoed"}),
        ("unlogged", {"R11-request-id-not-logged"}),
        # In the size of CI by the test of ids that are mixed under load.
        *([("mixed", {"R11-request-id-not-echoed", "R11-request-id-not-logged"})] if FULL else []),
        ("no metrics", {"R11-no-metrics"}),
        ("odd metrics", {"R11-metrics-unreadable"}),
        ("still counters", {"R11-metrics-still", "R11-histograms-still"}),
        ("still histogram", {"R11-histograms-still"}),
    ],
)
def test_each_fault_is_found(fault: str, rules: set[str], tmp_path: Path) -> None:
    seen = check(tmp_path, *LEVEL_3, fault=fault)

    assert {found.rule for found in seen.findings} == rules
    assert seen.proved["P3"] is ("request-id" not in str(rules))


def test_request_ids_and_counters_are_left_alone_below_their_level(tmp_path: Path) -> None:
    seen = check(tmp_path, "R11", fault="unechoed")

    assert (seen.findings, "P3" in seen.proved) == ((), False)


def test_a_missing_request_id_names_the_route(tmp_path: Path) -> None:
    seen = check(tmp_path, "R11", "R11/request-id", fault="unechoed")

    assert [found.message for found in seen.findings] == [
        f"{place} answers without the X-Request-ID it was asked with"
        for place in ("GET /health", "POST /items", "GET /items/${item}")
    ]


def test_ids_that_are_mixed_under_load_are_found_once_and_from_their_level_on(tmp_path: Path) -> None:
    seen = check(tmp_path / "3", "R11", "R11/request-id", "R11/at-once", fault="mixed")
    below = check(tmp_path / "2", "R11", "R11/request-id", fault="mixed")

    assert [found.message for found in seen.findings] == [
        f"GET /health, asked 8 times at once, {what} the X-Request-ID it was asked with"
        for what in ("answers without", "leaves no line with")
    ]
    assert below.findings == ()


def test_counters_are_read_where_they_are_declared(tmp_path: Path) -> None:
    routes = [{"id": "counters", "path": "/health/metrics"}]
    with stage(tmp_path, *LEVEL_3, declared={**HTTP, "routes": routes}) as made:
        seen = logs.check(made)

    assert only(seen).rule == "R11-no-metrics"


def test_the_share_is_exact_and_counts_the_application_s_lines_alone(tmp_path: Path) -> None:
    log = '{"a": 1}\n{"a": 2}\nhello\n * Serving Flask app\n'
    seen = of_log(tmp_path, log, "R11")

    assert seen.measures == {"app_json_share": Fraction(2, 3), "log_lines": 4, "non_json_lines": 2}
    assert (seen.findings, seen.proved) == ((), {"P2": False})


def test_a_log_without_a_line_of_the_application_has_a_whole_share(tmp_path: Path) -> None:
    assert of_log(tmp_path, " * Serving Flask app\n", "R11").measures["app_json_share"] == 1


def test_whose_lines_are_no_json_is_said(tmp_path: Path) -> None:
    log = "hello\n[2026-11-21 22:10:13 +0000] [1] [INFO] Booting\n"
    seen = of_log(tmp_path, log, "R11", "R11/all-lines")

    assert [found.message for found in seen.findings] == [
        "lines of gunicorn are no JSON",
        "lines of the application are no JSON",
    ]


@pytest.mark.parametrize(
    ("line", "rule", "message"),
    [
        (
            "no key, using default",
            "R11-fallback-phrase",
            "the log speaks of going on regardless: 'using default'",
        ),
        ("coroutine 'f' was never awaited", "R11-never-awaited", "the log says 'never awaited'"),
        (
            "This event loop is already running",
            "R11-nested-event-loop",
            "the log says 'event loop is already",
        ),
    ],
)
def test_words_that_tell_are_found(line: str, rule: str, message: str, tmp_path: Path) -> None:
    found = only(of_log(tmp_path, line, "R11"))

    assert found.rule == rule
    assert found.message.startswith(message)


def test_phrases_of_the_house_count_where_the_level_looks_at_them(tmp_path: Path) -> None:
    words = ("best effort (really)",)
    seen = of_log(
        tmp_path / "4", "saved, best effort (really)", "R11", "R11/house-phrases", house_phrases=words
    )

    assert (only(seen).rule, only(seen).message) == (
        "R11-house-phrase",
        "the log speaks of going on regardless: 'best effort (really)'",
    )
    assert of_log(tmp_path / "3", "best effort (really)", "R11", house_phrases=words).findings == ()


def test_an_error_whose_request_failed_is_no_fallback(tmp_path: Path) -> None:
    with stage(tmp_path, "R11") as made:
        seen = logs.check(made)
        assert made.watched is not None
        failed = made.watched.asked[0]
        line = json.dumps({"level": "ERROR", "message": "degraded", "request_id": failed.request_id})
        made.record.end(Ended(purpose="later", stdout=line, stderr="", log=line, argv=()))
        again = logs.check(made)

    assert seen.findings == ()
    # It was answered with 200: somebody was told that all is well.
    assert only(again).rule == "R11-fallback-phrase"


def test_examples_are_kept_without_secrets(tmp_path: Path) -> None:
    keep = Kept()
    check(tmp_path, "R11", says="starting\nwith <secret>", keep=keep)

    record = json.loads(keep.files["log_lines.json"])
    assert record["examples"] == [
        {"by": "the application", "line": "starting"},
        {"by": "the application", "line": "<a line with the value of API_TOKEN is left out>\n"},
    ]
