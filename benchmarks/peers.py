"""Other ways to answer an SDK: servers as processes, and a mock inside an interpreter of its own."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

Rounds = Callable[[int], float]
"""Makes so many calls and returns the milliseconds of one."""

SERVERS: Mapping[str, str] = {
    "uvicorn": """
import socket, sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
body = sys.argv[1].encode()
async def answer(request):
    await request.body()
    return Response(body, headers={"content-type": "application/json", "x-request-id": "req_1"})
# With its protocol named, or asyncio leaves Nagle's algorithm on.
listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
listening.bind(("127.0.0.1", 0))
listening.listen(100)
print(listening.getsockname()[1], flush=True)
app = Starlette(routes=[Route("/{path:path}", answer, methods=["POST"])])
uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listening])
""",
    "aiohttp": """
import asyncio, socket, sys
from aiohttp import web
body = sys.argv[1].encode()
async def answer(request):
    await request.read()
    return web.Response(body=body, headers={"content-type": "application/json", "x-request-id": "req_1"})
app = web.Application()
app.router.add_post("/{path:.*}", answer)
# With its protocol named, or asyncio leaves Nagle's algorithm on.
listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
listening.bind(("127.0.0.1", 0))
listening.listen(100)
print(listening.getsockname()[1], flush=True)
web.run_app(app, sock=listening, print=None)
""",
}
"""Programs that print their port and answer with a body, by the name of the library."""

MOCKED = """
import json, os, sys, time
import httpx2, openai

BODY = os.environ["BODY"].encode()
HEADERS = {"content-type": "application/json", "x-request-id": "req_1"}


def test_rounds(httpx2_mock):
    httpx2_mock.post("http://x/v1/chat/completions").respond(200, headers=HEADERS, content=BODY)
    inside = httpx2.MockTransport(lambda request: httpx2.Response(200, headers=HEADERS, content=BODY))
    clients = {
        "floor": openai.OpenAI(
            api_key="none", base_url="http://x/v1", http_client=httpx2.Client(transport=inside)
        ),
        "mocked": openai.OpenAI(api_key="none", base_url="http://x/v1"),
    }
    print(json.dumps({"openai": openai.__version__}), flush=True)
    for line in sys.stdin:
        name, calls = json.loads(line)
        began = time.perf_counter()
        for _ in range(calls):
            clients[name].chat.completions.create(
                model="gpt-4o-mini", messages=[{"role": "user", "content": "hi"}]
            )
        print(json.dumps((time.perf_counter() - began) * 1000 / calls), flush=True)
"""
FIXTURE = {"fixtures": [{"match": {"userMessage": "hi"}, "response": {"content": "hello"}}]}
_LISTENING = re.compile(r"listening on http://127\.0\.0\.1:(\d+)")


@dataclass(frozen=True, kw_only=True)
class Started:
    """A server as a process: where it is, and the seconds until it said so."""

    url: str
    seconds: float


def environment() -> dict[str, str]:
    """Return ours; a machine that forbids compiled files would pay for them on every start."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@contextlib.contextmanager
def process(argv: list[str], port: Callable[[str], int | None]) -> Iterator[Started]:
    """Start a server that prints its port in a line from which `port` reads it."""
    began = time.perf_counter()
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=environment()) as child:
        found = next((number for line in _lines(child.stdout, argv[0]) if (number := port(line))), None)
        seconds = time.perf_counter() - began
        try:
            if found is None:
                sys.exit(f"{argv[0]}: said no port")
            yield Started(url=f"http://127.0.0.1:{found}", seconds=seconds)
        finally:
            child.terminate()


def _lines(output: IO[str] | None, name: str) -> IO[str]:
    if output is None:
        sys.exit(f"{name}: no output")
    return output


def server(name: str, python: str, body: str) -> contextlib.AbstractContextManager[Started]:
    """Start the server of a library with an interpreter that has it."""
    return process([python, "-c", SERVERS[name], body], int)


def aimock(program: str, folder: Path) -> contextlib.AbstractContextManager[Started]:
    """Start aimock on a fixture file."""
    fixture = folder / "fixture.json"
    fixture.write_text(json.dumps(FIXTURE))
    return process([program, "--port", "0", "--fixtures", str(fixture)], _listening)


def _listening(line: str) -> int | None:
    match = _LISTENING.search(line)
    return int(match[1]) if match else None


@contextlib.contextmanager
def mocked(python: str, body: str, folder: Path) -> Iterator[dict[str, Rounds]]:
    """Run pytest-httpx2 in an interpreter that has it; yield its calls, and those of its floor."""
    test = folder / "test_rounds.py"
    test.write_text(MOCKED)
    options = ("-q", "-s", "-p", "no:cacheprovider", "-p", "pytest_httpx2._plugin")
    given = {**environment(), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "BODY": body}
    argv = [python, "-m", "pytest", *options, "--rootdir", str(folder), str(test)]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, stdin=pipe, stdout=pipe, text=True, env=given, cwd=folder) as child:
        output = _lines(child.stdout, "pytest-httpx2")
        ready = next((line for line in output if "openai" in line), "")
        if not ready:
            sys.exit(f"pytest-httpx2: {python} does not run it")
        sys.stdout.write(f"pytest-httpx2 runs with {ready[ready.find('{') :]}")

        def rounds(name: str) -> Rounds:
            def run(calls: int) -> float:
                _lines(child.stdin, "pytest-httpx2").write(json.dumps([name, calls]) + "\n")
                _lines(child.stdin, "pytest-httpx2").flush()
                return float(output.readline())

            return run

        yield {"its own floor": rounds("floor"), "pytest-httpx2": rounds("mocked")}
        _lines(child.stdin, "pytest-httpx2").close()
