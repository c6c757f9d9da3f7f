"""`failhard golden`: shows and keeps `failhard-golden.json`, the counts that a project must not exceed."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from pytest_failhard.cli.options import FOLDER
from pytest_failhard.exits import USAGE

if TYPE_CHECKING:
    from pytest_failhard.gates.performance.counters import Count
    from pytest_failhard.gates.performance.golden import Entry, Golden
    from pytest_failhard.model import Evidence, Option, Rule
    from pytest_failhard.run import GateRun

REFUSED = 1
FAILED = 3
SECONDS = 1800.0
"""So long a measurement may take: the most that a level gives the gate."""
OPTIONS = ("workloads", "max_seconds")
"""What of the gate's table decides what is counted."""
HEADINGS = ("case", "counter", "ceiling", "owner", "date", "reason")
_ROOT = FOLDER


class UsageError(Exception):
    """What was asked for cannot be done; one line a mistake."""


@click.group(name="golden")
def command() -> None:
    """Keep `failhard-golden.json`, the counts that a project must not exceed."""


@command.command(name="show")
@click.argument("root", type=_ROOT, default=Path(), metavar="[ROOT]")
def show(root: Path) -> None:
    """Print the ceilings of ROOT."""
    from pytest_failhard.model import GateError

    try:
        known = _known(root.resolve())
    except GateError as error:
        _stop(error, USAGE)
    for line in table(known.entries.values()):
        click.echo(line)


@command.command(name="update")
@click.argument("root", type=_ROOT, default=Path(), metavar="[ROOT]")
@click.option("--reason", default="", help="Why so many are needed, in two words or more.")
@click.option("--owner", default="", help="Who answers for it.")
@click.option("--loosen", multiple=True, metavar="CASE/COUNTER", help="A ceiling that may rise.")
def update(root: Path, reason: str, owner: str, loosen: tuple[str, ...]) -> None:
    """Measure the workloads of ROOT, and lower the ceilings to what was counted.

    Exit status: 0 written, 1 something is above its ceiling and not named by --loosen, 2 usage, 3 it could
    not be measured. Nothing is written but with 0.
    """
    from pytest_failhard.gates.performance.workload.tightening import LooseningError
    from pytest_failhard.model import GateError

    try:
        for line in updated(root.resolve(), reason, owner, loosen, datetime.now(UTC).date()):
            click.echo(f"failhard: {line}")
    except UsageError as error:
        _stop(error, USAGE)
    except LooseningError as error:
        _stop(error, REFUSED)
    except GateError as error:
        _stop(error, FAILED)
    sys.exit(0)


def _stop(error: Exception, code: int) -> NoReturn:
    for line in str(error).splitlines():
        click.echo(f"failhard: {line}", err=True)
    sys.exit(code)


def table(entries: Iterable[Entry]) -> Iterator[str]:
    """Yield the ceilings as lines of columns."""
    rows = [HEADINGS] + [
        (each.case, each.counter, str(each.value), each.owner, each.date, each.reason) for each in entries
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS) - 1)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        yield "  ".join((*cells, row[-1]))


def updated(root: Path, reason: str, owner: str, loosen: Sequence[str], today: date) -> tuple[str, ...]:
    """Write a project's ceilings, return what changed; raises UsageError, LooseningError, GateError."""
    from pytest_failhard.gates.performance import golden
    from pytest_failhard.gates.performance.workload.tightening import Word, tightened
    from pytest_failhard.store import write_atomically

    if not (len(reason.split()) > 1 and owner.strip()):
        raise UsageError("add --reason, of two words or more, and --owner")
    known = _known(root)
    with _measuring(root, today) as run:
        measured = _counted(run)
        word = Word(
            reason=reason.strip(), owner=owner.strip(), commit=run.facts.commit, date=today.isoformat()
        )
    made, changes = tightened(known, measured, word, loosen)
    if changes:
        write_atomically(root / golden.FILE, golden.dump(made))
    kept = len(made.entries) - sum(change.after is not None for change in changes)
    return (*map(str, changes), f"{golden.FILE}: {len(changes)} changed, {kept} kept")


def _known(root: Path) -> Golden:
    from pytest_failhard.gates.performance import golden

    path = root / golden.FILE
    return golden.parse(path.read_bytes()) if path.is_file() else golden.Golden()


def _counted(run: GateRun) -> tuple[Count, ...]:
    from pytest_failhard.gates.performance.settings import PerformanceSettings
    from pytest_failhard.gates.performance.workload.workplace import whole
    from pytest_failhard.gates.performance.workloads import count

    settings = run.settings
    if not isinstance(settings, PerformanceSettings) or not settings.workloads:
        raise UsageError("no workload is declared: add [[tool.failhard.performance.workloads]]")
    return count(run, settings, whole(run))


@contextmanager
def _measuring(root: Path, today: date) -> Iterator[GateRun]:
    """Give a run of the gate over the working tree, with evidence that nobody keeps."""
    from pytest_failhard import config, plan
    from pytest_failhard.gates.performance.settings import PerformanceSettings
    from pytest_failhard.run import GateRun
    from pytest_failhard.source import default_source, default_tests, pyproject

    try:
        project = config.load(root)
        settings = config.merge_settings(
            "performance", PerformanceSettings, _rule(), _chosen(project.gates.get("performance", {}))
        )
    except config.ConfigError as error:
        raise UsageError("\n".join(error.mistakes)) from None
    with tempfile.TemporaryDirectory(prefix="golden-", ignore_cleanup_errors=True) as folder:
        run = GateRun(
            gate="performance",
            root=root,
            level=project.level or 1,
            source=project.source if project.source is not None else default_source(root, pyproject(root)),
            test_roots=project.tests if project.tests is not None else default_tests(root),
            interpreter=plan.interpreter(root, project),
            settings=settings,
            options={},
            base=None,
            base_missing="counting needs none",
            seed=0,
            today=today,
            scratch=Path(folder),
            keep=_unkept,
            deadline=time.monotonic() + SECONDS,
            test_run=None,
            facts=plan.facts(root, project)[0],
        )
        try:
            yield run
        finally:
            run.close()


def _rule() -> Rule:
    """Return a rule that leaves to the project what decides what is counted."""
    from pytest_failhard.gates.performance.settings import PerformanceSettings
    from pytest_failhard.model import PolicyOption, Rule

    plain = PerformanceSettings()
    defaults: Mapping[str, Option] = {"workloads": [], "max_seconds": plain.max_seconds}
    return Rule(
        gate="performance",
        fail_at=None,
        timeout=int(SECONDS),
        options={name: PolicyOption(value=value, kind="project") for name, value in defaults.items()},
    )


def _chosen(options: Mapping[str, Option]) -> Mapping[str, Option]:
    return {name: value for name, value in options.items() if name in OPTIONS}


def _unkept(name: str, data: bytes, *, volatile: bool = False, has_contacts: bool = False) -> Evidence:
    """Describe evidence of a run that nobody reports."""
    from pytest_failhard.model import Evidence

    del has_contacts
    return Evidence(
        name=name, sha256=sha256(data).hexdigest(), media_type="application/json", volatile=volatile
    )
