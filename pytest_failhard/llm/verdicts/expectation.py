"""What a case demands of the system, and what is known of the system's healthy runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pytest_failhard.llm.canaries import Canaries
from pytest_failhard.llm.catalogue import Fault, Form
from pytest_failhard.llm.ledger import Attempt
from pytest_failhard.llm.verdicts.outcome import Outcome

Demand = Literal["fail", "recover", "fail-or-recover", "succeed", "bounded", "report"]

ERROR_STATUS = frozenset(range(500, 600))
RATE_FAULT_STATUS = 429
STREAM_STARTED = 300
CALLERS_FAULTS = frozenset(
    ("context_length", "content_policy", "too_large", "refusal", "finish_content_filter")
)
"""Faults of the caller's own input: a service may answer them as such."""
CALLERS_STATUS = frozenset((400, 413, 422))

PROVIDERS: Mapping[str, str] = {"openai_responses": "openai", "openai_embeddings": "openai"}
"""The provider of a dialect that is not called like it."""

KEY_VARIABLES: Mapping[str, tuple[str, ...]] = {
    "openai": ("OPENAI_API_KEY",),
    "azure": ("AZURE_OPENAI_API_KEY", "AZURE_API_KEY"),
    "anthropic": ("ANTHROPIC_API_KEY",),
    "gemini": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    "bedrock": ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    "groq": ("GROQ_API_KEY",),
    "mistral": ("MISTRAL_API_KEY",),
    "openrouter": ("OPENROUTER_API_KEY",),
    "cohere": ("CO_API_KEY", "COHERE_API_KEY"),
}
"""The variables that hold a provider's key."""


def provider(dialect: str) -> str:
    """Return the provider that speaks a dialect."""
    return PROVIDERS.get(dialect, dialect)


@dataclass(frozen=True, kw_only=True)
class Fallback:
    """A declared fallback. `source` and `target` are `provider:model`; `on` are fault ids.

    `attribution` is where the result names its producer: `json:` and a JSON pointer.
    """

    source: str
    target: str
    on: frozenset[str]
    attribution: str


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """What one case demands.

    `case` is its id (`openai-body_html@summarise`), `form` the fault's wire form in this dialect. `earlier`
    are the canaries of runs before this one, `healthy` the outcomes of the healthy runs, `providers` those
    that the healthy runs used (empty: the dialect's own). `canary` says how a result shows its origin and
    `choice` the value that it must then have. `single` tells one fault from a persistent one. The call must
    end within `deadline` seconds, `beyond` the seconds of the healthy run where the deadline counts from
    there. `result_files` are the declared result's relative paths. `pinned_model` is the one that the
    project insists on. `key_variables` are those removed for `missing_key` (empty: the provider's known
    ones). `personal` is the prompt's canary that must stay out of logs. `may_fail` is set for an oddity
    that lasts longer than the declared time-out.
    """

    case: str
    canaries: Canaries
    fault: Fault | None = None
    form: Form | None = None
    dialect: str = "openai"
    call: str = ""
    earlier: tuple[Canaries, ...] = ()
    healthy: tuple[Outcome, ...] = ()
    providers: frozenset[str] = frozenset()
    canary: Literal["text", "number", "choice"] = "text"
    choice: str = ""
    single: bool = False
    deadline: float = 30.0
    beyond: float = 0.0
    error_status: frozenset[int] = ERROR_STATUS
    max_attempts: int = 3
    result_files: frozenset[str] = frozenset()
    pinned_model: str = ""
    fallbacks: tuple[Fallback, ...] = ()
    key_variables: tuple[str, ...] = ()
    personal: str = ""
    may_fail: bool = False

    @property
    def accepted_status(self) -> frozenset[int]:
        """The HTTP statuses that say in this case that the call failed and whose fault it is."""
        accepted = self.error_status
        # Where faults come by chance (no fault of the case's own), any of them may be a limit of rates.
        if self.fault is None or (self.form is not None and self.form.status == RATE_FAULT_STATUS):
            accepted |= {RATE_FAULT_STATUS}
        if self.fault is not None and self.fault.id in CALLERS_FAULTS:
            accepted |= CALLERS_STATUS
        return accepted

    @property
    def removed_keys(self) -> tuple[str, ...]:
        """The names of the variables without which the system was started for `missing_key`."""
        return self.key_variables or KEY_VARIABLES.get(provider(self.dialect), ())

    @property
    def known_providers(self) -> frozenset[str]:
        """The providers that the system may ask."""
        return self.providers or frozenset((provider(self.dialect),))


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One case as it was run: what was demanded, what was sent, and how it ended."""

    expectation: Expectation
    outcome: Outcome
    attempts: tuple[Attempt, ...] = ()


def demand(expectation: Expectation, attempts: tuple[Attempt, ...] = ()) -> Demand:
    """Return what the system must do.

    A started stream is never repeated by an SDK, so a system may then fail where it had to recover.
    """
    fault = expectation.fault
    if fault is None or _reported(fault, expectation):
        return "report"
    if fault.kind == "benign" or fault.oracle == "succeed":
        return "succeed"
    if fault.kind == "deadline" or fault.oracle == "bounded":
        return "bounded"
    if not expectation.single or fault.kind in {"permanent", "permanent-retried", "report"}:
        return "fail"
    may_fail = fault.kind == "silent" or fault.oracle == "fail" or _started(expectation, attempts)
    return "fail-or-recover" if may_fail else "recover"


def _reported(fault: Fault, expectation: Expectation) -> bool:
    pinned = fault.id == "wrong_model" and bool(expectation.pinned_model)
    return "report" in {fault.kind, fault.oracle} and not pinned


def _started(expectation: Expectation, attempts: tuple[Attempt, ...]) -> bool:
    edited = expectation.form is not None and bool(expectation.form.stream)
    return edited or any(
        attempt.stream and attempt.fault and 0 < attempt.status < STREAM_STARTED for attempt in attempts
    )
