"""Which units of work are done: the lines of the files in which a system leaves its results."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_failhard.model import GateError

SHOWN = 3
"""So many names are told of those that are lost."""


@dataclass(frozen=True, kw_only=True)
class Unit:
    """A unit that is done, and when that was seen, in nanoseconds of the monotonic clock."""

    name: str
    moment: int


@dataclass(frozen=True, kw_only=True)
class Tally:
    """Items against results. `lost` and `duplicated` are numbers, `names` some of what they are about."""

    completed: int
    lost: int = 0
    duplicated: int = 0
    names: tuple[str, ...] = ()


class Watch:
    """Sees lines appear in files below a folder. What is there at the beginning is taken away."""

    def __init__(self, folder: Path, pattern: str, key: str) -> None:
        self._folder = folder
        self._pattern = pattern
        self._key = key
        self._read: dict[Path, int] = {}
        self._rest: dict[Path, bytes] = {}
        self.units: list[Unit] = []
        for path in self._paths():
            path.unlink()

    def look(self, now: int) -> None:
        """Note the whole lines that were written since the last time."""
        for path in self._paths():
            size = path.stat().st_size
            begun = self._read.get(path, 0)
            if size < begun:  # written anew
                begun = 0
                self._rest.pop(path, None)
            if size > begun:
                self._take(path, begun, now)

    def finish(self, now: int) -> None:
        """Look for the last time: a line without an end counts."""
        self.look(now)
        for rest in self._rest.values():
            self._add(rest, now)
        self._rest.clear()

    def _paths(self) -> list[Path]:
        return sorted(path for path in self._folder.glob(self._pattern) if path.is_file())

    def _take(self, path: Path, begun: int, now: int) -> None:
        with path.open("rb") as stream:
            stream.seek(begun)
            data = stream.read()
        self._read[path] = begun + len(data)
        *lines, self._rest[path] = (self._rest.get(path, b"") + data).split(b"\n")
        for line in lines:
            self._add(line, now)

    def _add(self, line: bytes, now: int) -> None:
        if line.strip():
            self.units.append(Unit(name=name_of(line, self._key), moment=now))


def name_of(line: bytes, key: str) -> str:
    """Return what names a unit: the field of a JSON object, else the line itself."""
    text = line.decode("utf-8", "replace").strip()
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    named = value.get(key) if isinstance(value, dict) else None
    return str(named) if isinstance(named, int | str) else text


def expected(path: Path | None, key: str, items: int) -> frozenset[str]:
    """Return the names of the items in a file, none where there is no file; raises GateError."""
    if path is None:
        return frozenset()
    try:
        lines = [line for line in path.read_bytes().splitlines() if line.strip()]
    except OSError as error:
        raise GateError(f"{path.name}: cannot be read: {error.strerror}; it holds the items") from None
    names = frozenset(name_of(line, key) for line in lines)
    if len(names) != items or len(lines) != items:
        raise GateError(
            f"{path.name}: {len(lines)} lines with {len(names)} names for {items} items; "
            f"one line an item, each with its own {key}"
        )
    return names


def tally(wanted: frozenset[str], items: int, done: Sequence[str]) -> Tally:
    """Return what became of the items; where nobody knows their names, numbers have to do."""
    counts = Counter(done)
    duplicated = sorted(name for name, count in counts.items() if count > 1)
    known = wanted if wanted & set(counts) else frozenset()
    lost = sorted(known - set(counts))
    completed = len(known & set(counts)) if known else len(counts)
    return Tally(
        completed=min(completed, items),
        lost=len(lost) if known else max(0, items - len(counts)),
        duplicated=len(duplicated),
        names=tuple((lost + duplicated)[:SHOWN]),
    )
