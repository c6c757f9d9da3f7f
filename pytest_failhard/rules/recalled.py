"""Writes what the rules found in one file, and what it adds to the index, as plain values; and reads both."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import date
from typing import TypedDict

from pytest_failhard.rules.unit import Hit
from pytest_failhard.source.allows import Allow
from pytest_failhard.source.classes import ClassFacts
from pytest_failhard.source.index import FileFacts
from pytest_failhard.source.suppressions import Suppression

KIND = "scan/1"
"""The form of what is written here: another form is another kind."""
SECRETS = "secrets"
"""The family of rules whose hits are not written down, nor anything else of their files."""


class HitRow(TypedDict):
    """A hit without its path."""

    line: int
    code: str
    name: str
    sub: str
    where: str
    message: str
    fix: str
    canonical: str
    details: dict[str, str]


class ClassRow(TypedDict):
    """A class without its module and path."""

    name: str
    line: int
    bases: list[str]
    methods: list[str]
    raising: list[str]
    trivial: list[str]
    abstract: list[str]
    properties: list[str]
    attributes: list[str]
    lines: dict[str, int]


class SuppressionRow(TypedDict):
    """A suppression without its path."""

    line: int
    kind: str
    name: str
    rules: list[str]
    specific: bool
    scope: str
    reason: str
    flaw: str
    text: str
    where: str


class AllowRow(TypedDict):
    """An allow without its path."""

    line: int
    first: int
    last: int
    rules: list[str]
    owner: str
    reason: str
    until: str | None
    ref: str
    flaws: list[str]
    text: str


class Row(TypedDict):
    """All that is known of a file."""

    hits: list[HitRow]
    module: str
    imports: list[str]
    classes: list[ClassRow]
    used: list[str]
    code_lines: int
    tests: int
    assertions: int
    checking: list[str]
    cases: list[int]
    suppressions: list[SuppressionRow]
    allows: list[AllowRow]


def written(hits: Iterable[Hit], facts: FileFacts) -> Row:
    """Return what was found in a file as values that JSON can hold."""
    return {
        "hits": [_hit(each) for each in hits],
        "module": facts.module,
        "imports": sorted(facts.imports),
        "classes": [_class(each) for each in facts.classes],
        "used": sorted(facts.used),
        "code_lines": facts.code_lines,
        "tests": facts.tests,
        "assertions": facts.assertions,
        "checking": sorted(facts.checking),
        "cases": sorted(facts.cases),
        "suppressions": [_suppression(each) for each in facts.suppressions],
        "allows": [_allow(each) for each in facts.allows],
    }


def read(row: Row, path: str, role: str) -> tuple[list[Hit], FileFacts]:
    """Return what `written` was given, of the file with this path and role."""
    return [_read_hit(each, path) for each in row["hits"]], FileFacts(
        path=path,
        role=role,
        module=row["module"],
        imports=_names(row["imports"]),
        classes=tuple(_read_class(each, path, row["module"]) for each in row["classes"]),
        used=_names(row["used"]),
        code_lines=row["code_lines"],
        tests=row["tests"],
        assertions=row["assertions"],
        checking=_names(row["checking"]),
        cases=frozenset(row["cases"]),
        suppressions=tuple(_read_suppression(each, path) for each in row["suppressions"]),
        allows=tuple(_read_allow(each, path) for each in row["allows"]),
    )


def _names(names: Sequence[str]) -> frozenset[str]:
    # The same names stand in many files.
    return frozenset(map(sys.intern, names))


def _hit(hit: Hit) -> HitRow:
    return {
        "line": hit.line,
        "code": hit.code,
        "name": hit.name,
        "sub": hit.sub,
        "where": hit.qualname,
        "message": hit.message,
        "fix": hit.fix,
        "canonical": hit.canonical,
        "details": dict(hit.details),
    }


def _read_hit(row: HitRow, path: str) -> Hit:
    return Hit(
        path=path,
        line=row["line"],
        code=row["code"],
        name=row["name"],
        sub=row["sub"],
        qualname=row["where"],
        message=row["message"],
        fix=row["fix"],
        canonical=row["canonical"],
        details=row["details"],
    )


def _class(known: ClassFacts) -> ClassRow:
    return {
        "name": known.name,
        "line": known.line,
        "bases": list(known.bases),
        "methods": sorted(known.methods),
        "raising": sorted(known.raising),
        "trivial": sorted(known.trivial),
        "abstract": sorted(known.abstract),
        "properties": sorted(known.properties),
        "attributes": sorted(known.attributes),
        "lines": dict(known.lines),
    }


def _read_class(row: ClassRow, path: str, module: str) -> ClassFacts:
    return ClassFacts(
        name=row["name"],
        module=module,
        path=path,
        line=row["line"],
        bases=tuple(row["bases"]),
        methods=_names(row["methods"]),
        raising=_names(row["raising"]),
        trivial=_names(row["trivial"]),
        abstract=_names(row["abstract"]),
        properties=_names(row["properties"]),
        attributes=_names(row["attributes"]),
        lines=row["lines"],
    )


def _suppression(each: Suppression) -> SuppressionRow:
    return {
        "line": each.line,
        "kind": each.kind,
        "name": each.name,
        "rules": list(each.rules),
        "specific": each.specific,
        "scope": each.scope,
        "reason": each.reason,
        "flaw": each.flaw,
        "text": each.text,
        "where": each.where,
    }


def _read_suppression(row: SuppressionRow, path: str) -> Suppression:
    return Suppression(
        path=path,
        line=row["line"],
        kind=row["kind"],
        name=row["name"],
        rules=tuple(row["rules"]),
        specific=row["specific"],
        scope=row["scope"],
        reason=row["reason"],
        flaw=row["flaw"],
        text=row["text"],
        where=row["where"],
    )


def _allow(each: Allow) -> AllowRow:
    return {
        "line": each.line,
        "first": each.first,
        "last": each.last,
        "rules": list(each.rules),
        "owner": each.owner,
        "reason": each.reason,
        "until": each.until.isoformat() if each.until else None,
        "ref": each.ref,
        "flaws": list(each.flaws),
        "text": each.text,
    }


def _read_allow(row: AllowRow, path: str) -> Allow:
    return Allow(
        path=path,
        line=row["line"],
        first=row["first"],
        last=row["last"],
        rules=tuple(row["rules"]),
        owner=row["owner"],
        reason=row["reason"],
        until=date.fromisoformat(row["until"]) if row["until"] else None,
        ref=row["ref"],
        flaws=tuple(row["flaws"]),
        text=row["text"],
    )
