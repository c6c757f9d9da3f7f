"""Judges a circuit breaker: it opens, fails fast, lets one probe through, and closes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pytest_failhard.llm.ledger import Attempt
from pytest_failhard.llm.verdicts.cause import failure_text
from pytest_failhard.llm.verdicts.expectation import Expectation
from pytest_failhard.llm.verdicts.outcome import Outcome
from pytest_failhard.llm.verdicts.rules import finding
from pytest_failhard.llm.verdicts.search import Presence
from pytest_failhard.llm.verdicts.shown import answer
from pytest_failhard.model import Finding

AFTER = 5
FAST_SECONDS = 0.050
PARALLEL_CALLS = 5
COOLDOWN_FACTOR = 1.1
_NAMES_CIRCUIT = re.compile(r"circuit.*open|open.*circuit", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class CircuitTrial:
    """The run of one circuit: `AFTER` failed calls, and then these steps.

    `opened` is the next call and `opened_attempts` what it sent; `baseline` is the median time in seconds
    of a service's route without an LLM, 0 for anything else. `probes` is what five parallel calls sent when
    the cool-down times 1.1 was over, `closed` the next call with a healthy provider.
    """

    opened: Outcome
    opened_attempts: tuple[Attempt, ...]
    probes: tuple[Attempt, ...]
    closed: Outcome
    baseline: float = 0.0


def circuit_opens(trial: CircuitTrial, expectation: Expectation) -> tuple[Finding, ...]:
    """Return `missing-circuit-breaker` or `thundering-probe`; `expectation` is that of the closing call."""
    wrong = "; ".join(missing(trial.opened, trial.opened_attempts, trial.baseline))
    if wrong:
        return (finding("missing-circuit-breaker", expectation.case, wrong),)
    probes = _hits(trial.probes)
    if probes > 1:
        text = "after the cool-down more than one request tested the provider"
        return (finding("thundering-probe", expectation.case, text),)
    closed = trial.closed.produced and answer(trial.closed, expectation) is Presence.FULL
    if probes == 1 and closed:
        return ()
    text = "the circuit did not close" if probes else "no request tested the provider after the cool-down"
    return (finding("missing-circuit-breaker", expectation.case, text),)


def missing(opened: Outcome, attempts: tuple[Attempt, ...], baseline: float = 0.0) -> Iterator[str]:
    """Return what is wrong with the call on the open circuit; parameters as in CircuitTrial."""
    if _hits(attempts):
        yield "a provider that keeps failing was asked again"
        return
    if opened.produced or not opened.ended:
        yield "the call on the open circuit did not fail"
    elif opened.seconds - baseline >= FAST_SECONDS:
        yield "the call on the open circuit did not fail at once"
    if not _NAMES_CIRCUIT.search(failure_text(opened)):
        yield "the error does not name the open circuit"


def _hits(attempts: tuple[Attempt, ...]) -> int:
    return sum(attempt.kind == "call" for attempt in attempts)
