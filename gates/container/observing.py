"""What the gate `container` sees: files, images, servers, and the findings of all rules."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from importlib.metadata import version

from pytest_failhard.gates.container import (
    building,
    compose,
    engine,
    kubernetes,
    properties,
    serving,
    starting,
)
from pytest_failhard.gates.container.files import Files, find
from pytest_failhard.gates.container.hits import Hit, findings
from pytest_failhard.gates.container.judged import Judged, Tree, images
from pytest_failhard.gates.container.serving import Served
from pytest_failhard.gates.container.settings import ContainerSettings
from pytest_failhard.model import Evidence, GateError, Observation, Run, Severity
from pytest_failhard.source import files
from pytest_failhard.system.declared import read
from pytest_failhard.system.dockerfile import DockerfileError

DEPLOYED = frozenset({"", "http", "worker"})
"""The kinds that run for as long as they are deployed; empty where none is declared."""
NONE = Hit(
    rule="C-no-dockerfile",
    path="",
    line=0,
    message="no Dockerfile: how the system is deployed stands nowhere, and nobody has judged it",
    fix="add one, or declare the kind of the system in [tool.failhard.system]",
)


def observe(run: Run, settings: ContainerSettings) -> Observation:
    """Read all files and ask the server; raises GateError for what cannot be read or asked."""
    found = find(run.root, settings.rendered, settings.max_file_bytes)
    tree = Tree(
        root=run.root,
        files=found,
        settings=settings,
        system=read(run.root),
        product=tuple(file.path for file in files.read(run.root, run.source, run.test_roots).product),
        tests=run.test_roots,
    )
    tool = f"pytest-failhard {version('pytest-failhard')}, engine: {settings.engine}"
    if tree.kind not in DEPLOYED and not found.deployed:
        return Observation(
            tool=tool,
            examined=found.count + 1,
            evidence=(_keep(run, tree, (), ()),),
            measures=_measures(found, 0),
            applies=False,
        )
    try:
        judged = images(tree)
    except DockerfileError as error:
        raise GateError(f"{error}; correct `target` in [tool.failhard.container]") from None
    servers = tuple(serving.served(run, tree, judged))
    hits = [*_hits(run, tree, judged, servers)]
    if settings.engine == "required":
        path = engine.engine(run)
        tool = f"{tool} ({engine.place(path)})"
        hits += [hit for each in judged if each.main for hit in engine.build(run, path, each)]
    listed = findings(hits, settings.severity)
    return Observation(
        tool=tool,
        examined=found.count + 1,
        findings=listed,
        measures=_measures(found, sum(each.severity > Severity.LOW for each in listed)),
        evidence=(_keep(run, tree, judged, servers),),
        # A configuration file of gunicorn is a program of the project, and was run.
        fleeting=any(each.file for each in servers),
    )


def _hits(run: Run, tree: Tree, judged: Sequence[Judged], servers: Sequence[Served]) -> Iterator[Hit]:
    for file in tree.files.dockerfiles:
        yield from building.secrets(file)
    rules = (*properties.rules(), *starting.rules(), *building.rules())
    for each in judged:
        yield from (hit for rule in rules for hit in rule(each))
    if not judged and tree.kind in DEPLOYED:
        yield NONE
    for yaml in tree.files.compose:
        yield from compose.rules(yaml, judged)
    yield from kubernetes.rules(tree.files.manifests, tree.system)
    for server in servers:
        yield from serving.rules(run, tree, server)


def _measures(found: Files, violations: int) -> dict[str, int]:
    return {
        "files": found.count,
        "dockerfiles": len(found.dockerfiles),
        "compose_files": len(found.compose),
        "manifests": len(found.manifests),
        "violations": violations,
    }


def _keep(run: Run, tree: Tree, judged: Sequence[Judged], servers: Sequence[Served]) -> Evidence:
    """Keep what was read and concluded; no variable's value is in it."""
    record = {
        "kind": tree.kind or "none declared",
        "engine": tree.settings.engine,
        "dockerfiles": {file.path: _use(file.development) for file in tree.files.dockerfiles},
        "compose": {file.path: _use(file.development) for file in tree.files.compose},
        "manifests": {file.path: _use(file.development) for file in tree.files.manifests},
        "templates": tree.files.templates,
        "images": [
            {
                "path": each.file.path,
                "main": each.main,
                "stages": [stage.name or str(stage.number) for stage in each.image.stages],
                "base": each.image.base,
                "starts": each.started,
                "exposes": sorted(each.exposed),
            }
            for each in judged
        ],
        "servers": [
            {
                "path": each.path,
                "file": each.file,
                "kind": each.server.kind,
                "workers": each.server.workers,
                "threads": each.server.threads,
                "worker_class": each.server.worker_class,
                "timeout": each.server.timeout,
                "graceful_timeout": each.server.graceful_timeout,
            }
            for each in servers
        ],
    }
    return run.keep("container.json", json.dumps(record, indent=1, sort_keys=True).encode() + b"\n")


def _use(development: bool) -> str:
    return "for development: judged for secrets alone" if development else "judged"
