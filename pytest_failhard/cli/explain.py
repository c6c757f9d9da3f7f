"""`failhard explain`: what a gate looks at, why, and what to do."""

from __future__ import annotations

import difflib
import inspect
import sys
from typing import TYPE_CHECKING

import click

from pytest_failhard.gates import builtin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_failhard.model import Gate

USAGE = 2


class UnknownNameError(Exception):
    """No gate has this name: the message names those that come near."""


@click.command(name="explain")
@click.argument("name")
def command(name: str) -> None:
    """Print what the gate NAME observes, when it fails, how to fix it and whether it can be waived."""
    try:
        text = explain(name, builtin())
    except UnknownNameError as error:
        click.echo(f"failhard: {error}", err=True)
        sys.exit(USAGE)
    click.echo(text)


def explain(name: str, gates: Sequence[Gate]) -> str:
    """Return the documentation of a gate, which is the docstring of its module."""
    by_id = {gate.id: gate for gate in gates}
    if name in by_id:
        return inspect.cleandoc(sys.modules[type(by_id[name]).__module__].__doc__ or "")
    near = difflib.get_close_matches(name, by_id, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(by_id)}"
    raise UnknownNameError(f"no gate is called {name!r}; {hint}")
