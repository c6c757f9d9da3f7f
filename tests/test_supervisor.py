"""The supervisor in this process: what it tells its test child, what it takes for proven, what it leaves."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import locale
import os
import secrets
import signal
import stat
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import ClassVar

import pytest

from pytest_failhard import exits, leftovers, measurement, plan, proc, records, supervisor
from pytest_failhard.checkpoint import Checkpoint, KeptTests, Wanted
from pytest_failhard.hired import hire
from pytest_failhard.model import Mode, Verdict
from pytest_failhard.progress import Progress
from pytest_failhard.redact import Redactor
from pytest_failhard.session import Session
from pytest_failhard.session import Tests as Handed
from pytest_failhard.stopping import Interrupted
from pytest_failhard.store import Store
from pytest_failhard.supervisor import Ended
from tests.acceptance.project import VIOLATION, write

HERE = Path(".failhard")
REDACTOR = Redactor.from_environment({})
# Modules that import one another by their bare names: the folder that holds them is an import root.
SCRIPTS = {
    "pyproject.toml": """\
[project]
name = "scripts"
version = "1.0"
dependencies = ["pytest-asyncio", "pytest-failhard"]

[tool.failhard]
level = 1
source = ["parts"]

[tool.failhard.tests]
roots = ["tests"]
pass_env = ["SCRIPTS_GIVEN", "SCRIPTS_ABSENT"]

[tool.pytest]
markers = ["slow: takes long"]
asyncio_default_fixture_loop_scope = "function"
""",
    "parts/helper.py": "def twice(number: int) -> int:\n    return 2 * number\n",
    "parts/run.py": "import helper\n\n\ndef four() -> int:\n    return helper.twice(2)\n",
}
LOOKING = """\
import json
import os
import pathlib
import sys

import run


def test_looks() -> None:
    assert run.four() == 4
    print("on standard output")
    seen = dict(argv=sys.orig_argv, cwd=os.getcwd(), environment=dict(os.environ), parent=os.getppid())
    with pathlib.Path({place!r}).open("a") as stream:
        stream.write(json.dumps(seen) + chr(10))
"""
WAITING = """\
import pathlib
import threading


def test_waits() -> None:
    pathlib.Path({place!r}).touch()
    threading.Event().wait()
"""


def request(root: Path, *only: str) -> plan.Request:
    return plan.Request(root=root, level=1, mode=Mode.SUPERVISED, only=only)


@contextlib.contextmanager
def session(
    root: Path, folder: Path, *only: str, limit: int | None = None, progress: Progress | None = None
) -> Iterator[Session]:
    """Yield a run that has not begun: there is no worker, and the tests are all that can happen."""
    gates = plan.collect_gates(())
    resolved = plan.resolve(
        request(root, *only), gates, [gate.id for gate in gates], datetime.now(UTC).date()
    )
    if limit is not None:
        resolved = dataclasses.replace(
            resolved, policy=dataclasses.replace(resolved.policy, tests_timeout=limit)
        )
    folder.mkdir()
    with Store.open(HERE, root, REDACTOR) as store:
        made = Session(resolved, store, REDACTOR, folder, progress)
        try:
            yield made
        finally:
            made.close()


def evidence(made: Session) -> dict[str, bytes]:
    """Return what was kept of the tests."""
    kept = made.store.staging.folder / "tests"
    return {path.name: path.read_bytes() for path in kept.iterdir()}


def written(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """Return a project whose test says what it sees, in `seen` beside it."""
    looking = {"tests/test_looks.py": LOOKING.format(place=str(tmp_path / "seen"))}
    return write(tmp_path / "scripts", {**SCRIPTS, **looking})


def seen(root: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (root.parent / "seen").read_text().splitlines()]


def test_the_tests_are_told_and_lent_what_they_need_and_no_more(
    scripts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCRIPTS_GIVEN", "yes")
    monkeypatch.setenv("SCRIPTS_OTHER", "no")
    monkeypatch.delenv("SCRIPTS_ABSENT", raising=False)
    folder = tmp_path / "run"
    with session(scripts, folder, "tests") as made:
        child = supervisor.TestChild(made, ["-q", "--durations=3"])
        ended = child.run()
        kept = evidence(made)
    assert ended == Ended(
        tests=Handed(records=folder / "result.jsonl", nonce=child.nonce, coverage=None, exit_status=0)
    ), kept["pytest.txt"].decode()
    assert len(bytes.fromhex(child.nonce)) == 16
    tests = folder / "tests"
    (saw,) = seen(scripts)
    assert saw["argv"] == [
        *(sys.executable, "-I", "-X", "utf8", "-m", "pytest", "-c", str(tests / "pytest.ini"), "--rootdir=."),
        *(f"--confcutdir={scripts}", "-p", "no:cacheprovider", "-p", "failhard"),
        *("-p", "pytest_failhard.child", "--failhard-level=1"),
        *("-p", "asyncio", "-p", "xdist", "-p", "xdist.looponfail", "-q", "--durations=3"),
    ]
    assert saw["cwd"] == str(scripts)
    # A keeper is between us: what the tests start ends even where we are killed.
    assert saw["parent"] != os.getpid()
    environment = saw["environment"]
    assert isinstance(environment, dict)
    assert {name: environment[name] for name in ("PATH", "HOME", "TMPDIR", "SCRIPTS_GIVEN")} == {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}",
        "HOME": str(tests / "home"),
        "TMPDIR": str(tests / "tmp"),
        "SCRIPTS_GIVEN": "yes",
    }
    assert environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] == "1"
    assert leftovers.handed_on().items() <= environment.items()
    assert not {"SCRIPTS_OTHER", "SCRIPTS_ABSENT"} & {*environment}
    ini = (tests / "pytest.ini").read_text()
    assert f"pythonpath = {scripts / 'parts'}\n" in ini
    assert "testpaths = tests\n" in ini
    assert "markers = slow: takes long\n" in ini
    # Nothing is measured where no gate of the run asks for it.
    assert sorted(path.name for path in folder.iterdir()) == ["result.jsonl", "tests"]
    assert sorted(path.name for path in tests.iterdir()) == [
        *("errors.txt", "home", "output.txt", "pytest.ini", "tmp")
    ]
    result = folder / "result.jsonl"
    assert stat.S_IMODE(result.stat().st_mode) == 0o600
    # The nonce proves who wrote: it is not handed to whoever reads the evidence.
    assert kept == {
        "pytest.txt": (tests / "output.txt").read_bytes() + (tests / "errors.txt").read_bytes(),
        "result.jsonl": result.read_bytes().replace(child.nonce.encode(), b"nonce"),
    }
    assert b"1 passed" in kept["pytest.txt"]
    assert b'"nonce":"nonce"' in kept["result.jsonl"]


def a_checkpoint(folder: Path, key: str, *, resume: bool) -> Checkpoint:
    return Checkpoint.of_key(Wanted(start=folder, parts=("kept",), resume=resume), key, REDACTOR)


@pytest.mark.parametrize("only", [("tests", "coverage"), ("tests",)])
def test_finished_tests_come_back_as_they_were_and_do_not_run_again(
    scripts: Path, tmp_path: Path, only: tuple[str, ...]
) -> None:
    key = secrets.token_hex(16)
    first, second = tmp_path / "first", tmp_path / "second"
    with session(scripts, first, *only) as made:
        made.checkpoint = a_checkpoint(tmp_path, key, resume=False)
        child = supervisor.TestChild(made, ())
        ended = child.run()
        kept = evidence(made)
        measured = written(first / "coverage") if "coverage" in only else None
    assert ended.tests == Handed(
        records=first / "result.jsonl",
        nonce=child.nonce,
        coverage=None if measured is None else first / "coverage",
        exit_status=0,
    )
    resuming = a_checkpoint(tmp_path, key, resume=True)
    assert resuming.restore_tests() == KeptTests(
        nonce=child.nonce,
        exit_status=0,
        result=(first / "result.jsonl").read_bytes(),
        output=kept["pytest.txt"],
        coverage=measured,
    )
    with session(scripts, second, *only) as made:
        made.checkpoint = resuming
        again = supervisor.TestChild(made, ()).run()
        assert evidence(made) == kept
    assert len(seen(scripts)) == 1
    coverage = None if measured is None else second / "coverage"
    tests = dataclasses.replace(
        ended.tests, records=second / "result.jsonl", coverage=coverage, restored=True
    )
    assert again == Ended(tests=tests)
    assert (second / "result.jsonl").read_bytes() == (first / "result.jsonl").read_bytes()
    if measured is not None:
        assert measured
        assert written(second / "coverage") == measured
        rcfile = measurement.rcfile_text(scripts, ["parts"], (), first / "coverage")
        assert (first / "tests" / "coveragerc").read_text() == rcfile


def test_what_is_restored_is_read_as_strictly_as_what_has_just_been_written(
    scripts: Path, tmp_path: Path
) -> None:
    key = secrets.token_hex(16)
    with session(scripts, tmp_path / "first", "tests") as made:
        made.checkpoint = a_checkpoint(tmp_path, key, resume=False)
        supervisor.TestChild(made, ()).run()
    resuming = a_checkpoint(tmp_path, key, resume=True)
    kept = resuming.restore_tests()
    assert kept is not None
    resuming.store_tests(dataclasses.replace(kept, exit_status=1))
    with session(scripts, tmp_path / "second", "tests") as made:
        made.checkpoint = resuming
        ended = supervisor.TestChild(made, ()).run()
    problem = "verdict-contradicted: no test failed, but pytest ended with 1"
    assert ended == Ended(tests=Handed(records=None, problem=problem, restored=True), code=exits.TAMPERED)


@pytest.fixture
def plain_locale() -> Iterator[None]:
    """Have the locale of this process be one whose encoding is ASCII."""
    before = locale.setlocale(locale.LC_CTYPE)
    locale.setlocale(locale.LC_CTYPE, "C")
    yield
    locale.setlocale(locale.LC_CTYPE, before)


NOTHING = "verdict-missing: the result of the tests is missing: the process wrote nothing; " + records.AGAIN
SAYING = "import os\n\nos.write({number}, {text!r})\n"


@pytest.mark.usefixtures("plain_locale")
@pytest.mark.parametrize(
    ("said", "ends", "problem", "code"),
    [
        # What pytest refuses, it says on standard error: that goes first.
        (
            SAYING.format(number=1, text=b"out")
            + SAYING.format(number=2, text="\na\nb\nc\nd\u00e9\n".encode() + b"e\xff\n"),
            "os._exit(0)",
            f"{NOTHING} (pytest ended with 0): b / c / d\u00e9 / e\ufffd",
            exits.TAMPERED,
        ),
        (
            SAYING.format(number=1, text=b" out\n"),
            "os._exit(1)",
            f"{NOTHING} (pytest ended with 1): out",
            exits.TAMPERED,
        ),
        (
            "",
            "os._exit(2)",
            "pytest-failed: pytest ended with 2 before any test: it said nothing",
            None,
        ),
        ("", "os._exit(7)", f"{NOTHING} (pytest ended with 7): it said nothing", exits.TAMPERED),
    ],
)
def test_an_end_before_any_test_is_told_with_its_last_words(
    scripts: Path, tmp_path: Path, said: str, ends: str, problem: str, code: int | None
) -> None:
    write(scripts, {"tests/conftest.py": f"import os\n\n{said}{ends}\n"})
    with session(scripts, tmp_path / "run", "tests") as made:
        made.checkpoint = a_checkpoint(tmp_path, "key", resume=True)
        ended = supervisor.TestChild(made, ("-s",)).run()
        # What proves nothing is not kept for a later run.
        assert made.checkpoint.restore_tests() is None
    assert ended == Ended(tests=Handed(records=None, problem=problem), code=code)


def test_records_that_are_cut_short_are_no_records_whatever_pytest_ended_with(
    scripts: Path, tmp_path: Path
) -> None:
    write(scripts, {"tests/test_looks.py": "import os\n\n\ndef test_ends() -> None:\n    os._exit(2)\n"})
    with session(scripts, tmp_path / "run", "tests") as made:
        ended = supervisor.TestChild(made, ()).run()
    assert (ended.code, ended.tests.records) == (exits.TAMPERED, None)
    assert ended.tests.problem.startswith("verdict-missing: the result of the tests is cut short: ")
    assert " (pytest ended with 2): " in ended.tests.problem


def test_an_exit_code_that_its_own_records_contradict_proves_nothing(scripts: Path, tmp_path: Path) -> None:
    write(scripts, {"tests/conftest.py": "import os\n\n\ndef pytest_unconfigure():\n    os._exit(1)\n"})
    with session(scripts, tmp_path / "run", "tests") as made:
        ended = supervisor.TestChild(made, ()).run()
    problem = "verdict-contradicted: no test failed, but pytest ended with 1"
    assert ended == Ended(tests=Handed(records=None, problem=problem), code=exits.TAMPERED)


def test_a_result_that_is_there_before_the_tests_is_not_written_on(scripts: Path, tmp_path: Path) -> None:
    with session(scripts, tmp_path / "run", "tests") as made:
        (tmp_path / "run" / "result.jsonl").write_bytes(b"")
        with pytest.raises(FileExistsError, match=r"result\.jsonl"):
            supervisor.TestChild(made, ()).run()
    assert not (tmp_path / "seen").exists()


class Scripted(proc.Child):
    """A child for which waiting takes as long as a step of the test says, and which notes what was asked."""

    steps: ClassVar[Iterator[Callable[[proc.Child], int | None]]] = iter(())
    asked: ClassVar[list[tuple[float, object]]] = []

    @classmethod
    def stand_in(cls, monkeypatch: pytest.MonkeyPatch, *steps: Callable[[proc.Child], int | None]) -> None:
        """Be what starts from now on."""
        monkeypatch.setattr(cls, "steps", iter(steps))
        monkeypatch.setattr(cls, "asked", [])
        monkeypatch.setattr(proc, "Child", cls)

    def wait(self, timeout: float, *, until: Callable[[], bool] = lambda: False) -> int | None:
        """Note it and do the next step; what the base class waits for while it ends a process is its own."""
        step = next(self.steps, None)
        if step is None:
            return super().wait(timeout, until=until)
        self.asked.append((timeout, until))
        return step(self)


def until(child: proc.Child, happened: Callable[[], bool]) -> None:
    """Wait for what a child does."""
    while not happened():
        assert proc.Child.poll(child) is None
        time.sleep(0.01)


@pytest.mark.parametrize(("limit", "first", "second"), [(40, 30.0, 10.0), (12, 6.0, 6.0)])
def test_tests_without_an_end_are_asked_for_their_stacks_and_then_ended(
    scripts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int, first: float, second: float
) -> None:
    place, run = tmp_path / "waiting", tmp_path / "run"
    write(scripts, {"tests/test_looks.py": WAITING.format(place=str(place))})
    errors = run / "tests" / "errors.txt"

    def begins(child: proc.Child) -> None:
        until(child, place.exists)

    def says(child: proc.Child) -> None:
        until(child, lambda: b"in test_waits" in errors.read_bytes())

    shown = io.StringIO()
    progress = Progress(stream=shown, live=True, clock=lambda: 0.0)
    with session(scripts, run, "tests", limit=limit, progress=progress) as made:
        Scripted.stand_in(monkeypatch, begins, says)
        ended = supervisor.TestChild(made, ()).run()
        assert Scripted.asked == [(first, made.tick), (second, made.tick)]
        assert b"in test_waits" in evidence(made)["pytest.txt"]
    problem = f"watchdog: the tests did not end within {limit} seconds; the stacks are in pytest.txt"
    tests = Handed(records=None, problem=problem, unfinished=True)
    assert ended == Ended(tests=tests, code=exits.WATCHDOG)
    assert f" | the tests 0/{limit} s" in shown.getvalue()
    assert "the tests" not in progress.text()
    flow = progress.flow(1)
    assert (flow.peak, flow.completed) == (0, 0)


@pytest.mark.parametrize("steps", [(None, -signal.SIGUSR1), (-signal.SIGUSR1,)])
def test_one_that_dies_of_being_asked_has_not_ended_by_itself(
    scripts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: tuple[int | None, ...]
) -> None:
    with session(scripts, tmp_path / "run", "tests") as made:
        Scripted.stand_in(monkeypatch, *[lambda _child, code=code: code for code in steps])
        assert supervisor.TestChild(made, ()).run().code == exits.WATCHDOG


class Stopped(Progress):
    """Stands for whoever sends a signal as soon as the first gate has answered."""

    def reuse(self, count: int) -> None:
        """Do what the handler of the signal does."""
        super().reuse(count)
        raise Interrupted(signal.SIGTERM)


def document(root: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((root / HERE / "report.json").read_bytes())
    return found


@pytest.mark.usefixtures("checkpoints")
def test_a_run_that_is_interrupted_leaves_a_part_and_goes_on_with_the_same_arguments_alone(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    asked, progress = request(shop, "lint"), Stopped()
    with pytest.raises(Interrupted) as stopped:
        supervisor.check(asked, HERE, ["-k", "a b"], progress=progress)
    assert (stopped.value.command, progress.submitted, progress.reused) == ("", 1, 0)
    left = document(shop)
    assert (left["verdict"], left["complete"]) == ("error", False)
    assert "interrupted: SIGTERM; gates that had not finished are errors" in str(left)
    proving = dataclasses.replace(asked, perf_prove=True)
    with pytest.raises(plan.PlanError, match="not the same any more: arguments of pytest, perf-prove; "):
        supervisor.check(proving, HERE, ["-k", "b"], resume=True)
    progress = Stopped()
    with pytest.raises(Interrupted) as stopped:
        supervisor.check(asked, HERE, ["-k", "a b"], progress=progress, resume=True, command="again")
    assert (stopped.value.command, progress.submitted, progress.reused) == ("again", 1, 1)
    assert "go on where this run ended: again" in str(document(shop))


def test_the_exit_code_is_the_report_s_unless_the_record_of_the_tests_does_not_hold(shop: Path) -> None:
    write(shop, VIOLATION)
    failed = supervisor.check(request(shop, "lint"), HERE, ())
    assert (failed.code, failed.report.verdict) == (1, Verdict.FAIL)
    write(shop, {"tests/conftest.py": "import os\n\nos._exit(0)\n"})
    forged = supervisor.check(request(shop, "tests"), HERE, ("-q",))
    assert (forged.code, forged.report.verdict) == (exits.TAMPERED, Verdict.ERROR)


def test_a_run_that_fails_under_itself_says_of_what(shop: Path) -> None:
    with hire() as place:
        (place[0] / "result.jsonl").write_bytes(b"")
        checked = supervisor.check(request(shop, "tests"), HERE, (), place=place)
    assert (checked.code, checked.report.verdict) == (exits.UNPROVEN, Verdict.ERROR)
    assert "run-failed: [Errno 17] File exists: " in str(document(shop))


def test_the_day_is_that_of_utc_wherever_it_runs(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    days: list[date] = []

    def noted(*terms: object) -> plan.Plan:
        days.extend(term for term in terms if isinstance(term, date))
        raise plan.PlanError(["noted"])

    before = datetime.now(UTC)
    # Where it is another day now: with the signs of POSIX, which are the reverse.
    monkeypatch.setenv("TZ", "X+12" if before.hour < 12 else "X-14")
    monkeypatch.setattr(plan, "resolve", noted)
    time.tzset()
    try:
        with pytest.raises(plan.PlanError):
            supervisor.check(request(shop, "lint"), HERE, ())
    finally:
        monkeypatch.undo()
        time.tzset()
    assert len(days) == 1
    assert {*days} <= {before.date(), datetime.now(UTC).date()}
