"""What no single case can show: waits, rates, a circuit, a budget, and calls under load."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from pytest_failhard.gates.llm.series_budget import keep_budget, prices
from pytest_failhard.gates.llm.series_circuit import open_circuit
from pytest_failhard.gates.llm.series_pauses import back_off
from pytest_failhard.gates.llm.series_rates import keep_rates, unasked
from pytest_failhard.gates.llm.series_soak import soak
from pytest_failhard.llm.verdicts.rules import VerdictError
from pytest_failhard.model import GateError

if TYPE_CHECKING:
    from pytest_failhard.gates.llm.declaration import LlmSettings
    from pytest_failhard.gates.llm.series_bench import Bench
    from pytest_failhard.gates.llm.sheet import Sheet
    from pytest_failhard.model import Run

SERIES_FROM_LEVEL = 3
"""Waits and rates; a circuit, a budget and the soak are demanded one level above."""
ALL_FROM_LEVEL = 4

Series = Callable[["Bench"], None]


def run(bench: Bench) -> None:
    """Run the series that the level demands of a call, one after the other; each fails for itself."""
    for series in _demanded(bench.run.level):
        try:
            series(bench)
        except (VerdictError, GateError) as error:
            bench.sheet.fail(error)


def close(run: Run, settings: LlmSettings, sheet: Sheet) -> None:
    """Judge what the calls together leave: prices of a declared budget, limits of models never asked."""
    sheet.find(prices(settings, run.today))
    if run.level >= SERIES_FROM_LEVEL:
        for error in unasked(settings, sheet):
            sheet.fail(error)


def _demanded(level: int) -> Iterator[Series]:
    if level >= SERIES_FROM_LEVEL:
        yield from (back_off, keep_rates)
    if level >= ALL_FROM_LEVEL:
        yield from (open_circuit, keep_budget, soak)
