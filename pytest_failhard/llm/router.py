"""Decides what every request of a case is answered, and keeps the record of it."""

from __future__ import annotations

import functools
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import blake2b, sha256
from typing import TYPE_CHECKING

from pytest_failhard.llm import answers as content
from pytest_failhard.llm import catalogue as faults
from pytest_failhard.llm import wire
from pytest_failhard.llm.canaries import Canaries
from pytest_failhard.llm.handler import Ending
from pytest_failhard.llm.labels import Labels
from pytest_failhard.llm.ledger import OPEN, Attempt, Ledger, Times, Usage
from pytest_failhard.llm.normalisation import normalised, without_model
from pytest_failhard.llm.operations import Script, Send, Sleep
from pytest_failhard.llm.routing import CALL, route
from pytest_failhard.llm.schedule import OK, Fire, Kind, Question, Rule, Schedule, ScheduleError
from pytest_failhard.llm.sent import sender

if TYPE_CHECKING:
    from pytest_failhard.llm.answers import Answers
    from pytest_failhard.llm.catalogue import Catalogue, Form
    from pytest_failhard.llm.handler import Arrival, Exchange
    from pytest_failhard.llm.request import Request, Route
    from pytest_failhard.llm.wire import Compiled

REDIRECT = "redirect"
"""The kind of a request that followed a redirect of ours: recorded, but no attempt."""
REDIRECT_RECIPE = "redirect_loop"
FAILED = "answer"
"""The refusal that says that no answer could be made for a request: there is no verdict on such a case."""
RECENT_CASES = 8

Normaliser = Callable[[bytes, Sequence[Canaries]], bytes]


@dataclass(frozen=True, kw_only=True)
class _Arrived:
    """A request and what was found out about it."""

    arrival: Arrival
    route: Route
    kind: str
    number: int
    normal: bytes
    occurrence: int = 1
    fire: Fire | None = None
    form: Form | None = None

    @property
    def request(self) -> Request:
        return self.arrival.request


@dataclass(kw_only=True)
class _Case:
    """The state of one case; a request that is still answered when the next begins belongs to it."""

    name: str
    canaries: Canaries
    known: tuple[Canaries, ...]
    words: tuple[Canaries, ...]
    """Those whose words a request can hold: a conversation begins a few cases ago at most."""
    schedule: Schedule
    ledger: Ledger
    labels: Labels
    started: float | None = None
    number: int = 0
    features: frozenset[str] = frozenset()
    seen: Counter[tuple[str, str, bytes]] = field(default_factory=Counter)
    redirected: dict[str, tuple[Fire, Form]] = field(default_factory=dict)


class Router:
    """The provider of a case, as `handler.Handler`: healthy but where a rule has it fail.

    `call` is the declared name of the call under test, `delay` the seconds before each answer to a call,
    `usage` the tokens that each healthy answer reports instead of its own; these and `answers`, what the
    project wants to be said, may be changed at any time. With `by_body` the ids that an answer carries
    follow from the request's body, and not from how many came before. `known` are the
    canaries of other cases: their keys and words are told apart from foreign ones. `normalise` replaces
    the function of that name, also between cases. Raises CatalogueError for a rule with an unknown fault
    and ScheduleError for one whose fault is not part of an answer.
    """

    def __init__(
        self,
        case: str,
        *,
        seed: int,
        rules: tuple[Rule, ...],
        canaries: Canaries,
        known: Sequence[Canaries] = (),
        answers: Answers | None = None,
        call: str = "",
        delay: float = 0.0,
        catalogue: Catalogue | None = None,
        normalise: Normaliser | None = None,
        by_body: bool = False,
    ) -> None:
        self.seed = seed
        self._by_body = by_body
        self.answers = answers
        self.call = call
        self.delay = delay
        self.usage: Usage | None = None
        self._given = catalogue
        self.normalise = normalise
        self._lock = threading.Lock()
        self._case = self._begun(case, rules, canaries, known)

    @property
    def ledger(self) -> Ledger:
        """The record of the case."""
        return self._case.ledger

    @property
    def schedule(self) -> Schedule:
        """The rules of the case, and how often each fired."""
        return self._case.schedule

    @property
    def canaries(self) -> Canaries:
        """The canaries of the case."""
        return self._case.canaries

    @property
    def features(self) -> frozenset[str]:
        """What the requests of the case made use of, in the words of a fault's `needs`."""
        return self._case.features

    def reset(self, case: str, rules: tuple[Rule, ...], canaries: Canaries) -> None:
        """Begin another case: new record, rules and canaries; the old ones become known."""
        before = self._case
        known = tuple(each for each in (before.canaries, *before.known) if each is not canaries)
        begun = self._begun(case, rules, canaries, known)
        with self._lock:
            self._case = begun

    def extend(self, rules: tuple[Rule, ...]) -> None:
        """Add rules to the case, after those that it has; they raise as for a new router."""
        self._check(rules)
        self.schedule.extend(rules)

    def put(self, rule: Rule, ahead_of: int = 0) -> None:
        """Replace the rule of the same id, or add it ahead of that many last ones; raises as a new router."""
        self._check((rule,))
        self.schedule.put(rule, ahead_of)

    def refuse(self, what: str, detail: str) -> None:
        """Record what is no request, as `handler.Handler` says."""
        self.ledger.refuse(what, detail)

    def answer(self, arrival: Arrival) -> Exchange:
        """Return what to do with a request, and record it when it has ended."""
        with self._lock:
            case = self._case
            arrived = self._arrived(case, arrival)
        request_id = trace_id(self.seed, case.name, self._numbered(arrived))
        try:
            compiled = self._compiled(case, arrived, request_id)
        except (content.AnswersError, wire.WireError) as error:
            case.ledger.refuse(FAILED, f"{arrived.request.method} {arrived.request.path}: {error}")
            compiled = _unanswerable()
        if self.delay and arrived.kind == CALL:
            compiled = replace(compiled, script=_delayed(compiled.script, self.delay))
        exchange = _Exchange(case=case, arrived=arrived, compiled=compiled, request_id=request_id)
        case.ledger.begin(arrived.number, exchange.so_far)
        return exchange

    def _begun(
        self, name: str, rules: tuple[Rule, ...], canaries: Canaries, known: Sequence[Canaries]
    ) -> _Case:
        self._check(rules)
        words = (canaries, *known[:RECENT_CASES])
        return _Case(
            name=name,
            canaries=canaries,
            known=tuple(known),
            words=words,
            labels=Labels(words),
            schedule=Schedule(rules, self.seed, self._usable),
            ledger=Ledger(name, words),
        )

    @functools.cached_property
    def _catalogue(self) -> Catalogue:
        # Read with the first rule: a provider that is healthy should not wait for it.
        return faults.load() if self._given is None else self._given

    def _check(self, rules: Sequence[Rule]) -> None:
        found = {
            (rule.id, kind.fault): self._catalogue.find(kind.fault)
            for rule in rules
            for kind in rule.kinds
            if kind.fault != OK
        }
        early = tuple(
            f"rule {rule}: {fault.id} acts on the {fault.stage}, not on an answer: open a trap for it"
            for (rule, _), fault in found.items()
            if fault.stage != "answer"
        )
        if early:
            raise ScheduleError(early)

    def _usable(self, kind: Kind, question: Question) -> bool:
        needs = self._catalogue.find(kind.fault).needs
        return self._form(kind, question.route) is not None and question.features.issuperset(needs)

    def _arrived(self, case: _Case, arrival: Arrival) -> _Arrived:
        request = arrival.request
        found = route(request)
        # What follows a redirect has become a GET; whoever repeats the call sends a POST again.
        hop = case.redirected.get(request.target) if request.method != "POST" else None
        case.number += 1
        arrived = _Arrived(
            arrival=arrival,
            route=found,
            kind=found.kind if hop is None else REDIRECT,
            number=case.number,
            normal=self._normal(case, request.body),
            fire=hop and hop[0],
            form=hop and hop[1],
        )
        return self._decided(case, arrived) if arrived.kind == CALL else arrived

    def _normal(self, case: _Case, body: bytes) -> bytes:
        if self.normalise is None:
            return normalised(body, case.labels)
        return self.normalise(body, case.words)

    def _decided(self, case: _Case, arrived: _Arrived) -> _Arrived:
        request, found = arrived.request, arrived.route
        if case.started is None:
            case.started = arrived.arrival.headers_complete
        features = content.features(request, found)
        case.features |= features
        place = (found.name, found.model, arrived.normal)
        case.seen[place] += 1
        question = Question(
            route=found,
            request=request,
            call=self.call,
            digest_body=arrived.normal,
            occurrence=case.seen[place],
            elapsed=arrived.arrival.headers_complete - case.started,
            features=features,
        )
        fire = case.schedule.decide(question)
        form = self._form(fire.kind, found) if fire is not None else None
        if fire is not None and form is not None and form.recipe == REDIRECT_RECIPE:
            case.redirected[request.target] = (fire, form)
        return replace(arrived, occurrence=question.occurrence, fire=fire, form=form)

    def _form(self, kind: Kind, found: Route) -> Form | None:
        return self._catalogue.form(self._catalogue.find(kind.fault), found.dialect)

    def _numbered(self, arrived: _Arrived) -> int:
        """Return what tells an answer apart from the others."""
        if not self._by_body:
            return arrived.number
        return int.from_bytes(sha256(arrived.request.body).digest()[:8])

    def _compiled(self, case: _Case, arrived: _Arrived, request_id: str) -> Compiled:
        said = content.Content()
        if arrived.kind == CALL:
            said = content.healthy(arrived.request, arrived.route, case.canaries, self.answers)
        context = wire.Context(
            request=arrived.request,
            route=arrived.route,
            canaries=case.canaries,
            content=said,
            request_id=request_id,
            case_number=self._numbered(arrived),
            now=datetime.now(UTC),
        )
        if arrived.fire is None or arrived.form is None:
            return wire.healthy(replace(context, reported=self.usage))
        kind = arrived.fire.kind
        return wire.failing(context, self._catalogue.find(kind.fault), arrived.form, kind.params)


def trace_id(seed: int, case: str, number: int) -> str:
    """Return the id that an answer carries: the same for the same seed, case and attempt."""
    return f"req_{blake2b(f'{seed}|{case}|{number}'.encode(), digest_size=16).hexdigest()}"


@dataclass(frozen=True, kw_only=True)
class _Exchange:
    """One answer that is under way."""

    case: _Case
    arrived: _Arrived
    compiled: Compiled
    request_id: str

    @property
    def script(self) -> Script:
        """What to do."""
        return self.compiled.script

    def so_far(self) -> Attempt:
        """Return the attempt as it is while nothing is known of its end."""
        body = self.arrived.arrival.body_complete
        unknown = Ending(bytes_sent=0, close=OPEN, first_byte=None, ended=body, peer_closed=None)
        return _attempt(self, unknown)

    def end(self, ending: Ending) -> None:
        """Record how it went."""
        self.case.ledger.add(_attempt(self, ending))


def _attempt(exchange: _Exchange, ending: Ending) -> Attempt:
    case, arrived, compiled = exchange.case, exchange.arrived, exchange.compiled
    arrival, request, fire = arrived.arrival, arrived.request, arrived.fire
    who = sender(request, case.canaries, case.known)
    return Attempt(
        case=case.name,
        number=arrived.number,
        layer=arrival.layer,
        dialect=arrived.route.dialect,
        route=arrived.route.name,
        kind=arrived.kind,
        method=request.method,
        origin=request.origin,
        model=arrived.route.model,
        stream=arrived.route.stream,
        body_sha256=sha256(arrived.normal).hexdigest(),
        body_without_model_sha256=sha256(without_model(arrived.normal)).hexdigest(),
        occurrence=arrived.occurrence,
        key=who.key,
        foreign_key_sha256=who.foreign_key_sha256,
        user_agent=who.user_agent,
        retry_count=who.retry_count,
        read_timeout=who.read_timeout,
        sdk_attempt=who.sdk_attempt,
        invocation=who.invocation,
        rule=fire.rule if fire else "",
        fault=fire.kind.fault if fire else "",
        status=compiled.status,
        hint_seconds=compiled.hint_seconds,
        request_id=exchange.request_id,
        bytes_sent=ending.bytes_sent,
        close=ending.close,
        usage=compiled.usage,
        connection=arrival.connection,
        times=Times(
            accepted=arrival.accepted,
            headers=arrival.headers_complete,
            body=arrival.body_complete,
            first_byte=ending.first_byte,
            ended=ending.ended,
            peer_closed=ending.peer_closed,
        ),
    )


def _delayed(script: Script, seconds: float) -> Script:
    return Script(operations=(Sleep(seconds=seconds), *script.operations))


def _unanswerable() -> Compiled:
    # A status that no SDK takes for success, and no invitation to try again: the case is an error already.
    head = "HTTP/1.1 501 Not Implemented\r\ncontent-length: 0\r\nx-should-retry: false\r\n\r\n"
    return wire.Compiled(
        script=Script(operations=(Send(data=head.encode()),)),
        status=501,
        usage=Usage(),
        hint_seconds=None,
        keeps_open=True,
    )
