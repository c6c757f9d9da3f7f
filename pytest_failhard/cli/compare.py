"""`failhard compare`: what differs between two reports that hold."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pytest_failhard import policy
from pytest_failhard.cli.options import FILE
from pytest_failhard.cli.recheck import Tampered, check
from pytest_failhard.exits import USAGE
from pytest_failhard.figures import score_text
from pytest_failhard.gates import builtin
from pytest_failhard.report import observation as observations
from pytest_failhard.report.comparison import SCORE, SYSTEM, Side, compared, text, to_json
from pytest_failhard.store import EVIDENCE, REPORT

if TYPE_CHECKING:
    from collections.abc import Collection
    from fractions import Fraction

    from pytest_failhard.report.document import GatePart

SCORECARD = "scorecard.json"
REMEDY = (
    "compare takes complete reports with their evidence beside them, as `failhard check` wrote them; "
    "run it again"
)


class RefusedError(Exception):
    """A file that no comparison can rest on; `mistakes` says all that is wrong, with its place."""

    def __init__(self, mistakes: Collection[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = tuple(mistakes)


@click.command(name="compare")
@click.argument("before", type=click.Path(path_type=Path, exists=True), metavar="BEFORE")
@click.argument("after", type=click.Path(path_type=Path, exists=True), metavar="AFTER")
@click.option(
    "--policy",
    "policy_file",
    type=FILE,
    help="The policy file that both were judged by, where it is not the shipped one.",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(before: Path, after: Path, policy_file: Path | None, form: str) -> None:
    """Print what differs between two reports, each `report.json` of a report folder, or the folder.

    Both are verified first, as `failhard verify` does: one that is partial, was edited, lacks its
    evidence or has another schema is refused.

    Exit status: 0 compared, 2 a report cannot be compared.
    """
    known = [gate.id for gate in builtin()]
    mistakes: list[str] = []
    sides: list[Side] = []
    for place in (before, after):
        try:
            sides.append(side(place, policy_file=policy_file, gates=known))
        except RefusedError as error:
            mistakes += error.mistakes
    if mistakes:
        for line in (*mistakes, REMEDY):
            click.echo(f"failhard: {line}", err=True)
        sys.exit(USAGE)
    found = compared(*sides)
    if form == "json":
        click.echo(json.dumps(to_json(found), indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(text(found)))


def side(place: Path, *, policy_file: Path | None, gates: Collection[str]) -> Side:
    """Return a report that holds, with its exact measures; raises RefusedError."""
    folder = place if place.is_dir() else place.parent
    if not place.is_dir() and place.name != REPORT:
        raise RefusedError([f"{place}: is no {REPORT} of a report folder"])
    try:
        document = check(folder, level=None, policy_file=policy_file, gates=gates)
        measures = {part.id: _measures(folder, part) for part in document.gates}
        score = readiness(folder, measures.get(SYSTEM, {}).get(SCORE))
    except Tampered as error:
        raise RefusedError([f"{place}: {each}" for each in error.mismatches]) from None
    except policy.PolicyError as error:
        raise RefusedError([f"{place}: {each}" for each in error.mistakes]) from None
    return Side(document=document, measures=measures, score=score)


def _measures(folder: Path, part: GatePart) -> dict[str, int | Fraction]:
    """Return what a gate measured, exact; nothing where it could not look. What a clock gave is left out."""
    if not any(each.name == observations.OBSERVATION for each in part.evidence):
        return {}
    data = (folder / EVIDENCE / part.id / observations.OBSERVATION).read_bytes()
    return dict(observations.load(data).measures)


def readiness(folder: Path, value: int | Fraction | None) -> str:
    """Return the readiness score with the counts of its card; empty where there is none.

    Raises RefusedError for a card that says something else than what was measured.
    """
    if value is None:
        return ""
    try:
        card = json.loads((folder / EVIDENCE / SYSTEM / SCORECARD).read_bytes())
        passed, applicable = int(card["passed"]), int(card["applicable"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError, OverflowError) as error:
        raise RefusedError([f"{SCORECARD}: cannot be read: {error}"]) from None
    if passed != value * applicable or not applicable:
        raise RefusedError([f"{SCORECARD}: says {passed} of {applicable}, and {value} was measured"])
    return score_text(passed, applicable)
