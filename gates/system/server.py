"""R5: the server is one for production, serves requests side by side, and is configured for it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise

import psutil

from pytest_failhard.gates.system import holding
from pytest_failhard.gates.system.holding import Delay, Way
from pytest_failhard.gates.system.seen import Seen, finding
from pytest_failhard.gates.system.stage import Stage, arguments
from pytest_failhard.model import Finding
from pytest_failhard.system import ask
from pytest_failhard.system.ask import Answer
from pytest_failhard.system.declaration import COUNTER, SUBSTITUTION, Route
from pytest_failhard.system.launch import Instance
from pytest_failhard.system.servers import Server

PART, CONFIGURATION = "R5", "R5/configuration"
DEV_HEADERS = ("Werkzeug", "WSGIServer", "BaseHTTP")
DEV_LINE = re.compile(r"development server", re.IGNORECASE)
DEV_WORDS = frozenset({"--reload", "runserver"})
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
RELOADED = frozenset({"WERKZEUG_RUN_MAIN", "RUN_MAIN"})
"""The variables by which the reloaders of Werkzeug and Django know their child."""
DEBUGGER = (b"__debugger__", b"EVALEX")
NO_SUCH_PAGE = "/failhard-no-such-page"
BAD_PARAMETERS = ("abc", "-1", "0", "%27")
BAD_BODIES = ("{bad", "[1]", "{}")
WITHIN_SECONDS = 10.0
OVERLAP_SECONDS = 1.0
DELAYED_SECONDS = 1.0
SIDE_BY_SIDE = 1.5
"""Two requests that wait for the same thing take as long as one, or twice as long: this is between."""
TRIES = 3
RACERS = 50


@dataclass(frozen=True, kw_only=True)
class Waits:
    """In seconds: how long the answer beside a held request may take, how late what routes wait for comes."""

    overlap: float = OVERLAP_SECONDS
    delayed: float = DELAYED_SECONDS


WAITS = Waits()


def check(stage: Stage, waits: Waits = WAITS) -> Seen:
    """Ask a system of its own, and its server what it is configured to do."""
    if not (stage.runs(PART) or stage.runs(CONFIGURATION)):
        return Seen()
    server = holding.configured(stage)
    parts = [_served(stage, server, waits)] if stage.runs(PART) else []
    if stage.runs(CONFIGURATION):
        found = tuple(stage.weighed(CONFIGURATION, configuration(stage, server)))
        proved = {} if server is None else {"V4": not found}
        parts.append(Seen(findings=found, examined=1, proved=proved))
    return Seen(
        findings=tuple(each for part in parts for each in part.findings),
        examined=sum(part.examined for part in parts),
        proved={name: value for part in parts for name, value in part.proved.items()},
    )


def _served(stage: Stage, server: Server | None, waits: Waits) -> Seen:
    with stage.instance("server") as instance:
        answers = list(_answers(stage, instance))
        development = [*_development(instance, answers)]
        debugger = [*_debugger(answers)]
        concurrent = [*_one_at_a_time(server), *_overlap(instance, waits.overlap)]
        concurrent += _delayed(stage, instance, waits.delayed)
        concurrent += _race(stage, instance)
    return Seen(
        findings=(*development, *debugger, *concurrent),
        examined=len(answers),
        proved={"V1": not development, "V2": not debugger, "V3": not concurrent},
    )


def _answers(stage: Stage, instance: Instance) -> Iterator[Answer]:
    """Ask each route as it is declared, and then in ways that make a careless one raise."""
    for route in (*(stage.system.routes or ()), Route(id="no such page", path=NO_SUCH_PAGE)):
        for asked in (route, *_bad(route)):
            if holding.can_ask(instance, asked):
                answer = instance.send(asked, within=WITHIN_SECONDS)
                stage.record.answer(asked.id, answer)
                yield answer


def _bad(route: Route) -> Iterator[Route]:
    plain = replace(route, id=f"{route.id}, a bad parameter", capture={})
    if SUBSTITUTION.search(route.path):
        yield from (replace(plain, path=SUBSTITUTION.sub(bad, route.path)) for bad in BAD_PARAMETERS)
    if route.body is not None:
        headers = {"Content-Type": "application/json", **route.headers}
        yield from (replace(plain, body=bad, headers=headers) for bad in BAD_BODIES)


def _development(instance: Instance, answers: list[Answer]) -> Iterator[Finding]:
    fix = "start it with a server for production, such as gunicorn or uvicorn with workers"
    headers = {value for answer in answers for name, value in answer.headers if name.lower() == "server"}
    named = sorted({dev for dev in DEV_HEADERS for header in headers if header.startswith(dev)})
    if named:
        yield finding(
            "R5-dev-server", f"answers come from {named[0]}, a development server", fix, basis="header"
        )
    if DEV_LINE.search(ANSI.sub("", instance.process.stdout + instance.process.stderr)):
        yield finding("R5-dev-server", "its output speaks of a development server", fix, basis="log")
    for words in arguments(instance.process.family()):
        if DEV_WORDS & {*words} or _runs_flask(words):
            yield finding("R5-dev-server", "a process runs a development command", fix, basis="arguments")
            break
    if _reloads(instance.process.family()):
        yield finding(
            "R5-reloader", "it runs under a reloader of its code", "switch debug off", basis="reloader"
        )


def _runs_flask(words: tuple[str, ...]) -> bool:
    names = [word.rpartition("/")[2] for word in words]
    return any(pair == ("flask", "run") for pair in pairwise(names))


def _reloads(pids: Iterable[int]) -> bool:
    for pid in pids:
        # One that has ended, or hides its environment, is known by its arguments and its output.
        with contextlib.suppress(psutil.Error):
            if RELOADED & psutil.Process(pid).environ().keys():
                return True
    return False


def _debugger(answers: list[Answer]) -> Iterator[Finding]:
    if any(mark in answer.body for answer in answers for mark in DEBUGGER):
        yield finding(
            "R5-debugger",
            "an answer holds the page of an interactive debugger: whoever sees it runs code on the machine",
            "switch debug off where it is deployed",
            basis="debugger",
            high=True,
        )


def _one_at_a_time(server: Server | None) -> Iterator[Finding]:
    if server is not None and server.slots is not None and server.slots < 2:
        yield finding(
            "R5-one-at-a-time",
            f"{server.kind} has one worker with one thread: a slow request blocks all others",
            "configure workers or threads",
            basis="slots",
        )


def _overlap(instance: Instance, within: float) -> Iterator[Finding]:
    """Hold a request, and ask another."""
    ready = Route(id="ready", path=instance.system.ready or "/")
    how = holding.halved(instance.system.routes or ()) or Way(route=ready, part="head")
    with holding.held(instance, how, 1):
        # Who serves one at a time answers at none of them; a busy machine is slow at one.
        answered = any(_is_answered(instance, ready, within) for _ in range(TRIES))
    if not answered:
        yield finding(
            "R5-serial",
            "while one request is still being sent, no other is answered: one slow client stops the system",
            "use a server with several workers or threads, or one that does not block",
            basis="overlap",
        )


def _is_answered(instance: Instance, route: Route, within: float) -> bool:
    answer = instance.send(route, within=within)
    return answer.ended and answer.status is not None


def _delayed(stage: Stage, instance: Instance, late: float) -> Iterator[Finding]:
    """Let two requests wait for the same thing: what blocks an event loop lets the second wait twice."""
    delays = holding.delays(stage)
    for route in stage.system.routes or ():
        for name in route.needs:
            if name in delays and not serves_side_by_side(instance, route, delays[name], late):
                yield finding(
                    "R5-serial",
                    f"two requests of route {route.id} that wait for {name} are answered one after the other",
                    "do not block the event loop: await, or hand the call to a thread",
                    basis=f"{route.id}/{name}",
                )


def serves_side_by_side(instance: Instance, route: Route, delay: Delay, late: float) -> bool:
    """Tell whether two requests that wait for something take less than one and a half times one.

    Who serves them one after the other needs twice as long each time, so that one try that is faster decides.
    """
    holding.prepare(instance, route)
    if not holding.can_ask(instance, route):
        return True
    delay(late)
    try:
        # What a busy machine adds is no waiting: only whole delays count.
        waits = int(_seconds(instance, route) / late)
        limit = SIDE_BY_SIDE * waits * late
        return waits == 0 or any(_two_at_once(instance, route) < limit for _ in range(TRIES))
    finally:
        delay(0.0)


def _two_at_once(instance: Instance, route: Route) -> float:
    with ThreadPoolExecutor(2) as pool:
        return max(pool.map(lambda _: _seconds(instance, route), range(2)))


def _seconds(instance: Instance, route: Route) -> float:
    return instance.send(route, within=WITHIN_SECONDS).seconds


def _race(stage: Stage, instance: Instance) -> Iterator[Finding]:
    """Let many create something at once: each has a name of its own, unless a counter is shared unguarded."""
    for route in stage.system.routes or ():
        if route.method != "POST" or not route.capture or COUNTER not in ask.wanted(route):
            # Only a request that differs each time demands an answer that does.
            continue
        holding.prepare(instance, route)
        if not holding.can_ask(instance, route):
            continue
        with ThreadPoolExecutor(RACERS) as pool:
            answers = list(
                pool.map(
                    lambda _, asked=route: instance.send(asked, within=WITHIN_SECONDS),
                    range(stage.settings.race_requests),
                )
            )
        given = [
            tuple(sorted(ask.captured(route, each).items()))
            for each in answers
            if each.status in route.expect
        ]
        if len({*given}) < len(given):
            yield finding(
                "R5-duplicate-ids",
                f"route {route.id}: of many requests at once, two got the same {' and '.join(route.capture)}",
                "draw it where all workers and threads share it: a database's sequence, or a random id",
                basis=route.id,
            )


def configuration(stage: Stage, server: Server | None) -> Iterator[Finding]:
    """Yield what is wrong with how the server is configured."""
    if server is None:
        yield finding(
            "R5-configuration-unread",
            "the start command names no server whose configuration can be read (gunicorn, uvicorn)",
            "start it with one of them, or accept that nobody has looked at its time-outs",
            basis="server",
        )
        return
    for basis, wrong, message, fix in _mistakes(stage, server):
        if wrong:
            yield finding("R5-configuration", f"{server.kind}: {message}", fix, basis=basis)


def _mistakes(stage: Stage, server: Server) -> Iterator[tuple[str, bool, str, str]]:
    grace, allowed = server.graceful_timeout, stage.system.grace_s
    slowest = max((route.slow_s or 0 for route in stage.system.routes or ()), default=0)
    yield (
        "timeout",
        server.kind == "gunicorn" and server.timeout == 0,
        "timeout is 0: a worker that hangs, hangs for good",
        "set a timeout above the slowest request",
    )
    yield (
        "graceful_timeout of the slowest",
        grace is not None and grace < slowest,
        f"cuts requests off after {grace} s on the way down; a declared route needs {slowest:g} s",
        "set graceful_timeout above the slowest route",
    )
    yield (
        "graceful_timeout within grace_s",
        grace is not None and grace > allowed,
        f"waits {grace} s for requests to end, and is killed after {allowed} s (grace_s)",
        "set graceful_timeout below grace_s",
    )
    yield (
        "jitter",
        server.max_requests > 0 and not server.max_requests_jitter,
        "max_requests without jitter: all workers restart at the same time",
        "set max_requests_jitter",
    )
    yield "reload", server.reload, "reloads its code", "switch reload off"
