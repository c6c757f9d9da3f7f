"""`failhard quarantine`: shows and removes what is not relied on, and not passed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click

from pytest_failhard import quarantine
from pytest_failhard.cli.options import FOLDER
from pytest_failhard.exits import USAGE
from pytest_failhard.quarantine import Listed, Quarantine
from pytest_failhard.report import steps
from pytest_failhard.report.text import visible
from pytest_failhard.store import DEFAULT_FOLDER
from pytest_failhard.store.journal import JournalError, opened

_root = click.argument("root", type=FOLDER, default=Path(), metavar="[ROOT]")
_report_dir = click.option(
    "--report-dir", type=click.Path(path_type=Path), default=Path(DEFAULT_FOLDER), show_default=True
)


class RefusedError(Exception):
    """There is no such entry."""


@click.group(name="quarantine")
def command() -> None:
    """Tests and cases whose answers are not relied on. Quarantined is not passed."""


@command.command(name="ls")
@_root
@_report_dir
def ls(root: Path, report_dir: Path) -> None:
    """List the entries, oldest first. Exit status: 0, or 2 where the file cannot be read."""
    _end(lambda: listed(root / report_dir))


@command.command(name="show")
@click.argument("entry")
@_root
@_report_dir
def show(entry: str, root: Path, report_dir: Path) -> None:
    """Show all that is known of ENTRY. Exit status: 0, or 2 where there is none."""
    _end(lambda: shown(root / report_dir, entry))


@command.command(name="rm")
@click.argument("entry")
@_root
@_report_dir
def rm(entry: str, root: Path, report_dir: Path) -> None:
    """Remove ENTRY: it was mended. Exit status: 0 removed, 2 where there is none."""
    _end(lambda: removed(root / report_dir, entry))


def _end(said: Callable[[], str]) -> None:
    try:
        click.echo(said())
    except (RefusedError, JournalError) as error:
        click.echo(f"failhard: {error}", err=True)
        sys.exit(USAGE)
    sys.exit(0)


def listed(folder: Path) -> str:
    """Return one line an entry; raises JournalError."""
    with opened(folder, quarantine.NAME) as journal:
        held = quarantine.read(journal)
    today = datetime.now(UTC).date()
    lines = [
        f"{'' if entry.holds(today) else 'EXPIRED '}{steps.entry(entry)}" for entry in held.entries.values()
    ]
    lines += [f"note: {note}" for note in held.notes]
    return "\n".join(map(visible, lines)) or "nothing is in quarantine"


def shown(folder: Path, name: str) -> str:
    """Return all fields of an entry; raises RefusedError, JournalError."""
    with opened(folder, quarantine.NAME) as journal:
        entry = _found(quarantine.read(journal), name)[-1].entry
    fields = entry.model_dump(mode="json", exclude={"form"})
    return "\n".join(visible(f"{field}: {value}") for field, value in fields.items())


def removed(folder: Path, name: str) -> str:
    """Remove an entry and say which; raises RefusedError, JournalError. Other lines stay as they are."""
    with opened(folder, quarantine.NAME) as journal:
        found = _found(quarantine.read(journal), name)
        journal.remove({(each.file, each.number) for each in found})
    return f"failhard: removed from quarantine: {visible(steps.entry(found[-1].entry.quarantined()))}"


def _found(held: Quarantine, name: str) -> list[Listed]:
    found = [each for each in held.listed if each.entry.id == name]
    if not found:
        known = ", ".join(held.entries) or "none"
        raise RefusedError(f"{name}: there is no such entry; there are: {known}")
    return found
