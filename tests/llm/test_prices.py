"""What tokens cost: exact, by the longest glob, and never 0 for a model that is not listed."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_failhard import policy
from pytest_failhard.llm.ledger import Usage
from pytest_failhard.llm.prices import PriceError, Prices
from tests.llm.requests_made import ATTEMPT, UNHURRIED

SHIPPED = Prices.load()
LIST = """\
schema: failhard-prices/1
as_of: 2026-11-20
currency: USD
per_tokens: 1000
models:
  openai:
    "*": { input: "1", cached_input: "1", output: "1" }
    gpt-*: { input: "0.3", cached_input: "0.1", output: "0.7" }
    gpt-4o: { input: "0.00000001", cached_input: "0", output: "2" }
"""


def load(folder: Path, text: str) -> Prices:
    path = folder / "prices.yaml"
    path.write_text(text)
    return Prices.load(path)


def mistakes(folder: Path, text: str) -> str:
    with pytest.raises(PriceError) as caught:
        load(folder, text)
    return str(caught.value).replace(str(folder), "")


def test_the_shipped_list_knows_the_common_models_of_three_providers() -> None:
    prices = Prices.load()
    assert set(prices.models) == {"openai", "anthropic", "gemini"}
    assert (prices.currency, prices.per_tokens) == ("USD", 1_000_000)
    for dialect, model in (
        ("openai", "gpt-4o-mini"),
        ("openai", "gpt-4o-mini-2024-07-18"),
        ("openai_responses", "gpt-5-mini"),
        ("anthropic", "claude-haiku-4-5-20251001"),
        ("gemini", "gemini-2.5-flash"),
    ):
        price = prices.find(dialect, model)
        assert price is not None
        assert 0 < price.cached_input < price.input < price.output
    assert prices.find("openai", "gpt-4o-audio-preview") is None
    assert prices.find("azure", "gpt-4o-mini") is None


def test_the_shipped_list_is_read_from_the_folder_of_the_policies_and_hashed() -> None:
    data = (Path(__file__).parents[2] / "policies" / "prices.yaml").read_bytes()
    assert Prices.load().sha256 == hashlib.sha256(data).hexdigest()


def test_the_shipped_list_is_no_policy() -> None:
    assert "prices.yaml" not in policy.SHIPPED.values()


def test_the_longest_glob_wins(tmp_path: Path) -> None:
    prices = load(tmp_path, LIST)
    found = [prices.find("openai", model) for model in ("o9", "gpt-9", "gpt-4o")]
    assert [price.output if price else None for price in found] == [Decimal(1), Decimal("0.7"), Decimal(2)]


@UNHURRIED
@given(fresh=st.integers(0, 10**12), cached=st.integers(0, 10**12), output=st.integers(0, 10**12))
def test_a_cost_is_exact(fresh: int, cached: int, output: int) -> None:
    usage = Usage(input=fresh + cached, cached=cached, output=output)
    cost = SHIPPED.cost(replace(ATTEMPT, usage=usage))
    # gpt-4o-mini: 0.15, 0.075 and 0.6 dollars a million, here in billionths of a dollar.
    assert cost * 10**9 == fresh * 150 + cached * 75 + output * 600


def test_a_model_without_a_price_has_no_cost() -> None:
    prices = Prices.load()
    with pytest.raises(PriceError) as caught:
        prices.cost(replace(ATTEMPT, model="unheard-of"))
    assert str(caught.value) == (
        "price-unknown: openai model 'unheard-of' has no price in the list of "
        f"{prices.as_of}: add it to a price list of your own"
    )


def test_a_list_is_stale_after_180_days(tmp_path: Path) -> None:
    prices = load(tmp_path, LIST)
    assert not prices.is_stale(date(2027, 5, 19))
    assert prices.is_stale(date(2027, 5, 20))


def test_all_mistakes_of_a_list_are_told_at_once(tmp_path: Path) -> None:
    text = """\
schema: failhard-prices/2
as_of: 2026-13-01
currency: EUR
per_tokens: 0
models:
  openai:
    gpt-4o: { input: 0.15, cached_inptu: "1e3", output: "-1" }
"""
    assert mistakes(tmp_path, text).splitlines() == MISTAKES


MISTAKES = [
    "/prices.yaml: schema: must be one of 'failhard-prices/1' (it is 'failhard-prices/2')",
    "/prices.yaml: as_of: must be a day that exists, as YYYY-MM-DD (it is '2026-13-01')",
    "/prices.yaml: currency: must be one of 'USD' (it is 'EUR')",
    "/prices.yaml: per_tokens: must be above 0 (it is 0)",
    """/prices.yaml: models.openai.gpt-4o.input: must be a decimal in quotes, such as "0.15" (it is 0.15)""",
    "/prices.yaml: models.openai.gpt-4o.cached_input: is missing: add it",
    """/prices.yaml: models.openai.gpt-4o.output: must be a decimal in quotes, such as "0.15" (it is '-1')""",
    "/prices.yaml: models.openai.gpt-4o.cached_inptu: unknown key; did you mean cached_input?",
]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "/prices.yaml:1:5: expected the node content, but found '<stream end>'"),
        (LIST + "per_tokens: 1\n", "/prices.yaml:10:1: the key per_tokens stands twice; keep one"),
        (
            LIST.split("models", maxsplit=1)[0] + "models: {}\n",
            "/prices.yaml: models: must not be empty (it is {})",
        ),
    ],
)
def test_what_is_no_list_is_refused(tmp_path: Path, text: str, message: str) -> None:
    assert mistakes(tmp_path, text) == message


def test_a_list_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PriceError) as caught:
        Prices.load(tmp_path / "none.yaml")
    assert str(caught.value) == (
        f"{tmp_path / 'none.yaml'}: cannot be read: No such file or directory; name a price list that exists"
    )
