"""AWS's binary event stream (`application/vnd.amazon.eventstream`), frame by frame."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

MEDIA_TYPE = "application/vnd.amazon.eventstream"
_TEXT = 7
_CHECKSUM = 4
_PRELUDE = 8
OVERHEAD = _PRELUDE + 2 * _CHECKSUM


def frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    """Return one frame: lengths, their CRC, headers, payload, and the CRC of all before."""
    listed = b"".join(_header(name, value) for name, value in headers.items())
    prelude = struct.pack(">II", OVERHEAD + len(listed) + len(payload), len(listed))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + listed + payload
    return message + struct.pack(">I", zlib.crc32(message))


def _header(name: str, value: str) -> bytes:
    encoded = value.encode()
    return bytes([len(name)]) + name.encode() + bytes([_TEXT]) + struct.pack(">H", len(encoded)) + encoded


def event(name: str, payload: bytes) -> bytes:
    """Return an event's frame."""
    return frame(
        {":event-type": name, ":content-type": "application/json", ":message-type": "event"}, payload
    )


def exception(name: str, payload: bytes) -> bytes:
    """Return the frame of an exception that the service's model knows."""
    return frame(
        {":exception-type": name, ":content-type": "application/json", ":message-type": "exception"}, payload
    )


def error(code: str, message: str) -> bytes:
    """Return the frame of an error that the service's model does not know."""
    return frame({":message-type": "error", ":error-code": code, ":error-message": message}, b"")


def with_bad_checksum(whole: bytes) -> bytes:
    """Return a frame whose last checksum is wrong by one bit."""
    return whole[:-1] + bytes([whole[-1] ^ 1])
