"""`failhard explain`: what a gate looks at, why, and what to do."""

from __future__ import annotations

import sys

import click

from pytest_failhard.explanation import ExplanationError, explain

USAGE = 2


@click.command(name="explain")
@click.argument("name")
def command(name: str) -> None:
    """Print what the gate NAME observes, when it fails, how to fix it and whether it can be waived."""
    try:
        click.echo(explain(name))
    except ExplanationError as error:
        click.echo(f"failhard: {error}", err=True)
        sys.exit(USAGE)
