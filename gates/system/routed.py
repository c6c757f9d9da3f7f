"""R0, the routes: whether every operation that the system serves is declared, or left out with a reason."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from pytest_failhard.gates.system.seen import Seen, finding
from pytest_failhard.gates.system.stage import Stage, altered
from pytest_failhard.model import Finding
from pytest_failhard.source import read
from pytest_failhard.source.import_roots import import_roots
from pytest_failhard.system import start_target
from pytest_failhard.system.declaration import SUBSTITUTION, System
from pytest_failhard.system.derive import data
from pytest_failhard.system.derive.evaluated import evaluated
from pytest_failhard.system.derive.facts import Operation
from pytest_failhard.system.derive.routes import matches

PART = "R0/routes"
EVIDENCE = "routes.json"
APPLICATION = "application"


def check(stage: Stage) -> Seen:
    """Compare the declared routes with what the system serves; where it does not say, with its code."""
    if not stage.runs(PART) or stage.system.kind != "http":
        return Seen()
    derived = stage.derived
    # What the clean environment lacks, the application cannot say; it never runs in another.
    asked = derived.operations_from == "code" and stage.installed is not None
    served = evaluate(stage) if asked else None
    operations, told_by = (
        (derived.operations, derived.operations_from) if served is None else (served, APPLICATION)
    )
    record = {"told_by": told_by, "operations": [f"{each.method} {each.path}" for each in operations]}
    stage.run.keep(EVIDENCE, (json.dumps(record, indent=2) + "\n").encode())
    found = stage.weighed(PART, undeclared(stage.system, operations))
    return Seen(findings=tuple(found), examined=len(operations))


def evaluate(stage: Stage) -> Sequence[Operation] | None:
    """Return what the application, imported as at a desk, says that it serves; None where it says nothing."""
    system, run = stage.system, stage.run
    target = start_target.read(system.start, stage.tree)
    if target is None:
        return None
    changes = {}
    if system.environment_env is not None and system.development is not None:
        changes = {system.environment_env: system.development}
    product = read(run.root, run.source, run.test_roots).product
    return evaluated(
        run,
        stage.python,
        stage.tree,
        target,
        roots=import_roots(stage.tree, run.source, [file.path for file in product]),
        environment=altered({**stage.prepare().variables, **stage.variables}, changes),
    )


def undeclared(system: System, operations: Sequence[Operation]) -> Iterator[Finding]:
    """Yield the operations that are neither declared nor left out."""
    for operation in operations:
        if not _is_declared(system, operation):
            yield finding(
                "R0-route-undeclared",
                f"{operation.method} {operation.path} is served, and nobody asks it: it is no declared route",
                "declare it in routes, or leave it out in routes_excluded with the reason",
                at=(operation.place.path, operation.place.line),
                basis=f"{operation.method} {operation.path}",
            )


def _is_declared(system: System, operation: Operation) -> bool:
    if data.SERVED_ANYWAY.match(operation.path):
        return True
    asked = {path for path in (system.ready, system.live, system.openapi) if path is not None}
    if operation.method == "GET" and any(matches(operation.path, path) for path in asked):
        return True
    left_out = [(each.method.upper(), each.path) for each in system.routes_excluded]
    named = [(each.method, SUBSTITUTION.sub("1", each.path)) for each in system.routes or ()]
    return any(
        method == operation.method and (path == operation.path or matches(operation.path, path))
        for method, path in (*named, *left_out)
    )
