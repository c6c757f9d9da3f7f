"""Which request meets which fault: rules, and decisions by hash, so that order changes nothing."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from hashlib import blake2b, sha256

from pytest_failhard.llm.normalisation import normalise
from pytest_failhard.llm.request import Request, Route

__all__ = (
    "OK",
    "Count",
    "Fire",
    "Kind",
    "Match",
    "Question",
    "Rule",
    "Schedule",
    "ScheduleError",
    "When",
    "calls_for",
    "fires",
    "no_fire",
    "normalise",
)

OK = "ok"
HASH_BYTES = 8
CONFIDENCE = 0.999
"""How sure one can be of at least one fire after the number of calls that `no_fire` asks for."""


class ScheduleError(Exception):
    """Rules cannot be used. `mistakes` holds all of them, each with what to do."""

    def __init__(self, mistakes: tuple[str, ...]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


@dataclass(frozen=True, kw_only=True)
class Match:
    """Which requests a rule is for; None matches all.

    `provider` is a dialect and holds for those that are named after it (`openai` for `openai_responses`);
    `route` and `model` are globs.
    """

    provider: str | None = None
    route: str | None = None
    model: str | None = None
    stream: bool | None = None
    body_contains: str | None = None
    call: str | None = None


@dataclass(frozen=True, kw_only=True)
class When:
    """When a rule fires among the requests that it matches; at most one of the first four is set.

    `first`, `nth`, `every` count the matched requests from 1; `p` is a probability by hash; none of them
    means always. `after` and `lasting` are seconds since the first request of the case;
    `most` caps the fires.
    """

    first: int | None = None
    nth: int | None = None
    every: int | None = None
    p: float | None = None
    after: float | None = None
    lasting: float | None = None
    most: int | None = None


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A fault with its parameters; the id `ok` is a healthy answer."""

    fault: str
    params: Mapping[str, int | float | str | None] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Matching requests meet one of `kinds` when `when` says so.

    With `sequence` the kinds are met one after the other, and then a healthy answer; else, where there are
    several, the hash chooses.
    """

    id: str
    kinds: tuple[Kind, ...]
    match: Match = Match()
    when: When = When()
    sequence: bool = False


@dataclass(frozen=True, kw_only=True)
class Fire:
    """A decision: this rule fires with this fault."""

    rule: str
    kind: Kind


@dataclass(frozen=True, kw_only=True)
class Question:
    """A request about which is to be decided.

    `call` is the declared name of the call under test, `digest_body` the normalised body; `occurrence`
    counts from 1 how often this body was seen on this route and model in the case; `elapsed` are seconds
    since the first request of the case; `features` are what the request makes use of, in the words of a
    fault's `needs`.
    """

    route: Route
    request: Request
    call: str
    digest_body: bytes
    occurrence: int
    elapsed: float
    features: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Count:
    """How many requests a rule matched, and how many of them met a fault by it."""

    matched: int = 0
    fired: int = 0


def fires(seed: int, rule_id: str, body: bytes, occurrence: int, p: float) -> bool:
    """Return whether a rule of probability `p` fires: by hash alone, so neither order nor threads matter.

    `body` is the normalised body. Each occurrence of one body is decided by itself, and so is each retry.
    """
    digest = blake2b(_key(seed, rule_id, body, occurrence), digest_size=HASH_BYTES).digest()
    return int.from_bytes(digest, "big") / 2**64 < p


def calls_for(p: float) -> int:
    """Return how many calls a probability needs for at least one fire in 99.9 % of all runs."""
    return 1 if p >= 1 else math.ceil(math.log(1 - CONFIDENCE) / math.log1p(-p))


def no_fire(p: float, calls: int) -> str:
    """Return the message of a run whose probability never fired: it has shown nothing."""
    return f"p={p:g} fired 0 times in {calls} calls: make at least {calls_for(p)} calls or raise p"


class Schedule:
    """Decides for each request of a case whether it meets a fault, and which.

    The first rule that matches decides, whether it fires or not. A rule is passed over outside its time
    (`after`, `lasting`) and where none of its kinds is `usable` for the request: such a request is none of
    its own and is not counted. Safe to use from several threads. Raises ScheduleError for two rules of one
    id, whose decisions would be the same.
    """

    def __init__(
        self,
        rules: tuple[Rule, ...],
        seed: int,
        usable: Callable[[Kind, Question], bool] | None = None,
    ) -> None:
        self.rules: tuple[Rule, ...] = ()
        self.seed = seed
        self._usable = usable
        self._counts: dict[str, Count] = {}
        self._due: dict[str, int] = {}
        self._lock = threading.Lock()
        self.extend(rules)

    def extend(self, rules: Iterable[Rule]) -> None:
        """Add rules after those that are there, which keep their counts. Raises ScheduleError."""
        together = (*self.rules, *rules)
        ids = [rule.id for rule in together]
        twice = sorted({each for each in ids if ids.count(each) > 1})
        if twice:
            raise ScheduleError(
                tuple(f"rule {each}: the id stands twice; give each its own" for each in twice)
            )
        with self._lock:
            self._counts = {each: self._counts.get(each, Count()) for each in ids}
            self._due = {each: self._due.get(each, 0) for each in ids}
            self.rules = together

    def put(self, rule: Rule, ahead_of: int = 0) -> None:
        """Replace the rule of the same id, which then counts anew, or add it ahead of that many last ones."""
        with self._lock:
            known = any(each.id == rule.id for each in self.rules)
            others = tuple(rule if each.id == rule.id else each for each in self.rules)
            place = len(others) - ahead_of
            self.rules = others if known else (*others[:place], rule, *others[place:])
            self._counts[rule.id] = Count()
            self._due[rule.id] = 0

    @property
    def reproducible(self) -> bool:
        """Whether the same requests meet the same faults again: not where a rule looks at the clock."""
        return all(rule.when.after is None and rule.when.lasting is None for rule in self.rules)

    @property
    def counts(self) -> Mapping[str, Count]:
        """The counts of each rule, by id."""
        with self._lock:
            return dict(self._counts)

    def unfired(self) -> tuple[Rule, ...]:
        """Return the rules that never fired: what was to be shown by them was not."""
        counts = self.counts
        return tuple(rule for rule in self.rules if not counts[rule.id].fired)

    def decide(self, question: Question) -> Fire | None:
        """Return what the request meets; None is a healthy answer. Counts the request."""
        for rule in self.rules:
            kinds = self._kinds(rule, question)
            if kinds and _matches(rule.match, question) and _awake(rule.when, question.elapsed):
                with self._lock:
                    return self._decided(rule, kinds, question)
        return None

    def _kinds(self, rule: Rule, question: Question) -> tuple[Kind, ...]:
        usable = self._usable
        if usable is None or (rule.sequence and any(self._fits(kind, question) for kind in rule.kinds)):
            return rule.kinds
        return tuple(kind for kind in rule.kinds if self._fits(kind, question))

    def _fits(self, kind: Kind, question: Question) -> bool:
        return kind.fault == OK or self._usable is None or self._usable(kind, question)

    def _decided(self, rule: Rule, kinds: tuple[Kind, ...], question: Question) -> Fire | None:
        count = self._counts[rule.id]
        matched = count.matched + 1
        self._counts[rule.id] = Count(matched=matched, fired=count.fired)
        spent = rule.when.most is not None and count.fired >= rule.when.most
        if spent or not self._is_due(rule, matched, question):
            return None
        kind = self._chosen(rule, kinds, question)
        if not self._fits(kind, question):
            return None
        self._due[rule.id] += 1
        if kind.fault == OK:
            return None
        self._counts[rule.id] = Count(matched=matched, fired=count.fired + 1)
        return Fire(rule=rule.id, kind=kind)

    def _is_due(self, rule: Rule, matched: int, question: Question) -> bool:
        when = rule.when
        if when.p is not None:
            return fires(self.seed, rule.id, question.digest_body, question.occurrence, when.p)
        if when.first is not None:
            return matched <= when.first
        if when.nth is not None:
            return matched == when.nth
        return when.every is None or matched % when.every == 0

    def _chosen(self, rule: Rule, kinds: tuple[Kind, ...], question: Question) -> Kind:
        if rule.sequence:
            place = self._due[rule.id]
            return kinds[place] if place < len(kinds) else Kind(fault=OK)
        if len(kinds) == 1:
            return kinds[0]
        key = _key(self.seed, rule.id, question.digest_body, question.occurrence)
        digest = blake2b(key, digest_size=2 * HASH_BYTES).digest()
        return kinds[int.from_bytes(digest[HASH_BYTES:], "big") % len(kinds)]


def _key(seed: int, rule_id: str, body: bytes, occurrence: int) -> bytes:
    return f"{seed}|{rule_id}|{occurrence}|".encode() + sha256(body).digest()


def _awake(when: When, elapsed: float) -> bool:
    start = when.after or 0.0
    return elapsed >= start and (when.lasting is None or elapsed < start + when.lasting)


def _matches(match: Match, question: Question) -> bool:
    route = question.route
    # From a glob that matches all to what is asked for: an absent condition is one that always holds.
    return (
        (match.provider is None or f"{route.dialect}_".startswith(f"{match.provider}_"))
        and fnmatchcase(route.name, match.route or "*")
        and fnmatchcase(route.model, match.model or "*")
        and match.stream in {None, route.stream}
        and match.call in {None, question.call}
        and (match.body_contains or "").encode() in question.request.body
    )
