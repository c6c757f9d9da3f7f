"""`failhard baseline`: freezes what fails today, and takes out what is gone; nothing joins it unasked."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from pytest_failhard import baseline, config, policy, waivers
from pytest_failhard.cli import standing
from pytest_failhard.cli.options import FILE, FOLDER, LEVEL
from pytest_failhard.exits import USAGE
from pytest_failhard.judge import is_nothing
from pytest_failhard.model import Frozen, GateError
from pytest_failhard.store import DEFAULT_FOLDER, write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_failhard.baseline import Baseline
    from pytest_failhard.cli.standing import Looked, Standing
    from pytest_failhard.judge import Judged

OF_CHANGES = "changed_"
"""How a measure begins that is about a change alone: there is no stock of those."""


class RefusedError(Exception):
    """Nothing is written; one reason a line."""


@dataclass(frozen=True, kw_only=True)
class Consent:
    """Who answers for what is frozen, why, and since when."""

    reason: str
    owner: str
    today: date


@click.command(name="baseline")
@click.argument("root", type=FOLDER, default=Path(), metavar="[PATH]")
@click.option("--reason", default="", help="Why they may stay, in two words or more.")
@click.option("--owner", default="", help="Who answers for them.")
@click.option("--update", is_flag=True, help="Take out what is gone, and raise floors; adds nothing.")
@click.option("--add", is_flag=True, help="Freeze more than the file has: needs --reason and --owner.")
@click.option("--level", type=LEVEL, help="The level that the report must be of.")
@click.option("--policy", "policy_file", type=FILE)
@click.option(
    "--report-dir", type=click.Path(path_type=Path), default=Path(DEFAULT_FOLDER), show_default=True
)
def command(
    root: Path,
    reason: str,
    owner: str,
    update: bool,
    add: bool,
    level: int | None,
    policy_file: Path | None,
    report_dir: Path,
) -> None:
    """Freeze what fails in the last report of PATH in failhard-baseline.json.

    Only what is new fails then. Exit status: 0 done, 2 refused. Nothing is written but with 0.
    """
    try:
        _require_sense(root, reason, owner, update=update, add=add)
        seen = standing.read(root / report_dir, root.resolve(), level, policy_file)
        if update:
            said = [updated(root, seen)]
        else:
            consent = Consent(reason=reason, owner=owner, today=datetime.now(UTC).date())
            said = [*frozen(root, seen, consent, add=add)]
    except (RefusedError, GateError, policy.PolicyError) as error:
        _stop(str(error).splitlines())
    except config.ConfigError as error:
        _stop(error.mistakes)
    for line in said:
        click.echo(f"failhard: {line}")
    sys.exit(0)


def _stop(lines: Sequence[str]) -> NoReturn:
    click.echo("\n".join(f"failhard: {line}" for line in lines), err=True)
    sys.exit(USAGE)


def _require_sense(root: Path, reason: str, owner: str, *, update: bool, add: bool) -> None:
    exists = (root / baseline.FILE).is_file()
    said = bool(reason or owner)
    refusals = {
        "--update takes out and --add puts in: give one of them": update and add,
        "--reason and --owner belong to what is frozen, and --update freezes nothing": update and said,
        f"there is no {baseline.FILE} to update": update and not exists,
    }
    if not update:
        refusals["add --reason, of two words and ten characters or more, and --owner"] = not (
            _is_reason(reason) and owner.strip()
        )
    wrong = [text for text, holds in refusals.items() if holds]
    if wrong:
        raise RefusedError("\n".join(wrong))


def _is_reason(text: str) -> bool:
    return len(text.strip()) >= waivers.REASON_CHARACTERS and len(text.split()) >= waivers.REASON_WORDS


def frozen(root: Path, seen: Standing, consent: Consent, *, add: bool = False) -> Iterator[str]:
    """Write what fails into the file, and yield what was done; raises RefusedError and GateError."""
    if seen.level not in baseline.LEVELS:
        raise RefusedError(f"level {seen.level} has no baseline: mend what fails")
    noted = _noted(root)
    if noted.frozen and not add:
        raise RefusedError(
            f"{baseline.FILE} has {len(noted.frozen)} entries: --update takes out what is gone, --add puts in"
        )
    there = {baseline.key(entry) for entry in noted.frozen}
    made = [
        entry
        for gate in seen.gates
        for judged in gate.failing
        if _is_frozen(judged, gate) and baseline.key(entry := _entry(gate, judged, consent)) not in there
    ]
    if made:
        _write(root, replace(noted, frozen=(*noted.frozen, *made)))
    yield f"{baseline.FILE}: {len(made)} frozen, {len(there)} kept"
    yield from _left_out(seen)


def updated(root: Path, seen: Standing) -> str:
    """Write the file without what is gone, each measure at its better value; raises GateError."""
    noted = _noted(root)
    looked = {gate.id: gate for gate in seen.gates}
    occurring = {
        (gate.id, finding.rule, finding.path, fingerprint)
        for gate in seen.gates
        for finding in gate.found
        for fingerprint in finding.fingerprints
    }
    kept = [
        _tightened(entry, looked.get(entry.gate))
        for entry in noted.frozen
        if entry.gate not in looked or baseline.key(entry) in occurring
    ]
    better = sum(entry not in noted.frozen for entry in kept)
    _write(root, replace(noted, frozen=tuple(kept)))
    gone = len(noted.frozen) - len(kept)
    return f"{baseline.FILE}: {gone} removed, {better} tightened, {len(kept)} kept"


def _noted(root: Path) -> Baseline:
    path = root / baseline.FILE
    # One that two branches shrank and git joined has no right digest: taking out is safe all the same.
    return baseline.parse(path.read_bytes(), is_digested=False) if path.is_file() else baseline.Baseline()


def _write(root: Path, made: Baseline) -> None:
    data = baseline.dump(made)
    # What the next run would refuse is not written.
    baseline.parse(data)
    write_atomically(root / baseline.FILE, data)


def _is_frozen(judged: Judged, gate: Looked) -> bool:
    return not _bar(judged, gate)


def _bar(judged: Judged, gate: Looked) -> str:
    """Say why something cannot be frozen; nothing where it can."""
    if not gate.rule.waivable.covers(judged.finding):
        return "nobody's accepted risk"
    if judged.finding.name in gate.volatile:
        return "measured by a clock"
    if is_nothing(judged):
        return "nothing was there to measure"
    if judged.measure is not None and judged.finding.name.startswith(OF_CHANGES):
        return "about the change alone"
    return ""


def _entry(gate: Looked, judged: Judged, consent: Consent) -> Frozen:
    return Frozen(
        gate=gate.id,
        rule=judged.finding.rule,
        path=judged.finding.path,
        fingerprint=judged.finding.fingerprint,
        reason=consent.reason.strip(),
        owner=consent.owner.strip(),
        date=consent.today,
        value=judged.measure,
        ceiling=judged.ceiling,
    )


def _left_out(seen: Standing) -> Iterator[str]:
    """Say what still fails, and why it was not frozen."""
    barred = Counter(
        (gate.id, judged.finding.rule, bar)
        for gate in seen.gates
        for judged in gate.failing
        if (bar := _bar(judged, gate))
    )
    for (gate, rule, bar), count in sorted(barred.items()):
        yield f"not frozen: {gate} {rule} ({count}): {bar}; mend it"
    for gate in seen.errors:
        yield f"not looked at: {gate} is an error, which nothing lets through; remove its cause first"


def _tightened(entry: Frozen, gate: Looked | None) -> Frozen:
    value = gate.measures.get(entry.rule) if gate is not None else None
    if entry.value is None or value is None:
        return entry
    better = value < entry.value if entry.ceiling else value > entry.value
    return replace(entry, value=value) if better else entry
