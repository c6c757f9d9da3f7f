"""R9: a secret is found wherever it comes out, and an answer shows nothing of the inside."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_failhard.gates.system import leaks
from pytest_failhard.gates.system.outgoing import cleaned, random_parts, require_clean
from pytest_failhard.gates.system.seen import Seen, finding
from pytest_failhard.gates.system.stage import Canary
from pytest_failhard.model import GateError, Severity
from pytest_failhard.system.declaration import Secret, System
from tests.gates.system.served import HTTP, stage

LEVEL_3 = ("R9", "R9/answers", "R9/version", "R9/pii")
VALUE = "sk-0123456789abcdefghijABCDEFGHIJ"


def check(tmp_path: Path, *parts: str, fault: str = "", says: str = "") -> Seen:
    with stage(tmp_path, *parts, fault=fault, says=says) as made:
        return leaks.check(made)


def test_a_system_that_keeps_its_secrets_has_no_finding(tmp_path: Path) -> None:
    seen = check(tmp_path, *LEVEL_3)

    assert seen.findings == ()
    assert seen.measures == {"canaries": 1, "leaks": 0}
    assert seen.proved == {"P1": True, "F3": True}
    assert seen.examined == 1


@pytest.mark.parametrize(
    ("fault", "says", "place"),
    [
        ("leak in a header", "", "the headers of the answer to create"),
        ("leak in a body", "", "the answer to create"),
        ("leak in a file", "", "the file notes.txt"),
        ("leak in its home", "", "a file in its folder home"),
        ("leak in arguments", "", "the arguments of a process"),
        ("", "configuration: <secret>", "its standard output"),
    ],
    ids=lambda value: value.replace(" ", "-"),
)
def test_a_secret_is_found_where_it_comes_out(fault: str, says: str, place: str, tmp_path: Path) -> None:
    seen = check(tmp_path, "R9", fault=fault, says=says)

    found = {found.message: found for found in seen.findings}
    assert found[f"the value of API_TOKEN stands in {place}"].severity is Severity.HIGH
    assert seen.measures["leaks"] == len(seen.findings)
    assert seen.proved == {"P1": False}


def test_an_answer_with_a_traceback_is_found_from_the_level_that_looks(tmp_path: Path) -> None:
    seen = check(tmp_path / "2", "R9", "R9/answers", fault="traceback")

    assert {found.rule for found in seen.findings} == {"R9-traceback", "R9-exception-text"}
    assert [found.message for found in seen.findings][:2] == [
        "an answer to create holds the text of an exception",
        "an answer to create holds a traceback",
    ]
    assert seen.proved == {"P1": True, "F3": False}
    assert check(tmp_path / "1", "R9", fault="traceback").findings == ()


def test_a_version_in_a_header_is_found(tmp_path: Path) -> None:
    [found] = check(tmp_path, *LEVEL_3, fault="version").findings

    assert (found.rule, found.message) == (
        "R9-server-version",
        "the header X-Powered-By says which version answers: tiny/1.2.3",
    )


def test_personal_data_in_the_log_is_found_without_repeating_it(tmp_path: Path) -> None:
    seen = check(tmp_path, *LEVEL_3, fault="log bodies")

    assert [found.message for found in seen.findings] == [
        f"{kind} from the body of a request stands in the log"
        for kind in ("an e-mail address", "a phone number", "a name")
    ]


def test_a_library_is_never_started(tmp_path: Path) -> None:
    with stage(tmp_path, "R9", declared={"kind": "library", "secrets": []}) as made:
        seen = leaks.check(made)

    assert (seen.findings, seen.measures, seen.proved) == ((), {"canaries": 0, "leaks": 0}, {})


def test_the_round_is_made_once(tmp_path: Path) -> None:
    with stage(tmp_path, *LEVEL_3, declared={**HTTP, "openapi": "/openapi.json"}) as made:
        first = leaks.check(made)
        second = leaks.check(made)

    assert first == second
    assert [said.asked for said in made.record.answers] == ["ready", "openapi", "create", "show", "create"]


def test_only_what_is_random_of_a_secret_is_secret() -> None:
    system = System(kind="job", secrets=(Secret(name="KEY", shape="sk-*-end"),))
    canaries = [Canary(name="KEY", value="sk-random-end"), Canary(name="OTHER", value="x")]

    assert random_parts(system, canaries) == {"KEY\x000": "random", "OTHER\x001": "x"}


def test_what_is_kept_holds_no_secret() -> None:
    parts = {"KEY\x000": VALUE}

    assert cleaned(f"starting\nkey {VALUE}\nready", parts) == (
        "starting\n<a line with the value of KEY is left out>\nready"
    )
    assert cleaned("starting\n", parts) == "starting\n"


def test_a_finding_that_holds_a_secret_is_never_reported() -> None:
    with pytest.raises(GateError, match="R9-x: the finding itself holds the value of KEY") as caught:
        require_clean([finding("R9-x", f"look: {VALUE}", "fix")], {"KEY\x000": VALUE})

    assert VALUE not in str(caught.value)
