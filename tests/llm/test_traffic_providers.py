"""The list of providers is complete, and read strictly."""

from __future__ import annotations

import pytest

from pytest_failhard.llm.canaries import KEYS
from pytest_failhard.llm.providers import ProvidersError, load, parse

HEAD = "schema: failhard-providers/1\nproviders:\n"


@pytest.mark.parametrize(
    ("host", "provider"),
    [
        ("api.openai.com", "openai"),
        ("API.OpenAI.com.", "openai"),
        ("eu.api.openai.com", "openai"),
        ("contoso.openai.azure.com", "azure"),
        ("api.anthropic.com", "anthropic"),
        ("generativelanguage.googleapis.com", "gemini"),
        ("us-central1-aiplatform.googleapis.com", "gemini"),
        ("bedrock-runtime.eu-west-1.amazonaws.com", "bedrock"),
        ("bedrock-runtime-fips.us-east-1.amazonaws.com", "bedrock"),
        ("api.mistral.ai", "mistral"),
        ("api.cohere.com", "cohere"),
        ("api.groq.com", "groq"),
        ("openrouter.ai", "openrouter"),
    ],
)
def test_a_host_is_known_as_its_provider(host: str, provider: str) -> None:
    found = load().of_host(host)
    assert found is not None
    assert found.id == provider


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "example.org", "api.openai.com.evil.example", "s3.amazonaws.com", ""]
)
def test_no_other_host_is_a_provider(host: str) -> None:
    assert load().of_host(host) is None


def test_a_canary_is_drawn_for_exactly_the_keys_of_the_list() -> None:
    assert load().keys == set(KEYS)


def test_no_variable_is_set_and_removed() -> None:
    found = load()
    given = found.keys | {each.variable for each in found.base_urls} | set(found.settings)
    assert not given & found.removed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("schema: [", "providers.yaml:1:10"),
        (HEAD + "  - {id: a, host: [b]}\n", "providers[0].host: unknown key; did you mean hosts?"),
        (HEAD + "  - {id: a, hosts: 3}\n", "providers[0].hosts: must be a list"),
        (HEAD + "  - {hosts: []}\n  - {id: 3}\n", "providers[0].id: is missing: add it"),
        (HEAD + "  - {id: a}\n  - {id: a}\n", "a stands 2 times; keep one"),
        (HEAD + "  - {id: a, keys: [K]}\n  - {id: b, removed: [K]}\n", "K stands 2 times; keep one"),
        (HEAD + "  - {id: a, hosts: [API.example]}\n", "host 'API.example' is not in lower case"),
        ("schema: failhard-providers/2\nproviders: []\n", "schema: must be one of 'failhard-providers/1'"),
    ],
)
def test_every_mistake_is_named_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ProvidersError) as caught:
        parse(text.encode(), "providers.yaml")
    assert message in str(caught.value)
