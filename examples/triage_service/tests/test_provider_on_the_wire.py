"""The same with pytest-failhard's provider: what it refuses, and a failure that passes."""

from __future__ import annotations

import os

import pytest
from pytest_failhard.llm.faults import Faults
from pytest_failhard.llm.tried import System
from pytest_failhard.llm.verdicts.outcome import Outcome
from support import TICKET

from triage.app import create_app
from triage.settings import PROVIDER_URL, load


@pytest.fixture
def ask(environ: dict[str, str], llm_faults: Faults, llm_system: System) -> Outcome:
    llm_faults.on().answer(
        json={"category": "billing", "priority": "high", "queue": "finance", "reason": "{{canary}}"}
    )
    settings = load(
        {
            **environ,
            "OPENAI_API_KEY": os.environ["OPENAI_API_KEY"],
            "OPENAI_BASE_URL": PROVIDER_URL,
            "OPENAI_MAX_RETRIES": "2",
        }
    )
    headers = {"Authorization": f"Bearer {settings.api_token}"}
    return llm_system.request(create_app(settings), "POST", "/tickets", json=TICKET, headers=headers)


@pytest.mark.failhard_fault_matrix("invalid_key", "no_permission", "model_not_found", "context_length")
def test_a_refusal_of_the_provider_is_an_open_failure(ask: Outcome, llm_faults: Faults) -> None:
    llm_faults.judge(ask)


@pytest.mark.failhard_fault("server_error", first=2, hint_ms=1)
def test_a_provider_that_recovers_gives_the_real_answer(ask: Outcome, llm_faults: Faults) -> None:
    assert ask.code == 201
    assert [attempt.status for attempt in llm_faults.attempts] == [500, 500, 200]
    assert llm_faults.provider.canaries.text in ask.result
    llm_faults.assert_has_timeout(10)
