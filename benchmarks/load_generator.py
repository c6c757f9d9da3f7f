"""The load generator: its counts and percentiles beside another one's, and what it costs itself."""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from pytest_failhard.system import load
from pytest_failhard.system.declaration import Route
from pytest_failhard.system.launch import free_port
from pytest_failhard.system.load import Protocol
from pytest_failhard.system.load_client import Target

CLIENTS = 16
"""As many as each worker of the server below takes: whichever they come to, none waits for another.

With fewer threads the generators differ, and rightly: kept connections may all be one worker's, and then its
queue is what is measured. Half of our clients change theirs.
"""
RANKS = (50, 90, 95, 99)
RATE_BOUND = Fraction(5, 1000)
"""So far apart the shares of successful requests may lie: the peer's last requests are cut off."""
RATIO_BOUNDS = (0.8, 1.25)
"""Between these the ratios of the percentiles must lie, median over the pairs, where the server waits.

Where it does not, generator and server compete for the same cores: then the ratios tell of that.
"""
JUDGED = frozenset({50, 90, 95})
"""The 99th is printed: of some hundred requests it is one, and that one is the machine's."""
WAITING, FAILING, QUICK = "/waiting", "/failing", "/quick"
APPLICATION = """
import itertools, time
NUMBERS = itertools.count(1)
def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path != "/quick":
        time.sleep(0.02)
    wrong = path == "/failing" and next(NUMBERS) % 10 == 0
    start_response("500 NO" if wrong else "200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""
LUA = """
done = function(summary, latency, requests)
  io.write(string.format("\\n{\\"requests\\": %d, \\"failed\\": %d", summary.requests,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write
    + summary.errors.timeout))
  for _, rank in ipairs({50, 90, 95, 99}) do
    io.write(string.format(", \\"%d\\": %f", rank, latency:percentile(rank) / 1000))
  end
  io.write("}\\n")
end
"""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What a generator says: share of success, milliseconds by rank, and its own processor seconds."""

    requests: int
    rate: Fraction
    milliseconds: Mapping[int, float]
    wall: float
    cpu: float

    @property
    def cost(self) -> float:
        """Its own processor milliseconds for each request."""
        return 1000 * self.cpu / self.requests

    @property
    def share(self) -> float:
        """The share of a core that it used."""
        return self.cpu / self.wall


Generator = Callable[[int, str, float], Figures]


def ours(port: int, path: str, seconds: float) -> Figures:
    """Load with the generator of this project; its CPU is that of this whole process."""
    route = Route(id="measured", path=path)
    protocol = Protocol(concurrency=CLIENTS, warm_up=0)
    found = load.timed(Target(port=port), [route], seconds, protocol)
    milliseconds = {rank: 1000 * (found.percentile(rank) or 0) for rank in RANKS}
    return Figures(
        requests=found.requests,
        rate=found.success_rate,
        milliseconds=milliseconds,
        wall=found.wall_seconds,
        cpu=found.generator_share * found.wall_seconds,
    )


def wrk(port: int, path: str, seconds: float) -> Figures:
    """Load with wrk; its own script prints the percentiles that it does not print by itself."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(LUA)
        script.flush()
        argv = ["wrk", "-t1", f"-c{CLIENTS}", f"-d{round(seconds)}s", "-s", script.name]
        said, wall, cpu = _measured([*argv, f"http://127.0.0.1:{port}{path}"])
    found = json.loads(said.strip().rpartition("\n")[2])
    return Figures(
        requests=found["requests"],
        rate=1 - Fraction(found["failed"], found["requests"]),
        milliseconds={rank: found[str(rank)] for rank in RANKS},
        wall=wall,
        cpu=cpu,
    )


def autocannon(port: int, path: str, seconds: float) -> Figures:
    """Load with autocannon; it knows no 95th percentile, and whole milliseconds alone."""
    argv = ["autocannon", "--json", "-c", str(CLIENTS), "-d", str(round(seconds))]
    said, wall, cpu = _measured([*argv, f"http://127.0.0.1:{port}{path}"])
    found = json.loads(said)
    requests = found["requests"]["total"]
    failed = found["non2xx"] + found["errors"]
    return Figures(
        requests=requests,
        rate=1 - Fraction(failed, requests),
        milliseconds={rank: found["latency"][f"p{rank}"] for rank in (50, 90, 99)},
        wall=wall,
        cpu=cpu,
    )


PEERS: Mapping[str, Generator] = {"wrk": wrk, "autocannon": autocannon}


def _measured(argv: Sequence[str]) -> tuple[str, float, float]:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{argv[0]}: exit code {done.returncode}: {done.stderr[-500:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done.stdout, wall, cpu


@contextmanager
def served() -> Iterator[int]:
    """Give the port of a server for production with two workers, each with a thread for every client."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "measured.py").write_text(APPLICATION, "utf-8")
        argv = [
            sys.executable,
            "-m",
            "gunicorn",
            "--workers",
            "2",
            "--threads",
            str(CLIENTS),
            "--log-level",
            "error",
        ]
        server = subprocess.Popen(
            [*argv, "--bind", f"127.0.0.1:{port}", "measured:application"], cwd=folder, env=dict(os.environ)
        )
        try:
            while not _is_ready(port):
                if server.poll() is not None:
                    sys.exit(f"the server ended with {server.returncode}")
                time.sleep(0.05)
            yield port
        finally:
            server.terminate()
            server.wait()


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{QUICK}", timeout=1) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def compared(port: int, path: str, name: str, pairs: int, seconds: float) -> bool:
    """Run both in turn and print their ratios; tell whether they agree within the bounds."""
    peer = PEERS[name]
    runs = [(ours(port, path, seconds), peer(port, path, seconds)) for _ in range(pairs)]
    apart = max(abs(mine.rate - theirs.rate) for mine, theirs in runs)
    print(f"{path}: {pairs} pairs of {seconds:g} s, {CLIENTS} clients, against {name}")
    first, other = runs[-1]
    print(f"  success: ours {_percent(first.rate)}, {name} {_percent(other.rate)}, {_percent(apart)} apart")
    agree = apart <= RATE_BOUND
    for rank in sorted(other.milliseconds):
        ratios = [mine.milliseconds[rank] / theirs.milliseconds[rank] for mine, theirs in runs]
        middle = statistics.median(ratios)
        print(
            f"  p{rank}: ratio {middle:.3f} ({min(ratios):.3f} to {max(ratios):.3f}); "
            f"last: {first.milliseconds[rank]:.1f} and {other.milliseconds[rank]:.1f} ms"
        )
        is_judged = path != QUICK and rank in JUDGED
        agree = agree and (not is_judged or RATIO_BOUNDS[0] <= middle <= RATIO_BOUNDS[1])
    rates = [(mine.requests / mine.wall) / (theirs.requests / theirs.wall) for mine, theirs in runs]
    print(f"  requests a second: ratio {statistics.median(rates):.3f} ({min(rates):.3f} to {max(rates):.3f})")
    shares, costs = [mine.share for mine, _ in runs], [mine.cost for mine, _ in runs]
    print(
        f"  our generator: {statistics.median(shares):.2f} of a core ({max(shares):.2f} at most), "
        f"{statistics.median(costs):.3f} ms of CPU a request; "
        f"{name}: {statistics.median(theirs.share for _, theirs in runs):.2f}, "
        f"{statistics.median(theirs.cost for _, theirs in runs):.3f} ms"
    )
    return agree


def _percent(share: Fraction) -> str:
    return f"{float(100 * share):.3f} %"


def main() -> None:
    """Compare with every other generator that this machine has."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4)
    options = parser.parse_args()
    names = [name for name in PEERS if shutil.which(name)]
    with served() as port:
        if not names:
            alone = ours(port, WAITING, options.seconds)
            print(f"no other generator is on PATH ({', '.join(PEERS)}): ours alone, nothing is compared")
            print(f"  {alone.share:.2f} of a core, {alone.cost:.3f} ms of CPU a request")
        agree = [
            compared(port, path, name, options.pairs, options.seconds)
            for name in names
            for path in (WAITING, FAILING, QUICK)
        ]
    if not all(agree):
        sys.exit(f"out of bounds: rates {float(RATE_BOUND)}, ratios {RATIO_BOUNDS}")


if __name__ == "__main__":
    main()
