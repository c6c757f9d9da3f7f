"""The rows of the table: the name of each method, and how it is computed from recorded pairs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

from benchmarks.performance_gate import methods, replay
from benchmarks.performance_gate.methods import (
    Clock,
    Compared,
    Statistic,
    above,
    fixed,
    least,
    mean,
    mean_above,
    mean_surely_above,
    median,
    quarter,
    sequential,
)
from benchmarks.performance_gate.recorded import NOISY, QUIET, REFERENCE, SAME, Calls, Side
from benchmarks.performance_gate.replay import Series, Table, by, single
from pytest_failhard.gates.performance.samples import CPU, CPU_MEAN

Row = Callable[[Series], Table]
OURS = "the gate's rule: CPU, mean CPU and adjusted clock, 3..12..24, confirmation"
STORED = "stored median wall > 15 %"


def _alike(compared: Compared) -> Callable[[Side, Side, str], bool]:
    return lambda base, head, level: compared(base[SAME], head[level])


def _by_reference(base: Side, head: Side, level: str) -> bool:
    references = base[REFERENCE], head[REFERENCE]
    ratio = methods.normalised((base[SAME], references[0]), (head[level], references[1]), "wall", median)
    return ratio > methods.LIMIT


def _stored(compared: Callable[[Side, Side, str], bool]) -> Row:
    def row(series: Series) -> Table:
        return {
            cell: tally
            for noise in (QUIET, NOISY)
            for cell, tally in replay.stored(series, (noise, noise), compared).items()
        }

    return row


def _stored_across(before: str, after: str) -> Row:
    return lambda series: replay.stored(series, (before, after), _alike(above("wall", median)))


def _five_processes(series: Series) -> Table:
    return {
        cell: tally
        for noise in (QUIET, NOISY)
        for cell, tally in replay.stored_groups(series, (noise, noise), by_reference=False).items()
    }


def _five_processes_across(series: Series) -> Table:
    return replay.stored_groups(series, (QUIET, NOISY), by_reference=True)


def _one_pair(compared: Compared) -> Row:
    return lambda series: replay.one_pair(series, compared)


def _one_process(series: Series) -> Table:
    return replay.one_process(series, above("wall", median))


def _together(series: Series) -> Table:
    return replay.together(series, above("wall", median))


def _and(first: Compared, second: Compared) -> Compared:
    return lambda base, head: first(base, head) and second(base, head)


def _ranks(p: float) -> Compared:
    return lambda base, head: methods.slower_by_ranks(base, head, p)


def _five(clock: Clock, statistic: Statistic, slower: Callable[..., bool]) -> Row:
    decided = single(functools.partial(fixed, size=replay.FIVE, slower=slower))
    return lambda series: replay.windows(series, by(clock, statistic), replay.FIVE, decided)


def _sequential(clock: Clock, statistic: Statistic) -> Row:
    return lambda series: replay.windows(series, by(clock, statistic), methods.MOST, single(sequential))


def _gate(*names: str) -> Row:
    def logs(base: Calls, head: Calls) -> methods.Logs:
        return methods.gate_logs(base, head, 0)

    decided = functools.partial(methods.gate_rule, names=names or methods.CLOCKS)
    return lambda series: replay.windows(series, logs, replay.WINDOW, decided)


ROWS: Mapping[str, Row] = {
    STORED: _stored(_alike(above("wall", median))),
    "stored mean wall > 15 %": _stored(_alike(above("wall", mean))),
    "stored min wall > 15 %": _stored(_alike(above("wall", least))),
    "stored median wall, baseline quiet, candidate noisy": _stored_across(QUIET, NOISY),
    "stored median wall, baseline noisy, candidate quiet": _stored_across(NOISY, QUIET),
    "stored median wall / reference workload > 15 %": _stored(_by_reference),
    "stored, mean of 5 processes, q25 CPU > 15 %": _five_processes,
    "same, quiet to noisy, divided by reference CPU": _five_processes_across,
    "Mann-Whitney p < .05, 1 pair, no threshold": _one_pair(_ranks(0.05)),
    "bootstrap interval > 1, 1 pair, no threshold": _one_pair(methods.slower_by_resampling),
    "Mann-Whitney p < .002 and > 15 %, 1 pair": _one_pair(_and(_ranks(0.002), above("wall", median))),
    "bootstrap interval > 1 and > 15 %, 1 pair": _one_pair(
        _and(methods.slower_by_resampling, above("wall", median))
    ),
    "alternating, 1 pair, median wall > 15 %": _one_pair(above("wall", median)),
    "alternating, 1 pair, min wall > 15 %": _one_pair(above("wall", least)),
    "alternating, 1 pair, min CPU > 15 %": _one_pair(above("cpu", least)),
    "alternating calls in one process, median wall > 15 %": _one_process,
    "both sides at the same time, median wall > 15 %": _together,
    "5 pairs, mean of median wall > 15 %": _five("wall", median, mean_above),
    "5 pairs, min wall, > 15 % and t-interval > 1": _five("wall", least, mean_surely_above),
    "5 pairs, min CPU, > 15 % and t-interval > 1": _five("cpu", least, mean_surely_above),
    "sequential 3..12, median wall": _sequential("wall", median),
    "sequential 3..12, min wall": _sequential("wall", least),
    "sequential 3..12, q25 CPU": _sequential("cpu", quarter),
    "sequential 3..12, mean CPU": _sequential("cpu", mean),
    "sequential 3..12, min CPU": _sequential("cpu", least),
    "the gate's rule, CPU and mean CPU alone": _gate(CPU, CPU_MEAN),
    OURS: _gate(),
}
