"""`failhard fleet`: many projects judged at once, one summary over all of them."""

from __future__ import annotations

import os
import secrets
import signal
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from pytest_failhard.cli.options import FILE, LEVEL
from pytest_failhard.exits import CODES, INTERRUPTED, USAGE
from pytest_failhard.fleet import engine, summary
from pytest_failhard.fleet.cluster import FleetError
from pytest_failhard.fleet.orders import Order, Outcome, own_version, unjudged
from pytest_failhard.model import GateError
from pytest_failhard.store import write_atomically

SUMMARY = "failhard-fleet.json"
TIMEOUT_SECONDS = 3 * 60 * 60


@click.command(name="fleet")
@click.argument("projects", nargs=-1, type=click.Path(path_type=Path), metavar="PROJECT...")
@click.option(
    "--list",
    "listed",
    type=FILE,
    help="A file with further projects, one a line; relative ones are meant from its folder.",
)
@click.option("--level", type=LEVEL, help="The level of all (default: each project's own).")
@click.option("--base", metavar="REF", help="Judge each against this branch of its own.")
@click.option("--only", metavar="GATE,...", help="These gates only; the reports are incomplete.")
@click.option("--workers", type=click.IntRange(min=1), help="Projects at once here (default: the cores).")
@click.option(
    "--scheduler", default="", metavar="ADDRESS", help="A running Dask scheduler, instead of workers here."
)
@click.option(
    "--timeout", type=click.IntRange(min=1), default=TIMEOUT_SECONDS, help="Seconds for one project."
)
@click.option(
    "--summary",
    "place",
    type=click.Path(path_type=Path, dir_okay=False),
    default=SUMMARY,
    show_default=True,
    help="Where the summary goes.",
)
def command(
    projects: tuple[Path, ...],
    listed: Path | None,
    level: int | None,
    base: str | None,
    only: str | None,
    workers: int | None,
    scheduler: str,
    timeout: int,
    place: Path,
) -> None:
    """Run `failhard check` over many projects, several at once, and write one summary.

    Each project's report lies in its own folder `.failhard`. A worker that is lost is an error of the
    project that it was judging, and of no other.

    Exit status: 0 all pass, 1 some fail, 2 usage, 3 some are errors, 130 interrupted.
    """
    roots, mistakes = _roots([*projects, *_listed(listed)])
    if mistakes:
        _stop(mistakes)
    count = min(workers or os.cpu_count() or 1, len(roots))
    arguments = _arguments(level, base, only, jobs=max(1, (os.cpu_count() or 1) // count))
    orders = [
        Order(
            project=str(root),
            token=secrets.token_hex(8),
            arguments=arguments,
            timeout=timeout,
            version=own_version(),
        )
        for root in roots
    ]
    sheet = _Sheet(place.absolute(), orders)
    interrupted = False
    try:
        before = summary.durations(place.read_bytes()) if place.is_file() else {}
        sheet.write("not judged yet")
        engine.run(orders, scheduler=scheduler, workers=count, durations=before, done=sheet.add)
    except (FleetError, GateError) as error:
        _stop([str(error)])
    except KeyboardInterrupt:
        interrupted = True
    outcomes = sheet.write("interrupted: not judged")
    click.echo(summary.text(outcomes))
    sys.exit(INTERRUPTED + signal.SIGINT if interrupted else CODES[summary.verdict(outcomes)])


class _Sheet:
    """The summary as it grows: at every moment what was not judged yet is an error in it."""

    def __init__(self, place: Path, orders: Sequence[Order]) -> None:
        self.place = place
        self.orders = orders
        self.outcomes: dict[str, Outcome] = {}
        self.began = datetime.now(UTC).isoformat(timespec="seconds")

    def add(self, outcome: Outcome) -> None:
        """Take in what became of a project."""
        self.outcomes[outcome.project] = outcome
        self.write("not judged yet")

    def write(self, why: str) -> list[Outcome]:
        """Write the summary and return it; `why` is said of what has no outcome. Raises StoreError."""
        everything = [self.outcomes.get(order.project) or unjudged(order, why) for order in self.orders]
        write_atomically(self.place, summary.document(everything, started_at=self.began))
        return everything


def _listed(file: Path | None) -> Iterator[Path]:
    if file is None:
        return
    for line in file.read_text("utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            yield file.parent / line.strip()


def _roots(projects: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """Return the folders of the projects, and all that is wrong with what was named."""
    roots = [project.resolve() for project in projects]
    mistakes = [f"{root}: is no folder" for root in roots if not root.is_dir()]
    twice = sorted({root for root in roots if roots.count(root) > 1})
    mistakes += [f"{root}: is named twice; its runs would get into each other's way" for root in twice]
    if not roots:
        mistakes.append("no project is named: give folders, or a file of them with --list")
    return roots, mistakes


def _arguments(level: int | None, base: str | None, only: str | None, *, jobs: int) -> tuple[str, ...]:
    given = {"--level": level, "--base": base, "--only": only, "--jobs": jobs}
    return tuple(f"{name}={value}" for name, value in given.items() if value is not None)


def _stop(mistakes: Sequence[str]) -> None:
    for mistake in mistakes:
        click.echo(f"failhard: {mistake}", err=True)
    sys.exit(USAGE)
