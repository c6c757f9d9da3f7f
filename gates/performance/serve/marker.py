"""Reads the marker `failhard_perf`: what a benchmark demands of itself, and mistakes in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

NAME = "failhard_perf"
HELP = (
    f"{NAME}(max_regression=, budget_ms=, pin=, clock=): how much slower this benchmark may become "
    "(a part of 1, at most 0.15); the CPU time per call of one that is new; pin=False for one that needs "
    "several processors; further clocks that must hold (cpu, cpu_mean, adj, wall)"
)
LOOSEST = Decimal("0.15")
CLOCKS = ("cpu", "cpu_mean", "adj", "wall")
FIXTURES = frozenset({"benchmark", "codspeed_benchmark", "failhard_benchmark"})
"""A test that requests one of these is a benchmark."""


@dataclass(frozen=True, kw_only=True)
class Demands:
    """What the marker says; numbers as decimal text, empty for what it does not say."""

    max_regression: str = ""
    budget_ms: str = ""
    pin: bool = True
    clock: tuple[str, ...] = ()
    mistakes: tuple[str, ...] = ()


def read(marks: Iterable[tuple[tuple[object, ...], Mapping[str, object]]]) -> Demands:
    """Return what positional and keyword arguments of the markers say, the closest first."""
    values: dict[str, object] = {}
    mistakes: list[str] = []
    for args, kwargs in marks:
        if args:
            mistakes.append("takes keyword arguments only")
        for key, value in kwargs.items():
            wrong = WRONG[key](value) if key in WRONG else f"has no {key}: it knows {', '.join(WRONG)}"
            mistakes += [wrong] if wrong else []
            values.setdefault(key, value)
    if mistakes:
        return Demands(mistakes=tuple(dict.fromkeys(mistakes)))
    clock = values.get("clock", ())
    return Demands(
        max_regression=_text(values.get("max_regression")),
        budget_ms=_text(values.get("budget_ms")),
        pin=values.get("pin", True) is True,
        clock=(clock,) if isinstance(clock, str) else _names(clock),
    )


def _number(value: object) -> Decimal | None:
    """Return what a number says in decimal digits: of a float those that Python prints."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and number > 0 else None


def _text(value: object) -> str:
    number = _number(value)
    return "" if number is None else f"{number:f}"


def _names(value: object) -> tuple[str, ...]:
    return tuple(str(name) for name in value) if isinstance(value, (tuple, list)) else ()


def _wrong_limit(value: object) -> str:
    number = _number(value)
    if number is None:
        return f"max_regression is {value!r}, not a number above 0"
    return f"max_regression is {number:f}: it may be lower than {LOOSEST}, not higher" * (number > LOOSEST)


def _wrong_budget(value: object) -> str:
    return "" if _number(value) else f"budget_ms is {value!r}, not a number above 0"


def _wrong_pin(value: object) -> str:
    return "" if isinstance(value, bool) else f"pin is {value!r}, not True or False"


def _wrong_clock(value: object) -> str:
    names = (value,) if isinstance(value, str) else _names(value)
    known = bool(names) and all(name in CLOCKS for name in names)
    return "" if known else f"clock is {value!r}, not one or several of {', '.join(CLOCKS)}"


WRONG: Mapping[str, Callable[[object], str]] = {
    "max_regression": _wrong_limit,
    "budget_ms": _wrong_budget,
    "pin": _wrong_pin,
    "clock": _wrong_clock,
}
