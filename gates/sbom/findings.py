"""Turns what a bill of materials lacks into findings, each with the line that brings the package in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from pytest_failhard.distributions.bom.elements import TITLES
from pytest_failhard.model import Finding, Severity

if TYPE_CHECKING:
    from pytest_failhard.distributions.bom.elements import Element
    from pytest_failhard.distributions.bom.parts import Part
    from pytest_failhard.distributions.bom.written import Written
    from pytest_failhard.distributions.supply import Supply
    from pytest_failhard.gates.sbom.settings import SbomSettings

PYPROJECT = "pyproject.toml"
LACKS = {
    "supplier": (
        "unknown-supplier",
        "its metadata names neither author nor maintainer",
        "declare who makes it in [tool.failhard.sbom.suppliers], or use another package",
    ),
    "licence": (
        "unknown-licence",
        "its licence is no certain SPDX expression",
        "see the gate licences; clarify the licence or use another package",
    ),
    "hash": (
        "unknown-hash",
        "no lock holds the SHA-256 of its file",
        "commit a lock with hashes (uv lock, or uv pip compile --generate-hashes)",
    ),
}
"""What may be unknown of a component: rule, message, fix."""


def findings(
    seen: Supply,
    parts: Sequence[Part],
    document: Written,
    scored: Sequence[Element],
    settings: SbomSettings,
) -> tuple[Finding, ...]:
    """Return all findings, sorted."""
    return tuple(
        sorted(
            [
                *_gaps(seen),
                *_unknown(seen, parts),
                *_uncounted(parts, settings),
                *_undue(parts, settings),
                *_missing(scored, settings),
                *_contact(document, settings),
            ]
        )
    )


def place(seen: Supply, name: str) -> tuple[str, int]:
    """Return the file and line of the declaration that brings a member in."""
    first = next(iter(seen.closure.chain(name)), name)
    for declaration in seen.declared.roots:
        requirement = declaration.requirement
        if requirement is not None and canonicalize_name(requirement.name) == first:
            return declaration.path, declaration.line
    return seen.declared.source, 0


def _gaps(seen: Supply) -> Iterator[Finding]:
    for problem in seen.closure.problems:
        if problem.kind == "missing":
            path, line = place(seen, problem.name)
            who = problem.parent or "the project"
            yield Finding(
                rule="missing-component",
                name="missing-component",
                path=path,
                line=line,
                severity=Severity.HIGH,
                message=f"{problem.name} is not installed, a gap in the list: {who} requires {problem.text}",
                fix="install the project with all its dependencies, then run again",
                anchor=f"{problem.parent} {problem.name}",
            )


def _unknown(seen: Supply, parts: Sequence[Part]) -> Iterator[Finding]:
    for part in parts:
        known = {"supplier": part.supplier, "licence": part.licence, "hash": part.sha256}
        for what, value in known.items():
            if not value:
                rule, why, fix = LACKS[what]
                path, line = place(seen, part.name)
                way = " > ".join(seen.closure.chain(part.name))
                yield Finding(
                    rule=rule,
                    name=rule,
                    path=path,
                    line=line,
                    severity=Severity.LOW,
                    message=f"{part.title} {part.version} ({way}): {why}",
                    fix=fix,
                    anchor=part.name,
                )


def _uncounted(parts: Sequence[Part], settings: SbomSettings) -> Iterator[Finding]:
    """Say which embedded document cannot be counted: what is in that package stays unknown."""
    for part in parts:
        for inner in part.embedded:
            if inner.parts is None:
                yield Finding(
                    rule="unreadable-embedded-sbom",
                    name="unreadable-embedded-sbom",
                    path="",
                    line=0,
                    severity=Severity.MEDIUM if settings.embedded else Severity.LOW,
                    message=f"{part.title} {part.version}: {inner.path} is no CycloneDX or SPDX in JSON",
                    fix="tell the package's maintainer, or use another version",
                    anchor=f"{part.name} {inner.path}",
                )


def _undue(parts: Sequence[Part], settings: SbomSettings) -> Iterator[Finding]:
    """Say which declared supplier has no effect: the package names its own, or is not there."""
    used = {part.name for part in parts if part.is_supplier_declared}
    for name in sorted(settings.suppliers):
        if canonicalize_name(name) not in used:
            yield Finding(
                rule="unused-supplier",
                name="unused-supplier",
                path=PYPROJECT,
                line=0,
                severity=Severity.LOW,
                message=f"suppliers: {name} is not in the closure, or its metadata names its own supplier",
                fix="remove the entry",
                anchor=name,
            )


def _missing(scored: Sequence[Element], settings: SbomSettings) -> Iterator[Finding]:
    for element in scored:
        if element.standard in settings.standards and element.demanded and not element.is_met:
            yield Finding(
                rule="missing-element",
                name="missing-element",
                path=PYPROJECT,
                line=0,
                severity=Severity.MEDIUM,
                message=(
                    f"{TITLES[element.standard]}: {element.name}: {element.present} of {element.of}"
                    " components have it"
                    if element.of > 1
                    else f"{TITLES[element.standard]}: {element.name}: the document lacks it"
                ),
                fix="see elements.json; for the document itself [project] and [tool.failhard.sbom]",
                anchor=f"{element.standard} {element.name}",
            )


def _contact(document: Written, settings: SbomSettings) -> Iterator[Finding]:
    if settings.contact and not document.metadata.manufacturer.is_reachable:
        yield Finding(
            rule="no-contact",
            name="no-contact",
            path=PYPROJECT,
            line=0,
            severity=Severity.MEDIUM,
            message="the document says neither an e-mail address nor a page of who makes the product",
            fix="add an author with an e-mail address to [project], or manufacturer to [tool.failhard.sbom]",
        )
