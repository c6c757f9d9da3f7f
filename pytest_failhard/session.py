"""One run, whoever started it: snapshot, worker process, test records, and what is made of them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_failhard import engine, gates, handed, leftovers, plan, reusing
from pytest_failhard.checkpoint import TREE
from pytest_failhard.hired import EVENTS, Hired
from pytest_failhard.listening import Listener
from pytest_failhard.model import BASELINE_FILE, GateError, Phase
from pytest_failhard.progress import Progress
from pytest_failhard.source import read, state

if TYPE_CHECKING:
    from pytest_failhard import proc
    from pytest_failhard.checkpoint import Wanted
    from pytest_failhard.model import Option, Report
    from pytest_failhard.redact import Redactor
    from pytest_failhard.store import Store

WATCHED_FILES = (
    *("pyproject.toml", "setup.cfg", "tox.ini", "pytest.ini", "pytest.toml"),
    *(plan.WAIVERS, BASELINE_FILE),
)
START_SECONDS = 60.0
"""What a worker may take beyond its gates' limits: to start, to resolve, to end."""


@dataclass(frozen=True, kw_only=True)
class Tests:
    """Where the records of the test run are, or why there are none."""

    records: Path | None
    nonce: str = ""
    coverage: Path | None = None
    exit_status: int | None = None
    """What the test process really ended with, where that is known from outside."""
    problem: str = ""
    restored: bool = False
    """Whether they ran before the run was interrupted."""
    unfinished: bool = False
    """Whether they were ended because their time was over."""

    def order(self) -> dict[str, Option]:
        """Return what the worker is told."""
        return {
            "records": str(self.records) if self.records else None,
            "nonce": self.nonce,
            "coverage": str(self.coverage) if self.coverage else None,
            "exit_status": self.exit_status,
            "problem": self.problem,
            "restored": self.restored,
        }


class Session(Listener):
    """A run from its first byte to its report.

    `begin` looks at the tree and engages the worker: a process of our own with the gates that need the tree
    alone. `tell` hands the test records over; `end` waits, judges and publishes; `abort` kills all and
    publishes what there is, marked incomplete. Every way out leaves no process behind.
    """

    def __init__(
        self,
        resolved: plan.Plan,
        store: Store,
        redactor: Redactor,
        folder: Path,
        progress: Progress | None = None,
        wanted: Wanted | None = None,
        hired: Hired | None = None,
    ) -> None:
        super().__init__(folder / EVENTS, redactor, progress or Progress(), wanted)
        self.plan = resolved
        self.store = store
        self.folder = folder
        self.builtin = {gate.id for gate in gates.builtin()}
        self.started = datetime.now(UTC)
        self.notes += [*resolved.notes, *store.notes]
        self.cut_short = False
        self.hired = hired
        self.worker: proc.Child | None = None
        self.before: Mapping[str, str] = {}
        self.tree = ""
        self._cache: Mapping[str, Option] | None = None
        self._engaged = False
        self._prepared = False
        self._told = False

    def begin(self) -> None:
        """Look and engage, where nothing is to be started in between.

        Raises PlanError where the run was to go on where another one was interrupted, and cannot.
        """
        self.look()
        self.engage()

    def look(self) -> None:
        """Note the tree as it is, and from when on its code may run."""
        self.progress.submit(len(self.plan.rules))
        self.notes += leftovers.notes()
        self.before = digests(self.plan)
        self.tree = state.tree_digest(self.plan.request.root, self.before)
        # What the tests write into the cache must come after this, however soon they begin.
        self._cache = reusing.order(self.plan.request, os.environ)

    def engage(self) -> None:
        """Start the worker; only the first time counts. Raises PlanError as `begin` does."""
        if self._engaged:
            return
        self._engaged = True
        mine = [rule.gate for rule in self.plan.rules if rule.gate in self.builtin]
        if not mine:
            if self.hired is not None:
                self.hired.close()
            self._refuse("resume: no gate of this run keeps what it has seen; run without resuming")
            return
        self.hired = self.hired or Hired(self.folder)
        self.worker = self.hired.child
        self.hired.order(
            {
                "plan": handed.dump(self.plan, mine),
                "gates": mine,
                "staging": str(self.store.staging.folder),
                "scratch": str(self.folder),
                "redactor": self.redactor.dump(),
                "checkpoint": self._checkpoint(),
                "cache": self._cache,
            }
        )
        if self.resumes:
            # One that ends without an answer is found, with its last words, by `_wait`.
            self.worker.wait(START_SECONDS, until=self._is_answered)
            self.tick()
            self._refuse(self.refusal)

    def _checkpoint(self) -> dict[str, Option] | None:
        if self.wanted is None:
            return None
        return replace(self.wanted, settings={**self.wanted.settings, TREE: self.tree}).order()

    @property
    def resumes(self) -> bool:
        """Whether the run is to go on where another one was interrupted."""
        return self.wanted is not None and self.wanted.resume

    def _is_answered(self) -> bool:
        return self.tick() or bool(self.refusal) or self.checkpoint is not None

    def _refuse(self, reason: str) -> None:
        if self.resumes and reason:
            raise plan.PlanError([reason])

    def tell(self, tests: Tests) -> None:
        """Hand the records over to the gates that wait for them; only the first time counts."""
        if self.hired is not None and not self._told:
            self._told = True
            self.hired.order(tests.order())

    def end(self, tests: Tests) -> Report:
        """Hand the records over where that was not done, wait for the gates, judge, publish the report."""
        try:
            self.tell(tests)
            self._wait()
            self._third_party(tests)
            if self.resumes:
                also = " and the tests" if tests.restored else ""
                count = self.progress.reused
                self.notes.append(f"resumed: {count} gates{also} had ended before and did not run again")
            complete = not (self.cut_short or tests.unfinished)
            return self._publish(self.heard(), self._changes(), complete=complete)
        except (GateError, OSError) as error:
            return self.spoil(error)

    def spoil(self, error: GateError | OSError) -> Report:
        """Publish that nothing could be judged, because something failed under the run itself."""
        if self.worker is not None:
            self.worker.kill_tree()
        return self._publish(self.heard(), [f"run-failed: {error}"], complete=False)

    def abort(self, reason: str) -> Report:
        """Kill what runs and publish the part that is there, marked incomplete."""
        if self.worker is not None:
            self.worker.kill_tree()
        self.notes.append(f"interrupted: {reason}; gates that had not finished are errors")
        return self._publish(self.heard(), (), complete=False)

    def close(self) -> None:
        """Leave no process behind, however the run ended."""
        if self.hired is not None:
            self.hired.close()
        if self.checkpoint is not None:
            self.checkpoint.close()
            self.checkpoint = None

    def tick(self) -> bool:
        """Take what the worker has told; once only the tests are at work, load what the report needs."""
        told = super().tick()
        if self.is_idle and not self._prepared:
            self._prepare()
        return told

    def _prepare(self) -> None:
        from pytest_failhard import publishing

        self._prepared = True
        publishing.prepare()

    def _wait(self) -> None:
        if self.worker is None:
            return
        self._prepare()
        limit = self.plan.policy.budget_seconds + START_SECONDS
        code = self.worker.wait(limit, until=self.tick)
        self.worker.kill_tree()
        outcomes = self.heard()
        if code == 0:
            return
        self.cut_short = True
        why = "did not end in time" if code is None else f"ended with {code}"
        words = (self.folder / "worker.err").read_text("utf-8", "replace").strip()
        self.store.keep("run", "worker.txt", words.encode())
        tail = words.splitlines()[-1] if words else ""
        for rule in self.plan.rules:
            if rule.gate in self.builtin and rule.gate not in outcomes:
                error = f"worker-died: our process that runs the gates {why}: {tail or 'it said nothing'}"
                self.done(engine.Outcome(gate=rule.gate, observation=None, error=error))

    def _third_party(self, tests: Tests) -> None:
        """Run the gates of other distributions here: their code need not load in our worker."""
        foreign = [rule.gate for rule in self.plan.rules if rule.gate not in self.builtin]
        if not foreign:
            return
        for phase in Phase:
            test_run, problem = engine.load_tests(tests.order())
            jobs = engine.jobs(self.plan, foreign, phase, self.store.staging, self.folder, test_run, problem)
            engine.observe(
                jobs,
                slots=1 if phase is Phase.QUIET else self.plan.request.jobs,
                budget=self.plan.policy.budget_seconds,
                done=self.done,
                warn=self.warn,
                begun=self.progress.begin,
            )

    def _changes(self) -> list[str]:
        after = digests(self.plan)
        changed = sorted(path for path, digest in self.before.items() if after.get(path) != digest)
        if not changed:
            return []
        named = ", ".join(changed[:5]) + (f" and {len(changed) - 5} more" if len(changed) > 5 else "")
        return [f"tree-changed: {named} changed while the gates looked at it; run again on a tree at rest"]

    def _publish(
        self, outcomes: Mapping[str, engine.Outcome], doubts: Sequence[str], *, complete: bool
    ) -> Report:
        from pytest_failhard.publishing import Publisher

        if not complete and self.resume_command:
            self.notes.append(f"go on where this run ended: {self.resume_command}")
        publisher = Publisher(
            self.plan,
            self.store,
            self.redactor,
            started=self.started,
            tree=self.tree,
            before=self.before,
            notes=self.notes,
            flow=self.progress.flow(self.plan.request.jobs),
        )
        made = publisher.publish(outcomes, doubts, complete=complete)
        if complete and publisher.is_published:
            self.forget()
        return made


def digests(resolved: plan.Plan) -> dict[str, str]:
    """Return the SHA-256 of every file that is judged, by path; an unreadable one has its error."""
    project = read(resolved.request.root, resolved.source, resolved.test_roots)
    paths = [file.path for file in project.files] + [
        name for name in WATCHED_FILES if (resolved.request.root / name).is_file()
    ]
    return {path: _digest(resolved.request.root / path) for path in paths}


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        return f"unreadable: {error.strerror}"
