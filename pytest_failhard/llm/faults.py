"""What a test tells the provider to do, and what it demands of the system: the object `llm_faults`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, replace
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from pytest_failhard.llm import options
from pytest_failhard.llm.ledger import calls
from pytest_failhard.llm.observing import Seen, Watch
from pytest_failhard.llm.schedule import Match, Rule, When
from pytest_failhard.llm.scripted import Answers
from pytest_failhard.llm.scripted import Call as Function
from pytest_failhard.llm.scripted import Rule as Answer
from pytest_failhard.llm.scripted import When as Asked
from pytest_failhard.llm.verdicts import case as verdict
from pytest_failhard.llm.verdicts import hard, leaks, limits, recovery, retries, timeouts
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


class Timing:
    """A rule just made: says when it fires. Without any of these it always does."""

    def __init__(self, provider: Provider, rule: Rule) -> None:
        self._provider = provider
        self._rule = rule
        provider.put(rule)

    def always(self) -> Timing:
        """Fire on every request that matches."""
        return self._when(When())

    def first(self, count: int) -> Timing:
        """Fire on the first `count` requests that match."""
        return self._counted({"first": count})

    def nth(self, number: int) -> Timing:
        """Fire on the one request of this number, counted from 1."""
        return self._counted({"nth": number})

    def every(self, step: int) -> Timing:
        """Fire on every `step`-th request."""
        return self._counted({"every": step})

    def p(self, probability: float) -> Timing:
        """Fire with this probability, decided by the seed and the request, whatever the order."""
        return self._counted({"p": probability})

    def _counted(self, when: dict[str, object]) -> Timing:
        return self._when(options.when(when))

    def _when(self, when: When) -> Timing:
        self._rule = replace(self._rule, when=when)
        self._provider.put(self._rule)
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
        problems = self._judge(self._watch.seen)
        if problems:
            raise AssertionError("\n".join(problems)) from error
        return True


class Faults:
    """The provider of one test: what it does, what it saw, and what the system must do about it."""

    def __init__(self, provider: Provider, catalogue: Catalogue, case: str, deadline: float) -> None:
        self.provider = provider
        self.catalogue = catalogue
        self.case = case
        self.deadline = deadline
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

        def judge(seen: Seen) -> list[str]:
            expected = replace(self._expectation(), deadline=within)
            found = (
                *hard.fails_hard(self.attempts, seen.outcome, expected),
                *retries.no_retry(self.attempts, seen.outcome, expected),
            )
            return self._texts(found, strict=strict)

        return Demand(within, judge)

    def expect_recovers(
        self,
        *,
        max_attempts: int = MAX_ATTEMPTS,
        honours_retry_after: bool = True,
        within: float | None = None,
        strict: bool = False,
    ) -> Demand:
        """Demand that the block ends well; the test assigns what came out to `seen.result`."""
        seconds = self.deadline if within is None else within

        def judge(seen: Seen) -> list[str]:
            if seen.raised is None and seen.result is None:
                return [f"{self.case}: assign the system's answer to `result` of what `as` names"]
            expected = replace(self._expectation(), deadline=seconds, max_attempts=max_attempts)
            found = recovery.recovers(self.attempts, seen.outcome, expected)
            hints = recovery.hints_honoured(self.calls, expected) if honours_retry_after else ()
            return self._texts((*found, *hints), strict=strict)

        return Demand(seconds, judge)

    def outcome(self, *, within: float | None = None) -> Demand:
        """Demand a whole answer with this test's canaries, or an explicit failure, and nothing else."""
        seconds = self.deadline if within is None else within

        def judge(seen: Seen) -> list[str]:
            outcome = seen.outcome
            if outcome.produced and outcome.ended:
                whole = presence(outcome.result, self.provider.canaries) is Presence.FULL
                return [] if whole else [f"{self.case}: answered without the whole text of the provider"]
            expected = replace(self._expectation(), deadline=seconds)
            return self._texts(hard.fails_hard(self.attempts, outcome, expected), strict=False)

        return Demand(seconds, judge)

    def judge(self, outcome: Outcome, *, strict: bool = False) -> None:
        """Demand of an outcome what the catalogue demands under the faults that were met."""
        expected = self._expectation()
        trial = Trial(expectation=expected, outcome=outcome, attempts=self.attempts)
        verdict.require_exercised(trial)
        _require(self._texts(verdict.judge(trial), strict=strict))

    def assert_no_retry_on(self, *faults: str) -> None:
        """Demand that a request that met one of these faults was not sent again."""
        for name in faults:
            expected = replace(self._expectation(), fault=self.catalogue.find(name))
            met = [each for call in self.calls for each in call.attempts if call.attempts[0].fault == name]
            _require(self._texts(retries.no_retry(met, NO_OUTCOME, expected), strict=True))

    def assert_has_timeout(self, most: float = timeouts.MOST_SECONDS) -> None:
        """Demand that the client stated a read time-out of at most these seconds."""
        found = timeouts.has_timeout(self.attempts, NO_OUTCOME, self._expectation(), most=most)
        _require(self._texts(found, strict=True))

    def assert_no_secret_leak(self, *texts: str) -> None:
        """Demand that no key of this test stands in any of the texts, in any encoding."""
        outcome = replace(
            NO_OUTCOME, streams={f"text {number}": text for number, text in enumerate(texts, 1)}
        )
        found = leaks.no_secret_leak(self.attempts, outcome, self._expectation())
        _require(self._texts(found, strict=True))

    def assert_within_budget(
        self, seen: Seen, *, tokens: int | None = None, requests: int | None = None, concurrency: int = 1
    ) -> None:
        """Demand that requests ended when the budget was spent, and that the failure names the budget."""
        budget = limits.Budget(tokens=tokens, requests=requests, concurrency=concurrency)
        found = limits.within_budget(self.attempts, seen.outcome, self._expectation(), budget=budget)
        _require(self._texts(found, strict=True))

    def assert_uses_llm(self, ask: Callable[[], object]) -> None:
        """Demand that the system's answer comes from the provider: its words are in what `ask` returns."""
        before = len(self.attempts)
        result = str(ask())
        if len(self.attempts) == before:
            raise AssertionError(f"{self.case}: injection-not-exercised: no request reached the provider")
        if presence(result, self.provider.canaries) is not Presence.FULL:
            raise AssertionError(f"{self.case}: llm-not-used: the answer holds nothing of the provider's")

    def assert_circuit_opens(self, ask: Callable[[], object], *, after: int = 5) -> None:
        """Demand that after this many failed calls the next one fails without a request.

        The test lets every request fail first, with `fail("unavailable")`.
        """
        for _ in range(after):
            with Watch(self.deadline):
                ask()
        before = len(self.attempts)
        with Watch(self.deadline) as seen:
            ask()
        if len(self.attempts) > before or seen.raised is None:
            raise AssertionError(
                f"{self.case}: missing-circuit-breaker: after {after} failed calls the next one "
                f"{'asked the provider again' if len(self.attempts) > before else 'did not fail'}"
            )

    def _texts(self, found: Iterable[Finding], *, strict: bool) -> list[str]:
        return _written((each for each in found if each.rule not in self.overlooked), strict=strict)

    def _expectation(self) -> Expectation:
        """Return what is expected under the first fault that was met, or that the rules name."""
        met = next((each for each in self.attempts if each.fault), None)
        named = met.fault if met else next((rule.kinds[0].fault for rule in self.provider.rules), "")
        fault: Fault | None = self.catalogue.find(named) if named not in {"", "ok"} else None
        dialect = met.dialect if met else next((each.dialect for each in self.attempts), "openai")
        single = bool(self.provider.rules) and self.provider.rules[0].when.first is not None
        return Expectation(
            case=self.case,
            canaries=self.provider.canaries,
            fault=fault,
            form=self.catalogue.form(fault, dialect) if fault else None,
            dialect=dialect,
            single=single,
            deadline=self.deadline,
        )


def _given(match: Match) -> dict[str, object]:
    return {each.name: value for each in fields(match) if (value := getattr(match, each.name)) is not None}


def _written(found: Iterable[Finding], *, strict: bool) -> list[str]:
    lowest = Severity.LOW if strict else Severity.MEDIUM
    return [f"{each.rule}: {each.message}: {each.fix}" for each in found if each.severity >= lowest]


def _require(problems: Sequence[str]) -> None:
    if problems:
        raise AssertionError("\n".join(problems))
