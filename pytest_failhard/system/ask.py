"""Sends a declared route's request, and gives up when its time is over."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from pytest_failhard.model import GateError
from pytest_failhard.system.declaration import COUNTER, SECRET, SUBSTITUTION, Route

CONNECT_SECONDS = 5.0
BODY_BYTES = 16 * 1024 * 1024
"""So much of an answer is read."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back. `status` is None where the connection ended without an answer, then `body` says how.

    `ended` is false where the time was over first.
    """

    ended: bool
    status: int | None
    headers: tuple[tuple[str, str], ...]
    body: bytes
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is sent: nothing in it stands for something else any more."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


def values(secrets: Mapping[str, str], counter: int, captured: Mapping[str, str]) -> dict[str, str]:
    """Return what the substitutions stand for."""
    held = {f"{SECRET}{name}": value for name, value in secrets.items()}
    return {**captured, **held, COUNTER: str(counter)}


def filled(text: str, known: Mapping[str, str]) -> str:
    """Return a text with `${...}` replaced; raises GateError for what no answer has given yet."""
    missing = sorted({*SUBSTITUTION.findall(text)} - {*known})
    if missing:
        raise GateError(f"${{{missing[0]}}}: no answer had it; correct the route that captures it")
    return SUBSTITUTION.sub(lambda match: known[match[1]], text)


def wanted(route: Route) -> frozenset[str]:
    """Return the names of all that is substituted in a route's request."""
    texts = (route.path, *route.headers.values(), json.dumps(route.body))
    return frozenset(name for text in texts for name in SUBSTITUTION.findall(text))


def _filled_json(value: object, known: Mapping[str, str]) -> object:
    if isinstance(value, str):
        return filled(value, known)
    if isinstance(value, dict):
        return {name: _filled_json(each, known) for name, each in value.items()}
    return [_filled_json(each, known) for each in value] if isinstance(value, list) else value


def captured(route: Route, answer: Answer) -> dict[str, str]:
    """Return what a route's answer gives to later requests; a path that is not there gives nothing."""
    try:
        document: object = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    found = {name: _at(document, path) for name, path in route.capture.items()}
    return {name: value for name, value in found.items() if value is not None}


def _at(document: object, path: str) -> str | None:
    for part in path.split("."):
        if isinstance(document, list) and re.fullmatch(r"\d+", part) and int(part) < len(document):
            document = document[int(part)]
        elif isinstance(document, dict) and part in document:
            document = document[part]
        else:
            return None
    return document if isinstance(document, str) else json.dumps(document)


def request(route: Route, known: Mapping[str, str]) -> Request:
    """Return what is sent for a route; raises GateError for what no answer has given yet."""
    headers = {name: filled(value, known) for name, value in route.headers.items()}
    body: bytes | None = None
    if isinstance(route.body, str):
        body = filled(route.body, known).encode()
    elif route.body is not None:
        body = json.dumps(_filled_json(route.body, known)).encode()
        headers = {"Content-Type": "application/json", **headers}
    return Request(method=route.method, path=filled(route.path, known), headers=headers, body=body)


def send(host: str, port: int, route: Route, known: Mapping[str, str], *, within: float) -> Answer:
    """Send a route's request and return the answer; after `within` seconds it is given up."""
    return exchange(host, port, request(route, known), within=within)


def exchange(host: str, port: int, sent: Request, *, within: float) -> Answer:
    """Send a request and return the answer; after `within` seconds it is given up.

    Whoever answers before the whole body was sent, and hangs up, has answered.
    """
    connection = http.client.HTTPConnection(host, port, timeout=min(within, CONNECT_SECONDS))
    began = time.monotonic()
    over = threading.Event()

    held: list[socket.socket] = []

    def give_up() -> None:
        over.set()
        for sock in held:
            # A time-out of the socket is one of each read: an answer in drips would never end.
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    watchdog = threading.Timer(within, give_up)
    watchdog.start()
    try:
        connection.connect()
        # The connection forgets it as soon as it knows that the answer ends with it.
        held.append(connection.sock)
        connection.sock.settimeout(within)
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            connection.request(sent.method, sent.path, sent.body, {**sent.headers, "Connection": "close"})
        response = connection.getresponse()
        content = response.read(BODY_BYTES)
        status, given = response.status, tuple(response.getheaders())
    except (OSError, http.client.HTTPException) as error:
        status, given, content = None, (), f"{type(error).__name__}: {error}".encode()
    finally:
        watchdog.cancel()
        watchdog.join()
        connection.close()
    seconds = time.monotonic() - began
    ended = not over.is_set() and seconds < within
    return Answer(ended=ended, status=status, headers=given, body=content, seconds=seconds)
