"""What a request says of its sender: the keys that it presents, and what its SDK tells of itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from pytest_failhard.llm.canaries import Canaries
from pytest_failhard.llm.labels import FOREIGN, key_label
from pytest_failhard.llm.request import Request

_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)")
_WHOLE = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, kw_only=True)
class Sender:
    """The sender of one request; fields as in `ledger.Attempt`."""

    key: str
    foreign_key_sha256: str
    user_agent: str
    retry_count: int | None
    read_timeout: str | None
    sdk_attempt: str | None
    invocation: str | None


def sender(request: Request, current: Canaries, known: Sequence[Canaries]) -> Sender:
    """Return what a request says of its sender. Of several keys a foreign one counts, else the first."""
    keys = tuple(dict.fromkeys(_presented(request)))
    labels = [key_label(key, current, known) for key in keys]
    foreign = next((key for key, label in zip(keys, labels, strict=True) if label == FOREIGN), "")
    retries = request.header("x-stainless-retry-count") or ""
    return Sender(
        key=FOREIGN if foreign else next(iter(labels), ""),
        foreign_key_sha256=sha256(foreign.encode()).hexdigest() if foreign else "",
        user_agent=request.header("user-agent") or "",
        retry_count=int(retries) if _WHOLE.fullmatch(retries) else None,
        read_timeout=request.header("x-stainless-read-timeout"),
        sdk_attempt=request.header("amz-sdk-request"),
        invocation=request.header("amz-sdk-invocation-id"),
    )


def _presented(request: Request) -> Iterator[str]:
    authorization = (request.header("authorization") or "").strip()
    signed = _CREDENTIAL.search(authorization)
    # Without a scheme the whole value is the key.
    scheme, _, token = authorization.rpartition(" ")
    found = [signed[1] if signed else token if scheme or token.lower() != "bearer" else ""]
    found += [request.header(name) or "" for name in ("x-api-key", "api-key", "x-goog-api-key")]
    found.append(request.query.get("key", ""))
    yield from (each for each in found if each)
