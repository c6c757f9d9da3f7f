"""`failhard gates`: what a level demands."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pytest_failhard import policy
from pytest_failhard.cli.options import FILE, LEVEL
from pytest_failhard.exits import USAGE
from pytest_failhard.gates import builtin
from pytest_failhard.model import LEVELS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_failhard.model import Gate, Policy, Rule


@click.command(name="gates")
@click.option("--level", type=LEVEL, help="One level.")
@click.option(
    "--policy",
    "policy_file",
    type=FILE,
    help="A policy that tightens the level.",
)
def command(level: int | None, policy_file: Path | None) -> None:
    """Print the policy of a level, complete, or a table of all gates.

    The text is a policy file: written to a file and tightened it serves as `--policy`.
    """
    try:
        text = render(level, policy_file, builtin(), today=datetime.now(UTC).date())
    except policy.PolicyError as error:
        for mistake in error.mistakes:
            click.echo(f"failhard: {mistake}", err=True)
        sys.exit(USAGE)
    click.echo(text, nl=False)


def render(level: int | None, policy_file: Path | None, gates: Sequence[Gate], *, today: date) -> str:
    """Return the text; raises PolicyError."""
    ids = [gate.id for gate in gates]
    if policy_file is not None:
        if level is None:
            raise policy.PolicyError(["--policy: add --level N, the level that the file is for"])
        policy.load(level, ids, policy_file, today=today)
        return policy_file.read_text("utf-8")
    if level is not None:
        return policy.shipped_text(level).decode("utf-8")
    return table(gates, {each: policy.load(each, ids, today=today) for each in LEVELS})


def table(gates: Sequence[Gate], policies: Mapping[int, Policy]) -> str:
    """Return one line a gate: the lowest severity that fails, and the bounds, level by level."""
    rows = [("gate", *(f"{level} {found.name}" for level, found in policies.items()))]
    for gate in gates:
        rules = ({rule.gate: rule for rule in found.rules}.get(gate.id) for found in policies.values())
        rows.append((gate.id, *(_cell(rule) for rule in rules)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
    return "\n".join((*lines, "", "failhard gates --level N   the whole policy of a level", ""))


def _cell(rule: Rule | None) -> str:
    if rule is None:
        return "-"
    fails = f"fails at {rule.fail_at.name.lower()}" if rule.fail_at is not None else "by measures"
    bounds = len(rule.at_least) + len(rule.at_most)
    return f"{fails}, {bounds} bound{'' if bounds == 1 else 's'}" if bounds else fails
