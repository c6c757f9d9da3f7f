"""A fault in words and bytes: what `failhard llm-faults` prints of an entry of the catalogue."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pytest_failhard.llm import answers, routing, samples, wire
from pytest_failhard.llm.operations import Drip, Fin, Hang, Operation, Repeat, Rst, Send, Sleep

if TYPE_CHECKING:
    from pytest_failhard.llm.catalogue import Fault, Form, Kind
    from pytest_failhard.llm.operations import Script

CORRECT: Mapping[Kind, str] = {
    "permanent": "Fails at once and says why: waiting and asking again cannot help. One attempt.",
    "permanent-retried": "Fails and says why. The stock SDKs ask again all the same; better not.",
    "transient": (
        "Asks again, a bounded number of times, no sooner than the answer asks for. Succeeds when the fault "
        "is over, and fails and says why when it is not."
    ),
    "silent": (
        "Notices that the answer is none, although the status is 200 and the SDK raises nothing, and fails. "
        "Asking again, a bounded number of times, is as good."
    ),
    "network": (
        "Asks again, a bounded number of times. Succeeds when the fault is over, and fails and says what the "
        "network did when it is not."
    ),
    "deadline": "Ends before its deadline: with the whole answer, or with an error that names the time-out.",
    "benign": "Succeeds, with the whole answer: this is legal traffic.",
    "report": "Nothing is demanded; what the system did is in the evidence.",
}
"""What a system that handles faults of a kind correctly does."""

VERIFIED = {
    "m": "measured with the SDK",
    "s": "read in the SDK's source",
    "d": "documented, not compared with a live provider",
    "u": "not verified",
}
"""What the marks of the catalogue mean."""

RECIPES = {
    "refused": "A socket is bound and never listens: the connection is refused.",
    "dns_failure": "The host name ends in .invalid, which no resolver knows.",
    "connect_timeout": "The listener's queue is full: the connection is never accepted.",
    "tls_untrusted": "The certificate is signed by an authority that the client does not trust.",
    "tls_expired": "The certificate was valid until 2020-01-01.",
    "tls_hostname": "The certificate is for api.example.com.",
    "tls_plaintext": "The first bytes of the handshake are answered with HTTP 400 in plain text.",
    "tls_reset": "The connection is reset after 5 bytes of the handshake.",
    "tls_hang": "The connection is accepted, and the handshake is never answered.",
    "missing_key": "The key variables are taken out of the environment and put back after; nothing is sent.",
}
"""What is done for a fault that is no answer."""

_HEX_FROM = 0.1
"""From this share of bytes on that are no text, all are shown in hexadecimal."""
_CONTROLS = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\xff]")
_LONGEST = 4000
"""Characters of bytes to show."""


def script(fault: Fault, form: Form, dialect: str) -> Script:
    """Return what the server does with a sample request of the dialect. Raises wire.WireError."""
    request = samples.request(dialect, fault.needs)
    route = routing.route(request)
    context = wire.Context(
        request=request,
        route=route,
        canaries=samples.CANARIES,
        content=answers.healthy(request, route, samples.CANARIES, None),
        request_id=samples.REQUEST_ID,
        case_number=1,
        now=samples.NOW,
    )
    return wire.failing(context, fault, form).script


def wire_text(fault: Fault, form: Form, dialect: str) -> str:
    """Return the form in a dialect as text: the operations and their bytes, or the recipe in words."""
    if fault.stage != "answer":
        return RECIPES[form.recipe]
    return "\n".join(map(_operation, script(fault, form, dialect).operations))


def bytes_text(data: bytes) -> str:
    """Return bytes as readable text; a body with many bytes that are no text, in hexadecimal."""
    head, blank, body = data.partition(b"\r\n\r\n") if data.startswith(b"HTTP/") else (b"", b"", data)
    if len(_CONTROLS.findall(body)) > _HEX_FROM * len(body):
        shown = f"{_readable(head + blank)}{body.hex(' ', 4)}"
    else:
        shown = _readable(data)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}\n... {len(data)} bytes in all"


def _readable(data: bytes) -> str:
    return data.replace(b"\r\n", b"\n").decode("utf-8", "backslashreplace")


_ENDINGS: Mapping[type[Operation], str] = {
    Hang: "[nothing, until the client goes away]",
    Fin: "[close the connection]",
    Rst: "[reset the connection]",
}


def _operation(operation: Operation) -> str:
    match operation:
        case Send(data=data):
            return bytes_text(data).rstrip("\n")
        case Drip(data=data, size=size, every=every):
            return f"[{size} at a time, every {every:g} s]\n{bytes_text(data)}".rstrip("\n")
        case Repeat(data=data, every=every):
            return f"[every {every:g} s, until the client goes away]\n{bytes_text(data)}".rstrip("\n")
        case Sleep(seconds=seconds):
            return f"[wait {seconds:g} s]"
    return _ENDINGS[type(operation)]
