"""HTTP/1.1 answers as bytes: written by hand, since a library refuses to write what is wrong."""

from __future__ import annotations

import http
import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime

LAST_CHUNK = b"0\r\n\r\n"
_UNPRINTABLE = re.compile(r"[^ -~]")
_RENAMED = {
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    416: "Requested Range Not Satisfiable",
    422: "Unprocessable Entity",
}
"""Python 3.13 took the names of RFC 9110; providers' servers say these, and one seed gives the same bytes."""
_REASONS = {each.value: each.phrase for each in http.HTTPStatus} | _RENAMED


def date(now: datetime) -> str:
    """Return a time as HTTP writes it; it must be in UTC."""
    return format_datetime(now, usegmt=True)


def head(status: int, headers: Mapping[str, str]) -> bytes:
    """Return the status line and the headers; what cannot stand in a header is replaced."""
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, '')}"]
    lines += [f"{name}: {_printable(value)}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _printable(value: str) -> str:
    return _UNPRINTABLE.sub("?", value)


def chunk(data: bytes) -> bytes:
    """Return data as one chunk."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"
