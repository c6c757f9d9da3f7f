"""`failhard advisories`: fetches, describes and serves files of published advisories."""

from __future__ import annotations

import json
import sys
import threading
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from pytest_failhard.exits import USAGE
from pytest_failhard.model import LEVELS, GateError

if TYPE_CHECKING:
    from pytest_failhard.distributions.advisories.records import Database
    from pytest_failhard.distributions.osv_server import Answer, Record

UNUSABLE = 1
FILE = "advisories.json.gz"
GATE = "vulnerabilities"
AGE = "advisory_age_days"
_PATH = click.Path(path_type=Path)


@click.group(name="advisories")
def command() -> None:
    """Fetch, describe and serve published advisories about Python packages."""


@command.command(name="update")
@click.argument("source", default="", metavar="[SOURCE]")
@click.option("--out", type=_PATH, default=Path(FILE), show_default=True, help="The file that is written.")
def update(source: str, out: Path) -> None:
    """Write advisories in the compact form, with the digest beside them in OUT.sha256.

    SOURCE is an archive of OSV records, a checkout of the advisory database, a compact file, or the
    address of one of them; without it the public archive is fetched.

    Exit status: 0 written, 1 the source is not usable, 2 it could not be read.
    """
    from pytest_failhard.distributions.advisories.download import DownloadError

    try:
        database = _read(source)
        _refuse_useless(database)
        digest = _write(database, out)
    except DownloadError as error:
        _stop(error, USAGE)
    except (GateError, ValueError, OSError) as error:
        _stop(error, UNUSABLE)
    click.echo(
        f"failhard: {out}: {database.records} records about {len(database.packages)} packages "
        f"as of {database.as_of:%Y-%m-%d}, sha256 {digest}"
    )


@command.command(name="status")
@click.argument("path", type=_PATH, default=Path(FILE), metavar="[PATH]")
def status(path: Path) -> None:
    """Say what an advisory file holds, how old it is and for which levels that will do.

    Exit status: 0 usable, 1 not usable, and why.
    """
    today = datetime.now(UTC).date()
    try:
        database = _load(path, today)
    except GateError as error:
        _stop(error, UNUSABLE)
    age = (today - database.as_of.date()).days
    enough = [f"level {level}" for level, most in _limits(today).items() if age <= most]
    click.echo(
        f"{path}\n"
        f"  as of     {database.as_of:%Y-%m-%d %H:%M} UTC, {age} days old\n"
        f"  young enough for {', '.join(enough) or 'no level'}\n"
        f"  records   {database.records} about {len(database.packages)} packages\n"
        f"  sha256    {database.sha256}\n"
        f"  source    {database.source}\n"
        f"  licence   {database.licence}"
    )


@command.command(name="serve")
@click.argument("path", type=_PATH)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port (default: any free one).")
@click.option("--ready-file", type=_PATH, help="Written, whole, when the service answers.")
def serve(path: Path, port: int, ready_file: Path | None) -> None:
    """Answer as OSV does, on loopback, from an advisory file, until SIGINT or SIGTERM.

    The first line on stdout is JSON: ready, url, as_of, records, sha256.

    Exit status: 0 stopped, 1 the file is not usable, 2 the port is taken.
    """
    from pytest_failhard.cli.signals import stopped_by_signals
    from pytest_failhard.distributions.osv_server import OsvServer

    stopping = threading.Event()
    try:
        database = _load(path, datetime.now(UTC).date())
        server = OsvServer(_answer(database), port=port, secret=False)
    except GateError as error:
        _stop(error, UNUSABLE)
    except OSError as error:
        _stop(error, USAGE)
    with stopped_by_signals(stopping), server:
        ready = json.dumps(
            {
                "ready": True,
                "url": server.url,
                "as_of": database.as_of.isoformat(),
                "records": database.records,
                "sha256": database.sha256,
            },
            sort_keys=True,
        )
        click.echo(ready)
        if ready_file is not None:
            _replace(ready_file, f"{ready}\n".encode())
        stopping.wait()


def _answer(database: Database) -> Answer:
    """Return what answers for a database; what cannot be evaluated is named too, as nobody else will."""
    from pytest_failhard.distributions.advisories.matching import match
    from pytest_failhard.distributions.advisories.osv import served

    def answer(name: str, version: str) -> list[Record]:
        found = match(database, name, version)
        return [served(each, name) for each in (*found.advisories, *found.unknown)]

    return answer


def _read(source: str) -> Database:
    from pytest_failhard.distributions.advisories import files, services
    from pytest_failhard.distributions.advisories.download import fetch, is_address

    address = source or services.address("archive")
    if is_address(address):
        return files.named(files.parse(fetch(address), address), address)
    return files.read(Path(source), _commit_time)


def _refuse_useless(database: Database) -> None:
    from pytest_failhard.distributions.advisories import canaries

    if not canaries.known(database):
        raise GateError("the source knows none of the canaries: it is no whole database, nothing was written")


def _write(database: Database, out: Path) -> str:
    """Write the file, then what vouches for it; return the digest."""
    import hashlib

    from pytest_failhard.distributions.advisories import compact, files

    data = compact.write(database)
    digest = hashlib.sha256(data).hexdigest()
    out.parent.mkdir(parents=True, exist_ok=True)
    _replace(out, data)
    _replace(out.with_name(out.name + files.SIDECAR), f"{digest}  {out.name}\n".encode())
    return digest


def _load(path: Path, today: date) -> Database:
    from pytest_failhard.distributions.advisories import files

    return files.load(path, today, _commit_time)


def _commit_time(folder: Path) -> datetime:
    from pytest_failhard import proc

    try:
        completed = proc.git(folder, "log", "-1", "--format=%cI")
        return datetime.fromisoformat(completed.stdout.decode("ascii", "replace").strip())
    except (proc.ProcError, ValueError):
        raise GateError(f"{folder}: git does not say when its commit was made: clone it with git") from None


def _limits(today: date) -> dict[int, int]:
    """Return how old, in days, each level lets an advisory file be."""
    from pytest_failhard import policy
    from pytest_failhard.gates import builtin

    known = [gate.id for gate in builtin()]
    rules = {level: policy.load(level, known, today=today).rules for level in LEVELS}
    return {
        level: int(rule.at_most[AGE])
        for level, listed in rules.items()
        for rule in listed
        if rule.gate == GATE
    }


def _replace(path: Path, data: bytes) -> None:
    """Write a file that others wait for: it is there whole or not at all."""
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(data)
    part.replace(path)


def _stop(error: Exception, code: int) -> NoReturn:
    click.echo(f"failhard: {error}", err=True)
    sys.exit(code)
