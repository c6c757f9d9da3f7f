"""`failhard verify`: judges the stored evidence again and compares."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pytest_failhard import policy
from pytest_failhard.cli.options import FILE, FOLDER, LEVEL
from pytest_failhard.cli.recheck import Tampered, check
from pytest_failhard.exits import CODES, TAMPERED, USAGE
from pytest_failhard.gates import builtin
from pytest_failhard.model import Verdict

if TYPE_CHECKING:
    from collections.abc import Collection

    from pytest_failhard.report.document import Document


@click.command(name="verify")
@click.argument("folder", type=FOLDER, metavar="DIR")
@click.option(
    "--level",
    type=LEVEL,
    help="The level that must have been judged at least.",
)
@click.option(
    "--policy",
    "policy_file",
    type=FILE,
    help="The policy file that must have been judged by, where it is not the shipped one.",
)
@click.option(
    "--project",
    type=FOLDER,
    help="Where what was built lies (default: the folder that holds DIR).",
)
def command(folder: Path, level: int | None, policy_file: Path | None, project: Path | None) -> None:
    """Judge the evidence in the report folder DIR again and compare it with the report there.

    Exit status: 0 pass, 1 fail, 2 usage or policy invalid, 3 error, 4 the report does not hold.
    """
    known = [gate.id for gate in builtin()]
    code, lines = verify(folder, level=level, policy_file=policy_file, gates=known, project=project)
    for line in lines:
        click.echo(f"failhard: {line}", err=code in {USAGE, TAMPERED})
    sys.exit(code)


def verify(
    folder: Path,
    *,
    level: int | None,
    policy_file: Path | None,
    gates: Collection[str],
    project: Path | None = None,
) -> tuple[int, tuple[str, ...]]:
    """Return the exit status and what is to be said; `gates` are the ids of those that are built in."""
    try:
        document = check(folder, level=level, policy_file=policy_file, gates=gates, project=project)
    except policy.PolicyError as error:
        return USAGE, error.mistakes
    except Tampered as error:
        return TAMPERED, (*error.mismatches, "the report does not hold; run `failhard check` again")
    return CODES[Verdict(document.verdict)], (_summary(document),)


def _summary(document: Document) -> str:
    count = len(document.gates)
    return (
        f"{document.verdict}: level {document.level}, policy {document.policy.name}, "
        f"{count} gate{'' if count == 1 else 's'} judged again as of {document.volatile.judged_on}, "
        f"report digest {document.digest}"
    )
