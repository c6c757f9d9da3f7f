"""What a test tells the provider to do, and what it demands of the system: the object `llm_faults`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, replace
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from pytest_failhard.llm import options
from pytest_failhard.llm.ledger import calls
from pytest_failhard.llm.observing import Seen, Watch
from pytest_failhard.llm.schedule import OK, Match, Rule, When
from pytest_failhard.llm.scripted import Answers
from pytest_failhard.llm.scripted import Call as Function
from pytest_failhard.llm.scripted import Rule as Answer
from pytest_failhard.llm.scripted import When as Asked
from pytest_failhard.llm.verdicts import case as verdict
from pytest_failhard.llm.verdicts import circuit, hard, leaks, limits, recovery, retries, timeouts
from pytest_failhard.llm.verdicts.cause import shows_fault
from pytest_failhard.llm.verdicts.expectation import Expectation, Trial
from pytest_failhard.llm.verdicts.outcome import Outcome
from pytest_failhard.llm.verdicts.search import Presence, presence
from pytest_failhard.model import Finding, Severity

if TYPE_CHECKING:
    from pytest_failhard.llm.attempt import Attempt
    from pytest_failhard.llm.canaries import Canaries
    from pytest_failhard.llm.catalogue import Catalogue, Fault, Json
    from pytest_failhard.llm.ledger import Call, Ledger

FAILS_WITHIN_SECONDS = 10.0
MAX_ATTEMPTS = 3
NO_OUTCOME = Outcome(form="callable", ended=True, produced=True)
"""For what is read off the record alone."""


class Provider(Protocol):
    """The provider of one test, as this object drives it."""

    @property
    def ledger(self) -> Ledger:
        """What was sent so far."""

    @property
    def canaries(self) -> Canaries:
        """The words of this test."""

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules in force."""

    def put(self, rule: Rule) -> None:
        """Add a rule, or replace the one of the same id."""

    def tell(self, answers: Answers) -> None:
        """Give healthy answers their content."""

    def confirm(self) -> None:
        """Take note that a failure showed the fault that lets no request through."""


class Timing:
    """A rule just made: says when it fires. Without any of these it always does."""

    def __init__(self, provider: Provider, rule: Rule) -> None:
        self._provider = provider
        self._rule = rule
        provider.put(rule)

    def always(self) -> Timing:
        """Fire on every request that matches."""
        return self._when(options.counted(self._rule.when, "first", None))

    def first(self, count: int) -> Timing:
        """Fire on the first `count` requests that match."""
        return self._when(options.counted(self._rule.when, "first", count))

    def nth(self, number: int) -> Timing:
        """Fire on the one request of this number, counted from 1."""
        return self._when(options.counted(self._rule.when, "nth", number))

    def every(self, step: int) -> Timing:
        """Fire on every `step`-th request."""
        return self._when(options.counted(self._rule.when, "every", step))

    def p(self, probability: float) -> Timing:
        """Fire with this probability, decided by the seed and the request, whatever the order."""
        return self._when(options.counted(self._rule.when, "p", probability))

    def _when(self, when: When) -> Timing:
        rule = replace(self._rule, when=when)
        self._provider.put(rule)
        self._rule = rule
        return self


class Choice:
    """Requests that match: says what becomes of them."""

    def __init__(self, faults: Faults, match: Match) -> None:
        self._faults = faults
        self._match = match

    def fail(self, fault: str, **params: object) -> Timing:
        """Let them meet a fault of the catalogue; raises OptionsError for one that is not known."""
        return self._faults.add([fault], {**_given(self._match), **params}, sequence=False)

    def sequence(self, *faults: str) -> Timing:
        """Let them meet these faults one after the other (`ok` is a healthy answer), then none."""
        return self._faults.add(faults, _given(self._match), sequence=True)

    def answer(
        self, *, text: str | None = None, json: Json = None, tool_calls: Iterable[tuple[str, Json]] = ()
    ) -> None:
        """Let their healthy answer be this; `tool_calls` are pairs of a name and its arguments."""
        match = self._match
        asked = Asked(route=match.route or "", model=match.model or "", contains=match.body_contains or "")
        functions = tuple(Function(name=name, arguments=arguments) for name, arguments in tool_calls)
        answer = Answer(match=asked, text=text, json=json, tool_calls=functions)
        self._faults.answers = (answer, *self._faults.answers)
        self._faults.provider.tell(Answers(rules=self._faults.answers))


class Demand:
    """A block that must end as demanded: raises AssertionError that says what was wrong with it."""

    def __init__(self, seconds: float, judge: Callable[[Seen], Sequence[str]]) -> None:
        self._watch = Watch(seconds)
        self._judge = judge

    def __enter__(self) -> Seen:
        return self._watch.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not self._watch.__exit__(kind, error, trace) and error is not None:
            return False
        __tracebackhide__ = True
        problems = self._judge(self._watch.seen)
        if problems:
            raise AssertionError("\n".join(problems)) from error
        return True


class Faults:
    """The provider of one test: what it does, what it saw, and what the system must do about it."""

    def __init__(
        self,
        provider: Provider,
        catalogue: Catalogue,
        case: str,
        *,
        deadline: float,
        max_attempts: int = MAX_ATTEMPTS,
    ) -> None:
        self.provider = provider
        self.catalogue = catalogue
        self.case = case
        self.deadline = deadline
        self.max_attempts = max_attempts
        self.answers: tuple[Answer, ...] = ()
        self.overlooked: frozenset[str] = frozenset()
        """Rules whose findings the test turned off."""

    def on(self, **match: object) -> Choice:
        """Choose requests: by `provider`, `route`, `model`, `stream`, `body_contains`, `call`; none: all."""
        return Choice(self, options.match(match))

    def fail(self, fault: str, **params: object) -> Timing:
        """Let every request meet a fault; keywords match, time or parametrise it."""
        return self.add([fault], params, sequence=False)

    def sequence(self, *faults: str) -> Timing:
        """Let requests meet these faults one after the other, then none."""
        return self.on().sequence(*faults)

    def add(self, faults: Sequence[str], keywords: dict[str, object], *, sequence: bool) -> Timing:
        """Add a rule made of faults and keywords; raises OptionsError with every mistake."""
        name = f"r{len(self.provider.rules) + 1}"
        return Timing(self.provider, options.rule(self.catalogue, name, faults, keywords, sequence=sequence))

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """All requests of this test so far, in order."""
        return self.provider.ledger.attempts

    @property
    def calls(self) -> tuple[Call, ...]:
        """The same as logical calls: a request with all its retries is one."""
        return calls(self.attempts)

    def expect_fails_hard(self, *, within: float = FAILS_WITHIN_SECONDS, strict: bool = False) -> Demand:
        """Demand that the block raises, within these seconds, and that the exception names the cause.

        With `strict`, findings of low severity count, too.
        """
        before = len(self.attempts)

        def judge(seen: Seen) -> list[str]:
            sent = self.attempts[before:]
            expected = replace(self._expectation(sent), deadline=within)
            if expected.fault is None:
                return [f"{self.case}: no fault is set: name one with llm_faults.fail() or a marker"]
            found = (
                *hard.fails_hard(sent, seen.outcome, expected),
                *retries.no_retry(sent, seen.outcome, expected),
            )
            return self._texts(found, strict=strict)

        return Demand(within, judge)

    def expect_recovers(
        self,
        *,
        max_attempts: int | None = None,
        honours_retry_after: bool = True,
        within: float | None = None,
        strict: bool = False,
    ) -> Demand:
        """Demand that the block ends well; the test assigns what came out to `seen.result`.

        `max_attempts` are those of one call; without it the project's own.
        """
        seconds = self.deadline if within is None else within
        most = self.max_attempts if max_attempts is None else max_attempts
        before = len(self.attempts)

        def judge(seen: Seen) -> list[str]:
            if seen.raised is None and seen.result is None:
                return [f"{self.case}: assign the system's answer to `result` of what `as` names"]
            sent = self.attempts[before:]
            expected = replace(self._expectation(sent), deadline=seconds, max_attempts=most)
            found = recovery.recovers(sent, seen.outcome, expected)
            hints = recovery.hints_honoured(calls(sent), expected) if honours_retry_after else ()
            return self._texts((*found, *hints), strict=strict)

        return Demand(seconds, judge)

    def outcome(self, *, within: float | None = None) -> Demand:
        """Demand a whole answer with this test's canaries, or an explicit failure, and nothing else.

        A failure is one only where a fault was met: the system has no other reason to fail.
        """
        seconds = self.deadline if within is None else within
        before = len(self.attempts)

        def judge(seen: Seen) -> list[str]:
            sent, outcome = self.attempts[before:], seen.outcome
            if outcome.produced and outcome.ended:
                whole = presence(outcome.result, self.provider.canaries) is Presence.FULL
                return [] if whole else [f"{self.case}: answered without the whole text of the provider"]
            expected = replace(self._expectation(sent), deadline=seconds)
            early = expected.fault is not None and expected.fault.stage != "answer"
            if outcome.ended and not early and not any(each.fault for each in sent):
                return [f"{self.case}: failed although no request met a fault"]
            return self._texts(hard.fails_hard(sent, outcome, expected), strict=False)

        return Demand(seconds, judge)

    def judge(self, outcome: Outcome, *, strict: bool = False) -> None:
        """Demand of an outcome what the catalogue demands under the faults that were met."""
        expected = self._expectation(self.attempts)
        trial = Trial(expectation=expected, outcome=outcome, attempts=self.attempts)
        verdict.require_exercised(trial)
        self.note(outcome)
        _require(self._texts(verdict.judge(trial), strict=strict))

    def note(self, outcome: Outcome) -> None:
        """Take note of a failure outside this process: it proves a fault that lets no request through."""
        expected = self._expectation(self.attempts)
        if outcome.ended and not outcome.produced and expected.fault and shows_fault(outcome, expected):
            self.provider.confirm()

    def assert_no_retry_on(self, *faults: str) -> None:
        """Demand that requests met each of these faults, and that none of them was sent again."""
        if not faults:
            raise TypeError("assert_no_retry_on: name at least one fault")
        for name in faults:
            fault = self.catalogue.find(name)
            met = [call for call in self.calls if call.attempts[0].fault == fault.id]
            if not met:
                raise AssertionError(f"{self.case}: injection-not-exercised: no request met {name!r}")
            again = max(len(call.attempts) for call in met)
            if again > 1:
                raise AssertionError(f"{self.case}: a request that met {name!r} was sent {again} times")

    def assert_has_timeout(self, most: float = timeouts.MOST_SECONDS) -> None:
        """Demand that the client stated a read time-out of at most these seconds."""
        self._require_requests()
        expected = self._expectation(self.attempts)
        found = timeouts.has_timeout(self.attempts, NO_OUTCOME, expected, most=most)
        _require(self._texts(found, strict=True))

    def assert_no_secret_leak(self, *texts: str) -> None:
        """Demand that no key of this test stands in any of the texts, in any encoding."""
        if not texts:
            raise TypeError("assert_no_secret_leak: give the texts to search: output, logs, answers")
        outcome = replace(
            NO_OUTCOME, streams={f"text {number}": text for number, text in enumerate(texts, 1)}
        )
        found = leaks.no_secret_leak(self.attempts, outcome, self._expectation(self.attempts))
        _require(self._texts(found, strict=True))

    def assert_within_budget(
        self, seen: Seen, *, tokens: int | None = None, requests: int | None = None, concurrency: int = 1
    ) -> None:
        """Demand that requests ended when the budget was spent, and that the failure names the budget."""
        if tokens is None and requests is None:
            raise TypeError("assert_within_budget: give the budget: tokens=, requests=, or both")
        self._require_requests()
        budget = limits.Budget(tokens=tokens, requests=requests, concurrency=concurrency)
        expected = self._expectation(self.attempts)
        found = limits.within_budget(self.attempts, seen.outcome, expected, budget=budget)
        _require(self._texts(found, strict=True))

    def assert_uses_llm(self, ask: Callable[[], object]) -> None:
        """Demand that the system's answer comes from the provider: its words are in what `ask` returns."""
        before = len(self.attempts)
        result = str(ask())
        if len(self.attempts) == before:
            raise AssertionError(f"{self.case}: injection-not-exercised: no request reached the provider")
        if presence(result, self.provider.canaries) is not Presence.FULL:
            raise AssertionError(f"{self.case}: llm-not-used: the answer holds nothing of the provider's")

    def assert_circuit_opens(self, ask: Callable[[], object], *, after: int = circuit.AFTER) -> None:
        """Demand that after this many failed calls the next one fails at once, unsent, and says so.

        The test lets every request fail first, with `fail("unavailable")`.
        """
        for _ in range(after):
            with Watch(self.deadline) as seen:
                ask()
            if seen.raised is None:
                raise AssertionError(f"{self.case}: a call succeeded that had to fail: set a fault first")
        self._require_requests()
        before = len(self.attempts)
        with Watch(self.deadline) as seen:
            ask()
        missing = "; ".join(circuit.missing(seen.outcome, self.attempts[before:]))
        if missing:
            raise AssertionError(f"{self.case}: missing-circuit-breaker: {missing}")

    def _require_requests(self) -> None:
        if not any(each.kind == "call" for each in self.attempts):
            raise AssertionError(f"{self.case}: injection-not-exercised: no request reached the provider")

    def _texts(self, found: Iterable[Finding], *, strict: bool) -> list[str]:
        return _written((each for each in found if each.rule not in self.overlooked), strict=strict)

    def _expectation(self, sent: Sequence[Attempt]) -> Expectation:
        """Return what is expected under the first fault that these requests met, else the newest rule's.

        Faults inside answers are those of requests alone; others let none through, and their rule tells.
        """
        met = next((each for each in sent if each.fault), None)
        rules = self.provider.rules
        named = met.fault if met else next((rule.kinds[0].fault for rule in reversed(rules)), "")
        fault: Fault | None = self.catalogue.find(named) if named not in {"", OK} else None
        dialect = met.dialect if met else next((each.dialect for each in sent), "openai")
        lasting = {each.id for each in rules if each.when == When() and not each.sequence}
        return Expectation(
            case=self.case,
            canaries=self.provider.canaries,
            fault=fault,
            form=self.catalogue.form(fault, dialect) if fault else None,
            dialect=dialect,
            single=met is not None and met.rule not in lasting,
            deadline=self.deadline,
        )


def _given(match: Match) -> dict[str, object]:
    return {each.name: value for each in fields(match) if (value := getattr(match, each.name)) is not None}


def _written(found: Iterable[Finding], *, strict: bool) -> list[str]:
    lowest = Severity.LOW if strict else Severity.MEDIUM
    return [f"{each.rule}: {each.message}: {each.fix}" for each in found if each.severity >= lowest]


def _require(problems: Sequence[str]) -> None:
    __tracebackhide__ = True
    if problems:
        raise AssertionError("\n".join(problems))
