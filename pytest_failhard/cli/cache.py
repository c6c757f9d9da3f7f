"""`failhard cache`: shows, checks, empties and trims what earlier runs have kept."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from pytest_failhard.cli.options import FOLDER

if TYPE_CHECKING:
    from pytest_failhard.private import Place
    from pytest_failhard.store.entries import Entries

DAMAGED = 1
FAILED = 3
UNITS = {"m": 60.0, "h": 3600.0, "d": 86400.0}
SIZES = {"K": 1024, "M": 1024**2, "G": 1024**3}
_ROOT = FOLDER


def _in(units: Mapping[str, float]) -> Callable[[click.Context, click.Parameter, str | None], float | None]:
    """Return what reads a number with one of some units; anything else is a usage error."""

    def read(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
        if value is None:
            return None
        if not re.fullmatch(r"[0-9]{1,9}[a-zA-Z]", value) or value[-1] not in units:
            raise click.BadParameter(
                f"{value!r} is no whole number with one of {', '.join(units)}", ctx, param
            )
        return int(value[:-1]) * units[value[-1]]

    return read


@click.group(name="cache")
def command() -> None:
    """Show, check, empty and trim what earlier runs have kept.

    Both are meant: that of `pytest --failhard-level`, in the project, and that of `failhard check`, in your
    cache directory. Exit status: 0 done, 1 an entry was damaged, 2 usage, 3 a cache cannot be used.
    """


_everywhere = click.option("--all", "everywhere", is_flag=True, help="Those of all your projects as well.")
_root = click.argument("root", type=_ROOT, default=Path(), metavar="[ROOT]")


@command.command(name="stats")
@_root
@_everywhere
def stats(root: Path, everywhere: bool) -> None:
    """Print how many entries there are, how large they are, and when the oldest was used."""
    _each(root, everywhere, _stats)


@command.command(name="validate")
@_root
@_everywhere
def validate(root: Path, everywhere: bool) -> None:
    """Read every entry and remove those that are not as they were written."""
    _each(root, everywhere, _validated)


@command.command(name="purge")
@_root
@_everywhere
def purge(root: Path, everywhere: bool) -> None:
    """Remove everything; the next run observes anew."""
    _each(root, everywhere, lambda entries: (f"removed {entries.purge()} entries", 0))


@command.command(name="trim")
@_root
@_everywhere
@click.option("--older-than", metavar="AGE", callback=_in(UNITS), help="Not used for so long: 90m, 12h, 30d.")
@click.option(
    "--max-size", metavar="SIZE", callback=_in(SIZES), help="The least recently used above it: 500K, 100M."
)
def trim(root: Path, everywhere: bool, older_than: float | None, max_size: float | None) -> None:
    """Remove what was not used for a time, and what is too much."""
    if older_than is None and max_size is None:
        raise click.UsageError("say what is to go: --older-than, --max-size, or both")

    def trimmed(entries: Entries) -> tuple[str, int]:
        limit = None if max_size is None else int(max_size)
        files, size = entries.trim(older_than=older_than, max_size=limit)
        return f"removed {files} files, {_size(size)}", 0

    _each(root, everywhere, trimmed)


def _each(root: Path, everywhere: bool, act: Callable[[Entries], tuple[str, int]]) -> NoReturn:
    """Do one thing to each cache that there is, say what, and end with the worst exit status."""
    from pytest_failhard.model import GateError

    worst = 0
    for place in _places(root.resolve(), everywhere):
        try:
            entries = place.open()
            try:
                said, code = act(entries)
            finally:
                entries.close()
            click.echo(f"{place.path}: {said}")
        except GateError as error:
            click.echo(f"failhard: {error}", err=True)
            code = FAILED
        worst = max(worst, code)
    sys.exit(worst)


def _places(root: Path, everywhere: bool) -> Iterator[Place]:
    """Yield the caches that are there; nothing is made to be looked at."""
    from pytest_failhard import private
    from pytest_failhard.model import GateError, Mode

    try:
        author, mine = (private.place(root, mode, os.environ) for mode in (Mode.AUTHOR, Mode.SUPERVISED))
    except GateError as error:
        raise click.UsageError(str(error)) from None
    above = mine.path.parent
    names = (
        sorted(path.name for path in above.iterdir()) if everywhere and above.is_dir() else [mine.path.name]
    )
    found = [place for place in (author, *map(mine.beside, names)) if os.path.lexists(place.path)]
    if not found:
        click.echo(f"{root}: no cache: no run has kept anything")
    yield from found


def _stats(entries: Entries) -> tuple[str, int]:
    found = entries.stats()
    if found.oldest is None:
        return "empty", 0
    gates = ", ".join(f"{gate} {count}" for gate, count in found.gates.items())
    days = max(0.0, time.time() - found.oldest) / UNITS["d"]
    limit = _size(entries.limit)
    count = sum(found.gates.values())
    return f"{count} entries ({gates}), {_size(found.size)} of {limit}, oldest use {days:.1f} days ago", 0


def _validated(entries: Entries) -> tuple[str, int]:
    sound, damaged = entries.validate()
    for note in damaged:
        click.echo(f"failhard: {note}", err=True)
    return (
        f"{sound} entries are sound, {len(damaged)} were damaged and are removed",
        DAMAGED if damaged else 0,
    )


def _size(count: int) -> str:
    return f"{count / SIZES['M']:.1f} MB"
