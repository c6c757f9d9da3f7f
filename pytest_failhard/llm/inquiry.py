"""Verdicts asked for from outside: the caller tells how its system ended, the record tells the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from pytest_failhard.llm import catalogue, verdicts
from pytest_failhard.llm.ledger import Attempt
from pytest_failhard.llm.router import Router
from pytest_failhard.llm.schedule import OK, Rule
from pytest_failhard.llm.verdicts import Expectation, Outcome, Trial, VerdictError
from pytest_failhard.model import Finding

CASE: Final = "case"
Json = bool | int | float | str | list["Json"] | dict[str, "Json"] | None
Function = Callable[[Sequence[Attempt], Outcome, Expectation], tuple[Finding, ...]]
FUNCTIONS: Final[Mapping[str, Function]] = {
    "bounded": verdicts.bounded,
    "fails_hard": verdicts.fails_hard,
    "has_timeout": verdicts.has_timeout,
    "no_retry": verdicts.no_retry,
    "no_secret_leak": verdicts.no_secret_leak,
    "recovers": verdicts.recovers,
    "succeeds": verdicts.succeeds,
}
EXPECTATIONS: Final = (CASE, *FUNCTIONS)


class InquiryError(Exception):
    """A question that cannot be understood: one line a mistake."""


@dataclass(frozen=True, kw_only=True)
class Inquiry:
    """What is asked, and how the system ended.

    `expect` is one verdict, or `case` for all that the case's fault demands. `code` is the exit code of a
    command or the status of a route; success is exit 0 or a status below 400. `seconds` is how long it ran,
    `ended` is false where it had to be killed.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = {"extra": "forbid"}

    expect: Literal[
        "case",
        "bounded",
        "fails_hard",
        "has_timeout",
        "no_retry",
        "no_secret_leak",
        "recovers",
        "succeeds",
    ] = "case"
    form: Literal["command", "route"] = "command"
    code: int | None = None
    ended: bool = True
    seconds: float = 0.0
    deadline: float = 30.0
    result: str = ""
    stdout: str = ""
    stderr: str = ""
    body: str = ""

    @property
    def outcome(self) -> Outcome:
        """The end of the call."""
        limit = 400 if self.form == "route" else 1
        return Outcome(
            form=self.form,
            ended=self.ended,
            produced=self.ended and self.code is not None and 0 <= self.code < limit,
            code=self.code,
            result=self.result,
            streams={"stdout": self.stdout, "stderr": self.stderr, "body": self.body},
            seconds=self.seconds,
        )


def parse(parameters: Mapping[str, object]) -> Inquiry:
    """Return a question; texts may stand for numbers and booleans. Raises InquiryError."""
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(Inquiry).validate_python(parameters)
    except ValidationError as error:
        wrong = (f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise InquiryError("\n".join(wrong)) from None


def judge(inquiry: Inquiry, router: Router, fault: str = "") -> dict[str, Json]:
    """Return the verdict on the case as it stands: `pass`, `fail` with findings, or `error` with the reason.

    The fault is `fault`, else that of the rules where they hold only one.
    """
    attempts = router.ledger.attempts
    expectation = _expectation(inquiry, router, fault)
    trial = Trial(expectation=expectation, outcome=inquiry.outcome, attempts=attempts)
    try:
        findings = _findings(inquiry.expect, trial)
    except VerdictError as error:
        return {"case": expectation.case, "verdict": "error", "because": str(error)}
    return {
        "case": expectation.case,
        "verdict": "fail" if findings else "pass",
        "findings": [
            {
                "rule": each.rule,
                "severity": each.severity.name.lower(),
                "message": each.message,
                "fix": each.fix,
            }
            for each in findings
        ],
    }


def _findings(expect: str, trial: Trial) -> tuple[Finding, ...]:
    if expect == CASE:
        return verdicts.judge(trial)
    # No verdict on what never happened, whichever is asked for.
    verdicts.require_exercised(trial)
    if not trial.attempts and trial.expectation.fault is None:
        raise VerdictError("injection-not-exercised", f"{trial.expectation.case}: no request arrived")
    return FUNCTIONS[expect](trial.attempts, trial.outcome, trial.expectation)


def _expectation(inquiry: Inquiry, router: Router, trap: str) -> Expectation:
    dialect = next((each.dialect for each in router.ledger.attempts if each.kind == "call"), "openai")
    known = catalogue.load()
    names = [trap] if trap else _faults(router.schedule.rules)
    fault = known.find(names[0]) if len(names) == 1 else None
    return Expectation(
        case=router.ledger.case,
        canaries=router.canaries,
        fault=fault,
        form=known.form(fault, dialect) if fault is not None else None,
        dialect=dialect,
        deadline=inquiry.deadline,
    )


def _faults(rules: Sequence[Rule]) -> list[str]:
    return sorted({kind.fault for rule in rules for kind in rule.kinds} - {OK})
