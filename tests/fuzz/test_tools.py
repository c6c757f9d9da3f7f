"""What tools print: an error or the findings, never an exception, never fewer findings than were counted.

Known limits: an entry taken out of ruff's or mypy's list is not missed while another one is left (neither
counts its entries); the exit code tells none from some.
"""

from __future__ import annotations

import json
from collections.abc import Sized
from pathlib import Path

import pytest

from pytest_failhard.gates import lint, security
from pytest_failhard.gates.coverage import reading, sheets
from pytest_failhard.gates.licences import crosscheck
from pytest_failhard.gates.sbom import cross_check
from pytest_failhard.gates.secrets import detector
from pytest_failhard.gates.system import fuzzing
from pytest_failhard.gates.types import output as mypy_output
from pytest_failhard.gates.vulnerabilities import audit
from pytest_failhard.gates.vulnerabilities.pins import Pin
from tests.fuzz.mutations import DEEP, Reader, fuzz


def _some(result: object) -> bool:
    return isinstance(result, Sized) and len(result) > 0


def _dumped(document: object) -> bytes:
    return json.dumps(document).encode()


RUFF = {
    "code": "F401",
    "name": "unused-import",
    "filename": "/w/a.py",
    "fix": {"message": "Remove"},
    "location": {"row": 1, "column": 8},
    "message": "`os` imported but unused",
    "url": "https://docs.astral.sh/ruff/rules/unused-import",
}
MYPY = {
    "file": "a.py",
    "line": 1,
    "column": 0,
    "message": "m",
    "hint": None,
    "code": "misc",
    "severity": "error",
}
BANDIT = {
    "errors": [],
    "metrics": {
        "/w/a.py": {"loc": 1},
        "_totals": {"SEVERITY.HIGH": 1, "SEVERITY.MEDIUM": 0, "SEVERITY.LOW": 0},
    },
    "results": [
        {
            "filename": "/w/a.py",
            "line_number": 1,
            "test_id": "B102",
            "test_name": "exec_used",
            "issue_text": "exec",
            "issue_confidence": "HIGH",
            "issue_severity": "HIGH",
            "more_info": "https://bandit.readthedocs.io",
        }
    ],
}
AUDIT = {
    "dependencies": [
        {
            "name": "flask",
            "version": "0.5",
            "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.0"], "aliases": ["CVE-2"], "description": "d"}],
        },
        {"name": "left", "skip_reason": "not found"},
    ],
    "fixes": [],
}
ASKED = (
    Pin(name="flask", version="0.5", installed="0.5"),
    Pin(name="left", version="1", installed="1"),
)
BOM = {
    "bomFormat": "CycloneDX",
    "components": [{"name": "Flask", "version": "1", "purl": "pkg:pypi/flask@1?x=y"}, {"name": "root"}],
}
LICENCES = [dict.fromkeys((*crosscheck.FIELDS, "License"), "x")]
COVERAGE = {
    "meta": {"format": reading.FORMAT},
    "files": {
        "/a.py": {
            "missing_lines": [1],
            "executed_lines": [2],
            "missing_branches": [[1, 2]],
            "executed_branches": [],
        }
    },
}
FUZZED = {
    "schemathesis_version": "4",
    "complete": True,
    "exit_code": 1,
    "errors": [],
    "failures": [{"type": "ServerError", "title": "Server error", "operations": ["GET /"]}],
    "operations": {"selected": 1, "tested": 1},
    "test_cases": {"generated": 9},
}


def _secrets() -> bytes:
    hits = [
        {
            "filename": f"{detector.FOLDER}/0.txt",
            "line_number": 9,
            "type": kind,
            "hashed_secret": detector._sha1(value),
        }
        for kind, value in detector.CANARIES.items()
    ]
    own = {**hits[0], "line_number": 1, "hashed_secret": "0" * 40}
    return _dumped({"filters_used": [], "plugins_used": [{"name": "A"}], "results": {"0.txt": [own, *hits]}})


def _audited(data: bytes, _folder: Path) -> object:
    found = audit.parse(data, 1, ASKED)
    audit._stable(data)
    return [each for entry in found.values() for each in entry.reported]


def _schemathesis(data: bytes, folder: Path) -> object:
    (folder / "report.json").write_bytes(data)
    return fuzzing._read(folder / "report.json", 1).failures


def _coverage(data: bytes, folder: Path) -> object:
    (folder / "report.json").write_bytes(data)
    (folder / "a.py").write_bytes(b"if x:\n    y\n")
    found = reading.parsed(folder / "report.json", {"/a.py"})
    return sheets.make(folder, "a.py", reading.table(found, "/a.py"), 0)


TOOLS = (
    Reader(
        name="ruff check",
        read=lambda data, _: lint.parse_check(data, 1),
        sample=_dumped([RUFF, RUFF]),
        holds=_some,
        found=(b"[" * DEEP, _dumped([{**RUFF, "location": {"row": float("inf")}}])),
    ),
    Reader(
        name="ruff format",
        read=lambda data, _: lint.parse_format(data, 1, 2),
        sample=b"Would reformat: /w/a.py\n1 file would be reformatted, 1 file already formatted\n",
        holds=_some,
        found=(b"%s files already formatted\n" % (b"9" * 5_000),),
    ),
    Reader(
        name="mypy",
        read=lambda data, _: mypy_output.parse_problems(data, 1),
        sample=_dumped(MYPY) + b"\n" + _dumped({**MYPY, "severity": "note"}) + b"\n",
        holds=_some,
        found=(b"[" * DEEP,),
    ),
    Reader(
        name="mypy's list of modules",
        read=lambda data, _: mypy_output.parse_finished(data),
        sample=b"a 0\na.b 1234\n",
        found=(b"a %s\n" % (b"9" * 5_000),),
    ),
    Reader(
        name="bandit",
        read=lambda data, _: security.parse(data, 1, {"/w/a.py": True}).hits,
        sample=_dumped(BANDIT),
        holds=_some,
        found=(b"[" * DEEP, _dumped(BANDIT).replace(b'"loc": 1', b'"loc": 1e400')),
    ),
    Reader(name="pip-audit", read=_audited, sample=_dumped(AUDIT), holds=_some, found=(b"[" * DEEP,)),
    Reader(
        name="cyclonedx-bom",
        read=lambda data, _: tuple(cross_check.components(data)),
        sample=_dumped(BOM),
    ),
    Reader(
        name="pip-licenses",
        read=lambda data, _: crosscheck.parse(data),
        sample=_dumped(LICENCES),
        found=(b"[" * DEEP,),
    ),
    Reader(
        name="detect-secrets",
        read=lambda data, _: detector.parse(data, 1),
        sample=_secrets(),
        found=(b"[" * DEEP,),
    ),
    Reader(name="schemathesis", read=_schemathesis, sample=_dumped(FUZZED), holds=_some),
    Reader(name="coverage's report", read=_coverage, sample=_dumped(COVERAGE), found=(b"[" * DEEP,)),
)


@pytest.mark.parametrize("reader", TOOLS, ids=str)
def test_a_tools_output_is_read_or_refused(reader: Reader, tmp_path_factory: pytest.TempPathFactory) -> None:
    fuzz(reader, tmp_path_factory.mktemp("fuzz"))
