"""Where the answer comes from: the package index, an OSV service, or an advisory file."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from pytest_failhard.distributions.advisories import canaries, services
from pytest_failhard.distributions.advisories.matching import Issue, issues, match, merged
from pytest_failhard.distributions.advisories.osv import served
from pytest_failhard.distributions.advisories.records import Database, ordered
from pytest_failhard.distributions.osv_server import Asked, OsvServer, Record
from pytest_failhard.gates.vulnerabilities.audit import Entry, NoReportError, Source, audit
from pytest_failhard.gates.vulnerabilities.pins import Pin
from pytest_failhard.gates.vulnerabilities.settings import VulnerabilitiesSettings
from pytest_failhard.model import GateError, Run

PAUSES = (1.0, 4.0)
"""Seconds before the second and the third try."""
TRYING_SECONDS = 40.0
"""No try begins later than that after the first: a network that swallows everything takes 15 s for each."""
PASSED = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
"""The variables that say how the network is reached; each in lower case too."""
OWN_HOSTS = "127.0.0.1,localhost"
REMEDY = (
    "let this machine reach it (HTTPS_PROXY, SSL_CERT_FILE), or choose a dated file: `failhard advisories "
    'update`, then mode = "file" and path under [tool.failhard.vulnerabilities]'
)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a source said of each pin.

    `tries` are all runs of pip-audit, with why those failed that did; `questions` the pins asked for,
    canaries among them; `canaries` how many of those were found.
    """

    source: str
    entries: Mapping[str, Entry]
    tries: tuple[str, ...]
    questions: int
    canaries: int = 1


def ask(
    run: Run, settings: VulnerabilitiesSettings, pins: Sequence[Pin], database: Database | None
) -> Answer:
    """Return the answer of the chosen source; raises GateError where there is none to be trusted."""
    if settings.mode == "file":
        if database is None:
            raise GateError(
                "mode is file, and no file is named: add `path` to [tool.failhard.vulnerabilities]"
            )
        return _of_file(run, pins, database, settings.path)
    try:
        return _of_services(run, settings, pins)
    except GateError as error:
        raise GateError(f"{error}; {REMEDY}", external=error.external) from None


def _of_services(run: Run, settings: VulnerabilitiesSettings, pins: Sequence[Pin]) -> Answer:
    if settings.mode == "auto":
        return _either(run, _online(), _osv(settings.osv_url), pins)
    return _live(run, _online() if settings.mode == "online" else _osv(settings.osv_url), pins)


def _either(run: Run, first: Source, second: Source, pins: Sequence[Pin]) -> Answer:
    try:
        return _live(run, first, pins)
    except GateError as error:
        reason = error
    try:
        answer = _live(run, second, pins)
    except GateError as error:
        raise GateError(f"{reason}; and {error}", external=reason.external or error.external) from None
    return replace(answer, tries=(f"{first.label}: {reason}", *answer.tries))


def _online() -> Source:
    return Source(label="the package index", arguments=("-s", "pypi"), environment=network())


def _osv(url: str) -> Source:
    address = url or services.address("osv")
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.password:
        raise GateError("osv_url: must be an http or https address without credentials; mend the policy")
    return Source(
        label=f"OSV at {address}", arguments=("-s", "osv", "--osv-url", address), environment=network()
    )


def network() -> dict[str, str]:
    """Return the variables that say how the network is reached; what is on this machine needs no proxy."""
    names = [form for name in PASSED for form in (name, name.lower())]
    passed = {name: os.environ[name] for name in names if name in os.environ}
    apart = ",".join(filter(None, (passed.get("NO_PROXY") or passed.get("no_proxy"), OWN_HOSTS)))
    return {**passed, "NO_PROXY": apart, "no_proxy": apart}


def _live(run: Run, source: Source, pins: Sequence[Pin]) -> Answer:
    """Ask a service: up to three times, as long as it gives no report."""
    tries: list[str] = []
    began = time.monotonic()
    while True:
        try:
            answer = _asked(run, source, pins, canaries.CANARIES)
        except NoReportError as error:
            tries.append(str(error))
            pause = PAUSES[len(tries) - 1] if len(tries) <= len(PAUSES) else None
            late = time.monotonic() - began > TRYING_SECONDS or run.remaining() <= (pause or 0)
            if not error.external or error.is_lasting or pause is None or late:
                run.keep("tries.json", _json(tries), volatile=True)
                raise GateError(
                    f"could not ask {source.label} ({len(tries)} tries): {error}", external=error.external
                ) from None
            time.sleep(pause)
        else:
            return replace(answer, tries=(*tries, *answer.tries))


def _asked(run: Run, source: Source, pins: Sequence[Pin], known: Sequence[canaries.Canary]) -> Answer:
    canary, is_free = canaries.choose({pin.name for pin in pins}, known)
    entries = audit(run, pins, canary if is_free else None, source)
    if not is_free:
        # Every canary's package is a member: one run more, with the canary alone.
        audit(run, (), canary, source)
    return Answer(
        source=source.label,
        entries=entries,
        tries=("answered",) if is_free else ("answered", "answered for the canary"),
        questions=len(pins) + 1,
    )


def _of_file(run: Run, pins: Sequence[Pin], database: Database, path: str) -> Answer:
    """Let pip-audit ask a loopback service over the file, and hold its answer against our own."""
    installed = {(pin.name, pin.version): pin.installed for pin in pins}
    installed |= {(each.name, each.version): each.version for each in canaries.CANARIES}

    def answer(name: str, version: str) -> list[Record] | None:
        present = installed.get((name, version))
        if present is None:
            return None
        return [served(each, name) for each in match(database, name, present).advisories]

    with OsvServer(answer) as server:
        source = Source(
            label=f"{path} as of {database.as_of:%Y-%m-%d}, {database.records} records, "
            f"sha256 {database.sha256}",
            arguments=("-s", "osv", "--osv-url", server.url),
            environment={"NO_PROXY": OWN_HOSTS, "no_proxy": OWN_HOSTS},
        )
        found = _asked(run, source, pins, canaries.known(database))
    _questioned(run, server, pins, canaries.known(database))
    _agreeing(pins, found.entries, database)
    return found


def _questioned(run: Run, server: OsvServer, pins: Sequence[Pin], known: Sequence[canaries.Canary]) -> None:
    """Raise GateError unless pip-audit asked for each pin, and the canary, exactly once."""
    canary, _ = canaries.choose({pin.name for pin in pins}, known)
    expected = sorted(
        [
            *(Asked(name=pin.name, version=pin.version) for pin in pins),
            Asked(name=canary.name, version=canary.version),
        ]
    )
    asked = sorted(server.ledger)
    run.keep("ledger.json", _json([f"{each.name}=={each.version}" for each in asked]))
    if server.refused:
        raise GateError(f"pip-audit asked what it was not to ask: {server.refused[0]}")
    if asked != expected:
        raise GateError(f"pip-audit asked {len(asked)} questions, not the {len(expected)} it was given")


def _agreeing(pins: Sequence[Pin], entries: Mapping[str, Entry], database: Database) -> None:
    """Raise GateError where pip-audit and our own matching differ: a fault of ours, not of the project."""
    for pin in pins:
        ours = {each.ids for each in issues(match(database, pin.name, pin.installed).advisories)}
        theirs = {each.ids for each in reported(entries[pin.name])}
        if ours != theirs:
            raise GateError(
                f"cross-check: {pin.name} {pin.version}: pip-audit says {_names(theirs)}, our matching "
                f"{_names(ours)}; report this to pytest-failhard"
            )


def reported(entry: Entry) -> tuple[Issue, ...]:
    """Return what pip-audit names as issues, those with a common id joined."""
    return merged(Issue(ids=ordered(each.ids), fixes=each.fixes) for each in entry.reported)


def _names(classes: set[tuple[str, ...]]) -> str:
    return ", ".join(sorted("/".join(ids) for ids in classes)) or "nothing"


def _json(value: object) -> bytes:
    return json.dumps(value, indent=1).encode() + b"\n"
