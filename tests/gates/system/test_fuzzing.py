"""R8/fuzz: what the fuzzer reports is judged, and a fuzzer that is missing or confused is an error."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_failhard.gates.system import bad_input, fuzzing
from pytest_failhard.gates.system.seen import Seen
from pytest_failhard.model import GateError
from tests.conftest import Script
from tests.gates.system.served import HTTP, stage
from tests.support import FAKE, FakeTools, Kept, write

SECRET_HEADER = {"Authorization": "Bearer ${secret:API_TOKEN}"}
ROUTES = [{"id": "list", "path": "/items", "headers": {**SECRET_HEADER, "Accept": "*/*"}}]
SERVED: Mapping[str, object] = {**HTTP, "openapi": "/openapi.json", "routes": ROUTES}
CLEAN: Mapping[str, object] = {
    "schemathesis_version": "4.32.5",
    "complete": True,
    "exit_code": 0,
    "operations": {"total": 2, "selected": 2, "tested": 2},
    "test_cases": {"generated": 157},
    "failures": [],
    "errors": [],
}
FAILURES = [
    {"type": "ServerError", "title": "Server error", "operations": ["POST /items", "GET /items/{id}"]},
    {"type": "UndefinedStatusCode", "title": "Undocumented HTTP status code", "operations": ["POST /items"]},
]
FAILED: Mapping[str, object] = {**CLEAN, "exit_code": 1, "failures": FAILURES}


def scripted(script: Script, report: Mapping[str, object] | bytes | None, code: int) -> FakeTools:
    """Return an environment whose schemathesis leaves this report and ends so."""
    data = report if isinstance(report, bytes) else json.dumps(report).encode()
    steps: list[tuple[str, object]] = [] if report is None else [("write", ["report.json", data.hex()])]
    tools = script(*steps, ("exit", code))
    main = FAKE.format(script=str(tools.script))
    files = {"__init__.py": "", "cli/__init__.py": "", "cli/__main__.py": main}
    write(tools.site / "schemathesis", files)
    metadata = "Metadata-Version: 2.1\nName: schemathesis\nVersion: 4.32.5\n"
    write(tools.site / "schemathesis-4.32.5.dist-info", {"METADATA": metadata})
    return tools


def check(
    tmp_path: Path,
    tools: FakeTools | None,
    *parts: str,
    declared: Mapping[str, object] = SERVED,
    keep: Kept | None = None,
) -> Seen:
    with stage(tmp_path, "R8", "R8/fuzz", *parts, tools=tools, declared=declared, keep=keep) as made:
        return fuzzing.check(made)


def test_a_clean_report_is_counted(tmp_path: Path, script: Script) -> None:
    seen = check(tmp_path, scripted(script, CLEAN, 0))

    assert (seen.findings, seen.examined) == ((), 157)
    assert seen.measures == {"fuzz_cases": 157, "fuzzed_operations": 2}
    assert seen.proved == {"F1": True}


def test_each_failure_is_a_finding_of_its_operation(tmp_path: Path, script: Script) -> None:
    seen = check(tmp_path, scripted(script, FAILED, 1))

    assert [(found.rule, found.message) for found in seen.findings] == [
        ("R8-server-error", "GET /items/{id}: fuzzing finds: Server error"),
        ("R8-server-error", "POST /items: fuzzing finds: Server error"),
        ("R8-conformance", "POST /items: fuzzing finds: Undocumented HTTP status code"),
    ]
    assert seen.proved == {"F1": False}


@pytest.mark.parametrize(
    ("report", "code", "message"),
    [
        (None, 0, "no readable report"),
        (b"{", 0, "no readable report"),
        ({**CLEAN, "failures": None}, 0, "no readable report"),
        (CLEAN, 1, "which its own report contradicts"),
        (FAILED, 0, "which its own report contradicts"),
        ({**CLEAN, "failures": FAILURES}, 0, "which its own report contradicts"),
        ({**CLEAN, "complete": False}, 0, "which its own report contradicts"),
        ({**CLEAN, "operations": {"selected": 0, "tested": 0}}, 0, "tried 0 of 0 operations"),
        ({**CLEAN, "operations": {"selected": 2, "tested": 1}}, 0, "tried 1 of 2 operations"),
        ({**CLEAN, "errors": [{"title": "Network Error"}, {"type": "x"}]}, 0, "everything: Network Error; x"),
        (CLEAN, 2, "exit code 2, which means neither clean nor findings"),
        (CLEAN, 137, "exit code 137"),
    ],
)
def test_a_confused_fuzzer_is_an_error(
    report: Mapping[str, object] | bytes | None, code: int, message: str, tmp_path: Path, script: Script
) -> None:
    with pytest.raises(GateError, match=message):
        check(tmp_path, scripted(script, report, code))


def test_a_missing_fuzzer_is_an_error_with_the_command(tmp_path: Path) -> None:
    with (
        stage(tmp_path, "R8/fuzz", declared=SERVED, packages=(str(tmp_path),)) as made,
        pytest.raises(GateError, match=r"python -m pip install 'pytest-failhard\[fuzz\]'"),
    ):
        fuzzing.check(made)


def test_no_description_is_a_finding_and_the_corpus_runs_all_the_same(tmp_path: Path) -> None:
    with stage(tmp_path, "R8", "R8/fuzz") as made:
        seen = bad_input.check(made)

    assert [found.rule for found in seen.findings] == ["R8-no-openapi"]
    assert seen.measures == {"bad_inputs": 41, "fuzz_cases": 0, "fuzzed_operations": 0}
    # Nothing has tried what it promises: that nothing makes it fail is not shown.
    assert seen.proved == {"F1": False, "F2": True}


def test_corpus_and_fuzzer_are_joined(tmp_path: Path, script: Script) -> None:
    tools = scripted(script, CLEAN, 0)
    with stage(tmp_path, "R8", "R8/fuzz", tools=tools, declared=SERVED) as made:
        seen = bad_input.check(made)

    assert seen.proved["F1"]
    assert seen.examined == seen.measures["bad_inputs"] + seen.measures["fuzz_cases"]


def test_secrets_are_neither_in_the_arguments_nor_in_the_configuration(
    tmp_path: Path, script: Script
) -> None:
    keep = Kept()
    tools = scripted(script, CLEAN, 0)
    with stage(tmp_path, "R8/fuzz", tools=tools, declared=SERVED, keep=keep) as made:
        fuzzing.check(made)
        configuration = (made.run.scratch / "fuzzing" / "schemathesis.toml").read_text()
        [canary] = made.canaries

    assert configuration == (
        '[headers]\n"Accept" = "${REQUEST_HEADER_0}"\n"Authorization" = "${REQUEST_HEADER_1}"\n'
    )
    assert all(canary.value.encode() not in data for data in keep.files.values())
    record = json.loads(keep.files["fuzzing.json"])
    assert (record["test_cases"], "schemathesis_version" in record) == ({"generated": 157}, False)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((), ["--checks", "not_a_server_error", "-n", "25"]),
        (
            ("R8/conformance",),
            [
                "--checks",
                "not_a_server_error,status_code_conformance,response_schema_conformance",
                "-n",
                "100",
            ],
        ),
    ],
)
def test_a_level_asks_for_more(
    parts: tuple[str, ...], expected: list[str], tmp_path: Path, script: Script
) -> None:
    keep = Kept()
    check(tmp_path, scripted(script, CLEAN, 0), *parts, keep=keep)

    argv = json.loads(keep.files["schemathesis.cli-1.json"])["argv"]
    assert [argv[argv.index("--checks")], argv[argv.index("--checks") + 1]] == expected[:2]
    assert [argv[argv.index("-n")], argv[argv.index("-n") + 1]] == expected[2:]


def test_a_description_in_the_tree_is_read_from_there(tmp_path: Path, script: Script) -> None:
    keep = Kept()
    check(tmp_path, scripted(script, CLEAN, 0), declared={**SERVED, "openapi": "api.json"}, keep=keep)

    argv = json.loads(keep.files["schemathesis.cli-1.json"])["argv"]
    assert "<root>/api.json" in argv
