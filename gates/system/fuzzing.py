"""R8/fuzz: what the interface's description promises, tried by schemathesis as a command of its own."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError

from pytest_failhard.gates.system.seen import Seen, finding
from pytest_failhard.gates.system.stage import Stage
from pytest_failhard.model import Finding, GateError, Tool
from pytest_failhard.system.environment import HOST
from pytest_failhard.system.launch import Instance

SCHEMATHESIS = Tool(module="schemathesis.cli", distribution="schemathesis", lowest="4.32")
INSTALL = "python -m pip install 'pytest-failhard[fuzz]'"
CLEAN, FAILURES = 0, 1
SERVER_ERROR = "ServerError"
SERVER_CHECK = "not_a_server_error"
CONFORMANCE_CHECKS = f"{SERVER_CHECK},status_code_conformance,response_schema_conformance"
EXAMPLES, MANY_EXAMPLES = 25, 100
"""Of each operation: enough to find both planted errors in four operations in 4-7 seconds; level 4's."""
CASES, OPERATIONS = "fuzz_cases", "fuzzed_operations"
REPORT, CONFIGURATION = "report.json", "schemathesis.toml"


class _Operations(BaseModel):
    selected: Annotated[int, Field(ge=0)]
    tested: Annotated[int, Field(ge=0)]


class _Cases(BaseModel):
    generated: Annotated[int, Field(ge=0)]


class _Failure(BaseModel):
    type: str
    title: str
    operations: Annotated[list[str], Field(min_length=1)]


class _Report(BaseModel):
    schemathesis_version: str
    complete: bool
    exit_code: int
    operations: _Operations
    test_cases: _Cases
    failures: list[_Failure]
    errors: list[dict[str, object]]


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where the description is, and which headers make a request a welcome one."""

    location: str
    base: str
    headers: Mapping[str, str]


def check(stage: Stage) -> Seen:
    """Fuzz what the description holds; without one that is the finding. Raises GateError."""
    if stage.system.openapi is None:
        return Seen(findings=(_no_document(),), measures={CASES: 0, OPERATIONS: 0}, examined=1)
    if not _is_installed(stage):
        raise GateError(f"the level demands fuzzing, and schemathesis is not installed: {INSTALL}")
    stage.run.tool(SCHEMATHESIS)
    with stage.instance("fuzzing") as instance:
        report = _fuzzed(stage, _place(stage, instance, stage.system.openapi))
    _keep(stage, report)
    server_errors = [each for each in report.failures if each.type == SERVER_ERROR]
    return Seen(
        findings=tuple(_findings(report.failures)),
        measures={CASES: report.test_cases.generated, OPERATIONS: report.operations.tested},
        examined=report.test_cases.generated,
        proved={"F1": not server_errors},
    )


def _no_document() -> Finding:
    return finding(
        "R8-no-openapi",
        "no description of the interface is declared, so nothing tries what it promises",
        "serve an OpenAPI document, or keep one in the tree, and name it under openapi",
    )


def _is_installed(stage: Stage) -> bool:
    found = importlib.metadata.distributions(name=SCHEMATHESIS.distribution, path=list(stage.run.packages))
    return next(iter(found), None) is not None


def _place(stage: Stage, instance: Instance, openapi: str) -> _Place:
    base = f"http://{HOST}:{instance.port}"
    served = openapi.startswith("/")
    headers: dict[str, str] = {}
    for route in stage.system.routes or ():
        for name, value in instance.request(route, unknown="1").headers.items():
            headers.setdefault(name, value)
    headers.pop("Content-Type", None)
    return _Place(
        location=f"{base}{openapi}" if served else str(stage.tree / openapi), base=base, headers=headers
    )


def _fuzzed(stage: Stage, place: _Place) -> _Report:
    """Run the tool in a folder of its own: it writes a database of examples to where it stands."""
    folder = stage.run.scratch / "fuzzing"
    folder.mkdir()
    names = {name: f"REQUEST_HEADER_{number}" for number, name in enumerate(sorted(place.headers))}
    # A secret in the arguments could be read by every user of the machine.
    (folder / CONFIGURATION).write_text(_configuration(names), "utf-8")
    deep = stage.runs("R8/conformance")
    completed = stage.run.python(
        SCHEMATHESIS.module,
        *("--config-file", CONFIGURATION, "--no-color", "run", place.location, "--url", place.base),
        *("--checks", CONFORMANCE_CHECKS if deep else SERVER_CHECK, "--phases", "coverage,fuzzing"),
        *("-n", str(MANY_EXAMPLES if deep else EXAMPLES), "--seed", str(stage.run.seed)),
        *("--generation-deterministic", "--output-sanitize", "true"),
        *("--report", "json", "--report-json-path", REPORT),
        ok=frozenset({CLEAN}),
        found=frozenset({FAILURES}),
        cwd=folder,
        environment={names[name]: value for name, value in place.headers.items()},
        volatile=True,
    )
    return _read(folder / REPORT, completed.returncode)


def _configuration(names: Mapping[str, str]) -> str:
    lines = (f'{json.dumps(name)} = "${{{variable}}}"' for name, variable in names.items())
    return "\n".join(("[headers]", *lines, ""))


def _read(path: Path, code: int) -> _Report:
    """Return the report; raises GateError where it is none, or contradicts the exit code or itself."""
    try:
        report = _Report.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise GateError(f"schemathesis left no readable report: {type(error).__name__}") from None
    if report.errors:
        titles = sorted({str(each.get("title") or each.get("type")) for each in report.errors})
        raise GateError(f"schemathesis could not try everything: {'; '.join(titles)}")
    if not report.complete or report.exit_code != code or bool(report.failures) != (code == FAILURES):
        raise GateError(f"schemathesis ended with exit code {code}, which its own report contradicts")
    if not report.operations.selected or report.operations.tested != report.operations.selected:
        counts = f"{report.operations.tested} of {report.operations.selected}"
        raise GateError(f"schemathesis tried {counts} operations: the description must hold some that can be")
    return report


def _keep(stage: Stage, report: _Report) -> None:
    record = report.model_dump(exclude={"schemathesis_version"})
    stage.run.keep("fuzzing.json", json.dumps(record, indent=1, sort_keys=True).encode() + b"\n")


def _findings(failures: Sequence[_Failure]) -> Iterator[Finding]:
    for failure in failures:
        is_error = failure.type == SERVER_ERROR
        for operation in sorted(set(failure.operations)):
            yield finding(
                "R8-server-error" if is_error else "R8-conformance",
                f"{operation}: fuzzing finds: {failure.title}",
                "check the input before it is used" if is_error else "let description and answers agree",
                basis=f"fuzzing\0{failure.type}\0{operation}",
            )
