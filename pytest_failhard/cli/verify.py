"""`failhard verify`: judges the stored evidence again and compares."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pytest_failhard import policy
from pytest_failhard.cli.recheck import Tampered, check
from pytest_failhard.gates import builtin

USAGE = 2
TAMPERED = 4
CODES = {"pass": 0, "fail": 1, "error": 3}


@click.command(name="verify")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False), metavar="DIR")
@click.option(
    "--level",
    type=click.IntRange(min(policy.LEVELS), max(policy.LEVELS)),
    help="The level that must have been judged at least.",
)
@click.option(
    "--policy",
    "policy_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The policy file that must have been judged by, where it is not the shipped one.",
)
def command(folder: Path, level: int | None, policy_file: Path | None) -> None:
    """Judge the evidence in the report folder DIR again and compare it with the report there.

    Exit status: 0 pass, 1 fail, 2 usage or policy invalid, 3 error, 4 the report does not hold.
    """
    try:
        document = check(folder, level=level, policy_file=policy_file, gates=[gate.id for gate in builtin()])
    except policy.PolicyError as error:
        for mistake in error.mistakes:
            click.echo(f"failhard: {mistake}", err=True)
        sys.exit(USAGE)
    except Tampered as error:
        for mismatch in error.mismatches:
            click.echo(f"failhard: {mismatch}", err=True)
        click.echo("failhard: the report does not hold; run `failhard check` again", err=True)
        sys.exit(TAMPERED)
    gates = len(document.gates)
    click.echo(
        f"failhard: {document.verdict}, level {document.level}, policy {document.policy.name}, "
        f"{gates} gate{'' if gates == 1 else 's'} judged again on evidence of {document.volatile.judged_on}, "
        f"digest {document.digest}"
    )
    sys.exit(CODES[document.verdict])
