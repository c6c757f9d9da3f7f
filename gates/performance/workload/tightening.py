"""What `failhard golden update` makes of the ceilings: lower ones by itself, higher ones by name."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pytest_failhard.gates.performance.counters import Count
from pytest_failhard.gates.performance.golden import Entry, Golden, Key

OF_BENCHMARKS = ":"
"""It stands in the id of each benchmark and route, and in that of no workload."""


class LooseningError(Exception):
    """Counts are above their ceilings and nobody named them; or what was named is not."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """What an entry was and is, None for not there; equal values of another harness are a change too."""

    key: Key
    before: int | None
    after: int | None

    def __str__(self) -> str:
        before, after = ("-" if value is None else str(value) for value in (self.before, self.after))
        return f"{'/'.join(self.key)}: {before} -> {after}"


@dataclass(frozen=True, kw_only=True)
class Word:
    """Who says so, why, where it was measured and on which day."""

    reason: str
    owner: str
    commit: str
    date: str


def tightened(
    golden: Golden, measured: Sequence[Count], word: Word, loosened: Collection[str] = ()
) -> tuple[Golden, tuple[Change, ...]]:
    """Return the ceilings at what was measured, and what changed; an entry that is right stays as it is.

    An entry of a workload that was not measured goes, one of a benchmark stays: that is counted elsewhere.
    Raises LooseningError for one that gets worse without being named, as `case/counter`, and for a name that
    is not needed.
    """
    worse = {
        "/".join(_key(each))
        for each in measured
        if (entry := golden.entries.get(_key(each))) is not None and each.value > entry.value
    }
    _require(worse, set(loosened))
    entries = {key: entry for key, entry in golden.entries.items() if OF_BENCHMARKS in entry.case}
    entries |= {_key(each): _entry(golden.entries.get(_key(each)), each, word) for each in measured}
    changes = [
        Change(key=key, before=_value(golden, key), after=entries[key].value if key in entries else None)
        for key in sorted({*golden.entries, *entries})
        if golden.entries.get(key) != entries.get(key)
    ]
    return Golden.of(entries.values()), tuple(changes)


def _require(worse: set[str], loosened: set[str]) -> None:
    if refused := sorted(worse - loosened):
        options = " ".join(f"--loosen {name}" for name in refused)
        raise LooseningError(f"more than the ceiling: {', '.join(refused)}; if that is meant: {options}")
    if needless := sorted(loosened - worse):
        raise LooseningError(f"--loosen {', '.join(needless)}: is not above its ceiling; leave it out")


def _key(each: Count) -> Key:
    return each.case, each.counter


def _value(golden: Golden, key: Key) -> int | None:
    entry = golden.entries.get(key)
    return None if entry is None else entry.value


def _entry(before: Entry | None, each: Count, word: Word) -> Entry:
    if before is not None and (before.value, before.harness) == (each.value, each.harness):
        return before
    return Entry(
        case=each.case,
        counter=each.counter,
        value=each.value,
        harness=each.harness,
        reason=word.reason,
        owner=word.owner,
        commit=word.commit,
        date=word.date,
    )
