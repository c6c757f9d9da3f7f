"""Keeps what a run has finished, so that one that was interrupted goes on instead of beginning again."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import math
import os
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_failhard import inputs, private, relinked, stamps
from pytest_failhard.engine import Outcome
from pytest_failhard.inputs import Inputs
from pytest_failhard.model import Evidence, GateError, Mode
from pytest_failhard.relinked import Known
from pytest_failhard.report import observation as codec
from pytest_failhard.store import StoreError
from pytest_failhard.store.entries import Entries, Entry, KeptFile

if TYPE_CHECKING:
    from pytest_failhard.model import Option, TestRun
    from pytest_failhard.plan import Plan, Request
    from pytest_failhard.redact import Redactor
    from pytest_failhard.store import Staging

FOLDER = "checkpoint"
MANIFEST, TEST_RUN = "manifest", "test-run"
"""Entries beside those of the gates: what the checkpoint is bound to, and the records of the tests."""
RESULT, OUTPUT, COVERAGE = "result.jsonl", "pytest.txt", "coverage-"
NAMED = 5
PLACE_DIGITS = 16
TREE = "files as they were before the run"
"""The setting that tells them apart: when the gates looked, tests may have written already."""
AGAIN = "undo that and resume, or run without resuming"
UNDONE = "checkpoint-unused: files were written since that run began, and are as they were; all runs again"


class ResumeError(GateError):
    """A run cannot go on where another one was interrupted: why, and what to do."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Where a run's checkpoint is: the folders `parts` below `start`.

    `settings` are what it is bound to besides the inputs of its gates, as text by a name that is fit for a
    message. With `resume` the run goes on from it; `command` is the line that does that.
    """

    start: Path
    parts: tuple[str, ...]
    settings: Mapping[str, str] = field(default_factory=dict)
    resume: bool = False
    command: str = ""

    @classmethod
    def of(
        cls, request: Request, reports: Path, *, settings: Mapping[str, str], resume: bool, command: str
    ) -> Wanted | None:
        """Return what fits a mode, None where it is switched off and the run is not to go on from one.

        `reports` is the report folder, which no two runs use at once. Under `failhard check` the checkpoint
        is out of the tree, which the project's tests write to. Raises GateError.
        """
        if not (resume or private.keeps_checkpoints(os.environ)):
            return None
        start = reports
        parts: tuple[str, ...] = (FOLDER,)
        if request.mode is Mode.SUPERVISED:
            place = private.place(request.root, request.mode, os.environ, FOLDER)
            key = hashlib.sha256(os.fsencode(reports)).hexdigest()[:PLACE_DIGITS]
            start, parts = place.start, (*place.parts, key)
        return cls(start=start, parts=parts, settings=settings, resume=resume, command=command)

    def order(self) -> dict[str, Option]:
        """Return what the worker is told."""
        return {
            "start": str(self.start),
            "parts": list(self.parts),
            "settings": dict(self.settings),
            "resume": self.resume,
        }

    @classmethod
    def from_order(cls, order: Mapping[str, object]) -> Wanted:
        """Read back what `order` gave."""
        match order:
            case {
                "start": str(start),
                "parts": list(parts),
                "settings": dict(settings),
                "resume": bool(resume),
            }:
                return cls(start=Path(start), parts=tuple(parts), settings=settings, resume=resume)
            case _:
                raise ValueError(f"no order: {order!r}")


@dataclass(frozen=True, kw_only=True)
class KeptTests:
    """What the finished tests left: their sealed records, their output, the files of the measuring."""

    __test__ = False

    nonce: str
    exit_status: int
    result: bytes
    output: bytes
    coverage: Mapping[str, bytes] | None


def bound_to(plan: Plan, read: Inputs, settings: Mapping[str, str]) -> Inputs:
    """Return all that a checkpoint is bound to: the inputs of the run, of each of its gates, the settings.

    Raises GateError where a file that a gate's settings name cannot be read.
    """
    own: dict[str, str] = {}
    for rule in [rule for rule in plan.rules if rule.gate in plan.settings]:
        own |= inputs.of_gate(plan, rule, (), day=True)
    own["gates"] = stamps.digest([rule.gate for rule in plan.rules])
    # It names the one gate of an answer, and there are several.
    del own["gate"]
    parts = {**read.parts, **own, **{name: stamps.digest(text) for name, text in settings.items()}}
    return dataclasses.replace(read, parts=parts)


@dataclass(kw_only=True)
class Checkpoint:
    """The finished part of one run. Observations are kept, never verdicts: each is judged anew.

    `key` is the run's own: what another run has kept is never taken for its. `resuming` says that there is
    something to go on from; `notes` say what of it could not be used.
    """

    entries: Entries
    redactor: Redactor
    key: str
    resuming: bool = False
    notes: list[str] = field(default_factory=list)

    @classmethod
    def open(cls, wanted: Wanted, bound: Inputs, redactor: Redactor) -> Checkpoint:
        """Begin a checkpoint, or take up the one that is there.

        Raises StoreError where nothing can be kept, and ResumeError where there is nothing to go on from, or
        it is bound to something else.
        """
        if wanted.resume:
            return _taken_up(wanted, bound, redactor)
        if bound.obstacles:
            raise StoreError(f"not all that the gates read can be watched: {', '.join(bound.obstacles)}")
        return _begun(Entries.open(wanted.start, wanted.parts), bound, redactor)

    @classmethod
    def of_key(cls, wanted: Wanted, key: str, redactor: Redactor) -> Checkpoint:
        """Open the checkpoint that another process of this run has begun or taken up; raises StoreError."""
        return cls(
            entries=Entries.open(wanted.start, wanted.parts),
            redactor=redactor,
            key=key,
            resuming=wanted.resume,
        )

    def store(self, outcome: Outcome, staging: Staging) -> None:
        """Keep what a gate saw, with its evidence; an error is not kept. Raises StoreError."""
        seen = outcome.observation
        if seen is None:
            return
        evidence = [
            KeptFile(
                name=each.name,
                data=staging.kept(outcome.gate, each),
                media_type=each.media_type,
                volatile=each.volatile,
            )
            for each in (*seen.evidence, *outcome.evidence)
        ]
        data = codec.dump(self.redactor.value(seen))
        self._write(outcome.gate, data, evidence, outcome.seconds)

    def restore(self, gate: str, staging: Staging) -> Outcome | None:
        """Return what a gate saw before the interruption, its evidence staged; None where it must run."""
        entry = self._read(gate, "the gate runs again")
        if entry is None:
            return None
        files = [self._staged(gate, kept, staging) for kept in entry.evidence]
        if None in files:
            staging.forget(gate)
            self.notes.append(f"checkpoint-unused: what {gate} kept holds a secret; the gate runs again")
            return None
        return Outcome(
            gate=gate,
            observation=codec.load(entry.observation),
            evidence=tuple(each for each in files if each is not None and each.volatile),
            seconds=entry.seconds,
            reused=True,
        )

    def drop(self, gate: str) -> None:
        """Forget what a gate saw: it depends on what is gone. Raises OSError."""
        self.entries.folder.remove(Entry(gate=gate, key=self.key, observation=b"").name)

    def store_tests(self, kept: KeptTests, run: TestRun) -> None:
        """Keep the finished tests, unless their records hold a secret. Raises StoreError.

        `run` is what the records prove: to read them once more takes long in a large project.
        """
        # What they say stands in many records, and is asked for once.
        texts = {each for record in run.records for each in vars(record).values() if isinstance(each, str)}
        said = (*texts, replace(run, records=()))
        if self.redactor.value(said) != said:
            return
        files = {RESULT: kept.result, OUTPUT: self.redactor.data(kept.output)}
        files |= {f"{COVERAGE}{name}": data for name, data in (kept.coverage or {}).items()}
        about = {"nonce": kept.nonce, "status": kept.exit_status, "measured": kept.coverage is not None}
        evidence = [KeptFile(name=name, data=data) for name, data in files.items()]
        self._write(TEST_RUN, json.dumps(about).encode(), evidence)

    def restore_tests(self) -> KeptTests | None:
        """Return the tests that were finished before the interruption; None where they must run."""
        entry = self._read(TEST_RUN, "the tests run again")
        if entry is None:
            return None
        about = json.loads(entry.observation)
        files = {each.name: each.data for each in entry.evidence}
        measured = {
            name.removeprefix(COVERAGE): data for name, data in files.items() if name.startswith(COVERAGE)
        }
        return KeptTests(
            nonce=about["nonce"],
            exit_status=about["status"],
            result=files[RESULT],
            output=files[OUTPUT],
            coverage=measured if about["measured"] else None,
        )

    def remove(self) -> None:
        """Remove all of it: the run is over. Raises StoreError."""
        self.entries.purge()
        with contextlib.suppress(OSError):  # another run may begin in the same moment
            self.entries.folder.path.rmdir()
        self.close()

    def close(self) -> None:
        """Give the folder back."""
        self.entries.close()

    def _write(self, gate: str, data: bytes, evidence: Iterable[KeptFile], seconds: float = 0.0) -> None:
        self.entries.write(
            Entry(
                gate=gate,
                key=self.key,
                observation=data,
                evidence=tuple(evidence),
                made=time.time(),
                seconds=seconds,
            )
        )

    def _read(self, gate: str, so: str) -> Entry | None:
        if not self.resuming:
            return None
        before = len(self.entries.notes)
        entry = self.entries.read(gate, self.key, math.inf)
        self.notes += [_renamed(note, so) for note in self.entries.notes[before:]]
        return entry

    def _staged(self, gate: str, kept: KeptFile, staging: Staging) -> Evidence | None:
        """Put a file back; None where it holds what has become a secret since."""
        # Whether addresses were to stay in it is not known: what was to go is gone already.
        if not staging.restore(gate, kept.name, kept.data, has_contacts=True):
            return None
        digest = hashlib.sha256(kept.data).hexdigest()
        return Evidence(name=kept.name, sha256=digest, media_type=kept.media_type, volatile=kept.volatile)


def _begun(entries: Entries, bound: Inputs, redactor: Redactor) -> Checkpoint:
    entries.purge()
    key = secrets.token_hex(16)
    installed = {folder: known.dump() for folder, known in bound.installed.items()}
    said = {"key": key, "parts": dict(bound.parts), "witness": bound.witness, "installed": installed}
    about = json.dumps(said).encode()
    entries.write(Entry(gate=MANIFEST, key=MANIFEST, observation=about, made=time.time()))
    return Checkpoint(entries=entries, redactor=redactor, key=key)


def _taken_up(wanted: Wanted, bound: Inputs, redactor: Redactor) -> Checkpoint:
    where = wanted.start.joinpath(*wanted.parts)
    nothing = f"there is nothing to go on from in {where}"
    if not where.is_dir():
        raise ResumeError(f"{nothing}: no run was interrupted, or it has ended since; run without resuming")
    entries = Entries.open(wanted.start, wanted.parts)
    entry = entries.read(MANIFEST, MANIFEST, math.inf)
    if entry is None:
        why = "; ".join(entries.notes) or "it does not say what it is bound to"
        raise ResumeError(f"{nothing}: {why}; run without resuming")
    about = json.loads(entry.observation)
    installed = {folder: Known.load(known) for folder, known in about["installed"].items()}
    written = _written(installed, bound.differing(about["parts"]))
    names = tuple(name for name in written if name != TREE) or written
    if names:
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        raise ResumeError(
            f"not the same any more: {', '.join(names[:NAMED])}{more}; what the interrupted run "
            f"has seen no longer counts: {AGAIN}"
        )
    if about["witness"] != bound.witness:
        # A gate may have looked before it was undone.
        begun = _begun(entries, bound, redactor)
        begun.notes.append(UNDONE)
        return begun
    return Checkpoint(entries=entries, redactor=redactor, key=about["key"], resuming=True)


def _written(before: Mapping[str, Known], names: Sequence[str]) -> tuple[str, ...]:
    """Return those of the differing parts that were written to: to gain a link elsewhere is none of that.

    `before` is what was installed.
    """
    folders = [Path(name.removeprefix(inputs.PACKAGES)) for name in names if name.startswith(inputs.PACKAGES)]
    linked = [folder for folder in folders if _is_linked(folder, before.get(str(folder)))]
    same = {f"{inputs.PACKAGES}{folder}" for folder in linked}
    # Our own code is a package in one of them, unless it is installed for editing.
    if all(any(each.is_relative_to(folder) for folder in linked) for each in inputs.own_folders()):
        same.add(inputs.OWN)
    return tuple(name for name in names if name not in same)


def _is_linked(folder: Path, known: Known | None) -> bool:
    try:
        return known is not None and relinked.is_same(folder, inputs.package_files(folder), known)
    except OSError:
        # What cannot be read is not proven to be the same.
        return False


def _renamed(note: str, so: str) -> str:
    return f"{note.replace('cache-entry-damaged', 'checkpoint-damaged')}; {so}"
