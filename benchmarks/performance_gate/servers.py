"""How often the gate is wrong about a server: identical code, and a request that costs 20 % more work.

Each decision is a whole one: fresh pairs of servers until the gate's rule has decided about processor time a
request. `python -m benchmarks.performance_gate.servers --decisions 40 --noise` prints the table for one
condition; without `--noise` nobody disturbs. Every decision is appended to `--out`, a JSON object a line.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.performance_gate.noise import neighbours
from pytest_failhard.gates.performance.routes import judging as route_judging
from pytest_failhard.gates.performance.routes import processors, sites
from pytest_failhard.gates.performance.routes.servers import RouteMeasured, observe_routes
from pytest_failhard.gates.performance.routes.sites import Sites
from pytest_failhard.gates.performance.routes.windows import Server, WindowProtocol, measure
from pytest_failhard.gates.performance.samples import SideName
from pytest_failhard.gates.performance.settings import PerformanceSettings
from pytest_failhard.gates.performance.sides import Side, Trees
from pytest_failhard.gates.performance.statistics import State
from pytest_failhard.model import Evidence
from pytest_failhard.run import GateRun
from pytest_failhard.system import declared
from pytest_failhard.system.declaration import Route
from pytest_failhard.system.load_client import Target

UNITS = 400
"""So many units of work have a request of about two milliseconds."""
SLOWDOWNS = (0, 20)
CALIBRATING = 3
"""So many pairs tell how much of a request its units of work are."""
CONFIDENCE = 0.95
HOUR = 3600.0
WORK = """
import json, pathlib
UNITS = json.loads(pathlib.Path("units.json").read_text())
TEXT = json.dumps({"users": [{"id": 1, "name": "n", "tags": ["a", "b"]}]})
def work():
    for _ in range(UNITS):
        json.loads(TEXT)
"""
THREADS = """
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from work import work
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    def do_GET(self):
        if self.path != "/health":
            work()
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_request(self, *_):
        pass
class Server(ThreadingHTTPServer):
    request_queue_size = 64
    daemon_threads = True
Server(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
WSGI = """
from work import work
def application(environ, start_response):
    if environ["PATH_INFO"] != "/health":
        work()
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""
GUNICORN = """
import os
bind = f"127.0.0.1:{os.environ['PORT']}"
workers, threads, worker_class, loglevel = 2, 4, "gthread", "error"
"""
STARTS = {
    "threads": [sys.executable, "server.py"],
    "gunicorn": [sys.executable, "-m", "gunicorn", "--config", "configuration.py", "wsgi:application"],
}
PYPROJECT = """
[tool.failhard.system]
kind = "http"
start = {start}
port_env = "PORT"
ready = "/health"
secrets = []
[[tool.failhard.system.routes]]
id = "work"
path = "/work"
"""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One decision: what was planted in percent, and what the gate said."""

    slowdown: int
    state: str
    ratio: float
    spread: float
    pairs: int
    seconds: float
    seconds_state: str
    seconds_spread: float


def _keep(name: str, data: bytes, *, volatile: bool = False, has_contacts: bool = False) -> Evidence:
    del data, has_contacts
    return Evidence(name=name, sha256="", media_type="", volatile=volatile)


def _side(name: SideName, tree: Path, kind: str, units: int) -> Side:
    tree.mkdir()
    start = json.dumps(STARTS[kind])
    files = {
        "work.py": WORK,
        "server.py": THREADS,
        "wsgi.py": WSGI,
        "configuration.py": GUNICORN,
        "units.json": str(units),
        "pyproject.toml": PYPROJECT.format(start=start),
    }
    for file, content in files.items():
        (tree / file).write_text(content, "utf-8")
    return Side(
        name=name,
        tree=tree,
        python=Path(sys.executable),
        config=tree,
        environment={},
        roots=(tree,),
        packages=(),
        files={},
        arguments=(),
    )


@contextmanager
def _given(kind: str, base: int, head: int, seed: int) -> Iterator[tuple[GateRun, Trees]]:
    """Give a run over two trees that do so many units of work a request."""
    settings = PerformanceSettings(enforce=("routes",), report=("routes/wall",))
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        trees = Trees(
            base=_side("base", top / "base", kind, base),
            head=_side("head", top / "head", kind, head),
            original=None,
            commit="",
            chosen="",
        )
        (top / "scratch").mkdir()
        run = GateRun(
            gate="performance",
            root=trees.head.tree,
            level=3,
            source=(),
            test_roots=(),
            interpreter=Path(sys.executable),
            settings=settings,
            options={},
            base=None,
            base_missing="",
            seed=seed,
            today=datetime.now(tz=UTC).date(),
            scratch=top / "scratch",
            keep=_keep,
            deadline=time.monotonic() + HOUR,
            test_run=None,
        )
        try:
            yield run, trees
        finally:
            run.close()


def calibrated(kind: str, percent: int) -> int:
    """Return the units of work with which a request costs so much more processor time than with UNITS."""
    if not percent:
        return UNITS
    with _given(kind, UNITS, 2 * UNITS, 0) as (run, trees):
        system = declared.read(run.root)
        if system is None or not system.routes:
            sys.exit("the benchmark's own declaration is not read")
        with sites.opened(run, system, trees) as both:
            shares = [_share(both, system.routes, number) for number in range(CALIBRATING)]
    return UNITS + round(UNITS * percent / 100 / statistics.median(shares))


def _share(both: Sites, routes: Sequence[Route], number: int) -> float:
    """Return the share of a request that its units of work are, from one that does twice as many."""
    place = processors.placement(number, processors.allowed())
    with both.pair(number, place, "base") as instances, processors.loading(place):
        servers = {
            side: Server(target=Target.of(each), family=each.process.family)
            for side, each in instances.items()
        }
        loaded = measure(servers, routes, first="base", paced=False, protocol=WindowProtocol())
    ratio = route_judging.judged(loaded, "work").logs[route_judging.CPU_PER_REQUEST]
    if not ratio:
        sys.exit("the clock of the servers did not move")
    return math.expm1(ratio)


def decided(kind: str, percent: int, units: int, seed: int, protocol: WindowProtocol) -> Outcome:
    """Make one decision."""
    began = time.monotonic()
    with _given(kind, UNITS, units, seed) as (run, trees):
        settings = run.settings
        if not isinstance(settings, PerformanceSettings):
            sys.exit("the run has other settings")
        found = observe_routes(run, settings, trees, protocol=protocol).routes[0]
    return _outcome(percent, found, time.monotonic() - began)


def _outcome(percent: int, found: RouteMeasured, seconds: float) -> Outcome:
    work, wall = found.estimates["cpu_per_request"], found.estimates.get("seconds_per_request")
    return Outcome(
        slowdown=percent,
        state=found.work.state.value if found.work else found.problem or found.state.value,
        ratio=work.ratio,
        spread=work.spread,
        pairs=found.pairs,
        seconds=seconds,
        seconds_state=found.time.state.value if found.time else found.time_problem or "open",
        seconds_spread=wall.spread if wall else math.nan,
    )


def report(outcomes: Sequence[Outcome], condition: str) -> None:
    """Print the table."""
    print(f"\n{condition}: server CPU a request, limit 1.15, n = 1")
    print("planted  decisions  slower  not slower  undecided  ratio  SD of a pair  pairs  seconds")
    for percent in sorted({each.slowdown for each in outcomes}):
        own = [each for each in outcomes if each.slowdown == percent]
        slower = sum(each.state == State.SLOWER.value for each in own)
        passed = sum(each.state == State.NOT_SLOWER.value for each in own)
        print(
            f"{percent:>6} %  {len(own):>9}  {slower:>6}  {passed:>10}  {len(own) - slower - passed:>9}  "
            f"{_middle(own, lambda each: each.ratio):5.3f}  "
            f"{100 * _middle(own, lambda each: each.spread):10.1f} %  "
            f"{statistics.fmean(each.pairs for each in own):5.1f}  "
            f"{_middle(own, lambda each: each.seconds):7.1f}"
        )
        if not percent and not slower:
            bound = 1 - (1 - CONFIDENCE) ** (1 / len(own))
            print(f"          one-sided 95 % bound of false failures: {bound:.1%}")


def _middle(outcomes: Sequence[Outcome], value: Callable[[Outcome], float]) -> float:
    return statistics.median(value(each) for each in outcomes)


def main() -> None:
    """Make the decisions and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decisions", type=int, default=40, help="of each slowdown")
    parser.add_argument("--noise", action="store_true", help="with two neighbours that want the processors")
    parser.add_argument("--server", choices=sorted(STARTS), default="threads")
    parser.add_argument("--slowdowns", type=int, nargs="+", default=SLOWDOWNS, help="in percent")
    parser.add_argument("--seconds", type=float, default=WindowProtocol().seconds, help="of a window")
    parser.add_argument("--rounds", type=int, default=WindowProtocol().rounds)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    protocol = WindowProtocol(seconds=asked.seconds, rounds=asked.rounds)
    units = {percent: calibrated(asked.server, percent) for percent in asked.slowdowns}
    outcomes = []
    for number in range(asked.decisions):
        for percent in asked.slowdowns:
            with neighbours(asked.noise, seed=number):
                outcomes.append(decided(asked.server, percent, units[percent], number, protocol))
            line = json.dumps({**vars(outcomes[-1]), "noise": asked.noise, "server": asked.server})
            print(line, flush=True)
            if asked.out:
                with asked.out.open("a", encoding="utf-8") as stream:
                    stream.write(line + "\n")
    report(outcomes, f"{asked.server}, {'noisy' if asked.noise else 'quiet'}")


if __name__ == "__main__":
    main()
