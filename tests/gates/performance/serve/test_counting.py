"""How it is decided that two calls did the same."""

from __future__ import annotations

from pathlib import Path

from pytest_failhard.gates.performance.serve.counting import Counters
from pytest_failhard.gates.performance.serve.proof import Product
from pytest_failhard.gates.performance.serve.work import SLOW_NS, Call
from tests.gates.performance import counted_product

PRODUCT = Product(tree=Path(counted_product.__file__).parent, packages=("tests",))
NAME = "counted_product.py::step"


def count(sizes: list[int], *, first_ns: int = 0) -> dict[str, object]:
    """Count calls of which each enters `step` as often as is said."""
    left = iter(sizes)
    return Counters(PRODUCT).count(Call(lambda: counted_product.steps(next(left))), first_ns)


def steps(counted: dict[str, object]) -> int:
    functions = counted["functions"]
    assert isinstance(functions, dict)
    number: int = functions[NAME]
    return number


def test_the_first_two_agree() -> None:
    # Three calls are for memory, before.
    counted = count([0, 0, 0, 4, 4, 9, 9])
    assert (steps(counted), counted["steady"]) == (4, True)


def test_a_late_thread_or_a_cache_is_forgiven_once() -> None:
    counted = count([0, 0, 0, 5, 4, 4, 4, 4])
    assert (steps(counted), counted["steady"]) == (4, True)


def test_what_differs_each_time_is_not_steady() -> None:
    assert not count([0, 0, 0, 1, 2, 3, 4, 5, 6])["steady"]


def test_what_is_slow_is_called_less() -> None:
    counted = count([0, 7, 7], first_ns=SLOW_NS + 1)
    assert (steps(counted), counted["steady"], counted["opcodes"]) == (7, True, None)
