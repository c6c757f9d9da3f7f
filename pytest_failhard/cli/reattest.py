"""Holds the statements of a report folder against its report, its evidence and what was built."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from pytest_failhard.distributions.attest import artefacts, build, dsse, inputs
from pytest_failhard.distributions.attest.statement import encoded, parsed, problems
from pytest_failhard.model import GateError
from pytest_failhard.report import provenance
from pytest_failhard.store import EVIDENCE, REPORT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from pytest_failhard.distributions.attest.inputs import Inputs
    from pytest_failhard.model import Policy
    from pytest_failhard.report.document import Document

GATE = "provenance"


def mismatches(folder: Path, document: Document, terms: Policy, project: Path) -> Iterator[str]:
    """Say what in the statements does not hold. `project` is where what was built lies.

    The lines are built once more from the report and compared byte by byte. What was built is hashed
    again where the policy demands the gate `provenance`.
    """
    if document.level < provenance.FROM_LEVEL:
        return
    try:
        listed = inputs.load(_read(folder, f"{EVIDENCE}/{provenance.RUN}/{provenance.INPUTS}"))
        lines = _read(folder, provenance.LINES).splitlines()
        payloads = list(_payloads(lines, _public_key(terms)))
        if _is_signed(document) and not all(map(dsse.is_envelope, lines)):
            yield f"{provenance.LINES}: was signed, and now a line stands there without a signature"
        yield from _lines(folder, document, listed, lines, payloads)
        yield from _subjects(folder, document, listed)
    except GateError as error:
        yield f"{provenance.LINES}: {error}"
        return
    if any(rule.gate == GATE for rule in terms.rules):
        yield from artefacts.changed(project, build.built(listed.subjects))


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise GateError(f"{name}: cannot be read: {error.strerror}") from None


def _public_key(terms: Policy) -> Ed25519PublicKey | None:
    options = next((rule.options for rule in terms.rules if rule.gate == GATE), {})
    option = options.get("public_key")
    return dsse.public_key(str(option.value)) if option is not None and option.value else None


def _is_signed(document: Document) -> bool:
    return any(part.id == GATE and part.measures.get("signed") for part in document.gates)


def _payloads(lines: Sequence[bytes], key: Ed25519PublicKey | None) -> Iterator[bytes]:
    """Yield the statement of each line, out of its envelope where it is in one; raises GateError."""
    for line in lines:
        if not dsse.is_envelope(line):
            yield line
        elif key is None:
            raise GateError("is signed, and the policy names no public_key to check it with")
        else:
            yield dsse.opened(line, key)


def _lines(
    folder: Path, document: Document, listed: Inputs, lines: Sequence[bytes], payloads: Sequence[bytes]
) -> Iterator[str]:
    kinds = provenance.types(listed)
    if len(lines) != len(kinds):
        yield f"{provenance.LINES}: has {len(lines)} lines, not {len(kinds)}"
        return
    report = _read(folder, REPORT)
    for number, (kind, payload) in enumerate(zip(kinds, payloads, strict=True), start=1):
        yield from (f"{provenance.LINES}: line {number}: {each}" for each in problems(parsed(payload), kind))
        expected = provenance.statement(kind, document, report, listed, lines[: number - 1])
        if payload != encoded(expected):
            yield f"{provenance.LINES}: line {number}: is not what the report and its evidence yield"
    if _read(folder, provenance.VERDICT) != provenance.verdict(expected):
        yield f"{provenance.VERDICT}: is not the predicate of the last line of {provenance.LINES}"


def _subjects(folder: Path, document: Document, listed: Inputs) -> Iterator[str]:
    """Say where the statements are about another tree or another SBOM than the report."""
    origin, project = listed.origin, document.project
    clean = {"gitCommit": project.commit} if project.commit and not project.dirty else None
    if origin.commit != project.commit or (clean is not None and origin.source != clean):
        yield f"{provenance.LINES}: is about another commit than the report"
    for each in listed.subjects:
        if not each.path and hashlib.sha256(_read(folder, each.name)).hexdigest() != each.sha256:
            yield f"digest-mismatch: {each.name}: its bytes are not those that the statements name"
