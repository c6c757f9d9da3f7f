"""Times a handler in the project's own test, as a pytest plugin: what it takes, and how much more is 20 %.

Loaded instead of ours: its fixture `failhard_benchmark` writes a JSON object to the file that the environment
variable names: the `units` of work that are the wanted part of a call, and the ratio `achieved` with them.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pytest

OUTPUT, WANTED = "HANDLER_TIMES", "HANDLER_WANTED"
TURNS = 3000
PROBE = 2000
"""So many units show what one takes."""
Call = Callable[[], object]


def work(units: int) -> int:
    """Do what is planted."""
    return sum(number * number for number in range(units))


def ratio(over: Call, under: Call) -> float:
    """Return how many times as much processor time the first takes, of both in turns.

    The tenth that is fastest counts: neighbours empty the caches, which a call of much code minds most.
    """
    calls = (over, under)
    spent: tuple[list[int], list[int]] = ([], [])
    for turn in range(TURNS):
        for place in (0, 1) if turn % 2 else (1, 0):
            began = time.process_time_ns()
            calls[place]()
            spent[place].append(time.process_time_ns() - began)
    fast, other = (statistics.quantiles(each, n=10)[0] for each in spent)
    return fast / other


class Timed:
    """Stands where `failhard_benchmark` is asked for."""

    def __call__(self, function: Callable[..., object], *args: object, **kwargs: object) -> object:
        """Time the call and the work in turns."""
        wanted = float(os.environ[WANTED])

        def call() -> object:
            return function(*args, **kwargs)

        # What is planted costs the same wherever it stands; by itself, its part of the call is told best.
        units = round(PROBE * wanted * ratio(call, lambda: work(PROBE)))
        found = {"units": units, "achieved": 1 + ratio(lambda: work(units), call)}
        Path(os.environ[OUTPUT]).write_text(json.dumps(found), "utf-8")
        return call()


@pytest.fixture
def failhard_benchmark() -> Timed:
    """Time what it is called with."""
    return Timed()
