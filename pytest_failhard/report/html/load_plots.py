"""Systems and workloads as drawings: windows in turns, latencies summed up, steps over time, ceilings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal
from xml.etree import ElementTree as ET

from pytest_failhard.report.html import svg
from pytest_failhard.report.html.svg import Scale, element, label, line, mark, polyline

if TYPE_CHECKING:
    from pytest_failhard.report.html.load import Latencies, Loop, Route, Turn
    from pytest_failhard.report.html.workloads import Counter, Ran, Steps, Workload

WIDTH, LEFT, RIGHT, TOP, HEIGHT = 720.0, 56.0, 700.0, 12.0, 170.0
STEP_HEIGHT = 96.0
BAR_WIDTH, BAR_HEIGHT = 220.0, 16.0
SHAPES: Mapping[str, str] = {"base": "circle", "head": "triangle"}
SIDES = ("base", "head")
PERCENT = Scale(low=0.0, high=100.0, start=TOP + HEIGHT, end=TOP)
What = Literal["cpu", "rate"]
TITLES: Mapping[What, str] = {
    "cpu": "Milliseconds of CPU for a request",
    "rate": "Requests a second",
}


def windows(route: Route, what: What) -> str:
    """Return both sides turn by turn; what belongs to one turn is joined."""
    couples = [values_of(turn, what) for turn in route.turns]
    known = [value for couple in couples for value in couple if value is not None]
    across = Scale(low=1, high=max(2, len(couples)), start=LEFT + 12, end=RIGHT - 8)
    upright = Scale(low=0.0, high=max([*known, 1e-9]) * 1.08, start=TOP + HEIGHT, end=TOP)
    parts = [
        *svg.grid_y(upright, LEFT, RIGHT),
        *_pair_starts(route, across),
        *(
            part
            for number, (couple, turn) in enumerate(zip(couples, route.turns, strict=True), 1)
            for part in _turn(couple, turn, across.at(number), upright)
        ),
        label((LEFT + RIGHT) / 2, TOP + HEIGHT + 30, "turns in time order", "tick", "middle"),
    ]
    return svg.drawing(f"{TITLES[what]}: {route.name}", TOP + HEIGHT + 36, parts, WIDTH, "steps")


def values_of(turn: Turn, what: What) -> tuple[float | None, float | None]:
    """Return what a turn gave, base and head."""
    return turn.cpu if what == "cpu" else turn.rate


def shown(value: float | None) -> str:
    """Return a figure as the plot and its table have it."""
    return "" if value is None else f"{value:.3f}"


def _pair_starts(route: Route, across: Scale) -> Iterator[ET.Element]:
    for number, turn in enumerate(route.turns, 1):
        if turn.number == 1:
            x = across.at(number) - 6
            yield line(x, TOP, x, TOP + HEIGHT, "grid")
            yield label(x, TOP + HEIGHT + 14, f"pair {turn.pair}", "tick", "start")


def _turn(couple: Sequence[float | None], turn: Turn, x: float, upright: Scale) -> Iterator[ET.Element]:
    known = [value for value in couple if value is not None]
    if len(known) == len(SIDES):
        yield line(x, upright.at(known[0]), x, upright.at(known[1]), "one")
    for side, value in zip(SIDES, couple, strict=True):
        if value is not None:
            said = f"pair {turn.pair}, turn {turn.number}, {side}: {shown(value)}"
            yield mark(
                SHAPES[side],
                x,
                upright.at(value),
                f"of-{side}",
                said,
                data_side=side,
                data_value=shown(value),
            )


def curves(route: Route, loop: Loop) -> str:
    """Return which share of the answers took how long at most, both sides, with p50, p95 and p99."""
    values = [value for side in loop.sides for value in side.values if value > 0]
    low, high = min(values, default=1.0), max(values, default=1.0)
    across = Scale(low=low * 0.95, high=max(high, low * 1.2) * 1.05, start=LEFT, end=RIGHT, is_log=True)
    parts = [
        *svg.grid_y(PERCENT, LEFT, RIGHT),
        *svg.grid_x(across, TOP, TOP + HEIGHT),
        label((LEFT + RIGHT) / 2, TOP + HEIGHT + 32, "milliseconds", "tick", "middle"),
        *(part for side in loop.sides for part in _curve(side, across)),
    ]
    title = f"Percent of the answers within so many milliseconds, {loop.how}: {route.name}"
    return svg.drawing(title, TOP + HEIGHT + 38, parts, WIDTH, "curves")


def _curve(side: Latencies, across: Scale) -> Iterator[ET.Element]:
    count = len(side.values)
    points = [
        (across.at(value), PERCENT.at(100 * place / count)) for place, value in enumerate(side.values, 1)
    ]
    yield polyline(svg.steps(points), f"side-{side.side}")
    for name, value in side.percentiles:
        said = f"{side.side}, {name}: {shown(value)} ms"
        place = PERCENT.at(float(name.removeprefix("p")))
        yield mark(
            SHAPES[side.side],
            across.at(value),
            place,
            f"of-{side.side}",
            said,
            data_side=side.side,
            data_value=shown(value),
        )


def flights(workload: Workload) -> str:
    """Return what was under way over time: base above head, with the declared bound."""
    charts = [(ran, steps) for place in range(2) for ran in workload.drawn for steps in [ran.steps[place]]]
    end = max((steps.end for _, steps in charts), default=0.0)
    across = Scale(low=0.0, high=max(end, 1e-6), start=LEFT, end=RIGHT)
    parts: list[ET.Element] = []
    for number, (ran, steps) in enumerate(charts):
        parts += _flight(workload, ran, steps, across, 26 + number * (STEP_HEIGHT + 44))
    height = 26 + len(charts) * (STEP_HEIGHT + 44)
    return svg.drawing(f"Under way over time, in seconds: {workload.name}", height, parts, WIDTH, "steps")


def _flight(workload: Workload, ran: Ran, steps: Steps, across: Scale, top: float) -> Iterator[ET.Element]:
    bound = workload.bound if steps.name.startswith("LLM") else None
    upright = Scale(low=0, high=max(1, steps.highest, bound or 0) * 1.1, start=top + STEP_HEIGHT, end=top)
    yield label(LEFT, top - 8, f"{ran.side}: {steps.name}", "row")
    yield from svg.grid_y(upright, LEFT, RIGHT)
    yield from svg.grid_x(across, top, top + STEP_HEIGHT)
    if bound is not None:
        yield line(LEFT, upright.at(bound), RIGHT, upright.at(bound), "bound")
        yield label(RIGHT, upright.at(bound) - 4, f"declared bound {bound}", "tick", "end")
    points = [*steps.points, *([(steps.end, steps.points[-1][1])] if steps.points else [])]
    drawn = polyline(((across.at(x), upright.at(y)) for x, y in svg.steps(points)), f"side-{ran.side}")
    drawn.set("data-points", " ".join(f"{moment:.6f},{number}" for moment, number in steps.points))
    yield drawn


def ceiling(counter: Counter) -> str:
    """Return a count as a bar below its ceiling: the slack is the lighter part, an excess the darker."""
    most = max(counter.value, counter.ceiling or 0, counter.base or 0, 1)
    scale = Scale(low=0, high=most, start=1, end=BAR_WIDTH - 1)
    bound = counter.ceiling if counter.ceiling is not None else counter.value
    within = min(counter.value, bound)
    parts = [_bar(scale, 0, within, "part")]
    if counter.ceiling is not None:
        parts.append(_bar(scale, within, bound, "slack"))
        parts.append(_bar(scale, bound, max(counter.value, bound), "over"))
        parts.append(line(scale.at(bound), 0, scale.at(bound), BAR_HEIGHT, "limit"))
    if counter.base is not None:
        x = scale.at(counter.base)
        parts.append(
            mark("diamond", min(max(x, 6), BAR_WIDTH - 6), BAR_HEIGHT / 2, "of-base", f"base: {counter.base}")
        )
    said = f"{counter.name}: {counter.value}" + (
        f" of {counter.ceiling}" if counter.ceiling is not None else ""
    )
    return svg.drawing(said, BAR_HEIGHT, parts, BAR_WIDTH, "counter")


def _bar(scale: Scale, start: float, end: float, kind: str) -> ET.Element:
    width = max(0.0, scale.at(end) - scale.at(start))
    return element("rect", x=scale.at(start), y=2, width=width, height=BAR_HEIGHT - 4, class_=kind)
