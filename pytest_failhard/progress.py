"""Counts the gates of a run, and shows on a terminal which run, how many are done and how many are to go."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TextIO

from pytest_failhard.model import Flow

REDRAW_SECONDS = 0.1
UNSET = frozenset({"", "0", "false"})


def is_live(streams: Sequence[TextIO], environ: Mapping[str, str] = os.environ) -> bool:
    """Tell whether a line that is drawn over and over has a reader: on terminals only, and not under CI."""
    if environ.get("CI", "").lower() not in UNSET or environ.get("TERM") == "dumb":
        return False
    return all(stream.isatty() for stream in streams)


@dataclass
class _Running:
    started: float
    limit: float
    is_gate: bool


@dataclass
class Progress:
    """The state of a run and its line on the terminal.

    `stream` is None where nothing is to be printed; only with `live` the line is drawn. Seconds are those
    of `clock`.
    """

    stream: TextIO | None = None
    live: bool = False
    clock: Callable[[], float] = time.monotonic
    submitted: int = 0
    completed: int = 0
    reused: int = 0
    peak: int = 0
    _running: dict[str, _Running] = field(default_factory=dict)
    _began: float = field(init=False)
    _drawn: float = field(default=-REDRAW_SECONDS)
    _shown: str = ""

    def __post_init__(self) -> None:
        """Note when the run began."""
        self._began = self.clock()

    def submit(self, count: int) -> None:
        """Say how many gates there are."""
        self.submitted += count

    def reuse(self, count: int) -> None:
        """Say how many of them need not run."""
        self.reused += count
        self.completed += count

    def begin(self, name: str, limit: float, *, is_gate: bool = True) -> None:
        """Say that something runs, at most `limit` seconds; what is no gate (the tests) is not counted."""
        self._running[name] = _Running(self.clock(), limit, is_gate)
        self.peak = max(self.peak, len(self._gates()))
        self.draw()

    def end(self, name: str) -> None:
        """Say that it has ended, however."""
        ended = self._running.pop(name, None)
        self.completed += ended is not None and ended.is_gate
        self.draw()

    def flow(self, allowed: int) -> Flow:
        """Return the figures for the report; `allowed` is how many gates may run at once."""
        return Flow(
            submitted=self.submitted,
            in_flight=tuple(sorted(self._gates())),
            completed=self.completed,
            peak=self.peak,
            allowed=allowed,
        )

    def _gates(self) -> list[str]:
        return [name for name, running in self._running.items() if running.is_gate]

    def tick(self) -> bool:
        """Draw the line anew if it is time; return False, for whoever asks while waiting."""
        if self.live and self.clock() - self._drawn >= REDRAW_SECONDS:
            self.draw()
        return False

    def draw(self) -> None:
        """Draw the line over the one that is there."""
        if self.stream is None or not self.live:
            return
        self._drawn = self.clock()
        text = self.text()[: shutil.get_terminal_size().columns - 1]
        if text != self._shown:
            self.stream.write(f"\r{text.ljust(len(self._shown))}")
            self.stream.flush()
            self._shown = text

    def text(self) -> str:
        """Return the line: share, gates done and to go, seconds of the run, and what runs of its seconds."""
        share = 100 * self.completed // self.submitted if self.submitted else 0
        to_go = self.submitted - self.completed
        now = self.clock()
        gates = f"{self.completed} of {self.submitted} gates, {to_go} to go"
        running = [
            f"{name} {now - each.started:.0f}/{each.limit:.0f} s" for name, each in self._running.items()
        ]
        return " | ".join([f"failhard {share} %: {gates}, {now - self._began:.0f} s", *running])

    def clear(self) -> None:
        """Take the line away: what is printed next begins at the margin."""
        if self.stream is not None and self._shown:
            self.stream.write(f"\r{' ' * len(self._shown)}\r")
            self.stream.flush()
        self._shown = ""

    def say(self, text: str) -> None:
        """Print a line that stays, where anything is printed."""
        if self.stream is None:
            return
        self.clear()
        self.stream.write(f"failhard: {text}\n")
        self.stream.flush()
        self.draw()
