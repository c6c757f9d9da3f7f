"""Says what each benchmark's outcome means: its state, and the finding that goes with it."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from pytest_failhard.gates.performance.pairs.measured import Measured, Outcome
from pytest_failhard.gates.performance.settings import PerformanceSettings
from pytest_failhard.model import Finding, GateError, Severity

AGAINST_RELEASE = ", against the release"
"""What ends the name of a benchmark that is compared with the release, too."""
LISTED = 5
"""So many names an error gives of each kind."""


class Part(enum.Enum):
    """What a policy enforces, or has told."""

    BENCHMARKS = "benchmarks"
    IMPORTS = "imports"
    MEMORY = "memory"
    ROUTES = "routes"
    ROUTES_WALL = "routes/wall"
    WORKLOADS = "workloads"
    COUNTERS = "counters"
    NEW = "new"
    RELEASE = "release"


class State(enum.Enum):
    """What is known of a benchmark in the end."""

    NOT_SLOWER = "not-slower"
    SLOWER = "slower"
    UNDECIDED = "undecided"
    IDENTICAL = "identical"
    NEW = "new"
    REMOVED = "removed"
    INCOMPARABLE = "incomparable"
    BROKEN = "new-errors"
    """It fails where the base does not; a finding of its own says how."""
    EXCLUDED = "excluded"


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A benchmark, its state, and of what part of the gate it is. `detail` holds no figure of a clock.

    Where it does not count, the level only wants to be told: undecided, it leaves nothing open.
    """

    id: str
    state: State
    part: Part = Part.BENCHMARKS
    detail: str = ""
    counts: bool = True


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """A finding's rule and severity, what it says of a benchmark, and the repair."""

    rule: str
    severity: Severity
    message: str
    fix: str


MEANINGS: Mapping[State, Meaning] = {
    State.SLOWER: Meaning(
        rule="perf-regression",
        severity=Severity.HIGH,
        message="{id} is slower than the limit",
        fix="make it as fast as the base again; benchmarks.txt has the ratio by each clock",
    ),
    State.UNDECIDED: Meaning(
        rule="undecided",
        severity=Severity.LOW,
        message="{id} could not be decided: {detail}",
        fix="run on a quieter machine, or let the benchmark do less in a call",
    ),
    State.NEW: Meaning(
        rule="new-benchmark",
        severity=Severity.LOW,
        message="{id} is new: {detail}",
        fix="nothing; from the next change on it is compared",
    ),
    State.REMOVED: Meaning(
        rule="benchmark-removed",
        severity=Severity.MEDIUM,
        message="{id} is gone: what it measured is measured no more",
        fix="bring it back under its name, or waive its end with a reason",
    ),
    State.INCOMPARABLE: Meaning(
        rule="incomparable",
        severity=Severity.MEDIUM,
        message="{id} runs here and not on the base: {detail}",
        fix="keep what it calls callable in the old way, or waive the break with a reason",
    ),
    State.EXCLUDED: Meaning(
        rule="benchmark-excluded",
        severity=Severity.MEDIUM,
        message="{id} is excluded: {detail}",
        fix="measure it, or waive its exclusion",
    ),
}
OUTCOMES: Mapping[Outcome, State] = {
    Outcome.NEW: State.NEW,
    Outcome.INCOMPARABLE: State.INCOMPARABLE,
    Outcome.UNDECIDED: State.UNDECIDED,
}


PROJECT = frozenset({Part.BENCHMARKS, Part.ROUTES, Part.WORKLOADS})
"""What the project has; imports are ours to measure."""
COMPARED = frozenset({State.NOT_SLOWER, State.SLOWER, State.IDENTICAL})
COMPARABLE = COMPARED | {State.UNDECIDED}
"""What could have been compared: what is new, excluded or incomparable is judged as a finding."""


def judged(measured: Measured, part: Part = Part.BENCHMARKS) -> Judged:
    """Return the state of what was measured; raises GateError for what gave no numbers."""
    if measured.outcome in {Outcome.NOT_MEASURED, Outcome.ERROR}:
        raise GateError(f"{measured.problem}: {measured.benchmark.id}: {measured.detail}")
    if measured.outcome is Outcome.DECIDED:
        state = State.SLOWER if measured.slower else State.NOT_SLOWER
    else:
        state = OUTCOMES[measured.outcome]
    return Judged(id=measured.benchmark.id, state=state, part=part, detail=measured.detail)


def require_numbers(measured: Iterable[Measured]) -> None:
    """Raise GateError that names all that gave no numbers: a benchmark that does not run proves nothing."""
    problems: dict[str, list[str]] = {}
    for each in measured:
        if each.outcome in {Outcome.NOT_MEASURED, Outcome.ERROR}:
            problems.setdefault(each.problem, []).append(f"{each.benchmark.id}: {each.detail}")
    if problems:
        raise GateError("\n".join(_listed(name, found) for name, found in sorted(problems.items())))


def _listed(name: str, found: list[str]) -> str:
    more = f"\nand {len(found) - LISTED} more" if len(found) > LISTED else ""
    return f"{name}: " + "\n".join(found[:LISTED]) + more


def findings(all_judged: Iterable[Judged]) -> Iterator[Finding]:
    """Return what is to be said of the benchmarks, one finding a benchmark at most."""
    for each in all_judged:
        if each.state in MEANINGS:
            yield finding(each.id, MEANINGS[each.state], each.detail)


def finding(identity: str, meaning: Meaning, detail: str = "") -> Finding:
    """Return a finding about a benchmark; it moves with the benchmark's name alone."""
    path, separator, _ = identity.partition("::")
    return Finding(
        rule=meaning.rule,
        name=meaning.rule,
        path=path if separator else "",
        line=0,
        severity=meaning.severity,
        message=meaning.message.format(id=identity, detail=detail),
        fix=meaning.fix,
        anchor=identity,
    )


def weighed(part: Part, found: Iterable[Finding], settings: PerformanceSettings) -> list[Finding]:
    """Return findings, low ones where the level only wants to be told."""
    return [_weighed(part, each, settings) for each in found]


def _weighed(part: Part, found: Finding, settings: PerformanceSettings) -> Finding:
    return found if part.value in settings.enforce else replace(found, severity=Severity.LOW)
