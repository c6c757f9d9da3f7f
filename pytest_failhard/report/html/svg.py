"""Small parts of which plots are made: elements whose texts cannot become markup, scales with ticks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as ET

RATIOS = (0.1, 0.2, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0)
DECADES = tuple(float(f"{digit}e{power}") for power in range(-9, 10) for digit in (1, 2, 5))
MARK_SIZE = 4.5
DECIMALS = 2
NICE = (1.0, 2.0, 5.0, 10.0)


def element(name: str, *inner: ET.Element, text: str = "", **attributes: str | float) -> ET.Element:
    """Return an element; `_` in a name of an attribute stands for `-`, one at its end for none."""
    made = ET.Element(
        name, {key.rstrip("_").replace("_", "-"): _value(value) for key, value in attributes.items()}
    )
    made.text = text or None
    made.extend(inner)
    return made


def drawing(title: str, height: float, parts: Iterable[ET.Element], width: float, kind: str) -> str:
    """Return a whole drawing; the title is its name to a reader who does not see it."""
    made = element(
        "svg",
        *parts,
        viewBox=f"0 0 {_value(width)} {_value(height)}",
        width=width,
        height=height,
        role="img",
        class_=f"plot {kind}",
    )
    made.set("aria-label", title)
    return ET.tostring(made, encoding="unicode")


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Maps values to a stretch of the drawing; a value beyond an end stays at the end."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False
    marks: tuple[float, ...] = ()
    """The values that get a tick, where they are not round ones."""

    def at(self, value: float) -> float:
        """Return the place of a value."""
        low, high, value = (self._even(each) for each in (self.low, self.high, value))
        share = (value - low) / (high - low) if high > low else 0.5
        return self.start + (self.end - self.start) * min(1.0, max(0.0, share))

    def _even(self, value: float) -> float:
        return math.log(max(value, 1e-12)) if self.is_log else value

    def ticks(self) -> tuple[float, ...]:
        """Return the marks, or else round values, between the ends: about five, or three of each decade."""
        if self.marks or self.is_log:
            known = self.marks or DECADES
            return tuple(each for each in known if self.low <= each <= self.high)
        span = self.high - self.low
        if span <= 0:
            return (self.low,)
        power = 10.0 ** math.floor(math.log10(span / 5))
        step = next(power * each for each in NICE if span / (power * each) <= 6)
        first = math.ceil(self.low / step)
        return tuple(number * step for number in range(first, math.floor(self.high / step) + 1))


def ratio_scale(values: Iterable[float], start: float, end: float) -> Scale:
    """Return a logarithmic scale that holds 0.8 to 1.3 at least."""
    known = [value for value in values if value > 0]
    low, high = min([0.85, *known]) / 1.03, max([1.25, *known]) * 1.03
    return Scale(low=max(low, 0.05), high=min(high, 100.0), start=start, end=end, is_log=True, marks=RATIOS)


def figure(value: float) -> str:
    """Return a number as an axis shows it."""
    return f"{value:.6g}"


def mark(shape: str, x: float, y: float, kind: str, title: str, **attributes: str) -> ET.Element:
    """Return a mark: shapes tell apart what colours tell apart too."""
    outline = _outline(shape, x, y)
    named = element("title", text=title)
    if outline:
        return element("path", named, d=outline, class_=f"mark {kind}", **attributes)
    return element("circle", named, cx=x, cy=y, r=MARK_SIZE, class_=f"mark {kind}", **attributes)


def _outline(shape: str, x: float, y: float) -> str:
    """Return a path around a place, none for a circle."""
    size, wide = MARK_SIZE, MARK_SIZE * 1.3
    if shape == "square":
        return f"M{_at(x - size, y - size)}h{size * 2}v{size * 2}h{-size * 2}z"
    if shape == "triangle":
        return f"M{_at(x, y - wide)}L{_at(x + wide, y + size)}L{_at(x - wide, y + size)}z"
    return f"M{_at(x, y - wide)}l{_at(wide, wide)}l{_at(-wide, wide)}l{_at(-wide, -wide)}z" * (
        shape == "diamond"
    )


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> ET.Element:
    """Return a straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=kind)


def label(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> ET.Element:
    """Return text in a drawing."""
    return element("text", text=text, x=x, y=y, class_=f"label {kind}".strip(), text_anchor=anchor)


def polyline(points: Iterable[tuple[float, float]], kind: str) -> ET.Element:
    """Return a line through points."""
    return element("polyline", points=" ".join(_at(x, y) for x, y in points), class_=kind)


def steps(points: Iterable[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Yield the corners of a function that keeps each value until the next."""
    last: float | None = None
    for x, y in points:
        if last is not None:
            yield x, last
        yield x, y
        last = y


def grid_x(scale: Scale, top: float, bottom: float) -> Iterator[ET.Element]:
    """Yield the upright lines of a scale with their values below."""
    for tick in scale.ticks():
        x = scale.at(tick)
        yield line(x, top, x, bottom, "grid")
        yield label(x, bottom + 15, figure(tick), "tick", "middle")


def grid_y(scale: Scale, left: float, right: float) -> Iterator[ET.Element]:
    """Yield the level lines of a scale with their values on the left."""
    for tick in scale.ticks():
        y = scale.at(tick)
        yield line(left, y, right, y, "grid")
        yield label(left - 6, y + 4, figure(tick), "tick", "end")


def _at(x: float, y: float) -> str:
    return f"{_value(x)},{_value(y)}"


def _value(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.{DECIMALS}f}".rstrip("0").rstrip(".") if value else "0"
