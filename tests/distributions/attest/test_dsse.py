"""Envelopes: the specification's own example, and nothing that another key or another payload gets past."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from pytest_failhard.distributions.attest.dsse import (
    PAYLOAD_TYPE,
    Signer,
    encoding,
    is_envelope,
    opened,
    public_key,
)
from pytest_failhard.model import GateError
from tests.distributions.attest.samples import key
from tests.support import write

PAYLOAD = b'{"_type":"https://in-toto.io/Statement/v1","name":"\xc3\xa9t\xc3\xa9"}'


def test_the_encoding_is_that_of_the_specification() -> None:
    # DSSE protocol 1.0.0, "Test Vectors".
    expected = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert encoding("http://example.com/HelloWorld", b"hello world") == expected


def test_lengths_are_those_of_bytes() -> None:
    assert encoding("é", "ü!".encode()) == b"DSSEv1 2 \xc3\xa9 3 \xc3\xbc!"
    assert encoding("", b"") == b"DSSEv1 0  0 "


def test_the_signature_is_that_of_the_algorithm() -> None:
    # RFC 8032, section 7.1, test 1: the key; the message is ours, so Ed25519 itself is asked.
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    private = Ed25519PrivateKey.from_private_bytes(seed)
    sealed = json.loads(Signer(private, private.public_key()).seal(PAYLOAD))
    assert base64.b64decode(sealed["payload"]) == PAYLOAD
    assert sealed["payloadType"] == "application/vnd.in-toto+json"
    (signature,) = sealed["signatures"]
    assert base64.b64decode(signature["sig"]) == private.sign(encoding(PAYLOAD_TYPE, PAYLOAD))
    assert signature["keyid"] == "21fe31dfa154a261"


def test_what_was_sealed_is_opened(tmp_path: Path) -> None:
    path, public = key(tmp_path)
    line = Signer.load(path, public).seal(PAYLOAD)
    assert b"\n" not in line
    assert is_envelope(line)
    assert not is_envelope(PAYLOAD)
    assert opened(line, public_key(public)) == PAYLOAD
    urlsafe = json.loads(line)
    urlsafe["payload"] = base64.urlsafe_b64encode(PAYLOAD).decode()
    assert opened(json.dumps(urlsafe).encode(), public_key(public)) == PAYLOAD


def test_a_key_of_another_is_refused(tmp_path: Path) -> None:
    path, _ = key(tmp_path)
    _, other = key(tmp_path, "other.pem")
    with pytest.raises(GateError, match="not that of the policy's public_key"):
        Signer.load(path, other)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("payload", base64.b64encode(PAYLOAD.replace(b"v1", b"v2")).decode(), "the signature is not"),
        ("payload", "no base64!", "holds no base64"),
        ("payloadType", "text/plain", "payloadType is not"),
        ("signatures", [], "the signature is not"),
        ("signatures", "none", "the signature is not"),
        ("signatures", [{"keyid": "x", "sig": base64.b64encode(b"0" * 64).decode()}], "the signature is not"),
    ],
)
def test_an_altered_envelope_is_refused(tmp_path: Path, field: str, value: object, expected: str) -> None:
    path, public = key(tmp_path)
    envelope = json.loads(Signer.load(path, public).seal(PAYLOAD))
    envelope[field] = value
    with pytest.raises(GateError, match=expected):
        opened(json.dumps(envelope).encode(), public_key(public))


def test_what_is_no_envelope_is_refused() -> None:
    with pytest.raises(GateError, match="a line is no JSON"):
        is_envelope(b"{")


def test_a_public_key_is_one_of_ed25519() -> None:
    with pytest.raises(GateError, match="is no public key in PEM"):
        public_key("")
    other = X25519PrivateKey.generate().public_key()
    pem = other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    with pytest.raises(GateError, match="is no Ed25519 key"):
        public_key(pem)


def test_a_private_key_is_one_of_ed25519_and_never_quoted(tmp_path: Path) -> None:
    path, public = key(tmp_path)
    with pytest.raises(GateError, match="FAILHARD_SIGNING_KEY: the file cannot be read"):
        Signer.load(tmp_path / "absent.pem", public)
    text = path.read_text().replace("BEGIN PRIVATE", "BEGIN STOLEN")
    write(tmp_path, {"broken.pem": text})
    with pytest.raises(GateError, match="holds no private key in plain PEM") as refused:
        Signer.load(tmp_path / "broken.pem", public)
    assert text.splitlines()[1] not in str(refused.value)
    other = X25519PrivateKey.generate()
    pem = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write(tmp_path, {"other.pem": pem})
    with pytest.raises(GateError, match="holds no Ed25519 key"):
        Signer.load(tmp_path / "other.pem", public)


def test_without_the_extra_the_remedy_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    with pytest.raises(GateError, match=r"needs the extra `sign` .* pip install 'pytest-failhard\[sign\]'"):
        public_key("")
