"""Scores a bill of materials by the elements of NTIA 2021, the CISA draft of 2025 and BSI TR-03183-2."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from pytest_failhard.distributions.bom.subject import ROOT, UNKNOWN
from pytest_failhard.distributions.bom.written import Component, Written

FILENAME = "bsi:component:filename"
NTIA, CISA, BSI = "ntia", "cisa", "bsi"
TITLES = {NTIA: "NTIA 2021", CISA: "CISA 2025 draft", BSI: "BSI TR-03183-2 v2.1"}


@dataclass(frozen=True, kw_only=True, order=True)
class Element:
    """How far one element of a standard is there: for `present` things of `of`.

    `flagged` are those of which the document itself says that it is not known; where a standard takes
    that for an answer, they count. `demanded` is false for what nobody can have.
    """

    standard: str
    name: str
    present: int
    of: int
    flagged: int = 0
    demanded: bool = True

    @property
    def is_met(self) -> bool:
        """Tell whether the element is there, or said to be unknown, for everything."""
        return self.present + self.flagged >= self.of


def _has_graph(bom: Written) -> bool:
    return len(bom.dependencies) == len(bom.components) + 1


def _is_complete(bom: Written) -> bool:
    wanted = {ROOT, *(each.ref for each in bom.components)}
    return any(each.aggregate == "complete" and wanted <= {*each.dependencies} for each in bom.compositions)


Test = Callable[[Component], bool]
EACH: Mapping[str, Mapping[str, Test]] = {
    NTIA: {
        "component name": lambda each: bool(each.name),
        "version": lambda each: bool(each.version),
        "unique identifier": lambda each: bool(each.purl) or each.ref == ROOT,
    },
    CISA: {},
    BSI: {
        "component creator with e-mail or URL": lambda each: each.supplier.is_reachable,
        "component name": lambda each: bool(each.name),
        "component version": lambda each: bool(each.version),
        "executable property": lambda each: len(each.values("bsi:component:executable")) == 1,
        "archive property": lambda each: len(each.values("bsi:component:archive")) == 1,
        "structured property": lambda each: len(each.values("bsi:component:structured")) == 1,
        "licence": lambda each: bool(each.licence),
    },
}
"""What every component needs, by standard."""
FLAGGED: Mapping[str, Mapping[str, tuple[str, Test]]] = {
    NTIA: {"supplier": ("supplier", lambda each: bool(each.supplier.name))},
    CISA: {
        "software producer": ("supplier", lambda each: bool(each.supplier.name)),
        "component hash": ("hash", lambda each: bool(each.sha256) or each.ref == ROOT),
        "licence": ("licence", lambda each: bool(each.licence)),
    },
    # A lock of bare hashes names no file.
    BSI: {"file name": ("file name", lambda each: bool(each.values(FILENAME)) or each.ref == ROOT)},
}
"""What may be marked as unknown: the marker's value, and the test."""
Fact = Callable[[Written], bool]
ONCE: Mapping[str, Mapping[str, Fact]] = {
    NTIA: {
        "author of the data": lambda bom: bool(bom.metadata.manufacturer.name),
        "timestamp": lambda bom: bom.metadata.timestamp is not None,
        "dependency relationship": _has_graph,
    },
    CISA: {
        "author of the data": lambda bom: bool(bom.metadata.manufacturer.name),
        "timestamp": lambda bom: bom.metadata.timestamp is not None,
        "tool name": lambda bom: bool(bom.metadata.tools.components),
        "generation context": lambda bom: bool(bom.metadata.lifecycles),
        "coverage of transitive dependencies": _is_complete,
    },
    BSI: {
        "creator with e-mail or URL": lambda bom: bom.metadata.manufacturer.is_reachable,
        "timestamp": lambda bom: bom.metadata.timestamp is not None,
        "URI of the document": lambda bom: bool(bom.serial),
        "dependencies": _has_graph,
        "completeness": lambda bom: bool(bom.compositions),
        "no vulnerability data": lambda bom: not bom.vulnerabilities,
    },
}
"""What the document needs once, by standard."""


def score(bom: Written) -> tuple[Element, ...]:
    """Return every element of the three standards, sorted."""
    components = (bom.metadata.component, *bom.components)
    elements = [*_each(components), *_flagged(components), *_once(bom)]
    # Locks hold SHA-256 alone, so nobody can have it.
    hashes = Element(
        standard=BSI, name="SHA-512 of the deployable", present=0, of=len(bom.components), demanded=False
    )
    return tuple(sorted([*elements, hashes]))


def _each(components: Iterable[Component]) -> Iterable[Element]:
    listed = tuple(components)
    for standard, tests in EACH.items():
        for name, test in tests.items():
            yield Element(standard=standard, name=name, present=sum(map(test, listed)), of=len(listed))


def _flagged(components: Iterable[Component]) -> Iterable[Element]:
    listed = tuple(components)
    for standard, tests in FLAGGED.items():
        for name, (marker, test) in tests.items():
            lacking = [each for each in listed if not test(each)]
            yield Element(
                standard=standard,
                name=name,
                present=len(listed) - len(lacking),
                of=len(listed),
                flagged=sum(marker in each.values(UNKNOWN) for each in lacking),
            )


def _once(bom: Written) -> Iterable[Element]:
    for standard, facts in ONCE.items():
        for name, fact in facts.items():
            yield Element(standard=standard, name=name, present=int(fact(bom)), of=1)
