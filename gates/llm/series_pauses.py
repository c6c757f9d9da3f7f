"""The back-off series: calls whose first attempts all fail, and how long the system waits between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_failhard.llm import catalogue
from pytest_failhard.llm.ledger import calls
from pytest_failhard.llm.schedule import Kind, Match, Rule, When
from pytest_failhard.llm.verdicts.recovery import CALLS, SERVICE_CALLS, backs_off

if TYPE_CHECKING:
    from pytest_failhard.gates.llm.lanes import Lane, Met
    from pytest_failhard.gates.llm.series_bench import Bench

FAULT = "rate_limit_no_header"
"""It asks for no wait: the client must find its own."""
FAILING = 2


def back_off(bench: Bench) -> None:
    """Judge the waits in each dialect that the call speaks; raises VerdictError, GateError."""
    known = catalogue.load()
    for dialect in sorted(bench.seen.dialects):
        name = f"{dialect}-back-off@{bench.call.id}"
        if known.form(known.find(FAULT), dialect) is None:
            bench.facts[name] = f"{FAULT} has no wire form in the dialect {dialect}"
        else:
            _judge(bench, dialect, name)


def _judge(bench: Bench, dialect: str, name: str) -> None:
    rule = Rule(id="r1", kinds=(Kind(fault=FAULT),), match=Match(provider=dialect), when=When(first=FAILING))
    service = bench.call.form == "route"
    count = SERVICE_CALLS if service else CALLS

    def meet(lane: Lane, number: int) -> Met:
        return lane.meet(f"{name}#{number:02}", (rule,), bench.seen.within)

    mets = bench.over(count, meet)
    made = [
        call
        for met in mets
        for call in calls(met.ledger.attempts)
        if call.attempts[0].fault and call.attempts[0].dialect == dialect
    ]
    bench.facts[name] = {"calls": len(made), "attempts": sorted({len(call.attempts) for call in made})}
    bench.sheet.find(backs_off(made, bench.seen.expectation(mets[0], name), service=service))
