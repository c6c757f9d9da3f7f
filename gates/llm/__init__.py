"""LLM: when the model provider fails, the system fails hard, and never answers as if nothing had happened.

Why:
    Generated code calls a model and wraps the call in `except Exception: return {"category": "other"}`.
    A wrong key, an empty answer, a provider that is down: the caller gets a guess and calls it a result.
    Tests with a faked client never see it. Here the real system runs against a provider that fails on
    the wire as the real one does.

Fails when:
    A finding reaches the level's `fail_at`, or a measure is out of bounds. It is an error where the
    model is used and no call is declared (`no-call-declared`), where the declaration contradicts the
    code, where no failure reached the system (`injection-not-exercised`, `llm-not-used`), and where tests
    fake the provider with a library that cannot see the SDK (`interceptor-cannot-see-client`). It does
    not apply where no product file imports an SDK or names a provider's host.

Fix:
    Let the error through, with its cause, as a status or an exception; retry a few times with growing
    waits where the provider asks for it; set a time-out; check what the model answered. Declare every
    operation that needs the model in `[tool.failhard.llm]`.

Waive:
    By finding, with a reason that says why the answer is right without the model. A second model is no
    reason: declare it under `fallbacks`. Errors cannot be waived.
"""

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
from pytest_failhard.model import Evidence, Finding, GateError, Observation, Run, Settings
from pytest_failhard.source import Project, pyproject, read
from pytest_failhard.source.import_roots import import_roots


class LlmGate:
    """Observes what the system does when its model provider fails."""

    id = "llm"
    settings: type[Settings] = LlmSettings

    def observe(self, run: Run) -> Observation:
        """Judge the declaration, then run the matrix; raises GateError for what cannot be judged."""
        settings = run.settings
        if not isinstance(settings, LlmSettings):
            raise GateError(f"llm: settings are {type(settings).__name__}, not LlmSettings")
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
