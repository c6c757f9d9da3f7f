"""Counts fix attempts over the runs so far: a pure function of what they left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_failhard.remembered import RUN, Attempt, Decision, Stuck

if TYPE_CHECKING:
    from datetime import date

MOST = 3
"""Fix attempts at one check before a person is asked."""
MOST_SLIGHT = 2
"""At one that is about form or a written file alone: what two tries do not mend, a third does not."""
MOST_IN_RUN = 10
"""Over all checks, until everything passes."""
SAME = 4
"""So many times the same findings, and nobody is getting anywhere."""
KEPT_TRIES = 10


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What a run said of one gate.

    `counts` is false where a failure says nothing about the last change: a service outside did not
    answer, or only quarantined tests failed. `most` are the attempts that this kind of failure is worth.
    """

    passed: bool
    counts: bool = True
    fingerprint: str = ""
    most: int = MOST
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A finished run. `passed` means that all gates of the level were judged, and passed."""

    at: str
    commit: str
    tree: str
    passed: bool
    gates: Mapping[str, Judged]


@dataclass(frozen=True, kw_only=True)
class Count:
    """Attempts since the last pass or decision, how many there may be, and what was tried.

    `repeats` says how often the findings that stand now were seen, each on another tree.
    """

    attempts: int = 0
    most: int = MOST
    repeats: int = 0
    tries: tuple[Attempt, ...] = ()

    @property
    def left(self) -> int:
        """Return how many attempts are left; none where the same findings came too often."""
        return 0 if self.repeats >= SAME else max(0, self.most - self.attempts)

    @property
    def stuck(self) -> str:
        """Say why a person is to decide, or nothing."""
        if self.left:
            return ""
        if self.attempts >= self.most:
            return f"{self.attempts} attempts have not mended it"
        return f"the same findings came {self.repeats} times, each time after another change"


@dataclass(frozen=True, kw_only=True)
class Tally:
    """The counts of all gates that were judged, and of the run."""

    gates: Mapping[str, Count]
    run: Count

    def of(self, gate: str) -> Count:
        """Return a gate's count; 0 attempts where it was never judged."""
        return self.gates.get(gate, Count())


@dataclass
class _Check:
    most: int = MOST
    attempts: int = 0
    failing: bool = False
    tree: str = ""
    fingerprint: str = ""
    seen: Counter[str] = field(default_factory=Counter)
    tries: list[Attempt] = field(default_factory=list)

    def take(self, judged: Judged, ran: Ran) -> bool:
        """Take in one judgement; tell whether it was a fix attempt: a changed tree, and it still fails."""
        if judged.passed:
            self.settle()
            self.tree = ran.tree
            return False
        if not judged.counts:
            return False
        tried = self.failing and ran.tree != self.tree
        if ran.tree != self.tree:
            self.seen[judged.fingerprint] += 1
            self.note(tried, ran, judged.why)
        self.failing, self.tree = True, ran.tree
        self.fingerprint, self.most = judged.fingerprint, judged.most
        return tried

    def note(self, tried: bool, ran: Ran, why: str) -> None:
        self.attempts += tried
        self.tries.append(Attempt(at=ran.at, commit=ran.commit, why=why))

    def settle(self) -> None:
        """It passes: what comes next begins at nothing, but findings that come back are the same."""
        self.failing = False
        self.restart()

    def restart(self) -> None:
        self.attempts = 0
        self.tries.clear()

    def count(self) -> Count:
        return Count(
            attempts=self.attempts,
            most=self.most,
            repeats=self.seen[self.fingerprint] if self.failing else 0,
            tries=tuple(self.tries[-KEPT_TRIES:]),
        )


def count(entries: Iterable[Ran | Decision], today: date) -> Tally:
    """Count over all runs and decisions, oldest first; a decision that has expired counts for nothing."""
    checks: dict[str, _Check] = {}
    run = _Check(most=MOST_IN_RUN)
    for entry in entries:
        if isinstance(entry, Ran):
            _run(entry, checks, run)
        elif entry.holds(today):
            _decision(entry, checks, run)
    return Tally(gates={name: check.count() for name, check in checks.items()}, run=run.count())


def _run(ran: Ran, checks: dict[str, _Check], run: _Check) -> None:
    tried = [
        name for name, judged in ran.gates.items() if checks.setdefault(name, _Check()).take(judged, ran)
    ]
    if tried:
        run.note(True, ran, f"still failing: {', '.join(tried)}")
    if ran.passed:
        checks.clear()
    if not any(check.failing for check in checks.values()):
        run.restart()


def _decision(decision: Decision, checks: Mapping[str, _Check], run: _Check) -> None:
    for name, check in checks.items():
        if decision.gate in {name, RUN}:
            check.restart()
            check.seen.clear()
    run.restart()


def stuck(tally: Tally, failing: Collection[str]) -> tuple[Stuck, ...]:
    """Return what a person is to decide, of the gates that fail now."""
    found = [
        Stuck(gate=name, why=why, attempts=tally.of(name).tries)
        for name in failing
        if (why := tally.of(name).stuck)
    ]
    if failing and tally.run.stuck:
        found.append(Stuck(gate=RUN, why=tally.run.stuck, attempts=tally.run.tries))
    return tuple(found)
