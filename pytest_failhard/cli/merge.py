"""`failhard merge`: joins the reports of several jobs over one commit into one verdict."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pytest_failhard import attestation, policy, proc, report, showing
from pytest_failhard.cli import joined, shards
from pytest_failhard.cli.options import FILE, FOLDER, LEVEL
from pytest_failhard.cli.recheck import RUN, in_force
from pytest_failhard.cli.shards import ForgedError, Shard, ShardsError
from pytest_failhard.distributions.attest.dsse import Signer
from pytest_failhard.exits import CODES, TAMPERED, UNPROVEN, USAGE
from pytest_failhard.formats import FORMATS, TEXT
from pytest_failhard.gates import builtin
from pytest_failhard.model import SIGNING_KEY, GateError
from pytest_failhard.redact import RedactError, Redactor
from pytest_failhard.report import provenance
from pytest_failhard.store import DEFAULT_FOLDER, EVIDENCE, REPORT, Store

if TYPE_CHECKING:
    from collections.abc import Collection

    from pytest_failhard.model import Policy, ProjectFacts, Report
    from pytest_failhard.report.document import Document

PROVENANCE = "provenance"
NOWHERE = Path(os.devnull)
"""A root without files: of another tree than the one that was judged no source is shown."""
NOTHING = "no report was written"


class UsageError(Exception):
    """What was asked for cannot be done; nothing was touched."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is to be joined, and what it must meet. `project` is the checkout, for what was built."""

    folders: tuple[Path, ...]
    into: Path
    project: Path
    expected: int | None = None
    level: int | None = None
    policy_file: Path | None = None


@click.command(name="merge")
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="DIR...")
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    default=Path(DEFAULT_FOLDER),
    show_default=True,
    help="The report folder to write.",
)
@click.option("--expect", type=click.IntRange(min=1), help="How many shards there must be.")
@click.option(
    "--level",
    type=LEVEL,
    help="The level that must have been judged at least.",
)
@click.option(
    "--policy",
    "policy_file",
    type=FILE,
    help="The policy file that was judged by, where it is not the shipped one.",
)
@click.option(
    "--project",
    type=FOLDER,
    default=Path(),
    help="The checkout, where what was built lies (default: this folder).",
)
@click.option("--format", "form", type=click.Choice(FORMATS), default=TEXT, show_default=True)
def command(
    folders: tuple[Path, ...],
    into: Path,
    expect: int | None,
    level: int | None,
    policy_file: Path | None,
    project: Path,
    form: str,
) -> None:
    """Join the report folders DIR of jobs that ran `failhard check --only` over one commit.

    Every report is verified from its evidence and judged again. Together they must hold each gate of the
    level exactly once.

    Exit status: 0 pass, 1 fail, 2 usage or policy invalid, 3 error (a shard is missing, unfinished or
    of something else), 4 a report does not hold.
    """
    asked = Asked(
        folders=folders,
        into=into,
        project=project,
        expected=expect,
        level=level,
        policy_file=policy_file,
    )
    try:
        made = merge(asked, [gate.id for gate in builtin()], os.environ)
    except (UsageError, RedactError, policy.PolicyError) as error:
        _stop(USAGE, str(error).splitlines())
    except ForgedError as error:
        _stop(TAMPERED, [*error.mistakes, NOTHING])
    except ShardsError as error:
        _stop(UNPROVEN, [*error.mistakes, NOTHING])
    except GateError as error:
        _stop(UNPROVEN, [str(error), NOTHING])
    click.echo(report.printed(made, form, colour=sys.stdout.isatty(), folder=str(into)))
    sys.exit(CODES[made.verdict])


def _stop(code: int, lines: Sequence[str]) -> None:
    for line in lines:
        click.echo(f"failhard: {line}", err=True)
    sys.exit(code)


def merge(asked: Asked, gates: Collection[str], environment: Mapping[str, str]) -> Report:
    """Write the joined report and return it; `gates` are the ids of those that are built in.

    An earlier report in the folder is gone in any case. Raises UsageError, RedactError and PolicyError
    where it cannot be begun, ForgedError, ShardsError and GateError where there is no verdict.
    """
    _refuse(asked)
    redactor = Redactor.from_environment(environment)
    with Store.open(asked.into.absolute(), Path.cwd(), redactor) as store:
        found = shards.read(
            asked.folders,
            expected=asked.expected,
            level=asked.level,
            policy_file=asked.policy_file,
            gates=gates,
            project=asked.project,
        )
        day = max(shard.document.volatile.judged_on for shard in found)
        known = {*gates, *(part.id for shard in found for part in shard.document.gates)}
        terms = policy.load(found[0].document.level, known, asked.policy_file, today=day)
        made = redactor.value(joined.report(found, terms, day))
        for shard in found:
            take(shard, store)
        exhibits = showing.gather(made, store.staging, _source(asked.project, made.project), redactor)
        files, copies = report.render_all(made, exhibits), report.copies(made, store.staging.kept)
        if made.level >= provenance.FROM_LEVEL:
            listed = joined.statement_inputs(found, environment)
            signer = _signer(made, terms, environment, asked.project)
            files |= attestation.stated(listed, signer, files[REPORT], store)
        store.publish(files, copies)
    return made


def _source(project: Path, facts: ProjectFacts) -> Path:
    """Return the root from which lines of source are shown: the checkout, where it is the judged tree."""
    try:
        head = proc.git(project, "rev-parse", "HEAD").stdout.decode().strip()
        changes = proc.git(project, "status", "--porcelain", "--untracked-files=no").stdout
    except GateError:
        return NOWHERE
    return project if head == facts.commit and not facts.dirty and not changes.strip() else NOWHERE


def _signer(made: Report, terms: Policy, environment: Mapping[str, str], project: Path) -> Signer | None:
    """Return whose key signs the statements, none where none is named; raises GateError."""
    options = next((rule.options for rule in terms.rules if rule.gate == PROVENANCE), {})
    option, path = options.get("public_key"), environment.get(SIGNING_KEY)
    if path and option is not None and option.value:
        return Signer.load(project / path, str(option.value))
    if any(each.gate == PROVENANCE and each.measures.get("signed") for each in made.results):
        raise GateError(
            f"not-attested: the shards are signed, and here is no key: set {SIGNING_KEY} in this job too"
        )
    return None


def _refuse(asked: Asked) -> None:
    """Refuse a folder whose old report would be a shard."""
    target = asked.into.resolve()
    for folder in asked.folders:
        place = folder.resolve()
        if place.is_relative_to(target) or target.is_relative_to(place):
            raise UsageError(f"--into {asked.into}: holds {folder}, or lies in it; name a folder of its own")


def take(shard: Shard, store: Store) -> None:
    """Keep the evidence that the report of a shard names; each digest is compared once more.

    Raises ForgedError for a file that changed since, StoreError where it cannot be kept.
    """
    for gate, name, sha256 in _kept(shard.document):
        data = (shard.folder / EVIDENCE / gate / name).read_bytes()
        if hashlib.sha256(data).hexdigest() != sha256:
            raise ForgedError([f"{shard.folder}: {gate}/{name}: changed while it was read"])
        store.staging.take(gate, name, data)


def _kept(document: Document) -> Iterator[tuple[str, str, str]]:
    """Yield gate, name and digest of each file that a report rests on."""
    for part in document.gates:
        for each in (*part.evidence, *document.volatile.evidence.get(part.id, ())):
            yield part.id, each.name, each.sha256
    yield from ((RUN, name, sha256) for name, sha256 in in_force(document).items())
