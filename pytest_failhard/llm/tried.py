"""Runs a system once, as a command, an application or a callable, and says how it ended."""

from __future__ import annotations

import asyncio
import inspect
import io
import json as codec
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pytest_failhard import proc
from pytest_failhard.llm.observing import Watch
from pytest_failhard.llm.verdicts.outcome import Outcome

FIRST_ERROR_STATUS = 400
Message = dict[str, object]
# Frameworks type their arguments each in its own way: what is named here would refuse Flask and Starlette.
Asgi = Callable[..., Awaitable[None]]
Wsgi = Callable[..., Iterable[bytes]]


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What an application answered."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class System:
    """Runs things under a deadline, in seconds. Children get `environment` and start in `folder`.

    `ran` is told the outcome of each command.
    """

    environment: Mapping[str, str]
    folder: Path
    deadline: float
    ran: Callable[[Outcome], None]

    def __call__(
        self, target: Sequence[str] | Callable[..., object], *arguments: object, **keywords: object
    ) -> Outcome:
        """Run a command (a list, never a shell string) to its end, or call a function, also an async one.

        Keywords of a command: `cwd` and `stdin` (bytes).
        """
        if callable(target):
            return self._call(target, arguments, keywords)
        if isinstance(target, str):
            raise TypeError("give the command as a list of arguments, not as a shell string")
        return self._run(target, **keywords)  # type: ignore[arg-type]  # checked by its signature

    def request(
        self,
        app: Asgi | Wsgi,
        method: str,
        path: str,
        *,
        json: object = None,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Outcome:
        """Send one request to a WSGI or ASGI application in this process."""
        content = codec.dumps(json).encode() if json is not None else body
        given = {"content-type": "application/json"} if json is not None else {}
        fields = {**given, **{name.lower(): value for name, value in (headers or {}).items()}}
        replies: list[Reply] = []
        with Watch(self.deadline) as seen:
            replies.append(_reply(app, method, path, content, fields))
        if not replies:
            return seen.outcome
        reply = replies[0]
        text = reply.body.decode("utf-8", "replace")
        return Outcome(
            form="route",
            ended=not seen.late,
            produced=reply.status < FIRST_ERROR_STATUS,
            code=reply.status,
            result=text,
            streams={"body": text, "headers": "\n".join(f"{name}: {value}" for name, value in reply.headers)},
            seconds=seen.seconds,
        )

    def _call(
        self,
        target: Callable[..., object],
        arguments: tuple[object, ...],
        keywords: Mapping[str, object],
    ) -> Outcome:
        with Watch(self.deadline) as seen:
            result = target(*arguments, **keywords)
            seen.result = asyncio.run(_awaited(result)) if inspect.isawaitable(result) else result
        return seen.outcome

    def _run(self, argv: Sequence[str], *, cwd: Path | None = None, stdin: bytes | None = None) -> Outcome:
        program = sys.executable if argv[0] == "python" else argv[0]
        stdout, stderr = self.folder / "stdout", self.folder / "stderr"
        child = proc.Child(
            [program, *argv[1:]],
            cwd=cwd or self.folder,
            environment=self.environment,
            stdout=stdout,
            stderr=stderr,
            stdin=stdin,
        )
        try:
            code = child.wait(self.deadline)
        finally:
            child.kill_tree()
        texts = {
            "stdout": stdout.read_text("utf-8", "replace"),
            "stderr": stderr.read_text("utf-8", "replace"),
        }
        outcome = Outcome(
            form="command",
            ended=code is not None,
            produced=code == 0,
            code=code,
            result=texts["stdout"],
            streams={**texts, "argv": "\n".join(argv)},
            seconds=child.seconds,
        )
        self.ran(outcome)
        return outcome


async def _awaited(result: Awaitable[object]) -> object:
    return await result


def _reply(app: Asgi | Wsgi, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Reply:
    target = app if inspect.isroutine(app) else type(app).__call__
    if inspect.iscoroutinefunction(target):
        # Its type was just looked at.
        return asyncio.run(_asgi(app, method, path, body, headers))  # type: ignore[arg-type]
    return _wsgi(app, method, path, body, headers)  # type: ignore[arg-type]  # what else is an application


async def _asgi(app: Asgi, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Reply:
    parts = urlsplit(path)
    scope: Message = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": parts.path,
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 80),
    }
    waiting = [{"type": "http.request", "body": body, "more_body": False}]
    sent: list[Message] = []

    async def receive() -> Message:
        return dict(waiting.pop()) if waiting else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start = next(message for message in sent if message["type"] == "http.response.start")
    parts_of_body = [message.get("body", b"") for message in sent if message["type"] == "http.response.body"]
    return Reply(
        status=int(str(start["status"])),
        headers=_texts(start.get("headers", ())),
        body=b"".join(part for part in parts_of_body if isinstance(part, bytes)),
    )


def _texts(headers: object) -> tuple[tuple[str, str], ...]:
    pairs = list(headers) if isinstance(headers, (list, tuple)) else []
    return tuple((bytes(name).decode("latin-1"), bytes(value).decode("latin-1")) for name, value in pairs)


def _wsgi(app: Wsgi, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Reply:
    from wsgiref.util import setup_testing_defaults

    parts = urlsplit(path)
    environ: Message = {
        "REQUEST_METHOD": method,
        "PATH_INFO": parts.path,
        "QUERY_STRING": parts.query,
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": headers.get("content-type", ""),
        "wsgi.input": io.BytesIO(body),
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()},
    }
    setup_testing_defaults(environ)
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, fields: list[tuple[str, str]], _error: object = None) -> object:
        started.append((status, fields))
        return None

    chunks = app(environ, start_response)
    try:
        content = b"".join(chunks)
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()
    status, fields = started[-1]
    return Reply(status=int(status.split()[0]), headers=tuple(fields), body=content)
