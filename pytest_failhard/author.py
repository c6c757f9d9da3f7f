"""Author mode behind the plugin: what happens before, around and after the tests, without pytest."""

from __future__ import annotations

import os
import secrets
import shlex
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from pytest_failhard import config, plan, publishing, records
from pytest_failhard.checkpoint import Wanted
from pytest_failhard.measurement import Measurement, rcfile_text
from pytest_failhard.model import GateError, Mode
from pytest_failhard.redact import RedactError, Redactor, printable
from pytest_failhard.report import printed, terminal
from pytest_failhard.session import Session, Tests
from pytest_failhard.source import default_source, default_tests, forgery, pyproject, pytest_config, read
from pytest_failhard.stopping import Stopping
from pytest_failhard.store import DEFAULT_FOLDER, REPORT, Store, write_atomically

if TYPE_CHECKING:
    from pytest_failhard.model import Gate, Report, Result, TestRun


RESUME = "--failhard-resume"


class RefusedError(Exception):
    """The run must not start: a usage error that lists all its reasons, without secrets."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message, os.environ))


class Author:
    """One run of `pytest --failhard-level=N`."""

    def __init__(
        self,
        *,
        root: Path,
        level: int,
        policy: str | None,
        base: str | None,
        only: str | None,
        report_dir: str | None,
        seed: int,
        jobs: int | None,
        perf_prove: bool,
        cache: bool,
        resume: bool = False,
        arguments: Sequence[str] = (),
    ) -> None:
        self.request = plan.Request(
            root=root,
            level=level,
            mode=Mode.AUTHOR,
            policy=Path(policy).absolute() if policy else None,
            base=base,
            only=tuple(name.strip() for name in only.split(",")) if only else (),
            seed=seed,
            jobs=jobs or os.cpu_count() or 1,
            perf_prove=perf_prove,
            cache=cache,
        )
        self.resume = resume
        self.arguments = [argument for argument in arguments if argument != RESUME]
        self.report_dir = Path(report_dir) if report_dir else Path(DEFAULT_FOLDER)
        self.work = tempfile.TemporaryDirectory(prefix="failhard-")
        self.folder = Path(self.work.name)
        self.store: Store | None = None
        self.session: Session | None = None
        self.measurement: Measurement | None = None
        self.stopping = Stopping()

    def prepare(self) -> None:
        """Before any conftest: refuse what would end the process, take the report folder, measure."""
        # Before the measuring, which hands the signal on.
        self.stopping.listen()
        # The project's code shares this process: nothing of it may come in the place of what judges.
        publishing.prepare()
        root = self.request.root
        try:
            project = config.load(root)
            source = project.source if project.source is not None else default_source(root, pyproject(root))
            tests = project.tests if project.tests is not None else default_tests(root)
            exits = forgery.early_scan(root, read(root, source, tests), pytest_config.load(root))
            self.redactor = Redactor.from_environment(os.environ)
            self.store = Store.open(self.report_dir, root, self.redactor)
            rcfile = self._rcfile(root, source) if self.request.measures else None
        except config.ConfigError as error:
            raise RefusedError("\n".join(error.mistakes)) from None
        except (GateError, RedactError) as error:
            raise RefusedError(str(error)) from None
        if exits:
            raise RefusedError("\n".join(exits))
        if rcfile is not None:
            self.measurement = Measurement(rcfile)
            self.measurement.start()

    def _rcfile(self, root: Path, source: Sequence[str]) -> Path:
        data = self.folder / "coverage"
        data.mkdir()
        rcfile = self.folder / "coveragerc"
        write_atomically(rcfile, rcfile_text(root, source, (), data).encode())
        return rcfile

    def begin(self, groups: Sequence[Sequence[Gate]]) -> None:
        """Before the first test: resolve everything, start the gates that need no test."""
        if self.store is None:
            raise RefusedError("the plugin was not loaded before the conftests; run pytest from the root")
        try:
            gates = plan.flatten(reversed(groups))
            known = [gate.id for gate in gates]
            resolved = plan.resolve(self.request, gates, known, datetime.now(UTC).date())
            wanted = Wanted.of(
                self.request,
                self.store.folder.path,
                settings={"perf-prove": str(self.request.perf_prove)},
                resume=self.resume,
                command=shlex.join(["pytest", *self.arguments, RESUME]),
            )
            self.session = Session(resolved, self.store, self.redactor, self.folder, wanted=wanted)
            self.session.begin()
        except plan.PlanError as error:
            raise RefusedError("\n".join(error.mistakes)) from None
        except GateError as error:
            raise RefusedError(str(error)) from None

    def header(self) -> str:
        """Return the line of pytest's header."""
        if self.session is None:
            return "failhard: not resolved"
        policy = self.session.plan.policy
        return f"failhard: level {policy.level} ({policy.name}, {policy.sha256[:12]}), author mode"

    def end(self, run: TestRun, *, interrupted: bool) -> Report:
        """After the tests: hand their records over, judge, publish."""
        if self.session is None:
            raise RefusedError("the run was never resolved")
        nonce = secrets.token_hex(16)
        path = self.folder / "result.jsonl"
        try:
            data = None
            if self.measurement is not None:
                self.measurement.stop()
                data = self.folder / "coverage"
            if interrupted:
                by = self.stopping.by or "the keyboard or by the code under test"
                return self.session.abort(f"by {by}")
            write_atomically(path, records.seal(run, nonce))
            return self.session.end(Tests(records=path, nonce=nonce, coverage=data))
        except KeyboardInterrupt:
            return self.session.abort(f"by {self.stopping.by or 'the keyboard'}, while the gates ran")
        except GateError as error:
            return self.session.spoil(error)
        finally:
            self.session.progress.clear()

    def show(self, stream: TextIO) -> None:
        """Show on a terminal how far the gates are."""
        if self.session is not None:
            self.session.progress.stream = stream
            self.session.progress.live = True

    def explain(self, result: Result) -> str:
        """Return the text of a failed gate for pytest's own report."""
        return terminal.gate_text(result, folder=str(self.report_dir))

    def render(self, made: Report, form: str, *, colour: bool, width: int, brief: bool) -> str:
        """Return the text of our section; `width` and `brief` are those of `terminal.render`."""
        is_there = (self.request.root / self.report_dir / REPORT).is_file()
        folder = str(self.report_dir) if is_there else ""
        return printed(made, form, colour=colour, folder=folder, width=width, brief=brief)

    def close(self) -> None:
        """Leave no process, no lock and no scratch folder behind."""
        self.stopping.end()
        if self.session is not None:
            self.session.close()
        if self.store is not None:
            self.store.close()
        self.work.cleanup()
