"""How a batch is made: warm-up, length, setup and teardown, injected slowness."""

from __future__ import annotations

import gc
import time

import pytest

from pytest_failhard.gates.performance.serve import work
from pytest_failhard.gates.performance.serve.clocks import Spent
from pytest_failhard.gates.performance.serve.work import Around, Call, Injection, Pedantic


class Even:
    """Work of which each call takes the same."""

    mode = "call"

    def __init__(
        self, *, wall: int, cpu: int, children: int = 0, delay: int = 0, most: int = 1_000_000
    ) -> None:
        self.most = most
        self.batches: list[int] = []
        self._each = wall, cpu, children, delay

    def once(self, around: Around = lambda call: call()) -> object:
        """Do nothing."""
        return around(lambda: None)

    def timed(self, calls: int, injected: Injection | None = None) -> Spent:
        """Take so long."""
        self.batches.append(calls)
        wall, cpu, children, delay = (calls * each for each in self._each)
        return Spent(wall=wall, cpu=cpu, children=children, delay=delay)


@pytest.mark.parametrize(
    ("even", "calls"),
    [
        (Even(wall=10_000, cpu=10_000), 400),
        (Even(wall=30_000, cpu=1_000, children=9_000), 400),
        (Even(wall=1_000_000, cpu=10_000), 40),
        (Even(wall=1_000_000, cpu=10_000, delay=990_000), 400),
        (Even(wall=5_000_000, cpu=4_900_000), 1),
        (Even(wall=1, cpu=1, most=64), 64),
        (Even(wall=0, cpu=0, most=2_000_000), 2_000_000),
    ],
    ids=["work", "children", "waiting", "queueing", "one", "prepared", "nothing"],
)
def test_a_batch_is_long_enough_and_no_longer(even: Even, calls: int) -> None:
    chosen, _ = work.calibrate(even)
    assert chosen == calls
    assert even.batches[:2] == [1, 1]


class Warming(Even):
    """Work whose calls take a tenth after the first twenty."""

    def timed(self, calls: int, injected: Injection | None = None) -> Spent:
        """Take so long."""
        spent = super().timed(calls, injected)
        cold = sum(self.batches) <= 20
        return spent if cold else Spent(wall=spent.wall // 10, cpu=spent.cpu // 10)


def test_what_was_cold_does_not_say_how_long_a_batch_is() -> None:
    warming = Warming(wall=400_000, cpu=400_000)

    assert work.calibrate(warming) == (100, 40_000)
    assert warming.batches == [1, 1, 10, 10, 100]


def test_what_is_slow_is_not_called_more_often_than_it_must() -> None:
    even = Even(wall=600_000_000, cpu=600_000_000)
    assert work.calibrate(even) == (1, 600_000_000)
    assert even.batches == [1]


@pytest.mark.parametrize(("calls", "batches"), [(10, [2, 10]), (3, [3])])
def test_a_quarter_of_a_batch_comes_first_and_does_not_count(calls: int, batches: list[int]) -> None:
    even = Even(wall=7, cpu=7)
    assert work.batch(even, calls).wall == 7 * calls
    assert even.batches == batches
    assert gc.isenabled()


def spin() -> None:
    end = time.thread_time_ns() + 2_000_000
    while time.thread_time_ns() < end:
        pass


def test_more_work_is_injected_into_what_is_timed() -> None:
    spent = Call(spin).timed(1, work.injection({"cpu": 0.5}))
    assert spent.cpu >= 3_000_000


def test_waiting_is_injected_into_what_is_timed() -> None:
    spent = Call(spin).timed(1, work.injection({"wall": 2.0}))
    assert spent.wall - spent.cpu >= 3_000_000


def test_nothing_is_injected_unasked() -> None:
    assert work.injection(None) is None


def test_arguments_are_passed_on() -> None:
    seen: list[object] = []
    call = Call(lambda *args, **kwargs: seen.append((args, kwargs)), (1,), {"b": 2})
    call.timed(2)
    assert seen == [((1,), {"b": 2})] * 2


def test_pedantic_without_setup_is_a_plain_call() -> None:
    seen: list[int] = []
    pedantic = Pedantic(seen.append, (1,))
    pedantic.timed(200)
    assert len(seen) == 200
    assert (pedantic.mode, pedantic.most > 64) == ("pedantic", True)


def test_what_setup_and_teardown_do_is_not_timed() -> None:
    events: list[str] = []

    def slow(*_: object) -> None:
        events.append("around")
        spin()
        spin()

    pedantic = Pedantic(lambda: events.append("call"), setup=slow, teardown=slow)
    spent = pedantic.timed(3)
    assert events == ["around", "call", "around"] * 3
    # Six times 4 ms lie around the calls.
    assert spent.cpu < 24_000_000
    assert pedantic.most == 64


def test_arguments_have_one_source() -> None:
    pedantic = Pedantic(len, ([],), setup=lambda: (([],), {}))
    with pytest.raises(TypeError, match="if `setup` returns the arguments"):
        pedantic.once()


def test_a_result_that_is_no_work_is_named() -> None:
    assert work.lazy(each for each in [1]) == "generator"
    assert work.lazy([1]) == work.lazy(None) == ""
