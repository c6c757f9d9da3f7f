"""Every SDK meets every fault of its provider as the catalogue says: what it raises, and how often it asks."""

from __future__ import annotations

import gc
import json
import operator
from collections.abc import Mapping
from dataclasses import asdict

import pytest

from pytest_failhard.llm.catalogue import load
from tests.llm.sdk.calls import prepare
from tests.llm.sdk.clients import LEAKING, OTHERS
from tests.llm.sdk.laboratory import Laboratory
from tests.llm.sdk.matrix import DIALECTS, SAMPLED, SAMPLES, WAITING, WAITS, WAYS, Case, cases, in_ci
from tests.size import FULL

CASES = tuple(cases(load()) if FULL else in_ci(cases(load())))
HEALTHY = tuple(
    (sdk, dialect, variant)
    for sdk, dialects in DIALECTS.items()
    for dialect in dialects
    for variants in WAYS[dialect].values()
    for variant in variants
    # Where the request differs in nothing but its address, and with the older SDK, the plain way in CI's size.
    if FULL or variant == "create" or (sdk != "openai-2" and dialect not in {"azure", "openrouter"})
) + tuple((sdk, dialect, "create") for sdk, dialect in SAMPLED.items())
RESULTS: Mapping[str, str] = {
    "json": '{"city": "<answer>"}',
    "parse": "parsed <answer>",
    "choices": "<answer> | <answer>",
    "choices_create_stream": "<answer> | <answer>",
    "choices_stream": "<answer> | <answer>",
}
TOOLS: Mapping[tuple[str, str], str] = {
    ("gemini", "tools"): "tool weather({'city': '<answer>'})",
    ("anthropic", "tools"): "tool input {'city': '<answer>'}",
    ("anthropic", "tools_create_stream"): 'tool input {"city":"<answer>"}',
    ("anthropic", "tools_stream"): "tool input {'city': '<answer>'}",
    ("bedrock", "tools"): "tool input {'city': '<answer>'}",
    ("bedrock", "tools_create_stream"): 'tool input {"city":"<answer>"}',
}


def _expected(dialect: str, variant: str) -> str:
    if dialect == "openai_embeddings":
        return "vectors of 8, 8"
    if "tools" in variant:
        streamed = 'tool arguments {"city": "<answer>"}'
        whole = 'tool weather({"city": "<answer>"})'
        return TOOLS.get((dialect, variant), streamed if variant.endswith("create_stream") else whole)
    return RESULTS.get(variant, "<answer>")


@pytest.fixture(scope="package")
def chosen(request: pytest.FixtureRequest) -> tuple[Case, ...]:
    """The cases of this run: all of them, or those that the developer asked for.

    Their SDKs are imported now: compiling one would keep the server's thread from sending in time. What
    they are made of is put aside, so that collecting what a call leaves is quick.
    """
    names = {item.name.partition("[")[2].removesuffix("]") for item in request.session.items}
    found = tuple(case for case in CASES if case.id in names)
    for sdk in {case.sdk for case in found} - OTHERS - LEAKING:
        prepare(sdk)
    gc.collect()
    gc.freeze()
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_an_sdk_meets_a_fault_as_the_catalogue_says(
    case: Case,
    chosen: tuple[Case, ...],
    laboratory: Laboratory,
    request: pytest.FixtureRequest,
) -> None:
    meeting = laboratory.meet(case, chosen)
    seen = [CASES.index(case), case.fault.id, case.home, case.keys, asdict(meeting.observed)]
    request.node.user_properties.append(("observed", json.dumps(seen)))
    assert [each for each in meeting.ledger.refusals if each.what in {"answer", "bad-request"}] == []
    assert meeting.observed == case.expected, meeting.outcome
    if case.sdk in WAITING and case.fault.id in WAITS:
        assert all(map(operator.ge, meeting.waits, WAITS[case.fault.id])), meeting.waits


def test_every_fault_is_met_and_every_client_is_asked() -> None:
    assert {case.fault.id for case in CASES} == set(load().faults)
    assert {case.sdk for case in CASES} == {*DIALECTS, *SAMPLED}
    kinds = {load().faults[name].kind for name in SAMPLES}
    assert kinds >= {"permanent", "permanent-retried", "transient", "silent", "network", "deadline", "benign"}


@pytest.mark.parametrize(("sdk", "dialect", "variant"), HEALTHY, ids=map("-".join, HEALTHY))
def test_an_sdk_is_content_with_a_healthy_answer(
    sdk: str, dialect: str, variant: str, laboratory: Laboratory
) -> None:
    meeting = laboratory.healthy(sdk, dialect, variant)
    assert meeting.outcome is not None
    assert meeting.outcome.exception == "", meeting.outcome
    assert [attempt.kind for attempt in meeting.ledger.attempts] == ["call"]
    assert meeting.ledger.refusals == ()
    assert meeting.outcome.result == _expected(dialect, variant)
