"""Turns resolved licences into findings, measures and the list that is kept as evidence."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from packaging.utils import canonicalize_name

from pytest_failhard.distributions import spdx
from pytest_failhard.distributions.licence.own import Own
from pytest_failhard.distributions.licence.resolution import Resolved
from pytest_failhard.distributions.licence.texts import Text
from pytest_failhard.distributions.supply import Supply
from pytest_failhard.model import Clarification, Finding, Severity

WAIVERS = "failhard-waivers.yaml"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """All that the gate saw. `resolved` are the members of the closure, sorted, without the project."""

    supply: Supply
    resolved: tuple[Resolved, ...]
    allowlist: spdx.Allowlist
    clarifications: tuple[Clarification, ...]
    own: Own

    @cached_property
    def refused(self) -> Mapping[str, tuple[str, ...]]:
        """For each member whose licence is determined and not allowed, the terms that are not."""
        pairs = {
            each.name: tuple(sorted(spdx.refused(each.expression, self.allowlist)))
            for each in self.resolved
            if each.expression
        }
        return {name: terms for name, terms in pairs.items() if terms}

    @cached_property
    def missing(self) -> tuple[str, ...]:
        """What is required and not installed."""
        return tuple(sorted({each.name for each in self.supply.closure.problems if each.kind == "missing"}))

    def chain(self, name: str) -> str:
        """Return how the project comes to require a member."""
        project = self.supply.declared.project.name or "the project"
        return " -> ".join((project, *self.supply.closure.chain(name)))

    def place(self, name: str) -> tuple[str, int]:
        """Return where the declaration stands that pulls a member in."""
        declared = self.supply.declared
        direct = next(iter(self.supply.closure.chain(name)), "")
        for each in declared.roots:
            if each.requirement is not None and canonicalize_name(each.requirement.name) == direct:
                return each.path, each.line
        return declared.source, 0


def findings(seen: Seen) -> tuple[Finding, ...]:
    """Return all findings, sorted."""
    found = [_not_allowed(seen, each) for each in seen.resolved if each.name in seen.refused]
    found += [_undetermined(seen, each) for each in seen.resolved if not each.expression]
    found += [_missing(seen, name) for name in seen.missing]
    return tuple(sorted([*found, *_lapsed(seen), *_own(seen.own)]))


def measures(seen: Seen) -> dict[str, int]:
    """Return the counts; none of them is judged by itself."""
    return {
        "disallowed": len(seen.refused),
        "undetermined": sum(not each.expression for each in seen.resolved) + len(seen.missing),
        "clarified": sum(each.clarification is not None for each in seen.resolved),
        "copyleft": sum(bool(each.families) for each in seen.resolved),
    }


def document(seen: Seen) -> bytes:
    """Return what was read and concluded of each member, as canonical JSON."""
    listed = {
        "allowed": sorted(seen.allowlist.terms),
        "exceptions": sorted(seen.allowlist.exceptions),
        "not_installed": seen.missing,
        "own": dataclasses.asdict(seen.own),
        "packages": [_listed(seen, each) for each in seen.resolved],
    }
    return json.dumps(listed, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def _listed(seen: Seen, each: Resolved) -> dict[str, object]:
    entry: dict[str, object] = {
        "name": each.name,
        "version": each.version,
        "expression": each.expression,
        "source": each.source,
        "copyleft": each.families,
        "metadata": dataclasses.asdict(each.raw),
        "texts": [_text(text) for text in each.texts],
        "chain": seen.chain(each.name),
    }
    if each.name in seen.refused:
        entry["not_allowed"] = seen.refused[each.name]
    if each.clarification is not None:
        entry["clarification"] = dataclasses.asdict(each.clarification)
    if not each.expression:
        entry["undetermined"] = each.reason
        metadata = seen.supply.closure.nodes[each.name].folder / "METADATA"
        if metadata.is_file():
            # What a clarification can be bound to where there is no licence text.
            entry["metadata_sha256"] = hashlib.sha256(metadata.read_bytes()).hexdigest()
    return entry


def _text(text: Text) -> dict[str, object]:
    return {
        "path": text.path,
        "sha256": text.sha256,
        "licences": [sorted(means) for means in text.licences],
        "mentioned": [sorted(means) for means in text.mentioned],
        "restrictions": text.restrictions,
    }


def _not_allowed(seen: Seen, each: Resolved) -> Finding:
    path, line = seen.place(each.name)
    families = f" (copyleft, {', '.join(each.families)} family)" if each.families else ""
    return Finding(
        rule="licence-not-allowed",
        name="licence-not-allowed",
        path=path,
        line=line,
        severity=Severity.HIGH,
        message=f"{each.name} {each.version} is under {each.expression}; not allowed: "
        f"{', '.join(seen.refused[each.name])}{families}; required by {seen.chain(each.name)}",
        fix="replace it, or waive it for this package with the reason why its terms are kept",
        anchor=f"{each.name} {each.expression}",
    )


def _undetermined(seen: Seen, each: Resolved) -> Finding:
    path, line = seen.place(each.name)
    families = f" (copyleft, {', '.join(each.families)} family)" if each.families else ""
    return Finding(
        rule="licence-undetermined",
        name="licence-undetermined",
        path=path,
        line=line,
        severity=Severity.HIGH,
        message=f"{each.name} {each.version}: {each.reason}{families}; required by {seen.chain(each.name)}",
        fix=f"read its licence and settle it under `clarifications` in {WAIVERS}, or replace it",
        # Other words in its metadata need another look, another version does not.
        anchor=f"{each.name} {json.dumps(dataclasses.astuple(each.raw))}",
    )


def _missing(seen: Seen, name: str) -> Finding:
    path, line = seen.place(name)
    return Finding(
        rule="licence-undetermined",
        name="licence-undetermined",
        path=path,
        line=line,
        severity=Severity.HIGH,
        message=f"{name} is not installed, so nobody knows its licence; required by {seen.chain(name)}",
        fix="install the project's requirements in the environment that `python` names",
        anchor=f"{name} missing",
    )


def _lapsed(seen: Seen) -> Iterator[Finding]:
    lapsed = [pair for each in seen.resolved for pair in each.lapsed]
    names = {each.name for each in seen.resolved}
    strangers = [each for each in seen.clarifications if each.package not in names]
    for meant, why in [*lapsed, *((each, "it is no member of the runtime closure") for each in strangers)]:
        yield Finding(
            rule="clarification-lapsed",
            name="clarification-lapsed",
            path=WAIVERS,
            line=0,
            severity=Severity.MEDIUM,
            message=f"the clarification of {meant.package} {meant.version} has no effect: {why}",
            fix="read the licence again and renew the clarification, or take it out",
            anchor=f"{meant.package} {meant.version}",
        )


def _own(own: Own) -> Iterator[Finding]:
    if own.problem:
        yield Finding(
            rule="own-licence-missing",
            name="own-licence-missing",
            path="pyproject.toml",
            line=0,
            severity=Severity.MEDIUM,
            message=own.problem,
            fix='name it in `[project]`: `license = "MIT"`, or `license = "LicenseRef-Proprietary"`',
            anchor="own",
        )
    for pattern in own.unmatched:
        yield Finding(
            rule="own-licence-file-missing",
            name="own-licence-file-missing",
            path="pyproject.toml",
            line=0,
            severity=Severity.MEDIUM,
            message=f"no licence text: {pattern} matches no file that holds anything",
            fix="add the text of your licence as LICENSE, and name it in `license-files`",
            anchor=pattern,
        )
