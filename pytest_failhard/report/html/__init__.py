"""The report as one page of HTML that needs nothing else: no network, no other file, no script."""

from __future__ import annotations

import base64
import functools
import hashlib
import importlib.resources
import json
from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import quote

from pytest_failhard.model import Report
from pytest_failhard.report import document
from pytest_failhard.report.html import views
from pytest_failhard.report.html.exhibits import Exhibits
from pytest_failhard.report.text import visible

if TYPE_CHECKING:
    from jinja2 import Environment
    from pydantic import JsonValue

TEMPLATES = "templates"
PAGE = "page.html.jinja"
ALWAYS = (PAGE, *(f"{name}.html.jinja" for name in ("gates", "findings", "supply", "run")))
"""The templates of every page; the others are for what few runs have."""
GLYPHS = {
    "pass": "\u2713",
    "fail": "\u2717",
    "error": "!",
    "high": "\u25b2",
    "medium": "\u25c6",
    "low": "\u25cb",
}
"""Beside a word and a colour: none of the three is needed to tell the others."""
SENTENCES = {
    "pass": "Every demanded check ran, and passed.",
    "fail": "The checks ran, and what they found does not meet the level.",
    "error": "Something could not be judged. Not proven is not passed.",
}
NOTHING = Exhibits()


def render(report: Report, exhibits: Exhibits = NOTHING) -> bytes:
    """Return the bytes of `report.html`: equal for an equal report and equal exhibits."""
    return page(document.build(report), exhibits)


def page(built: document.Document, exhibits: Exhibits) -> bytes:
    """Return the page of a document, the one just made or one that was kept."""
    from pytest_failhard.report.html import sections

    groups = views.groups(built, exhibits)
    style, script = _resource("style.css"), _resource("script.js")
    text = (
        _environment()
        .get_template(PAGE)
        .render(
            document=built,
            name=" ".join(filter(None, (built.project.name, built.project.version))) or "unnamed project",
            sentence=SENTENCES[built.verdict],
            gates=views.gates(built),
            groups=groups,
            any_findings=Counter({group.gate: group.total for group in groups}),
            total=sum(group.total for group in groups),
            shown=sum(len(group.findings) for group in groups),
            accepted=views.accepted(built),
            frozen=views.frozen(built),
            tally=Counter(gate.verdict for gate in built.gates),
            idle=sum(not gate.applies for gate in built.gates),
            found=Counter(finding.severity for gate in built.gates for finding in gate.findings),
            severities=views.SEVERITIES,
            glyphs=GLYPHS,
            limits={"waived": views.MAX_WAIVED, "at_once": views.AT_ONCE},
            sections=sections.read(exhibits),
            left_out=exhibits.left_out,
            policy=_policy(style, script),
            style=style,
            script=script,
        )
    )
    return text.encode()


def prepare() -> None:
    """Load and compile all that every page needs: that takes as long as to make a small page."""
    from pytest_failhard.report.html import sections

    del sections
    for name in ALWAYS:
        _environment().get_template(name)


def _resource(name: str) -> str:
    folder = importlib.resources.files(__name__).joinpath(TEMPLATES)
    return folder.joinpath(name).read_text("utf-8")


def _policy(style: str, script: str) -> str:
    """Return what a browser may do with the page: run our script and our style, and ask nobody anything."""
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@functools.cache
def _environment() -> Environment:
    """Return what renders: every text is escaped, and what would move or hide other text is made visible."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    from pytest_failhard.report.html import load_plots, measured, ratio_plots, time_plots

    environment = Environment(
        loader=FunctionLoader(_resource),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalized,
        auto_reload=False,
    )
    environment.filters |= {"cut": views.cut, "place": views.place, "tojson_text": _json}
    environment.globals |= {
        "evidence_link": _evidence_link,
        "purposes": measured.PURPOSES,
        "seconds": time_plots.seconds,
        "bar": time_plots.bar,
        "attempts_plot": time_plots.attempts,
        "forest": ratio_plots.forest,
        "forest_scale": ratio_plots.forest_scale,
        "pairs_plot": ratio_plots.pairs,
        "windows_plot": load_plots.windows,
        "curves_plot": load_plots.curves,
        "flights_plot": load_plots.flights,
        "ceiling_plot": load_plots.ceiling,
        "figure": load_plots.shown,
    }
    return environment


def _finalized(value: object) -> object:
    from markupsafe import Markup

    return visible(value, keep="\n\t") if isinstance(value, str) and not isinstance(value, Markup) else value


def _json(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _evidence_link(gate: str, name: str) -> str:
    """Return the way to a file beside the page; nothing in a name leads elsewhere."""
    return f"evidence/{quote(gate, safe='')}/{quote(name, safe='')}"
