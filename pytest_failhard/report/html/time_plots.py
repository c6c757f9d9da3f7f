"""What happened when, as drawings: attempts with their pauses, values step by step, shares of a whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from pytest_failhard.report.html import svg
from pytest_failhard.report.html.svg import Scale, element, label, line, mark

if TYPE_CHECKING:
    from pytest_failhard.report.html.attempts import Attempt, Case
    from pytest_failhard.report.html.coverage import Share

WIDTH, LEFT, RIGHT, ROW, TOP = 720.0, 40.0, 700.0, 20.0, 8.0
LEAST_BAR = 3.0
BAR_WIDTH, BAR_HEIGHT = 120.0, 10.0


def attempts(case: Case) -> str:
    """Return a row an attempt: its answer as a bar, the pause before it as a dashed line."""
    bottom = TOP + ROW * len(case.attempts)
    scale = Scale(low=0.0, high=max(case.seconds, 1e-3), start=LEFT, end=RIGHT)
    parts = [*svg.grid_x(scale, TOP, bottom), *_attempts(case.attempts, scale)]
    return svg.drawing(f"Attempts of {case.name} in seconds", bottom + 24, parts, WIDTH, "attempts")


def _attempts(found: Sequence[Attempt], scale: Scale) -> Iterator[ET.Element]:
    for row, attempt in enumerate(found):
        y = TOP + ROW * row + ROW / 2
        yield label(LEFT - 8, y + 4, str(attempt.number), "tick", "end")
        if attempt.pause is not None and attempt.pause > 0:
            start = scale.at(attempt.start - attempt.pause)
            yield line(start, y, scale.at(attempt.start), y, "pause")
            yield label(
                (start + scale.at(attempt.start)) / 2, y - 3, seconds(attempt.pause), "tick", "middle"
            )
        if attempt.hint is not None:
            asked = scale.at(attempt.end + attempt.hint)
            yield mark("diamond", asked, y, "hint", f"the provider asked to wait {seconds(attempt.hint)}")
        yield element(
            "rect",
            element(
                "title", text=f"attempt {attempt.number}: {attempt.status or 'no answer'} {attempt.what}"
            ),
            x=scale.at(attempt.start),
            y=y - 5,
            width=max(LEAST_BAR, scale.at(attempt.end) - scale.at(attempt.start)),
            height=10.0,
            class_=f"answer {kind(attempt)}",
            data_attempt=str(attempt.number),
        )


def kind(attempt: Attempt) -> str:
    """Return which kind of answer it was, for colour and pattern."""
    if attempt.what == "healthy":
        return "healthy"
    return "refused" if attempt.status >= 400 or not attempt.status else "odd"


def seconds(value: float) -> str:
    """Return a time as text: milliseconds below a second."""
    return f"{value * 1000:.1f} ms" if value < 1 else f"{value:.2f} s"


def bar(share: Share) -> str:
    """Return a share as a bar: what ran is filled, the whole is outlined."""
    width = BAR_WIDTH * share.covered / share.total if share.total else 0.0
    parts = [
        element("rect", x=0.5, y=0.5, width=BAR_WIDTH - 1, height=BAR_HEIGHT - 1, class_="whole"),
        element("rect", x=0, y=0, width=width, height=BAR_HEIGHT, class_="part"),
    ]
    return svg.drawing(f"{share.percent} %", BAR_HEIGHT, parts, BAR_WIDTH, "bar")
