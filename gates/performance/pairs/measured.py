"""What came of measuring one benchmark, and what a side's failure means for it."""

from __future__ import annotations

import enum
import re
from collections.abc import Collection
from dataclasses import dataclass, field

from pytest_failhard.gates.performance.samples import Benchmark, Failure, Pair
from pytest_failhard.gates.performance.statistics import Decision, State

MISSING_NAMES = frozenset({"ImportError", "ModuleNotFoundError"})
UNREADABLE = frozenset({"SyntaxError", "IndentationError", "TabError"})
GIVES_NO_NUMBERS = frozenset({"skipped", "unused", "lazy"})

PLACE = re.compile(r" \((?:/[^)]*|unknown location)\)$")
"""What Python adds to the message of an ImportError: another path on every machine."""


class Outcome(enum.Enum):
    """How measuring a benchmark ended. An error says its name in `Measured.problem`."""

    DECIDED = "decided"
    UNDECIDED = "undecided"
    NEW = "new"
    INCOMPARABLE = "incomparable"
    NOT_MEASURED = "not-measured"
    ERROR = "error"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A benchmark after its last pair.

    `decision` is there where two pairs or more gave numbers, also without an answer. `problem` is the name of
    an error, or why it is undecided: `pairs`, `seconds`, `too-long`; `detail` explains it and holds no figure
    of a clock. `call_seconds` is the longest call when calibrated.
    """

    benchmark: Benchmark
    outcome: Outcome
    pairs: tuple[Pair, ...] = ()
    decision: Decision | None = None
    base_failure: Failure | None = None
    head_failure: Failure | None = None
    problem: str = ""
    detail: str = ""
    seconds: float = 0.0
    call_seconds: float = 0.0
    clocks: tuple[str, ...] = ()
    unadjusted: str = ""
    """Why the adjusted clock could not be had, empty where it could."""

    @property
    def slower(self) -> bool:
        """Whether head is slower than the limit."""
        return self.decision is not None and self.decision.state is State.SLOWER

    @property
    def spread(self) -> float:
        """The largest spread of one pair, by any clock; 0 without a decision."""
        estimates = self.decision.estimates.values() if self.decision else ()
        return max((each.spread for each in estimates), default=0.0)


@dataclass(frozen=True, kw_only=True)
class Product:
    """What tells a missing name of the project from a wrong environment.

    `packages` are the top-level modules of both sides, `known` the ids that the base collects by itself.
    """

    packages: Collection[str] = ()
    known: Collection[str] = field(default_factory=frozenset)


def meaning(
    benchmark: str, base: Failure | None, head: Failure | None, product: Product
) -> tuple[Outcome, str, str]:
    """Return the outcome of a failure, and the name and the text of the problem."""
    if head is not None:
        return Outcome.NOT_MEASURED, "not-measured", f"head: {told(head)}"
    if base is None:
        raise ValueError("no side has failed")
    if base.kind in GIVES_NO_NUMBERS:
        return Outcome.NOT_MEASURED, "not-measured", f"base: {told(base)}"
    if base.error in UNREADABLE or _lacks_a_stranger(base, product):
        return Outcome.ERROR, "baseline-environment", f"base: {told(base)}; its environment is not complete"
    if _lacks_a_name(base, product) and benchmark not in product.known:
        return Outcome.NEW, "", f"base: {told(base)}"
    return Outcome.INCOMPARABLE, "incomparable", f"base: {told(base)}"


def told(failure: Failure) -> str:
    """Return a failure in words, without the place of a file that lacks a name."""
    what = " ".join(part for part in (failure.kind, failure.phase and f"in {failure.phase}") if part)
    return ": ".join(part for part in (what, failure.error, PLACE.sub("", failure.message)) if part)


def _lacks_a_name(failure: Failure, product: Product) -> bool:
    """Tell whether a name of the project is missing."""
    if failure.error in MISSING_NAMES:
        return _top(failure.owner or failure.name) in product.packages
    return failure.error == "AttributeError" and _top(failure.owner) in product.packages


def _lacks_a_stranger(failure: Failure, product: Product) -> bool:
    return failure.error in MISSING_NAMES and not _lacks_a_name(failure, product)


def _top(name: str) -> str:
    return name.partition(".")[0]
