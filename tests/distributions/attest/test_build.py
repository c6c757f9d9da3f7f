"""The three statements, against documents written by hand after the published specifications."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from pytest_failhard.distributions.attest import build, inputs
from pytest_failhard.distributions.attest.build import Judged, provenance, summary
from pytest_failhard.distributions.attest.inputs import SBOM, Inputs
from pytest_failhard.distributions.attest.origin import Origin
from pytest_failhard.distributions.attest.statement import (
    PROVENANCE,
    SUMMARY,
    TEST_RESULT,
    Json,
    Subject,
    at,
    encoded,
    problems,
)
from pytest_failhard.model import GateError, Option
from tests.support import write

OURS = "pkg:pypi/pytest-failhard#"
SHA = {letter: letter * 64 for letter in "abcdef"}
COMMIT = "1" * 40
ORIGIN = Origin(
    repository="https://git.example/shop", ref="refs/heads/main", source={"gitCommit": COMMIT}, commit=COMMIT
)
WHEEL = Subject(name="shop-1.0-py3-none-any.whl", path="dist/shop-1.0-py3-none-any.whl", sha256=SHA["a"])
MADE = Inputs(
    version="0.1.0",
    origin=ORIGIN,
    subjects=(Subject(name=SBOM, path="", sha256=SHA["b"]), WHEEL),
    materials=({"uri": "pkg:pypi/click@8.1.3", "digest": {"sha256": SHA["c"]}},),
)
JUDGED = Judged(
    project="shop",
    project_version="1.0",
    level=3,
    argv=("failhard", "check", "--level=3", "--seed=0"),
    policy="pre-production",
    policy_sha256=SHA["d"],
    waivers_sha256=SHA["e"],
    has_passed=True,
    passed=("tests", "lint"),
    warned=("types",),
    failed=(),
    digest=SHA["f"],
)
SOURCE = {
    "name": "source",
    "uri": "git+https://git.example/shop@refs/heads/main",
    "digest": {"gitCommit": COMMIT},
}
POLICY = {"uri": f"{OURS}policies/pre-production", "digest": {"sha256": SHA["d"]}}
SUBJECTS = [
    {"name": "sbom.cdx.json", "digest": {"sha256": SHA["b"]}},
    {"name": "shop-1.0-py3-none-any.whl", "digest": {"sha256": SHA["a"]}},
]


def test_line_1_is_slsa_provenance() -> None:
    assert provenance(JUDGED, MADE) == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": SUBJECTS,
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": f"{OURS}attestation/gate/v1",
                "externalParameters": {
                    "level": "3",
                    "argv": ["failhard", "check", "--level=3", "--seed=0"],
                    "project": {"name": "shop", "version": "1.0"},
                },
                "internalParameters": {"policy_sha256": SHA["d"], "waivers_sha256": SHA["e"]},
                "resolvedDependencies": [
                    SOURCE,
                    {"uri": "pkg:pypi/click@8.1.3", "digest": {"sha256": SHA["c"]}},
                ],
            },
            "runDetails": {
                "builder": {
                    "id": f"{OURS}attestation/builder/local",
                    "version": {"pytest-failhard": "0.1.0"},
                },
                "metadata": {},
                "byproducts": [],
            },
        },
    }


def test_line_1_says_when_and_which_run_only_where_that_is_given() -> None:
    given = replace(ORIGIN, invocation="https://ci.example/1", started="2026-01-02T03:04:05Z")
    made = provenance(JUDGED, replace(MADE, origin=given))
    assert at(made, "predicate", "runDetails", "metadata") == {
        "invocationId": "https://ci.example/1",
        "startedOn": "2026-01-02T03:04:05Z",
        "finishedOn": "2026-01-02T03:04:05Z",
    }
    assert (
        at(build.test_result(JUDGED, replace(MADE, origin=given)), "predicate", "url")
        == "https://ci.example/1"
    )


def test_line_2_is_a_test_result() -> None:
    assert build.test_result(JUDGED, MADE) == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [SOURCE],
        "predicateType": "https://in-toto.io/attestation/test-result/v0.1",
        "predicate": {
            "result": "PASSED",
            "configuration": [
                {"name": "pre-production", **POLICY},
                {"name": "waivers.json", "digest": {"sha256": SHA["e"]}},
            ],
            "passedTests": ["tests", "lint"],
            "warnedTests": ["types"],
            "failedTests": [],
        },
    }


def test_line_3_is_a_verification_summary() -> None:
    lines = [b"one", b"two"]
    assert summary(JUDGED, MADE, b"the report", lines) == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            {
                "name": "report.json",
                "digest": {"sha256": sha256(b"the report").hexdigest()},
                "annotations": {"canonical_sha256": SHA["f"]},
            },
            SUBJECTS[1],
        ],
        "predicateType": "https://slsa.dev/verification_summary/v1",
        "predicate": {
            "verifier": {"id": f"{OURS}attestation/verifier/v1", "version": {"pytest-failhard": "0.1.0"}},
            "resourceUri": "git+https://git.example/shop@refs/heads/main",
            "policy": POLICY,
            "inputAttestations": [{"digest": {"sha256": sha256(line).hexdigest()}} for line in lines],
            "verificationResult": "PASSED",
            "verifiedLevels": ["FAILHARD_LEVEL_3"],
            "slsaVersion": "1.1",
        },
    }


def test_what_has_not_passed_has_failed() -> None:
    failed = replace(JUDGED, has_passed=False, failed=("types",))
    nowhere = replace(MADE, origin=replace(ORIGIN, repository=""))
    made = summary(failed, nowhere, b"", [])
    assert at(made, "predicate", "verificationResult") == "FAILED"
    assert at(made, "predicate", "verifiedLevels") == ["FAILED"]
    assert at(made, "predicate", "resourceUri") == "pkg:generic/shop@1.0"
    assert at(build.test_result(failed, nowhere), "predicate", "result") == "FAILED"


def test_a_line_is_one_canonical_line() -> None:
    document: Json = {"b": "é", "a": [1, None]}
    assert encoded(document) == '{"a":[1,null],"b":"é"}'.encode()


def test_every_statement_has_what_its_type_demands() -> None:
    assert list(problems(provenance(JUDGED, MADE), PROVENANCE)) == []
    assert list(problems(build.test_result(JUDGED, MADE), TEST_RESULT)) == []
    assert list(problems(summary(JUDGED, MADE, b"", []), SUMMARY)) == []


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (None, "is no JSON object"),
        ({}, "_type is None"),
        ({"predicateType": TEST_RESULT}, "predicateType is"),
        ({"subject": []}, "subject names nothing"),
        ({"subject": [{"name": "a", "digest": {}}]}, "subject names nothing"),
        ({"subject": [{"name": "a", "digest": {"sha256": ""}}]}, "subject names nothing"),
        ({"predicate": {"verifier": {"id": ""}}}, "predicate has no verifier.id"),
        ({"predicate": {"policy": "none"}}, "predicate has no policy.uri"),
        ({}, "predicate has no resourceUri"),
        ({}, "predicate has no verificationResult"),
        ({}, "predicate has no verifiedLevels"),
    ],
)
def test_a_document_that_is_no_summary(document: Option, expected: str) -> None:
    assert expected in "; ".join(problems(document, SUMMARY))


def test_the_inputs_are_read_back_as_they_were() -> None:
    assert inputs.load(inputs.dump(MADE)) == MADE
    for broken in (b"{", b"[]", b'{"version": "1"}', inputs.dump(MADE).replace(b'"ref"', b'"reference"')):
        with pytest.raises(GateError, match="the inputs of the provenance cannot be read"):
            inputs.load(broken)


def test_the_materials_are_those_of_the_sbom() -> None:
    sbom = {
        "components": [
            {"purl": "pkg:pypi/a@1", "hashes": [{"alg": "SHA-256", "content": SHA["a"]}]},
            {
                "purl": "pkg:pypi/b@1",
                "hashes": [{"alg": "SHA-256", "content": SHA["b"]}, {"alg": "SHA-256", "content": SHA["c"]}],
            },
            {"purl": "pkg:pypi/c@1", "hashes": [{"alg": "SHA-1", "content": "x"}]},
        ]
    }
    assert list(inputs.components(json.dumps(sbom).encode())) == [
        {"uri": "pkg:pypi/a@1", "digest": {"sha256": SHA["a"]}},
        {"uri": "pkg:pypi/b@1", "annotations": {"sha256_is_one_of": [SHA["b"], SHA["c"]]}},
        {"uri": "pkg:pypi/c@1"},
    ]
    assert list(inputs.components(b'{"components": null}')) == []
    with pytest.raises(GateError, match=r"sbom\.cdx\.json: cannot be read"):
        list(inputs.components(b"<bom/>"))


def test_the_materials_are_the_locks_and_the_advisories_too(tmp_path: Path) -> None:
    write(tmp_path, {"uv.lock": "version = 1\n"})
    closure = json.dumps({"locks": ["uv.lock", 7]}).encode()
    assert list(inputs.locks(tmp_path, closure)) == [
        {"name": "uv.lock", "digest": {"sha256": sha256(b"version = 1\n").hexdigest()}}
    ]
    with pytest.raises(GateError, match=r"gone\.lock: cannot be read"):
        list(inputs.locks(tmp_path, b'{"locks": ["gone.lock"]}'))
    states = json.dumps({"file": {"sha256": SHA["a"], "as_of": "2026-01-01"}}).encode()
    assert list(inputs.advisories(states)) == [
        {"name": "advisories", "digest": {"sha256": SHA["a"]}, "annotations": {"as_of": "2026-01-01"}}
    ]
    assert list(inputs.advisories(b"{}")) == []
