"""What was tried so far, what a person is to decide and what is quarantined, in the words of every report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_failhard.remembered import RUN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_failhard.model import Report
    from pytest_failhard.remembered import Decision, Quarantined, Stuck

MOST_QUARANTINED = 10
MOST_TRIES = 4
STOP = "stop: change nothing more, hand over to a person with what was tried"


def attempts(report: Report) -> str:
    """Say how many fix attempts were made and are left; nothing where nobody has tried yet."""
    if not any(report.attempts.values()):
        return ""
    said = ", ".join(
        f"{'this change' if gate == RUN else gate} {count} ({_left(report, gate)} left)"
        for gate, count in report.attempts.items()
    )
    return f"fix attempts so far: {said}"


def _left(report: Report, gate: str) -> str:
    return str(report.attempts_left.get(gate, 0) or "none")


def stuck(report: Report) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield a sentence for each gate that is stuck, and below it what was tried and what to do now."""
    for each in report.stuck:
        name = "this change" if each.gate == RUN else each.gate
        tried = tuple(_tried(each))
        yield f"STUCK: {name}: {each.why}", (*tried, f"a person decides now: {command(each.gate)}")


def command(gate: str) -> str:
    """Return the command by which a person decides about a gate."""
    return f'failhard decide {gate} --choose CHOICE --reason "..." --owner NAME'


def _tried(stuck: Stuck) -> Iterator[str]:
    for attempt in stuck.attempts[-MOST_TRIES:]:
        commit = f" {attempt.commit[:12]}" if attempt.commit else ""
        yield f"{attempt.at}{commit}: {attempt.why}"


def decisions(report: Report) -> Iterator[str]:
    """Yield a sentence for each decision in force."""
    for each in report.decisions:
        yield f"decided: {decision(each)}"


def decision(each: Decision) -> str:
    """Return a decision as a sentence."""
    end = f", until {each.expires}" if each.expires else ""
    ref = f", {each.ref}" if each.ref else ""
    name = "this change" if each.gate == RUN else each.gate
    return f"{name}: {each.choice} ({each.owner}, {each.at}{end}{ref}): {each.reason}"


def quarantined(report: Report) -> Iterator[str]:
    """Yield a sentence for each entry of the quarantine, the first ones, and how many more there are."""
    for each in report.quarantined[:MOST_QUARANTINED]:
        yield f"quarantined, not passed: {entry(each)}"
    if (more := len(report.quarantined) - MOST_QUARANTINED) > 0:
        yield f"and {more} more in quarantine: failhard quarantine ls"


def entry(each: Quarantined) -> str:
    """Return an entry of the quarantine as a sentence."""
    return f"{each.id} {each.kind} {each.subject} (owner {each.owner}, until {each.expires}): {each.reason}"


def lines(report: Report) -> Iterator[str]:
    """Yield all of it as lines, those that belong to the one above indented."""
    for sentence, below in stuck(report):
        yield sentence
        yield from (f"  {each}" for each in below)
    if said := attempts(report):
        yield said
    yield from decisions(report)
    yield from quarantined(report)
