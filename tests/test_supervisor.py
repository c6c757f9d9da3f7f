"""The supervisor in this process: what it tells its test child, what it takes for proven, what it leaves."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import json
import locale
import os
import secrets
import signal
import stat
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import ClassVar

import pytest

from pytest_failhard import engine, exits, leftovers, measurement, plan, proc, records, supervisor
from pytest_failhard.checkpoint import Checkpoint, KeptTests, Wanted
from pytest_failhard.hired import TESTS, Standby, hire
from pytest_failhard.model import GateError, Mode, Observation, Settings, Verdict
from pytest_failhard.model import Run as GateRun
from pytest_failhard.model import TestRecord as Record
from pytest_failhard.model import TestRun as Run
from pytest_failhard.progress import Progress
from pytest_failhard.redact import Redactor
from pytest_failhard.session import Session
from pytest_failhard.session import Tests as Handed
from pytest_failhard.stopping import Interrupted
from pytest_failhard.store import Store
from pytest_failhard.supervisor import Ended
from tests.acceptance.cases_terms import SHIPPED
from tests.acceptance.project import VIOLATION, write

HERE = Path(".failhard")
SECRET = "a-secret-value"
REDACTOR = Redactor.from_environment({"API_TOKEN": SECRET})
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

import run


def test_looks() -> None:
    assert run.four() == 4
    seen = dict(cwd=os.getcwd(), given=os.environ.get("SCRIPTS_GIVEN"), parent=os.getppid())
    seen["pid"] = os.getpid()
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


def ran(child: supervisor.TestChild) -> Ended:
    """Run the tests, and keep what they left."""
    ended = child.run()
    child.keep()
    return ended


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """Return a project whose test says what it sees, in `seen` beside it."""
    looking = {"tests/test_looks.py": LOOKING.format(place=str(tmp_path / "seen"))}
    return write(tmp_path / "scripts", {**SCRIPTS, **looking})


def seen(root: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (root.parent / "seen").read_text().splitlines()]


def test_the_tests_import_the_project_from_its_own_folders_and_see_what_it_names(
    scripts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCRIPTS_GIVEN", "yes")
    folder = tmp_path / "run"
    with session(scripts, folder, "tests") as made:
        child = supervisor.TestChild(made, ["-q"])
        ended = ran(child)
        kept = evidence(made)
    assert ended == Ended(
        tests=Handed(records=folder / "result.jsonl", nonce=child.nonce, coverage=None, exit_status=0)
    ), kept["pytest.txt"].decode()
    assert b"1 passed" in kept["pytest.txt"]
    (saw,) = seen(scripts)
    assert saw["cwd"] == str(scripts)
    assert saw["given"] == "yes"
    # A keeper is between us: what the tests start ends even where we are killed.
    assert saw["parent"] != os.getpid()


@pytest.mark.parametrize("given", ["yes", None])
def test_tests_that_are_to_see_a_variable_of_ours_run_in_a_process_that_has_it_from_the_start(
    scripts: Path, monkeypatch: pytest.MonkeyPatch, given: str | None
) -> None:
    """The dynamic linker and others look at some variables once, when a process starts."""
    monkeypatch.delenv("SCRIPTS_GIVEN", raising=False)
    if given is not None:
        monkeypatch.setenv("SCRIPTS_GIVEN", given)
    with hire() as place:
        assert place.tests is not None
        waiting = place.tests.child.pid
        checked = supervisor.check(request(scripts, "tests"), HERE, (), place=place)
    assert checked.code == 0, checked.report
    (saw,) = seen(scripts)
    assert (saw["given"], saw["pid"] == waiting) == (given, given is None)


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
        ended = ran(child)
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
        again = ran(supervisor.TestChild(made, ()))
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


def finished(outcome: str, status: int) -> Run:
    record = Record(nodeid="tests/test_a.py::test_a", when="call", outcome=outcome, raised="")
    names = (record.nodeid,)
    return Run(
        collected=names,
        selected=names,
        deselected=(),
        records=(record,),
        hooks=(),
        lost_workers=(),
        exit_status=status,
        interrupted=False,
        inipath="",
        arguments=(),
        environment_options="",
        coverage_data=None,
    )


@pytest.mark.parametrize("measured", [{"data.1": b"one", "data.2": b"two"}, {}, None])
def test_what_is_restored_lies_where_the_tests_would_have_left_it(
    scripts: Path, tmp_path: Path, measured: dict[str, bytes] | None
) -> None:
    nonce, folder = "5a" * 16, tmp_path / "run"
    result = records.seal(finished("passed", 0), nonce)
    kept = KeptTests(nonce=nonce, exit_status=0, result=result, output=b"1 passed\n", coverage=measured)
    a_checkpoint(tmp_path, "key", resume=False).store_tests(kept, finished("passed", 0))
    only = ("tests",) if measured is None else ("tests", "coverage")
    with session(scripts, folder, *only) as made:
        made.checkpoint = a_checkpoint(tmp_path, "key", resume=True)
        ended = ran(supervisor.TestChild(made, ()))
        assert evidence(made) == {
            "pytest.txt": b"1 passed\n",
            "result.jsonl": result.replace(nonce.encode(), b"nonce"),
        }
    assert not (tmp_path / "seen").exists()
    coverage = None if measured is None else folder / "coverage"
    tests = Handed(
        records=folder / "result.jsonl", nonce=nonce, coverage=coverage, exit_status=0, restored=True
    )
    assert ended == Ended(tests=tests)
    assert (folder / "result.jsonl").read_bytes() == result
    assert coverage is None or written(coverage) == measured


def test_what_is_restored_is_read_as_strictly_as_what_has_just_been_written(
    scripts: Path, tmp_path: Path
) -> None:
    nonce = "5a" * 16
    result = records.seal(finished("passed", 0), nonce)
    kept = KeptTests(nonce=nonce, exit_status=1, result=result, output=b"", coverage=None)
    a_checkpoint(tmp_path, "key", resume=False).store_tests(kept, finished("passed", 0))
    with session(scripts, tmp_path / "run", "tests") as made:
        made.checkpoint = a_checkpoint(tmp_path, "key", resume=True)
        ended = ran(supervisor.TestChild(made, ()))
    problem = "verdict-contradicted: no test failed, but pytest ended with 1"
    assert ended == Ended(tests=Handed(records=None, problem=problem, restored=True), code=exits.TAMPERED)


def test_what_is_restored_and_proves_nothing_is_told_with_its_last_words(
    scripts: Path, tmp_path: Path
) -> None:
    nonce = "5a" * 16
    kept = KeptTests(nonce=nonce, exit_status=1, result=b"{}\n", output=b"a\nthe last\n", coverage=None)
    a_checkpoint(tmp_path, "key", resume=False).store_tests(kept, finished("passed", 0))
    with session(scripts, tmp_path / "run", "tests") as made:
        made.checkpoint = a_checkpoint(tmp_path, "key", resume=True)
        ended = ran(supervisor.TestChild(made, ()))
    problem = f"{CUT} (pytest ended with 1): a / the last"
    assert ended == Ended(tests=Handed(records=None, problem=problem, restored=True), code=exits.TAMPERED)


@pytest.mark.parametrize(
    ("outcome", "status", "code", "problem"),
    [
        ("passed", 0, 0, ""),
        ("failed", 1, 1, ""),
        ("failed", 0, 1, ""),
        ("passed", 1, 1, ""),
        ("failed", 1, 0, ""),
        ("passed", 0, 1, "verdict-contradicted: no test failed, but pytest ended with 1"),
        ("passed", 0, 2, "verdict-contradicted: no test failed, but pytest ended with 2"),
        ("failed", 1, 7, "verdict-contradicted: the tests ended with 7, which is no exit code of pytest's"),
        ("passed", 0, -9, "verdict-contradicted: the tests ended with -9, which is no exit code of pytest's"),
        ("skipped", 5, 5, ""),
    ],
)
def test_what_contradicts_what(outcome: str, status: int, code: int, problem: str) -> None:
    assert supervisor.contradiction(finished(outcome, status), code) == problem


StandIn = Callable[[str], Path]


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """Return a function that has another program started in the stead of Python, and returns its path."""

    def put(text: str) -> Path:
        path = write(tmp_path, {"bin/python": f"#!/bin/sh\n{text}\n"}) / "bin" / "python"
        path.chmod(0o700)
        monkeypatch.setattr(sys, "executable", str(path))
        return path

    return put


# Notes what it is told and lent, then leaves what a test run leaves.
NOTING = """cd {place}
printf '%s\\n' "$0" "$@" >argv
env >environment
printf '%s\\n' "$OLDPWD" "$PPID" >around
exec </dev/fd/$6
IFS= read -r begin
printf '%s\\n' "$begin" >begin
IFS= read -r order
printf '%s\\n' "$order" >order
fd() {{ expr "$order" : '.*"'"$1"'": \\([0-9]*\\)'; }}
test -p /dev/fd/$(fd lifeline) && test -d "$HOME" && touch "$TMPDIR/left" || exit 9
cat sealed >>/dev/fd/$(fd result)
test ! -d ../run/coverage || echo measured >../run/coverage/data.1
echo out
echo err >&2
"""


@pytest.mark.parametrize("only", [("tests", "coverage"), ("tests",)])
def test_the_tests_are_told_and_lent_what_they_need_and_no_more(
    scripts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stand_in: StandIn, only: tuple[str, ...]
) -> None:
    monkeypatch.setenv("SCRIPTS_GIVEN", "yes")
    monkeypatch.setenv("SCRIPTS_OTHER", "no")
    monkeypatch.delenv("SCRIPTS_ABSENT", raising=False)
    folder, place = tmp_path / "run", tmp_path / "noted"
    tests, coverage = folder / "tests", folder / "coverage" if "coverage" in only else None
    with session(scripts, folder, *only) as made:
        made.checkpoint = a_checkpoint(tmp_path, "key", resume=False)
        program = stand_in(NOTING.format(place=place))
        child = supervisor.TestChild(made, ["-q", "-k", "a b"])
        result = records.seal(finished("passed", 0), child.nonce)
        write(place, {"sealed": result})
        with contextlib.closing(child):
            ended = ran(child)
        kept = evidence(made)
    assert ended == Ended(
        tests=Handed(records=folder / "result.jsonl", nonce=child.nonce, coverage=coverage, exit_status=0)
    )
    assert len(bytes.fromhex(child.nonce)) == 16
    noted = {path.name: path.read_text().splitlines() for path in place.iterdir()}
    *command, descriptor = noted["argv"]
    assert command == [str(program), "-I", "-X", "utf8", "-c", TESTS]
    assert descriptor.isdecimal()
    begin = json.loads("".join(noted["begin"]))
    assert begin == {
        "root": str(scripts),
        "arguments": [
            *("-c", str(tests / "pytest.ini"), "--rootdir=.", f"--confcutdir={scripts}"),
            *("-p", "no:cacheprovider", "-p", "failhard"),
            *("-p", "pytest_failhard.child", "--failhard-level=1"),
            *("-p", "asyncio", "-p", "xdist", "-p", "xdist.looponfail", "-q", "-k", "a b"),
        ],
    }
    cwd, parent = noted["around"]
    # It is told where the project is, and is in no folder of it before.
    assert cwd == str(tests / "home")
    # A keeper is between us: what the tests start ends even where we are killed.
    assert int(parent) != os.getpid()
    assert {
        f"PATH={program.parent}{os.pathsep}{os.defpath}",
        f"HOME={tests / 'home'}",
        f"TMPDIR={tests / 'tmp'}",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD=1",
        "SCRIPTS_GIVEN=yes",
        *(f"{name}={value}" for name, value in leftovers.handed_on().items()),
    } <= {*noted["environment"]}
    assert [line for line in noted["environment"] if line.startswith("SCRIPTS")] == ["SCRIPTS_GIVEN=yes"]
    order = json.loads("".join(noted["order"]))
    assert {*order} == {"nonce", "result", "lifeline", "rcfile"}
    assert order["nonce"] == child.nonce
    # Nothing is measured where no gate of the run asks for it.
    assert order["rcfile"] == (str(tests / "coveragerc") if coverage else None)
    if coverage is not None:
        rcfile = measurement.rcfile_text(scripts, ["parts"], (), coverage)
        assert (tests / "coveragerc").read_text() == rcfile
    measured = {"coverage"} if coverage else set()
    assert {path.name for path in folder.iterdir()} == {"result.jsonl", "tests", *measured}
    # What the tests left in their temporary folder is gone.
    left = {"errors.txt", "home", "output.txt", "pytest.ini", *(["coveragerc"] if coverage else [])}
    assert {path.name for path in tests.iterdir()} == left
    ini = (tests / "pytest.ini").read_text()
    assert f"pythonpath = {scripts / 'parts'}\n" in ini
    assert "testpaths = tests\n" in ini
    assert "markers = slow: takes long\n" in ini
    assert stat.S_IMODE((folder / "result.jsonl").stat().st_mode) == 0o600
    # The nonce proves who wrote: it is not handed to whoever reads the evidence.
    assert kept == {
        "pytest.txt": b"out\nerr\n",
        "result.jsonl": result.replace(child.nonce.encode(), b"nonce"),
    }
    assert a_checkpoint(tmp_path, "key", resume=True).restore_tests() == KeptTests(
        nonce=child.nonce,
        exit_status=0,
        result=result,
        output=b"out\nerr\n",
        coverage={"data.1": b"measured\n"} if coverage else None,
    )


@pytest.fixture
def plain_locale() -> Iterator[None]:
    """Have the locale of this process be one whose encoding is ASCII."""
    before = locale.setlocale(locale.LC_CTYPE)
    locale.setlocale(locale.LC_CTYPE, "C")
    yield
    locale.setlocale(locale.LC_CTYPE, before)


RESULT = (
    """exec </dev/fd/$6; read -r begin; read -r order; result=$(expr "$order" : '.*"result": \\([0-9]*\\)')"""
)
CUT = f"verdict-missing: the result of the tests is cut short: 1 lines, none final; {records.AGAIN}"
NOTHING = "verdict-missing: the result of the tests is missing: the process wrote nothing; " + records.AGAIN


@pytest.mark.usefixtures("plain_locale")
@pytest.mark.parametrize(
    ("program", "problem", "code"),
    [
        # What pytest refuses, it says on standard error: that goes first.
        (
            "echo out; printf '\\na\\nb\\nc\\nd\\303\\251\\ne\\377\\n' >&2; exit 0",
            f"{NOTHING} (pytest ended with 0): b / c / d\u00e9 / e\ufffd",
            exits.TAMPERED,
        ),
        ("echo ' out'; exit 1", f"{NOTHING} (pytest ended with 1): out", exits.TAMPERED),
        ("exit 2", "pytest-failed: pytest ended with 2 before any test: it said nothing", None),
        ("exit 6", "pytest-failed: pytest ended with 6 before any test: it said nothing", None),
        ('rmdir "$TMPDIR"; exit 7', f"{NOTHING} (pytest ended with 7): it said nothing", exits.TAMPERED),
        (
            f"{RESULT}; echo {{}} >>/dev/fd/$result; exit 2",
            f"{CUT} (pytest ended with 2): it said nothing",
            exits.TAMPERED,
        ),
    ],
)
def test_an_end_without_a_sealed_result_is_told_with_its_last_words(
    scripts: Path, tmp_path: Path, stand_in: StandIn, program: str, problem: str, code: int | None
) -> None:
    with session(scripts, tmp_path / "run", "tests") as made:
        made.checkpoint = a_checkpoint(tmp_path, "key", resume=True)
        stand_in(program)
        with contextlib.closing(supervisor.TestChild(made, ())) as child:
            ended = ran(child)
        # What proves nothing is not kept for a later run.
        assert made.checkpoint.restore_tests() is None
    assert ended == Ended(tests=Handed(records=None, problem=problem), code=code)


def test_an_exit_code_that_its_own_records_contradict_proves_nothing(
    scripts: Path, tmp_path: Path, stand_in: StandIn
) -> None:
    with session(scripts, tmp_path / "run", "tests") as made:
        made.checkpoint = a_checkpoint(tmp_path, "key", resume=True)
        stand_in(f"{RESULT}; cat {tmp_path}/sealed >>/dev/fd/$result; exit 1")
        child = supervisor.TestChild(made, ())
        write(tmp_path, {"sealed": records.seal(finished("passed", 0), child.nonce)})
        ended = ran(child)
        assert made.checkpoint.restore_tests() is None
    problem = "verdict-contradicted: no test failed, but pytest ended with 1"
    assert ended == Ended(tests=Handed(records=None, problem=problem), code=exits.TAMPERED)


class Told:
    """Stands where the gates' process is: notes what it is told."""

    def __init__(self) -> None:
        self.orders: list[Mapping[str, object]] = []

    def order(self, order: Mapping[str, object]) -> None:
        """Take one."""
        self.orders.append(order)

    def close(self) -> None:
        """There is nothing to end."""


@pytest.mark.parametrize(
    ("outcome", "status", "code", "early"), [("passed", 0, 0, 1), ("failed", 0, 0, 1), ("failed", 1, 1, 0)]
)
def test_gates_are_told_of_passed_tests_before_we_have_read_their_records_too(
    scripts: Path,
    tmp_path: Path,
    stand_in: StandIn,
    monkeypatch: pytest.MonkeyPatch,
    outcome: str,
    status: int,
    code: int,
    early: int,
) -> None:
    told, read, seen_then = Told(), records.read, []

    def reading(data: bytes, nonce: str) -> Run:
        seen_then.append(len(told.orders))
        return read(data, nonce)

    monkeypatch.setattr(records, "read", reading)
    with session(scripts, tmp_path / "run", "tests") as made:
        made.hired = told  # type: ignore[assignment]
        stand_in(f"{RESULT}; cat {tmp_path}/sealed >>/dev/fd/$result; exit {code}")
        child = supervisor.TestChild(made, ())
        write(tmp_path, {"sealed": records.seal(finished(outcome, status), child.nonce)})
        ended = ran(child)
        made.tell(ended.tests)
    assert seen_then == [early]
    assert told.orders == [ended.tests.order()]


def test_the_gates_are_begun_between_the_order_of_the_tests_and_their_end(
    scripts: Path, tmp_path: Path, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    tests: list[proc.Child] = []
    begin, wait = Standby.begin, proc.Child.wait

    def beginning(standby: Standby, root: Path, arguments: Sequence[str], nonce: str, rcfile: str) -> None:
        begin(standby, root, arguments, nonce, rcfile)
        tests.append(standby.child)
        seen.append("order")

    def waiting(
        child: proc.Child, timeout: float, *, until: Callable[[], bool] = lambda: False
    ) -> int | None:
        seen.extend(["wait"] * (child in tests))
        return wait(child, timeout, until=until)

    monkeypatch.setattr(Standby, "begin", beginning)
    monkeypatch.setattr(proc.Child, "wait", waiting)
    with session(scripts, tmp_path / "run", "tests") as made:
        stand_in("exit 3")
        with contextlib.closing(supervisor.TestChild(made, ())) as child:
            ended = child.run(lambda: seen.append("under way"))
    assert seen[:3] == ["order", "under way", "wait"]
    assert seen.count("under way") == 1
    assert "pytest ended with 3" in ended.tests.problem


def test_records_that_are_sealed_and_no_records_are_told_and_prove_nothing(
    scripts: Path, tmp_path: Path, stand_in: StandIn
) -> None:
    told = Told()
    with session(scripts, tmp_path / "run", "tests") as made:
        made.hired = told  # type: ignore[assignment]
        stand_in(f"{RESULT}; cat {tmp_path}/sealed >>/dev/fd/$result; exit 0")
        child = supervisor.TestChild(made, ())
        line = b'{"kind":"manifest","schema":"another"}\n'
        chain = hashlib.sha256(line).hexdigest()
        final = f'{{"chain":"{chain}","count":1,"kind":"final","nonce":"{child.nonce}"}}\n'
        write(tmp_path, {"sealed": line + final.encode()})
        ended = ran(child)
    (order,) = told.orders
    assert engine.load_tests(order)[0] is None  # type: ignore[arg-type]
    assert ended.code == exits.TAMPERED
    assert ended.tests.problem.startswith("verdict-missing: ")


def test_tests_whose_records_hold_a_secret_are_shown_without_it_and_not_kept(
    scripts: Path, tmp_path: Path, stand_in: StandIn
) -> None:
    told = finished("failed", 1)
    told = dataclasses.replace(told, records=(dataclasses.replace(told.records[0], message=f"in {SECRET}"),))
    with session(scripts, tmp_path / "run", "tests") as made:
        made.checkpoint = a_checkpoint(tmp_path, "key", resume=True)
        stand_in(f"{RESULT}; cat {tmp_path}/sealed >>/dev/fd/$result; exit 1")
        child = supervisor.TestChild(made, ())
        write(tmp_path, {"sealed": records.seal(told, child.nonce)})
        ended = ran(child)
        assert made.checkpoint.restore_tests() is None
        assert SECRET.encode() not in evidence(made)["result.jsonl"]
    assert ended.tests.exit_status == 1


def test_a_result_that_is_there_before_the_tests_is_not_written_on(scripts: Path, tmp_path: Path) -> None:
    with session(scripts, tmp_path / "run", "tests") as made:
        (tmp_path / "run" / "result.jsonl").write_bytes(b"")
        with pytest.raises(FileExistsError, match=r"result\.jsonl"):
            ran(supervisor.TestChild(made, ()))
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


WAITS = "trap 'echo asked >&2' USR1; touch {place}; while :; do sleep 0.01; done"


@pytest.mark.parametrize("limit", [40, 12])
def test_tests_without_an_end_are_asked_for_their_stacks_and_then_ended(
    scripts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stand_in: StandIn, limit: int
) -> None:
    place, run = tmp_path / "waiting", tmp_path / "run"
    errors = run / "tests" / "errors.txt"

    def begins(child: proc.Child) -> None:
        until(child, place.exists)

    def says(child: proc.Child) -> None:
        until(child, lambda: b"asked" in errors.read_bytes())

    shown = io.StringIO()
    progress = Progress(stream=shown, live=True, clock=lambda: 0.0)
    with session(scripts, run, "tests", limit=limit, progress=progress) as made:
        stand_in(WAITS.format(place=place))
        Scripted.stand_in(monkeypatch, begins, says)
        ended = ran(supervisor.TestChild(made, ()))
        # The whole of the time, its last ten seconds or its second half after they were asked.
        last = min(10.0, limit / 2)
        assert Scripted.asked == [(limit - last, made.tick), (last, made.tick)]
        assert evidence(made)["pytest.txt"] == b"asked\n"
    problem = f"watchdog: the tests did not end within {limit} seconds; the stacks are in pytest.txt"
    tests = Handed(records=None, problem=problem, unfinished=True)
    assert ended == Ended(tests=tests, code=exits.WATCHDOG)
    assert f" | the tests 0/{limit} s" in shown.getvalue()
    assert "the tests" not in progress.text()
    flow = progress.flow(1)
    assert (flow.peak, flow.completed) == (0, 0)


def test_the_stacks_of_tests_without_an_end_are_kept(
    scripts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, run = tmp_path / "waiting", tmp_path / "run"
    write(scripts, {"tests/test_looks.py": WAITING.format(place=str(place))})
    errors = run / "tests" / "errors.txt"

    def begins(child: proc.Child) -> None:
        until(child, place.exists)

    def says(child: proc.Child) -> None:
        until(child, lambda: b"in test_waits" in errors.read_bytes())

    with session(scripts, run, "tests") as made:
        Scripted.stand_in(monkeypatch, begins, says)
        assert ran(supervisor.TestChild(made, ())).code == exits.WATCHDOG
        assert b"in test_waits" in evidence(made)["pytest.txt"]


@pytest.mark.parametrize("steps", [(None, -signal.SIGUSR1), (-signal.SIGUSR1,)])
def test_one_that_dies_of_being_asked_has_not_ended_by_itself(
    scripts: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stand_in: StandIn,
    steps: tuple[int | None, ...],
) -> None:
    with session(scripts, tmp_path / "run", "tests") as made:
        stand_in("exit 0")
        Scripted.stand_in(monkeypatch, *[lambda _child, code=code: code for code in steps])
        assert ran(supervisor.TestChild(made, ())).code == exits.WATCHDOG


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


@pytest.mark.usefixtures("checkpoints")
def test_a_run_is_bound_to_what_pytest_is_told_and_to_what_must_be_proven(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    given: list[object] = []

    def noted(*terms: object) -> Session:
        given.extend(terms)
        raise GateError("noted")

    monkeypatch.setattr(supervisor, "Session", noted)
    asked = dataclasses.replace(request(shop, "lint"), perf_prove=True)
    progress = Progress()
    with hire(tests=False) as place, pytest.raises(GateError, match="noted"):
        supervisor.check(
            *(asked, HERE, ["-k", "a b"]), progress=progress, resume=True, command="again", place=place
        )
    resolved, store, redactor, *rest = given
    assert isinstance(resolved, plan.Plan)
    assert isinstance(store, Store)
    assert isinstance(redactor, Redactor)
    assert (resolved.request, store.folder.path) == (asked, shop / HERE)
    wanted = Wanted.of(
        asked,
        shop / HERE,
        settings={"arguments of pytest": "-k 'a b'", "perf-prove": "True"},
        resume=True,
        command="again",
    )
    assert place.worker is not None
    assert rest == [place.folder, progress, wanted, place.worker]


def test_the_exit_code_is_the_report_s_unless_the_record_of_the_tests_does_not_hold(shop: Path) -> None:
    write(shop, VIOLATION)
    failed = supervisor.check(request(shop, "lint"), HERE, ())
    assert (failed.code, failed.report.verdict) == (1, Verdict.FAIL)
    write(shop, {"tests/conftest.py": "import os\n\nos._exit(0)\n"})
    forged = supervisor.check(request(shop, "tests"), HERE, ("-q",))
    assert (forged.code, forged.report.verdict) == (exits.TAMPERED, Verdict.ERROR)


@dataclasses.dataclass(frozen=True)
class Asking:
    """A gate of another distribution, which asks for the tests and has not said that it needs them."""

    id: str = "asking"
    settings: type[Settings] = Settings

    def observe(self, run: GateRun) -> Observation:
        """Observe the tests."""
        return Observation(tool="asking 1", examined=len(run.tests.records))


def test_a_gate_that_asks_for_tests_which_nobody_needed_is_told_so(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = "\n  asking:\n    fail_at: medium\n    timeout: 30\n"
    policy = write(tmp_path, {"policy.yaml": SHIPPED.rstrip("\n") + rule}) / "policy.yaml"
    gates = (*plan.collect_gates(()), Asking())
    monkeypatch.setattr(plan, "collect_gates", lambda _plugins: gates)
    asked = dataclasses.replace(request(shop, "asking"), policy=policy)
    checked = supervisor.check(asked, HERE, ())
    assert (checked.code, checked.report.verdict) == (exits.UNPROVEN, Verdict.ERROR)
    (result,) = checked.report.results
    assert result.because == ("no gate of this run needs the tests",)


def test_a_run_that_fails_under_itself_says_of_what(shop: Path) -> None:
    with hire() as place:
        (place.folder / "coverage").write_bytes(b"")
        checked = supervisor.check(request(shop, "coverage"), HERE, (), place=place)
    assert (checked.code, checked.report.verdict) == (exits.UNPROVEN, Verdict.ERROR)
    assert f"run-failed: [Errno 17] File exists: '{place.folder}/coverage'" in str(document(shop))


def test_the_day_is_that_of_utc_wherever_it_runs(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    days: list[date] = []

    def noted(*terms: object) -> plan.Plan:
        days.extend(term for term in terms if isinstance(term, date))
        raise plan.PlanError(["noted"])

    before = datetime.now(UTC)
    # Where it is another day now: with the signs of POSIX, which are the reverse.
    monkeypatch.setenv("TZ", "DAY+12" if before.hour < 12 else "DAY-14")
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
