"""Pure projections of one report: nothing is decided here, no clock is read, no file is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from pytest_failhard.formats import AGENT, GITHUB
from pytest_failhard.model import Report, Verdict
from pytest_failhard.report import agent, document, html, junit, markdown, sarif, terminal, workflow_commands
from pytest_failhard.report.html.exhibits import Exhibits

if TYPE_CHECKING:
    from pytest_failhard.model import Evidence, Result

__all__ = ["RENDERERS", "handed_out", "printed", "render_all", "terminal"]

PAGE = "report.html"
RENDERERS: Mapping[str, Callable[[Report], bytes]] = {
    PAGE: html.render,
    "report.xml": junit.render,
    "report.sarif": sarif.render,
    "report.md": markdown.render,
    "report.json": document.render,
}
"""The files of a report folder and who renders them."""

HANDED_OUT: Mapping[str, frozenset[str]] = {"sbom": frozenset({"sbom.cdx.json"})}
"""The evidence of a gate that others use, and that therefore stands beside the report too."""


def render_all(report: Report, exhibits: Exhibits = html.NOTHING) -> dict[str, bytes]:
    """Return every file of the report, for `Store.publish`; the page shows the exhibits too."""
    made = {name: render(report) for name, render in RENDERERS.items() if name != PAGE}
    return {**made, PAGE: html.render(report, exhibits)}


def printed(report: Report, form: str, *, colour: bool = False, folder: str = ".failhard") -> str:
    """Return the report as it is printed: for a person, for a coding agent, or with annotations."""
    if form == AGENT:
        return agent.render(report)
    text = terminal.render(report, colour=colour, folder=folder)
    if form != GITHUB:
        return text
    return "\n".join(filter(None, (workflow_commands.quoted(text), workflow_commands.render(report))))


def handed_out(result: Result) -> dict[str, Evidence]:
    """Return the evidence that stands in the report folder too, by its name there.

    A gate in error hands out nothing: what is not proven is not for use.
    """
    if result.verdict is Verdict.ERROR:
        return {}
    names = HANDED_OUT.get(result.gate, frozenset())
    return {evidence.name: evidence for evidence in result.evidence if evidence.name in names}
