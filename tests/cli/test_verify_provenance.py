"""The statements of a report folder, tampered with piece by piece: none of it verifies."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import date
from pathlib import Path

import pytest

from pytest_failhard import policy
from pytest_failhard.attestation import Attestation
from pytest_failhard.cli.verify import verify
from pytest_failhard.distributions.attest import artefacts
from pytest_failhard.distributions.attest.dsse import Signer, opened
from pytest_failhard.distributions.attest.origin import Origin
from pytest_failhard.distributions.attest.statement import encoded
from pytest_failhard.model import Policy
from tests.cli.test_verify import BOM, make
from tests.distributions.attest.samples import flip, key, wheel
from tests.support import GATES

DAY = date(2026, 11, 20)
COMMIT = "a" * 40
LINES = "provenance.intoto.jsonl"
INPUTS = "evidence/run/provenance.json"
NOT_YIELDED = "is not what the report and its evidence yield"


def terms(level: int = 4) -> Policy:
    return policy.load(level, GATES, today=DAY)


def built(root: Path, *, level: int = 4, signer: Signer | None = None, own: Policy | None = None) -> Path:
    """Judge a project that was built, and return the report folder."""
    wheel(root, {})
    attested = Attestation(
        root=root,
        origin=Origin(repository="", ref="", source={"gitCommit": COMMIT}, commit=COMMIT),
        built=tuple(artefacts.subject(root, path) for path in artefacts.found(root, ["dist/*"])),
        signer=signer,
    )
    return make(root, terms=own or terms(level), attested=attested, commit=COMMIT)


def said(folder: Path, project: Path | None = None, file: Path | None = None) -> str:
    code, lines = verify(folder, level=None, policy_file=file, gates=GATES, project=project)
    assert (code == 0) == lines[0].startswith("pass: level ")
    assert code in {0, 4}
    return "; ".join(lines)


def edit(folder: Path, name: str, before: str, after: str) -> None:
    text = (folder / name).read_text()
    assert before in text
    (folder / name).write_text(text.replace(before, after, 1))


def test_what_was_written_holds(tmp_path: Path) -> None:
    folder = built(tmp_path)
    assert said(folder).startswith("pass: level 4")
    lines = [json.loads(line) for line in (folder / LINES).read_bytes().splitlines()]
    assert [each["predicateType"].rpartition("/")[2] for each in lines] == ["v1", "v0.1", "v1"]
    assert json.loads((folder / "verdict.json").read_bytes()) == lines[2]["predicate"]


def test_a_report_of_an_early_level_has_no_statements(tmp_path: Path) -> None:
    assert said(make(tmp_path, terms=terms(1))).startswith("pass: level 1")


def test_a_wheel_that_changed_later_is_found(tmp_path: Path) -> None:
    folder = built(tmp_path)
    flip(tmp_path / "dist" / "shop-1.0-py3-none-any.whl")
    assert said(folder).startswith("digest-mismatch: dist/shop-1.0-py3-none-any.whl: its SHA-256 is ")
    (tmp_path / "dist" / "shop-1.0-py3-none-any.whl").unlink()
    assert "cannot be read" in said(folder)


def test_what_was_built_may_lie_elsewhere(tmp_path: Path) -> None:
    root = tmp_path / "p"
    root.mkdir()
    folder = built(root)
    (root / "dist").rename(tmp_path / "dist")
    assert "digest-mismatch" in said(folder)
    assert said(folder, tmp_path).startswith("pass: level 4")


def test_below_the_gate_only_the_folder_is_looked_at(tmp_path: Path) -> None:
    folder = built(tmp_path, level=3)
    flip(tmp_path / "dist" / "shop-1.0-py3-none-any.whl")
    assert said(folder).startswith("pass: level 3")


def test_the_sbom_is_the_one_that_was_named(tmp_path: Path) -> None:
    folder = built(tmp_path)
    flip(folder / "sbom.cdx.json")
    assert "sbom.cdx.json: its bytes are not those that the report names" in said(folder)


@pytest.mark.parametrize(
    ("name", "before", "after", "expected"),
    [
        (LINES, '"PASSED"', '"FAILED"', f"line 2: {NOT_YIELDED}"),
        (LINES, '"verificationResult":"PASSED"', '"verificationResult":""', "has no verificationResult"),
        (LINES, "FAILHARD_LEVEL_4", "FAILHARD_LEVEL_5", f"line 3: {NOT_YIELDED}"),
        (LINES, '"buildType":', '"buildKind":', "line 1: predicate has no buildDefinition.buildType"),
        (LINES, '"_type":', '"_kind":', "line 1: _type is None"),
        (LINES, '{"_type"', "[", "a line is no JSON"),
        (LINES, "\n", "\n{}\n", "has 4 lines, not 3"),
        ("verdict.json", "PASSED", "FAILED", "is not the predicate of the last line"),
        (INPUTS, COMMIT, "b" * 40, "is about another commit than the report"),
        (INPUTS, hashlib.sha256(BOM).hexdigest(), "0" * 64, "digest-mismatch: sbom.cdx.json: its bytes are"),
        (INPUTS, '"origin"', '"source"', "inputs of the provenance cannot be read"),
    ],
)
def test_a_statement_that_was_changed(
    tmp_path: Path, name: str, before: str, after: str, expected: str
) -> None:
    folder = built(tmp_path)
    edit(folder, name, before, after)
    assert expected in said(folder)


@pytest.mark.parametrize("name", [LINES, "verdict.json", INPUTS, "sbom.cdx.json"])
def test_a_file_that_is_gone(tmp_path: Path, name: str) -> None:
    folder = built(tmp_path)
    (folder / name).unlink()
    assert f"{name}: cannot be read: No such file or directory" in said(folder)


def test_a_report_that_was_laid_out_anew_is_not_the_one_that_was_attested(tmp_path: Path) -> None:
    folder = built(tmp_path)
    content = json.loads((folder / "report.json").read_bytes())
    (folder / "report.json").write_text(json.dumps(content))
    assert f"line 3: {NOT_YIELDED}" in said(folder)


class Signed:
    """A project under a policy that names a public key, with the report that the private key signed."""

    def __init__(self, folder: Path) -> None:
        self.key, public = key(folder)
        self.signer = Signer.load(self.key, public)
        self.file = self.policy(folder / "own.yaml", public)
        self.root = folder / "p"
        self.root.mkdir()
        own = policy.load(4, GATES, self.file, today=DAY)
        self.folder = built(self.root, signer=self.signer, own=own)

    @staticmethod
    def policy(path: Path, public: str) -> Path:
        text = policy.shipped_text(4).decode()
        empty = 'public_key: {kind: fixed, stricter: choice, value: ""}'
        assert empty in text
        path.write_text(text.replace(empty, empty.replace('""', json.dumps(public))))
        return path

    def said(self) -> str:
        return said(self.folder, file=self.file)


@pytest.fixture
def signed(tmp_path: Path) -> Signed:
    return Signed(tmp_path)


def test_what_was_signed_holds(signed: Signed) -> None:
    assert signed.said().startswith("pass: level 4")
    envelopes = [json.loads(line) for line in (signed.folder / LINES).read_bytes().splitlines()]
    assert [each["payloadType"] for each in envelopes] == ["application/vnd.in-toto+json"] * 3


def test_what_another_key_signed_does_not(signed: Signed, tmp_path: Path) -> None:
    lines = (signed.folder / LINES).read_bytes().splitlines()
    path, public = key(tmp_path, "other.pem")
    other = Signer.load(path, public)
    forged = [other.seal(opened(line, signed.signer.public)) for line in lines]
    (signed.folder / LINES).write_bytes(b"\n".join(forged) + b"\n")
    assert "the signature is not that of the policy's public_key" in signed.said()


def test_an_altered_payload_does_not(signed: Signed) -> None:
    lines = [json.loads(line) for line in (signed.folder / LINES).read_bytes().splitlines()]
    payload = base64.b64decode(lines[0]["payload"]).replace(b"shop", b"stop")
    lines[0]["payload"] = base64.b64encode(payload).decode()
    (signed.folder / LINES).write_bytes(b"".join(encoded(line) + b"\n" for line in lines))
    assert "the signature is not that of the policy's public_key" in signed.said()


def test_a_signature_that_was_taken_off_is_missed(signed: Signed) -> None:
    bare = [opened(line, signed.signer.public) for line in (signed.folder / LINES).read_bytes().splitlines()]
    (signed.folder / LINES).write_bytes(b"\n".join(bare) + b"\n")
    assert "was signed, and now a line stands there without a signature" in signed.said()


def test_a_signature_without_a_public_key_proves_nothing(tmp_path: Path) -> None:
    path, public = key(tmp_path)
    root = tmp_path / "p"
    root.mkdir()
    folder = built(root, signer=Signer.load(path, public))
    assert "is signed, and the policy names no public_key to check it with" in said(folder)
