"""R8: what a caller sends is refused; a system that fails over it is found out, request by request."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_failhard.gates.system import bad_input
from pytest_failhard.gates.system.seen import Seen
from pytest_failhard.model import Finding
from tests.gates.system.served import HTTP, stage
from tests.support import Kept

LEVEL_4 = ("R8", "R8/classes", "R8/body-limit")
SECONDS = 2.0


def check(tmp_path: Path, *parts: str, fault: str = "") -> Seen:
    with stage(tmp_path, *parts, fault=fault) as made:
        return bad_input.check(made, within=SECONDS)


def only(seen: Seen) -> Finding:
    [found] = seen.findings
    return found


def test_a_system_that_refuses_everything_has_no_finding(tmp_path: Path) -> None:
    seen = check(tmp_path, *LEVEL_4)

    assert seen.findings == ()
    assert seen.measures["bad_inputs"] == seen.examined == 42
    assert seen.proved == {"F1": True, "F2": True}


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("server error", "500"),
        ("drop", "connection dropped"),
        ("crash", "connection dropped"),
        ("hang", "no answer in time"),
    ],
)
def test_a_failure_is_found_and_the_rest_is_tried_all_the_same(
    fault: str, outcome: str, tmp_path: Path
) -> None:
    seen = check(tmp_path, "R8", fault=fault)

    assert (only(seen).rule, only(seen).message) == (
        "R8-server-error",
        f"POST /items fails on B3: an array: {outcome}",
    )
    assert seen.measures["bad_inputs"] == 41
    assert seen.proved == {"F1": False, "F2": True}


def test_a_failure_on_an_unknown_path_names_it(tmp_path: Path) -> None:
    *_, found = check(tmp_path, "R8", fault="unknown path").findings

    assert found.message.startswith("an unknown path fails on B12: an unknown path at the root: 500; ")


def test_a_wrong_status_is_a_finding_where_the_level_looks_at_classes(tmp_path: Path) -> None:
    lenient = check(tmp_path / "3", *LEVEL_4, fault="lenient")

    assert {found.rule for found in lenient.findings} == {"R8-wrong-class"}
    assert [found.message.partition(":")[0] for found in lenient.findings] == [
        f"POST /items does not refuse {case} as it should" for case in ("B2", "B3", "B4", "B9", "B8")
    ]
    assert lenient.proved == {"F1": True, "F2": False}
    assert check(tmp_path / "2", "R8", fault="lenient").findings == ()


def test_a_body_without_limit_is_found(tmp_path: Path) -> None:
    seen = check(tmp_path, "R8", "R8/body-limit", fault="no limit")

    assert (only(seen).rule, only(seen).message) == (
        "R8-body-limit",
        "POST /items takes a body of 10 MB: 201, not 413",
    )


def test_two_runs_leave_the_same_evidence(tmp_path: Path) -> None:
    kept = [Kept(), Kept()]
    for number, keep in enumerate(kept):
        with stage(tmp_path / str(number), *LEVEL_4, fault="drop", keep=keep) as made:
            bad_input.check(made, within=SECONDS)

    first, second = (keep.files["bad_input.jsonl"] for keep in kept)
    assert first == second
    lines = [json.loads(line) for line in first.splitlines()]
    assert {
        "case": "B3",
        "input": "an array",
        "method": "POST",
        "outcome": "connection dropped",
        "route": "create",
    } in lines


def test_a_system_whose_good_requests_fail_is_asked_all_the_same(tmp_path: Path) -> None:
    routes = [
        {"id": "nothing", "path": "/none", "capture": {"item": "id"}},
        {"id": "show", "path": "/items/${item}"},
    ]
    with stage(tmp_path, "R8", declared={**HTTP, "routes": routes}) as made:
        seen = bad_input.check(made)

    assert seen.findings == ()
    assert seen.examined >= 14


def test_the_ready_route_is_tried_once(tmp_path: Path) -> None:
    routes = [{"id": "health", "path": "/health"}]
    with stage(tmp_path, "R8", declared={**HTTP, "routes": routes}) as made:
        seen = bad_input.check(made)

    assert {said.asked for said in made.record.answers} == {"health", "unknown"}
    assert seen.examined == 10
