"""The load on declared rate limits: more calls at once than they allow, and what leaves in each minute."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_failhard.gates.llm.series_bench import Bench
from pytest_failhard.llm.ledger import Usage
from pytest_failhard.llm.verdicts.limits import Limit, rate_limits, windows
from pytest_failhard.llm.verdicts.rules import VerdictError

if TYPE_CHECKING:
    from pytest_failhard.gates.llm.declaration import LlmSettings
    from pytest_failhard.gates.llm.lanes import Lane
    from pytest_failhard.gates.llm.sheet import Sheet

WATCH_SECONDS, WATCH_MOST_SECONDS = 15.0, 60.0
"""A load is watched for so long at least, and until it has reached the limit or a whole minute is over."""


def keep_rates(bench: Bench) -> None:
    """Judge each declared limit of a model that the call asks; raises VerdictError, GateError."""
    asked = {model for _, model in bench.seen.models}
    for model, declared in sorted(bench.settings.limits.items()):
        if model in asked:
            bench.sheet.limited.add(model)
            _judge(bench, Limit(model=model, rpm=declared.rpm, tpm=declared.tpm))


def unasked(settings: LlmSettings, sheet: Sheet) -> Iterator[VerdictError]:
    """Yield an error for each limit of a model that no call asks: it could not be judged."""
    for model in sorted(settings.limits.keys() - sheet.limited):
        text = f"limits: no call asked the model {model!r}; correct its name or remove the limit"
        yield VerdictError("load-too-small", text)


def _judge(bench: Bench, limit: Limit) -> None:
    name = f"{limit.model}-rate@{bench.call.id}"
    lane = bench.lanes[0]
    lane.renew()
    if limit.tpm is not None:
        lane.router.usage = Usage(input=limit.tokens_per_answer)
    try:
        crowd = lane.crowd(name, limit.calls_to_offer, WATCH_MOST_SECONDS, _Watch(lane, limit).enough)
    finally:
        lane.router.usage = None
        lane.renew()
    attempts = crowd.ledger.attempts
    bench.sheet.record(crowd.ledger)
    seen = windows(attempts, limit)
    bench.sheet.add_windows(seen)
    bench.facts[name] = {"offered": crowd.offered, **{each.what: each.limit for each in seen}}
    expectation = bench.seen.expectation(bench.seen.second, name)
    bench.sheet.find(rate_limits(attempts, expectation, limit=limit, offered=crowd.offered))


class _Watch:
    """Tells when a load has shown what it can."""

    def __init__(self, lane: Lane, limit: Limit) -> None:
        self._lane = lane
        self._limit = limit
        self._began = time.monotonic()

    def enough(self) -> bool:
        """Tell whether it was watched for long enough, and a limit was reached."""
        if time.monotonic() - self._began < WATCH_SECONDS:
            return False
        counted = windows(self._lane.router.ledger.attempts, self._limit)
        return any(each.count >= each.limit for each in counted)
