"""Our measurement beside pytest-cov: neither may change what the other reports."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import coverage
import pytest

from pytest_failhard.measurement import rcfile_text
from tests.measuring import WIRING, environment
from tests.size import FULL, in_full, some
from tests.support import WITHOUT_OTHERS

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


def run(
    root: Path, *arguments: str, measured: bool, start: tuple[str, ...] = ("-m", "pytest"), keep: bool = False
) -> Totals:
    data = root.parent / "data"
    leftovers = [] if keep else [*root.glob(".coverage*[!c]")]
    for old in [*data.glob("*"), root / "coverage.json", *leftovers]:
        old.unlink(missing_ok=True)
    data.mkdir(exist_ok=True)
    rcfile = root.parent / "rcfile"
    rcfile.write_text(rcfile_text(root, ["app"], [], data), "utf-8")
    variables = environment(PYTHONPATH=str(root.parent / "wiring"), MEASUREMENT_RCFILE=str(rcfile))
    plugins = ["-p", "wiring"] if measured else []
    command = [sys.executable, *start, "-p", "no:cacheprovider", *WITHOUT_OTHERS, *plugins, *arguments]
    done = subprocess.run(command, cwd=root, env=variables, capture_output=True, text=True, check=False)
    report = root / "coverage.json"
    theirs = json.loads(report.read_text("utf-8")) if report.exists() else None
    if theirs is not None:
        del theirs["meta"]["timestamp"]
    return Totals(
        theirs=theirs,
        ours=lines(root, data),
        returncode=done.returncode,
        output=done.stdout + done.stderr,
    )


def lines(root: Path, data: Path) -> dict[str, tuple[int, ...]]:
    file = root.parent / "combined"
    file.unlink(missing_ok=True)
    found = coverage.CoverageData(basename=str(file))
    for path in sorted(data.iterdir()):
        part = coverage.CoverageData(basename=str(path))
        part.read()
        found.update(part)
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
# Of two hooks that both want to be first, that of the plugin loaded later is.
OURS_FIRST = ("-p", "pytest_cov")
REPORT = ("--cov=app", "--cov-branch", "--cov-report=json")
WAYS = {
    "plain": REPORT,
    "lines": ("--cov=app", "--cov-report=json"),
    "two workers": (*REPORT, "-n2"),
    "no source": ("--cov", "--cov-report=json"),
    "no source, two workers": ("--cov", "--cov-branch", "--cov-report=json", "-n2"),
    "floor": (*REPORT, "--cov-fail-under=72"),
    "ours starts first": (*REPORT, *OURS_FIRST),
    "ours starts first, two workers": (*REPORT, *OURS_FIRST, "-n2"),
    "contexts": (*REPORT, "--cov-context=test"),
}


def both(root: Path, *arguments: str) -> tuple[Totals, Totals]:
    """Run without and with our measurement; neither may change the other's result."""
    apart = run(root, *arguments, measured=False)
    together = run(root, *arguments, measured=True)
    assert together.theirs == apart.theirs, together.output
    assert together.returncode == apart.returncode, together.output
    return apart, together


HIDING = some(
    {"pytest-cov starts first": (), "ours starts first": OURS_FIRST, "two workers": ("-n2",)},
    "two workers",
)
TOLD = some(WAYS, "no source, two workers", "ours starts first")


@pytest.mark.parametrize("arguments", TOLD.values(), ids=TOLD.keys())
def test_neither_changes_the_other(project: Path, arguments: tuple[str, ...]) -> None:
    apart, together = both(project, *arguments)
    assert apart.theirs is not None
    assert together.ours == OURS


ALONE = some({"plain": (), "no cov": ("--cov=app", "--no-cov"), "xdist": ("-n2",)}, "xdist")


@pytest.mark.parametrize("arguments", ALONE.values(), ids=ALONE.keys())
def test_ours_without_theirs(project: Path, arguments: tuple[str, ...]) -> None:
    together = run(project, *arguments, measured=True)
    assert together.theirs is None
    assert together.returncode == 0, together.output
    assert together.ours == OURS


@in_full
def test_append(project: Path) -> None:
    half = (*REPORT, "--cov-append", "test_two.py")
    run(project, *REPORT, "test_one.py", measured=False)
    apart = run(project, *half, measured=False, keep=True)
    run(project, *REPORT, "test_one.py", measured=True)
    together = run(project, *half, measured=True, keep=True)
    assert together.theirs == apart.theirs
    assert together.returncode == 0


@pytest.mark.parametrize("way", HIDING.values(), ids=HIDING.keys())
def test_no_cover_hides_from_theirs_alone(project: Path, way: tuple[str, ...]) -> None:
    text = """\
        import pytest


        @pytest.mark.no_cover
        def test_secret():
            from app.hidden import secret

            assert secret() == 3


        def test_other(no_cover):
            from app.sums import unused

            assert unused() == 2


        def test_after():
            import app.never
        """
    write(project / "test_three.py", text)
    together = run(project, *REPORT, *way, measured=True)
    if FULL:
        assert together.theirs == run(project, *REPORT, *way, measured=False).theirs
    more = {"app/hidden.py": (1, 2), "app/never.py": (1,), "app/sums.py": (1, 2, 3, 4, 7, 8)}
    assert together.ours == OURS | more


@pytest.mark.parametrize("workers", some({"plain": (), "two workers": ("-n2",)}, "two workers").values())
def test_their_processes_are_theirs_too(project: Path, workers: tuple[str, ...]) -> None:
    write(project / ".coveragerc", "[run]\npatch = subprocess\nsource = app\nbranch = true\n")
    apart, together = both(project, "--cov", "--cov-report=json", *workers)
    assert "'app/tool.py': {'executed_lines': [1, 3, 6]" in str(apart.theirs)
    assert together.ours == OURS


STARTED = some({"alone": (), "with pytest-cov": REPORT}, "with pytest-cov")


@pytest.mark.parametrize("arguments", STARTED.values(), ids=STARTED.keys())
def test_coverage_run_keeps_its_data(project: Path, arguments: tuple[str, ...]) -> None:
    """`coverage run -m pytest` has a collector below all others."""
    start = ("-m", "coverage", "run", "--source=app", "--branch", "-m", "pytest")
    found = []
    for measured in (False, True):
        together = run(project, *arguments, measured=measured, start=start)
        data = coverage.CoverageData(basename=str(project / ".coverage"))
        data.read()
        found.append({name: sorted(data.lines(name) or ()) for name in data.measured_files()})
    assert together.returncode == 0, together.output
    assert found[1] == found[0]
    assert together.ours == OURS


def test_a_collector_that_a_test_leaves_running_ends_there(project: Path) -> None:
    text = """\
        import coverage


        def test_leak():
            coverage.Coverage(data_file=None).start()
        """
    write(project / "test_zzz.py", text)
    together = run(project, *REPORT, measured=True)
    assert together.returncode == 0, together.output
    assert together.ours == OURS


def test_the_data_of_other_workers_outlives_one_that_dies(project: Path) -> None:
    write(project / "test_three.py", "import os\n\n\ndef test_end():\n    os.kill(os.getpid(), 9)\n")
    together = run(project, "-n2", "--max-worker-restart=1", measured=True)
    assert together.returncode == 1, together.output
    assert together.ours["app/early.py"] == (1, 2, 3)


def test_a_failing_floor_still_fails(project: Path) -> None:
    together = run(project, *REPORT, "--cov-fail-under=51", measured=True)
    assert together.returncode == 1
    assert "total of 50 is less than fail-under=51" in together.output


def test_strict_warnings(project: Path) -> None:
    write(project / "pytest.ini", "[pytest]\nfilterwarnings = error\n")
    together = run(project, *REPORT, measured=True)
    assert together.returncode == 0, together.output


def test_process_that_is_terminated_and_process_that_forks(project: Path) -> None:
    write(
        project / "app" / "server.py",
        """\
        import os

        if os.fork() == 0:
            child = 1
            os._exit(0)
        os.wait()
        print("ready", flush=True) or input()
        """,
    )
    write(
        project / "test_three.py",
        """\
        import subprocess
        import sys


        def test_server():
            command = [sys.executable, "app/server.py"]
            with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
                assert server.stdout.readline() == b"ready\\n"
                server.terminate()
        """,
    )
    together = run(project, measured=True)
    assert together.returncode == 0, together.output
    assert together.ours == OURS | {"app/server.py": (1, 3, 4, 5, 6, 7)}


def test_environment_is_as_before(project: Path) -> None:
    text = """\
        import os

        import pytest


        @pytest.hookimpl(wrapper=True, tryfirst=True)
        def pytest_runtestloop():
            before = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE")}
            yield
            after = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE")}
            print("BEFORE", sorted(before.items()), "AFTER", sorted(after.items()))
            return True
        """
    write(project / "conftest.py", text)
    given = {name: value for name, value in environment().items() if name.startswith("COVERAGE")}
    together = run(project, "-s", measured=True)
    assert f"AFTER {sorted(given.items())}" in together.output


def test_rcfile_names_real_folders_and_escapes(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "a$b").mkdir()
    (tmp_path / "a$b" / "link").symlink_to("../real")
    (tmp_path / "module.py").write_text("", "utf-8")
    (tmp_path / "linked").symlink_to("real")
    text = rcfile_text(tmp_path, ["a$b", "module.py", "linked"], ["^x$"], tmp_path / "data")
    rcfile = tmp_path / "rcfile"
    rcfile.write_text(text, "utf-8")
    found = coverage.Coverage(config_file=str(rcfile))
    assert found.get_option("run:source") == [str(tmp_path), str(tmp_path / "a$b"), str(tmp_path / "real")]
    assert found.get_option("run:data_file") == str(tmp_path / "data" / "data")
    assert found.get_option("report:exclude_lines") == ["^x$"]
    assert found.get_option("run:omit") == []
