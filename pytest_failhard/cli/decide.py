"""`failhard decide`: writes down what a person decided about a gate that attempts did not mend."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import click

from pytest_failhard import attempts, history, policy, waivers
from pytest_failhard.cli.options import FOLDER
from pytest_failhard.exits import USAGE
from pytest_failhard.gates import builtin
from pytest_failhard.history import DecisionLine, History
from pytest_failhard.redact import RedactError, Redactor
from pytest_failhard.remembered import RUN
from pytest_failhard.report import steps
from pytest_failhard.report.text import visible
from pytest_failhard.store import DEFAULT_FOLDER
from pytest_failhard.store.journal import JournalError, opened
from pytest_failhard.strict import read_day

MOST_CHARACTERS = 400
WAIVE = "waive"
CHOICES = {
    "continue": "try again, with what is now known",
    "change-approach": "try another way, which the reason names",
    "roll-back": "go back to a state that the reason or --ref names, and keep the rest",
    WAIVE: "let it stand: --ref names the waiver, by fingerprint or by its own ref",
    "stop": "give this change up",
}
REFUSED = {
    "lower-level": "no decision lowers a level; change `level` in pyproject.toml, in a reviewed change",
    "lower-threshold": "thresholds are the policy's; what misses one is mended or waived",
    "skip": "a gate is not skipped; mend what it found, or waive it",
}
NOBODY = frozenset(
    {"agent", "ai", "anonymous", "anybody", "assistant", "auto", "automation", "bot", "ci", "llm", "me"}
    | {"model", "n/a", "na", "nobody", "none", "self", "someone", "system", "unassigned", "unknown", "user"}
)
"""What stands for no person who could be asked."""


class RefusedError(Exception):
    """Nothing is written; one reason a line."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What was typed."""

    gate: str
    choice: str
    reason: str
    owner: str
    expires: str
    ref: str


@click.command(name="decide")
@click.argument("gate", required=False)
@click.argument("root", type=FOLDER, default=Path(), metavar="[ROOT]")
@click.option("--choose", default="", help=f"One of {', '.join(CHOICES)}.")
@click.option("--reason", default="", help="Why, in two words or more.")
@click.option("--owner", default="", help="The person who decides.")
@click.option("--expires", default="", metavar="YYYY-MM-DD", help="The last day (default: no end).")
@click.option("--ref", default="", help="What it rests on: a waiver, a commit, an item that tracks it.")
@click.option("--list", "listing", is_flag=True, help="Print all decisions and end; GATE is then the ROOT.")
@click.option(
    "--report-dir", type=click.Path(path_type=Path), default=Path(DEFAULT_FOLDER), show_default=True
)
def command(
    gate: str | None,
    root: Path,
    choose: str,
    reason: str,
    owner: str,
    expires: str,
    ref: str,
    listing: bool,
    report_dir: Path,
) -> None:
    """Record what a person decided about GATE, or about the whole change (GATE is then `run`).

    Fix attempts are counted from 0 again. Exit status: 0 written, 2 refused. Nothing is written but with 0.
    """
    asked = Asked(gate=gate or "", choice=choose, reason=reason, owner=owner, expires=expires, ref=ref)
    try:
        if listing:
            said = listed(Path(gate or root) / report_dir)
        else:
            said = decided(root, report_dir, asked, datetime.now(UTC))
    except (RefusedError, JournalError, RedactError, policy.PolicyError, waivers.WaiverError) as error:
        click.echo("\n".join(f"failhard: {line}" for line in str(error).splitlines()), err=True)
        sys.exit(USAGE)
    click.echo(said)
    sys.exit(0)


def listed(folder: Path) -> str:
    """Return all decisions, oldest first; raises JournalError."""
    with opened(folder, history.NAME) as journal:
        past = history.read(journal)
    found = [line.decision() for line in past.lines if isinstance(line, DecisionLine)]
    lines = [*map(steps.decision, found), *(f"note: {note}" for note in past.notes)]
    return "\n".join(map(visible, lines)) or "nothing was decided yet"


def decided(root: Path, report_dir: Path, asked: Asked, now: datetime) -> str:
    """Write a decision and say what it changes.

    Raises RefusedError with all that is wrong, JournalError, RedactError, PolicyError or WaiverError; then
    nothing is written.
    """
    redactor = Redactor.from_environment(os.environ)
    with opened(root / report_dir, history.NAME) as journal:
        past = history.read(journal)
        if wrong := [*_mistakes(asked, past, now.date()), *_unwaived(root, asked, past, now.date())]:
            raise RefusedError("\n".join(wrong))
        tally = attempts.count(past.entries, now.date())
        made = (tally.run if asked.gate == RUN else tally.of(asked.gate)).attempts
        line = DecisionLine(
            at=now.isoformat(timespec="seconds"),
            gate=asked.gate,
            choice=asked.choice,
            reason=redactor.text(asked.reason.strip()),
            owner=redactor.text(asked.owner.strip()),
            expires=read_day(asked.expires) if asked.expires else None,
            ref=redactor.text(asked.ref.strip()),
            attempts=made,
        )
        journal.append([history.dumped(line)])
    return f"failhard: {visible(steps.decision(line.decision()))}; {made} attempts so far, counted from 0 now"


def _mistakes(asked: Asked, past: History, today: date) -> Iterator[str]:
    known = {RUN: None, **{gate.id: None for gate in builtin()}}
    known.update(dict.fromkeys(name for run in past.runs for name in run.rules))
    if asked.gate not in known:
        yield f"{asked.gate or 'GATE'}: there is no such gate; there are {', '.join(known)}"
    if asked.choice not in CHOICES:
        ways = "; ".join(f"{name}: {what}" for name, what in CHOICES.items())
        yield f"--choose {asked.choice}: {REFUSED.get(asked.choice, 'is no choice')}. Choose one of: {ways}"
    if len(asked.reason.split()) < 2:
        yield "--reason: say why, in two words or more"
    if not _is_person(asked.owner):
        yield f"--owner: name the person who decides and can be asked (it is {asked.owner!r})"
    yield from _unending(asked, today)


def _unending(asked: Asked, today: date) -> Iterator[str]:
    for name, text in (("reason", asked.reason), ("owner", asked.owner), ("ref", asked.ref)):
        if len(text) > MOST_CHARACTERS // 2:
            yield f"--{name}: has more than {MOST_CHARACTERS // 2} characters; put the rest where --ref leads"
    day = read_day(asked.expires) if asked.expires else today
    if day is None or day < today:
        yield f"--expires: must be a day to come, as YYYY-MM-DD (it is {asked.expires!r})"


def _is_person(owner: str) -> bool:
    name = owner.strip().casefold()
    plain = name.partition("@")[0] or name
    return any(map(str.isalpha, plain)) and plain not in NOBODY and not plain.endswith(("[bot]", "-bot"))


def _unwaived(root: Path, asked: Asked, past: History, today: date) -> Iterator[str]:
    """Say where a decision rests on a waiver that there is not: it would let nothing stand."""
    if asked.choice != WAIVE or not past.runs:
        return
    run = past.runs[-1]
    path = root / waivers.FILE
    known = [*run.rules, *(gate.id for gate in builtin() if gate.id not in run.rules)]
    terms = policy.load(run.level, known, None, today=today)
    text = path.read_bytes() if path.is_file() else None
    given = waivers.load(text, terms, today, gate_ids=known)
    mine = [each for each in given if each.gate == asked.gate and each.expires >= today]
    if not any(asked.ref in {each.fingerprint, each.ref} - {""} for each in mine):
        yield (
            f"--ref {asked.ref}: {waivers.FILE} has no waiver of {asked.gate} with this fingerprint or ref; "
            "write it first: failhard waive FINGERPRINT"
        )
