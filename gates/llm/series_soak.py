"""The soak: many calls side by side, with failures by chance; each gives its answer or an error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_failhard.gates.llm.cases import Case
from pytest_failhard.llm import catalogue
from pytest_failhard.llm.schedule import Kind, Rule, When, no_fire
from pytest_failhard.llm.verdicts import soak as count
from pytest_failhard.llm.verdicts.rules import VerdictError

if TYPE_CHECKING:
    from pytest_failhard.gates.llm.healthy import Healthy
    from pytest_failhard.gates.llm.lanes import Lane, Met
    from pytest_failhard.gates.llm.series_bench import Bench
    from pytest_failhard.llm.catalogue import Fault

CALLS = 200
PROBABILITY = 0.05
GROUPS = ("transient", "network", "silent")


def soak(bench: Bench) -> None:
    """Count what goes wrong under load; raises VerdictError `no-fire`, and GateError."""
    name = f"soak@{bench.call.id}"
    kinds = tuple(Kind(fault=fault.id) for fault in _faults(bench.seen, bench.run.level))

    def meet(lane: Lane, number: int) -> Met:
        # A rule of its own for each call: equal requests on several systems are then decided apart.
        rule = Rule(id=f"soak-{number}", kinds=kinds, when=When(p=PROBABILITY))
        return lane.meet(f"{name}#{number:03}", (rule,), bench.seen.within)

    mets = bench.over(CALLS, meet)
    fired = sum(bool(attempt.fault) for met in mets for attempt in met.ledger.attempts)
    trials = [bench.seen.trial(met, met.ledger.case, _case(bench.seen, met)) for met in mets]
    counted = count(trials, fired)
    wrong = [trial.expectation.case for trial in trials if count([trial], 0).wrong]
    bench.facts[name] = {"calls": counted.calls, "fired": fired, "wrong": wrong}
    bench.sheet.add_soak(counted)
    if not fired:
        raise VerdictError("no-fire", f"{name}: {no_fire(PROBABILITY, len(mets))}")


def _faults(seen: Healthy, level: int) -> Iterator[Fault]:
    known = catalogue.load()
    for fault in (fault for group in GROUPS for fault in known.group(group)):
        spoken = any(known.form(fault, dialect) for dialect in seen.dialects)
        fits = fault.stage == "answer" and fault.level <= level and not fault.replaced_by
        if fits and spoken and seen.features.issuperset(fault.needs):
            yield fault


def _case(seen: Healthy, met: Met) -> Case | None:
    """Return the last failure that a call met, for which a service may have a status of its own."""
    known = catalogue.load()
    fired = [attempt for attempt in met.ledger.attempts if attempt.fault]
    if not fired:
        return None
    fault = known.find(fired[-1].fault)
    form = known.form(fault, fired[-1].dialect)
    return (
        None if form is None else Case(call=seen.call.id, dialect=fired[-1].dialect, fault=fault, form=form)
    )
