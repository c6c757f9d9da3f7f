"""`failhard check`, run in this process: its exit codes, its words, and what it leaves alive."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from pytest_failhard import exits, plan, supervisor
from pytest_failhard.cli import COMMANDS, check, main
from pytest_failhard.model import Mode
from pytest_failhard.redact import Redactor
from pytest_failhard.session import Session
from pytest_failhard.store import Store
from tests.acceptance.project import FAILING, VIOLATION, write
from tests.size import FULL

Checked = Callable[..., tuple[object, str, str]]

# Says where it is, sends whoever checks it a signal, and waits for what the parent does to it.
SIGNALLING = """\
import os
import pathlib
import subprocess
import sys
import threading


def test_signals() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import threading; threading.Event().wait()"])
    pathlib.Path({told!r}).write_text(f"{{os.getpid()}} {{child.pid}}")
    while not list(pathlib.Path({cache!r}).glob("**/lint-*.entry")):
        threading.Event().wait(0.01)
    os.kill({whom}, {number})
    threading.Event().wait()
"""
WAITING = "import threading\n\n\ndef test_waits() -> None:\n    threading.Event().wait()\n"


@pytest.fixture
def checked(capsys: pytest.CaptureFixture[str], signals: None) -> Checked:
    def run(*arguments: str | Path) -> tuple[object, str, str]:
        with pytest.raises(SystemExit) as ended:
            check.command.main([str(argument) for argument in arguments])
        return (ended.value.code, *capsys.readouterr())

    return run


def report(root: Path) -> dict[str, object]:
    document: dict[str, object] = json.loads((root / ".failhard" / "report.json").read_bytes())
    return document


def gate_of_tests(root: Path) -> dict[str, object]:
    gates = report(root)["gates"]
    assert isinstance(gates, list)
    (gate,) = (gate for gate in gates if gate["id"] == "tests")
    assert isinstance(gate, dict)
    return gate


def test_a_green_project_passes(checked: Checked, shop: Path) -> None:
    # With all gates: tests/acceptance/test_failopen.py.
    code, text, errors = checked(shop, "--only=tests,coverage,lint")
    assert (code, errors) == (0, ""), text
    assert "failhard: pass" in text
    assert report(shop)["verdict"] == "pass"
    evidence = shop / ".failhard" / "evidence" / "tests"
    assert b"4 passed" in (evidence / "pytest.txt").read_bytes()
    assert b'"nonce":"nonce"' in (evidence / "result.jsonl").read_bytes().replace(b" ", b"")
    page = (shop / ".failhard" / "report.html").read_text()
    assert '<span class="stamp pass">' in page
    assert '<section id="coverage"' in page


@pytest.mark.parametrize("arguments", [("-q", "-n", "2"), *([("-q",)] if FULL else [])])
def test_arguments_reach_pytest(checked: Checked, shop: Path, arguments: tuple[str, ...]) -> None:
    code, text, _ = checked(shop, "--only=tests", "--", *arguments)
    assert code == 0, text


def test_a_failing_test_fails(checked: Checked, shop: Path) -> None:
    write(shop, FAILING)
    code, text, _ = checked(shop, "--only=tests")
    assert code == 1
    assert "test_red" in text


def test_gates_that_need_no_tests_run_none(checked: Checked, shop: Path) -> None:
    write(shop, VIOLATION)
    code, text, _ = checked(shop, "--only=lint", "--jobs=1", "--seed=3", "--report-dir=ours")
    assert code == 1
    assert "F401" in text
    assert text.splitlines()[-1].endswith(f", report in {shop}/ours/report.html")
    assert not (shop / "ours" / "evidence" / "tests").exists()
    assert (
        '<li class="meant"><span class="at">1</span>import os</li>'
        in (shop / "ours" / "report.html").read_text()
    )


def test_all_mistakes_of_the_terms_are_listed(checked: Checked, shop: Path) -> None:
    code, text, errors = checked(shop, "--only=lnit, typse", "--base=nowhere")
    assert (code, text) == (2, "")
    assert [line.partition(": ")[2].split(":")[0] for line in errors.splitlines()] == ["base", "only", "only"]
    assert not (shop / ".failhard" / "report.json").exists()


def test_a_report_folder_that_must_not_be_used_is_refused(checked: Checked, shop: Path) -> None:
    code, _, errors = checked(shop, "--report-dir=.")
    assert code == 2
    assert errors.startswith("failhard: report-folder-refused")


def test_an_unusable_redaction_pattern_is_refused(
    checked: Checked, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAILHARD_REDACTION_PATTERNS", "(")
    code, _, errors = checked(shop)
    assert code == 2
    assert "FAILHARD_REDACTION_PATTERNS" in errors


@pytest.mark.parametrize(
    "argument",
    [
        *("--collect-only", "--co", "--help", "-h", "-c", "-cother.ini", "--config-file=x", "-px", "-p"),
        *("-oaddopts=", "--override-ini=x=y", "--rootdir=/", "--failhard-level=1", "--failhard-anything"),
        *("--runxfail", "--noconftest", "--basetemp=x", "--setup-plan", "--version", "-V"),
    ],
)
def test_arguments_that_are_not_the_user_s_are_refused(checked: Checked, shop: Path, argument: str) -> None:
    code, _, errors = checked(shop, "--", "-q", argument)
    assert code == 2
    assert errors == f"failhard: {argument}: not allowed after `--`; no test would run, or not ours\n"


def test_injected_failures_are_refused_with_the_reason(checked: Checked, shop: Path) -> None:
    code, _, errors = checked(shop, "--", "--inject-failures=p=0.05")
    assert code == 2
    assert "not allowed after `--`; the verdict is over the tests as they are" in errors


def test_arguments_of_the_user_are_not_refused() -> None:
    assert check.refused(["-q", "-n", "2", "-k", "name", "--durations=3", "tests/test_a.py", "-x"]) == []


@pytest.mark.parametrize(
    "arguments", [("--level=5",), ("--jobs=0",), ("--policy=none.yaml",), ("none",), ("--lvl=1",)]
)
def test_mistaken_options_are_usage_errors(checked: Checked, shop: Path, arguments: tuple[str, ...]) -> None:
    assert checked(*arguments)[0] == 2


@pytest.mark.usefixtures("checkpoints")
@pytest.mark.parametrize(
    ("number", "expected"), [(signal.SIGINT, 130), *([(signal.SIGTERM, 143)] if FULL else [])]
)
def test_an_interrupted_run_leaves_a_part_and_no_process(
    checked: Checked,
    shop: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
    expected: int,
) -> None:
    told, cache = tmp_path / "told", tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    text = SIGNALLING.format(told=str(told), cache=str(cache), whom=os.getpid(), number=int(number))
    write(shop, {"tests/test_signals.py": text})
    code, text, errors = checked(shop, "--level=1", "--seed=3", "--", "-q", "-k", "a or test_signals")
    assert (code, text) == (expected, "")
    again = f"failhard check {shop} --level=1 --seed=3 --resume -- -q -k 'a or test_signals'"
    assert errors == (
        f"failhard: interrupted by {number.name}; the partial report is in {shop}/.failhard\n"
        f"failhard: go on where it ended: {again}\n"
    )
    left = [int(pid) for pid in told.read_text().split() if psutil.pid_exists(int(pid))]
    assert all(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE for pid in left)
    assert report(shop)["complete"] is False
    assert report(shop)["verdict"] == "error"
    write(shop, {"shop/new.py": ""})
    code, _, errors = checked(shop, "--level=1", "--seed=4", "--resume", "--", "-q")
    assert code == 2
    assert errors.startswith("failhard: resume: not the same any more: ")
    assert {"arguments of pytest", "names of ignored files", "seed", "shop/new.py"} >= {
        *errors.partition("any more: ")[2].partition(";")[0].split(", ")
    }
    assert not (shop / ".failhard" / "report.json").exists()


def test_a_report_that_could_not_be_written_is_not_said_to_be_there(checked: Checked, shop: Path) -> None:
    body = "shutil.rmtree('.failhard')\n    pathlib.Path('.failhard').mkdir()"
    write(
        shop, {"tests/test_a.py": f"import pathlib\nimport shutil\n\n\ndef test_a() -> None:\n    {body}\n"}
    )
    code, text, _ = checked(shop, "--only=lint,tests")
    assert code == 3
    assert "report-folder-replaced" in text
    assert text.splitlines()[-1].endswith(", no report was written")
    assert "evidence: " not in text
    assert not (shop / ".failhard" / "report.json").exists()


def test_a_run_that_fails_under_itself_is_an_error(checked: Checked, shop: Path) -> None:
    body = "shutil.rmtree(pathlib.Path(os.environ['TMPDIR']).parents[1])"
    head = "import os\nimport pathlib\nimport shutil\n\n\ndef test_a() -> None:\n"
    write(shop, {"tests/test_a.py": f"{head}    {body}\n"})
    code, text, _ = checked(shop, "--only=lint,tests")
    assert code == 3
    assert "run-failed: " in text
    assert report(shop)["complete"] is False


@pytest.mark.parametrize(
    ("files", "arguments", "code", "part"),
    [
        ({}, ("--no-such-option",), 3, "pytest-failed: pytest ended with 4 before any test: ERROR: usage"),
        ({"tests/conftest.py": "import os\nos._exit(0)\n"}, (), 4, "verdict-missing: "),
        # What fails tests ends pytest with 1, and has left a record of them.
        ({"tests/conftest.py": "import os\nos._exit(1)\n"}, (), 4, "verdict-missing: "),
        (
            {"tests/conftest.py": "import os\ndef pytest_unconfigure():\n    os._exit(7)\n"},
            (),
            4,
            "verdict-contradicted: the tests ended with 7",
        ),
        (
            {"tests/conftest.py": "import os\ndef pytest_unconfigure():\n    os._exit(1)\n"},
            (),
            4,
            "verdict-contradicted: no test failed, but pytest ended with 1",
        ),
    ],
)
def test_a_child_that_does_not_end_as_it_should_is_told_from_one_that_fails(
    checked: Checked, shop: Path, files: dict[str, str], arguments: tuple[str, ...], code: int, part: str
) -> None:
    write(shop, files)
    ended, text, _ = checked(shop, "--only=tests", "--", *arguments)
    assert ended == code, text
    because = gate_of_tests(shop)["because"]
    assert isinstance(because, list)
    assert part in because[0]


def test_the_variables_that_the_project_names_reach_its_tests(
    checked: Checked, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_CURRENCY", "EUR")
    monkeypatch.setenv("SHOP_OTHER", "x")
    table = '[tool.failhard.tests]\nroots = ["tests"]\npass_env = ["SHOP_CURRENCY", "SHOP_ABSENT"]\n'
    project = (shop / "pyproject.toml").read_text().replace('tests = ["tests"]\n', "")
    body = 'assert [n for n in os.environ if n.startswith("SHOP")] == ["SHOP_CURRENCY"]'
    write(
        shop,
        {
            "pyproject.toml": f"{project}\n{table}",
            "tests/test_a.py": f"import os\n\n\ndef test_a() -> None:\n    {body}\n",
        },
    )
    code, text, _ = checked(shop, "--only=tests")
    assert code == 0, text


def test_plugins_that_the_project_declares_are_loaded(checked: Checked, shop: Path) -> None:
    project = (shop / "pyproject.toml").read_text()
    declared = project.replace("dependencies = []\n", 'dependencies = ["pytest-asyncio"]\n')
    body = "import pytest\n\n\n@pytest.mark.asyncio\nasync def test_a() -> None:\n    assert len('a') == 1\n"
    write(shop, {"pyproject.toml": declared, "tests/test_a.py": body})
    code, text, _ = checked(shop, "--only=tests")
    assert code == 0, text


def test_tests_over_their_limit_are_ended_with_their_stacks(shop: Path, tmp_path: Path) -> None:
    write(shop, {"tests/test_waits.py": WAITING})
    request = plan.Request(root=shop, level=1, mode=Mode.SUPERVISED, only=("tests",))
    gates = plan.collect_gates(())
    resolved = plan.resolve(request, gates, [gate.id for gate in gates], datetime.now(UTC).date())
    resolved = dataclasses.replace(resolved, policy=dataclasses.replace(resolved.policy, tests_timeout=1))
    redactor = Redactor.from_environment({})
    folder = tmp_path / "run"
    folder.mkdir()
    with Store.open(Path(".failhard"), shop, redactor) as store:
        session = Session(resolved, store, redactor, folder)
        child = supervisor.TestChild(session, ())
        ended = child.run()
        child.keep()
        assert (store.staging.folder / "tests" / "pytest.txt").is_file()
    assert ended.code == exits.WATCHDOG
    assert ended.tests.problem.startswith("watchdog: the tests did not end within 1 seconds")


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[object, str]:
    with pytest.raises(SystemExit) as ended:
        main.main(arguments, prog_name="failhard")
    return ended.value.code, capsys.readouterr().out


def test_help_names_every_subcommand_in_the_order_of_use(capsys: pytest.CaptureFixture[str]) -> None:
    code, text = told(capsys, "--help")
    assert code == 0
    listed = [line.split()[0] for line in text.partition("Commands:")[2].splitlines() if line.strip()]
    assert listed == list(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_subcommand_explains_itself(capsys: pytest.CaptureFixture[str], command: str) -> None:
    code, text = told(capsys, command, "--help")
    assert code == 0
    assert text.startswith(f"Usage: failhard {command} ")


def test_the_version_is_the_distribution_s(capsys: pytest.CaptureFixture[str]) -> None:
    code, text = told(capsys, "--version")
    assert code == 0
    assert text.split()[-1][0].isdigit()


def test_an_unknown_subcommand_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "chekc")[0] == 2
