"""Our measurement beside pytest-cov: neither may change what the other reports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import coverage
import pytest

from pytest_failhard.measurement import rcfile_text

FILES = {
    "app/__init__.py": "",
    "app/sums.py": """\
        def sign(number):
            if number < 0:
                return -1
            return 1


        def unused():
            return 2
        """,
    "app/early.py": """\
        VALUE = 1
        if VALUE:
            OTHER = 2
        """,
    "app/never.py": "NEVER = 1\n",
    "app/tool.py": """\
        import sys

        if len(sys.argv) > 1:
            print("arguments")
        else:
            print("none")
        """,
    "app/hidden.py": """\
        def secret():
            return 3
        """,
    # Where this package is installed editable, it is no third-party code for pytest-cov.
    ".coveragerc": """\
        [run]
        omit =
            */pytest_failhard/*
            */wiring/*
        """,
    "conftest.py": "import app.early\n",
    "test_one.py": """\
        import subprocess
        import sys

        import pytest

        from app.sums import sign


        def test_positive():
            assert sign(1) == 1


        def test_process():
            command = [sys.executable, "-I", "app/tool.py"]
            assert subprocess.run(command, check=True, capture_output=True).stdout == b"none\\n"
        """,
    "test_two.py": """\
        from app.sums import sign


        def test_negative():
            assert sign(-1) == -1
        """,
}
OTHERS = ("-p", "no:randomly", "-p", "no:asyncio")
# What the plugin does, and nothing else of it.
WIRING = """\
import os
from pathlib import Path

import pytest

from pytest_failhard.measurement import Measurement


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config):
    if "PYTEST_XDIST_WORKER" not in os.environ:
        measurement = Measurement(Path(os.environ["MEASUREMENT_RCFILE"]))
        measurement.start()
        early_config.pluginmanager.register(measurement, "failhard-measurement")


def pytest_configure(config):
    if hasattr(config, "workerinput"):
        measurement = Measurement.of_worker(config.workerinput)
        if measurement is not None:
            measurement.start()
            config.pluginmanager.register(measurement, "failhard-measurement")
"""


@dataclass(frozen=True, kw_only=True)
class Totals:
    """What a run left: pytest-cov's report without its clock, and our lines by file."""

    theirs: object
    ours: Mapping[str, tuple[int, ...]]
    returncode: int
    output: str


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    for name, text in FILES.items():
        write(root / name, text)
    write(tmp_path / "wiring" / "wiring.py", WIRING)
    return root


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text), "utf-8")


def run(root: Path, *arguments: str, measured: bool, start: tuple[str, ...] = ("-m", "pytest")) -> Totals:
    data = root.parent / "data"
    for old in [*data.glob("*"), root / "coverage.json"]:
        old.unlink(missing_ok=True)
    data.mkdir(exist_ok=True)
    rcfile = root.parent / "rcfile"
    rcfile.write_text(rcfile_text(root, ["app"], [], data), "utf-8")
    names = ("PATH", "HOME", "TMPDIR")
    environment = {name: os.environ[name] for name in names if name in os.environ}
    environment |= {"PYTHONPATH": str(root.parent / "wiring"), "MEASUREMENT_RCFILE": str(rcfile)}
    plugins = ["-p", "wiring"] if measured else []
    command = [sys.executable, *start, "-p", "no:cacheprovider", *OTHERS, *plugins, *arguments]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    report = root / "coverage.json"
    theirs = json.loads(report.read_text("utf-8")) if report.exists() else None
    if theirs is not None:
        del theirs["meta"]["timestamp"]
    return Totals(
        theirs=theirs,
        ours=lines(root, data, rcfile),
        returncode=done.returncode,
        output=done.stdout + done.stderr,
    )


def lines(root: Path, data: Path, rcfile: Path) -> dict[str, tuple[int, ...]]:
    combined = coverage.Coverage(data_file=None, config_file=str(rcfile))
    combined.combine([str(path) for path in data.iterdir()], keep=True)
    found = combined.get_data()
    return {
        Path(name).relative_to(root).as_posix(): tuple(sorted(found.lines(name) or ()))
        for name in sorted(found.measured_files())
        if name.startswith(str(root / "app")) and found.lines(name)
    }


OURS = {
    "app/early.py": (1, 2, 3),
    "app/sums.py": (1, 2, 3, 4, 7),
    "app/tool.py": (1, 3, 6),
}
REPORT = ("--cov=app", "--cov-branch", "--cov-report=json")
WAYS = {
    "plain": REPORT,
    "lines": ("--cov=app", "--cov-report=json"),
    "two workers": (*REPORT, "-n2"),
    "no source": ("--cov", "--cov-report=json"),
    "no source, two workers": ("--cov", "--cov-branch", "--cov-report=json", "-n2"),
    "floor": (*REPORT, "--cov-fail-under=72"),
    "contexts": (*REPORT, "--cov-context=test"),
}


@pytest.mark.parametrize("arguments", WAYS.values(), ids=WAYS.keys())
def test_neither_changes_the_other(project: Path, arguments: tuple[str, ...]) -> None:
    apart = run(project, *arguments, measured=False)
    together = run(project, *arguments, measured=True)
    print(together.output)
    assert apart.theirs is not None
    assert together.theirs == apart.theirs
    assert together.returncode == apart.returncode, together.output
    assert together.ours == OURS
