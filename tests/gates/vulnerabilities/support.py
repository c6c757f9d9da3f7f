"""Hand-made supplies, and runs of the gate over them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import Requirement

from pytest_failhard.distributions.closure import Closure, Problem
from pytest_failhard.distributions.declared import Declaration, Declared, Project
from pytest_failhard.distributions.installed import Distribution
from pytest_failhard.distributions.supply import Supply
from pytest_failhard.distributions.target import Target
from pytest_failhard.gates.vulnerabilities import VulnerabilitiesGate, examine
from pytest_failhard.gates.vulnerabilities.settings import VulnerabilitiesSettings
from pytest_failhard.model import Base, Finding, Observation
from pytest_failhard.run import GateRun
from tests.support import FakeTools, Kept, gate_run, write

Entry = dict[str, object]
CANARY: Entry = {
    "id": "PYSEC-2019-217",
    "aliases": ["CVE-2019-10906"],
    "fix_versions": ["2.10.1"],
    "description": "x",
}
FOUND: Entry = {"name": "jinja2", "version": "2.10", "vulns": [CANARY]}
SERVICE = "http://127.0.0.1:9/v1/query"


def supply(*members: str, missing: Iterable[str] = (), explicit: bool = True) -> Supply:
    """Return a supply of `name==version` members; `a>b==1` is a member that `a` brings in."""
    nodes: dict[str, Distribution] = {}
    edges: set[tuple[str, str]] = set()
    roots: list[Declaration] = []
    for number, text in enumerate([*members, *missing], start=1):
        parent, _, pin = text.rpartition(">")
        name, _, version = pin.partition("==")
        edges.add((parent, name))
        if not parent:
            requirement = Requirement(name)
            roots.append(Declaration(text=name, requirement=requirement, path="pyproject.toml", line=number))
        if version:
            nodes[name] = Distribution(name=name, raw_name=name, version=version, folder=Path("/nowhere"))
    if roots:
        # What nobody can read brings no member.
        roots.append(Declaration(text="???", requirement=None, path="pyproject.toml", line=0))
    problems = tuple(Problem(kind="missing", parent="", name=name, text=name) for name in missing)
    return Supply(
        target=Target(
            paths=(), markers={}, standard=frozenset({"json", "sys"}), prefix=Path("/nowhere"), abi=""
        ),
        declared=Declared(
            project=Project(name="app", version="1.0"),
            roots=tuple(roots),
            source="pyproject.toml",
            is_explicit=explicit,
        ),
        installed=nodes,
        closure=Closure(nodes=nodes, edges=frozenset(edges), problems=problems),
    )


def run_over(
    root: Path,
    *,
    tools: FakeTools | None = None,
    keep: Kept | None = None,
    base: Base | None = None,
    seconds: float = 60,
    **settings: str,
) -> GateRun:
    """Return a run of the gate over a small project."""
    write(root, {"app/__init__.py": '"""Nothing of others."""\n\nimport json\n'})
    gate = VulnerabilitiesGate()
    chosen = VulnerabilitiesSettings(**settings)  # type: ignore[arg-type]  # pydantic checks the literals
    if tools is None:
        return gate_run(root, gate, settings=chosen, keep=keep, base=base, seconds=seconds)
    return gate_run(
        root,
        gate,
        settings=chosen,
        keep=keep,
        base=base,
        seconds=seconds,
        executable=tools.executable,
        packages=tools.packages,
    )


def report(*entries: Entry) -> bytes:
    """Return a report of pip-audit."""
    return json.dumps({"dependencies": [*entries], "fixes": []}).encode()


def says(run: GateRun, *entries: Entry) -> tuple[str, object]:
    """Return the step of a script that writes a report where the run looks for it."""
    return writes(run, report(*entries))


def writes(run: GateRun, data: bytes) -> tuple[str, object]:
    """Return the step of a script that writes bytes where the run looks for the report."""
    return "write", [str(run.scratch / "audit.json"), data.hex()]


def clean(name: str, version: str) -> Entry:
    """Return the entry of a package without vulnerabilities."""
    return {"name": name, "version": version, "vulns": []}


def vulnerable(name: str, version: str, *ids: str, fixes: Iterable[str] = ()) -> Entry:
    """Return the entry of a package with one vulnerability."""
    first, *aliases = ids
    known = {"id": first, "aliases": aliases, "fix_versions": [*fixes], "description": "x"}
    return {"name": name, "version": version, "vulns": [known]}


def look(run: GateRun, over: Supply) -> Observation:
    """Let the gate observe a supply, and state what holds for every observation."""
    observation = examine(run, over)
    assert observation.findings == tuple(sorted(observation.findings))
    return observation


def told(findings: Iterable[Finding]) -> list[str]:
    """Return rule and message of each finding."""
    return [f"{finding.rule}: {finding.message}" for finding in findings]


def pattern(*words: str) -> str:
    """Return a pattern that finds words in this order, on one line."""
    return "(?s)" + ".*".join(map(re.escape, words))
