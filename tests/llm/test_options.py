"""What a test may say of faults: read strictly, every mistake at once."""

from __future__ import annotations

import pytest

from pytest_failhard.llm.catalogue import load
from pytest_failhard.llm.matrices import chosen
from pytest_failhard.llm.options import OptionsError, Strictness, counted, match, rule
from pytest_failhard.llm.schedule import Kind, Match, Rule, When


def test_keywords_go_where_they_belong() -> None:
    options = {"first": 2, "max": 3, "model": "gpt-*", "stream": True, "hint_ms": 20}
    assert rule(load(), "r1", ["rate_limit_rpm"], options, sequence=False) == Rule(
        id="r1",
        kinds=(Kind(fault="rate_limit_rpm", params={"hint_ms": 20}),),
        match=Match(model="gpt-*", stream=True),
        when=When(first=2, most=3),
    )


def test_a_sequence_may_hold_healthy_answers() -> None:
    made = rule(load(), "r1", ["server_error", "ok"], {}, sequence=True)
    assert [kind.fault for kind in made.kinds] == ["server_error", "ok"]
    assert made.sequence


def test_every_mistake_is_named_at_once() -> None:
    options = {
        "fist": 2,
        "first": 0,
        "nth": True,
        "p": 2,
        "stream": "yes",
        "model": 4,
        "hint_ms": [1],
        "after": -1,
    }
    with pytest.raises(OptionsError) as caught:
        rule(load(), "r1", ["rate_limt_rpm", "rate_limit_rpm"], options, sequence=False)
    text = "\n".join(caught.value.mistakes)
    assert "unknown LLM fault 'rate_limt_rpm': did you mean 'rate_limit_rpm'" in text
    assert "fist: unknown keyword; did you mean first?" in text
    assert "first, nth, p: keep one of them" in text
    assert "first: must be a whole number from 1 on (it is 0)" in text
    assert "nth: must be a whole number from 1 on (it is True)" in text
    assert "p: must be above 0 and at most 1 (it is 2)" in text
    assert "stream: must be true or false (it is 'yes')" in text
    assert "model: must be text (it is 4)" in text
    assert "hint_ms: must be a number, text or None (it is [1])" in text
    assert "after: must be a number, 0 or more (it is -1)" in text


def test_healthy_is_no_fault_outside_a_sequence() -> None:
    with pytest.raises(OptionsError, match="unknown LLM fault 'ok'"):
        rule(load(), "r1", ["ok"], {}, sequence=False)


def test_all_checks_are_on_unless_turned_off() -> None:
    assert Strictness.of({}).turned_off == ()
    assert Strictness.of({"all_fired": False}).turned_off == ("all_fired",)


def test_a_misspelt_check_is_refused() -> None:
    with pytest.raises(OptionsError) as caught:
        Strictness.of({"all_fire": False, "canary_key": 0})
    assert caught.value.mistakes == (
        "all_fire: unknown keyword; did you mean all_fired?",
        "canary_key: must be true or false (it is 0)",
    )


def test_what_chooses_requests_is_read_as_strictly() -> None:
    assert match({"model": "gpt-*", "stream": True}) == Match(model="gpt-*", stream=True)
    with pytest.raises(OptionsError) as caught:
        match({"mdel": "x", "route": 1})
    assert caught.value.mistakes == (
        "mdel: unknown keyword; did you mean model?",
        "route: must be text (it is 1)",
    )


def test_another_way_of_counting_keeps_the_rest() -> None:
    before = When(first=2, most=3, after=0.5)
    assert counted(before, "every", 4) == When(every=4, most=3, after=0.5)
    assert counted(before, "first", None) == When(most=3, after=0.5)
    with pytest.raises(OptionsError, match="nth: must be a whole number from 1 on"):
        counted(before, "nth", 0)


@pytest.mark.parametrize(
    "options", [{"first": 1}, {"model": "gpt-*"}], ids=["when", "match"]
)  # fmt: skip
def test_a_fault_of_the_connection_chooses_no_requests(options: dict[str, object]) -> None:
    with pytest.raises(OptionsError, match="refused acts on the connection, where no request is seen"):
        rule(load(), "r1", ["refused"], options, sequence=False)


def test_a_matrix_names_its_mistakes_at_once() -> None:
    with pytest.raises(OptionsError) as caught:
        chosen(
            load(), ["transient", "no_such"], {"provider": "opnai", "level": 5, "exclude": ("refused", "x")}
        )
    assert caught.value.mistakes == (
        "provider: unknown dialect 'opnai'; did you mean openai?",
        "level: must be 1, 2, 3 or 4 (it is 5)",
        *(each for each in caught.value.mistakes if "no_such" in each),
        "exclude: refused is not in this matrix; remove it",
    )
    with pytest.raises(OptionsError, match="name at least one group or fault"):
        chosen(load(), [], {})


def test_a_matrix_is_sorted_and_keeps_what_it_leaves_out() -> None:
    cases = chosen(load(), ["server_error", "invalid_key"], {"exclude": [("invalid_key", "not ours")]})
    assert [(case.id, case.left_out) for case in cases] == [
        ("openai-invalid_key", "not ours"),
        ("openai-server_error", ""),
    ]
