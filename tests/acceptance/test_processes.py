"""The rest of the fail-open list: what takes two runs, a signal, a full disk, or a look at several outputs."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from pytest_failhard.cli import baseline, ratchet
from tests.acceptance.cases_integrity import UNUSED_IMPORT
from tests.acceptance.cases_terms import SHIPPED, waiver
from tests.acceptance.conftest import Environment
from tests.acceptance.harness import (
    EXIT,
    UNMEASURED,
    Ask,
    Expected,
    Mode,
    Outcome,
    check_agreement,
    finish,
    run,
    start,
)
from tests.acceptance.keeping import NO_REPORT, Record
from tests.acceptance.project import FAILING, VIOLATION, commit, git, write
from tests.acceptance.scratch import Scratch
from tests.size import FULL, modes
from tests.support import demanded

pytestmark = pytest.mark.usefixtures("children_unmeasured")

SECONDS = 60
FEW = "lint,tests"
"""A gate with a tool, and the one that needs the tests: what a run with all of them shows too."""
# A process that is measured itself answers to signals as coverage wants it to.
STALE = '{"schema": "failhard-report/1", "verdict": "pass", "complete": true, "gates": []}'

# Runs until it is ended, after it said where it and its own child are.
WAITING = """\
import pathlib
import subprocess
import sys
import threading
import os


def test_waits() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import threading; threading.Event().wait()"])
    mark = pathlib.Path({mark!r})
    mark.with_suffix(".new").write_text(f"{{os.getpid()}} {{child.pid}}")
    mark.with_suffix(".new").rename(mark)
    threading.Event().wait()
"""


def appeared(path: Path, process: subprocess.Popen[str]) -> list[psutil.Process]:
    """Wait until a file appears, and return the processes that it names."""
    end = time.monotonic() + SECONDS
    while not (path.is_file() and path.read_text()):
        assert process.poll() is None, f"ended with {process.returncode}: {process.communicate()}"
        assert time.monotonic() < end, f"{path} did not appear"
        os.sched_yield()
        time.sleep(0.02)
    return [psutil.Process(int(number)) for number in path.read_text().split()]


def survivors(processes: list[psutil.Process]) -> list[str]:
    """Return what is left of processes that should end, or be ended, soon; a zombie has ended."""
    _, alive = psutil.wait_procs(processes, timeout=10)
    return [_described(process) for process in alive if process.status() != psutil.STATUS_ZOMBIE]


def _described(process: psutil.Process) -> str:
    return f"{process.pid} of {process.ppid()}: {process.status()} {' '.join(process.cmdline())}"


def waiting(project: Path) -> Path:
    """Add a test that runs until it is ended; return the file that it writes when it runs."""
    mark = project.parent / "mark"
    write(project, {"tests/test_waits.py": WAITING.format(mark=str(mark))})
    return mark


def canonical(outcome: Outcome) -> dict[str, object]:
    """Return the part of a report that is equal for equal input."""
    assert outcome.report is not None, str(outcome)
    return {name: value for name, value in outcome.report.items() if name != "volatile"}


@pytest.mark.parametrize("mode", modes(Mode.AUTHOR))
def test_all_outputs_agree_fo_02(mode: Mode, project: Path, record: Record) -> None:
    row = record.procedure("FO-02", mode)
    write(project, FAILING)
    junit = project.parent / "junit.xml"
    ask = Ask(only=FEW, author=(f"--junitxml={junit}",))
    outcome = row.said(run(mode, project, ask))
    assert outcome.code == 1, str(outcome)
    check_agreement(outcome)
    if mode is Mode.AUTHOR:
        root = ET.fromstring(junit.read_bytes())
        failed = {case.get("name") for case in root.iter("testcase") if case.find("failure") is not None}
        assert {"test_red", "tests"} <= failed
        assert "lint" not in failed


@pytest.mark.parametrize("mode", modes(Mode.SUPERVISED))
def test_the_environment_skips_nothing_fo_27(mode: Mode, project: Path, record: Record) -> None:
    row = record.procedure("FO-27", mode)
    write(project, VIOLATION)
    escapes = {"SKIP": "lint", "NO_FAILHARD": "1", "FAILHARD_LEVEL": "0", "FAILHARD_SKIP": "1", "CI": "true"}
    plain = run(mode, project, Ask(only="lint"))
    escaping = row.said(run(mode, project, Ask(only="lint", environment=escapes)))
    assert plain.code == escaping.code == 1, str(escaping)
    assert canonical(plain) == canonical(escaping)


@pytest.mark.parametrize("mode", modes(Mode.AUTHOR))
def test_a_part_is_not_the_level_fo_34(mode: Mode, project: Path, record: Record) -> None:
    row = record.procedure("FO-34", mode)
    outcome = run(mode, project, Ask(only="lint"))
    assert outcome.code == 0, str(outcome)
    assert outcome.report is not None
    assert outcome.report["complete"] is False
    partial = f"partial: 1 of {len(demanded(1))} gates"
    assert partial in outcome.stdout
    row.ended(outcome.code, outcome.gate("lint")["verdict"], partial)
    argv = [sys.executable, "-I", "-m", "pytest_failhard", "verify", str(outcome.folder)]
    verified = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert verified.returncode == 4, verified.stderr
    assert "partial" in verified.stderr


UNWATCHED = {
    "tests/test_watched.py": "import sys\n\n\ndef test_no_one_watches() -> None:\n    assert sys.gettrace() is None\n"
}


@pytest.mark.parametrize("mode", modes(Mode.SUPERVISED))
def test_a_part_without_the_gate_coverage_is_not_measured(mode: Mode, project: Path) -> None:
    write(project, UNWATCHED)
    outcome = run(mode, project, Ask(only="tests", environment=UNMEASURED))
    assert outcome.code == 0, str(outcome)


@pytest.mark.parametrize("mode", modes(Mode.SUPERVISED))
def test_a_killed_run_leaves_no_verdict_fo_108(mode: Mode, project: Path, record: Record) -> None:
    row = record.procedure("FO-108", mode, "ours")
    mark = waiting(project)
    write(project, {".failhard/report.json": STALE, ".failhard/.gitignore": "*\n"})
    process = start(mode, project, Ask(only=FEW))
    children = psutil.Process(process.pid)
    processes = appeared(mark, process)
    ours = [
        child for child in children.children(recursive=True) if child.pid not in {p.pid for p in processes}
    ]
    process.kill()
    outcome = row.said(finish(process, mode, project, Ask()))
    assert outcome.code == -signal.SIGKILL
    assert outcome.report is None
    # In author mode the test is a part of the process that was killed; its child is the project's own.
    assert not survivors([*ours, *(processes if mode is Mode.SUPERVISED else processes[:1])])
    for left in processes[1:]:
        if left.is_running():
            left.kill()


def _limited(argv: list[str], limit: int) -> list[str]:
    """Return a command in which no file can grow over the limit, as on a disk that is nearly full."""
    code = f"import os, resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, -1))"
    return [argv[0], "-c", f"{code}; os.execv(sys.argv[1], sys.argv[1:])", *argv]


def on_a_full_disk(mode: Mode, project: Path, ask: Ask, scratch: Scratch, limit: int) -> Outcome:
    """Run where no file can grow over the limit."""
    # Python would keep the modules that it compiles cut short, too, and nobody could import them again.
    with scratch.uncompiled():
        completed = subprocess.run(
            _limited(ask.argv(mode, scratch.executable, project), limit),
            cwd=project,
            env={"PATH": os.environ["PATH"], "HOME": str(project.parent)},
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
    return Outcome(
        mode=mode,
        argv=tuple(completed.args),
        code=completed.returncode,
        stdout=completed.stdout,
        stderr=completed.stderr,
        folder=project / ".failhard",
    )


@pytest.mark.parametrize("mode", modes(Mode.SUPERVISED))
def test_a_full_disk_is_an_error_fo_112(
    mode: Mode, project: Path, interpreter: Environment, scratches: dict[str, Scratch], record: Record
) -> None:
    row = record.procedure("FO-112", mode)
    interpreter("ruff", {"kind": "large", "value": 1, "when": "--output-format=json"})
    outcome = row.said(
        on_a_full_disk(mode, project, Ask(only="lint"), scratches[""], 200_000), "cannot-write"
    )
    scratches[""].obey({"kind": "none"})
    assert outcome.code == EXIT[mode][Expected.ERROR], str(outcome)
    assert "cannot-write" in outcome.stdout, str(outcome)
    check_agreement(outcome)


@pytest.mark.parametrize("mode", modes(Mode.AUTHOR))
def test_a_disk_too_full_for_the_measurement_is_an_error_fo_112(
    mode: Mode, project: Path, scratches: dict[str, Scratch], record: Record
) -> None:
    """The data of coverage is the largest file of a small run."""
    row = record.procedure("FO-112", mode, "coverage data")
    outcome = row.said(on_a_full_disk(mode, project, Ask(only="coverage"), scratches[""], 30_000))
    assert outcome.code == EXIT[mode][Expected.ERROR], str(outcome)
    assert re.search(r"^failhard: error", outcome.stdout, re.MULTILINE), str(outcome)


def test_our_plugin_twice_is_refused_fo_118(project: Path, record: Record) -> None:
    row = record.procedure("FO-118", Mode.AUTHOR)
    twice = "already registered under a different name"
    author = row.said(run(Mode.AUTHOR, project, Ask(author=("-p", "pytest_failhard.plugin"))), twice)
    # pytest 9.0 lets the error of its plugin manager through, later ones call it an internal error.
    assert author.code in {1, 3}, str(author)
    assert twice in author.stderr
    assert author.report is None
    row = record.procedure("FO-118", Mode.SUPERVISED)
    supervised = row.said(run(Mode.SUPERVISED, project, Ask(tests=("-p", "pytest_failhard.plugin"))))
    assert supervised.code == EXIT[Mode.SUPERVISED][Expected.REFUSE], str(supervised)
    assert supervised.report is None


def _link(root: Path) -> None:
    (root.parent / "elsewhere").mkdir()
    (root / ".failhard").symlink_to(root.parent / "elsewhere", target_is_directory=True)


def _file(root: Path) -> None:
    (root / ".failhard").write_text("in the way\n")


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize(("obstruct", "words"), [(_link, "symlink"), (_file, ".failhard")])
def test_a_report_folder_that_cannot_be_had_is_refused_fo_113(
    mode: Mode, obstruct: Callable[[Path], None], words: str, project: Path, record: Record
) -> None:
    row = record.procedure("FO-113", mode, obstruct.__name__.strip("_"))
    obstruct(project)
    outcome = row.said(run(mode, project, Ask(only="lint")), words)
    assert outcome.code == EXIT[mode][Expected.REFUSE], str(outcome)
    assert words in outcome.output
    assert "Traceback" not in outcome.output
    assert not (project.parent / "elsewhere" / "report.json").exists()


@pytest.mark.parametrize("mode", modes(Mode.SUPERVISED))
def test_a_second_run_at_once_is_refused_fo_114(mode: Mode, project: Path, record: Record) -> None:
    row = record.procedure("FO-114", mode)
    mark = waiting(project)
    first = start(mode, project, Ask(only=FEW))
    processes = appeared(mark, first)
    second = row.said(run(mode, project, Ask(only="lint")))
    first.send_signal(signal.SIGINT)
    finish(first, mode, project, Ask())
    for process in processes[1:]:
        if process.is_running():
            process.kill()
    assert second.code == EXIT[mode][Expected.REFUSE], str(second)
    assert f"{first.pid}" in second.output


@pytest.mark.usefixtures("checkpoints")
def test_a_run_over_its_time_is_ended_fo_116(project: Path, record: Record) -> None:
    """Minutes are seconds in this process, so that the limit of three is over soon, and not that of the gates."""
    row = record.procedure("FO-116", Mode.SUPERVISED)
    mark = waiting(project)
    terms = SHIPPED.replace("tests_minutes: 60", "tests_minutes: 3").replace(
        "budget_minutes: 5", "budget_minutes: 300"
    )
    write(project, {"policy.yaml": terms})
    ask = Ask(only="tests,coverage,lint", policy="policy.yaml")
    argv = ask.argv(Mode.SUPERVISED, Path(sys.executable), project)
    hasty = (
        "import sys; from pytest_failhard import policy; policy.MINUTE_SECONDS = 1; sys.argv[0] = 'failhard'"
    )
    command = [argv[0], "-I", "-c", f"{hasty}; from pytest_failhard.cli import main; main()", *argv[4:]]
    completed = subprocess.run(
        command, cwd=project, capture_output=True, text=True, check=False, timeout=SECONDS
    )
    said = completed.stdout + completed.stderr
    assert completed.returncode == EXIT[Mode.SUPERVISED][Expected.WATCHDOG], said
    report = json.loads((project / ".failhard" / "report.json").read_bytes())
    verdicts = {gate["id"]: (gate["verdict"], " ".join(gate["because"])) for gate in report["gates"]}
    row.ended(completed.returncode, *verdicts["tests"])
    assert verdicts["tests"][0] == verdicts["coverage"][0] == "error", said
    assert "watchdog" in verdicts["tests"][1]
    assert report["complete"] is False
    assert f"go on where this run ended: failhard check {project} --level=1 " in said
    assert verdicts["lint"][0] != "error", said
    assert not survivors(
        [psutil.Process(int(number)) for number in mark.read_text().split() if _lives(int(number))]
    )
    stacks = (project / ".failhard" / "evidence" / "tests" / "pytest.txt").read_text()
    assert "test_waits" in stacks


def _lives(number: int) -> bool:
    return psutil.pid_exists(number)


# The other two are run in full; tests of the command and of the plugin end theirs by these signals too.
@pytest.mark.parametrize(
    ("mode", "number", "code"),
    [
        (Mode.AUTHOR, signal.SIGINT, 2),
        *([(Mode.AUTHOR, signal.SIGTERM, 2), (Mode.SUPERVISED, signal.SIGINT, 130)] if FULL else []),
        (Mode.SUPERVISED, signal.SIGTERM, 143),
    ],
)
def test_an_interrupted_run_leaves_no_process_fo_117(
    mode: Mode, number: signal.Signals, code: int, project: Path, interpreter: Environment, record: Record
) -> None:
    """A tool hangs with a child in a session of its own, and so does a test: whatever ends, all end."""
    row = record.procedure("FO-117", mode, number.name)
    executable = interpreter("ruff", {"kind": "grandchild"})
    pid_file = Path(f"{executable.parent.parent / 'script.json'}.pid")
    pid_file.unlink(missing_ok=True)
    mark = waiting(project)
    process = start(mode, project, Ask(only=FEW), executable)
    ours = psutil.Process(process.pid)
    processes = appeared(mark, process)
    tool = appeared(pid_file, process)
    children = [child for child in ours.children(recursive=True) if child not in processes]
    process.send_signal(number)
    outcome = row.said(finish(process, mode, project, Ask()))
    assert outcome.code == code, str(outcome)
    assert not survivors([*children, *tool, *(processes if mode is Mode.SUPERVISED else [])])
    assert outcome.report is not None, str(outcome)
    assert outcome.report["complete"] is False
    assert "failhard: pass" not in outcome.stdout
    for left in processes[1:]:
        if left.is_running():
            left.kill()


@pytest.mark.parametrize("mode", modes(Mode.SUPERVISED))
def test_a_change_cannot_waive_its_own_finding_fo_135(mode: Mode, project: Path, record: Record) -> None:
    row = record.procedure("FO-135", mode)
    git(project, "checkout", "--quiet", "-b", "change")
    write(project, VIOLATION)
    write(project, waiver(fingerprint=UNUSED_IMPORT))
    commit(project)
    waived = run(mode, project, Ask(only="lint"))
    assert waived.code == 0, str(waived)
    assert len(waived.gate("lint")["waived"]) == 1
    judged = row.said(run(mode, project, Ask(only="lint", base="main")))
    assert judged.code == 1, str(judged)
    assert judged.gate("lint")["verdict"] == "fail"


def test_a_baseline_is_lowered_by_nobody_unnamed_fo_133(
    project: Path, capsys: pytest.CaptureFixture[str], record: Record
) -> None:
    row = record.procedure("FO-133", Mode.SUPERVISED)
    write(project, {"shop/hushed.py": "x = 1  # noqa\n"})
    for options in ((), ("--lower",), ("--lower", "--reason", "from the start")):
        with pytest.raises(SystemExit) as refused:
            ratchet.command.main(["update", *options, str(project)])
        said = capsys.readouterr().err
        assert refused.value.code == EXIT[Mode.SUPERVISED][Expected.REFUSE], said
        row.ended(EXIT[Mode.SUPERVISED][Expected.REFUSE], NO_REPORT, said)
        assert not (project / "failhard-baseline.json").exists()
    for named in ((), ("--update",), ("--add",), ("--reason", "from the start")):
        with pytest.raises(SystemExit) as refused:
            baseline.command.main([*named, str(project)])
        assert refused.value.code == EXIT[Mode.SUPERVISED][Expected.REFUSE], capsys.readouterr()
        assert not (project / "failhard-baseline.json").exists()
