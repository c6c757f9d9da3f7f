"""Words of a case are found however they are set, and nothing else is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_failhard.llm.canaries import Canaries, word
from pytest_failhard.llm.verdicts.search import (
    Presence,
    holds_any,
    holds_number,
    holds_word,
    masked,
    presence,
)
from tests.llm.verdicts.samples import FIRST, MINE


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (MINE.text, Presence.FULL),
        (MINE.text.upper(), Presence.FULL),
        (f"{MINE.head}\n{MINE.middle[:4]}-\n{MINE.middle[4:]} {MINE.tail}.", Presence.FULL),
        (f"{MINE.head} goes before {MINE.middle}", Presence.PARTIAL),
        (MINE.tail, Presence.PARTIAL),
        (FIRST.text, Presence.NONE),
        ("", Presence.NONE),
    ],
)
def test_the_whole_answer_a_part_and_nothing_are_told_apart(text: str, expected: Presence) -> None:
    assert presence(text, MINE) is expected


@settings(deadline=None)
@given(st.data())
def test_breaks_and_capitals_hide_no_word(data: st.DataObject) -> None:
    breaks = st.sampled_from(["", "", "", " ", "\n", "-", "\u00ad", "- \n"])
    spelled = "".join(
        data.draw(st.sampled_from([letter, letter.upper()])) + data.draw(breaks) for letter in MINE.poison
    )
    assert holds_word(f"({spelled})", MINE.poison)
    assert "canary[case].poison" in masked(f"({spelled})", (MINE,))


@settings(deadline=None)
@given(st.lists(st.builds(word), max_size=20))
def test_other_random_words_are_never_a_canary(words: list[str]) -> None:
    text = " ".join(words)
    assert presence(text, MINE) is Presence.NONE
    assert not holds_word(text, MINE.poison)
    assert masked(text, (MINE,)) == text


def test_no_word_is_found_nowhere() -> None:
    assert not holds_word("anything", "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("is 1234567.", True),
        ("is 1,234,567 in all", True),
        ("1 234 567", True),
        ("1'234'567", True),
        ("1234567.0", True),
        ("91234567", False),
        ("12345670", False),
        ("1234568", False),
    ],
)
def test_a_figure_is_found_with_and_without_separators(text: str, expected: bool) -> None:
    assert holds_number(text, 1234567) is expected


def test_earlier_answers_are_named_by_their_label() -> None:
    assert holds_any(f"x {FIRST.middle}", (MINE, FIRST)) == "A"
    assert holds_any(f"x {FIRST.number}", (MINE, FIRST)) == "A"
    assert holds_any("x", (MINE, FIRST)) == ""


@settings(deadline=None)
@given(st.integers(min_value=10**6, max_value=10**7 - 1))
def test_other_figures_are_never_a_canary(number: int) -> None:
    assert holds_number(str(number), MINE.number) is (number == MINE.number)


def test_a_cut_word_is_masked_where_it_stands_alone() -> None:
    assert masked(f"{MINE.head} goes before {MINE.middle[:5]}", (MINE,)).endswith(
        "before canary[case].middle"
    )
    assert masked(f"{MINE.tail[:3].upper()}.", (MINE,)) == "canary[case].tail."
    for text in (f"{MINE.tail[:2]}.", f"{MINE.tail[:5]}x", f"x{MINE.tail[:5]}"):
        assert masked(text, (MINE,)) == text
    short = replace(MINE, head="x", middle="yy", tail="zz", poison="ww")
    assert masked("x", (short,)) == "canary[case].head"


def test_masking_leaves_no_word_of_a_case() -> None:
    drawn = Canaries.draw("B")
    text = masked(f"{drawn.text} {drawn.number} {drawn.poison}", (drawn,))
    words = (drawn.head, drawn.middle, drawn.tail, drawn.poison, str(drawn.number))
    assert not any(known in text for known in words)
    assert text.startswith("canary[B].head goes before canary[B].middle")
