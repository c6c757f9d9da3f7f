"""Calls a system as a service: sends the declared route's request to an instance of its own."""

from __future__ import annotations

import json
import statistics
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

from pytest_failhard.gates.llm.drivers import LOOK_SECONDS, Enough, never, results
from pytest_failhard.gates.llm.drivers.workplace import Place
from pytest_failhard.llm.calls import Call
from pytest_failhard.llm.verdicts.outcome import Outcome
from pytest_failhard.model import GateError, Run
from pytest_failhard.system import ask
from pytest_failhard.system.ask import Answer
from pytest_failhard.system.declaration import COUNTER, LLM, SECRET, Route, System
from pytest_failhard.system.launch import Instance, launch

READY_SECONDS = 60.0
PRELUDE_SECONDS = 10.0
QUIET_SECONDS = 0.02
SETTLING_TURNS = 10
"""How often a log that still grows is waited for: what a request logs may come after its answer."""
ERROR_STATUS = 400
IDLE_TIMES = 5


class ServiceDriver:
    """Holds one instance of the system and asks it."""

    def __init__(
        self, run: Run, system: System, call: Call, where: Place, environment: Mapping[str, str]
    ) -> None:
        route = system.route(call.route or "")
        if route is None:
            raise GateError(f"{call.id}: there is no route {call.route}")
        self._run = run
        self._system = system
        self._call = call
        self._route: Route = route
        self._where = where
        self._environment = environment
        self._watch = where.watch()
        self._instance: Instance | None = None

    def call(self, within: float) -> Outcome:
        """Send the request; an instance that has not answered after `within` seconds is ended."""
        instance = self._running()
        self._watch.written()
        before = (len(instance.process.stdout), len(instance.process.stderr))
        answer = instance.send(self._route, within=within)
        _settle(instance)
        if not answer.ended or instance.process.poll() is not None:
            self.close()
        files = self._watch.written()
        stdout, stderr = instance.process.stdout[before[0] :], instance.process.stderr[before[1] :]
        streams = {
            "stdout": stdout,
            "stderr": stderr,
            "log": instance.log(stdout, stderr),
            "headers": "".join(f"{name}: {value}\n" for name, value in answer.headers),
            "body": answer.body.decode("utf-8", "replace") if answer.status is not None else "",
            "argv": json.dumps(self._system.start),
        }
        return Outcome(
            form="route",
            ended=answer.ended,
            produced=_produced(answer),
            code=answer.status if answer.ended else None,
            result=results.text(self._call.where, streams, files) if _produced(answer) else "",
            streams=streams,
            files=files,
            seconds=answer.seconds,
        )

    def crowd(self, count: int, within: float, enough: Enough = never) -> int:
        """Send the request from as many threads; a connection that fails is made again until the end."""
        instance = self._running()
        deadline = time.monotonic() + within
        over = threading.Event()

        def offer() -> bool:
            answered = False
            while not answered and not over.is_set() and time.monotonic() < deadline:
                left = max(0.0, deadline - time.monotonic())
                answered = instance.send(self._route, within=left).status is not None
                if not answered:
                    over.wait(LOOK_SECONDS)
            return answered

        with ThreadPoolExecutor(max_workers=count, thread_name_prefix="failhard-llm-crowd") as pool:
            offers = [pool.submit(offer) for _ in range(count)]
            try:
                _watch(offers, instance, deadline, enough)
            finally:
                over.set()
                lives = instance.process.poll() is None
                if not lives or any(not each.done() for each in offers):
                    self.close()
        _settle(instance)
        # Who waits is in the system or in the queue before it; of one that has died, nobody is.
        return count if lives else sum(each.result() for each in offers)

    def idle_seconds(self) -> float:
        """Return the median of a declared route that needs no model, else of the ready route."""
        instance = self._running()
        route = next(filter(_is_idle, self._system.routes or ()), None)
        asked = route or Route(id="ready", path=self._system.ready or "/")
        times = (instance.send(asked, within=PRELUDE_SECONDS).seconds for _ in range(IDLE_TIMES))
        return statistics.median(times)

    def restart(self, environment: Mapping[str, str]) -> None:
        """End the instance; the next one has this environment."""
        self.close()
        self._environment = environment

    def close(self) -> None:
        """End the instance."""
        if self._instance is not None:
            self._instance.process.kill()
        self._instance = None

    def _running(self) -> Instance:
        if self._instance is not None and self._instance.process.poll() is not None:
            self.close()
        if self._instance is None:
            self._instance = launch(
                self._run,
                self._system,
                cwd=self._where.tree,
                environment=self._environment,
                secrets=self._where.prepared.secrets,
                within=READY_SECONDS,
            )
            self._prepare(self._instance)
        return self._instance

    def _prepare(self, instance: Instance) -> None:
        """Send the requests whose answers the route's own request needs."""
        needed = ask.wanted(self._route)
        for route in self._system.routes or ():
            if needed & set(route.capture) and route.id != self._route.id:
                instance.send(route, within=PRELUDE_SECONDS)


def _watch(offers: Sequence[Future[bool]], instance: Instance, deadline: float, enough: Enough) -> None:
    """Return when all have ended, no more is to be learned, the time is over, or the system has died."""
    waiting = set(offers)
    while waiting and time.monotonic() < deadline and not enough():
        waiting = wait(waiting, LOOK_SECONDS).not_done
        if instance.process.poll() is not None:
            return


def _is_idle(route: Route) -> bool:
    """Tell whether a route needs no model, changes nothing, and no answer of another route."""
    given = all(name == COUNTER or name.startswith(SECRET) for name in ask.wanted(route))
    return given and LLM not in route.needs and route.method == "GET"


def _produced(answer: Answer) -> bool:
    return answer.ended and answer.status is not None and answer.status < ERROR_STATUS


def _settle(instance: Instance) -> None:
    size = -1
    for _ in range(SETTLING_TURNS):
        before, size = size, len(instance.process.stdout) + len(instance.process.stderr)
        if size == before or instance.process.wait(QUIET_SECONDS) is not None:
            return
