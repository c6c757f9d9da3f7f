"""What differs between two reports: verdicts, measures, findings, the readiness score."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from pytest_failhard.figures import decimal_text
from pytest_failhard.report.parts import exact

if TYPE_CHECKING:
    from pydantic import JsonValue

    from pytest_failhard.report.document import Document, FindingPart, GatePart

SCHEMA = "failhard-comparison/1"
SYSTEM, SCORE = "system", "readiness_score"
ABSENT = "-"

Measures = Mapping[str, int | Fraction]


@dataclass(frozen=True, kw_only=True)
class Side:
    """One of two reports. `measures` are exact, by gate; `score` is the text of its score card, or empty."""

    document: Document
    measures: Mapping[str, Measures]
    score: str = ""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A measure in both reports; None where one has none."""

    before: int | Fraction | None
    after: int | Fraction | None

    @property
    def difference(self) -> int | Fraction | None:
        """The measure after less that before, exact; None where one is missing."""
        return None if self.before is None or self.after is None else self.after - self.before


@dataclass(frozen=True, kw_only=True)
class GateChange:
    """One gate in both reports. A verdict is empty where the report has no such gate."""

    id: str
    before: str
    after: str
    measures: Mapping[str, Pair]
    new: tuple[FindingPart, ...]
    gone: tuple[FindingPart, ...]
    kept: tuple[FindingPart, ...]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two reports, gate by gate, in the order of the second and then of what only the first has."""

    before: Side
    after: Side
    gates: tuple[GateChange, ...]


def compared(before: Side, after: Side) -> Comparison:
    """Return what differs; a waived or frozen finding is there as well as any other."""
    first, second = ({part.id: part for part in side.document.gates} for side in (before, after))
    names = dict.fromkeys([*second, *first])
    return Comparison(
        before=before,
        after=after,
        gates=tuple(
            _gate(name, first.get(name), second.get(name), before.measures, after.measures) for name in names
        ),
    )


def _gate(
    name: str,
    first: GatePart | None,
    second: GatePart | None,
    before: Mapping[str, Measures],
    after: Mapping[str, Measures],
) -> GateChange:
    old, new = _findings(first), _findings(second)
    left, right = before.get(name, {}), after.get(name, {})
    return GateChange(
        id=name,
        before=first.verdict if first else "",
        after=second.verdict if second else "",
        measures={
            each: Pair(before=left.get(each), after=right.get(each)) for each in sorted({*left, *right})
        },
        new=tuple(new[key] for key in new if key not in old),
        gone=tuple(old[key] for key in old if key not in new),
        kept=tuple(new[key] for key in new if key in old),
    )


def _findings(part: GatePart | None) -> Mapping[str, FindingPart]:
    if part is None:
        return {}
    listed = [*part.findings, *(each.finding for each in part.waived), *part.baselined]
    return {each.fingerprint: each for each in listed}


def text(found: Comparison) -> Iterator[str]:
    """Yield the lines for a reader."""
    for name, side in (("before", found.before), ("after", found.after)):
        yield f"{name:6}  {_headline(side)}"
    if found.before.document.level != found.after.document.level:
        yield "the levels differ: they demand different things of the same system"
    before, after = found.before.score or ABSENT, found.after.score or ABSENT
    yield f"readiness score: {before} -> {after}"
    for each in found.gates:
        yield ""
        yield f"{each.id}: {each.before or ABSENT} -> {each.after or ABSENT}"
        yield from (f"  {name}: {_pair(pair)}" for name, pair in each.measures.items())
        yield f"  findings: {len(each.new)} new, {len(each.gone)} gone, {len(each.kept)} kept"
        yield from (f"  + {_line(finding)}" for finding in each.new)
        yield from (f"  - {_line(finding)}" for finding in each.gone)


def _headline(side: Side) -> str:
    document = side.document
    project = " ".join(part for part in (document.project.name, document.project.version) if part)
    commit = document.project.commit or "no commit"
    return f"{document.verdict}, level {document.level}, {project or 'no name'}, {commit}"


def _pair(pair: Pair) -> str:
    if pair.before is not None and pair.before == pair.after:
        return f"{decimal_text(pair.before)}, unchanged"
    shown = f"{_shown(pair.before)} -> {_shown(pair.after)}"
    return shown if pair.difference is None else f"{shown} ({_signed(pair.difference)})"


def _shown(value: int | Fraction | None) -> str:
    return ABSENT if value is None else decimal_text(value)


def _signed(value: int | Fraction) -> str:
    return f"{'-' if value < 0 else '+'}{decimal_text(-value if value < 0 else value)}"


def _line(finding: FindingPart) -> str:
    place = f"{finding.path}:{finding.line}: " if finding.path else ""
    return f"{finding.severity} {finding.rule} {finding.fingerprint} {place}{finding.message}"


def to_json(found: Comparison) -> dict[str, JsonValue]:
    """Return the document for programs; numbers are exact, a fraction as `n/d`."""
    return {
        "schema": SCHEMA,
        "before": _side(found.before),
        "after": _side(found.after),
        "gates": [_change(each) for each in found.gates],
    }


def _side(side: Side) -> dict[str, JsonValue]:
    document = side.document
    return {
        "digest": document.digest,
        "verdict": document.verdict,
        "level": document.level,
        "policy": document.policy.model_dump(mode="json"),
        "project": document.project.model_dump(mode="json"),
        "readiness_score": side.score or None,
    }


def _change(each: GateChange) -> dict[str, JsonValue]:
    return {
        "id": each.id,
        "before": each.before or None,
        "after": each.after or None,
        "measures": {
            name: {
                "before": _exact(pair.before),
                "after": _exact(pair.after),
                "difference": _exact(pair.difference),
            }
            for name, pair in each.measures.items()
        },
        "new": _dumped(each.new),
        "gone": _dumped(each.gone),
        "kept": _dumped(each.kept),
    }


def _exact(value: int | Fraction | None) -> int | str | None:
    return None if value is None else exact(value)


def _dumped(findings: Sequence[FindingPart]) -> list[JsonValue]:
    return [each.model_dump(mode="json") for each in findings]
