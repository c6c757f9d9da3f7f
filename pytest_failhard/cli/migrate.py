"""`failhard migrate`: writes a report of an earlier schema as the current one, or back as it was."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pytest_failhard.exits import USAGE
from pytest_failhard.model import GateError
from pytest_failhard.report import document, migration
from pytest_failhard.report.document import DocumentError
from pytest_failhard.report.provenance import LINES
from pytest_failhard.store import REPORT, write_atomically


class RefusedError(Exception):
    """Nothing is written; the message says why."""


@click.command(name="migrate")
@click.argument("source", type=click.Path(path_type=Path, exists=True), metavar="FILE|DIR")
@click.option("--into", type=click.Path(path_type=Path, dir_okay=False), help="Write here, not over it.")
@click.option("--back", is_flag=True, help="Write the report as it was before it was migrated.")
def command(source: Path, into: Path | None, back: bool) -> None:
    """Write the report FILE, or that in the report folder DIR, in the current schema.

    Nothing is lost: order and unknown fields are kept, and --back writes the report as it was.

    Exit status: 0 written, or nothing to do; 2 refused.
    """
    path = source / REPORT if source.is_dir() else source
    try:
        said = migrate(path, into or path, back=back)
    except (RefusedError, DocumentError, GateError) as error:
        click.echo(f"failhard: {path}: {error}", err=True)
        sys.exit(USAGE)
    except OSError as error:
        click.echo(f"failhard: {path}: cannot be read: {error.strerror}", err=True)
        sys.exit(USAGE)
    click.echo(f"failhard: {into or path}: {said}")


def migrate(path: Path, into: Path, *, back: bool = False) -> str:
    """Write a report in the current schema, or back in its own, and say what was done.

    Raises DocumentError for what is no report, or of a newer schema; RefusedError where statements name
    the bytes of the report; StoreError or OSError where it cannot be written or read.
    """
    before = document.parsed(path.read_bytes())
    after = migration.back(before) if back else migration.up(before)
    if not back:
        # What was brought here must be a report: a wrong one is better refused than carried on.
        document.load(document.dumped(after))
    if after == before and into == path:
        return "was never migrated" if back else f"is {document.SCHEMA} already"
    if into == path and (path.parent / LINES).exists():
        raise RefusedError(
            f"{LINES} beside it names its bytes: `failhard verify` reads it as it is; --into writes a copy"
        )
    write_atomically(into, document.dumped(after))
    return f"{migration.form(before)} -> {migration.form(after)}"
