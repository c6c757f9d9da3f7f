"""Calls a system as a service: sends the declared route's request to an instance of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping

from pytest_failhard.gates.llm.declaration import Call
from pytest_failhard.gates.llm.drivers import results
from pytest_failhard.gates.llm.drivers.workplace import Place
from pytest_failhard.llm.verdicts.outcome import Outcome
from pytest_failhard.model import GateError, Run
from pytest_failhard.system import ask
from pytest_failhard.system.ask import Answer
from pytest_failhard.system.declaration import Route, System
from pytest_failhard.system.launch import Instance, launch

READY_SECONDS = 60.0
PRELUDE_SECONDS = 10.0
QUIET_SECONDS = 0.02
SETTLING_TURNS = 10
"""How often a log that still grows is waited for: what a request logs may come after its answer."""
ERROR_STATUS = 400


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


def _produced(answer: Answer) -> bool:
    return answer.ended and answer.status is not None and answer.status < ERROR_STATUS


def _settle(instance: Instance) -> None:
    size = -1
    for _ in range(SETTLING_TURNS):
        before, size = size, len(instance.process.stdout) + len(instance.process.stderr)
        if size == before or instance.process.wait(QUIET_SECONDS) is not None:
            return
