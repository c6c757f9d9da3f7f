"""Which attempts belong to one call of the system, and who repeated it: its SDK or the code around that."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from pytest_failhard.llm.attempt import Attempt

ERROR_STATUS = 400


@dataclass(frozen=True, kw_only=True)
class Call:
    """The attempts of one logical call, in order of arrival.

    `groups` are the attempts by the SDK call that made them: a new group is a repetition by the code
    around the SDK. `gaps` are the seconds between the end of an attempt and the arrival of the next.
    """

    attempts: tuple[Attempt, ...]
    groups: tuple[tuple[Attempt, ...], ...]
    gaps: tuple[float, ...]

    @property
    def shape(self) -> str:
        """Return how many attempts, and how they multiply: `9 (3 x 3)`, `4 (3 + 1)`, `3`."""
        sizes = [len(group) for group in self.groups]
        total = str(len(self.attempts))
        if len(sizes) == 1:
            return total
        if len(set(sizes)) == 1:
            return f"{total} ({len(sizes)} x {sizes[0]})"
        return f"{total} ({' + '.join(map(str, sizes))})"


def calls(attempts: Iterable[Attempt]) -> tuple[Call, ...]:
    """Return the logical calls, in the order of their first attempts.

    Attempts at the same thing (case, dialect, route, model, normalised body) are one call until a healthy
    answer closes it. One that arrived before the other had ended belongs to another call, made at the same
    time. Only requests for a call count: no redirect hop, no list of models, no noise.
    """
    made: list[list[Attempt]] = []
    for attempt in sorted(attempts, key=lambda each: (arrived(each), each.number)):
        if attempt.kind != "call":
            continue
        waiting = [call for call in made if _continues(attempt, call[-1])]
        if waiting:
            min(waiting, key=lambda call: _distance(attempt, call[-1])).append(attempt)
        else:
            made.append([attempt])
    return tuple(_call(tuple(each)) for each in made)


def arrived(attempt: Attempt) -> float:
    """Return when the head of a request was complete: a connection may have been accepted for another."""
    return attempt.times.headers


def ended(attempt: Attempt) -> float:
    """Return when an attempt was over for the client: when it went away, else when we were done."""
    gone = attempt.times.peer_closed
    return attempt.times.ended if gone is None else min(gone, attempt.times.ended)


def gap(before: Attempt, after: Attempt) -> float:
    """Return the seconds that a client waited between two attempts."""
    start = ended(before)
    opened = after.times.accepted
    return (opened if opened > start else arrived(after)) - start


def is_healthy(attempt: Attempt) -> bool:
    """Return whether an attempt got what it asked for."""
    return not attempt.fault and attempt.status < ERROR_STATUS


def _continues(attempt: Attempt, last: Attempt) -> bool:
    same = (
        attempt.case == last.case
        and attempt.dialect == last.dialect
        and attempt.route == last.route
        and attempt.model == last.model
        and attempt.body_sha256 == last.body_sha256
    )
    return same and not is_healthy(last) and ended(last) <= arrived(attempt)


def _distance(attempt: Attempt, last: Attempt) -> tuple[bool, bool, float]:
    """Order the calls that an attempt may continue: by what its SDK says, then the longest waiting."""
    other_invocation = attempt.invocation is None or attempt.invocation != last.invocation
    is_next = (
        attempt.retry_count is not None
        and last.retry_count is not None
        and attempt.retry_count == last.retry_count + 1
    )
    return other_invocation, not is_next, ended(last)


def _call(attempts: tuple[Attempt, ...]) -> Call:
    groups = [[attempts[0]]]
    for before, attempt in itertools.pairwise(attempts):
        if _starts_group(before, attempt):
            groups.append([attempt])
        else:
            groups[-1].append(attempt)
    return Call(
        attempts=attempts,
        groups=tuple(map(tuple, groups)),
        gaps=tuple(gap(before, after) for before, after in itertools.pairwise(attempts)),
    )


def _starts_group(before: Attempt, attempt: Attempt) -> bool:
    if attempt.invocation is not None or before.invocation is not None:
        return attempt.invocation != before.invocation
    return attempt.retry_count == 0
