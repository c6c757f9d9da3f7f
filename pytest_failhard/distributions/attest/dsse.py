"""Dead Simple Signing Envelopes with Ed25519: sealed with a person's key, opened with the policy's."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_failhard.distributions.attest.statement import Json, at, encoded, parsed, text
from pytest_failhard.model import GateError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"
KEY_VARIABLE = "FAILHARD_SIGNING_KEY"
"""Names the file that holds the private key, PKCS 8 in PEM without a password."""
KEYID_DIGITS = 16
INSTALL = "python -m pip install 'pytest-failhard[sign]'"


def encoding(payload_type: str, body: bytes) -> bytes:
    """Return the pre-authentication encoding, which is what is signed: lengths are those of bytes."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(body), body)


def public_key(pem: str) -> Ed25519PublicKey:
    """Read the policy's public key; raises GateError for anything but an Ed25519 key in PEM."""
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
    except ImportError as error:
        raise GateError(f"signing needs the extra `sign` ({error.name} is missing): {INSTALL}") from None
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise GateError(f"public_key: is no public key in PEM: {error}") from None
    if not isinstance(key, Ed25519PublicKey):
        raise GateError("public_key: is no Ed25519 key")
    return key


@dataclass(frozen=True)
class Signer:
    """A private key and the public one that its signatures are checked with at once."""

    private: Ed25519PrivateKey
    public: Ed25519PublicKey

    @classmethod
    def load(cls, path: Path, pem: str) -> Signer:
        """Read the private key from a file; raises GateError where it is none, or not the policy's."""
        public = public_key(pem)
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            key = load_pem_private_key(path.read_bytes(), password=None)
        except OSError as error:
            raise GateError(f"{KEY_VARIABLE}: the file cannot be read: {error.strerror}") from None
        except (ValueError, TypeError, UnsupportedAlgorithm):
            # Not the library's words: they may quote the file.
            raise GateError(f"{KEY_VARIABLE}: the file holds no private key in plain PEM") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise GateError(f"{KEY_VARIABLE}: the file holds no Ed25519 key")
        signer = cls(key, public)
        signer.seal(b"{}")
        return signer

    def seal(self, payload: bytes) -> bytes:
        """Return the payload in an envelope, opened once more; raises GateError for a key of another."""
        signature = self.private.sign(encoding(PAYLOAD_TYPE, payload))
        envelope: Json = {
            "payloadType": PAYLOAD_TYPE,
            "payload": base64.b64encode(payload).decode(),
            "signatures": [{"keyid": keyid(self.public), "sig": base64.b64encode(signature).decode()}],
        }
        sealed = encoded(envelope)
        opened(sealed, self.public)
        return sealed


def keyid(key: Ed25519PublicKey) -> str:
    """Return a hint at the key, which nothing is decided by."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:KEYID_DIGITS]


def is_envelope(line: bytes) -> bool:
    """Tell whether a line holds an envelope, not a bare statement."""
    return bool(text(parsed(line), "payloadType"))


def opened(line: bytes, key: Ed25519PublicKey) -> bytes:
    """Return the payload of an envelope that the key signed; raises GateError for any other."""
    from cryptography.exceptions import InvalidSignature

    envelope = parsed(line)
    if text(envelope, "payloadType") != PAYLOAD_TYPE:
        raise GateError(f"the envelope's payloadType is not {PAYLOAD_TYPE}")
    payload = _decoded(text(envelope, "payload"))
    signatures = at(envelope, "signatures")
    for entry in signatures if isinstance(signatures, list) else []:
        try:
            key.verify(_decoded(text(entry, "sig")), encoding(PAYLOAD_TYPE, payload))
        except InvalidSignature:
            continue
        return payload
    raise GateError("the signature is not that of the policy's public_key over this payload")


def _decoded(value: str) -> bytes:
    try:
        return base64.b64decode(value.translate(str.maketrans("-_", "+/")), validate=True)
    except (ValueError, binascii.Error) as error:
        raise GateError(f"the envelope holds no base64: {error}") from None
