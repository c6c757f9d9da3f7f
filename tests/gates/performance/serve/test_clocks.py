"""The arithmetic of the clocks, from recorded texts of `schedstat`, and the clocks of this machine."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from pytest_failhard.gates.performance.serve import clocks
from pytest_failhard.gates.performance.serve.clocks import Reading, Spent, difference, parse
from tests.support import write

MAIN = "7439626 8067427 3\n"
LATER = "13439626 14067427 9\n"
"""The same thread 6 ms of work and 6 ms of waiting later."""
OTHER = "900000 201000000 40\n"
LATER_OTHER = "1900000 202000000 41\n"


def reading(texts: dict[int, str], *, wall: int = 0, cpu: int = 0, children: int = 0) -> Reading:
    return Reading(wall=wall, cpu=cpu, children=children, threads=parse(texts))


def test_a_recorded_text_is_read() -> None:
    assert parse({11: MAIN}) == {11: (7_439_626, 8_067_427)}


def test_the_delay_is_taken_off() -> None:
    spent = difference(reading({1: MAIN}), reading({1: LATER}, wall=12_000_000, cpu=6_000_000))
    assert spent == Spent(wall=12_000_000, cpu=6_000_000, children=0, delay=6_000_000, sound=True)
    assert spent.batch(adjusted=True)["adj"] == 6_000_000


def test_delays_of_several_threads_add_up_and_work_is_the_least() -> None:
    after = reading({1: LATER, 2: LATER_OTHER}, wall=9_000_000, cpu=7_000_000)
    spent = difference(reading({1: MAIN, 2: OTHER}), after)
    assert (spent.delay, spent.sound) == (7_000_000, True)
    assert spent.batch(adjusted=True)["adj"] == 7_000_000


def test_a_new_thread_is_counted_from_nothing() -> None:
    new = {1: LATER, 2: "1000000 500000 2\n"}
    spent = difference(reading({1: MAIN}), reading(new, wall=15_000_000, cpu=7_000_000))
    assert (spent.delay, spent.sound) == (6_500_000, True)


def test_a_thread_that_is_gone_makes_the_delay_unknown() -> None:
    # It takes 201 ms of delay along: a difference of sums would be negative.
    spent = difference(reading({1: MAIN, 2: OTHER}), reading({1: LATER}, wall=12_000_000, cpu=6_000_000))
    assert not spent.sound
    assert spent.batch(adjusted=True)["adj"] is None


@pytest.mark.parametrize(
    ("cpu", "sound"), [(6_200_000, True), (6_200_001, False), (5_000_000, True)], ids=["some", "more", "lag"]
)
def test_work_that_no_thread_accounts_for(cpu: int, *, sound: bool) -> None:
    spent = difference(reading({1: MAIN}), reading({1: LATER}, wall=12_000_000, cpu=cpu))
    assert spent.sound is sound


def test_of_much_work_a_fiftieth_may_be_unaccounted_for() -> None:
    texts = {1: "100000000 0 1\n"}
    before = reading({1: "0 0 1\n"})
    assert difference(before, reading(texts, wall=1, cpu=102_000_000)).sound
    assert not difference(before, reading(texts, wall=1, cpu=102_100_000)).sound


def test_children_make_it_unknown_and_are_told() -> None:
    after = reading({1: LATER}, wall=40_000_000, cpu=6_000_000, children=30_000_000)
    batch = difference(reading({1: MAIN}), after).batch(adjusted=True)
    assert (batch["children"], batch["adj"]) == (30_000_000, None)


def test_one_unsound_part_spoils_the_whole() -> None:
    good = Spent(wall=5, cpu=1, delay=2)
    assert (good + good).batch(adjusted=True) == {"wall": 10, "cpu": 2, "children": 0, "delay": 4, "adj": 6}
    assert (good + Spent(sound=False)).batch(adjusted=True)["adj"] is None
    assert good.batch(adjusted=False)["adj"] is None


def test_accounts_that_stand_still_or_are_not_there_are_not_used() -> None:
    before = reading({1: MAIN})
    assert clocks.missing(before, reading({1: LATER})) == ""
    assert "does not move" in clocks.missing(before, before)
    assert "no /proc/self/task" in clocks.missing(reading({}), reading({}))


def test_the_clocks_of_this_machine_see_work_in_a_thread() -> None:
    begun, ended = threading.Event(), threading.Event()

    def work() -> None:
        begun.wait()
        while time.thread_time_ns() < 3_000_000:
            pass
        ended.set()
        done.wait()

    done = threading.Event()
    thread = threading.Thread(target=work)
    thread.start()
    before = clocks.start()
    begun.set()
    ended.wait()
    spent = clocks.difference(before, clocks.stop())
    done.set()
    thread.join()
    assert spent.wall > 0
    assert spent.cpu >= 2_500_000
    assert clocks.unavailable() or spent.delay >= 0


def test_where_there_is_nothing_to_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "task", {"11/schedstat": MAIN, "12/comm": "gone"})
    monkeypatch.setattr(clocks, "TASKS", str(tmp_path / "task"))
    assert clocks.start().threads == {11: (7_439_626, 8_067_427)}
    monkeypatch.setattr(clocks, "HAS_TASKS", False)
    assert clocks.stop().threads == {}
    assert "no " in clocks.unavailable()
