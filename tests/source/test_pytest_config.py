"""What the tree tells pytest is read as pytest reads it, and what weakens a run is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_failhard.model import GateError, Severity
from pytest_failhard.source.pytest_config import is_blanket, load, supervised_ini, weaknesses
from tests.recording import record, write

PYPROJECT = "[tool.pytest]\nstrict = true\n"


@pytest.mark.parametrize("name", ["pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini"])
def test_an_empty_file_hides_a_filled_table_fo_43(tmp_path: Path, name: str) -> None:
    write(tmp_path, {name: "", "pyproject.toml": PYPROJECT})
    config = load(tmp_path)
    assert (config.path, config.values, config.hidden) == (name, {}, ("pyproject.toml",))
    assert [(f.rule, f.severity, f.path, f.message, f.fix) for f in weaknesses(config)] == [
        (
            *("FH707/shadowing-pytest-config", Severity.HIGH, name),
            f"{name} is empty and hides the pytest configuration of pyproject.toml",
            f"delete {name}",
        )
    ]


@pytest.mark.parametrize("name", ["tox.ini", "setup.cfg"])
def test_an_empty_tox_ini_or_setup_cfg_hides_nothing(tmp_path: Path, name: str) -> None:
    write(tmp_path, {name: "", "pyproject.toml": PYPROJECT})
    config = load(tmp_path)
    assert (config.path, config.values) == ("pyproject.toml", {"strict": True})
    assert weaknesses(config) == ()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pytest.toml", '[pytest]\naddopts = ["-q", "-k", "a b"]\n'),
        (".pytest.toml", '[pytest]\naddopts = ["-q", "-k", "a b"]\n'),
        ("pytest.ini", '[pytest]\naddopts = -q -k "a b"\n'),
        (".pytest.ini", '[pytest]\naddopts = -q -k "a b"\n'),
        ("pyproject.toml", '[tool.pytest]\naddopts = ["-q", "-k", "a b"]\n'),
        ("pyproject.toml", "[tool.pytest.ini_options]\naddopts = \"-q -k 'a b'\"\n"),
        ("tox.ini", '[tox]\naddopts = -x\n\n[pytest]\naddopts = -q -k "a b"\n'),
        ("setup.cfg", '[tool:pytest]\naddopts =\n    -q\n    -k "a b"\n'),
    ],
)
def test_every_file_and_both_forms_of_values_are_read(tmp_path: Path, name: str, text: str) -> None:
    write(tmp_path, {name: text})
    config = load(tmp_path)
    assert config.path == name
    assert config.words("addopts") == ("-q", "-k", "a b")
    line = text.splitlines().index(
        next(x for x in text.splitlines() if x.startswith("addopts") and "-x" not in x)
    )
    assert [(f.name, f.severity, f.line) for f in weaknesses(config)] == [
        ("narrowed-test-run", Severity.LOW, line + 1)
    ]


def test_a_tree_without_configuration(tmp_path: Path) -> None:
    assert load(tmp_path).path == ""
    write(tmp_path, {"pyproject.toml": "[project]\nname = 'x'\n"})
    assert load(tmp_path).path == "pyproject.toml"
    assert weaknesses(load(tmp_path)) == ()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"pytest.ini": "addopts = -q\n"}, "does not parse"),
        ({"pytest.ini": "[pytest]\nxfail_strict\n  true\n"}, "does not parse: "),
        ({"pytest.toml": "[pytest\n"}, "does not parse"),
        ({"pytest.ini": "[pytest]\naddopts = -k 'a\n"}, r"pytest\.ini:2: addopts: No closing quotation"),
    ],
)
def test_what_does_not_parse_is_an_error(tmp_path: Path, files: dict[str, str], message: str) -> None:
    write(tmp_path, files)
    with pytest.raises(GateError, match=message):
        weaknesses(load(tmp_path))


def test_bytes_that_are_no_text_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_bytes(b"\xff")
    with pytest.raises(GateError, match=r"pytest\.ini: cannot be read"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("addopts", "expected"),
    [
        *[("-q -ra --strict-markers -n 2", []), ("--cov=app --cov-report term", [])],
        *[("-k fast", ["narrowed-test-run"]), ("-kfast", ["narrowed-test-run"])],
        *[("-m 'not slow'", ["narrowed-test-run"]), ("--deselect a::b", ["narrowed-test-run"])],
        *[("--ignore=a", ["narrowed-test-run"]), ("--ignore-glob=*a", ["narrowed-test-run"])],
        *[
            ("-x", ["narrowed-test-run"]),
            ("-qx", ["narrowed-test-run"]),
            ("--maxfail=2", ["narrowed-test-run"]),
        ],
        *[("--no-cov", ["narrowed-test-run"]), ("--runxfail", ["narrowed-test-run"])],
        *[("--continue-on-collection-errors", ["narrowed-test-run"]), ("-p no:cov", ["narrowed-test-run"])],
        *[("-p evil", ["project-plugin-in-addopts"]), ("-pevil", ["project-plugin-in-addopts"])],
        *[("-p pkg.evil", ["project-plugin-in-addopts"]), ("-p xdist", [])],
        *[("-W ignore", ["warnings-silenced"]), ("--disable-warnings", ["warnings-silenced"])],
        ("-x -k a", ["narrowed-test-run", "narrowed-test-run"]),
    ],
)
def test_addopts_fo_46(tmp_path: Path, addopts: str, expected: list[str]) -> None:
    write(tmp_path, {"pytest.ini": f"[pytest]\naddopts = {addopts}\n", "evil.py": "", "pkg/evil.py": ""})
    assert [finding.name for finding in weaknesses(load(tmp_path))] == expected


def test_a_project_plugin_is_found_below_pythonpath(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"pytest.ini": "[pytest]\npythonpath = lib\naddopts = -p evil\n", "lib/evil/__init__.py": ""},
    )
    (finding,) = weaknesses(load(tmp_path))
    assert finding.severity is Severity.HIGH
    assert finding.message == "addopts: -p evil loads lib/evil/__init__.py of the project before the gate"


@pytest.mark.parametrize(
    ("entry", "blanket"),
    [
        *[("ignore", True), ("ignore::", True), ("ignore:.*", True), ("i", True), ("ignore::Warning", True)],
        *[("ignore::builtins.Warning", True), ("ignore:::.*", True), ("ignore::DeprecationWarning", False)],
        *[("ignore:old:UserWarning", False), ("error", False), ("ignore:::app", False), ("", False)],
    ],
)
def test_a_blanket_filter_names_nothing_fo_48(entry: str, blanket: bool) -> None:
    assert is_blanket(entry) is blanket


def test_a_blanket_filter_is_a_finding_fo_48(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": '[tool.pytest]\nfilterwarnings = ["error", "ignore"]\n'})
    (finding,) = weaknesses(load(tmp_path))
    assert (finding.name, finding.severity, finding.line) == ("warnings-silenced", Severity.HIGH, 2)


def test_the_supervised_configuration(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "pyproject.toml": """
            [tool.pytest]
            strict = true
            minversion = "9.0"
            markers = ["slow: takes long", "net"]
            filterwarnings = ["error", "ignore", "ignore::DeprecationWarning"]
            addopts = ["--deselect", "a"]
            python_files = ["nothing.py"]
            testpaths = ["nowhere"]
            pythonpath = ["."]
            asyncio_mode = "auto"
            log_cli = true
            junit_family = "x"
            """
        },
    )
    text = supervised_ini(load(tmp_path), test_roots=["tests", "more tests"], import_roots=["src"])
    assert text == (
        "[pytest]\n"
        "asyncio_mode = auto\n"
        "log_cli = true\n"
        "markers =\n    slow: takes long\n    net\n"
        "minversion = 9.0\n"
        "strict = true\n"
        "addopts = \n"
        "filterwarnings =\n    error\n    ignore::DeprecationWarning\n"
        "    error::pytest.PytestReturnNotNoneWarning\n"
        f"pythonpath =\n    {tmp_path}\n    {tmp_path}/src\n"
        "testpaths =\n    tests\n    'more tests'\n"
        "python_files =\n    'test_*.py'\n    '*_test.py'\n"
        "python_classes = Test\n"
        "python_functions = test\n"
        "norecursedirs =\n    '*.egg'\n    '.*'\n    _darcs\n    build\n    CVS\n    dist\n"
        "    node_modules\n    venv\n    '{arch}'\n"
    )


def test_a_value_cannot_begin_a_key_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, {"pytest.toml": '[pytest]\nmarkers = ["a\\naddopts = -x\\n[pytest]\\nb = 1"]\n'})
    text = supervised_ini(load(tmp_path), test_roots=["tests"], import_roots=[])
    assert [line for line in text.splitlines() if line.startswith(("addopts", "["))] == [
        "[pytest]",
        "addopts = ",
    ]


def test_pytest_takes_the_supervised_configuration_and_nothing_else(tmp_path: Path) -> None:
    files = {
        "pytest.toml": '[pytest]\naddopts = ["--ignore=tests/test_b.py"]\nmarkers = ["slow"]\n',
        "src/app.py": "value = 1\n",
        "tests/test_a.py": "import app, pytest\n@pytest.mark.slow\ndef test_a():\n    assert app.value\n",
        "tests/test_b.py": "def test_b():\n    return False\n",
    }
    project = tmp_path / "project"
    write(project, files)
    ini = tmp_path / "supervised.ini"
    text = supervised_ini(load(project), test_roots=["tests"], import_roots=["src"])
    ini.write_text(text, encoding="utf-8")
    done = record(tmp_path, files, "-c", str(ini))
    assert done.outcomes() == {"test_a": "passed", "test_b": "failed"}
    assert done.run.inipath == str(ini)
