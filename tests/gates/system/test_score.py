"""The readiness score counts what was proved, and nothing that was not."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_failhard.gates.system.score import (
    ABSENT,
    ERROR,
    FAILED,
    NEEDS,
    STATEMENTS,
    UNSEEN,
    WAIVED,
    Known,
    score,
)

IDS = st.sampled_from(sorted(STATEMENTS))
TRAITS = st.frozensets(st.sampled_from(sorted({*NEEDS.values()})))
KNOWN = st.builds(
    Known,
    proved=st.dictionaries(IDS, st.booleans()),
    traits=TRAITS,
    absent=st.dictionaries(st.sampled_from(sorted({*NEEDS.values()})), st.just("nothing imports it")),
    errors=st.dictionaries(IDS, st.just("it did not answer")),
    waived=st.frozensets(IDS),
)
ALL = dict.fromkeys(STATEMENTS, True)
DEVELOPMENT = {"S1", "S2", "V3", "H1", "L3", "L4", "G2", "G3"}


def test_there_are_thirty_statements_in_nine_groups() -> None:
    assert len(STATEMENTS) == 30
    assert "".join(dict.fromkeys(name[0] for name in STATEMENTS)) == "SVHLGFPMD"


def test_nothing_known_is_none_of_thirty() -> None:
    found = score(Known(proved={}))

    assert (found.text, found.value) == ("0/30 (0.0 %)", Fraction(0))
    assert found.named(UNSEEN) == tuple(STATEMENTS)


@pytest.mark.parametrize(
    ("failed", "text"),
    [
        (STATEMENTS.keys() - DEVELOPMENT, "8/30 (26.7 %)"),
        ({"H2", "P2", "M2"}, "27/30 (90.0 %)"),
        ({"H2", "P2"}, "28/30 (93.3 %)"),
        (set(), "30/30 (100.0 %)"),
    ],
)
def test_score_is_shown_as_a_fraction_with_its_percentage(failed: set[str], text: str) -> None:
    assert score(Known(proved={name: name not in failed for name in STATEMENTS})).text == text


def test_statement_leaves_only_where_its_trait_was_shown_to_be_absent() -> None:
    shown = score(
        Known(proved=ALL, absent={"llm": "no client is imported", "dependencies": "none is declared"})
    )
    unknown = score(Known(proved={}))

    assert (shown.named(ABSENT), shown.text) == (("H2", "M1", "M2"), "27/27 (100.0 %)")
    assert unknown.named(ABSENT) == ()
    assert {each.because for each in shown.statements if each.state == ABSENT} == {
        "no client is imported",
        "none is declared",
    }


def test_trait_that_the_system_has_keeps_its_statements() -> None:
    assert score(Known(proved=ALL, traits={"llm"}, absent={"llm": "said so"})).applicable == 30


def test_what_is_unseen_in_error_or_waived_is_not_passed_and_is_named() -> None:
    found = score(
        Known(
            proved={name: True for name in STATEMENTS if name != "D1"},
            errors={"P1": "nothing was logged"},
            waived={"V1"},
        )
    )

    assert (found.named(UNSEEN), found.named(ERROR), found.named(WAIVED)) == (("D1",), ("P1",), ("V1",))
    assert found.passed == 27


@pytest.mark.parametrize("first", [{"L1": False}, {}])
def test_speed_counts_only_where_the_answers_are_right(first: dict[str, bool]) -> None:
    found = score(Known(proved={**first, "L2": True}))

    assert found.named(FAILED)[-1] == "L2"
    assert found.passed == 0


def test_statement_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="called X1, Z9"):
        score(Known(proved={"Z9": True}, waived={"X1"}))


@given(KNOWN)
def test_score_is_an_exact_share_of_what_applies(known: Known) -> None:
    found = score(known)

    assert isinstance(found.value, Fraction)
    assert 0 <= found.value <= 1
    assert found.value * found.applicable == found.passed
    assert found.text.startswith(f"{found.passed}/{found.applicable} (")
    assert (found.text.endswith("(100.0 %)")) == (found.passed == found.applicable)


@given(KNOWN, IDS)
def test_proving_less_never_gives_more(known: Known, name: str) -> None:
    proved = {each: value for each, value in known.proved.items() if each != name}
    less = Known(
        proved=proved, traits=known.traits, absent=known.absent, errors=known.errors, waived=known.waived
    )

    assert score(less).value <= score(known).value
    assert score(less).applicable == score(known).applicable


@given(KNOWN)
def test_scorecard_says_of_each_statement_what_became_of_it(known: Known) -> None:
    found = score(known)
    card = json.loads(found.scorecard())

    assert list(card["statements"]) == list(STATEMENTS)
    assert card["score"] == found.text
    assert score(known).scorecard() == found.scorecard()
    assert all(each["says"] for each in card["statements"].values())
