"""Tests of what the gate `lint` sees, and of what cannot hide from it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_failhard.gates.lint import (
    LintGate,
    LintSettings,
    module_name,
    parse_check,
    parse_format,
    require_obeyed,
    severity,
)
from pytest_failhard.model import Finding, GateError, Observation, Severity
from tests.support import gate_run, observe, write

CLEAN = "def double(number: int) -> int:\n    return 2 * number\n"
UNUSED = "import os\n"
SELECT = LintSettings(select=["F", "BLE"], test_select=["F"])


def lint(
    root: Path,
    tmp_path: Path,
    settings: LintSettings = SELECT,
    source: tuple[str, ...] = ("app",),
    tests: tuple[str, ...] = (),
) -> Observation:
    gate = LintGate()
    scratch = tmp_path / "scratch" / str(len(list(tmp_path.iterdir())))
    return observe(gate_run(root, gate, scratch=scratch, settings=settings, source=source, tests=tests), gate)


def rules(observation: Observation) -> list[tuple[str, str]]:
    return [(finding.rule, finding.path) for finding in observation.findings]


def test_a_clean_project(tmp_path: Path) -> None:
    observation = lint(write(tmp_path / "p", {"app/a.py": CLEAN, "app/b.py": ""}), tmp_path)
    assert observation.examined == 2
    assert observation.findings == ()
    assert observation.measures == {
        "violations": 0,
        "unformatted": 0,
        "max_complexity": 1,
        "suppressions": 0,
    }
    assert observation.tool.startswith("ruff ")


def test_a_violation_is_named_placed_and_has_a_fix(tmp_path: Path) -> None:
    root = write(tmp_path / "p", {"app/a.py": "\n\nimport os  \n"})
    observation = lint(root, tmp_path, LintSettings(select=["F401"], severity={"F4": "high"}))
    unused, unformatted = observation.findings
    assert unused == Finding(
        rule="F401",
        name="unused-import",
        path="app/a.py",
        line=3,
        severity=Severity.HIGH,
        message="`os` imported but unused",
        fix="Remove unused import: `os`",
        anchor="F401 import os",
    )
    assert (unformatted.rule, unformatted.severity) == ("unformatted", Severity.MEDIUM)
    assert unformatted.fix == "python -m ruff format 'app/a.py'"
    assert observation.measures["violations"] == 1
    assert observation.measures["unformatted"] == 1


def test_a_fingerprint_survives_edits_above(tmp_path: Path) -> None:
    first = lint(write(tmp_path / "p", {"app/a.py": UNUSED}), tmp_path)
    second = lint(write(tmp_path / "q", {"app/a.py": "X = 1\n\n" + UNUSED}), tmp_path)
    assert [f.line for f in first.findings] != [f.line for f in second.findings]
    assert [f.fingerprint for f in first.findings] == [f.fingerprint for f in second.findings]


@pytest.mark.parametrize(
    "hidden",
    [
        "import os  # noqa\n",
        "import os  # noqa: F401\n",
        "# ruff: noqa\nimport os\n",
        "# ruff: noqa: F401\nimport os\n",
        "# flake8: noqa\nimport os\n",
    ],
)
def test_a_suppression_is_powerless_and_counted_fo_84(tmp_path: Path, hidden: str) -> None:
    observation = lint(write(tmp_path / "p", {"app/a.py": hidden}), tmp_path)
    assert ("F401", "app/a.py") in rules(observation)
    assert observation.measures["suppressions"] == 1


def test_a_suppression_in_a_string_is_none(tmp_path: Path) -> None:
    observation = lint(write(tmp_path / "p", {"app/a.py": 'X = "# noqa"  # but why\n'}), tmp_path)
    assert observation.measures["suppressions"] == 0


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("ruff.toml", 'exclude = ["*"]\n[lint]\nignore = ["ALL"]\n'),
        (".ruff.toml", '[lint.per-file-ignores]\n"*" = ["F"]\n'),
        ("pyproject.toml", '[tool.ruff]\nextend-exclude = ["app"]\nlint.ignore = ["F401"]\n'),
        ("app/ruff.toml", "[lint]\nselect = []\n"),
        (".gitignore", "*\n"),
        ("ruff.py", "import sys\nsys.exit(0)\n"),
        ("app/ruff.py", "import sys\n\nsys.exit(0)\n"),
        ("sitecustomize.py", "import os\nos._exit(0)\n"),
    ],
)
def test_nothing_in_the_tree_decides_fo_75_fo_80(tmp_path: Path, name: str, content: str) -> None:
    root = write(tmp_path / "p", {"app/a.py": UNUSED, name: content})
    assert ("F401", "app/a.py") in rules(lint(root, tmp_path))


def test_nothing_in_the_environment_decides_fo_81_fo_82(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = write(tmp_path / "home", {".config/ruff/ruff.toml": 'exclude = ["*"]\n'})
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    monkeypatch.setenv("RUFF_OUTPUT_FILE", str(tmp_path / "away"))
    monkeypatch.setenv("RUFF_CONFIG", str(home / ".config/ruff/ruff.toml"))
    monkeypatch.setenv("PYTHONPATH", str(write(tmp_path / "evil", {"ruff.py": "raise SystemExit(0)\n"})))
    assert rules(lint(write(tmp_path / "p", {"app/a.py": UNUSED}), tmp_path)) == [("F401", "app/a.py")]


def test_the_layout_is_the_projects(tmp_path: Path) -> None:
    line = f"VALUE = {'1 + ' * 25}1\n"
    short = write(tmp_path / "p", {"app/a.py": line})
    long = write(tmp_path / "q", {"app/a.py": line, "pyproject.toml": "[tool.ruff]\nline-length = 200\n"})
    assert rules(lint(short, tmp_path)) == [("unformatted", "app/a.py")]
    assert rules(lint(long, tmp_path)) == []


def test_a_layout_key_of_the_wrong_type_is_an_error(tmp_path: Path) -> None:
    root = write(tmp_path / "p", {"app/a.py": CLEAN, "ruff.toml": 'line-length = "long"\n'})
    with pytest.raises(GateError, match="ruff's line-length is 'long'; it must be an integer"):
        lint(root, tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("line-length = [\n", "ruff.toml: "),
        ("src = 'app'\n", "ruff's src is 'app'; it must be a list of strings"),
    ],
)
def test_a_layout_that_cannot_be_read_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    root = write(tmp_path / "p", {"app/a.py": CLEAN, "ruff.toml": text})
    with pytest.raises(GateError, match=message):
        lint(root, tmp_path)


def test_the_target_version_is_the_lowest_that_is_allowed(tmp_path: Path) -> None:
    code = "import datetime\n\nNOW = datetime.timezone.utc\n"
    settings = LintSettings(select=["UP017"])
    old = write(
        tmp_path / "p", {"app/a.py": code, "pyproject.toml": '[project]\nrequires-python = ">=3.9"\n'}
    )
    new = write(
        tmp_path / "q", {"app/a.py": code, "pyproject.toml": '[project]\nrequires-python = ">=3.11.4"\n'}
    )
    assert rules(lint(old, tmp_path, settings)) == []
    assert rules(lint(new, tmp_path, settings)) == [("UP017", "app/a.py")]


@pytest.mark.parametrize("wanted", ["nonsense", "<3"])
def test_an_unusable_requires_python_is_an_error(tmp_path: Path, wanted: str) -> None:
    pyproject = f'[project]\nrequires-python = "{wanted}"\n'
    root = write(tmp_path / "p", {"app/a.py": CLEAN, "pyproject.toml": pyproject})
    with pytest.raises(GateError, match="requires-python"):
        lint(root, tmp_path)


def test_complexity_is_measured_always_and_judged_above_its_limit(tmp_path: Path) -> None:
    code = (
        "def f(a: int) -> int:\n    if a:\n        return 1\n    if a > 2:\n        return 2\n    return 3\n"
    )
    root = write(tmp_path / "p", {"app/a.py": code, "tests/test_a.py": code})
    free = lint(root, tmp_path, tests=("tests",))
    limited = lint(root, tmp_path, LintSettings(max_complexity=2), tests=("tests",))
    assert free.findings == ()
    assert free.measures["max_complexity"] == limited.measures["max_complexity"] == 3
    (finding,) = limited.findings
    assert (finding.rule, finding.name, finding.message) == (
        "C901",
        "complex-structure",
        "`f` is too complex (3 > 2)",
    )


def test_tests_have_a_selection_of_their_own(tmp_path: Path) -> None:
    bad = "import os\n\ntry:\n    pass\nexcept Exception:\n    pass\n"
    root = write(tmp_path / "p", {"app/a.py": CLEAN, "tests/test_a.py": bad})
    assert rules(lint(root, tmp_path, tests=("tests",))) == [("F401", "tests/test_a.py")]


def test_forbidden_imports(tmp_path: Path) -> None:
    files = {
        "app/__init__.py": "",
        "app/api/__init__.py": "from ..store import rows\nfrom app import store\n\nrows(store)\n",
        "app/store.py": "import app.api\n\nprint(app.api)\n\n\ndef rows(_: object) -> None:\n    pass\n",
    }
    settings = LintSettings(select=["F"], forbidden_imports={"app.api*": ["app.store"]})
    observation = lint(write(tmp_path / "p", files), tmp_path, settings)
    assert [(f.rule, f.path, f.line) for f in observation.findings] == [
        ("forbidden-import", "app/api/__init__.py", 1),
        ("forbidden-import", "app/api/__init__.py", 2),
    ]


@pytest.mark.parametrize(
    ("source", "path", "name"),
    [
        ("app", "app/x.py", "app.x"),
        ("src/app", "src/app/__init__.py", "app"),
        ("src", "src/app/x.py", "app.x"),
        ("main.py", "main.py", "main"),
    ],
)
def test_module_names(source: str, path: str, name: str) -> None:
    assert module_name((source,), path) == name


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        ({}, Severity.MEDIUM),
        ({"F401": "low"}, Severity.LOW),
        ({"F": "high", "F401": "low"}, Severity.HIGH),
        ({"unused-import": "high"}, Severity.HIGH),
        ({"F40": "low", "E": "high"}, Severity.LOW),
    ],
)
def test_the_gravest_severity_that_matches_counts(mapping: dict[str, str], expected: Severity) -> None:
    assert severity(mapping, "F401", "unused-import") is expected


def test_an_unknown_severity_is_an_error(tmp_path: Path) -> None:
    root = write(tmp_path / "p", {"app/a.py": UNUSED})
    with pytest.raises(GateError, match="severity: 'GRAVE' is none of LOW, MEDIUM, HIGH"):
        lint(root, tmp_path, LintSettings(severity={"F401": "grave"}))


def test_an_unknown_rule_in_the_policy_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(GateError, match=r"exit code 2.*NOPE"):
        lint(write(tmp_path / "p", {"app/a.py": CLEAN}), tmp_path, LintSettings(select=["NOPE"]))


@pytest.mark.parametrize(
    "warning",
    [
        b"warning: Failed to lint /p/a.py: No such file or directory (os error 2)\n",
        b"warning: Selection `FURB152` has no effect because preview is not enabled.\n",
    ],
)
def test_what_ruff_left_out_with_a_warning_is_an_error_fo_105(warning: bytes) -> None:
    with pytest.raises(GateError, match="ruff check: warning"):
        require_obeyed("check", warning)


def entry(**changes: object) -> dict[str, object]:
    usual = {"code": "F401", "name": "unused-import", "filename": "/p/a.py", "fix": None, "message": "m"}
    return {**usual, "location": {"row": 1, "column": 1}, "url": "https://x/rules/unused-import", **changes}


def test_a_rule_without_code_or_name_keeps_an_identity() -> None:
    nameless = {key: value for key, value in entry().items() if key != "name"}
    assert parse_check(json.dumps([nameless]).encode(), 1)[0].name == "unused-import"
    assert parse_check(json.dumps([entry(code=None)]).encode(), 1)[0].code == "unused-import"


@pytest.mark.parametrize(
    ("entries", "code", "because"),
    [
        ([entry(code="E902", name="io-error")], 1, "/p/a.py:1: m"),
        ([entry(code="invalid-syntax", name="invalid-syntax")], 1, "/p/a.py:1: m"),
        ([entry()], 0, "exit code 0 with 1 violations contradict"),
        ([], 1, "exit code 1 with 0 violations contradict"),
        ([entry(code="C901", message="`f` is complex")], 1, "a complexity without its number"),
        ({}, 0, "exit code 0 with 0 violations contradict"),
        ([entry(location=None)], 1, "unreadable output"),
    ],
)
def test_what_ruff_check_must_not_say(entries: object, code: int, because: str) -> None:
    with pytest.raises(GateError, match=because):
        parse_check(json.dumps(entries).encode(), code)


@pytest.mark.parametrize(
    ("output", "code", "expected"),
    [
        ("1 file already formatted\n", 0, 2),
        ("1 file already formatted\n", 1, 1),
        ("1 file would be reformatted\n", 1, 1),
        ("Would reformat: a.py\n1 file would be reformatted\n", 0, 1),
        ("Would reformat: a.py\n1 file would be reformatted", 1, 1),
        ("Would reformat: a.py\n2 files already formatted\n", 1, 2),
        ("\n", 0, 1),
    ],
)
def test_what_ruff_format_must_not_say(output: str, code: int, expected: int) -> None:
    with pytest.raises(GateError):
        parse_format(output.encode(), code, expected)


def test_bytes_that_are_no_text_are_no_format_report() -> None:
    with pytest.raises(GateError, match="ruff format: unreadable output"):
        parse_format(b"\xff\n", 0, 1)


def test_both_forms_of_an_unformatted_file_are_read() -> None:
    old = b"Would reformat: a b.py\n1 file would be reformatted, 2 files already formatted\n"
    new = b"unformatted: File would be reformatted\n --> a b.py:2:1\n  |\n\n1 file would be reformatted\n"
    assert parse_format(old, 1, 3) == parse_format(new, 1, 1) == ("a b.py",)


RECORDED = json.dumps([entry(), entry(filename="/p/b.py")], indent=1).encode()


@given(st.integers(0, len(RECORDED) - 1))
def test_cut_output_is_an_error_fo_93(length: int) -> None:
    with pytest.raises(GateError):
        parse_check(RECORDED[:length], 1)


@given(st.integers(0, len(RECORDED) - 1), st.integers(0, 7), st.sampled_from([0, 1]))
def test_a_flipped_bit_never_loses_a_violation(place: int, bit: int, code: int) -> None:
    flipped = bytearray(RECORDED)
    flipped[place] ^= 1 << bit
    try:
        violations = parse_check(bytes(flipped), code)
    except GateError:
        return
    assert (len(violations), code) == (2, 1)
