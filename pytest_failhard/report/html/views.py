"""The report in the order of a reader: gates worst first, findings by gate, each with its source."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_failhard.report.html.exhibits import CONTEXT
from pytest_failhard.report.text import first_step

if TYPE_CHECKING:
    from pytest_failhard.report.document import Document, FindingPart, GatePart, WaivedPart
    from pytest_failhard.report.html.exhibits import Exhibits

MAX_FINDINGS = 5000
MAX_WAIVED = 1000
MAX_CHARACTERS = 4000
"""Of one text: what a tool prints has no end."""
MAX_LINE = 200
AT_ONCE = 200
"""With more findings a browser lays out those in sight alone."""
OPEN_FINDINGS = 100
"""A gate with more of them is folded, so that those below it are not out of reach."""

MAX_REASON = 200
"""Characters of a reason in the table of gates; below it stands whole."""
COUNTED = re.compile(r"(\d+ findings? at [^:]+): ")
WORST_FIRST = ("error", "fail", "pass")
SEVERITIES = ("high", "medium", "low")


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of source; `is_meant` for that of the finding."""

    number: int
    text: str
    is_meant: bool


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A finding with the lines around it, and its number on the page."""

    number: int
    part: FindingPart
    lines: tuple[Line, ...]


@dataclass(frozen=True, kw_only=True)
class Group:
    """The findings of one gate, high ones first; `total` counts those not shown too."""

    gate: str
    verdict: str
    findings: tuple[Shown, ...]
    total: int
    rules: tuple[tuple[str, int], ...]

    @property
    def is_open(self) -> bool:
        """Tell whether they are unfolded at first."""
        return self.verdict != "pass" and len(self.findings) <= OPEN_FINDINGS


@dataclass(frozen=True, kw_only=True)
class Gate:
    """A gate's part with its place in the volatile part, and how many findings of each severity."""

    part: GatePart
    seconds: float | None
    counts: Mapping[str, int]
    measured: tuple[tuple[str, int | float], ...]
    evidence: tuple[str, ...]

    @property
    def why(self) -> str:
        """Return the weightiest reason in one line; of findings the first."""
        reason = next(iter(self.part.because), "")
        counted = COUNTED.match(reason)
        if counted is None or not self.part.findings:
            return _shortened(reason)
        first = min(self.part.findings, key=lambda each: SEVERITIES.index(each.severity))
        return _shortened(f"{counted[1]}, first {place(first)} {first.message}")

    @property
    def next(self) -> str:
        """Return the first way out, in one line."""
        return _shortened(first_step(self.part.options)) if self.part.verdict != "pass" else ""


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """A finding that a waiver covers, and the gate whose it is."""

    gate: str
    part: WaivedPart


@dataclass(frozen=True, kw_only=True)
class Frozen:
    """A finding that the baseline lets through, and the gate whose it is."""

    gate: str
    part: FindingPart


def gates(document: Document) -> tuple[Gate, ...]:
    """Return the gates, errors first: they hide what else is wrong."""
    ordered = sorted(document.gates, key=lambda part: WORST_FIRST.index(part.verdict))
    return tuple(_gate(document, part) for part in ordered)


def _gate(document: Document, part: GatePart) -> Gate:
    volatile = document.volatile
    unequal = volatile.evidence.get(part.id, ())
    prefix = f"{part.id}."
    return Gate(
        part=part,
        seconds=volatile.seconds.get(part.id),
        counts=Counter(finding.severity for finding in part.findings),
        measured=tuple(
            (name.removeprefix(prefix), value)
            for name, value in volatile.measures.items()
            if name.startswith(prefix)
        ),
        evidence=tuple(sorted(kept.name for kept in (*part.evidence, *unequal))),
    )


def groups(document: Document, exhibits: Exhibits) -> tuple[Group, ...]:
    """Return all findings by gate, as many as fit a page: of each gate the same share at least."""
    parts = [gate.part for gate in gates(document) if gate.part.findings]
    room = _rooms([len(part.findings) for part in parts])
    made, number = [], 0
    for part, fitting in zip(parts, room, strict=True):
        made.append(_group(part, exhibits, number, fitting))
        number += fitting
    return tuple(made)


def _rooms(wanted: Sequence[int]) -> list[int]:
    """Share the places: whoever needs less than an equal share leaves the rest to the others."""
    given = [0] * len(wanted)
    left = MAX_FINDINGS
    for place in sorted(range(len(wanted)), key=lambda place: (wanted[place], place)):
        waiting = sum(not each for each in given)
        given[place] = min(wanted[place], left // waiting)
        left -= given[place]
    return given


def _group(part: GatePart, exhibits: Exhibits, number: int, fitting: int) -> Group:
    ordered = sorted(part.findings, key=lambda finding: SEVERITIES.index(finding.severity))
    return Group(
        gate=part.id,
        verdict=part.verdict,
        findings=tuple(
            Shown(number=place, part=finding, lines=tuple(_lines(finding, exhibits)))
            for place, finding in enumerate(ordered[:fitting], number + 1)
        ),
        total=len(ordered),
        rules=tuple(Counter(finding.rule for finding in ordered).most_common()),
    )


def _lines(finding: FindingPart, exhibits: Exhibits) -> Iterator[Line]:
    source = exhibits.source.get(finding.path, {})
    if finding.line not in source:
        return
    for number in range(finding.line - CONTEXT, finding.line + CONTEXT + 1):
        if number in source:
            text = source[number]
            text = f"{text[:MAX_LINE]} …" if len(text) > MAX_LINE else text
            yield Line(number=number, text=text, is_meant=number == finding.line)


def accepted(document: Document) -> tuple[Accepted, ...]:
    """Return every waived finding with its gate."""
    return tuple(
        Accepted(gate=gate.part.id, part=waived) for gate in gates(document) for waived in gate.part.waived
    )


def frozen(document: Document) -> tuple[Frozen, ...]:
    """Return every finding that the baseline lets through, with its gate."""
    return tuple(
        Frozen(gate=gate.part.id, part=finding) for gate in gates(document) for finding in gate.part.baselined
    )


def place(finding: FindingPart) -> str:
    """Return where a finding is, as an editor takes it."""
    return f"{finding.path}:{finding.line}" if finding.line else finding.path


def _shortened(text: str) -> str:
    return textwrap.shorten(text, MAX_REASON, placeholder=" …")


def cut(text: str) -> str:
    """Return a text that has an end, and says so where it was cut."""
    if len(text) <= MAX_CHARACTERS:
        return text
    return f"{text[:MAX_CHARACTERS]} … (cut here; {len(text)} characters in report.json)"
