"""What the gate `licences` sees: the licence of each member of the closure, and the project's own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from pytest_failhard.distributions import spdx, supply
from pytest_failhard.distributions.licence import own, resolution
from pytest_failhard.gates.licences import crosscheck, findings
from pytest_failhard.gates.licences.findings import Seen
from pytest_failhard.gates.licences.settings import LicencesSettings
from pytest_failhard.model import GateError, Observation, Run


def observe(run: Run, settings: LicencesSettings) -> Observation:
    """Return what the gate `licences` sees; raises GateError where it could not look."""
    tool = run.tool(crosscheck.PIP_LICENSES)
    allowlist = _allowlist(settings)
    known = supply.supply(run)
    members = {
        name: member for name, member in known.closure.nodes.items() if name != known.declared.project.name
    }
    with ThreadPoolExecutor(max_workers=1) as beside:
        listed = beside.submit(crosscheck.ask, run, known.target, members)
        resolved = [
            resolution.resolve(member, allowlist, run.clarifications) for _, member in sorted(members.items())
        ]
        crosscheck.agree(members.values(), listed.result())
    seen = Seen(
        supply=known,
        resolved=tuple(resolved),
        allowlist=allowlist,
        clarifications=run.clarifications,
        own=own.read(run.root, known.declared.project),
    )
    return Observation(
        tool=tool,
        examined=len(resolved) + 1,
        findings=findings.findings(seen),
        measures=findings.measures(seen),
        evidence=(run.keep("licences.json", findings.document(seen)),),
    )


def _allowlist(settings: LicencesSettings) -> spdx.Allowlist:
    try:
        return spdx.Allowlist.of(settings.allowed, settings.exceptions)
    except spdx.ExpressionError as error:
        raise GateError(f"licences: `allowed` or `exceptions`: {error}") from None
