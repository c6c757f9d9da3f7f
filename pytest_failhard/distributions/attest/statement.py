"""in-toto statements as JSON lines: their types, their canonical bytes, the fields each must have."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pytest_failhard.model import GateError, Option

Json = dict[str, Option]

STATEMENT = "https://in-toto.io/Statement/v1"
PROVENANCE = "https://slsa.dev/provenance/v1"
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
SUMMARY = "https://slsa.dev/verification_summary/v1"
PASSED = "PASSED"
FAILED = "FAILED"
REQUIRED: Mapping[str, tuple[tuple[str, ...], ...]] = {
    PROVENANCE: (
        ("buildDefinition", "buildType"),
        ("buildDefinition", "externalParameters"),
        ("runDetails", "builder", "id"),
    ),
    TEST_RESULT: (("result",), ("configuration",)),
    SUMMARY: (
        ("verifier", "id"),
        ("resourceUri",),
        ("policy", "uri"),
        ("verificationResult",),
        ("verifiedLevels",),
    ),
}
"""The fields without which a predicate is none of its type, by the predicate's type."""


@dataclass(frozen=True, kw_only=True, order=True)
class Subject:
    """A file that a statement is about. `path` is relative to the project's root, `sha256` hexadecimal."""

    name: str
    path: str
    sha256: str

    def described(self) -> Json:
        """Return it as a resource descriptor of in-toto."""
        return {"name": self.name, "digest": {"sha256": self.sha256}}


def statement(predicate_type: str, subject: list[Option], predicate: Json) -> Json:
    """Return a statement of in-toto."""
    return {
        "_type": STATEMENT,
        "subject": subject,
        "predicateType": predicate_type,
        "predicate": predicate,
    }


def encoded(document: Json) -> bytes:
    """Return a document's canonical bytes: one line without its end, keys sorted, no spaces."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def problems(document: Option, predicate_type: str) -> Iterator[str]:
    """Say what a document lacks to be a statement of this type."""
    if not isinstance(document, dict):
        yield "is no JSON object"
        return
    if document.get("_type") != STATEMENT:
        yield f"_type is {document.get('_type')!r}, not {STATEMENT}"
    if document.get("predicateType") != predicate_type:
        yield f"predicateType is {document.get('predicateType')!r}, not {predicate_type}"
    subject = document.get("subject")
    if not isinstance(subject, list) or not subject or not all(map(_has_digest, subject)):
        yield "subject names nothing by its digest"
    for path in REQUIRED[predicate_type]:
        if not at(document.get("predicate"), *path):
            yield f"predicate has no {'.'.join(path)}"


def parsed(line: bytes) -> Option:
    """Return the document of a line; raises GateError where it is no JSON."""
    try:
        document: Option = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise GateError(f"a line is no JSON: {error}") from None
    return document


def at(document: Option, *path: str) -> Option:
    """Return what stands at a path of keys, None where there is nothing."""
    for key in path:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def text(document: Option, *path: str) -> str:
    """Return the text at a path of keys, empty where there is none."""
    found = at(document, *path)
    return found if isinstance(found, str) else ""


def _has_digest(subject: Option) -> bool:
    digest = at(subject, "digest")
    return isinstance(digest, dict) and bool(digest) and all(digest.values())
