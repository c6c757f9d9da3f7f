"""What the tests of the gate share: keys made at run time, and what the gate's own readers find in a text."""

from __future__ import annotations

import base64
import json
import random
import string

from pytest_failhard.gates.secrets.observing import findings_of, own
from pytest_failhard.model import Finding
from pytest_failhard.source.text_files import TextFile


def drawn(length: int, seed: int = 1, alphabet: str = string.ascii_letters + string.digits) -> str:
    """Return a text that looks like a key; no file of ours holds one."""
    dice = random.Random(seed)
    return "".join(dice.choice(alphabet) for _ in range(length - 2)) + "q7"


def provider_key(seed: int = 1) -> str:
    """Return a key of OpenAI's form."""
    return "sk-" + "proj-" + drawn(48, seed)


def private_key(seed: int = 1, kind: str = "RSA PRIVATE") -> str:
    """Return a block of a PEM file."""
    body = "\n".join(drawn(64, seed + line) for line in range(4))
    return f"-----BEGIN {kind} KEY-----\n{body}\n-----END {kind} KEY-----\n"


def web_token(claims: dict[str, object], seed: int = 1) -> str:
    """Return a JSON web token with a signature that looks like one."""
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
        for part in ({"alg": "HS256", "typ": "JWT"}, claims)
    ]
    return ".".join([*parts, drawn(43, seed)])


def encoded(text: str) -> str:
    """Return text in base64."""
    return base64.b64encode(text.encode()).decode()


def read(path: str, text: str) -> list[Finding]:
    """Return the findings in a file of this text, without the detector's."""
    return findings_of(own([TextFile(path=path, text=text)]), frozenset())


def seen(path: str, text: str) -> list[tuple[str, int, str]]:
    """Return rule, line and severity of the findings in a text."""
    return [(each.rule, each.line, each.severity.name.lower()) for each in read(path, text)]
