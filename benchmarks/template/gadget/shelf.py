"""Keeps gadgets in files: one each, written under another name first and renamed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from benchmarks.template.gadget.reading import ReadingError, from_json, to_json
from benchmarks.template.gadget.records import Gadget, State

SUFFIX = ".json"


class UnknownGadgetError(KeyError):
    """No gadget has this number."""


class Shelf(Protocol):
    """Where gadgets are."""

    def put(self, gadget: Gadget) -> None:
        """Keep one; the older one of its number is gone."""

    def get(self, number: int) -> Gadget:
        """Return one; raises UnknownGadgetError where there is none."""

    def all(self) -> Iterator[Gadget]:
        """Yield all by their number."""


class InMemory:
    """A shelf that is gone with the process."""

    def __init__(self) -> None:
        self._kept: dict[int, Gadget] = {}

    def put(self, gadget: Gadget) -> None:
        """Keep one."""
        self._kept[gadget.number] = gadget

    def get(self, number: int) -> Gadget:
        """Return one."""
        try:
            return self._kept[number]
        except KeyError:
            raise UnknownGadgetError(number) from None

    def all(self) -> Iterator[Gadget]:
        """Yield all."""
        for number in sorted(self._kept):
            yield self._kept[number]


class InFiles:
    """A shelf in a folder; a file that cannot be read is named when it is asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def put(self, gadget: Gadget) -> None:
        """Keep one."""
        target = self._path(gadget.number)
        written = target.with_suffix(".new")
        written.write_text(to_json(gadget), "utf-8")
        written.replace(target)

    def get(self, number: int) -> Gadget:
        """Return one."""
        path = self._path(number)
        try:
            text = path.read_text("utf-8")
        except FileNotFoundError:
            raise UnknownGadgetError(number) from None
        try:
            return from_json(text)
        except ReadingError as error:
            raise ReadingError([f"{path.name}: {mistake}" for mistake in error.mistakes]) from error

    def all(self) -> Iterator[Gadget]:
        """Yield all."""
        for number in sorted(int(path.stem) for path in self._folder.glob(f"*{SUFFIX}")):
            yield self.get(number)

    def _path(self, number: int) -> Path:
        return self._folder / f"{number}{SUFFIX}"


def changed(shelf: Shelf, number: int, change: Callable[[Gadget], Gadget]) -> Gadget:
    """Change one gadget and keep it."""
    gadget = change(shelf.get(number))
    shelf.put(gadget)
    return gadget


def counts(shelf: Shelf) -> dict[State, int]:
    """Return how many gadgets are in each state."""
    found = dict.fromkeys(State, 0)
    for gadget in shelf.all():
        found[gadget.state] += 1
    return found
