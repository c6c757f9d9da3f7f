"""Vulnerabilities: no package that the system ships has a known vulnerability.

Why:
    pip-audit ends with "no known vulnerabilities" where its service answers 404 to everything, where a
    record has another schema, and where nothing was asked. Here it really runs, over the project's runtime
    closure and not over our tools, and is believed only where each package is accounted for. A
    known-vulnerable pin, the canary, is added to every run: an answer that does not name it proves nothing.

Fails when:
    A `known-vulnerability` or a `vulnerability-undetermined` (a package that could not be audited, a record
    that cannot be evaluated) reaches the level's `fail_at`, or the advisories are older than the level
    allows (`advisory_age_days`, 0 where a service answers). Severity is that of the CVSS base score; unknown
    is high. No service, no report, no canary, a package without an entry: error. The sources are `online`
    (the package index), `osv`, `auto` (the first, then the second), and `file`: an archive of OSV records,
    the compact form of `failhard advisories update`, or a checkout, served to pip-audit on loopback and
    compared with our own matching. A live mode never turns into a file by itself. Another service is named
    by a policy alone, and stands in the report. Where the project declares no dependency and imports none,
    there is nothing to ask.

Fix:
    Upgrade as the finding says; it names the declaration that brings the package in.

Waive:
    By finding, with the reason why the vulnerability cannot be reached. Any id of it will do. With
    `until_fixed: true` the waiver ends as soon as a fixed version is known.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_failhard.gates.vulnerabilities.settings import VulnerabilitiesSettings
from pytest_failhard.model import Evidence, GateError, Observation, Reuse, Run, Settings
from pytest_failhard.source import files

if TYPE_CHECKING:
    from pytest_failhard.distributions.advisories.records import Database
    from pytest_failhard.distributions.imports import Import
    from pytest_failhard.distributions.supply import Supply
    from pytest_failhard.gates.vulnerabilities.accounting import Member
    from pytest_failhard.gates.vulnerabilities.sources import Answer


class VulnerabilitiesGate:
    """Observes what is known about the packages that the project needs at run time."""

    id = "vulnerabilities"
    settings: type[Settings] = VulnerabilitiesSettings
    waits_for_tool = True

    def reuse(self, settings: Settings) -> Reuse | None:
        """Return what its answer depends on besides the file of advisories, None where a service answers."""
        dated = isinstance(settings, VulnerabilitiesSettings) and settings.mode == "file"
        return Reuse(tools=("pip-audit",), hours=24) if dated else None

    def observe(self, run: Run) -> Observation:
        """Ask about every member of the closure; raises GateError where one answer cannot be trusted."""
        # What reads metadata and serves HTTP is loaded when a gate runs, not when pytest starts.
        from pytest_failhard.distributions.supply import supply

        return examine(run, supply(run))


def examine(run: Run, supply: Supply) -> Observation:
    """Return what is known about the closure of a supply."""
    from pytest_failhard.gates.vulnerabilities.audit import PIP_AUDIT

    settings = run.settings
    if not isinstance(settings, VulnerabilitiesSettings):
        raise GateError(
            f"vulnerabilities: settings are {type(settings).__name__}, not VulnerabilitiesSettings"
        )
    tool = run.tool(PIP_AUDIT)
    missing = [each.name for each in supply.closure.problems if each.kind == "missing"]
    if not supply.closure.nodes and not missing:
        return _without(run, settings, supply, tool)
    return _observed(run, settings, supply, missing, tool)


def _observed(
    run: Run, settings: VulnerabilitiesSettings, supply: Supply, missing: Sequence[str], tool: str
) -> Observation:
    from pytest_failhard.gates.vulnerabilities import findings, sources
    from pytest_failhard.gates.vulnerabilities.accounting import State, account
    from pytest_failhard.gates.vulnerabilities.pins import pins

    database = _database(run, settings)
    closure = pins((each.name, each.version) for each in supply.closure.nodes.values())
    answer = sources.ask(run, settings, closure.askable, database)
    members = account(closure, missing, answer.entries, database)
    found = sorted(findings.findings(members, findings.Places(supply)))
    states = [member.state for member in members]
    return Observation(
        tool=f"{tool}, answered by {answer.source}",
        examined=len(members),
        findings=tuple(found),
        measures={
            "known": sum(finding.rule == findings.KNOWN for finding in found),
            "undetermined": sum(finding.rule == findings.UNDETERMINED for finding in found),
            "clean": states.count(State.CLEAN),
            "advisory_age_days": _age(run, settings, database),
            "canary_found": answer.canaries,
            "queries": answer.questions,
            "attempts": len(answer.tries),
        },
        evidence=_evidence(run, answer, members, database),
    )


def _without(run: Run, settings: VulnerabilitiesSettings, supply: Supply, tool: str) -> Observation:
    """Return that there is nothing to ask, with its proof; raises GateError where that is not proven."""
    from pytest_failhard.gates.vulnerabilities.foreign import foreign

    project = files.read(run.root, run.source, run.test_roots)
    project.require_readable()
    imported = foreign(run, project, supply)
    if imported:
        return _undeclared(run, settings, supply, imported, tool)
    declared = supply.declared
    if declared.roots or not declared.is_explicit:
        raise GateError(
            f"{declared.source}: none of the declared packages is needed on this platform, and no explicit "
            "empty list says that there are none: run where they are needed"
        )
    record = {"declared": [], "source": declared.source, "files_read": len(project.product), "imported": []}
    return Observation(
        tool=tool,
        examined=len(project.product),
        evidence=(run.keep("applies.json", json.dumps(record, indent=1, sort_keys=True).encode() + b"\n"),),
        applies=False,
    )


def _undeclared(
    run: Run, settings: VulnerabilitiesSettings, supply: Supply, imported: Sequence[Import], tool: str
) -> Observation:
    """Return that packages are used which no declaration names: which ones are shipped is not known."""
    from pytest_failhard.gates.vulnerabilities import findings

    seen = _observed(run, settings, supply, [], tool)
    found = tuple(sorted(findings.undeclared(each) for each in imported))
    return Observation(
        tool=seen.tool,
        examined=len(imported),
        findings=found,
        measures={**seen.measures, "undetermined": len(found)},
        evidence=seen.evidence,
    )


def _database(run: Run, settings: VulnerabilitiesSettings) -> Database | None:
    if not settings.path:
        return None
    from pytest_failhard.distributions.advisories import files as advisory_files
    from pytest_failhard.gates.vulnerabilities.checkout import commit_time

    path = Path(run.root, settings.path)
    return advisory_files.load(path, run.today, commit_time(run), settings.sha256)


def _age(run: Run, settings: VulnerabilitiesSettings, database: Database | None) -> int:
    if settings.mode != "file" or database is None:
        return 0
    return (run.today - database.as_of.date()).days


def _evidence(
    run: Run, answer: Answer, members: Sequence[Member], database: Database | None
) -> tuple[Evidence, ...]:
    states = [
        {
            "name": member.name,
            "version": member.version,
            "state": member.state.value,
            "ids": [list(issue.ids) for issue in member.issues],
            "doubts": [doubt.text for doubt in member.doubts],
            "upgrade": member.upgrade,
        }
        for member in members
    ]
    record: dict[str, object] = {"source": answer.source, "tries": answer.tries, "members": states}
    if database is not None:
        record["file"] = {
            "sha256": database.sha256,
            "as_of": database.as_of.isoformat(),
            "records": database.records,
            "source": database.source,
            "licence": database.licence,
        }
    return (run.keep("states.json", json.dumps(record, indent=1, sort_keys=True).encode() + b"\n"),)
