"""Observations as JSON without loss: the pipe's format, and the evidence that is judged again."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, ValidationError

from pytest_failhard.model import Evidence, Finding, GateError, Observation, Severity

SCHEMA = "failhard-observation/1"
HALF_PAIR = re.compile("[\ud800-\udfff]")
FRACTION = re.compile(r"(-?\d+)/([1-9]\d*)")


class ObservationError(GateError):
    """Bytes that are no observation: which, and why."""


def _checked_fraction(value: int | str) -> int | str:
    if isinstance(value, str) and FRACTION.fullmatch(value) is None:
        raise ValueError("is neither a whole number nor a fraction `n/d`")
    return value


Exact = Annotated[int | str, AfterValidator(_checked_fraction)]
"""A whole number, or a fraction as `n/d`."""


def exact(value: int | Fraction) -> int | str:
    """Write a measure without rounding."""
    return f"{value.numerator}/{value.denominator}" if isinstance(value, Fraction) else value


def number(value: int | str) -> int | Fraction:
    """Read what `exact` wrote."""
    return Fraction(value) if isinstance(value, str) else value


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)


class _Finding(_Strict):
    rule: str
    name: str
    path: str
    line: int
    severity: Literal["low", "medium", "high"]
    message: str
    fix: str
    anchor: str


class _Evidence(_Strict):
    name: str
    sha256: str
    media_type: str


class _Observation(_Strict):
    form: Literal["failhard-observation/1"] = Field(alias="schema")
    tool: str
    examined: int
    applies: bool
    measures: dict[str, Exact]
    findings: tuple[_Finding, ...]
    evidence: tuple[_Evidence, ...]


def dump(observation: Observation) -> bytes:
    """Return the bytes of `observation.json`: sorted keys, LF, a trailing line break."""
    text = json.dumps(_values(observation), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    # Half of a pair, from a file name that is not UTF-8, is no character: it becomes readable text.
    return HALF_PAIR.sub(lambda match: f"\\\\u{ord(match.group()):04x}", text).encode()


def load(data: bytes) -> Observation:
    """Read what `dump` wrote; raises ObservationError."""
    try:
        stored = _Observation.model_validate_json(data)
    except ValidationError as error:
        places = "; ".join(
            f"{'.'.join(map(str, each['loc'])) or 'document'}: {each['msg']}" for each in error.errors()
        )
        raise ObservationError(f"observation-unreadable: {places}; run the check again") from None
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
            )
            for each in stored.findings
        ),
        measures={name: number(value) for name, value in stored.measures.items()},
        evidence=tuple(
            Evidence(name=each.name, sha256=each.sha256, media_type=each.media_type)
            for each in stored.evidence
        ),
        applies=stored.applies,
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
            }
            for finding in observation.findings
        ],
        "evidence": [
            {"name": kept.name, "sha256": kept.sha256, "media_type": kept.media_type}
            for kept in observation.evidence
        ],
    }
