"""R4: the ready path says whether requests can be served, the liveness path whether the process lives."""

from __future__ import annotations

import functools
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from pytest_failhard.gates.system import broken
from pytest_failhard.gates.system.broken import Broken, Limits, polled, until
from pytest_failhard.gates.system.seen import Seen, finding, joined
from pytest_failhard.gates.system.stage import Stage
from pytest_failhard.model import Finding, Severity
from pytest_failhard.system.ask import Answer
from pytest_failhard.system.declaration import Dependency
from pytest_failhard.system.launch import OK, Instance

PART, DEPENDENCIES, LIVENESS = "R4", "R4/dependencies", "R4/liveness"
POLLS = 50
PERCENTILE = Fraction(95, 100)
SAYS_NOTHING = re.compile(r"no health ?check|not implemented|todo|placeholder", re.IGNORECASE)
_PRODUCTS = (
    "amqp|cassandra|django|elasticsearch|fastapi|flask|gunicorn|kafka|kernel|linux|mariadb|memcached|mongo(?:db)?"
    "|mysql|nginx|openssl|postgres(?:ql)?|python|rabbitmq|redis|sqlite|starlette|uvicorn|werkzeug"
)
VERSION = re.compile(rf"(?<![A-Za-z])(?:{_PRODUCTS})\b[^\n{{}},;]{{0,40}}?\d+\.\d+", re.IGNORECASE)
"""What a system is built on, and beside it a version: whoever reads it knows which holes to try."""
SHORTEST_SECRET = 4


@dataclass(kw_only=True)
class _Polls:
    """The answers of the ready path while nothing is wrong."""

    answers: list[Answer] = field(default_factory=list)

    @property
    def is_steady(self) -> bool:
        """Whether each was a 200."""
        return all(answer.ended and answer.status == OK for answer in self.answers)

    @property
    def p95_ms(self) -> Fraction:
        """The 95th percentile by nearest rank, in milliseconds."""
        ordered = sorted(answer.seconds for answer in self.answers)
        return Fraction(round(ordered[math.ceil(PERCENTILE * len(ordered)) - 1] * 1_000_000), 1000)


def check(stage: Stage, limits: Limits | None = None) -> Seen:
    """Poll the ready path of a system, of one whose dependencies break, and of one that is told to end."""
    within = limits or Limits()
    if stage.system.ready is None or stage.system.kind != "http":
        return Seen()
    parts = [_steady(stage, within)]
    if stage.runs(DEPENDENCIES):
        parts.append(_following(stage, within))
    seen = joined(parts)
    # What is disclosed while one dependency is broken may be so while another is, and at other times.
    return replace(seen, findings=tuple({each.fingerprint: each for each in seen.findings}.values()))


def _steady(stage: Stage, limits: Limits) -> Seen:
    polls = _Polls()
    live: Answer | None = None
    findings: list[Finding] = []
    with stage.instance("health") as instance:
        path = stage.system.ready or "/"
        for _ in range(POLLS):
            polls.answers.append(polled(instance, path))
        if stage.system.live is not None:
            live = polled(instance, stage.system.live)
        _remember(stage, [*(("ready", each) for each in polls.answers), *([("live", live)] if live else [])])
        if stage.runs(LIVENESS):
            said = [*polls.answers, *([live] if live is not None else [])]
            findings += _disclosed(instance.secrets, said)
            findings += _ready_at_the_end(instance, limits)
    if not polls.is_steady:
        findings.append(
            finding(
                "R4-not-ready",
                f"GET {path} is not answered with {OK} each time, while nothing is wrong",
                "answer the ready path fast and alike as long as requests can be served",
                basis="steady",
            )
        )
    findings += _says_nothing(polls.answers)
    proved = {"H1": polls.is_steady}
    if not stage.system.dependencies:
        proved["H3"] = live is not None and live.status == OK
    return Seen(
        findings=tuple(findings),
        measures={"health_polls": len(polls.answers), "health_p95_ms": polls.p95_ms},
        volatile=frozenset({"health_p95_ms"}),
        examined=len(polls.answers),
        proved=proved,
    )


def _says_nothing(answers: Sequence[Answer]) -> Iterator[Finding]:
    for answer in answers[:1]:
        if match := SAYS_NOTHING.search(answer.body.decode("utf-8", "replace")):
            found = finding(
                "R4-health-text",
                f"the ready path answers {OK} and says {match[0]!r}",
                "look at what requests need before answering",
                basis=match[0].lower(),
            )
            # Words prove nothing: what it does is tried.
            yield replace(found, severity=Severity.LOW)


def _ready_at_the_end(instance: Instance, limits: Limits) -> Iterator[Finding]:
    """Tell the system to end: it may serve for a while, and no longer say that it is ready."""
    instance.process.stop()
    path = instance.system.ready or "/"
    within = replace(limits, react=max(limits.react, float(instance.system.grace_s)))
    if not until(lambda: polled(instance, path).status != OK, within):
        yield finding(
            "R4-ready-after-term",
            "told to end, the system goes on to say that it is ready",
            "answer the ready path with 503 after SIGTERM, or close the port and end",
            basis="term",
        )


def _following(stage: Stage, limits: Limits) -> Seen:
    dependencies = stage.system.dependencies or ()
    seen = [broken.take(stage, dependency, limits) for dependency in dependencies]
    for each in seen:
        _remember(stage, each.answers)
    described = [_described(each, dependency) for each, dependency in zip(seen, dependencies, strict=True)]
    stage.run.keep("health.json", json.dumps(described, indent=1, sort_keys=True).encode() + b"\n")
    findings = [found for each in seen for found in _judged(each)]
    if stage.runs(LIVENESS):
        findings += [found for each in seen for found in _liveness(each)]
        answers = [answer for each in seen for _, answer in each.answers]
        findings += _disclosed({each.name: each.value for each in stage.canaries}, answers)
    proved = {}
    if dependencies:
        proved["H2"] = all(_follows(each) for each in seen)
        proved["H3"] = all(each.lived is True for each in seen)
    return Seen(
        findings=tuple(findings),
        measures={
            "dependencies_broken": sum(each.used for each in seen),
            "dependencies_unbroken": sum(not each.used for each in seen),
        },
        examined=len(seen),
        proved=proved,
    )


def _follows(seen: Broken) -> bool:
    return seen.used and seen.followed and not seen.succeeded and seen.recovered


def _described(seen: Broken, dependency: Dependency) -> Mapping[str, object]:
    return {
        "dependency": seen.name,
        "broken_by": dependency.broken_by,
        "used": seen.used,
        "ready_followed": seen.followed,
        "routes_with_success": sorted(seen.succeeded),
        "ready_after_repair": seen.recovered,
        "live_meanwhile": seen.lived,
    }


def _judged(seen: Broken) -> Iterator[Finding]:
    found = functools.partial(finding, basis=seen.name)
    if not seen.used:
        yield found(
            "R4-dependency-unused",
            f"the system runs without ever using {seen.name}: nothing could be broken",
            "declare what the system uses, under the variable from which it takes it, and the routes that do",
        )
        return
    if not seen.followed:
        yield found(
            "R4-health-blind",
            f"while {seen.name} is broken, the system says that it is ready",
            "answer the ready path with 503 while what requests need cannot be used",
        )
    for route in seen.succeeded:
        yield finding(
            "R4-success-without-dependency",
            f"while {seen.name} is broken, the route {route}, which needs it, answers with success",
            "answer with an error what could not be done, or correct what the route needs",
            basis=f"{seen.name}\0{route}",
        )
    if not seen.recovered:
        yield found(
            "R4-no-recovery",
            f"after {seen.name} works again, the system does not become ready",
            "connect again by itself: who operates it cannot restart it each time",
        )


def _liveness(seen: Broken) -> Iterator[Finding]:
    if seen.used and seen.lived is False:
        yield finding(
            "R4-liveness-follows-dependency",
            f"while {seen.name} is broken, the liveness path is not answered with {OK}",
            "let the liveness path ask nobody: a restart mends no dependency",
            basis=seen.name,
        )


def _disclosed(secrets: Mapping[str, str], answers: Sequence[Answer]) -> Iterator[Finding]:
    texts = {answer.body.decode("utf-8", "replace") for answer in answers if answer.status is not None}
    for name, value in sorted(secrets.items()):
        if len(value) >= SHORTEST_SECRET and any(value in text for text in texts):
            yield finding(
                "R4-discloses-secret",
                f"the health paths answer with the value of {name}",
                "answer with the state alone",
                basis=name,
                high=True,
            )
    if any(VERSION.search(text) for text in texts):
        yield finding(
            "R4-discloses-version",
            "the health paths answer with the version of what the system is built on",
            "answer with the state alone",
            basis="version",
        )


def _remember(stage: Stage, answers: Sequence[tuple[str, Answer]]) -> None:
    for asked, answer in answers:
        stage.record.answer(asked, answer)
