"""What the gate `dependencies` sees: what is declared, imported, installed and locked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from pytest_failhard.distributions import records
from pytest_failhard.distributions.data.names import TOOLS
from pytest_failhard.distributions.imports import Import
from pytest_failhard.distributions.installed import Distribution
from pytest_failhard.distributions.known_imports import KnownImports
from pytest_failhard.distributions.own_modules import OwnModules
from pytest_failhard.distributions.supply import Supply, supply
from pytest_failhard.gates.dependencies import (
    evidence,
    locked,
    requirements,
    unused,
)
from pytest_failhard.gates.dependencies.hygiene import Hygiene
from pytest_failhard.gates.dependencies.locked import Members
from pytest_failhard.gates.dependencies.names import Names
from pytest_failhard.gates.dependencies.resolution import Resolved, Resolver, resolve, running
from pytest_failhard.gates.dependencies.settings import DependenciesSettings
from pytest_failhard.model import Finding, Observation, Run
from pytest_failhard.source import files, history
from pytest_failhard.source.listing import python_files

PACKAGING = "packaging"
COUNTED = {
    "missing": "missing-import",
    "undeclared": "undeclared-import",
    "transitive": "transitive-import",
    "unused": "unused-dependency",
    "unsatisfied": "unsatisfied-requirement",
    "unhashed": "unhashed",
    "modified_files": "modified-file",
}
"""Measure -> the rule whose findings it counts."""


def observe(run: Run, settings: DependenciesSettings) -> Observation:
    """Return what the gate `dependencies` sees; raises GateError where it could not look."""
    project = files.read(run.root, run.source, run.test_roots)
    every = python_files(run.root, run.source, run.test_roots).files
    code = [file for file in every if file.role in {"product", "script"}]
    known = supply(run)
    requirements.require_installed(known)
    names = Names(known, run.root)
    reading = KnownImports(run, known.target.markers)
    read = reading.read(project.files)
    named = frozenset(each.top for each in read if each.role == "product")
    own = OwnModules(run.root, run.source, every, named)
    resolver = Resolver(run.root, own, known, lambda: running(known))
    resolved = resolve(resolver, read)
    product = set(project.product)
    beside = reading.readable([file for file in code if file not in product])
    asked = [each for each in read if each.role == "product"]
    asked += reading.read(beside)
    reading.leave()
    members = Members(supply=known, names=names)
    found = [
        *_imported(known, names, resolver, resolved),
        *_declared(run, known, names, resolver, resolved, [*project.product, *beside], asked),
        *_demanded(run, settings, members),
    ]
    declarations = (*known.declared.roots, *known.declared.others)
    return Observation(
        tool=_tool(),
        # A list that is there and empty was examined as well.
        examined=max(len(declarations), int(known.declared.is_explicit))
        + len({(each.path, each.line) for each in read}),
        findings=tuple(sorted(found)),
        measures={
            **{measure: sum(each.rule == rule for each in found) for measure, rule in COUNTED.items()},
            "drifted": len(members.drifted()),
            "unpinned": len(members.unpinned()),
            "files_verified": _verified(known) if settings.verify_files else 0,
            "closure_size": len(known.closure.nodes),
            "installed": len(known.installed),
        },
        evidence=(
            run.keep("closure.json", evidence.closure(known)),
            run.keep("imports.json", evidence.imports(resolved)),
        ),
    )


def _tool() -> str:
    import importlib.metadata

    return f"{PACKAGING} {importlib.metadata.version(PACKAGING)}"


def _imported(
    known: Supply, names: Names, resolver: Resolver, judged: Iterable[Resolved]
) -> Iterator[Finding]:
    def is_superseded(each: Resolved) -> bool:
        return all(resolver.is_there(asked, each.wanted) for asked in each.wanted.instead_of)

    hygiene = Hygiene(known, names, is_superseded, lambda name: not resolver.modules.of(name))
    return hygiene.findings(judged)


def _declared(
    run: Run,
    known: Supply,
    names: Names,
    resolver: Resolver,
    resolved: Iterable[Resolved],
    code: Sequence[files.SourceFile],
    asked: Iterable[Import],
) -> Iterator[Finding]:
    """Yield what is wrong with the declarations. `code` is all that is no test, `asked` what it imports."""
    product = [each for each in resolved if each.wanted.role == "product"]
    running_tools = {name for each in product for name in each.providers} & TOOLS
    running_tools |= unused.named(code, run.root, names.roots & TOOLS - running_tools)
    yield from requirements.findings(known, names, frozenset(running_tools))
    yield from unused.findings(run.root, known, names, resolver.modules, code, asked)


def _demanded(run: Run, settings: DependenciesSettings, members: Members) -> Iterator[Finding]:
    """Yield what the level demands beyond declarations and imports."""
    if settings.lock:
        yield from locked.lock_findings(members)
    if settings.verify_files:
        yield from _modified(members)
    if settings.hashes:
        yield from locked.unhashed(members)
    if settings.editable:
        yield from locked.editable(members)
    if settings.min_age_days and members.supply.locks:
        paths = [lock.path for lock in members.supply.locks]
        made = history.made(run.root, paths, run.today)
        yield from locked.too_young(members, made, settings.min_age_days)


def _modified(members: Members) -> Iterator[Finding]:
    nodes = members.supply.closure.nodes
    changed = {name: frozenset(records.changed(nodes[name])) for name in members}
    others = _as_recorded(nodes, changed) if any(changed.values()) else frozenset()
    for name, paths in changed.items():
        for path in sorted(paths):
            # Another member's file of this name, in the same folder, came later.
            if (nodes[name].folder.parent, path) not in others:
                yield members.finding(
                    "modified-file", name, f"was installed with another {path}", "install it anew", about=path
                )


def _as_recorded(
    nodes: Mapping[str, Distribution], changed: Mapping[str, frozenset[str]]
) -> frozenset[tuple[Path, str]]:
    """Return site folder and path of each file that is as a member's record says."""
    return frozenset(
        (nodes[name].folder.parent, file.path)
        for name, paths in changed.items()
        for file in nodes[name].files
        if file.path not in paths
    )


def _verified(known: Supply) -> int:
    own = known.declared.project.name
    return sum(len(each.files) for name, each in known.closure.nodes.items() if name != own)
