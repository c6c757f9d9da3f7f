"""R3: what a system must not run with, it refuses: it ends, says why, and never opens its port."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from pytest_failhard.gates.system import refusal_cases
from pytest_failhard.gates.system.record import Ended
from pytest_failhard.gates.system.refusal_cases import DEPENDENCIES, WITHOUT, Case, Weak
from pytest_failhard.gates.system.seen import Seen, finding
from pytest_failhard.gates.system.stage import Stage, altered
from pytest_failhard.model import Finding
from pytest_failhard.system import attempt, workcopy
from pytest_failhard.system.attempt import Attempt
from pytest_failhard.system.declaration import Dependency
from pytest_failhard.system.environment import Prepared

REFUSE_SECONDS = 10
"""The figure of the statement S5; what a level demands, the policy says (`refusal_seconds`)."""
ONE_BY_ONE = 1
STARTS = 4
"""So many times as long as a valid start takes is waited at least: a slow machine is no reason for a finding.

How slow a refusal is, the measure says.
"""
HEALTH_BLIND = "R4-health-blind"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How many seconds a refusal is waited for, how many starts there are at once, what is known as weak."""

    within: float = attempt.WITHIN_SECONDS
    at_once: int = attempt.AT_ONCE
    weak: Weak | None = None
    """None for the list that is shipped."""


LIMITS = Limits()


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A case and what came of it. `leaked` are the variables whose values the output held."""

    case: Case
    seen: Attempt
    leaked: tuple[str, ...]

    @property
    def named(self) -> bool:
        """Whether the output says what is wrong."""
        return any(name in self.seen.output for name in self.case.names)


def check(stage: Stage, limits: Limits = LIMITS) -> Seen:
    """Start the system in each wrong configuration; raises GateError where it cannot be started at all."""
    limits = replace(limits, within=max(limits.within, STARTS * stage.ready_seconds))
    known = refusal_cases.weak() if limits.weak is None else limits.weak
    refusals = tuple(_refusals(stage, tuple(refusal_cases.cases(stage, known)), limits))
    unreachable = tuple(_unreachable(stage, limits)) if stage.runs(DEPENDENCIES) else ()
    described = [
        *(_described(each.case.id, each.seen, each.named) for each in refusals),
        *(_described(f"without {each.name}", seen, _names(each, seen)) for each, seen in unreachable),
    ]
    stage.run.keep("refusals.json", json.dumps(described, indent=1, sort_keys=True).encode() + b"\n")
    slowest = max((each.seen.seconds for each in refusals if each.seen.refused), default=0.0)
    return Seen(
        findings=(
            *(found for each in refusals for found in _judged(each)),
            *(found for each, seen in unreachable for found in _judged_unreachable(each, seen)),
        ),
        measures={
            "refusal_cases": len(refusals) + len(unreachable),
            "refusal_seconds": Fraction(round(slowest * 1000), 1000),
        },
        volatile=frozenset({"refusal_seconds"}),
        examined=len(refusals) + len(unreachable),
        proved=_proved(refusals),
    )


def _refusals(stage: Stage, cases: Sequence[Case], limits: Limits) -> Iterator[Refusal]:
    held: list[tuple[Case, Prepared, workcopy.Watch]] = []
    enough: set[str] = set()

    def begin(case: Case) -> Mapping[str, str]:
        prepared = stage.prepare()
        watch = workcopy.Watch(prepared.home, prepared.temporary, prepared.data)
        held.append((case, prepared, watch))
        return altered(prepared.variables, case.change(prepared))

    ended = attempt.attempts(
        stage.run,
        stage.system,
        cwd=stage.tree,
        begins=(functools.partial(begin, case) for case in cases if case.group not in enough),
        within=limits.within,
        at_once=limits.at_once,
    )
    found: dict[int, Refusal] = {}
    for number, seen in ended:
        case, prepared, watch = held[number]
        _record(stage, case.id, seen, watch)
        found[number] = Refusal(case=case, seen=seen, leaked=_leaked(case, prepared, seen.output))
        if case.group and not seen.refused:
            enough.add(case.group)
    yield from _told([found[number] for number in sorted(found)])


def _told(refusals: Iterable[Refusal]) -> Iterator[Refusal]:
    """Leave out what was under way when another one of its group had told enough: that is chance."""
    enough: set[str] = set()
    for each in refusals:
        if each.case.group not in enough:
            yield each
        if each.case.group and not each.seen.refused:
            enough.add(each.case.group)


def _unreachable(stage: Stage, limits: Limits) -> Iterator[tuple[Dependency, Attempt]]:
    """Start the system while a dependency is not there, one after the other."""
    for dependency in stage.system.dependencies or ():
        link = stage.links.get(dependency.name)
        prepared = stage.prepare()
        watch = workcopy.Watch(prepared.home, prepared.temporary, prepared.data)
        variables = altered(prepared.variables, refusal_cases.of_dependency(dependency, prepared))
        if link is not None:
            link.break_()
        try:
            ended = attempt.attempts(
                stage.run,
                stage.system,
                cwd=stage.tree,
                begins=[functools.partial(dict, variables)],
                within=limits.within,
                at_once=ONE_BY_ONE,
            )
            for _, seen in ended:
                _record(stage, f"without {dependency.name}", seen, watch)
                yield dependency, seen
        finally:
            if link is not None:
                link.repair()


def _record(stage: Stage, purpose: str, seen: Attempt, watch: workcopy.Watch) -> None:
    stage.record.end(
        Ended(
            purpose=f"refusal: {purpose}",
            stdout=seen.stdout,
            stderr=seen.stderr,
            log=seen.log,
            argv=(stage.system.start,),
            files=dict(watch.written()),
        )
    )


def _leaked(case: Case, prepared: Prepared, output: str) -> tuple[str, ...]:
    """Return the variables of the secrets that the output holds; of the wrong one, only what is random."""
    others = {name: value for name, value in prepared.secrets.items() if case.repeats or name != case.secret}
    # A value that was spoilt is there in part.
    return tuple(sorted(name for name, value in others.items() if value in output))


def _judged(refusal: Refusal) -> Iterator[Finding]:
    case, seen = refusal.case, refusal.seen
    if refusal.leaked:
        listed = ", ".join(refusal.leaked)
        yield finding(
            "R3-secret-leaked",
            f"started {case.what}, the system writes the value of {listed} to its output",
            "name variables in messages, never their values",
            basis=f"{case.id}\0{listed}",
            high=True,
        )
    if not seen.refused:
        yield _started(case, seen)
        return
    if seen.accepted:
        yield finding(
            "R3-port-opened",
            f"started {case.what}, the system accepts connections before it refuses to run",
            "check the configuration before the port is opened",
            basis=case.id,
        )
    if not refusal.named:
        yield finding(
            case.unnamed,
            f"started {case.what}, the system ends and does not name {' or '.join(case.names)}",
            "say in the last message which variable is wrong, by its name",
            basis=case.id,
        )


def _started(case: Case, seen: Attempt) -> Finding:
    if seen.code == 0 and not seen.ready:
        how, fix = "the system ends with status 0", "end with another status than 0"
    elif seen.ready:
        how, fix = "the system runs", "refuse to start, with a message that names the variable"
    else:
        how, fix = "the system neither runs nor ends", "end at once, with a message that names the variable"
    return finding(
        case.starts, f"in production, started {case.what}, {how}", fix, basis=case.id, high=case.high
    )


def _judged_unreachable(dependency: Dependency, seen: Attempt) -> Iterator[Finding]:
    if seen.ready:
        yield finding(
            HEALTH_BLIND,
            f"started while {dependency.name} cannot be reached, the system says that it is ready",
            "answer the ready path with 200 only while what requests need can be used",
            basis=f"start\0{dependency.name}",
        )
    elif seen.code is not None and not (seen.code and _names(dependency, seen)):
        how = "and does not name it" if seen.code else "with status 0"
        yield finding(
            "R3-dependency-not-named",
            f"started while {dependency.name} cannot be reached, the system ends {how}",
            f"end with another status than 0 and name {dependency.url_env} in the last message, or wait",
            basis=dependency.name,
        )


def _names(dependency: Dependency, seen: Attempt) -> bool:
    return any(name in seen.output for name in (dependency.name, dependency.url_env))


def _described(identity: str, seen: Attempt, named: bool) -> dict[str, object]:
    outcome = "refused" if seen.refused else "ready" if seen.ready else "ended with 0"
    if seen.code is None and not seen.ready:
        outcome = "neither ready nor ended"
    return {"case": identity, "outcome": outcome, "port_opened": seen.accepted, "named": named}


def _proved(refusals: Iterable[Refusal]) -> dict[str, bool]:
    listed = tuple(refusals)
    secrets = [each for each in listed if each.case.unnamed == refusal_cases.SECRET_UNNAMED]
    absent = [each for each in secrets if each.case.starts == WITHOUT]
    environments = [each for each in listed if each.case.id.startswith("environment ")]
    proved: dict[str, bool] = {}
    if absent:
        proved["S3"] = all(each.seen.refused for each in absent)
        proved["S4"] = all(each.seen.refused and each.named for each in secrets)
        proved["S5"] = all(_is_quick(each.seen) for each in secrets)
    if environments:
        proved["S6"] = all(each.seen.refused for each in environments)
    return proved


def _is_quick(seen: Attempt) -> bool:
    return seen.refused and not seen.accepted and seen.seconds <= REFUSE_SECONDS
