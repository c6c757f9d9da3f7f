"""The key that a request presents, wherever its dialect puts it."""

from __future__ import annotations

import re

from pytest_failhard.llm.request import Request

_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)")
_HEADERS = ("x-api-key", "api-key", "x-goog-api-key")
_SHOWN_START, _SHOWN_END = 6, 4


def presented(request: Request) -> str:
    """Return the key, or for a signed AWS request the key's id; empty where there is none."""
    authorization = request.header("authorization") or ""
    signed = _CREDENTIAL.search(authorization)
    if signed:
        return signed.group(1)
    scheme, _, token = authorization.partition(" ")
    candidates = [request.header(name) or "" for name in _HEADERS]
    candidates += [token.strip() if scheme.lower() == "bearer" else "", request.query.get("key", "")]
    return next((each for each in candidates if each), "")


def masked(key: str) -> str:
    """Return a key as the providers echo it: the first 6 and the last 4 characters."""
    return f"{key[:_SHOWN_START]}***{key[-_SHOWN_END:]}" if len(key) > _SHOWN_START + _SHOWN_END else "***"
