"""Tests of what the gate `security` sees, and of what cannot hide from it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_failhard.gates import security
from pytest_failhard.gates.security import SecurityGate, SecuritySettings, chunks, parse
from pytest_failhard.model import GateError, Observation, Severity
from tests.support import gate_run, observe, write

CLEAN = "def double(number: int) -> int:\n    return 2 * number\n"
SHELL = "import subprocess\n\n\ndef run(text):\n    subprocess.call(text, shell=True)\n"


def scan(root: Path, tmp_path: Path, settings: SecuritySettings | None = None) -> Observation:
    gate = SecurityGate()
    scratch = tmp_path / "scratch" / str(len(list(tmp_path.iterdir())))
    return observe(gate_run(root, gate, scratch=scratch, settings=settings), gate)


def rules(observation: Observation) -> list[tuple[str, str, Severity]]:
    return [(finding.rule, finding.path, finding.severity) for finding in observation.findings]


def test_a_clean_project(tmp_path: Path) -> None:
    root = write(tmp_path / "p", {"app/a.py": CLEAN, "app/empty.py": "", "app/comment.py": "# nothing\n"})
    observation = scan(root, tmp_path)
    assert (observation.examined, observation.findings) == (3, ())
    assert observation.measures == {"high": 0, "medium": 0, "low": 0, "suppressions": 0}


def test_only_empty_files_are_examined_all_the_same(tmp_path: Path) -> None:
    assert scan(write(tmp_path / "p", {"app/__init__.py": ""}), tmp_path).examined == 1


def test_a_dangerous_call_is_named_placed_and_explained(tmp_path: Path) -> None:
    observation = scan(write(tmp_path / "p", {"app/a.py": SHELL}), tmp_path)
    assert rules(observation) == [
        ("B404", "app/a.py", Severity.LOW),
        ("B602", "app/a.py", Severity.HIGH),
    ]
    shell = observation.findings[1]
    assert (shell.name, shell.line) == ("subprocess-popen-with-shell-equals-true", 5)
    assert shell.message.endswith("(high confidence)")
    assert shell.fix.startswith("see https://bandit.readthedocs.io/")
    assert shell.anchor == "B602 subprocess.call(text, shell=True)"
    assert observation.measures == {"high": 1, "medium": 0, "low": 1, "suppressions": 0}


def test_a_policy_may_raise_a_severity_never_lower_it_and_the_measures_stay(tmp_path: Path) -> None:
    root = write(tmp_path / "p", {"app/a.py": SHELL})
    observation = scan(root, tmp_path, SecuritySettings(severity={"B404": "medium", "B602": "low"}))
    assert rules(observation) == [
        ("B404", "app/a.py", Severity.MEDIUM),
        ("B602", "app/a.py", Severity.HIGH),
    ]
    assert observation.measures["low"] == 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (".bandit", "[bandit]\nskips = B602,B404\nexclude = app\n"),
        ("app/.bandit", "[bandit]\nskips = B602\n"),
        ("pyproject.toml", '[tool.bandit]\nskips = ["B602"]\nexclude_dirs = ["app"]\n'),
        ("bandit.yaml", "skips: [B602]\n"),
        ("bandit.py", "raise SystemExit(0)\n"),
        ("app/bandit.py", "raise SystemExit(0)\n"),
        ("sitecustomize.py", "import os\nos._exit(0)\n"),
    ],
)
def test_nothing_in_the_tree_decides_fo_75_fo_80(tmp_path: Path, name: str, content: str) -> None:
    root = write(tmp_path / "p", {"app/a.py": SHELL, name: content})
    assert ("B602", "app/a.py", Severity.HIGH) in rules(scan(root, tmp_path))


@pytest.mark.parametrize("nosec", ["# nosec", "# nosec B602", "#nosec: B602 - safe"])
def test_nosec_is_powerless_and_counted(tmp_path: Path, nosec: str) -> None:
    root = write(tmp_path / "p", {"app/a.py": SHELL.rstrip() + f"  {nosec}\n"})
    observation = scan(root, tmp_path)
    assert ("B602", "app/a.py", Severity.HIGH) in rules(observation)
    assert observation.measures["suppressions"] == 1


def test_a_folder_that_bandit_would_leave_out_is_examined(tmp_path: Path) -> None:
    root = write(tmp_path / "x.egg" / ".svn" / "p", {"app/CVS/a.py": SHELL})
    assert ("B602", "app/CVS/a.py", Severity.HIGH) in rules(scan(root, tmp_path))


def test_many_files_are_scanned_in_several_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "ARGUMENT_BYTES", 1)
    root = write(tmp_path / "p", {"app/a.py": SHELL, "app/b.py": CLEAN})
    observation = scan(root, tmp_path)
    assert (observation.examined, len(observation.findings)) == (2, 2)


@given(st.lists(st.text("abc/", min_size=1, max_size=30_000), max_size=8))
def test_chunks_lose_nothing_and_keep_the_limit(paths: list[str]) -> None:
    parts = list(chunks(Path("root"), paths))
    assert [path for part in parts for path in part] == paths
    assert all(len(part) == 1 or sum(map(len, part)) <= security.ARGUMENT_BYTES for part in parts)


RESULT = {
    "filename": "/p/a.py",
    "line_number": 1,
    "test_id": "B602",
    "test_name": "shell",
    "issue_text": "text",
    "issue_confidence": "HIGH",
    "issue_severity": "HIGH",
    "more_info": "https://x",
}
TOTALS = {"SEVERITY.HIGH": 1, "SEVERITY.MEDIUM": 0, "SEVERITY.LOW": 0, "loc": 4}
DOCUMENT = {
    "errors": [],
    "metrics": {"/p/a.py": {"loc": 4}, "/p/b.py": {"loc": 0}, "_totals": TOTALS},
    "results": [RESULT],
}
EXPECTED = {"/p/a.py": True, "/p/b.py": False}
RECORDED = json.dumps(DOCUMENT).encode()


def replaced(document: object, path: tuple[str | int, ...], value: object) -> object:
    if not path:
        return value
    key, *rest = path
    if isinstance(document, list):
        return [replaced(each, tuple(rest), value) for each in document]
    assert isinstance(document, dict)
    return {**document, key: replaced(document.get(key), tuple(rest), value)}


def test_a_complete_document_is_read() -> None:
    assert [hit.code for hit in parse(RECORDED, 1, EXPECTED).hits] == ["B602"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("errors",), [{"filename": "/p/a.py", "reason": "syntax error"}]),
        (("results",), []),
        (("metrics", "/p/a.py", "loc"), 0),
        (("metrics", "/p/c.py"), {"loc": 1}),
        (("metrics", "_totals", "SEVERITY.HIGH"), 2),
        (("metrics", "_totals"), {}),
        (("metrics",), {"_totals": TOTALS}),
        (("results", 0, "filename"), "/p/other.py"),
        (("results", 0, "issue_severity"), "UNDEFINED"),
        (("results", 0, "line_number"), None),
        (("results", 0), None),
    ],
    ids=str,
)
def test_what_bandit_must_not_say(path: tuple[str | int, ...], value: object) -> None:
    with pytest.raises(GateError):
        parse(json.dumps(replaced(DOCUMENT, path, value)).encode(), 1, EXPECTED)


def test_exit_code_and_output_must_agree() -> None:
    with pytest.raises(GateError, match="exit code 0, 1 results"):
        parse(RECORDED, 0, EXPECTED)


@given(st.integers(0, len(RECORDED) - 1))
def test_cut_output_is_an_error(length: int) -> None:
    with pytest.raises(GateError):
        parse(RECORDED[:length], 1, EXPECTED)


@given(st.integers(0, len(RECORDED) - 1), st.integers(0, 7), st.sampled_from([0, 1]))
def test_a_flipped_bit_never_loses_a_hit(place: int, bit: int, code: int) -> None:
    flipped = bytearray(RECORDED)
    flipped[place] ^= 1 << bit
    try:
        hits = parse(bytes(flipped), code, EXPECTED).hits
    except GateError:
        return
    assert (len(hits), hits[0].severity, code) == (1, "HIGH", 1)
