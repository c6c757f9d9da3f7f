"""Answers from another provider or model: which are found, and which are declared."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_failhard.llm.ledger import Attempt
from pytest_failhard.llm.verdicts import Expectation, Fallback, Trial, fails_hard, recovers, unexercised
from pytest_failhard.llm.verdicts.fallbacks import substitutes
from tests.llm.verdicts.samples import LIMITED, MINE, SILENT, attempt, fault, form, raised, returned, rules

ENTRY = Fallback(
    source="openai:gpt-4o",
    target="openai:gpt-4o-mini",
    on=frozenset(("overloaded", "rate_limit_rpm", "refused", "invalid_key")),
    attribution="json:/model",
)
OTHER = replace(ENTRY, target="anthropic:claude")
OVERLOADED = replace(
    SILENT,
    case="openai-overloaded@summarise",
    fault=fault("overloaded", "transient", oracle="recover"),
    form=form(529),
)
DECLARED = replace(OVERLOADED, fallbacks=(ENTRY, OTHER))
FAILED = attempt(1, failed="overloaded", status=529)
DOWNGRADED = attempt(2, failed="", model="gpt-4o-mini")
ELSEWHERE = attempt(2, failed="", model="claude", dialect="anthropic", route="/messages", body="other")
NAMED = returned(f'{{"model": "gpt-4o-mini", "text": "{MINE.text}"}}')
ANSWERED = returned(MINE.text)


def found(*attempts: Attempt, demanded: Expectation = OVERLOADED) -> list[str]:
    return rules(fails_hard(attempts, raised("529 overloaded"), demanded))


def test_the_same_request_to_another_model_is_a_downgrade() -> None:
    assert found(FAILED, DOWNGRADED) == ["model-downgrade"]
    assert rules(fails_hard((FAILED, DOWNGRADED), ANSWERED, OVERLOADED)) == ["model-downgrade"]
    assert rules(recovers((FAILED, DOWNGRADED), ANSWERED, LIMITED)) == ["model-downgrade"]


@pytest.mark.parametrize(
    "second",
    [
        replace(DOWNGRADED, model="gpt-4o"),
        replace(DOWNGRADED, body_without_model_sha256="two"),
        replace(DOWNGRADED, route="/responses"),
        replace(DOWNGRADED, kind="catalogue"),
        replace(DOWNGRADED, number=0),
        replace(DOWNGRADED, dialect="openai_responses", route="/responses"),
    ],
)
def test_another_request_is_no_downgrade(second: Attempt) -> None:
    assert found(FAILED, second) == []


def test_a_request_after_a_healthy_one_is_no_downgrade() -> None:
    healthy = replace(FAILED, fault="")
    assert found(healthy, replace(DOWNGRADED, fault="overloaded")) == []


def test_the_first_model_asked_again_is_no_substitute() -> None:
    back = replace(attempt(3, failed="overloaded"), read_timeout="30")
    (finding,) = fails_hard((FAILED, DOWNGRADED, back), raised("529"), OVERLOADED)
    assert (
        finding.message == "openai-overloaded@summarise: after the fault the system asked openai:gpt-4o-mini"
    )


def test_a_request_to_another_provider_is_a_fallback() -> None:
    assert found(FAILED, ELSEWHERE) == ["provider-fallback"]
    assert (
        found(FAILED, ELSEWHERE, demanded=replace(OVERLOADED, providers=frozenset(("openai", "anthropic"))))
        == []
    )
    assert found(FAILED, attempt(2, dialect="openai_embeddings", route="/embeddings", body="x")) == []


def test_a_foreign_key_is_hard_coded() -> None:
    assert found(replace(FAILED, key="foreign")) == ["hard-coded-key"]
    assert found(replace(FAILED, key="")) == []
    whole = rules(fails_hard((replace(FAILED, key="foreign"),), ANSWERED, OVERLOADED))
    assert whole == ["garbage-answer", "hard-coded-key"]


def test_a_declared_substitute_that_is_named_is_legal() -> None:
    assert fails_hard((FAILED, DOWNGRADED), NAMED, DECLARED) == ()
    assert recovers((FAILED, DOWNGRADED), NAMED, replace(DECLARED, single=True)) == ()
    claude = returned(f'{{"model": "claude", "text": "{MINE.text}"}}')
    assert fails_hard((FAILED, ELSEWHERE), claude, DECLARED) == ()


def test_a_declared_substitute_that_fails_too_is_legal() -> None:
    assert fails_hard((FAILED, replace(DOWNGRADED, fault="overloaded")), raised("529"), DECLARED) == ()


@pytest.mark.parametrize(
    "demanded",
    [
        replace(DECLARED, fault=fault("server_error", "transient")),
        replace(DECLARED, fault=fault("invalid_key", "permanent"), form=form(400)),
        replace(DECLARED, fault=fault("overloaded", "transient"), form=form(403)),
        replace(DECLARED, fallbacks=(replace(ENTRY, source="openai:gpt-5"),)),
        replace(DECLARED, fallbacks=(replace(ENTRY, target="openai:gpt-3"),)),
        replace(DECLARED, fallbacks=(replace(ENTRY, source=ENTRY.target),)),
        replace(DECLARED, fault=None, form=None),
    ],
)
def test_a_declaration_for_something_else_allows_nothing(demanded: Expectation) -> None:
    assert rules(substitutes((FAILED, DOWNGRADED), NAMED, demanded)) == ["model-downgrade"]


def test_an_embedding_is_no_substitute_for_a_chat() -> None:
    vectors = replace(ELSEWHERE, route="/embeddings")
    assert rules(substitutes((FAILED, vectors), raised(""), DECLARED)) == ["provider-fallback"]


@pytest.mark.parametrize(
    ("result", "where"),
    [
        (MINE.text, "json:/model"),
        (f'{{"model": "gpt-4o", "text": "{MINE.text}"}}', "json:/model"),
        (f'{{"model": ["x"], "text": "{MINE.text}"}}', "json:/model/1"),
        (f'{{"model": "gpt-4o-mini", "text": "{MINE.text}"}}', "json:/text/model"),
        (f'{{"model": "gpt-4o-mini", "text": "{MINE.text}"}}', "header:model"),
        (f'{{"model": 4, "text": "{MINE.text}"}}', "json:/model"),
    ],
)
def test_the_answer_names_its_producer_where_that_is_declared(result: str, where: str) -> None:
    demanded = replace(DECLARED, fallbacks=(replace(ENTRY, attribution=where),))
    (finding,) = fails_hard((FAILED, DOWNGRADED), returned(result), demanded)
    assert finding.rule == "model-downgrade"
    assert f"does not name its producer openai:gpt-4o-mini at {where}" in finding.message


def test_a_producer_is_found_deep_in_the_answer() -> None:
    demanded = replace(DECLARED, fallbacks=(replace(ENTRY, attribution="json:/a~1b/1/m~0"),))
    result = f'{{"a/b": [0, {{"m~": "gpt-4o-mini"}}], "text": "{MINE.text}"}}'
    assert fails_hard((FAILED, DOWNGRADED), returned(result), demanded) == ()


def test_a_substitute_without_the_whole_answer_is_no_answer() -> None:
    part = returned(f'{{"model": "gpt-4o-mini", "text": "{MINE.head}"}}')
    assert rules(fails_hard((FAILED, DOWNGRADED), part, DECLARED)) == ["partial-answer"]


def test_a_refused_connection_leaves_only_the_provider_to_compare() -> None:
    refused = replace(
        DECLARED, fault=fault("refused", "network", stage="connection"), form=form(recipe="refused")
    )
    claude = returned(f'{{"model": "claude", "text": "{MINE.text}"}}')
    assert fails_hard((ELSEWHERE,), claude, refused) == ()
    wrong = replace(refused, fallbacks=(replace(OTHER, source="azure:gpt-4o"),))
    assert rules(fails_hard((ELSEWHERE,), claude, wrong)) == ["provider-fallback"]


def test_each_declared_fallback_is_used_by_a_case() -> None:
    trial = Trial(expectation=DECLARED, outcome=NAMED, attempts=(FAILED, DOWNGRADED))
    (finding,) = unexercised((ENTRY, OTHER), (trial,))
    assert (finding.rule, finding.message) == (
        "unexercised-fallback",
        "openai:gpt-4o -> anthropic:claude: no case used this fallback",
    )
    assert unexercised((ENTRY,), (trial,)) == ()
