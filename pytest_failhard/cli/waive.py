"""`failhard waive`: writes a person's consent to one finding of the last report down."""

from __future__ import annotations

import math
import re
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pytest_failhard import policy, waivers
from pytest_failhard.cli.options import FILE
from pytest_failhard.exits import USAGE
from pytest_failhard.gates import builtin
from pytest_failhard.model import FALSE_POSITIVE, Finding, GateError, Severity, Waiver
from pytest_failhard.store import DEFAULT_FOLDER, REPORT, write_atomically

if TYPE_CHECKING:
    from pytest_failhard.model import Rule
    from pytest_failhard.report.document import Document, FindingPart, GatePart

_LIST = re.compile(r"^waivers:[ \t]*(?P<inline>\[[ \t]*\])?[ \t]*(#.*)?$", re.MULTILINE)
_TOP = re.compile(r"^[^\s#-]", re.MULTILINE)
_ITEM = re.compile(r"^(?P<indent>[ ]*)- ", re.MULTILINE)


class RefusedError(Exception):
    """Nothing is written; one reason a line."""


@dataclass(frozen=True, kw_only=True)
class Consent:
    """What a person says. `until` is the last day; None for the longest life that the level admits."""

    reason: str
    owner: str
    until: date | None = None
    ref: str = ""
    approved_by: str = ""
    kind: str = ""


@click.command(name="waive")
@click.argument("words", nargs=-1, metavar="FINGERPRINT [ROOT] | --list [ROOT]")
@click.option("--list", "is_list", is_flag=True, help="Say in which state each waiver is; write nothing.")
@click.option("--base", metavar="REF", help="With --list: what this branch lacks is pending approval.")
@click.option("--reason", default="", help="Why it may stand, in two words or more.")
@click.option("--owner", default="", help="Who answers for it.")
@click.option(
    "--expires", metavar="YYYY-MM-DD", help="The last day (default: the longest life of the level)."
)
@click.option("--ref", default="", help="The item under which its repair is tracked.")
@click.option("--approved-by", default="", help="Who consents beside the owner.")
@click.option("--false-positive", is_flag=True, help="The finding is wrong: nothing is accepted.")
@click.option("--policy", "policy_file", type=FILE)
@click.option(
    "--report-dir", type=click.Path(path_type=Path), default=Path(DEFAULT_FOLDER), show_default=True
)
def command(
    words: tuple[str, ...],
    is_list: bool,
    base: str | None,
    reason: str,
    owner: str,
    expires: str | None,
    ref: str,
    approved_by: str,
    false_positive: bool,
    policy_file: Path | None,
    report_dir: Path,
) -> None:
    """Waive the finding with this FINGERPRINT of the last report of ROOT, or list the waivers there are.

    Exit status: 0 written or listed, 2 refused. Nothing is written but with 0.
    """
    fingerprint, root = _places(words, is_list=is_list)
    from pytest_failhard.report import document
    from pytest_failhard.report.document import DocumentError

    today = datetime.now(UTC).date()
    try:
        consent = Consent(
            reason=reason,
            owner=owner,
            until=_day(expires),
            ref=ref,
            approved_by=approved_by,
            kind=FALSE_POSITIVE if false_positive else "",
        )
        report = document.load((root / report_dir / REPORT).read_bytes())
        if is_list:
            from pytest_failhard.cli import waiver_states

            found = waiver_states.states(root.resolve(), report, today, policy_file, base)
            click.echo("\n".join(waiver_states.lines(found)))
            return
        waived = waive(root.resolve(), report, fingerprint, consent, today, policy_file)
    except (RefusedError, GateError, DocumentError, policy.PolicyError, waivers.WaiverError) as error:
        click.echo("\n".join(f"failhard: {line}" for line in str(error).splitlines()), err=True)
        sys.exit(USAGE)
    except OSError as error:
        click.echo(
            f"failhard: {root / report_dir / REPORT}: {error.strerror}; run `failhard check` first", err=True
        )
        sys.exit(USAGE)
    click.echo(
        f"failhard: {waivers.FILE}: {waived.place} is waived until {waived.expires} (owner {waived.owner})"
    )


def _places(words: tuple[str, ...], *, is_list: bool) -> tuple[str, Path]:
    """Return the fingerprint and the root that a command line names; raises click's UsageError."""
    named, most = (0, 1) if is_list else (1, 2)
    if not named <= len(words) <= most:
        raise click.UsageError("give FINGERPRINT and at most one ROOT, or --list and at most one ROOT")
    root = Path(words[named]) if len(words) > named else Path()
    if not root.is_dir():
        raise click.UsageError(f"ROOT: {root} is no folder")
    return ("" if is_list else words[0]), root


def _day(text: str | None) -> date | None:
    from pytest_failhard.strict import read_day

    if text is None:
        return None
    day = read_day(text)
    if day is None:
        raise RefusedError(f"--expires: must be a day that exists, as YYYY-MM-DD (it is {text!r})")
    return day


def waive(
    root: Path,
    report: Document,
    fingerprint: str,
    consent: Consent,
    today: date,
    policy_file: Path | None = None,
) -> Waiver:
    """Write a waiver of a finding in the report and return it.

    Raises RefusedError, PolicyError, WaiverError or GateError; then the file is as it was.
    """
    gates = [gate.id for gate in builtin()]
    known = {*gates, *(part.id for part in report.gates)}
    terms = policy.load(report.level, known, policy_file, today=today)
    part, found = _found(report, fingerprint)
    rule = next((each for each in terms.rules if each.gate == part.id), None)
    if rule is None:
        raise RefusedError(f"{part.id}: the policy of level {report.level} demands no such gate")
    waiver = _waiver(part, found, rule, consent, today + timedelta(days=terms.waivers.max_days))
    _require_waivable(rule, found, waiver)
    path = root / waivers.FILE
    before = path.read_bytes() if path.is_file() else None
    old = waivers.load(before, terms, today, gate_ids=known)
    text = added(before.decode("utf-8") if before is not None else None, entry(waiver))
    if {*waivers.load(text.encode(), terms, today, gate_ids=known)} != {*old, waiver}:
        raise RefusedError(
            f"{path.name}: the entry cannot be put in by a program; add it by hand:\n{entry(waiver)}"
        )
    write_atomically(path, text.encode())
    return waiver


def _found(report: Document, fingerprint: str) -> tuple[GatePart, FindingPart]:
    matching = [
        (part, each) for part in report.gates for each in part.findings if each.fingerprint == fingerprint
    ]
    if len(matching) == 1:
        return matching[0]
    if matching:
        places = ", ".join(sorted(f"{part.id} {each.rule} {each.path}" for part, each in matching))
        raise RefusedError(f"{fingerprint}: more than one finding has it: {places}; mend one of them")
    failed = [part.id for part in report.gates if part.verdict == "error"]
    hint = f"; an error cannot be waived ({', '.join(failed)})" if failed else ""
    raise RefusedError(
        f"{fingerprint}: no finding of the last report has it{hint}; run `failhard check` again"
    )


def _waiver(part: GatePart, found: FindingPart, rule: Rule, consent: Consent, latest: date) -> Waiver:
    bounded = {*rule.at_least, *rule.at_most}
    # Rounded towards the failing side: what is accepted is never better than what was measured.
    value = part.measures.get(found.rule) if found.rule in bounded and not found.path else None
    return Waiver(
        gate=part.id,
        rule=found.rule,
        path=found.path,
        fingerprint=found.fingerprint,
        reason=consent.reason.strip(),
        owner=consent.owner.strip(),
        expires=consent.until or latest,
        kind=consent.kind or "accepted-risk",
        ref=consent.ref.strip(),
        approved_by=consent.approved_by.strip(),
        value=None if value is None else _exact(value),
    )


def _exact(value: float) -> int | Fraction:
    return value if isinstance(value, int) else Fraction(str(value))


def _require_waivable(rule: Rule, found: FindingPart, waiver: Waiver) -> None:
    finding = Finding(
        rule=found.rule,
        name=found.name,
        path=found.path,
        line=found.line,
        severity=Severity[found.severity.upper()],
        message=found.message,
        fix=found.fix,
    )
    if rule.waivable.admits(finding, waiver):
        return
    way = (
        "; where it is wrong, two people mark it: --false-positive, and --approved-by another than the owner"
        if rule.waivable.marks(finding)
        else ""
    )
    raise RefusedError(f"{found.rule}: is nobody's accepted risk; mend it{way}")


def entry(waiver: Waiver) -> str:
    """Return a waiver as it stands in the file, without indentation."""
    fields: dict[str, object] = {
        "gate": waiver.gate,
        "rule": waiver.rule,
        "path": waiver.path,
        "fingerprint": waiver.fingerprint,
        "reason": waiver.reason,
        "owner": waiver.owner,
        "expires": waiver.expires,
    }
    if waiver.kind == FALSE_POSITIVE:
        fields["kind"] = waiver.kind
    fields |= {
        name: text for name, text in (("ref", waiver.ref), ("approved_by", waiver.approved_by)) if text
    }
    if waiver.value is not None:
        fields["value"] = waiver.value if isinstance(waiver.value, int) else float(waiver.value)
    lines = [f"{name}: {_scalar(value)}" for name, value in fields.items()]
    return "\n".join((f"- {lines[0]}", *(f"  {line}" for line in lines[1:])))


def _scalar(value: object) -> str:
    if not isinstance(value, str):
        return str(value)
    import yaml

    return str(yaml.safe_dump(value, default_style='"', width=math.inf)).strip()


def added(text: str | None, new: str) -> str:
    """Return the file with an entry more; all that stands there stays as it is."""
    if text is None:
        return f"schema: {waivers.SCHEMA}\nwaivers:\n{_indented(new, 2)}"
    whole = text if text.endswith("\n") or not text else f"{text}\n"
    listed = _LIST.search(whole)
    if listed is None:
        return f"{whole}waivers:\n{_indented(new, 2)}"
    head, rest = whole[: listed.start()], whole[listed.end() :].removeprefix("\n")
    line = "waivers:\n" if listed["inline"] else f"{listed.group()}\n"
    following = _TOP.search(rest)
    end = following.start() if following else len(rest)
    item = _ITEM.search(rest[:end])
    block = rest[:end].rstrip("\n")
    gap = rest[:end][len(block) + 1 :]
    body = f"{block}\n" if block else ""
    return f"{head}{line}{body}{_indented(new, len(item['indent']) if item else 2)}{gap}{rest[end:]}"


def _indented(text: str, by: int) -> str:
    return "".join(f"{' ' * by}{line}\n" for line in text.splitlines())
