"""Which texts name the cause of which fault."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_failhard.llm.catalogue import Fault, Form, Observed
from pytest_failhard.llm.verdicts.cause import Clarity, clarity
from tests.llm.verdicts.samples import SILENT, exited, fault, form, raised

QUOTA = form(
    429, json={"error": {"type": "insufficient_quota", "code": "insufficient_quota", "status": "{{x}}"}}
)
AWS = replace(form(400), headers={"x-amzn-errortype": "ServiceQuotaExceededException"})
OBSERVED = replace(
    form(418),
    observed={
        "openai-3": Observed(attempts=1, exception="openai.TeapotError"),
        "openai-2": Observed(attempts=1, exception="openai.APIConnectionError"),
        "anthropic": Observed(attempts=1, result="returned"),
    },
)
NETWORK = (fault("rst_before", "network"), form(recipe="rst_before"))
TIMEOUT = (fault("read_timeout", "deadline"), form(recipe="read_timeout"))
STATUS = (fault("server_error", "transient"), form(500))
KEYS = (fault("invalid_key", "permanent"), form(401))
MISSING = (fault("missing_key", "permanent", stage="environment"), form(recipe="missing_key"))


def told(text: str, case: tuple[Fault, Form | None]) -> Clarity:
    return clarity(exited(1, stderr=text), replace(SILENT, fault=case[0], form=case[1]))


@pytest.mark.parametrize(
    ("text", "case"),
    [
        ("HTTP 500 from the provider", STATUS),
        ("InternalServerError", STATUS),
        ("openai.APIStatusError", STATUS),
        ("code insufficient_quota", (fault("insufficient_quota", "permanent-retried"), QUOTA)),
        ("RateLimitError: no", (fault("insufficient_quota", "permanent-retried"), QUOTA)),
        ("ServiceQuotaExceededException", (fault("insufficient_quota", "permanent-retried"), AWS)),
        ("TeapotError", (fault("x", "permanent"), OBSERVED)),
        ("401", KEYS),
        ("no valid API key", KEYS),
        ("API_KEY is wrong", KEYS),
        ("not authorised", KEYS),
        ("check OPENAI_API_KEY", KEYS),
        ("set OPENAI_API_KEY", MISSING),
        ("[Errno 104] Connection reset by peer", NETWORK),
        ("ECONNRESET", NETWORK),
        ("httpx2.ReadError", NETWORK),
        ("builtins.ConnectionResetError", NETWORK),
        ("SSL: WRONG_VERSION_NUMBER", NETWORK),
        ("certificate verify failed", NETWORK),
        ("getaddrinfo failed", NETWORK),
        ("httpx2.ReadTimeout", TIMEOUT),
        ("gave up at the deadline", TIMEOUT),
        ("the call timed out", TIMEOUT),
        ("429", (fault("retry_after_huge", "deadline"), form(429))),
        ("finish_reason is length", (fault(), form())),
        ("JSONDecodeError", (fault(), form())),
        ("stream truncated", (fault("stream_fin", "network"), form(stream="fin"))),
        ("too many tokens", (fault("x", "permanent", cause=("word:too many",)), None)),
        ("WeirdError", (fault("x", "permanent", cause=("class:WeirdError",)), None)),
        ("status 418", (fault("x", "permanent", cause=("status:418",)), None)),
        ("plain", (fault("x", "permanent", cause=("plain",)), None)),
    ],
)
def test_a_cause_is_recognised(text: str, case: tuple[Fault, Form | None]) -> None:
    assert told(text, case) == "clear"


@pytest.mark.parametrize(
    ("text", "case"),
    [
        ("it failed after 5000 ms", STATUS),
        ("an error happened", STATUS),
        ("RateLimitError", STATUS),
        ("{{x}} error", (fault("insufficient_quota", "permanent-retried"), QUOTA)),
        ("401 is not the status", STATUS),
        ("the key is bad", MISSING),
        ("GROQ_API_KEY", MISSING),
        ("it did not work", NETWORK),
        ("nobody answered", TIMEOUT),
        ("bad answer", (fault(), form())),
        ("4180", (fault("x", "permanent", cause=("status:418",)), None)),
    ],
)
def test_another_text_is_vague(text: str, case: tuple[Fault, Form | None]) -> None:
    assert told(text, case) == "vague"


@pytest.mark.parametrize(
    "text",
    [
        "Connection error.",
        "openai.APIConnectionError: Connection error.",
        "our LLM call failed: Request timed out.",
        "anthropic.APITimeoutError: Request timed out or interrupted. This could be due to a network timeout.",
    ],
)
def test_the_sdks_general_texts_name_no_cause(text: str) -> None:
    assert told(text, NETWORK) == "causeless"
    assert told(text, TIMEOUT) == "causeless"


def test_the_chain_names_what_the_outer_exception_does_not() -> None:
    demanded = replace(SILENT, fault=NETWORK[0], form=NETWORK[1])
    outer = raised("Connection error.", "openai.APIConnectionError")
    inner = raised("[Errno 104] reset", "httpx2.ReadError")
    assert clarity(outer, demanded) == "causeless"
    assert clarity(replace(outer, chain=(*outer.chain, *inner.chain)), demanded) == "clear"


def test_without_a_fault_any_text_will_do() -> None:
    assert clarity(raised("no"), replace(SILENT, fault=None)) == "clear"
    assert clarity(exited(1), replace(SILENT, fault=None)) == "mute"


def test_a_projects_own_variables_are_those_of_a_missing_key() -> None:
    demanded = replace(SILENT, fault=MISSING[0], form=MISSING[1], key_variables=("APP_LLM_KEY",))
    assert clarity(exited(1, stderr="APP_LLM_KEY is not set"), demanded) == "clear"
    assert clarity(exited(1, stderr="OPENAI_API_KEY is not set"), demanded) == "vague"


def test_codes_are_found_in_lists_too() -> None:
    listed = form(400, json={"error": {"details": [{"reason": "API_KEY_INVALID"}], "type": "error"}})
    case = (fault("x", "permanent"), listed)
    assert told("API_KEY_INVALID", case) == "clear"
    assert told("an error", case) == "vague"
