"""What the gate `llm` sees: whether a model is used, and what the system does when it fails."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.metadata import version

from pytest_failhard.declared import DeclaredError, metadata
from pytest_failhard.gates.llm import agreement, applies
from pytest_failhard.gates.llm.applies import Use
from pytest_failhard.gates.llm.declaration import LlmSettings
from pytest_failhard.gates.llm.installed import installed
from pytest_failhard.gates.llm.interceptors import look
from pytest_failhard.model import Evidence, Finding, GateError, Observation, Run
from pytest_failhard.source import Project, pyproject, read
from pytest_failhard.source.import_roots import import_roots


def observe(run: Run, settings: LlmSettings) -> Observation:
    """Judge the declaration, then run the matrix; raises GateError for what cannot be judged."""
    project = read(run.root, run.source, run.test_roots)
    project.require_readable()
    if not project.product:
        raise GateError("no product files: name the product's folders in [tool.failhard] source")
    found = applies.uses(project)
    evidence = _keep(run, project, found)
    if not found and not settings.calls:
        return Observation(
            tool=f"pytest-failhard {version('pytest-failhard')}",
            examined=len(project.product),
            evidence=(evidence,),
            applies=False,
        )
    # A server, clients and verdicts: every run of every project would pay for them at its start.
    from pytest_failhard.gates.llm import matrix

    known = installed(run)
    idle = look(project, run.source, known, _declared(run))
    target = matrix.Target(
        settings=settings,
        system=agreement.system(run, project, settings, found),
        import_roots=import_roots(run.root, run.source, [file.path for file in project.product]),
        installed=known,
    )
    return _joined(matrix.run(run, target), idle, evidence)


def _joined(seen: Observation, idle: Sequence[Finding], evidence: Evidence) -> Observation:
    return Observation(
        tool=seen.tool,
        examined=seen.examined,
        findings=tuple(sorted((*seen.findings, *idle))),
        measures=seen.measures,
        evidence=tuple(sorted((*seen.evidence, evidence))),
    )


def _keep(run: Run, project: Project, found: Sequence[Use]) -> Evidence:
    record = {
        "modules_scanned": len(project.product),
        "uses": [{"path": use.path, "line": use.line, "what": use.what} for use in found],
    }
    return run.keep("applies.json", json.dumps(record, indent=1, sort_keys=True).encode() + b"\n")


def _declared(run: Run) -> frozenset[str]:
    try:
        return metadata(run.root, pyproject(run.root)).distributions
    except DeclaredError as error:
        raise GateError(str(error)) from None
