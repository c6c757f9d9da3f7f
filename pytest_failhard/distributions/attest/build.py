"""Builds the three statements of a run: what it was made of, how its gates ended, whether it may pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from pytest_failhard.distributions.attest.inputs import Inputs
from pytest_failhard.distributions.attest.origin import NAMESPACE
from pytest_failhard.distributions.attest.statement import (
    FAILED,
    PASSED,
    PROVENANCE,
    SUMMARY,
    TEST_RESULT,
    Json,
    Subject,
    statement,
)
from pytest_failhard.model import Option

BUILD_TYPE = f"{NAMESPACE}attestation/gate/v1"
VERIFIER = f"{NAMESPACE}attestation/verifier/v1"
PRODUCT = "pytest-failhard"
SLSA_VERSION = "1.1"


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What a report says, as far as the statements repeat it.

    `has_passed` holds for a pass over every gate of the level alone. `warned` are gates that pass only
    because a waiver covers what they found. `digest` is the report's own, without what is volatile.
    """

    project: str
    project_version: str
    level: int
    argv: tuple[str, ...]
    policy: str
    policy_sha256: str
    waivers_sha256: str
    has_passed: bool
    passed: tuple[str, ...]
    warned: tuple[str, ...]
    failed: tuple[str, ...]
    digest: str


def provenance(judged: Judged, inputs: Inputs) -> Json:
    """Return line 1: the SBOM and the built distributions, and what they were made of.

    Every parameter is text: the protocol buffers that others read it with turn integers into fractions.
    """
    origin = inputs.origin
    metadata: Json = {}
    if origin.invocation:
        metadata["invocationId"] = origin.invocation
    if origin.started:
        metadata["startedOn"] = metadata["finishedOn"] = origin.started
    predicate: Json = {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {
                "level": str(judged.level),
                "argv": list(judged.argv),
                "project": {"name": judged.project, "version": judged.project_version},
            },
            "internalParameters": {
                "policy_sha256": judged.policy_sha256,
                "waivers_sha256": judged.waivers_sha256,
            },
            "resolvedDependencies": [origin.described(), *inputs.materials],
        },
        "runDetails": {
            "builder": {"id": origin.builder, "version": {PRODUCT: inputs.version}},
            "metadata": metadata,
            "byproducts": [],
        },
    }
    return statement(PROVENANCE, _described(inputs.subjects), predicate)


def test_result(judged: Judged, inputs: Inputs) -> Json:
    """Return line 2: how each gate ended on the source. An error is no pass, so it is a failure here."""
    origin = inputs.origin
    predicate: Json = {
        "result": PASSED if judged.has_passed else FAILED,
        "configuration": [
            {"name": judged.policy, **_policy(judged)},
            {"name": "waivers.json", "digest": {"sha256": judged.waivers_sha256}},
        ],
        "passedTests": list(judged.passed),
        "warnedTests": list(judged.warned),
        "failedTests": list(judged.failed),
    }
    if origin.invocation:
        predicate["url"] = origin.invocation
    return statement(TEST_RESULT, [origin.described()], predicate)


def summary(judged: Judged, inputs: Inputs, report: bytes, earlier: Sequence[bytes]) -> Json:
    """Return line 3: the verdict on the report and the built distributions, from the lines before it."""
    level = f"FAILHARD_LEVEL_{judged.level}"
    own: Json = {
        "name": "report.json",
        "digest": {"sha256": sha256(report).hexdigest()},
        "annotations": {"canonical_sha256": judged.digest},
    }
    predicate: Json = {
        "verifier": {"id": VERIFIER, "version": {PRODUCT: inputs.version}},
        "resourceUri": inputs.origin.resource or f"pkg:generic/{judged.project}@{judged.project_version}",
        "policy": _policy(judged),
        "inputAttestations": [{"digest": {"sha256": sha256(line).hexdigest()}} for line in earlier],
        "verificationResult": PASSED if judged.has_passed else FAILED,
        "verifiedLevels": [level if judged.has_passed else FAILED],
        "slsaVersion": SLSA_VERSION,
    }
    return statement(SUMMARY, [own, *_described(built(inputs.subjects))], predicate)


def built(subjects: Sequence[Subject]) -> tuple[Subject, ...]:
    """Return the built distributions among the subjects; the SBOM is a file of the report folder."""
    return tuple(each for each in subjects if each.path)


def _policy(judged: Judged) -> Json:
    return {
        "uri": f"{NAMESPACE}policies/{judged.policy}",
        "digest": {"sha256": judged.policy_sha256},
    }


def _described(subjects: Sequence[Subject]) -> list[Option]:
    return [each.described() for each in subjects]
