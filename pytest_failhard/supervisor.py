"""`failhard check`: the tests in a child process, everything that judges in this one."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import secrets
import shlex
import shutil
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_failhard import plan, proc, records
from pytest_failhard.checkpoint import KeptTests, Wanted
from pytest_failhard.exits import CODES, TAMPERED, WATCHDOG
from pytest_failhard.gates.tests import TestsSettings
from pytest_failhard.hired import RESULT, Place, Standby, hire
from pytest_failhard.measurement import rcfile_text
from pytest_failhard.model import GateError, Verdict
from pytest_failhard.progress import Progress
from pytest_failhard.redact import Redactor
from pytest_failhard.session import Session, Tests
from pytest_failhard.source import pytest_config, read
from pytest_failhard.source.import_roots import import_roots
from pytest_failhard.stopping import Interrupted
from pytest_failhard.store import Store, write_atomically

if TYPE_CHECKING:
    from pytest_failhard.model import Report, TestRun

DUMP_SECONDS = 10.0
"""How long before its end a hanging child is asked for its stacks."""
PASSED_BY = frozenset({0, 1, 2, 3, 4, 5, 6})
"""pytest's own exit codes."""
OWN_DISTRIBUTION = "pytest-failhard"
TESTS = "the tests"
"""What runs beside the gates, for the live line."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How the test child ended: the exit code of the check where it is not the report's, else None."""

    tests: Tests
    code: int | None = None


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A report and the exit code that goes with it."""

    report: Report
    code: int


def check(
    request: plan.Request,
    report_dir: Path,
    arguments: Sequence[str],
    *,
    progress: Progress | None = None,
    resume: bool = False,
    command: str = "",
    place: Place | None = None,
) -> Checked:
    """Judge a project; raises PlanError or GateError where it cannot be begun.

    With `resume` it goes on where a run was interrupted; `command` is the line that does so later. `place` is
    what `hired.hire` gave, where that was begun before.
    """
    today = datetime.now(UTC).date()
    with contextlib.ExitStack() as opened:
        place = place or opened.enter_context(hire())
        gates = plan.collect_gates(plan.plugins(request))
        redactor = Redactor.from_environment(os.environ)
        store = opened.enter_context(Store.open(report_dir, request.root, redactor))
        resolved = plan.resolve(request, gates, [gate.id for gate in gates], today)
        wanted = Wanted.of(
            request,
            store.folder.path,
            settings={"arguments of pytest": shlex.join(arguments), "perf-prove": str(request.perf_prove)},
            resume=resume,
            command=command,
        )
        session = Session(resolved, store, redactor, place.folder, progress, wanted, place.worker)
        try:
            return _checked(session, arguments, place.tests)
        except Interrupted as interruption:
            session.abort(str(interruption))
            interruption.command = session.resume_command
            raise
        except (GateError, OSError) as error:
            return Checked(report=session.spoil(error), code=CODES[Verdict.ERROR])
        finally:
            session.progress.clear()
            session.close()
            proc.stop_all()


def _checked(session: Session, arguments: Sequence[str], standby: Standby | None) -> Checked:
    session.look()
    if session.resumes or not session.plan.needs_tests:
        session.engage()
    with contextlib.closing(TestChild(session, arguments, standby)) as child:
        ended = Ended(tests=Tests(records=None, problem="no gate of this run needs the tests"))
        if session.plan.needs_tests:
            # Before, each would have held up what starts the other.
            ended = child.run(session.engage)
        session.tell(ended.tests)
        # While the gates look at them.
        child.keep()
        report = session.end(ended.tests)
    return Checked(report=report, code=CODES[report.verdict] if ended.code is None else ended.code)


def _nothing() -> None:
    """Have nothing else to begin."""


class TestChild:
    """The process that runs the project's tests, and what it leaves."""

    __test__ = False

    def __init__(self, session: Session, arguments: Sequence[str], standby: Standby | None = None) -> None:
        self.session = session
        self.plan = session.plan
        self.arguments = tuple(arguments)
        self._standby = standby
        self._sweeper: threading.Thread | None = None
        self.nonce = secrets.token_hex(16)
        self._left: tuple[bytes, bytes] | None = None
        """Output and records of the tests, however they ended, until they are kept."""
        self._proven: tuple[TestRun, int] | None = None
        """What the records prove, and the exit code of the tests."""
        self.coverage = session.folder / "coverage" if self.plan.request.measures else None

    def run(self, under_way: Callable[[], None] = _nothing) -> Ended:
        """Run the tests to their end or their time limit, then read what is proven; `keep` comes later.

        `under_way` is called as soon as they have their order.
        """
        if self.coverage is not None:
            self.coverage.mkdir()
        kept = self.session.kept_tests()
        if kept is not None:
            return self._restored(kept)
        standby = self._ready()
        code = self._execute(standby, under_way)
        # Ten thousand tests leave as many folders: they are removed while the gates look.
        self._sweeper = threading.Thread(target=shutil.rmtree, args=(standby.temporary, True))
        self._sweeper.start()
        data, output, errors = (
            each.read_bytes() for each in (standby.result, standby.output, standby.errors)
        )
        self._left = output + errors, data
        if code is None:
            limit = self.plan.policy.tests_timeout
            problem = f"watchdog: the tests did not end within {limit} seconds; the stacks are in pytest.txt"
            return Ended(tests=Tests(records=None, problem=problem, unfinished=True), code=WATCHDOG)
        if code == 0 and records.is_sealed(data, self.nonce):
            # Nothing can contradict that, so the gates need not wait until we have read it, too.
            self.session.tell(self._told(standby.result, code))
        # What pytest refuses, it says on stderr.
        return self._read(data, code, standby.result, (errors, output))

    def keep(self) -> None:
        """Keep what the tests said as evidence, and what a run needs that goes on from here."""
        if self._left is None:
            return
        output, data = self._left
        self._show(output, data)
        if self._proven is not None:
            run, code = self._proven
            measured = None if self.coverage is None else _files(self.coverage)
            self.session.keep_tests(
                KeptTests(nonce=self.nonce, exit_status=code, result=data, output=output, coverage=measured),
                run,
            )

    def close(self) -> None:
        """Wait until what the tests left in their temporary folder is gone."""
        if self._sweeper is not None:
            self._sweeper.join()

    def _show(self, output: bytes, data: bytes) -> None:
        self.session.store.keep("tests", "pytest.txt", output)
        self.session.store.keep("tests", "result.jsonl", data.replace(self.nonce.encode(), b"nonce"))

    def _restored(self, kept: KeptTests) -> Ended:
        """Put what the finished tests left where they would have left it."""
        self.nonce = kept.nonce
        self._show(kept.output, kept.result)
        result = self.session.folder / RESULT
        write_atomically(result, kept.result)
        for name, data in (kept.coverage or {}).items():
            write_atomically(self.session.folder / "coverage" / name, data)
        ended = self._read(kept.result, kept.exit_status, result, (kept.output,))
        return replace(ended, tests=replace(ended.tests, restored=True))

    def _read(self, data: bytes, code: int, result: Path, said: Sequence[bytes]) -> Ended:
        try:
            run = records.read(data, self.nonce)
        except records.RecordsError as error:
            return self._incomplete(data, code, str(error), said)
        problem = contradiction(run, code)
        if problem:
            return Ended(tests=Tests(records=None, problem=problem), code=TAMPERED)
        self._proven = run, code
        return Ended(tests=self._told(result, code))

    def _told(self, result: Path, code: int) -> Tests:
        return Tests(records=result, nonce=self.nonce, coverage=self.coverage, exit_status=code)

    def _incomplete(self, data: bytes, code: int, problem: str, said: Sequence[bytes]) -> Ended:
        texts = [text.decode("utf-8", "replace").strip() for text in said]
        words = " / ".join(next((text for text in texts if text), "it said nothing").splitlines()[-4:])
        if not data and code in PASSED_BY - {0, 1}:
            text = f"pytest-failed: pytest ended with {code} before any test: {words}"
            return Ended(tests=Tests(records=None, problem=text))
        text = f"verdict-missing: {problem} (pytest ended with {code}): {words}"
        return Ended(tests=Tests(records=None, problem=text), code=TAMPERED)

    def _ready(self) -> Standby:
        """Return the process that waits for the tests; the variables it is to pass on take another one."""
        passed = {name: os.environ[name] for name in self._passed() if name in os.environ}
        if self._standby is not None and not passed:
            return self._standby
        if self._standby is not None:
            self._standby.close()
            self._standby.result.unlink()
        return Standby(self.session.folder, passed)

    def _execute(self, standby: Standby, under_way: Callable[[], None]) -> int | None:
        with contextlib.closing(standby):
            root, folder = self.plan.request.root, standby.folder
            standby.begin(root, self._arguments(folder), self.nonce, self._rcfile(folder))
            under_way()
            return self._wait(standby.child)

    def _rcfile(self, folder: Path) -> str | None:
        """Write the configuration of the measuring; None where no gate of this run asks for it."""
        if self.coverage is None:
            return None
        rcfile = folder / "coveragerc"
        text = rcfile_text(self.plan.request.root, self.plan.source, (), self.coverage)
        rcfile.write_bytes(text.encode())
        return str(rcfile)

    def _wait(self, child: proc.Child) -> int | None:
        limit = float(self.plan.policy.tests_timeout)
        progress, tick = self.session.progress, self.session.tick
        progress.begin(TESTS, limit, is_gate=False)
        code = child.wait(max(limit - DUMP_SECONDS, limit / 2), until=tick)
        if code is None:
            child.send_signal(signal.SIGUSR1)
            code = child.wait(min(DUMP_SECONDS, limit / 2), until=tick)
        progress.end(TESTS)
        # One that had not come so far as to listen dies of the signal.
        return None if code == -signal.SIGUSR1 else code

    def _arguments(self, folder: Path) -> list[str]:
        root = self.plan.request.root
        ini = folder / "pytest.ini"
        loaded = pytest_config.load(root)
        product = [file.path for file in read(root, self.plan.source, self.plan.test_roots).product]
        roots = import_roots(root, self.plan.source, product)
        text = pytest_config.supervised_ini(loaded, test_roots=self.plan.test_roots, import_roots=roots)
        ini.write_bytes(text.encode())
        plugins = [part for name in self._plugins() for part in ("-p", name)]
        return [
            *("-c", str(ini), "--rootdir=.", f"--confcutdir={root}", "-p", "no:cacheprovider"),
            *("-p", "failhard", "-p", "pytest_failhard.child", f"--failhard-level={self.plan.level}"),
            *plugins,
            *self.arguments,
        ]

    def _plugins(self) -> Iterator[str]:
        """Name the pytest plugins of the distributions that the project declares, and xdist."""
        declared = self.plan.project.declared_distributions | {"pytest-xdist"}
        for name in sorted(declared - {OWN_DISTRIBUTION}):
            # By their names: to read what each of all distributions says of itself takes a tenth of a second.
            for distribution in importlib.metadata.distributions(name=name):
                yield from (entry.name for entry in distribution.entry_points.select(group="pytest11"))

    def _passed(self) -> Sequence[str]:
        settings = self.plan.settings.get("tests")
        return settings.pass_env if isinstance(settings, TestsSettings) else ()


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def contradiction(run: TestRun, code: int) -> str:
    """Say how the child's exit code contradicts what it recorded, or nothing.

    A 0 over failed records is not meant here: the gate `tests` has a finding for it.
    """
    failed = any(record.outcome == "failed" for record in run.records)
    if code not in PASSED_BY:
        return f"verdict-contradicted: the tests ended with {code}, which is no exit code of pytest's"
    if not failed and run.exit_status == 0 and code != 0:
        return f"verdict-contradicted: no test failed, but pytest ended with {code}"
    return ""
