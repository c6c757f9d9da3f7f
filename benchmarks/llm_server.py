"""The LLM server: what a call through it costs, how fast it starts, 200 streams at once."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import httpx2
import openai

from benchmarks.pairs import spread
from pytest_failhard.llm.handler import Arrival, Ending
from pytest_failhard.llm.operations import Fin, Operation, Script, Send, Sleep
from pytest_failhard.llm.server import Server
from pytest_failhard.llm.session import LlmSession

STREAMS = 200
EVENTS = 50
MODEL = "gpt-4o-mini"
BODY = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": MODEL,
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hello"}}
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }
).encode()
HEADERS = {"content-type": "application/json", "x-request-id": "req_1"}
HEAD = (
    f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: req_1\r\ncontent-length: {len(BODY)}"
)
ANSWER = (Send(data=HEAD.encode() + b"\r\n\r\n" + BODY),)

PEERS: Mapping[str, str] = {
    "uvicorn": """
import socket, sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
body = sys.argv[1].encode()
async def answer(request):
    await request.body()
    return Response(body, headers={"content-type": "application/json", "x-request-id": "req_1"})
listening = socket.create_server(("127.0.0.1", 0))
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
listening = socket.create_server(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
web.run_app(app, sock=listening, print=None)
""",
}


class Bare(asyncio.Protocol):
    """The least that a server can do: the answer, to whatever arrives."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer, without a look."""
        del data
        self._transport.write(HEAD.encode() + b"\r\n\r\n" + BODY)


@contextlib.contextmanager
def bare() -> Iterator[str]:
    """Run such a server on a thread; yield its URL: what it costs is the price of a socket."""
    started: queue.SimpleQueue[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = queue.SimpleQueue()

    async def serve() -> None:
        loop, stopping = asyncio.get_running_loop(), asyncio.Event()
        server = await loop.create_server(Bare, "127.0.0.1", 0)
        started.put((server.sockets[0].getsockname()[1], loop, stopping))
        await stopping.wait()
        server.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    port, loop, stopping = started.get()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join()


@dataclass(frozen=True)
class Fixed:
    """A handler that always answers alike."""

    operations: tuple[Operation, ...]

    @property
    def script(self) -> Script:
        """The answer."""
        return Script(operations=self.operations)

    def answer(self, arrival: Arrival) -> Fixed:
        """Answer."""
        del arrival
        return self

    def end(self, ending: Ending) -> None:
        """Keep nothing."""

    def refuse(self, what: str, detail: str) -> None:
        """Nothing may be refused here."""
        sys.exit(f"refused: {what} {detail}")


def client(url: str) -> openai.OpenAI:
    """Return a client of a server."""
    return openai.OpenAI(api_key="none", base_url=f"{url}/v1")


def floor() -> openai.OpenAI:
    """Return a client that never leaves the process."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        del request
        return httpx2.Response(200, headers=HEADERS, content=BODY)

    transport = httpx2.MockTransport(answer)
    return openai.OpenAI(
        api_key="none", base_url="http://x/v1", http_client=httpx2.Client(transport=transport)
    )


@contextlib.contextmanager
def process(argv: list[str], port: Callable[[str], int]) -> Iterator[tuple[str, float]]:
    """Start a server that prints its port; yield its URL and the seconds until it did."""
    began = time.perf_counter()
    # A machine that forbids compiled files pays for them on every start.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=environment) as child:
        if child.stdout is None:
            sys.exit(f"{argv[0]}: no output")
        line = child.stdout.readline()
        seconds = time.perf_counter() - began
        try:
            yield f"http://127.0.0.1:{port(line)}", seconds
        finally:
            child.terminate()


def ours(line: str) -> int:
    """Return the port in our first line."""
    return int(json.loads(line)["port"])


def per_call(clients: Mapping[str, openai.OpenAI], rounds: int, calls: int) -> dict[str, list[float]]:
    """Return the milliseconds of a call, round by round, all clients in turn within a round."""
    costs: dict[str, list[float]] = {name: [] for name in clients}
    for _ in range(rounds + 1):
        for name, each in clients.items():
            began = time.perf_counter()
            for _ in range(calls):
                each.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "hi"}])
            costs[name].append((time.perf_counter() - began) * 1000 / calls)
    return {name: values[1:] for name, values in costs.items()}


def show_calls(costs: Mapping[str, list[float]]) -> None:
    """Print minima, what they add to the floor, and the ratio round by round."""
    least = min(costs["floor"])
    for name, values in costs.items():
        ratios = [value / base for value, base in zip(values, costs["floor"], strict=True)]
        sys.stdout.write(
            f"{name:24} {min(values):.3f} ms a call, {min(values) - least:+.3f} ms, "
            f"x{min(values) / least:.2f}; by rounds {spread(ratios)}\n"
        )


def show_start(runs: int) -> None:
    """Print how long it takes until a port answers."""
    threads: list[float] = []
    for _ in range(runs):
        began = time.perf_counter()
        server = Server()
        server.open(Fixed(ANSWER))
        threads.append((time.perf_counter() - began) * 1000)
        server.stop()
    sys.stdout.write(f"start of the thread: {spread(threads)} ms\n")
    seconds: list[float] = []
    for _ in range(max(2, runs // 4)):
        with process([sys.executable, "-m", "pytest_failhard", "llm-server"], ours) as (_, took):
            seconds.append(took)
    sys.stdout.write(f"start of the process: {spread(seconds)} s\n")


def show_streams(runs: int) -> None:
    """Print how long 200 streams at once take, and how many bytes of them are lost."""
    events = [b"data: %d\n\n" % number for number in range(EVENTS)]
    operations: list[Operation] = []
    for event in events:
        operations += (Send(data=event), Sleep(seconds=0.002))
    whole = len(b"".join(events)) * STREAMS

    async def stream(port: int) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /v1/models HTTP/1.1\r\nhost: h\r\n\r\n")
        data = await reader.read()
        writer.close()
        await writer.wait_closed()
        return len(data)

    async def all_streams(port: int) -> int:
        return sum(await asyncio.gather(*(stream(port) for _ in range(STREAMS))))

    with Server() as server:
        port = server.open(Fixed((*operations, Fin()))).port
        seconds: list[float] = []
        lost = 0
        for _ in range(runs):
            began = time.perf_counter()
            lost += whole - asyncio.run(all_streams(port))
            seconds.append(time.perf_counter() - began)
    sys.stdout.write(
        f"{STREAMS} streams of {EVENTS} events, 2 ms apart: {spread(seconds)} s, {lost} bytes lost\n"
    )


def main() -> None:
    """Print calls, starts and streams; peers only where an interpreter that has them is given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=40)
    for name in PEERS:
        parser.add_argument(f"--{name}", metavar="PYTHON", help=f"an interpreter that has {name}")
    asked = vars(parser.parse_args())
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(Server())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        session = stack.enter_context(LlmSession(folder=folder))
        here, _ = stack.enter_context(process([sys.executable, "-m", "pytest_failhard", "llm-server"], ours))
        clients = {
            "floor": floor(),
            "thread, unparsed": client(stack.enter_context(bare())),
            "thread, fixed bytes": client(server.open(Fixed(ANSWER)).url),
            "thread, as a provider": client(session.open("benchmark").listener.url),
            "process, as a provider": client(here),
        }
        for name, source in PEERS.items():
            if asked[name] is not None:
                argv = [str(asked[name]), "-c", source, BODY.decode()]
                url, _ = stack.enter_context(process(argv, int))
                clients[f"{name}, process"] = client(url)
        for each in clients.values():
            stack.enter_context(contextlib.closing(each))
        show_calls(per_call(clients, asked["rounds"], asked["calls"]))
    show_start(asked["rounds"])
    show_streams(5)


if __name__ == "__main__":
    main()
