"""What a pair of runs of a workload says by each clock, and pairs for which there was no more time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from pytest_failhard.gates.performance.declaration import Workload
from pytest_failhard.gates.performance.statistics import Decision, State, Terms, decide
from pytest_failhard.gates.performance.workload.working import SECOND_NS, Ran
from pytest_failhard.model import GateError


def logs(workload: Workload, base: Ran, head: Ran, clocks: Sequence[str]) -> Mapping[str, float]:
    """Return the logarithm of head / base by clock; raises GateError for a clock that did not move."""
    found = {}
    for clock in clocks:
        figures = [Fraction(each.clocks[clock], each.tally.completed) for each in (head, base)]
        if min(figures) <= 0:
            raise GateError(
                f"below-resolution: workload {workload.id}: {clock}: it did not move; give it more items"
            )
        found[clock] = math.log(figures[0] / figures[1])
    return found


def rate(ran: Ran) -> float:
    """Return the units a second."""
    return ran.tally.completed * SECOND_NS / ran.wall


def cut_short(pairs: Sequence[Mapping[str, float]], clocks: Sequence[str], terms: Terms) -> Decision | None:
    """Return what the pairs say that there was time for; they decide nothing."""
    count = len(pairs)
    if count < terms.fewest:
        return None
    found = decide(pairs, clocks, replace(terms, fewest=count, usual=count, most=count))
    return None if found is None else replace(found, state=State.UNDECIDED, weak=False)
