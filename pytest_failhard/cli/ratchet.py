"""`failhard ratchet`: keeps the baseline of what was there before a rule was taken seriously."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pytest_failhard import baseline as baselines
from pytest_failhard import config, policy
from pytest_failhard.baseline import Baseline, Entry
from pytest_failhard.cli.options import FOLDER
from pytest_failhard.exits import USAGE
from pytest_failhard.gates import builtin
from pytest_failhard.model import LEVELS, GateError
from pytest_failhard.rules.exclusion import is_excluded, of_options
from pytest_failhard.rules.findings import options_of, settle
from pytest_failhard.rules.ratchet import fingerprint
from pytest_failhard.rules.scan import scan_project
from pytest_failhard.rules.suppressed import in_stubs_of
from pytest_failhard.rules.weak import suppressing
from pytest_failhard.rules.weak.files import configurations
from pytest_failhard.source import default_source, default_tests, pyproject
from pytest_failhard.source.listing import others, python_files
from pytest_failhard.store import write_atomically

if TYPE_CHECKING:
    from pytest_failhard.rules.unit import Hit

STRICTEST = max(LEVELS)
"""The level whose policy says which rules have a baseline: they are the same at all levels."""
OPTION = "new_severity"


class RatchetError(Exception):
    """The baseline cannot be made; the message says why."""


@click.group(name="ratchet")
def command() -> None:
    """Keep `failhard-baseline.json`, the places that were there before a rule was taken seriously."""


@command.command(name="update")
@click.argument("root", type=FOLDER, default=Path(), metavar="[ROOT]")
@click.option("--lower", is_flag=True, help="Also note the places that are there now.")
@click.option("--reason", default="", help="Why they may stay: needed with --lower.")
@click.option("--owner", default="", help="Who answers for them: needed with --lower.")
def update(root: Path, lower: bool, reason: str, owner: str) -> None:
    """Take the places that are gone out of the baseline of ROOT; nothing is added unless --lower is given."""
    try:
        said = updated(
            root.resolve(), lower=lower, reason=reason, owner=owner, today=datetime.now(UTC).date()
        )
    except (RatchetError, GateError) as error:
        click.echo(f"failhard: {error}", err=True)
        sys.exit(USAGE)
    click.echo(f"failhard: {said}")
    sys.exit(0)


def updated(root: Path, *, lower: bool, reason: str, owner: str, today: date) -> str:
    """Write the baseline of a project and return what was done; raises RatchetError and GateError."""
    path = root / baselines.FILE
    if lower and not (len(reason.split()) > 1 and owner.strip()):
        raise RatchetError("--lower: add --reason, of two words or more, and --owner")
    if not lower and (reason or owner):
        raise RatchetError("--reason and --owner: they belong to --lower, which adds what is there now")
    if not (lower or path.is_file()):
        raise RatchetError(f"there is no {path.name}; --lower --reason ... --owner ... makes one")
    noted = baselines.parse(path.read_bytes(), is_digested=False) if path.is_file() else Baseline()
    found = {(hit.name, fingerprint(hit)): hit.path for hit in _hits(root, today)}
    kept = _kept(noted, found)
    added: dict[tuple[str, str], Entry] = {}
    if lower:
        added = {
            key: Entry(path=place, reason=reason.strip(), owner=owner.strip())
            for key, place in found.items()
            if key not in kept
        }
    write_atomically(path, baselines.dump(replace(_joined({**kept, **added}), frozen=noted.frozen)))
    removed = sum(map(len, noted.rules.values())) - len(kept)
    return f"{path.name}: {removed} removed, {len(added)} added, {len(kept)} kept"


def _kept(noted: Baseline, found: Mapping[tuple[str, str], str]) -> dict[tuple[str, str], Entry]:
    return {
        (name, key): entry
        for name, entries in noted.rules.items()
        for key, entry in entries.items()
        if (name, key) in found
    }


def _joined(entries: Mapping[tuple[str, str], Entry]) -> Baseline:
    rules: dict[str, dict[str, Entry]] = {}
    for (name, key), entry in entries.items():
        rules.setdefault(name, {})[key] = entry
    return Baseline(rules=rules)


def _hits(root: Path, today: date) -> Iterable[Hit]:
    """Yield the hits of all rules that have a baseline, as the gates see them."""
    try:
        project = config.load(root)
        gates = builtin()
        terms = policy.load(STRICTEST, [gate.id for gate in gates], today=today)
        known = {gate.id: gate for gate in gates}
        ratcheted = [rule for rule in terms.rules if OPTION in rule.options]
        settings = {
            rule.gate: config.merge_settings(
                rule.gate, known[rule.gate].settings, rule, project.gates.get(rule.gate, {})
            )
            for rule in ratcheted
        }
    except config.ConfigError as error:
        raise RatchetError("\n".join(error.mistakes)) from None
    source = project.source if project.source is not None else default_source(root, pyproject(root))
    tests = project.tests if project.tests is not None else default_tests(root)
    stubs = others(root, python_files(root, source, tests).nested, ".pyi")
    configured = suppressing.of_files(root, tuple(configurations(root, tests)))
    more = [*in_stubs_of(root, stubs), *suppressing.hits(configured)]
    for rule in ratcheted:
        names = rule.options[OPTION].value
        named = set(names) if isinstance(names, dict) else set()
        options = options_of(settings[rule.gate])
        paths = of_options(options)
        scan = scan_project(root, source, tests, paths=paths)
        if scan.unreadable:
            raise GateError("unreadable-source: " + "; ".join(scan.unreadable))
        judged = [hit for hit in more if not is_excluded(hit.path, paths)]
        settled = settle(scan, rule.gate, {}, options, judged)
        yield from (hit for hit in settled.hits if hit.name in named)
