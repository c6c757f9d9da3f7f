"""Tests of where a pair of servers and what asks them run."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from pytest_failhard.gates.performance.routes import processors
from pytest_failhard.gates.performance.routes.processors import Placement


def test_the_processor_of_the_servers_rotates_and_the_load_keeps_off_it() -> None:
    places = [processors.placement(number, (7, 2, 4)) for number in range(4)]
    assert [each.servers for each in places] == [2, 4, 7, 2]
    assert places[0].load == {4, 7}


@pytest.mark.parametrize("allowed", [(), (3,)])
def test_without_a_choice_nothing_is_placed(allowed: tuple[int, ...]) -> None:
    place = processors.placement(0, allowed)
    before = processors.allowed()
    with processors.starting(place), processors.loading(place):
        assert (place, processors.allowed()) == (Placement(), before)


def test_what_is_started_is_placed_and_so_are_our_threads_meanwhile() -> None:
    allowed = processors.allowed()
    assert set(allowed) == os.sched_getaffinity(0)
    one, last = allowed[0], frozenset({allowed[-1]})
    place = Placement(servers=one, load=last)
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    try:
        with processors.starting(place):
            argv = [sys.executable, "-I", "-S", "-c", "import os; print(os.sched_getaffinity(0))"]
            said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
        assert said.strip() == str({one})
        with processors.loading(place):
            assert os.sched_getaffinity(0) == last == os.sched_getaffinity(thread.native_id or 0)
        assert processors.allowed() == allowed
        assert os.sched_getaffinity(thread.native_id or 0) == set(allowed)
    finally:
        over.set()
        thread.join()


def test_other_platforms_say_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert processors.allowed() == ()
