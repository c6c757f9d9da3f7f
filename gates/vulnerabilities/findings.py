"""Says of each vulnerable member what, why it is there, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from packaging.utils import canonicalize_name

from pytest_failhard.distributions.advisories import cvss, fixes
from pytest_failhard.distributions.advisories.matching import Issue
from pytest_failhard.distributions.imports import Import
from pytest_failhard.distributions.supply import Supply
from pytest_failhard.gates.vulnerabilities.accounting import Doubt, Member
from pytest_failhard.model import Finding, Severity

KNOWN = "known-vulnerability"
UNDETERMINED = "vulnerability-undetermined"
SHOWN = 4


class Places:
    """Where the members of a closure come from."""

    def __init__(self, supply: Supply) -> None:
        self._closure = supply.closure
        self._project = supply.declared.project.name or "the project"
        self._source = supply.declared.source
        self._lines: dict[str, tuple[str, int]] = {}
        for each in supply.declared.roots:
            if each.requirement is not None:
                name = canonicalize_name(each.requirement.name)
                self._lines.setdefault(name, (each.path, each.line))

    def way(self, name: str) -> tuple[str, ...]:
        """Return the members that lead to one, it included."""
        return self._closure.chain(name) or (name,)

    def chain(self, name: str) -> str:
        """Return the way from the project to a member, for a reader."""
        return " -> ".join((self._project, *self.way(name)))

    def of(self, name: str) -> tuple[str, int]:
        """Return the path and line of the declaration that pulls a member in."""
        return self._lines.get(self.way(name)[0], (self._source, 0))


def findings(members: Iterable[Member], places: Places) -> Iterator[Finding]:
    """Yield a finding for each vulnerability of each member, and for each doubt about one."""
    for member in members:
        for issue in member.issues:
            yield _known(member, issue, places)
        for doubt in member.doubts:
            yield _undetermined(member, doubt, places)


def _known(member: Member, issue: Issue, places: Places) -> Finding:
    path, line = places.of(member.name)
    mends = fixes.fix(issue, member.version)
    names = ", ".join(issue.ids[:SHOWN])
    first, *others = issue.ids
    return Finding(
        rule=KNOWN,
        name=KNOWN,
        path=path,
        line=line,
        severity=cvss.severity(issue.vectors),
        message=f"{member.name} {member.version}: {names}; {_fixed(mends)}; {places.chain(member.name)}",
        fix=_upgrade(member, mends, places),
        anchor=f"{member.name} {first}",
        other_anchors=tuple(f"{member.name} {other}" for other in others),
        fixed_in=mends,
    )


def _fixed(version: str) -> str:
    return f"fixed in {version}" if version else "no fixed version known"


def _upgrade(member: Member, mends: str, places: Places) -> str:
    target = member.upgrade or mends
    if not target:
        return f"replace {member.name}, or waive it with `until_fixed: true`: no fixed version is known"
    top = places.way(member.name)[0]
    through = "" if top == member.name else f" ({top} brings it; a newer one may, or pin it yourself)"
    return f"upgrade {member.name} to {target}{through}"


def _undetermined(member: Member, doubt: Doubt, places: Places) -> Finding:
    path, line = places.of(member.name)
    title = f"{member.name} {member.version}".strip()
    return Finding(
        rule=UNDETERMINED,
        name=UNDETERMINED,
        path=path,
        line=line,
        severity=Severity.HIGH,
        message=f"{title} {doubt.text}; {places.chain(member.name)}",
        fix=doubt.remedy,
        anchor=f"{member.name} {doubt.anchor}",
    )


def undeclared(imported: Import) -> Finding:
    """Return that a module is imported which no declared package brings."""
    return Finding(
        rule=UNDETERMINED,
        name=UNDETERMINED,
        path=imported.path,
        line=imported.line,
        severity=Severity.HIGH,
        message=f"{imported.top} is imported, and no package is declared: what is shipped is not known",
        fix=f"declare the package that brings {imported.top}",
        anchor=f"import {imported.top}",
    )
