"""Takes what the worker of a run tells, line by line, and keeps the tests beside what its gates saw."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_failhard.checkpoint import Checkpoint
from pytest_failhard.engine import Outcome
from pytest_failhard.model import Evidence
from pytest_failhard.report import observation as codec
from pytest_failhard.store import StoreError

if TYPE_CHECKING:
    from pytest_failhard.checkpoint import KeptTests, Wanted
    from pytest_failhard.model import TestRun
    from pytest_failhard.progress import Progress
    from pytest_failhard.redact import Redactor

LOG = logging.getLogger(__name__)
# Who embeds us says where it goes; the report holds it in any case.
LOG.addHandler(logging.NullHandler())


class Listener:
    """What a run has heard so far: outcomes, notes, its checkpoint, or why it cannot go on from one."""

    def __init__(self, events: Path, redactor: Redactor, progress: Progress, wanted: Wanted | None) -> None:
        self.events = events
        self.redactor = redactor
        self.progress = progress
        self.wanted = wanted
        self.notes: list[str] = []
        self.outcomes: dict[str, Outcome] = {}
        self.checkpoint: Checkpoint | None = None
        self.refusal = ""
        self.is_idle = False
        """Whether the worker has nothing left to do but to wait for the tests."""
        self._read_bytes = 0

    def tick(self) -> bool:
        """Take what the worker has told, and show it; return False, for whoever asks while waiting."""
        self.heard()
        return self.progress.tick()

    def heard(self) -> dict[str, Outcome]:
        """Read the events as far as they are whole; a gate without one has no outcome."""
        if self.events.is_file():
            with self.events.open("rb") as stream:
                stream.seek(self._read_bytes)
                for line in stream:
                    if line.endswith(b"\n"):
                        self._read_bytes += len(line)
                        self._take(json.loads(line))
        return self.outcomes

    def _take(self, event: Mapping[str, object]) -> None:
        match event:
            case {"warning": str(text)}:
                self.warn(text)
            case {"note": str(text)}:
                self.notes.append(text)
            case {"refused": str(text)}:
                self.refusal = text
            case {"checkpoint": str(key)}:
                self._open(key)
            case {"begun": str(gate), "limit": float(seconds)}:
                self.progress.begin(gate, seconds)
            case _:
                self._take_end(event)

    def _take_end(self, event: Mapping[str, object]) -> None:
        match event:
            case {"idle": True}:
                self.is_idle = True
            case {"gate": str(), "reused": bool(reused)}:
                self.progress.reuse(int(reused))
                self.done(_outcome(event))

    def warn(self, text: str) -> None:
        """Say what a person may want to know while the run lasts, and note it."""
        LOG.warning(text)
        self.notes.append(text)
        self.progress.say(text)

    def _open(self, key: str) -> None:
        """Open what the worker keeps; where that fails, the tests are not kept with it."""
        if self.wanted is None:
            return
        try:
            self.checkpoint = Checkpoint.of_key(self.wanted, key, self.redactor)
        except StoreError as error:
            self.notes.append(f"no-checkpoint: of the tests: {error}")

    def keep_tests(self, kept: KeptTests, run: TestRun) -> None:
        """Keep the finished tests with what the gates saw; `run` is what their records prove."""
        self.tick()
        if self.checkpoint is None:
            return
        try:
            self.checkpoint.store_tests(kept, run)
        except StoreError as error:
            self.notes.append(f"no-checkpoint: of the tests: {error}")

    def kept_tests(self) -> KeptTests | None:
        """Return the tests that were finished before the interruption, None where they must run."""
        if self.checkpoint is None:
            return None
        kept = self.checkpoint.restore_tests()
        self.notes += self.checkpoint.notes
        return kept

    @property
    def resume_command(self) -> str:
        """The line that goes on where this run ends; empty where nothing is kept."""
        return self.wanted.command if self.wanted is not None and self.checkpoint is not None else ""

    def done(self, outcome: Outcome) -> None:
        """Take what became of a gate."""
        self.outcomes[outcome.gate] = outcome
        self.progress.end(outcome.gate)

    def forget(self) -> None:
        """Remove the checkpoint of a run that is over."""
        checkpoint, self.checkpoint = self.checkpoint, None
        if checkpoint is not None:
            # One that stays does no harm: the next run replaces it, or goes on to the same report.
            with contextlib.suppress(StoreError):
                checkpoint.remove()


def _outcome(event: Mapping[str, object]) -> Outcome:
    seen = event["observation"]
    return Outcome(
        gate=str(event["gate"]),
        observation=codec.load(str(seen).encode()) if seen is not None else None,
        error=str(event["error"]),
        external=bool(event["external"]),
        # Our own worker wrote the event.
        evidence=tuple(Evidence(**item) for item in event["evidence"]),  # type: ignore[attr-defined]
        seconds=float(str(event["seconds"])),
        reused=bool(event["reused"]),
    )
