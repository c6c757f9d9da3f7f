"""The table of findings: how bad each is, why it matters, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pytest_failhard.model import Finding, Severity


class VerdictError(Exception):
    """A case that cannot be judged: never a finding, never waivable. `id` is one of `ERRORS`."""

    def __init__(self, identifier: str, message: str) -> None:
        super().__init__(f"{identifier}: {message}")
        self.id = identifier


@dataclass(frozen=True, kw_only=True)
class VerdictRule:
    """One kind of finding. The severity belongs to the rule and never depends on the level."""

    severity: Severity
    what: str
    why: str
    fix: str


def _rule(severity: Severity, what: str, why: str, fix: str) -> VerdictRule:
    return VerdictRule(severity=severity, what=what, why=why, fix=fix)


_HIGH: Mapping[str, tuple[str, str, str]] = {
    "silent-fallback": (
        "Under a fault the system claims success and its result does not come from the provider.",
        "A canned answer looks like a real one: nobody learns that the provider is down.",
        "let the error reach the caller: no default answer where the provider gave none",
    ),
    "stale-answer": (
        "A result holds the answer of an earlier call.",
        "A cache that serves old answers hides every outage and answers the wrong question.",
        "key the cache by the whole request and let it expire; under a failure raise instead of reading it",
    ),
    "partial-answer": (
        "A result holds a part of the answer and not its end.",
        "A cut stream ends without an exception in every SDK; half an answer passes for a whole one.",
        "check finish_reason (stop_reason, status) before using the text; raise where it is not complete",
    ),
    "garbage-answer": (
        "A result was made from an answer that the fault had made invalid.",
        "SDKs return error pages, refusals and foreign JSON in a 200 as if they were answers.",
        "validate the answer (type, choices, content, schema) before use and raise where it is not valid",
    ),
    "provider-fallback": (
        "After the fault the system asked another provider without a declaration that allows it.",
        "Data goes to a processor nobody agreed to, at another price and another quality.",
        "remove the fallback, or declare it in [[tool.failhard.llm.fallbacks]] and name the producer",
    ),
    "model-downgrade": (
        "After a failed request the same request was sent to another model without a declaration.",
        "The caller gets the quality of another model and is not told.",
        "remove the fallback, or declare it in [[tool.failhard.llm.fallbacks]] and name the producer",
    ),
    "hard-coded-key": (
        "A request carried a key that is none of those in the environment.",
        "A key in the code or in a file cannot be rotated and leaks with the source.",
        "read the key from the environment alone and revoke the one that was found",
    ),
    "hang": (
        "The call was still running at its deadline.",
        "A read time-out is no deadline: a provider that drips or retries hold the caller for ever.",
        "pass timeout= to the client and put an overall deadline around the call",
    ),
    "unbounded-timeout": (
        "The client says that it waits without any limit.",
        "timeout=None: one silent connection holds a worker until the process is killed.",
        "pass timeout= in seconds to the client",
    ),
    "leaked-key": (
        "A key, a part of it or an encoding of it came out of the system.",
        "Whoever reads the log or the answer can spend the money and read the data.",
        "redact before logging; print neither headers nor the client's configuration",
    ),
    "budget-overrun": (
        "Requests went on after the declared budget was spent, or the end did not name the budget.",
        "A loop against a provider costs money with every turn.",
        "count the usage of every answer and stop with an error that says budget before the next request",
    ),
    "mute-failure": (
        "The call failed and left no text at all.",
        "A failure without a text cannot be told from any other.",
        "write the exception with its chain to stderr or the log, and an error object to the caller",
    ),
}

_MEDIUM: Mapping[str, tuple[str, str, str]] = {
    "not-recovered": (
        "One transient failure was enough to fail the call.",
        "Providers answer 429 and 5xx every day; the next attempt would have worked.",
        "retry transient failures with back-off, at most max_attempts times",
    ),
    "not-tolerated": (
        "The call failed on legal traffic that is merely unusual.",
        "Comments, empty choices and missing optional fields are part of the protocol.",
        "read the stream by the protocol: skip comments and empty choices, treat usage as optional",
    ),
    "retried-permanent-error": (
        "A request that can never succeed was sent again.",
        "A refused key or a malformed request stays refused; retries cost time and can lock the account.",
        "do not retry 400, 401, 403, 404, 413 and 422",
    ),
    "retry-amplification": (
        "One logical call made more requests than allowed.",
        "Retries of two layers multiply and turn an overload into an outage.",
        "drop one of the two retry layers (max_retries=0 or the decorator)",
    ),
    "retry-after-ignored": (
        "A request was repeated before the provider's wait had passed, or very long after it.",
        "The provider says when it will answer again; earlier requests only prolong the block.",
        "wait as long as retry-after-ms or retry-after says, at most your deadline",
    ),
    "retry-storm": (
        "The first retries came without any pause.",
        "Immediate retries of all clients keep an overloaded provider down.",
        "wait before the first retry, with jitter",
    ),
    "flat-backoff": (
        "The pauses between attempts do not grow.",
        "Constant pauses keep the load on a provider that needs time to recover.",
        "double the pause from attempt to attempt, with jitter and a cap",
    ),
    "default-timeout": (
        "The client waits for its default of ten minutes, or longer than allowed.",
        "With three attempts the default is half an hour for one call.",
        "pass timeout= in seconds to the client, at most the demanded maximum",
    ),
    "untyped-error": (
        "A service did not answer with a server error whose type or code names the dependency.",
        "Callers and alarms cannot tell the provider's failure from a bug or from a bad request.",
        "answer 502, 503 or 504 with JSON such as {'error': {'type': 'llm_unavailable', ...}}",
    ),
    "rate-limit-overrun": (
        "More requests or tokens than the declared limit left within a minute.",
        "The provider answers the surplus with 429, for all users of the account.",
        "put a limiter in front of the client that counts requests and tokens for each model",
    ),
    "missing-circuit-breaker": (
        "A provider that keeps failing was asked again, or the open circuit was not named or not closed.",
        "Each call to a dead provider holds a worker for the whole time-out.",
        "open a circuit after the declared number of failures and fail at once with an error that names it",
    ),
    "thundering-probe": (
        "After the cool-down more than one request tested the provider.",
        "All waiting calls at once push a recovering provider down again.",
        "let one call through when half open and hold back the others until it has ended",
    ),
    "leaked-prompt": (
        "Text that was marked as personal stands in a log.",
        "Logs live longer and are read by more people than the data they were made from.",
        "log lengths and identifiers of prompts, never their text",
    ),
    "cost-mismatch": (
        "The cost that the system reports differs from the bill by more than 2 %.",
        "A budget is worth what its figures are worth.",
        "compute the cost from the usage of every answer, retries and cached tokens included",
    ),
    "blind-interceptor": (
        "The project declares an interceptor that cannot see its LLM client, and no test uses it.",
        "The first test that does will reach the real provider with the real key.",
        "remove it, or use pytest-httpx2 or the fixture llm_faults",
    ),
    "unexercised-fallback": (
        "A declared fallback was used in no case.",
        "A fallback that was never seen working is a hope.",
        "remove the entry, or correct its `from`, `to` and `on` until a case uses it",
    ),
    "vague-error": (
        "The failure's text does not say what failed.",
        "Whoever is called at night must know whether key, quota, network or answer is to blame.",
        "raise from the SDK's exception and log the chain: status, code or class name",
    ),
    "egress": (
        "The system tried to reach a host that is neither loopback nor declared.",
        "What leaves unseen cannot be judged, and may hold data.",
        "remove the request, or declare the host in egress_allow with a reason",
    ),
}

_LOW: Mapping[str, tuple[str, str, str]] = {
    "retried-quota-error": (
        "A spent quota was asked again.",
        "It does not come back within seconds; stock SDKs retry it all the same.",
        "look at the code of a 429 and do not retry insufficient_quota",
    ),
    "causeless-error": (
        'The text is the SDK\'s "Connection error." or "Request timed out." and nothing more.',
        "The reason stands in __cause__ and was dropped.",
        "log the exception with its chain (logger.exception, traceback.print_exception)",
    ),
    "synchronised-retries": (
        "Calls that failed together were repeated together.",
        "Without jitter all clients come back at the same moment.",
        "multiply the pause by a random factor",
    ),
    "unlogged-request-id": (
        "No error path mentions the provider's request id.",
        "The provider's support asks for it first.",
        "log exception.request_id (or the header x-request-id) with the error",
    ),
    "stale-prices": (
        "The price list is older than 180 days.",
        "A budget in money is only as right as its prices.",
        "compare the prices with the provider's page and set as_of",
    ),
}

RULES: Mapping[str, VerdictRule] = {
    name: _rule(severity, *texts)
    for severity, group in ((Severity.HIGH, _HIGH), (Severity.MEDIUM, _MEDIUM), (Severity.LOW, _LOW))
    for name, texts in group.items()
}
"""Every finding that a verdict can return."""

FALLBACK_RULES = frozenset(
    (
        "silent-fallback",
        "stale-answer",
        "partial-answer",
        "garbage-answer",
        "provider-fallback",
        "model-downgrade",
        "hard-coded-key",
    )
)
"""An answer from somewhere else than the provider that was asked, with the key that was given."""

ERRORS: Mapping[str, str] = {
    "injection-not-exercised": "the fault never reached the system, so nothing was proven",
    "llm-not-used": "the result does not depend on the provider's answer",
    "unknown-route": "a request went to a path that no dialect knows",
    "no-call-declared": "the product imports an LLM client and declares no call",
    "cannot-run": "the platform or an extra that a case needs is missing",
    "no-fire": "a probability never came true",
    "price-unknown": "a budget in money is declared and a model has no price",
    "load-too-small": "too few calls were made for the property to show",
    "interceptor-cannot-see-client": "tests rely on an interceptor that their client passes by",
    "worker-lost": "a test process died and took its record along",
    "ledger-incomplete": "the record of a case is cut or malformed",
}
"""What cannot be judged, by id. A verdict raises VerdictError for those that it meets itself."""


def finding(rule: str, case: str, message: str, *, severity: Severity | None = None) -> Finding:
    """Return a finding of a rule of the table; its identity is the rule and the case, not the message."""
    entry = RULES[rule]
    return Finding(
        rule=rule,
        name=rule,
        path="",
        line=0,
        severity=entry.severity if severity is None else severity,
        message=f"{case}: {message}",
        fix=entry.fix,
        anchor=f"{rule} {case}",
    )
