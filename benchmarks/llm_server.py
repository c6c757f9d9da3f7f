"""The LLM server: what a call through it costs, how fast it starts, 200 streams at once."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import queue
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import httpx2
import openai

from benchmarks.pairs import spread
from benchmarks.peers import SERVERS, Rounds, aimock, mocked, process, server
from pytest_failhard.llm.handler import Arrival, Ending
from pytest_failhard.llm.operations import Fin, Operation, Script, Send, Sleep
from pytest_failhard.llm.server import Server
from pytest_failhard.llm.session import LlmSession

THREAD, PROVIDER, PROCESS = "thread, fixed bytes", "thread, as a provider", "process, as a provider"
PAIRS = (
    (PROVIDER, THREAD),
    *((mine, "pytest-httpx2") for mine in (THREAD, PROVIDER)),
    *((mine, theirs) for theirs in ("aimock", "uvicorn", "aiohttp") for mine in (THREAD, PROVIDER, PROCESS)),
)
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
SERVE = [sys.executable, "-m", "pytest_failhard", "llm-server"]
ANSWER = (Send(data=HEAD.encode() + b"\r\n\r\n" + BODY),)


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


def ours(line: str) -> int:
    """Return the port in our first line."""
    return int(json.loads(line)["port"])


def calling(each: openai.OpenAI) -> Rounds:
    """Return what makes calls with a client."""

    def run(calls: int) -> float:
        began = time.perf_counter()
        for _ in range(calls):
            each.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "hi"}])
        return (time.perf_counter() - began) * 1000 / calls

    return run


def per_call(targets: Mapping[str, Rounds], rounds: int, calls: int) -> dict[str, list[float]]:
    """Return the milliseconds of a call, round by round, all targets in turn within a round."""
    costs: dict[str, list[float]] = {name: [] for name in targets}
    for _ in range(rounds + 1):
        for name, run in targets.items():
            costs[name].append(run(calls))
    return {name: values[1:] for name, values in costs.items()}


def show_calls(costs: Mapping[str, list[float]]) -> None:
    """Print minima, what they add to the floor, and the ratio round by round; then ours against the peers."""
    least = min(costs["floor"])
    for name, values in costs.items():
        sys.stdout.write(
            f"{name:24} {min(values):.3f} ms a call, {min(values) - least:+.3f} ms, "
            f"x{min(values) / least:.2f}; by rounds {_ratio(values, costs['floor'])}\n"
        )
    for mine, theirs in PAIRS:
        if theirs in costs:
            minima = min(costs[mine]) / min(costs[theirs])
            rounds = _ratio(costs[mine], costs[theirs])
            sys.stdout.write(f"{mine} / {theirs}: x{minima:.2f}; by rounds {rounds}\n")


def _ratio(values: Sequence[float], base: Sequence[float]) -> str:
    return spread([value / least for value, least in zip(values, base, strict=True)])


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
        with process(SERVE, ours) as started:
            seconds.append(started.seconds)
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


def in_processes(asked: argparse.Namespace, folder: Path, stack: contextlib.ExitStack) -> dict[str, str]:
    """Start the servers that were given; return their URLs, and print how long each took."""
    starting = {
        name: server(name, getattr(asked, name), BODY.decode()) for name in SERVERS if getattr(asked, name)
    }
    if asked.aimock:
        starting["aimock"] = aimock(asked.aimock, folder)
    urls = {}
    for name, each in starting.items():
        started = stack.enter_context(each)
        sys.stdout.write(f"start of {name}: {started.seconds:.3f} s\n")
        urls[name] = started.url
    return urls


def options() -> argparse.Namespace:
    """Return what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=40)
    for name in (*SERVERS, "pytest-httpx2"):
        parser.add_argument(f"--{name}", metavar="PYTHON", help=f"an interpreter that has {name}")
    parser.add_argument("--aimock", metavar="PROGRAM", help="llmock of the npm package @copilotkit/aimock")
    return parser.parse_args()


def main() -> None:
    """Print calls, starts and streams; peers only where a program that is one is given."""
    asked = options()
    with contextlib.ExitStack() as stack:
        within = stack.enter_context(Server())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        session = stack.enter_context(LlmSession(folder=folder))
        clients = {
            "floor": floor(),
            "thread, unparsed": client(stack.enter_context(bare())),
            THREAD: client(within.open(Fixed(ANSWER)).url),
            PROVIDER: client(session.open("benchmark").listener.url),
            PROCESS: client(stack.enter_context(process(SERVE, ours)).url),
        }
        clients |= {name: client(url) for name, url in in_processes(asked, folder, stack).items()}
        for each in clients.values():
            stack.enter_context(contextlib.closing(each))
        targets = {name: calling(each) for name, each in clients.items()}
        if asked.pytest_httpx2:
            targets |= stack.enter_context(mocked(asked.pytest_httpx2, BODY.decode(), folder))
        show_calls(per_call(targets, asked.rounds, asked.calls))
    show_start(asked.rounds)
    show_streams(5)


if __name__ == "__main__":
    main()
