"""What a matrix has shown so far: trials, findings, and what could not be judged."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_failhard.llm.verdicts.rules import VerdictError
from pytest_failhard.model import GateError, Severity

if TYPE_CHECKING:
    from pytest_failhard.llm.ledger import Ledger
    from pytest_failhard.llm.verdicts.expectation import Trial
    from pytest_failhard.llm.verdicts.limits import Window
    from pytest_failhard.llm.verdicts.measures import Soak
    from pytest_failhard.model import Finding

MOST_FINDINGS = 3
MOST_ERRORS = 10
"""So many errors are named; the others are counted."""


@dataclass(kw_only=True)
class Sheet:
    """Filled in from several threads."""

    demanded: int = 0
    trials: list[Trial] = field(default_factory=list)
    ledgers: list[Ledger] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    limited: set[str] = field(default_factory=set)
    """The models whose declared limits were judged."""
    soaks: list[Soak] = field(default_factory=list)
    facts: dict[str, object] = field(default_factory=dict)
    """What `matrix.json` says of each call, by its id."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, trial: Trial, ledger: Ledger, findings: Iterable[Finding]) -> None:
        """Take in a case that was judged."""
        with self._lock:
            self.trials.append(trial)
            self.ledgers.append(ledger)
            self.findings.extend(findings)

    def find(self, findings: Iterable[Finding]) -> None:
        """Take in findings that belong to no case."""
        with self._lock:
            self.findings.extend(findings)

    def add_windows(self, windows: Iterable[Window]) -> None:
        """Take in the worst minutes of a load."""
        with self._lock:
            self.windows.extend(windows)

    def add_soak(self, soak: Soak) -> None:
        """Take in a soak."""
        with self._lock:
            self.soaks.append(soak)

    def record(self, ledger: Ledger) -> None:
        """Keep the record of calls that are no case."""
        with self._lock:
            self.ledgers.append(ledger)

    def fail(self, error: VerdictError | GateError) -> None:
        """Take in what could not be judged."""
        with self._lock:
            self.errors.append(str(error))

    def require(self) -> None:
        """Raise GateError with all that could not be judged, the first ten by name, and what is worst."""
        if not self.errors:
            self._require_all()
            return
        lines = sorted(set(self.errors))
        more = len(lines) - MOST_ERRORS
        named = lines[:MOST_ERRORS] + ([f"and {more} more"] if more > 0 else [])
        # An answer from a cache lets no fault through: the finding is the reason of the errors.
        grave = sorted(each for each in self.findings if each.severity is Severity.HIGH)
        named += [f"also found: {each.rule}: {each.message}" for each in grave[:MOST_FINDINGS]]
        raise GateError("\n".join(named))

    def _require_all(self) -> None:
        # Whoever was to run a case may have ended without a word: what was not judged is not passed.
        if len(self.trials) != self.demanded:
            raise GateError(f"worker-lost: {len(self.trials)} of {self.demanded} demanded cases were judged")
