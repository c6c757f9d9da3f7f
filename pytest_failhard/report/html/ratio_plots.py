"""Ratios head / base as drawings: intervals beside the limit, and pair by pair in time order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from pytest_failhard.report.html import svg
from pytest_failhard.report.html.svg import Scale, element, label, line, mark, polyline

if TYPE_CHECKING:
    from pytest_failhard.report.html.measured import Clock, Decided

WIDTH, MARGIN = 720.0, 14.0
ROW, HEAD_ROW, TOP, BOTTOM = 22.0, 24.0, 22.0, 24.0
CLOCK_WIDTH = 84.0
NEAR = (1.05, 1.20)
"""Between these the answer depends on which side of the limit the measured mean falls."""
NEAR_LABEL = "near the limit: 1.05 to 1.20"
NAME_CHARACTERS = 88
SHAPES: Mapping[str, str] = {"cpu": "circle", "cpu_mean": "square", "adj": "triangle", "wall": "diamond"}
SMALL_WIDTH, SMALL_HEIGHT = 340.0, 176.0
SMALL_LEFT, SMALL_RIGHT, SMALL_TOP, SMALL_BOTTOM = 38.0, 328.0, 10.0, 150.0


def forest_scale(decided: Sequence[Decided]) -> Scale:
    """Return the scale that holds all intervals, the same for measurements and for the self-check."""
    values = [
        float(value)
        for each in decided
        for clock in each.clocks
        for value in (clock.low, clock.high, clock.ratio, each.limit)
    ]
    return svg.ratio_scale(values, MARGIN + CLOCK_WIDTH, WIDTH - MARGIN)


def forest(rows: Sequence[Decided], scale: Scale, title: str) -> str:
    """Return a row for each benchmark and clock: its interval, beside the limit and what is near it."""
    decided = [each for each in rows if each.clocks]
    height = TOP + sum(HEAD_ROW + ROW * len(each.clocks) for each in decided) + 6
    near = element(
        "rect",
        x=scale.at(NEAR[0]),
        y=TOP,
        width=scale.at(NEAR[1]) - scale.at(NEAR[0]),
        height=height - TOP,
        class_="near",
    )
    parts = [
        near,
        label((scale.at(NEAR[0]) + scale.at(NEAR[1])) / 2, 14, NEAR_LABEL, "tick", "middle"),
        *svg.grid_x(scale, TOP, height),
        line(scale.at(1.0), TOP, scale.at(1.0), height, "one"),
        *_rows(decided, scale),
    ]
    return svg.drawing(title, height + BOTTOM, parts, WIDTH, "forest")


def _rows(decided: Sequence[Decided], scale: Scale) -> Iterator[ET.Element]:
    y = TOP
    for each in decided:
        bottom = y + HEAD_ROW + ROW * len(each.clocks)
        yield label(MARGIN, y + 17, shortened(each.benchmark), "row")
        limit = scale.at(float(each.limit))
        yield line(limit, y + HEAD_ROW - 4, limit, bottom, "limit")
        y += HEAD_ROW
        for clock in each.clocks:
            yield from _interval(each, clock, scale, y + ROW / 2)
            y += ROW


def _interval(decided: Decided, clock: Clock, scale: Scale, y: float) -> Iterator[ET.Element]:
    low, high, ratio = (float(value) for value in (clock.low, clock.high, clock.ratio))
    kind = f"{decided.state} {'deciding' if clock.name == decided.clock else ''}".strip()
    yield label(MARGIN + 10, y + 4, clock.name, "clock")
    yield line(scale.at(low), y, scale.at(high), y, f"interval {kind}")
    yield from (line(scale.at(end), y - 4, scale.at(end), y + 4, f"interval {kind}") for end in (low, high))
    said = f"{decided.benchmark}, {clock.name}: {clock.ratio}, {clock.low} to {clock.high}"
    yield mark(
        SHAPES.get(clock.name, "circle"),
        scale.at(ratio),
        y,
        kind,
        said,
        data_benchmark=decided.benchmark,
        data_clock=clock.name,
        data_ratio=clock.ratio,
        data_low=clock.low,
        data_high=clock.high,
    )


def pairs(decided: Decided) -> str:
    """Return the ratio of every pair in time order, alarms and the pairs that were to confirm them marked."""
    numbers = decided.numbers
    across = Scale(low=min(numbers), high=max(numbers), start=SMALL_LEFT + 10, end=SMALL_RIGHT - 8)
    values = [*(each.value for each in decided.ratios), float(decided.limit)]
    upright = svg.ratio_scale(values, SMALL_BOTTOM, SMALL_TOP)
    limit = upright.at(float(decided.limit))
    parts = [
        *_confirming(decided, across),
        *svg.grid_y(upright, SMALL_LEFT, SMALL_RIGHT),
        line(SMALL_LEFT, upright.at(1.0), SMALL_RIGHT, upright.at(1.0), "one"),
        line(SMALL_LEFT, limit, SMALL_RIGHT, limit, "limit"),
        *_numbered(numbers, across),
        *(part for clock in decided.clocks for part in _series(decided, clock.name, across, upright)),
        *_alarms(decided, across, upright),
    ]
    return svg.drawing(f"Ratio of each pair: {decided.benchmark}", SMALL_HEIGHT, parts, SMALL_WIDTH, "pairs")


def _numbered(numbers: Sequence[int], across: Scale) -> Iterator[ET.Element]:
    every = max(1, len(numbers) // 8)
    for number in numbers[::every]:
        yield label(across.at(number), SMALL_BOTTOM + 16, str(number), "tick", "middle")


def _confirming(decided: Decided, across: Scale) -> Iterator[ET.Element]:
    half = (across.at(1) - across.at(0)) / 2
    for alarm in decided.alarms:
        start, end = across.at(alarm.confirming.start) - half, across.at(alarm.confirming.stop - 1) + half
        yield element(
            "rect",
            element("title", text=f"confirming the alarm after pair {alarm.pair}"),
            x=start,
            y=SMALL_TOP,
            width=max(0.0, end - start),
            height=SMALL_BOTTOM - SMALL_TOP,
            class_="confirming",
        )


def _series(decided: Decided, clock: str, across: Scale, upright: Scale) -> Iterator[ET.Element]:
    known = [each for each in decided.ratios if each.clock == clock]
    yield polyline(((across.at(each.pair), upright.at(each.value)) for each in known), f"series {clock}")
    for each in known:
        yield mark(
            SHAPES.get(clock, "circle"),
            across.at(each.pair),
            upright.at(each.value),
            f"series {clock}",
            f"pair {each.pair}, {clock}: {each.text}",
            data_pair=str(each.pair),
            data_clock=clock,
            data_ratio=each.text,
        )


def _alarms(decided: Decided, across: Scale, upright: Scale) -> Iterator[ET.Element]:
    places = {(each.pair, each.clock): each.value for each in decided.ratios}
    for alarm in decided.alarms:
        value = places.get((alarm.pair, alarm.clock), float(decided.limit))
        yield element(
            "circle",
            element("title", text=f"alarm on {alarm.clock} after pair {alarm.pair}"),
            cx=across.at(alarm.pair),
            cy=upright.at(value),
            r=9.0,
            class_="alarm",
        )


def shortened(name: str) -> str:
    """Return a name that fits a drawing: its end says which benchmark of a file it is."""
    return name if len(name) <= NAME_CHARACTERS else f"…{name[1 - NAME_CHARACTERS :]}"
