"""`failhard explain`: what a gate or a static rule looks at, why, and what to do."""

from __future__ import annotations

import sys

import click

from pytest_failhard.exits import USAGE
from pytest_failhard.explanation import ExplanationError, explain


@click.command(name="explain")
@click.argument("name")
def command(name: str) -> None:
    """Print what the gate or rule NAME looks at (`lint`, `FH101`), why, and what to do about a finding."""
    try:
        click.echo(explain(name))
    except ExplanationError as error:
        click.echo(f"failhard: {error}", err=True)
        sys.exit(USAGE)
