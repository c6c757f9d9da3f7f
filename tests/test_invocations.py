"""However pytest is called, verdict, exit status, terminal text, JUnit and JSON say the same."""

from __future__ import annotations

import re
import signal
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil
import pytest

from tests.acceptance.harness import Ask, Mode, Outcome, apart, check_agreement, finish, run, start
from tests.acceptance.project import FAILING, VIOLATION, Files, copy, green, write
from tests.acceptance.test_processes import appeared, survivors, waiting
from tests.size import in_full, some

pytestmark = pytest.mark.usefixtures("children_unmeasured")

ASYNC: Files = {
    "tests/test_later.py": "import pytest\n\n\n@pytest.mark.asyncio\nasync def test_later() -> None:\n"
    '    assert len("red") == 3\n'
}
NO_TESTS: Files = {"tests/test_prices.py": None, "tests/test_discount.py": None, "tests/README": "Later.\n"}
BROKEN: Files = {"tests/test_import.py": "import there_is_no_such_module\n"}


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """A way to call pytest, and what it comes to."""

    name: str
    options: tuple[str, ...] = ()
    files: Files = field(default_factory=dict)
    code: int = 0
    verdict: str = "pass"


INVOCATIONS = (
    Invocation(name="plain"),
    Invocation(name="two workers", options=("-n", "2")),
    Invocation(name="red", files=FAILING, code=1, verdict="fail"),
    Invocation(name="red, two workers", options=("-n", "2"), files=FAILING, code=1, verdict="fail"),
    Invocation(name="coverage", options=("--cov=shop", "--cov-report=")),
    Invocation(name="coverage with branches", options=("--cov=shop", "--cov-branch", "--cov-report=term")),
    Invocation(name="coverage, two workers", options=("--cov=shop", "--cov-report=", "-n", "2")),
    Invocation(name="first failure ends, none", options=("-x",)),
    Invocation(
        name="first failure ends",
        options=("-x",),
        files={"tests/test_a.py": FAILING["tests/test_red.py"]},
        code=1,
        verdict="error",
    ),
    Invocation(name="selected", options=("-k", "test_net"), code=1, verdict="error"),
    Invocation(name="one node", options=("tests/test_prices.py::test_net",), code=1, verdict="error"),
    Invocation(name="no tests", files=NO_TESTS, code=1, verdict="error"),
    Invocation(name="no tests, two workers", options=("-n", "2"), files=NO_TESTS, code=1, verdict="error"),
    Invocation(name="collection error", files=BROKEN, code=2, verdict="error"),
    Invocation(
        name="collection error, two workers", options=("-n", "2"), files=BROKEN, code=1, verdict="error"
    ),
    Invocation(name="no cache", options=("-p", "no:cacheprovider")),
    Invocation(name="importlib", options=("--import-mode=importlib",)),
    Invocation(name="importlib, two workers", options=("--import-mode=importlib", "-n", "2")),
    Invocation(name="random order", options=("-p", "randomly")),
    Invocation(name="asyncio", options=("-p", "asyncio"), files=ASYNC),
    Invocation(name="quiet", options=("-q",)),
    Invocation(name="verbose with durations", options=("-vv", "--durations=3", "-rA")),
    Invocation(name="no summary", options=("--no-summary",)),
)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The green project, never run."""
    return green(tmp_path_factory.mktemp("template") / "shop")


@pytest.fixture
def project(template: Path, tmp_path: Path) -> Path:
    """A fresh copy of the green project."""
    return copy(template, tmp_path / "shop")


def junit_failures(path: Path) -> set[str]:
    """Return the gates that the JUnit file of pytest says did not pass; its own counts must agree."""
    root = ET.fromstring(path.read_bytes())
    cases = [case for suite in root.iter("testsuite") for case in suite.iter("testcase")]
    bad = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    suite = next(root.iter("testsuite"))
    assert int(suite.get("failures", "0")) + int(suite.get("errors", "0")) == len(bad)
    return {str(case.get("name")) for case in bad if case.get("classname") == "failhard"}


def check_all_agree(outcome: Outcome, junit: Path, verdict: str) -> None:
    """Hold report, terminal, JUnit and exit status against each other."""
    check_agreement(outcome)
    assert outcome.report is not None, str(outcome)
    assert outcome.report["verdict"] == verdict, str(outcome)
    red = {gate["id"] for gate in outcome.report["gates"] if gate["verdict"] != "pass"}
    assert junit_failures(junit) == red, str(outcome)
    assert outcome.stdout.count(f"failhard: {verdict} (") == 1, str(outcome)
    shown = re.findall(r"^(tests|coverage) +(pass|fail|error)\b", outcome.stdout, re.MULTILINE)
    assert dict(shown) == {gate["id"]: gate["verdict"] for gate in outcome.report["gates"]}, str(outcome)


TELLING = (
    *("coverage, two workers", "first failure ends", "collection error, two workers", "random order"),
    "no summary",
)
"""The others are met in the fail-open list, each in one mode."""


@pytest.mark.parametrize(
    "invocation",
    some({each.name: each for each in INVOCATIONS}, *TELLING).values(),
    ids=lambda invocation: invocation.name,
)
def test_all_outputs_agree(invocation: Invocation, project: Path) -> None:
    write(project, invocation.files)
    junit = project.parent / "junit.xml"
    ask = Ask(only="tests,coverage", author=(f"--junitxml={junit}", *invocation.options))
    outcome = run(Mode.AUTHOR, project, apart(ask))
    assert outcome.code == invocation.code, str(outcome)
    check_all_agree(outcome, junit, invocation.verdict)
    assert not re.search(r"\[(?:1[1-9]|[2-9])\d%]", outcome.stdout), f"progress beyond 100 %:\n{outcome}"


def test_nothing_but_collection_is_refused(project: Path) -> None:
    outcome = run(Mode.AUTHOR, project, Ask(author=("--collect-only",)))
    assert outcome.code == 4, str(outcome)
    assert outcome.report is None
    assert "gates not evaluated (--collect-only)" in outcome.output
    assert "pass" not in outcome.output.replace("passed", "")


@pytest.mark.parametrize(
    ("files", "code", "verdict"),
    some({"green": ({}, 0, "pass"), "red": (FAILING, 1, "fail")}, "red").values(),
)
def test_without_a_terminal_the_report_and_the_exit_status_agree(
    files: Files, code: int, verdict: str, project: Path
) -> None:
    write(project, files)
    junit = project.parent / "junit.xml"
    ask = Ask(only="tests", author=("-p", "no:terminal", f"--junitxml={junit}"))
    outcome = run(Mode.AUTHOR, project, apart(ask))
    assert outcome.code == code, str(outcome)
    assert outcome.report is not None
    assert outcome.report["verdict"] == verdict
    assert junit_failures(junit) == ({"tests"} if code else set())


@in_full
def test_last_failed_after_a_red_gate_runs_every_test(project: Path) -> None:
    write(project, VIOLATION)
    assert run(Mode.AUTHOR, project, apart(Ask(only="lint"))).code == 1
    cache = project / ".pytest_cache" / "v" / "cache" / "lastfailed"
    assert not cache.is_file() or "failhard" not in cache.read_text()
    write(project, {"shop/dirty.py": None})
    outcome = run(Mode.AUTHOR, project, apart(Ask(only="lint,tests", tests=("--lf",))))
    assert outcome.code == 0, str(outcome)
    assert "not in selected tests" not in outcome.stdout


def test_plain_pytest_is_untouched(project: Path) -> None:
    """Without a level nothing is judged, nothing is written, and nothing is said."""
    ask = replace(Ask(), level=None)
    outcome = run(Mode.AUTHOR, project, ask)
    assert outcome.code == 0, str(outcome)
    assert not outcome.folder.exists()
    assert "failhard:" not in outcome.stdout


@pytest.mark.parametrize("workers", some({"plain": (), "two workers": ("-n", "2")}, "two workers").values())
def test_an_interrupted_run_is_no_pass(workers: tuple[str, ...], project: Path) -> None:
    mark = waiting(project)
    junit = project.parent / "junit.xml"
    ask = Ask(only="tests", author=(*workers, f"--junitxml={junit}"))
    process = start(Mode.AUTHOR, project, ask)
    processes = appeared(mark, process)
    children = [
        child for child in psutil.Process(process.pid).children(recursive=True) if child not in processes
    ]
    process.send_signal(signal.SIGINT)
    outcome = finish(process, Mode.AUTHOR, project, ask)
    for left in processes:
        if left.is_running():
            left.kill()
    assert outcome.code == 2, str(outcome)
    assert not survivors(children)
    assert outcome.report is None or (outcome.report["complete"], outcome.report["verdict"]) == (
        False,
        "error",
    )
    assert "failhard: pass" not in outcome.stdout
