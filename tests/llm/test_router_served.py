"""The router behind the server, called by OpenAI's SDK: what is sent, what comes back, what is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest

from pytest_failhard.llm.catalogue import load
from pytest_failhard.llm.injection import parse
from pytest_failhard.llm.ledger import calls, lines, read
from pytest_failhard.llm.router import Router
from pytest_failhard.llm.schedule import Rule
from pytest_failhard.llm.server import Server
from tests.llm.requests_made import CANARIES


class Service:
    """A client of a router that is served."""

    def __init__(self, server: Server, *rules: Rule) -> None:
        self.router = Router("case", seed=0, rules=rules, canaries=CANARIES)
        self.client = openai.OpenAI(
            base_url=f"{server.open(self.router).url}/v1", api_key=CANARIES.keys["OPENAI_API_KEY"]
        )

    def ask(self, text: str = "hello") -> str | None:
        answer = self.client.chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": text}]
        )
        return answer.choices[0].message.content


@pytest.fixture
def served(server: Server) -> Iterator[Service]:
    """A client whose connections are closed."""
    service = Service(server)
    with service.client:
        yield service


def test_a_healthy_call_is_one_attempt_with_our_key(served: Service) -> None:
    assert served.ask() == CANARIES.text
    (attempt,) = served.router.ledger.attempts
    assert (attempt.key, attempt.status, attempt.retry_count, attempt.read_timeout) == (
        "key[OPENAI_API_KEY]",
        200,
        0,
        "600",
    )
    assert attempt.user_agent.startswith("OpenAI/Python ")
    assert attempt.layer == "base_url"


def test_an_sdk_repeats_and_the_wrapper_around_it_multiplies(served: Service) -> None:
    served.router.extend(parse("kinds=rate_limit_rpm(hint_ms=1)", load()))
    for _ in range(2):
        with pytest.raises(openai.RateLimitError):
            served.ask()
    (call,) = calls(served.router.ledger.attempts)
    assert call.shape == "6 (2 x 3)"
    assert all(gap > 0 for gap in call.gaps)
    assert [each.retry_count for each in call.attempts] == [0, 1, 2, 0, 1, 2]
    written = lines(served.router.ledger)
    assert lines(read(written)) == written


def test_a_fault_once_is_recovered_from(served: Service) -> None:
    served.router.extend(parse("kinds=rate_limit_rpm(hint_ms=1),first=1", load()))
    assert served.ask() == CANARIES.text
    (call,) = calls(served.router.ledger.attempts)
    assert [each.status for each in call.attempts] == [429, 200]
    assert call.shape == "2"


def test_calls_at_once_are_calls_of_their_own(served: Service) -> None:
    served.router.delay = 0.2
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(served.ask, ["hello"] * 4)) == {CANARIES.text}
    assert [call.shape for call in calls(served.router.ledger.attempts)] == ["1"] * 4


def test_the_hops_of_a_redirect_loop_are_no_attempts(served: Service) -> None:
    served.router.extend(parse("kinds=redirect_loop", load()))
    with pytest.raises(openai.APIConnectionError):
        served.client.with_options(max_retries=1).chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": "hello"}]
        )
    (call,) = calls(served.router.ledger.attempts)
    assert call.shape == "2"
    assert {each.kind for each in served.router.ledger.attempts} == {"call", "redirect"}
    assert len(served.router.ledger.attempts) == 42
