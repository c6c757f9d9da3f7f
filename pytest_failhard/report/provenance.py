"""The statements over a report, as lines: a projection of the report and of what the run was made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pytest_failhard.distributions.attest import build
from pytest_failhard.distributions.attest.build import Judged
from pytest_failhard.distributions.attest.inputs import Inputs
from pytest_failhard.distributions.attest.statement import PROVENANCE, SUMMARY, TEST_RESULT, Json, encoded
from pytest_failhard.model import Verdict
from pytest_failhard.report.document import Document

LINES = "provenance.intoto.jsonl"
VERDICT = "verdict.json"
RUN, INPUTS = "run", "provenance.json"
"""Where the evidence is from which the lines can be built again."""
FROM_LEVEL = 2
"""Below it there is no SBOM, and nothing is attested."""
COMMANDS = {
    "supervised": ("failhard", "check", "--level"),
    "author": ("pytest", "--failhard-level"),
}
"""What starts a run, by its mode, before the level."""
Seal = Callable[[bytes], bytes]


def types(inputs: Inputs) -> tuple[str, ...]:
    """Return the predicate types of the lines in order; where nothing was built there is no line 1."""
    return (PROVENANCE, TEST_RESULT, SUMMARY) if inputs.subjects else (TEST_RESULT, SUMMARY)


def statement(
    predicate_type: str, document: Document, report: bytes, inputs: Inputs, earlier: Sequence[bytes]
) -> Json:
    """Return one statement. `report` are the bytes of `report.json`, `earlier` the lines before this one."""
    said = judged(document)
    if predicate_type == PROVENANCE:
        return build.provenance(said, inputs)
    if predicate_type == TEST_RESULT:
        return build.test_result(said, inputs)
    return build.summary(said, inputs, report, earlier)


def render(document: Document, report: bytes, inputs: Inputs, seal: Seal) -> dict[str, bytes]:
    """Return the files: the lines, each sealed, and the predicate of the last alone, for `actions/attest`."""
    lines: list[bytes] = []
    made: Json = {}
    for predicate_type in types(inputs):
        made = statement(predicate_type, document, report, inputs, lines)
        lines.append(seal(encoded(made)))
    return {LINES: b"".join(line + b"\n" for line in lines), VERDICT: verdict(made)}


def verdict(summary: Json) -> bytes:
    """Return the bytes of `verdict.json`."""
    predicate = summary["predicate"]
    return encoded(predicate if isinstance(predicate, dict) else {}) + b"\n"


def judged(document: Document) -> Judged:
    """Return what the statements repeat of a report. Only a pass over all gates of the level is one."""
    passing = [part for part in document.gates if part.verdict == Verdict.PASS.value]
    return Judged(
        project=document.project.name,
        project_version=document.project.version,
        level=document.level,
        argv=_argv(document),
        policy=document.policy.name,
        policy_sha256=document.policy.sha256,
        waivers_sha256=str(document.settings.get("waivers_sha256", "")),
        has_passed=document.complete and document.verdict == Verdict.PASS.value,
        passed=tuple(part.id for part in passing if not (part.waived or part.baselined)),
        warned=tuple(part.id for part in passing if part.waived or part.baselined),
        failed=tuple(part.id for part in document.gates if part.verdict != Verdict.PASS.value),
        digest=document.digest,
    )


def _argv(document: Document) -> tuple[str, ...]:
    """Return the command as the report knows it: the same wherever the tree lies."""
    settings = document.settings
    *command, option = COMMANDS[str(settings["mode"])] if "mode" in settings else ("failhard", "--level")
    only = settings.get("only")
    chosen = [f"--only={','.join(map(str, only))}"] if isinstance(only, list) and only else []
    return (*command, f"{option}={document.level}", f"--seed={settings.get('seed', 0)}", *chosen)
