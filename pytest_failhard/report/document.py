"""The report as a document, `failhard-report/1`: its types, its digest, its bytes, its schema."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from typing import Literal

from pydantic import ConfigDict, Field, JsonValue, ValidationError

from pytest_failhard import model
from pytest_failhard.figures import decimal_text, is_share
from pytest_failhard.remembered import Stuck
from pytest_failhard.report import controls, json_text
from pytest_failhard.report.parts import EvidencePart, Strict, WaiverPart, exact, places

SCHEMA = "failhard-report/1"
FLOOR_UNITS = ("_rate", "_score")
NOT_DIGESTED = frozenset({"digest", "volatile"})

Word = Literal["pass", "fail", "error"]


class DocumentError(Exception):
    """Bytes that are no report: every place that is wrong, in one message."""


class PolicyPart(Strict):
    """Which policy was judged by."""

    name: str
    sha256: str


class ProjectPart(Strict):
    """Which tree was judged; `commit` is empty outside git."""

    name: str
    version: str
    commit: str
    dirty: bool


class FindingPart(Strict):
    """One thing that is wrong; `line` is 0 where no line is meant."""

    rule: str
    name: str
    path: str
    line: int
    severity: Literal["low", "medium", "high"]
    message: str
    fix: str
    fingerprint: str


class WaivedPart(Strict):
    """A finding and the waiver that covers it."""

    finding: FindingPart
    waiver: WaiverPart


class ControlPart(Strict):
    """A control for which this pass is evidence, of which version of a baseline, and for which part of it."""

    baseline: str
    id: str
    part: str


class GatePart(Strict):
    """The result of one gate. Measures are rounded towards the failing side; `observation.json` is exact."""

    id: str
    verdict: Word
    because: tuple[str, ...]
    tool: str
    examined: int
    measures: dict[str, int | float]
    applies: bool
    findings: tuple[FindingPart, ...]
    waived: tuple[WaivedPart, ...]
    baselined: tuple[FindingPart, ...] = ()
    options: tuple[str, ...]
    fixable: Literal["code", "waiver", "outside", ""]
    evidence: tuple[EvidencePart, ...]
    controls: tuple[ControlPart, ...] = ()


class AttemptPart(Strict):
    """A run that left something failing; `commit` is empty outside git."""

    at: str
    commit: str
    why: str


class StuckPart(Strict):
    """A gate, or the `run`, for which a person is to decide, and what was tried."""

    gate: str
    why: str
    attempts: tuple[AttemptPart, ...]


class DecisionPart(Strict):
    """What a person decided about a gate or the `run`; `expires` is the last day."""

    gate: str
    choice: str
    reason: str
    owner: str
    at: str
    expires: date | None
    ref: str


class QuarantinedPart(Strict):
    """A test or case whose answer is not relied on, until a day. It is not passed."""

    id: str
    kind: str
    gate: str
    subject: str
    reason: str
    owner: str
    since: date
    expires: date


class KeptPart(Strict):
    """A key that a later schema has no place for: in which object it stood, where in it, and its value."""

    at: tuple[str | int, ...]
    key: str
    index: int
    value: JsonValue


class MigratedPart(Strict):
    """A step from an earlier schema to a later one: what the report was before it, so that it can go back."""

    form: str = Field(alias="schema")
    digest: str
    kept: tuple[KeptPart, ...]


class FlowPart(Strict):
    """How the gates went through: `peak` ran at once, and no more than `allowed` may."""

    submitted: int
    completed: int
    in_flight: tuple[str, ...]
    peak: int
    allowed: int


class VolatilePart(Strict):
    """What differs between two runs on the same commit. `judged_on` decides which waivers had expired.

    `evidence` are the kept files that hold times, by gate; `reused` the gates whose observation an earlier
    run made from the same inputs. `attempts` and `attempts_left` are fix attempts at what does not pass, by
    gate and, under `run`, over all gates. `migrated` are the steps that brought a report of an earlier schema
    here, the last one last.
    """

    started_at: str
    seconds: dict[str, float]
    host: str
    measures: dict[str, int | float]
    attempts: dict[str, int]
    attempts_left: dict[str, int] = Field(default_factory=dict)
    stuck: tuple[StuckPart, ...] = ()
    decisions: tuple[DecisionPart, ...]
    quarantined: tuple[QuarantinedPart, ...] = ()
    judged_on: date
    notes: tuple[str, ...]
    evidence: dict[str, tuple[EvidencePart, ...]] = Field(default_factory=dict)
    reused: tuple[str, ...] = ()
    migrated: tuple[MigratedPart, ...] = ()
    flow: FlowPart | None = None


class Document(Strict):
    """One run's report. `digest` is the SHA-256 of everything above it in canonical form."""

    model_config = ConfigDict(title=SCHEMA)

    form: Literal["failhard-report/1"] = Field(alias="schema")
    verdict: Word
    complete: bool
    level: int
    policy: PolicyPart
    project: ProjectPart
    settings: dict[str, JsonValue]
    models: tuple[str, ...]
    gates: tuple[GatePart, ...]
    digest: str
    volatile: VolatilePart


def build(report: model.Report) -> Document:
    """Return the document of a report: a projection, nothing is decided here."""
    draft = Document.model_validate(
        {
            "schema": SCHEMA,
            "verdict": report.verdict.value,
            "complete": report.complete,
            "level": report.level,
            "policy": PolicyPart(name=report.policy_name, sha256=report.policy_sha256),
            "project": _project(report.project),
            "settings": {name: _option(value) for name, value in sorted(report.settings.items())},
            "models": report.models,
            "gates": tuple(gate(result) for result in report.results),
            "digest": "",
            "volatile": _volatile(report),
        }
    )
    return draft.model_copy(update={"digest": digest(draft)})


def gate(result: model.Result) -> GatePart:
    """Return the part of one gate."""
    return GatePart.model_validate(
        {
            "id": result.gate,
            "verdict": result.verdict.value,
            "because": result.because,
            "tool": result.tool,
            "examined": result.examined,
            "measures": {
                name: figure(name, value)
                for name, value in sorted(result.measures.items())
                if name not in result.volatile
            },
            "applies": result.applies,
            "findings": tuple(_finding(finding) for finding in result.findings),
            "waived": tuple(_waived(waived) for waived in result.waived),
            "baselined": tuple(_finding(finding) for finding in result.baselined),
            "options": result.options,
            "fixable": result.fixable,
            "evidence": tuple(
                EvidencePart(name=kept.name, sha256=kept.sha256, media_type=kept.media_type)
                for kept in sorted(result.evidence)
                if not kept.volatile
            ),
            "controls": tuple(
                ControlPart(baseline=each.baseline, id=each.id, part=each.part)
                for each in controls.shown_by(result)
            ),
        }
    )


def figure(name: str, value: int | Fraction) -> int | float:
    """Return a measure as a number with two decimals: what has a floor cut down, the others up."""
    if isinstance(value, int):
        return value
    return float(decimal_text(value, up=not (is_share(name) or name.endswith(FLOOR_UNITS))))


def digest(document: Document) -> str:
    """Return the SHA-256 of the canonical form of what stands above `digest`.

    Canonical: UTF-8, keys sorted, no spaces, no line break. How the file is laid out does not matter.
    """
    return digest_of(document.model_dump(mode="json", by_alias=True))


def digest_of(content: Mapping[str, JsonValue]) -> str:
    """Return the digest of a report as it stands in a file, of whatever schema."""
    above = {name: value for name, value in content.items() if name not in NOT_DIGESTED}
    text = json.dumps(above, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def render(report: model.Report) -> bytes:
    """Return the bytes of `report.json`: keys in the order of the types, LF, a trailing line break."""
    return dumped(build(report).model_dump(mode="json", by_alias=True))


def dumped(content: Mapping[str, JsonValue]) -> bytes:
    """Return the bytes of a report's file, keys in the order in which they are."""
    return (json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def load(data: bytes) -> Document:
    """Read a report strictly: schema, types, no unknown and no repeated key; raises DocumentError."""
    parsed(data)
    try:
        return Document.model_validate_json(data)
    except ValidationError as error:
        raise DocumentError(places(error)) from None


def parsed(data: bytes) -> dict[str, JsonValue]:
    """Return the JSON object that bytes hold, of whatever schema; raises DocumentError."""
    try:
        content = json_text.read(data)
    except (ValueError, RecursionError) as error:
        raise DocumentError(f"no JSON: {error}") from None
    if not isinstance(content, dict):
        raise DocumentError("document: is no JSON object")
    return content


def json_schema() -> dict[str, JsonValue]:
    """Return the JSON Schema of `failhard-report/1`, generated from the types."""
    schema: dict[str, JsonValue] = Document.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def schema_bytes() -> bytes:
    """Return the published schema file."""
    return (json.dumps(json_schema(), indent=2, sort_keys=True) + "\n").encode()


def _option(value: model.Option) -> JsonValue:
    if isinstance(value, list):
        return [_option(item) for item in value]
    if isinstance(value, dict):
        return {name: _option(item) for name, item in sorted(value.items())}
    return value


def _project(project: model.ProjectFacts) -> ProjectPart:
    return ProjectPart(name=project.name, version=project.version, commit=project.commit, dirty=project.dirty)


def _volatile(report: model.Report) -> VolatilePart:
    return VolatilePart(
        started_at=report.started_at,
        seconds=dict(sorted(report.seconds.items())),
        host=report.host,
        measures={
            f"{result.gate}.{name}": figure(name, result.measures[name])
            for result in report.results
            for name in sorted(result.volatile)
        },
        attempts=dict(report.attempts),
        attempts_left=dict(report.attempts_left),
        stuck=tuple(_stuck(each) for each in report.stuck),
        decisions=tuple(DecisionPart(**vars(each)) for each in report.decisions),
        quarantined=tuple(QuarantinedPart(**vars(each)) for each in report.quarantined),
        judged_on=report.judged_on,
        notes=report.notes,
        evidence={result.gate: kept for result in report.results if (kept := _unequal(result))},
        reused=report.reused,
        flow=FlowPart.model_validate(vars(report.flow)) if report.flow is not None else None,
    )


def _stuck(stuck: Stuck) -> StuckPart:
    tried = tuple(AttemptPart(**vars(attempt)) for attempt in stuck.attempts)
    return StuckPart(gate=stuck.gate, why=stuck.why, attempts=tried)


def _unequal(result: model.Result) -> tuple[EvidencePart, ...]:
    return tuple(
        EvidencePart(name=kept.name, sha256=kept.sha256, media_type=kept.media_type)
        for kept in sorted(result.evidence)
        if kept.volatile
    )


def _finding(finding: model.Finding) -> FindingPart:
    return FindingPart.model_validate(
        {
            "rule": finding.rule,
            "name": finding.name,
            "path": finding.path,
            "line": finding.line,
            "severity": finding.severity.name.lower(),
            "message": finding.message,
            "fix": finding.fix,
            "fingerprint": finding.fingerprint,
        }
    )


def _waived(waived: model.Waived) -> WaivedPart:
    waiver = waived.waiver
    return WaivedPart(
        finding=_finding(waived.finding),
        waiver=WaiverPart(
            rule=waiver.rule,
            path=waiver.path,
            fingerprint=waiver.fingerprint,
            reason=waiver.reason,
            owner=waiver.owner,
            expires=waiver.expires,
            kind=waiver.kind,
            ref=waiver.ref,
            approved_by=waiver.approved_by,
            value=None if waiver.value is None else exact(waiver.value),
            until_fixed=waiver.until_fixed,
        ),
    )
