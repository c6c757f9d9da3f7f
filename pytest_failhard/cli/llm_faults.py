"""`failhard llm-faults`: the faults that the LLM part knows, and their bytes."""

from __future__ import annotations

import json
import sys
import textwrap
from typing import TYPE_CHECKING

import click

from pytest_failhard.cli.options import LEVEL
from pytest_failhard.exits import USAGE
from pytest_failhard.llm import catalogue, shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_failhard.llm.catalogue import Catalogue, Fault, Form, Json, Observed

    Shown = tuple[str, str, Form]
    """The name of a form, the dialect in which it is shown, and the form."""

WIDTH = 100


@click.command(name="llm-faults")
@click.argument("name", metavar="[ID|GROUP]", required=False)
@click.option("--dialect", type=click.Choice(tuple(catalogue.PARENTS)), help="One provider's wire.")
@click.option("--level", type=LEVEL, help="Those that a level demands.")
@click.option("--format", "form", type=click.Choice(("text", "json")), default="text")
def command(name: str | None, dialect: str | None, level: int | None, form: str) -> None:
    """Print the LLM faults in a table, those of a group, or one with its bytes on the wire."""
    try:
        text = render(catalogue.load(), name, dialect, level, as_json=form == "json")
    except catalogue.CatalogueError as error:
        for mistake in error.mistakes:
            click.echo(f"failhard: {mistake}", err=True)
        sys.exit(USAGE)
    click.echo(text)


def render(
    known: Catalogue, name: str | None, dialect: str | None, level: int | None, *, as_json: bool
) -> str:
    """Return the text. Raises CatalogueError for an unknown name, and for a fault that a dialect has not."""
    if name is None or name in catalogue.GROUPS:
        faults = chosen(known, known.group(name or "all"), dialect, level)
        return _json([_row(known, fault) for fault in faults]) if as_json else table(known, faults)
    fault = known.find(name)
    forms = _forms(known, fault, dialect)
    return _json(_entry(fault, forms)) if as_json else entry(known, fault, forms)


def chosen(
    known: Catalogue, faults: Sequence[Fault], dialect: str | None, level: int | None
) -> tuple[Fault, ...]:
    """Return those of the faults that a level demands and a dialect has."""
    return tuple(
        fault
        for fault in faults
        if (level is None or fault.level <= level)
        and (dialect is None or known.form(fault, dialect) is not None)
    )


def table(known: Catalogue, faults: Sequence[Fault]) -> str:
    """Return one line a fault."""
    rows = [("id", "class", "level", "oracle", "verified", "dialects")]
    for fault in faults:
        dialects = ", ".join(fault.dialects)
        marks = "".join(sorted({form.verified for form in fault.dialects.values()}))
        rows.append((fault.id, fault.kind, str(fault.level), fault.oracle, marks, dialects))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
    marks = "; ".join(f"{mark} {meaning}" for mark, meaning in shown.VERIFIED.items())
    return "\n".join(
        (
            *lines,
            "",
            f"{len(faults)} faults, catalogue {known.sha256[:12]}; {marks}",
            "failhard llm-faults ID   what a correct system does, and the bytes on the wire",
        )
    )


def entry(known: Catalogue, fault: Fault, forms: Sequence[Shown]) -> str:
    """Return all that is known of a fault."""
    lines = [
        fault.id,
        *textwrap.wrap(fault.summary, WIDTH, initial_indent="  ", subsequent_indent="  "),
        "",
        f"class     {fault.kind}",
        f"level     {fault.level}",
        f"oracle    {fault.oracle}",
        *([f"needs     {', '.join(fault.needs)}"] if fault.needs else []),
        *([f"params    {_pairs(fault.params)}"] if fault.params else []),
        *([f"replaced  by {fault.replaced_by}"] if fault.replaced_by else []),
        f"dialects  {', '.join(known.dialects_of(fault))}",
        "",
        "A correct system",
        *textwrap.wrap(shown.CORRECT[fault.kind], WIDTH, initial_indent="  ", subsequent_indent="  "),
    ]
    if fault.cause:
        tokens = ", ".join(fault.cause)
        lines += ["", "Its error says one of"]
        lines += textwrap.wrap(tokens, WIDTH, initial_indent="  ", subsequent_indent="  ")
    for name, dialect, form in forms:
        lines += ["", *_form(fault, name, dialect, form)]
    return "\n".join(lines)


def _forms(known: Catalogue, fault: Fault, dialect: str | None) -> tuple[Shown, ...]:
    """Return the forms to print, that for any dialect in the first one that has no form of its own."""
    if dialect is None:
        others = [name for name in known.dialects_of(fault) if name not in fault.dialects]
        return tuple(
            (name, others[0] if name == catalogue.ANY else name, form)
            for name, form in fault.dialects.items()
        )
    form = known.form(fault, dialect)
    if form is None:
        has = ", ".join(known.dialects_of(fault))
        raise catalogue.CatalogueError(
            [f"{fault.id} has no form in the dialect {dialect}; it has one in {has}"]
        )
    return ((dialect, dialect, form),)


def _form(fault: Fault, name: str, dialect: str, form: Form) -> list[str]:
    place = name if name == dialect else f"{name} (here {dialect})"
    return [
        f"--- {place}: {shown.VERIFIED[form.verified]} ({form.source})",
        *([f"params: {_pairs(form.params)}"] if form.params else []),
        shown.wire_text(fault, form, dialect),
        *(f"{sdk}: {_observed(seen)}" for sdk, seen in form.observed.items()),
    ]


def _observed(seen: Observed) -> str:
    requests = "1 request" if seen.attempts == 1 else f"{seen.attempts} requests"
    return f"{seen.exception or seen.result}, {requests}"


def _pairs(params: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={value}" for name, value in params.items())


def _row(known: Catalogue, fault: Fault) -> dict[str, Json]:
    return {
        "id": fault.id,
        "class": fault.kind,
        "level": fault.level,
        "oracle": fault.oracle,
        "summary": fault.summary,
        "needs": list(fault.needs),
        "dialects": list(known.dialects_of(fault)),
        "verified": {name: form.verified for name, form in fault.dialects.items()},
    }


def _entry(fault: Fault, forms: Sequence[Shown]) -> dict[str, Json]:
    return {
        "id": fault.id,
        "class": fault.kind,
        "level": fault.level,
        "oracle": fault.oracle,
        "summary": fault.summary,
        "needs": list(fault.needs),
        "cause": list(fault.cause),
        "params": dict(fault.params),
        "correct": shown.CORRECT[fault.kind],
        "forms": {
            name: {
                "verified": form.verified,
                "source": form.source,
                "wire": shown.wire_text(fault, form, dialect),
                "observed": {
                    sdk: {"attempts": seen.attempts, "exception": seen.exception, "result": seen.result}
                    for sdk, seen in form.observed.items()
                },
            }
            for name, dialect, form in forms
        },
    }


def _json(value: Json) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
