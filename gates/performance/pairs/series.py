"""Plays pairs until each benchmark is decided, has failed, or has had its time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from pytest_failhard.gates.performance import clocks, evidence, statistics
from pytest_failhard.gates.performance.clocks import BelowResolutionError
from pytest_failhard.gates.performance.duet import Result
from pytest_failhard.gates.performance.evidence import Journal
from pytest_failhard.gates.performance.pairs import symptoms
from pytest_failhard.gates.performance.pairs.measured import Measured, Outcome, Product, meaning
from pytest_failhard.gates.performance.samples import Benchmark, Pair
from pytest_failhard.gates.performance.statistics import Decision, Logs, State, Terms
from pytest_failhard.gates.performance.terms import Rule
from pytest_failhard.model import GateError

Play = Callable[[Sequence[Benchmark], int], Result]
"""Plays one pair of processes for a list of benchmarks; pairs are numbered from 1."""
Decide = Callable[[Sequence[Logs], Sequence[str], Terms], Decision | None]
EXPECTED_PAIRS = 4
"""Most benchmarks are decided after so many."""
NAMED = 5


@dataclass(frozen=True, kw_only=True)
class Conduct:
    """How a series is run. `remaining` tells the seconds that the gate has left.

    `sharing` is how many benchmarks share the risk of an error, where that is more than those of the series.
    """

    rule: Rule
    journal: Journal
    remaining: Callable[[], float]
    product: Product = field(default_factory=Product)
    purpose: str = evidence.MEASURE
    decide: Decide = statistics.decide
    sharing: int = 0


@dataclass(kw_only=True)
class _Course:
    """A benchmark on its way to a decision."""

    benchmark: Benchmark
    pairs: list[Pair] = field(default_factory=list)
    logs: list[Mapping[str, float | None]] = field(default_factory=list)
    clocks: tuple[str, ...] = ()
    seconds: float = 0.0
    shared: float = 0.0
    """What of these seconds started and ended processes."""
    call_seconds: float = 0.0
    unadjusted: str = ""

    def end(
        self, outcome: Outcome, problem: str = "", detail: str = "", decision: Decision | None = None
    ) -> Measured:
        return Measured(
            benchmark=self.benchmark,
            outcome=outcome,
            pairs=tuple(self.pairs),
            decision=decision,
            problem=problem,
            detail=detail,
            seconds=self.seconds,
            call_seconds=self.call_seconds,
            clocks=self.clocks,
            unadjusted=self.unadjusted,
        )


def measure(benchmarks: Sequence[Benchmark], play: Play, conduct: Conduct) -> tuple[Measured, ...]:
    """Measure benchmarks; raises GateError where a pair does, or where too little time is left."""
    found: dict[str, Measured] = {}
    courses = [_Course(benchmark=each) for each in benchmarks]
    count = max(conduct.sharing, len(benchmarks))
    number = 0
    while courses:
        number += 1
        result = play([course.benchmark for course in courses], number)
        conduct.journal.proofs(conduct.purpose, number, result.proofs)
        for course in courses:
            ended = _after(course, result, count, conduct)
            if ended:
                found[course.benchmark.id] = ended
                terms = conduct.rule.terms(course.benchmark, count)
                conduct.journal.decision(conduct.purpose, ended, terms)
        courses = [course for course in courses if course.benchmark.id not in found]
        _require_time(courses, number, result, conduct)
    return tuple(found[each.id] for each in benchmarks)


def _after(course: _Course, result: Result, count: int, conduct: Conduct) -> Measured | None:
    """Take in what a pair gave a benchmark; return how it ended, None where it needs another pair."""
    benchmark = course.benchmark
    course.seconds += result.seconds[benchmark.id]
    course.shared += result.share
    course.call_seconds = max(course.call_seconds, result.call_seconds.get(benchmark.id, 0.0))
    course.unadjusted = "" if result.adjusted else result.why_not
    tested = clocks.names(adjusted=result.adjusted, pinned=benchmark.pin)
    course.clocks = (*tested, *(name for name in benchmark.clocks if name not in tested))
    if benchmark.id in result.failures:
        return _failed(course, result, conduct.product)
    if benchmark.id not in result.pairs:
        return course.end(Outcome.UNDECIDED, "too-long", "its call is too long for the pairs that it needs")
    pair = result.pairs[benchmark.id]
    conduct.journal.pair(conduct.purpose, benchmark.id, pair)
    course.pairs.append(pair)
    try:
        course.logs.append(clocks.logs(pair))
    except BelowResolutionError as error:
        return course.end(Outcome.ERROR, "below-resolution", str(error))
    return _decided(course, conduct.rule.terms(benchmark, count), conduct)


def _failed(course: _Course, result: Result, product: Product) -> Measured:
    failures = result.failures[course.benchmark.id]
    base, head = failures.get("base"), failures.get("head")
    ended = course.end(*meaning(course.benchmark.id, base, head, product))
    return replace(ended, base_failure=base, head_failure=head)


def _decided(course: _Course, terms: Terms, conduct: Conduct) -> Measured | None:
    # How long processes take to start says nothing about a benchmark; that is bounded by the gate's own time.
    late = course.seconds - course.shared > conduct.rule.max_seconds
    if symptoms.is_drifting(course.pairs):
        return _drifting(course, terms, late=late)
    decision = conduct.decide(course.logs, course.clocks, terms)
    if decision is not None and decision.state is not State.UNDECIDED:
        return course.end(Outcome.DECIDED, decision=decision)
    if decision is None and not late:
        return None
    if symptoms.was_throttled(course.pairs):
        detail = "its control group was held back; measure with a larger share of a processor"
        return course.end(Outcome.ERROR, "throttled", detail, decision)
    if decision is not None:
        return course.end(Outcome.UNDECIDED, "pairs", "the pairs do not agree enough", decision)
    so_far = _so_far(course, terms)
    return course.end(Outcome.UNDECIDED, "seconds", "its time was over before its pairs agreed", so_far)


def _drifting(course: _Course, terms: Terms, *, late: bool) -> Measured | None:
    """Return the error where there are pairs enough to know that it is not the machine, else None."""
    if len(course.pairs) < min(symptoms.SURE, terms.most) and not late:
        return None
    detail = "each call takes longer than the one before, on both sides; give `pedantic` a setup="
    return course.end(Outcome.ERROR, "drifting-benchmark", detail)


def _so_far(course: _Course, terms: Terms) -> Decision | None:
    """Return what the pairs say without being enough for an answer, None where one says nothing."""
    count = len(course.pairs)
    if count < 2:
        return None
    # All at once, and with nothing that could be above the limit.
    open_terms = replace(terms, limit=Fraction(10**9), fewest=count, usual=count, most=count)
    found = statistics.decide(course.logs, course.clocks, open_terms)
    return None if found is None else replace(found, state=State.UNDECIDED, weak=False)


def _require_time(courses: Sequence[_Course], number: int, result: Result, conduct: Conduct) -> None:
    """Raise GateError where the pairs that are needed at least cannot be had."""
    a_pair = sum(result.seconds[course.benchmark.id] for course in courses)
    if number == 1:
        conduct.journal.estimate(conduct.purpose, a_pair * EXPECTED_PAIRS)
    if a_pair * max(1, conduct.rule.fewest - number) <= conduct.remaining():
        return
    slowest = sorted(courses, key=lambda each: (-each.call_seconds, each.benchmark.id))[:NAMED]
    names = ", ".join(course.benchmark.id for course in slowest)
    raise GateError(
        f"performance: the gate's time is too short for the pairs that {len(courses)} benchmarks need; "
        f"the slowest calls: {names}; shrink their input, or raise the rule's timeout"
    )
