"""Runs pip-audit over pins, and believes it only where every one of them is accounted for."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from pytest_failhard.distributions.advisories.canaries import Canary
from pytest_failhard.distributions.advisories.matching import parsed
from pytest_failhard.gates.vulnerabilities.pins import Pin, text
from pytest_failhard.model import GateError, Run, Tool

PIP_AUDIT = Tool(module="pip_audit", distribution="pip-audit", lowest="2.10")
REQUEST_SECONDS = 15
DROPPED = ("Unsupported OSV schema version", "is missing 'affected' list")
"""What pip-audit says on stderr where it leaves a record out, and is content."""
OUTSIDE = re.compile(r"requests\.exceptions|urllib3|ServiceError|JSONDecodeError|network may be|connection")
"""What its last words hold where a service is to blame."""


LASTING = re.compile(r"CERTIFICATE_V|Name or service not known|nodename nor servname")
"""What they hold where another try meets the same."""


class NoReportError(GateError):
    """There is no report: `external` where the service did not answer, or not as it should.

    `is_lasting` where asking again would not help.
    """

    def __init__(self, message: str, *, external: bool = False, is_lasting: bool = False) -> None:
        super().__init__(message, external=external)
        self.is_lasting = is_lasting


@dataclass(frozen=True, kw_only=True)
class Reported:
    """A vulnerability that pip-audit names: all its ids, and the versions said to mend it."""

    ids: frozenset[str]
    fixes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What pip-audit says of one pin; `skipped` is its reason for not having looked."""

    name: str
    version: str
    reported: tuple[Reported, ...] = ()
    skipped: str = ""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Whom pip-audit asks: its arguments, the variables it needs, and the name for a reader."""

    label: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]


def audit(run: Run, pins: Sequence[Pin], canary: Canary | None, source: Source) -> Mapping[str, Entry]:
    """Return what pip-audit says of each pin; the canary, which it must find, is asked beside them.

    Raises NoReportError where there is no report, GateError where it does not account for everything.
    """
    asked = [*pins]
    if canary is not None:
        asked.append(Pin(name=canary.name, version=canary.version, installed=canary.version))
    output = run.scratch / "audit.json"
    output.unlink(missing_ok=True)
    returncode, stderr = _started(run, asked, source)
    try:
        data = output.read_bytes()
    except FileNotFoundError:
        raise NoReportError(f"pip-audit wrote no report (exit code {returncode})") from None
    try:
        entries = parse(data, returncode, asked)
        _complete(entries, canary, stderr)
    except GateError:
        run.keep("audit.rejected.json", data)
        raise
    run.keep("audit.json", _stable(data))
    return {name: entry for name, entry in entries.items() if canary is None or name != canary.name}


def _started(run: Run, asked: Sequence[Pin], source: Source) -> tuple[int, str]:
    requirements = run.scratch / "closure.txt"
    requirements.write_text(text(asked), "utf-8")
    run.keep("closure.txt", requirements.read_bytes())
    try:
        completed = run.python(
            PIP_AUDIT.module,
            *("-r", str(requirements), "--no-deps", "--disable-pip"),
            *("--progress-spinner", "off", "--desc", "on", "--aliases", "on"),
            *("-f", "json", "-o", str(run.scratch / "audit.json")),
            *("--timeout", str(REQUEST_SECONDS), "--cache-dir", str(run.scratch / "cache")),
            *source.arguments,
            found=frozenset({1}),
            environment=source.environment,
        )
    except GateError as error:
        said = str(error)
        raise NoReportError(
            _short(said), external=bool(OUTSIDE.search(said)), is_lasting=bool(LASTING.search(said))
        ) from None
    return completed.returncode, completed.stderr.decode("utf-8", "replace")


def _short(message: str) -> str:
    """Return a tool's last words as far as they say what happened."""
    what, _, words = message.partition("; its last words: ")
    last = words.partition("; see evidence")[0].split(" / ")[-1]
    return f"{what}: {last[:200]}" if last else what


def parse(data: bytes, returncode: int, asked: Sequence[Pin]) -> Mapping[str, Entry]:
    """Return the entries of a report by name; raises GateError unless they are the asked pins exactly."""
    try:
        entries = [_entry(each) for each in json.loads(data)["dependencies"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NoReportError(f"pip-audit: unreadable report ({error!r}): {data[:80]!r}") from None
    wanted = {pin.name: pin.version for pin in asked}
    counts = Counter(entry.name for entry in entries)
    wrong = sorted(
        {name for name in {*wanted, *counts} if counts[name] != 1 or name not in wanted}
        | {entry.name for entry in entries if not entry.skipped and entry.version != wanted.get(entry.name)}
    )
    if wrong:
        raise GateError(
            f"pip-audit: {len(entries)} entries for {len(asked)} pins, not each once in the version asked "
            f"for; look at {', '.join(wrong[:3])}"
        )
    if returncode != int(any(entry.reported for entry in entries)):
        raise GateError(f"pip-audit: exit code {returncode} contradicts its own report")
    return {entry.name: entry for entry in entries}


def _entry(value: Mapping[str, object]) -> Entry:
    name = canonicalize_name(_text(value["name"]))
    if "skip_reason" in value:
        reason = _text(value["skip_reason"])
        return Entry(name=name, version="", skipped=reason or "skipped without a reason")
    version = parsed(_text(value["version"]))
    vulns = value["vulns"]
    if version is None or not isinstance(vulns, list):
        raise TypeError(f"the entry of {name}")
    return Entry(name=name, version=str(version), reported=tuple(map(_reported, vulns)))


def _reported(value: Mapping[str, object]) -> Reported:
    fixes, aliases = value["fix_versions"], value["aliases"]
    if not isinstance(fixes, list) or not isinstance(aliases, list):
        raise TypeError("a vulnerability without its lists")
    return Reported(ids=frozenset({_text(value["id"]), *map(_text, aliases)}), fixes=tuple(map(_text, fixes)))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is no text")
    return value


def _complete(entries: Mapping[str, Entry], canary: Canary | None, stderr: str) -> None:
    dropped = [words for words in DROPPED if words in stderr]
    if dropped:
        raise GateError(f"pip-audit left records out: it says {dropped[0]!r}")
    if canary is None:
        return
    if not any(canary.ids & each.ids for each in entries[canary.name].reported):
        raise GateError(
            f"canary-missed: {canary.name} {canary.version} is vulnerable, and the answer does not say so: "
            "who answers does not know the advisories, so nothing else is proven"
        )


def _stable(data: bytes) -> bytes:
    """Return the report in an order that does not depend on the order of a set."""
    document = json.loads(data)
    for entry in document["dependencies"]:
        for each in entry.get("vulns", []):
            each["aliases"].sort()
    document["dependencies"].sort(key=lambda entry: str(entry["name"]))
    return json.dumps(document, indent=1, sort_keys=True).encode() + b"\n"
