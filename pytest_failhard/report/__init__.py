"""Pure projections of one report: nothing is decided here, no clock is read, no file is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from pytest_failhard.formats import AGENT, GITHUB
from pytest_failhard.model import Verdict

if TYPE_CHECKING:
    from pytest_failhard.model import Evidence, Report, Result
    from pytest_failhard.report.html.exhibits import Exhibits

__all__ = ["RENDERERS", "copies", "handed_out", "prepare", "printed", "render_all"]

PAGE = "report.html"


# Imported when they are asked for: whoever wants one part of this package needs none of them.
def _html(report: Report) -> bytes:
    from pytest_failhard.report import html

    return html.render(report)


def _junit(report: Report) -> bytes:
    from pytest_failhard.report import junit

    return junit.render(report)


def _sarif(report: Report) -> bytes:
    from pytest_failhard.report import sarif

    return sarif.render(report)


def _markdown(report: Report) -> bytes:
    from pytest_failhard.report import markdown

    return markdown.render(report)


def _json(report: Report) -> bytes:
    from pytest_failhard.report import document

    return document.render(report)


RENDERERS: Mapping[str, Callable[[Report], bytes]] = {
    PAGE: _html,
    "report.xml": _junit,
    "report.sarif": _sarif,
    "report.md": _markdown,
    "report.json": _json,
}
"""The files of a report folder and who renders them."""

HANDED_OUT: Mapping[str, frozenset[str]] = {"sbom": frozenset({"sbom.cdx.json"})}
"""The evidence of a gate that others use, and that therefore stands beside the report too."""


def prepare() -> None:
    """Load all that `render_all` and `printed` need, for whoever has to wait before there is a report."""
    from pytest_failhard.report import document, html, junit, markdown, sarif, terminal

    del document, junit, markdown, sarif, terminal
    html.prepare()


def render_all(report: Report, exhibits: Exhibits | None = None) -> dict[str, bytes]:
    """Return every file of the report, for `Store.publish`; the page shows the exhibits too."""
    from pytest_failhard.report import html

    made = {name: render(report) for name, render in RENDERERS.items() if name != PAGE}
    return {**made, PAGE: html.render(report, exhibits or html.NOTHING)}


def printed(
    report: Report,
    form: str,
    *,
    colour: bool = False,
    folder: str = ".failhard",
    width: int = 0,
    brief: bool = False,
) -> str:
    """Return the report as it is printed: for a person, for a coding agent, or with annotations.

    `width` and `brief` are those of `terminal.render`.
    """
    from pytest_failhard.report import agent, terminal, workflow_commands

    if form == AGENT:
        return agent.render(report)
    text = terminal.render(report, colour=colour, folder=folder, width=width, brief=brief)
    if form != GITHUB:
        return text
    return "\n".join(filter(None, (workflow_commands.quoted(text), workflow_commands.render(report))))


def copies(report: Report, kept: Callable[[str, Evidence], bytes]) -> dict[str, bytes]:
    """Return the bytes that stand beside a report too, by their name; `kept` reads evidence of a gate."""
    return {
        name: kept(result.gate, evidence)
        for result in report.results
        for name, evidence in handed_out(result).items()
    }


def handed_out(result: Result) -> dict[str, Evidence]:
    """Return the evidence that stands in the report folder too, by its name there.

    A gate in error hands out nothing: what is not proven is not for use.
    """
    if result.verdict is Verdict.ERROR:
        return {}
    names = HANDED_OUT.get(result.gate, frozenset())
    return {evidence.name: evidence for evidence in result.evidence if evidence.name in names}
