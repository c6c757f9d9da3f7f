"""Observations as JSON without loss: the pipe's format, and the evidence that is judged again."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Literal

from pydantic import Field, JsonValue, TypeAdapter, ValidationError

from pytest_failhard.model import Evidence, Finding, GateError, Observation, Severity
from pytest_failhard.report import waivers
from pytest_failhard.report.parts import EvidencePart, Exact, Strict, exact, number, places

SCHEMA = "failhard-observation/1"
OBSERVATION, VOLATILE = "observation.json", "measured.json"
"""The names of an observation as evidence: what two runs on one commit share, and what a clock gave."""
HALF_PAIR = re.compile("[\ud800-\udfff]")


class ObservationError(GateError):
    """Bytes that are no observation: which, and why."""


class _Finding(Strict):
    rule: str
    name: str
    path: str
    line: int
    severity: Literal["low", "medium", "high"]
    message: str
    fix: str
    anchor: str
    other_anchors: tuple[str, ...] = ()
    fixed_in: str = ""


class _Observation(Strict):
    form: Literal["failhard-observation/1"] = Field(alias="schema")
    tool: str
    examined: int
    applies: bool
    measures: dict[str, Exact]
    findings: tuple[_Finding, ...]
    evidence: tuple[EvidencePart, ...]
    allows: tuple[waivers.Stored, ...] = ()
    traits: tuple[str, ...] = ()
    volatile: tuple[str, ...] = ()
    cut_short: bool = False


_MEASURES = TypeAdapter(dict[str, Exact])


def dump(observation: Observation) -> bytes:
    """Return the bytes of `observation.json`: sorted keys, LF, a trailing line break."""
    text = json.dumps(_values(observation), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    # Half of a pair, from a file name that is not UTF-8, is no character: it becomes readable text.
    return HALF_PAIR.sub(lambda match: f"\\\\u{ord(match.group()):04x}", text).encode()


def parted(observation: Observation) -> tuple[bytes, bytes | None]:
    """Return the bytes that two runs on one commit have in common, and those of volatile measures, if any."""
    unequal = {name: exact(observation.measures[name]) for name in sorted(_unequal(observation))}
    if not unequal:
        return dump(observation), None
    equal = {name: value for name, value in observation.measures.items() if name not in unequal}
    stable = replace(observation, measures=equal, volatile=frozenset(unequal))
    return dump(stable), json.dumps(unequal, indent=1).encode() + b"\n"


def joined(data: bytes, unequal: bytes) -> Observation:
    """Read what `parted` returned; raises ObservationError."""
    seen = load(data)
    try:
        measures = _MEASURES.validate_json(unequal)
    except ValidationError as error:
        raise ObservationError(f"observation-unreadable: {places(error)}; run the check again") from None
    if {*measures} != seen.volatile:
        raise ObservationError("observation-unreadable: other measures are kept than are named as volatile")
    return replace(
        seen, measures={**seen.measures, **{name: number(value) for name, value in measures.items()}}
    )


def _unequal(observation: Observation) -> frozenset[str]:
    return observation.volatile & {*observation.measures}


def load(data: bytes) -> Observation:
    """Read what `dump` wrote; raises ObservationError."""
    try:
        stored = _Observation.model_validate_json(data)
    except ValidationError as error:
        raise ObservationError(f"observation-unreadable: {places(error)}; run the check again") from None
    return Observation(
        tool=stored.tool,
        examined=stored.examined,
        findings=tuple(
            Finding(
                rule=each.rule,
                name=each.name,
                path=each.path,
                line=each.line,
                severity=Severity[each.severity.upper()],
                message=each.message,
                fix=each.fix,
                anchor=each.anchor,
                other_anchors=each.other_anchors,
                fixed_in=each.fixed_in,
            )
            for each in stored.findings
        ),
        measures={name: number(value) for name, value in stored.measures.items()},
        evidence=tuple(
            Evidence(name=each.name, sha256=each.sha256, media_type=each.media_type)
            for each in stored.evidence
        ),
        applies=stored.applies,
        allows=tuple(map(waivers.restored, stored.allows)),
        traits=frozenset(stored.traits),
        volatile=frozenset(stored.volatile),
        cut_short=stored.cut_short,
    )


def _values(observation: Observation) -> dict[str, JsonValue]:
    return {
        "schema": SCHEMA,
        "tool": observation.tool,
        "examined": observation.examined,
        "applies": observation.applies,
        "measures": {name: exact(value) for name, value in observation.measures.items()},
        "findings": [
            {
                "rule": finding.rule,
                "name": finding.name,
                "path": finding.path,
                "line": finding.line,
                "severity": finding.severity.name.lower(),
                "message": finding.message,
                "fix": finding.fix,
                "anchor": finding.anchor,
                "other_anchors": [*finding.other_anchors],
                "fixed_in": finding.fixed_in,
            }
            for finding in observation.findings
        ],
        "evidence": [
            {"name": kept.name, "sha256": kept.sha256, "media_type": kept.media_type}
            for kept in observation.evidence
        ],
        "allows": [waivers.values(waiver) for waiver in observation.allows],
        "traits": [*sorted(observation.traits)],
        "volatile": [*sorted(observation.volatile)],
        "cut_short": observation.cut_short,
    }
