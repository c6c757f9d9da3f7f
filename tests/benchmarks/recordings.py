"""Recorded pairs as they would be on a machine whose speed is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.performance_gate.recorded import AGAIN, LEVELS, NOISES, REFERENCE, SAME, Calls, RawPair, Side

BASE_US = 2000
CALLS = 10


def calls(us: float, *, waiting: float = 0, adjusted: bool = True) -> Calls:
    """Return calls that take about so long, and wait for a processor in between."""
    cpu = tuple(round(us) + number for number in range(CALLS))
    return Calls(cpu=cpu, wall=tuple(round(each + waiting) for each in cpu), adjusted=cpu if adjusted else ())


def side(speed: float = 1.0) -> Side:
    """Return a side on a machine that is so much slower."""
    slower = {SAME: 0, AGAIN: 0} | {level: int(level) for level in LEVELS if level != AGAIN}
    measured = {level: calls(BASE_US * speed * (1 + percent / 100)) for level, percent in slower.items()}
    return {**measured, REFERENCE: calls(500 * speed)}


def together() -> tuple[Side, Side]:
    """Return calls that both sides made at the same time."""
    return {AGAIN: calls(BASE_US), "20": calls(BASE_US)}, {AGAIN: calls(BASE_US), "20": calls(BASE_US * 1.2)}


def steady(turn: int) -> float:
    """Return the speed of a machine that does not drift."""
    del turn
    return 1.0


def recording(
    workloads: Sequence[str] = ("pure",),
    blocks: int = 2,
    pairs: int = 5,
    speed: Callable[[int], float] = steady,
) -> list[RawPair]:
    """Return blocks of pairs; `speed` says how slow the machine is in a block."""
    found = []
    number = 0
    for turn in range(blocks):
        for noise in NOISES:
            for workload in workloads:
                slow = speed(turn)
                found += [
                    RawPair(
                        workload=workload,
                        noise=noise,
                        block=number,
                        number=turn * pairs + place,
                        load=1.0,
                        sides=(side(slow), side(slow)),
                        together=together(),
                    )
                    for place in range(pairs)
                ]
                number += 1
    return found
