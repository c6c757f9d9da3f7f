"""Times a handler in the project's own test, as a pytest plugin: what it takes, and how much more is 20 %.

Loaded instead of ours: its fixture `failhard_benchmark` writes a JSON object to the file that the environment
variable names: the `units` of work that are the wanted part of a call, and the ratio `achieved` with them.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

OUTPUT, WANTED = "HANDLER_TIMES", "HANDLER_WANTED"
BLOCKS = 400
CALLS = 8
PROBE = 2000
"""So many units show what one takes."""
Call = Callable[[], object]


def work(units: int) -> int:
    """Do what is planted."""
    return sum(number * number for number in range(units))


def ratio(over: Call, under: Call) -> float:
    """Return how many times as much processor time the first takes: the median of blocks of both in turns."""
    return statistics.median(_block((over, under)) for _ in range(BLOCKS))


def _block(calls: Sequence[Call]) -> float:
    spent = [0, 0]
    for turn in range(CALLS):
        for place in (0, 1) if turn % 2 else (1, 0):
            began = time.process_time_ns()
            calls[place]()
            spent[place] += time.process_time_ns() - began
    return spent[0] / spent[1]


class Timed:
    """Stands where `failhard_benchmark` is asked for."""

    def __call__(self, function: Callable[..., object], *args: object, **kwargs: object) -> object:
        """Time the call and the work in turns."""
        wanted = float(os.environ[WANTED])

        def call() -> object:
            return function(*args, **kwargs)

        # What is planted costs the same wherever it stands: its part of the call is told more exactly by itself.
        units = round(PROBE * wanted * ratio(call, lambda: work(PROBE)))
        found = {"units": units, "achieved": 1 + ratio(lambda: work(units), call)}
        Path(os.environ[OUTPUT]).write_text(json.dumps(found), "utf-8")
        return call()


@pytest.fixture
def failhard_benchmark() -> Timed:
    """Time what it is called with."""
    return Timed()
