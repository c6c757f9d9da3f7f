"""Tests of the gate `fallbacks`: what it reads, what it counts, and when it cannot say anything."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from pytest_failhard.gates.fallbacks import FallbacksGate
from pytest_failhard.gates.fallbacks.settings import FallbacksSettings
from pytest_failhard.model import Finding, GateError, Observation, Severity
from tests.support import gate_run, observe, write

SUPPRESSING = "from contextlib import suppress\n\n\ndef f(x):\n    with suppress(Exception):\n        x()\n"
SEVERITY = {"broad-suppress": "high"}


def scan(root: Path, settings: FallbacksSettings | None = None, **roots: tuple[str, ...]) -> Observation:
    """Let the gate observe a project, with one rule at high unless the settings say otherwise."""
    gate = FallbacksGate()
    chosen = settings or FallbacksSettings(severity=SEVERITY)
    # The caller names roots alone.
    return observe(gate_run(root, gate, settings=chosen, **roots), gate)  # type: ignore[arg-type]


def only(observation: Observation) -> Finding:
    """Return the one finding."""
    assert len(observation.findings) == 1
    return observation.findings[0]


def test_a_clean_project(tmp_path: Path) -> None:
    root = write(tmp_path / "p", {"app/a.py": "def double(x):\n    return 2 * x\n", "app/b.py": "# none\n"})
    seen = scan(root)
    assert (seen.tool, seen.examined, seen.findings) == ("failhard", 2, ())
    assert seen.measures == {
        **dict.fromkeys(("secrets", "swallowed", "mocks", "stubs", "waiting", "exposure", "unlisted"), 0),
        "files": 2,
        "excluded_files": 0,
        "code_lines": 2,
        "findings_per_kloc": 0,
    }


def test_a_hit_is_a_finding_with_its_rule_its_place_and_the_repair(tmp_path: Path) -> None:
    seen = scan(write(tmp_path / "p", {"app/a.py": SUPPRESSING}))
    found = only(seen)
    assert (found.rule, found.name, found.path, found.line) == ("FH104", "broad-suppress", "app/a.py", 5)
    assert found.severity is Severity.HIGH
    assert found.message == "f suppresses every exception"
    assert found.fix.startswith("suppress the one type")
    assert seen.measures["findings_per_kloc"] == Fraction(1000, 4)
    assert (seen.measures["swallowed"], seen.measures["unlisted"]) == (1, 0)


def test_a_declared_fallback_is_let_through_and_counted(tmp_path: Path) -> None:
    code = "def answer(question):\n    try:\n        return {'text': ask(question), 'by': 'main'}\n"
    code += "    except APIError:\n        return dict(text=fallback_answer(question), by='mirror')\n"
    entry = {"from": "answer", "to": "fallback_answer", "on": "APIError", "attribution": "by"}
    entry |= {"owner": "ops", "reason": "the mirror is as good for an hour"}
    root = write(tmp_path / "p", {"app/a.py": code})
    severity = {"named-fallback": "high"}
    undeclared = scan(root, FallbacksSettings(severity=severity))
    declared = scan(root, FallbacksSettings(severity=severity, approved_fallbacks=[entry]))
    assert only(undeclared).rule == "FH106"
    assert "declared_fallbacks" not in undeclared.measures
    assert (declared.findings, declared.measures["declared_fallbacks"]) == ((), 1)


@pytest.mark.parametrize("severity", [{}, {"broad-suppress": "off"}])
def test_what_is_off_is_counted(severity: dict[str, str], tmp_path: Path) -> None:
    seen = scan(write(tmp_path / "p", {"app/a.py": SUPPRESSING}), FallbacksSettings(severity=severity))
    assert seen.findings == ()
    assert (seen.measures["swallowed"], seen.measures["unlisted"]) == (1, 1)


@pytest.mark.parametrize("key", ["broad-suppress", "FH104"])
def test_a_severity_is_found_by_name_and_by_code(key: str, tmp_path: Path) -> None:
    root = write(tmp_path / "p", {"app/a.py": SUPPRESSING})
    assert only(scan(root, FallbacksSettings(severity={key: "medium"}))).severity is Severity.MEDIUM


def test_only_product_is_read_and_what_it_imports_is_product(tmp_path: Path) -> None:
    files = {"app/a.py": "X = 1\n", "examples/demo.py": SUPPRESSING, "tests/test_a.py": SUPPRESSING}
    assert scan(write(tmp_path / "p", files)).findings == ()
    imported = write(tmp_path / "q", {**files, "app/a.py": "from examples.demo import f\n"})
    assert only(scan(imported)).path == "examples/demo.py"


def test_a_fingerprint_survives_an_edit_above_and_not_one_of_the_code(tmp_path: Path) -> None:
    first = only(scan(write(tmp_path / "p", {"app/a.py": SUPPRESSING})))
    moved = only(scan(write(tmp_path / "q", {"app/a.py": "import os\n\n\n" + SUPPRESSING})))
    assert (moved.fingerprint, moved.line) == (first.fingerprint, first.line + 3)
    spaced = SUPPRESSING.replace("suppress(Exception):", "suppress( Exception ):  # all of them")
    assert only(scan(write(tmp_path / "r", {"app/a.py": spaced}))).fingerprint == first.fingerprint
    changed = SUPPRESSING.replace("(Exception)", "(BaseException)")
    assert only(scan(write(tmp_path / "s", {"app/a.py": changed}))).fingerprint != first.fingerprint


def test_two_equal_places_in_one_function_are_two_findings(tmp_path: Path) -> None:
    twice = SUPPRESSING + "    with suppress(Exception):\n        x()\n"
    seen = scan(write(tmp_path / "p", {"app/a.py": twice}))
    assert len({finding.fingerprint for finding in seen.findings}) == 2


def test_one_file_that_does_not_parse_is_an_error_that_names_all_of_them(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {f"app/m{number}.py": "X = 1\n" for number in range(50)}
    root = write(tmp_path / "p", {**files, "app/bad.py": "def f(:\n", "app/worse.py": b"X = 1\0\n"})
    with pytest.raises(GateError) as caught:
        scan(root)
    assert "app/bad.py: syntax-error: line 1:" in str(caught.value)
    assert "app/worse.py: " in str(caught.value)


def test_a_project_without_product_examines_nothing(tmp_path: Path) -> None:
    seen = scan(write(tmp_path / "p", {"app/tests/test_a.py": "X = 1\n"}))
    assert (seen.examined, "findings_per_kloc" in seen.measures) == (0, False)


def test_an_edit_between_two_scans_is_seen(tmp_path: Path) -> None:
    root = write(tmp_path / "p", {"app/a.py": "X = 1\n"})
    assert scan(root).findings == ()
    write(root, {"app/a.py": SUPPRESSING})
    assert only(scan(root)).rule == "FH104"


def test_two_scans_are_equal(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {f"app/m{number}.py": SUPPRESSING for number in range(20)}
    first, second = (scan(write(tmp_path / name, files)) for name in ("p", "q"))
    assert first == second
