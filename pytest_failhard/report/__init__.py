"""Pure projections of one report: nothing is decided here, no clock is read, no file is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pytest_failhard.model import Report
from pytest_failhard.report import document, junit, terminal

__all__ = ["RENDERERS", "render_all", "terminal"]

RENDERERS: Mapping[str, Callable[[Report], bytes]] = {
    "report.xml": junit.render,
    "report.json": document.render,
}
"""The files of a report folder and who renders them."""


def render_all(report: Report) -> dict[str, bytes]:
    """Return every file of the report, for `Store.publish`."""
    return {name: render(report) for name, render in RENDERERS.items()}
