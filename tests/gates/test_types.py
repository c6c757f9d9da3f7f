"""Tests of what the gate `types` sees, and of what cannot hide from it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_failhard.gates.types import TypesGate, TypesSettings
from pytest_failhard.gates.types.output import parse_finished, parse_problems
from pytest_failhard.model import Finding, GateError, Observation, Severity
from tests.size import some
from tests.support import gate_run, observe, write

CLEAN = "def double(number: int) -> int:\n    return 2 * number\n"
WRONG = "def double(number: int) -> str:\n    return number\n"
STRICT = TypesSettings(flags=["--strict"])


def check(
    root: Path,
    tmp_path: Path,
    settings: TypesSettings = STRICT,
    source: tuple[str, ...] = ("app",),
) -> Observation:
    gate = TypesGate()
    scratch = tmp_path / "scratch" / str(len(list(tmp_path.iterdir())))
    return observe(gate_run(root, gate, scratch=scratch, settings=settings, source=source), gate)


def rules(observation: Observation) -> list[tuple[str, str]]:
    return [(finding.rule, finding.path) for finding in observation.findings]


def test_a_clean_project(tmp_path: Path) -> None:
    root = write(tmp_path / "p", {"app/__init__.py": "", "app/a.py": CLEAN})
    observation = check(root, tmp_path)
    assert (observation.examined, observation.findings) == (2, ())
    assert observation.measures == {
        "errors": 0,
        "unresolved_imports": 0,
        "files_checked": 2,
        "untyped_defs": 0,
        "suppressions": 0,
    }


def test_an_error_is_named_and_placed(tmp_path: Path) -> None:
    root = write(tmp_path / "p", {"app/a.py": WRONG + "\n\ndef bare(x):\n    return x\n"})
    observation = check(root, tmp_path, TypesSettings(severity={"return-value": "high"}))
    assert observation.findings == (
        Finding(
            rule="return-value",
            name="return-value",
            path="app/a.py",
            line=2,
            severity=Severity.HIGH,
            message='Incompatible return value type (got "int", expected "str")',
            fix="correct the code or its annotation",
            anchor="return-value return number",
        ),
    )
    assert (observation.measures["errors"], observation.measures["untyped_defs"]) == (1, 1)


@pytest.mark.parametrize(
    ("files", "source"),
    [
        (
            {"src/app/__init__.py": "", "src/app/a.py": "from app.b import x\n", "src/app/b.py": "x = 1\n"},
            "src/app",
        ),
        (
            {"src/app/__init__.py": "", "src/app/a.py": "from app.b import x\n", "src/app/b.py": "x = 1\n"},
            "src",
        ),
        ({"app/a.py": "from app.b import x\n", "app/b.py": "x = 1\n"}, "app"),
        ({"app/a.py": "from .b import x\n", "app/b.py": "x = 1\n"}, "app"),
        ({"app/a.py": "import b\n", "app/b.py": "x = 1\n"}, "app"),
        ({"a.py": "import b\n", "b.py": "x = 1\n"}, "a.py b.py"),
        ({"my service/app/a.py": "import app.b\n", "my service/app/b.py": "x = 1\n"}, "my service"),
        ({"ns/one/__init__.py": "", "ns/two/__init__.py": "import ns.one\n"}, "ns/one ns/two"),
    ],
    ids=[
        "src/package",
        "src",
        "namespace",
        "relative",
        "scripts",
        "modules",
        "odd folder",
        "namespace parts",
    ],
)
def test_the_projects_own_imports_resolve(tmp_path: Path, files: dict[str, str], source: str) -> None:
    roots = (source,) if source == "my service" else tuple(source.split())
    observation = check(write(tmp_path / "p", files), tmp_path, TypesSettings(), roots)
    assert (rules(observation), observation.examined) == ([], len(files))


def test_the_same_module_name_in_two_packages(tmp_path: Path) -> None:
    files = {f"{name}/{file}.py": "" for name in ("one", "two") for file in ("__init__", "config")}
    observation = check(write(tmp_path / "p", files), tmp_path, source=("one", "two"))
    assert observation.measures["files_checked"] == 4


def test_a_file_beside_the_product_that_it_imports_is_checked_too(tmp_path: Path) -> None:
    files = {"app/__init__.py": "import scripts.helper\n", "scripts/helper.py": WRONG}
    observation = check(write(tmp_path / "p", files), tmp_path)
    assert (rules(observation), observation.examined) == ([("return-value", "scripts/helper.py")], 2)


def test_what_cannot_be_imported_is_counted_apart(tmp_path: Path) -> None:
    root = write(tmp_path / "p", {"app/a.py": "import no_such_package_anywhere\n"})
    observation = check(root, tmp_path, TypesSettings(severity={"import-not-found": "low"}))
    (finding,) = observation.findings
    assert (finding.rule, finding.severity) == ("import-not-found", Severity.LOW)
    assert finding.fix == "install the package, or stubs for it, or correct its name"
    assert (observation.measures["errors"], observation.measures["unresolved_imports"]) == (0, 1)


MISLEADING = {
    "mypy.ini": "[mypy]\nignore_errors = True\n",
    ".mypy.ini": "[mypy]\nfollow_imports = skip\nexclude = .*\n",
    "setup.cfg": "[mypy]\nignore_errors = True\n",
    "pyproject.toml": '[tool.mypy]\nplugins = ["evil.py"]\nignore_errors = true\n',
    "mypy.py": "raise SystemExit(0)\n",
    "app/mypy.py": "raise SystemExit(0)\n",
    "sitecustomize.py": "import os\nos._exit(0)\n",
}


@pytest.mark.parametrize(
    ("name", "content"), some(MISLEADING, "pyproject.toml", "mypy.py", "sitecustomize.py").items()
)
def test_nothing_in_the_tree_decides_fo_79_fo_80(tmp_path: Path, name: str, content: str) -> None:
    evil = "import os\nos._exit(0)\n"
    root = write(tmp_path / "p", {"app/__init__.py": "", "app/a.py": WRONG, "evil.py": evil, name: content})
    assert ("return-value", "app/a.py") in rules(check(root, tmp_path))


def test_a_module_that_shadows_the_standard_library_is_an_error(tmp_path: Path) -> None:
    root = write(tmp_path / "p", {"app/a.py": CLEAN, "typing.py": ""})
    with pytest.raises(GateError, match=r"exit code 2.*shadows library module"):
        check(root, tmp_path)


def test_nothing_in_the_environment_decides_fo_81(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = write(tmp_path / "home", {".config/mypy/config": "[mypy]\nignore_errors = True\n"})
    write(home, {".mypy.ini": "[mypy]\nignore_errors = True\n", "stubs/app/a.pyi": ""})
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    monkeypatch.setenv("MYPYPATH", str(home / "stubs"))
    monkeypatch.setenv("MYPY_CACHE_DIR", str(tmp_path / "cache"))
    root = write(tmp_path / "p", {"app/a.py": WRONG})
    assert rules(check(root, tmp_path)) == [("return-value", "app/a.py")]


@pytest.mark.parametrize(
    "comment",
    [
        "# mypy: ignore-errors",
        "# mypy: ignore_errors=True",
        '# mypy: disable-error-code="return-value"',
        "# type: ignore",
        "#type:ignore # reason",
    ],
)
def test_a_file_that_switches_checking_off_is_a_finding_fo_83(tmp_path: Path, comment: str) -> None:
    observation = check(write(tmp_path / "p", {"app/a.py": f"{comment}\n{WRONG}"}), tmp_path)
    assert [(f.rule, f.line, f.severity) for f in observation.findings] == [
        ("unchecked-file", 1, Severity.HIGH)
    ]
    assert observation.measures["suppressions"] == 1


@pytest.mark.parametrize(
    "code",
    [
        "x = 1\n# type: ignore\n",
        "# mypy: ignore-errors=False\n",
        "# mypy: strict-equality\n",
        "x: str = 1  # type: ignore[assignment]\n",
        'x = "# mypy: ignore-errors"  # a string\n',
    ],
)
def test_a_file_that_is_checked_is_no_finding(tmp_path: Path, code: str) -> None:
    observation = check(write(tmp_path / "p", {"app/a.py": code}), tmp_path, TypesSettings())
    assert rules(observation) == []


def test_a_whole_file_ignore_is_seen_exactly_where_mypy_honours_it(tmp_path: Path) -> None:
    files = {
        "app/docstring.py": f'# type: ignore\n"""A module."""\n{WRONG}',
        "app/late.py": f'"""A module."""\n# type: ignore\n{WRONG}',
        "app/decorated.py": f"import functools\n# type: ignore\n@functools.cache\n{WRONG}",
        "app/first.py": f"@repr\n# type: ignore\n{WRONG}",
    }
    assert rules(check(write(tmp_path / "p", files), tmp_path, TypesSettings())) == [
        ("return-value", "app/decorated.py"),
        ("return-value", "app/first.py"),
        ("return-value", "app/late.py"),
        ("unchecked-file", "app/docstring.py"),
    ]


@pytest.mark.parametrize(
    "flag", ["--ignore-missing-imports", "--exclude=.*", "--allow-untyped-defs", "--config-file=x", "app"]
)
def test_a_flag_that_loosens_is_an_error(tmp_path: Path, flag: str) -> None:
    with pytest.raises(GateError, match="is not a flag that makes mypy stricter; remove it"):
        check(write(tmp_path / "p", {"app/a.py": CLEAN}), tmp_path, TypesSettings(flags=[flag]))


def entry(**changes: object) -> dict[str, object]:
    usual = {"file": "a.py", "line": 1, "column": 0, "message": "m", "hint": None, "code": "misc"}
    return {**usual, "severity": "error", **changes}


def lines(*entries: object) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in entries)


@pytest.mark.parametrize(
    ("output", "code"),
    [
        (b"", 0),
        (lines(entry()), 0),
        (b"\n", 1),
        (lines(entry(severity="note")), 1),
        (lines(entry(severity="grave")), 1),
        (lines(entry(line="1")), 1),
        (lines(entry()) + b"Found 1 error\n", 1),
        (lines(entry())[:-1], 1),
        (b"\xff\n", 0),
    ],
)
def test_what_mypy_must_not_say(output: bytes, code: int) -> None:
    with pytest.raises(GateError):
        parse_problems(output, code)


@pytest.mark.parametrize("listing", [b"\xff\n", b"x\n", b"a 1\nb x\n", b"a 1", b"a 1\nb 2", b"a b 1\n"])
def test_what_the_list_of_modules_must_not_say(listing: bytes) -> None:
    with pytest.raises(GateError, match=r"mypy: (unreadable|its) .*list of modules"):
        parse_finished(listing)


def test_the_list_of_modules_is_read() -> None:
    assert parse_finished(b"a 0\nb.c 1234\n") == {"a", "b.c"}


def test_an_unknown_severity_is_an_error(tmp_path: Path) -> None:
    root = write(tmp_path / "p", {"app/a.py": "x: int = ''\n"})
    with pytest.raises(GateError, match="severity: 'grave' is none of low, medium, high"):
        check(root, tmp_path, TypesSettings(flags=[], severity={"assignment": "grave"}))


def test_notes_are_no_errors() -> None:
    assert parse_problems(lines(entry(severity="note")), 0) == ()
    assert parse_problems(b"\n", 0) == ()


RECORDED = lines(entry(), entry(file="b.py"))


@given(st.integers(0, len(RECORDED) - 1), st.integers(0, 7), st.sampled_from([0, 1]))
def test_a_flipped_bit_never_loses_all_errors(place: int, bit: int, code: int) -> None:
    flipped = bytearray(RECORDED)
    flipped[place] ^= 1 << bit
    try:
        problems = parse_problems(bytes(flipped), code)
    except GateError:
        return
    assert (len(problems), code) == (2, 1)


def test_an_init_file_at_the_import_root_is_checked_as_a_script(tmp_path: Path) -> None:
    files = {"__init__.py": "", "main.py": "def double(number: int) -> int:\n    return number * 2\n"}
    observation = check(write(tmp_path / "p", files), tmp_path, source=("__init__.py", "main.py"))
    assert (rules(observation), observation.examined) == ([], 2)
