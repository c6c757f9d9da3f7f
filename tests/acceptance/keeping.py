"""A plugin of pytest that keeps what was said in each case: a row travels with the report of its test."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TypedDict, cast

import pytest

from tests.acceptance.case import Case
from tests.acceptance.harness import Expected, Mode, Outcome
from tests.acceptance.procedures import PROCEDURES

PROPERTY = "fail-open"
NO_REPORT = "no report"
LONGEST = 160
_DATA = re.compile(r"\bdata\.\S+\.pid\d+\.\w+")
"""A data file of coverage, in whose name stand the machine and the process."""
_FOLDERS = re.compile(r"(?<![\w./-])/(?!dev/)(?:[^\s/:'\",()]+/)+")


class Row(TypedDict):
    """One run: what was demanded, and what was said.

    `kind` is case or twin, `mode` author or supervised, `verdict` that of the gate or `no report`. `code` is
    None where the run did not come to its end; `ok` is whether the test passed.
    """

    id: str
    name: str
    kind: str
    mode: str
    workers: bool
    gate: str
    demanded: str
    code: int | None
    verdict: str
    said: str
    ok: bool


class Kept(TypedDict):
    """What one run of pytest leaves: its rows, and the tests that failed before they had one."""

    rows: list[Row]
    failed: list[str]


class Record:
    """Makes the rows of one test."""

    def __init__(self, properties: list[tuple[str, object]]) -> None:
        self._properties = properties

    def case(self, case: Case, mode: Mode) -> Line:
        """Begin the row of a case."""
        expected = case.expected(mode)
        workers = "-n" in case.ask.tests
        demanded = expected.value if expected else ""
        return self._begin(case.id, mode, case.gate, demanded, name=case.name, workers=workers)

    def twin(self, case: Case, mode: Mode) -> Line:
        """Begin the row of a case's green twin."""
        return self._begin(case.id, mode, case.gate, Expected.PASS.value, name=case.name, kind="twin")

    def procedure(self, identity: str, mode: Mode, name: str = "") -> Line:
        """Begin the row of an entry that is no case."""
        procedure = PROCEDURES[identity]
        return self._begin(identity, mode, procedure.gate, procedure.demanded(mode), name=name)

    def _begin(
        self,
        identity: str,
        mode: Mode,
        gate: str,
        demanded: str,
        *,
        name: str = "",
        kind: str = "case",
        workers: bool = False,
    ) -> Line:
        row = Row(
            id=identity,
            name=name,
            kind=kind,
            mode=mode.name.lower(),
            workers=workers,
            gate=gate,
            demanded=demanded,
            code=None,
            verdict=NO_REPORT,
            said="",
            ok=False,
        )
        self._properties.append((PROPERTY, row))
        return Line(row)


class Line:
    """A row that was begun."""

    def __init__(self, row: Row) -> None:
        self._row = row

    def said(self, outcome: Outcome, phrase: str = "") -> Outcome:
        """Keep what a run said: its exit code, the gate's verdict, and the line with the phrase."""
        gates = outcome.report["gates"] if outcome.report else []
        named = [gate for gate in gates if gate["id"] == self._row["gate"]]
        verdict = named[0]["verdict"] if named else outcome.report["verdict"] if outcome.report else NO_REPORT
        lines = [
            line
            for gate in named or gates
            for line in (*gate["because"], *(found["message"] for found in gate["findings"]))
        ]
        if not gates:
            lines = outcome.output.splitlines()
        self.ended(outcome.code, verdict, telling(lines, phrase))
        return outcome

    def ended(self, code: int, verdict: str, said: str) -> None:
        """Keep what was said by what is no run of ours over a project."""
        self._row["code"], self._row["verdict"], self._row["said"] = code, verdict, shortened(said)


def telling(lines: list[str], phrase: str) -> str:
    """Return the line that says why: the first one with the phrase; without a phrase the first one of ours."""
    wanted = phrase or "failhard: "
    found = (line for line in lines if wanted in line)
    return next(found, "" if phrase or not lines else lines[0])


def shortened(text: str) -> str:
    """Return the text in one line, without the folders and the name of this machine, and not too long."""
    line = _DATA.sub("data…", _FOLDERS.sub("…/", " ".join(text.split())))
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that names the file."""
    parser.addoption("--keep-rows", metavar="PATH", help="write what each case of the fail-open list said")


def pytest_configure(config: pytest.Config) -> None:
    """Keep rows where they come together: not in a worker."""
    path: str | None = config.getoption("--keep-rows")
    if path is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Keeper(Path(path)), "fail-open-keeper")


class Keeper:
    """Collects the rows of a run, and writes them at its end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.kept = Kept(rows=[], failed=[])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the rows of a test; one that fails without any is named."""
        rows = [cast("Row", value) for name, value in report.user_properties if name == PROPERTY]
        if report.when == "call":
            for row in rows:
                row["ok"] = report.passed
            self.kept["rows"] += rows
        if report.failed and not (rows and report.when == "call"):
            self.kept["failed"].append(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        """Write the file."""
        self.path.write_text(json.dumps(self.kept), "utf-8")
