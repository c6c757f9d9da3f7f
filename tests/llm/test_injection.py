"""The rules of `--inject-failures`: read strictly, with every mistake and its repair at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_failhard.llm.catalogue import GROUPS, Catalogue, load
from pytest_failhard.llm.injection import KEYS, parse, text
from pytest_failhard.llm.schedule import Kind, Match, Rule, ScheduleError, When
from tests.llm.requests_made import UNHURRIED

CATALOGUE = load()
INJECTABLE = sorted(each.id for each in CATALOGUE.faults.values() if each.stage == "answer")
EARLY = sorted(each.id for each in CATALOGUE.faults.values() if each.stage != "answer")


def mistakes(spec: str, dialects: tuple[str, ...] = ()) -> tuple[str, ...]:
    with pytest.raises(ScheduleError) as caught:
        parse(spec, CATALOGUE, dialects)
    assert str(caught.value) == "\n".join(caught.value.mistakes)
    return caught.value.mistakes


def test_the_example_of_the_help_is_read() -> None:
    assert parse("p=0.05,kinds=rate_limit_rpm(hint_ms=20)|server_error,model=gpt-*,max=20", CATALOGUE) == (
        Rule(
            id="r1",
            kinds=(
                Kind(fault="rate_limit_rpm", params={"hint_ms": 20}),
                Kind(fault="server_error"),
            ),
            match=Match(model="gpt-*"),
            when=When(p=0.05, most=20),
        ),
    )


def test_every_key_has_its_place() -> None:
    spec = (
        "kinds=server_error,nth=3,after=1.5,for=2,provider=openai,route=/chat/*,stream=true,call=summarise"
        " ; kinds = server_error , first = 2 , stream = false"
    )
    assert parse(spec, CATALOGUE) == (
        Rule(
            id="r1",
            kinds=(Kind(fault="server_error"),),
            match=Match(provider="openai", route="/chat/*", stream=True, call="summarise"),
            when=When(nth=3, after=1.5, lasting=2.0),
        ),
        Rule(
            id="r2",
            kinds=(Kind(fault="server_error"),),
            match=Match(stream=False),
            when=When(first=2),
        ),
    )


def test_without_kinds_all_transient_faults_are_meant_and_without_when_always() -> None:
    (rule,) = parse("model=gpt-*", CATALOGUE)
    transient = [each.id for each in CATALOGUE.group("transient") if each.stage == "answer"]
    assert [kind.fault for kind in rule.kinds] == transient
    assert rule.when == When()


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_stands_for_its_faults_of_an_answer(group: str) -> None:
    (rule,) = parse(f"kinds={group}", CATALOGUE)
    found = [kind.fault for kind in rule.kinds]
    assert found == [each.id for each in CATALOGUE.group(group) if each.stage == "answer"]
    assert found


def test_a_parameter_of_a_group_goes_to_the_faults_that_know_it() -> None:
    (rule,) = parse("kinds=transient(hint_ms=null)", CATALOGUE)
    given = {kind.fault: kind.params for kind in rule.kinds}
    assert given["rate_limit_rpm"] == {"hint_ms": None}
    assert given["rate_limit_no_header"] == {}


def test_a_group_holds_only_what_the_dialects_in_use_can_say() -> None:
    (everywhere,), (here,) = (parse("kinds=all", CATALOGUE, each) for each in ((), ("anthropic",)))
    assert {kind.fault for kind in here.kinds} < {kind.fault for kind in everywhere.kinds}


@pytest.mark.parametrize("spec", ["", "  ", "\n"])
def test_nothing_is_no_specification(spec: str) -> None:
    (mistake,) = mistakes(spec)
    example = '--inject-failures "p=0.05,kinds=rate_limit_rpm(hint_ms=20)|server_error,model=gpt-*,max=20"'
    assert mistake == f"--inject-failures is empty: give rules, as in {example}"


def test_all_mistakes_are_told_at_once_each_with_what_is_nearest() -> None:
    spec = (
        "kinds=rate_limt|transientt(x=1)|zzzz,pp=0.5,p=2,first=0,first=1;;"
        "max=a,kinds=refused|server_error(hintms=3)|server_error(hint_ms=soon)|invalid_key(why)|invalid_key(why=1),stream=yes;"
        "kinds=rate_limit_rpm(hint_ms=-1,hint_ms=2,),for=0,after=-1,every=1.5,model=,nonsense;kinds=()|a(b,p=1"
    )
    assert mistakes(spec) == ALL_MISTAKES


ALL_MISTAKES = (
    "rule 1: unknown key pp; did you mean p?",
    "rule 1: first stands twice; keep one",
    "rule 1: unknown LLM fault 'rate_limt': did you mean 'rate_limit_rpm'? failhard llm-faults lists all",
    "rule 1: unknown LLM fault 'transientt': did you mean 'transient'? failhard llm-faults lists all",
    "rule 1: unknown LLM fault 'zzzz': failhard llm-faults lists all",
    "rule 1: p and first exclude each other: keep one",
    "rule 1: first must be a whole number from 1 (it is 0)",
    "rule 1: p must be above 0 and at most 1 (it is 2)",
    "rule 2: is empty: give key=value pairs, or drop the ;",
    "rule 3: kinds: refused acts before there is a request to answer: use the marker failhard_fault in a test",
    "rule 3: kinds: server_error: unknown parameter hintms; did you mean hint_ms?",
    "rule 3: kinds: server_error: hint_ms must be a number or null (it is 'soon')",
    "rule 3: kinds: server_error stands twice with other parameters; keep one",
    "rule 3: kinds: invalid_key: 'why' is no name=value",
    "rule 3: kinds: invalid_key: unknown parameter why; it has none",
    "rule 3: max must be a whole number from 1 (it is a)",
    "rule 3: stream must be true or false (it is yes)",
    "rule 4: 'model=' is no key=value",
    "rule 4: 'nonsense' is no key=value",
    "rule 4: kinds: rate_limit_rpm: hint_ms must not be negative (it is -1)",
    "rule 4: kinds: rate_limit_rpm: hint_ms stands twice; keep one",
    "rule 4: kinds: rate_limit_rpm: '' is no name=value",
    "rule 4: every must be a whole number from 1 (it is 1.5)",
    "rule 4: after must be seconds from 0 (it is -1)",
    "rule 4: for must be seconds above 0 (it is 0)",
    "rule 5: kinds: '()' is no fault id or group, with parameters in parentheses or none",
    "rule 5: kinds: 'a(b,p=1' is no fault id or group, with parameters in parentheses or none",
)


def test_a_group_without_a_fault_for_the_dialects_in_use_is_a_mistake() -> None:
    few = Catalogue(version=1, sha256="", faults={"invalid_key": CATALOGUE.find("invalid_key")})
    with pytest.raises(ScheduleError) as caught:
        parse("kinds=deadline", few, ("cohere",))
    assert caught.value.mistakes == (
        "rule 1: kinds: the group deadline has no fault that can be injected here; failhard llm-faults lists all",
    )


def test_a_fault_that_comes_before_any_answer_cannot_be_injected() -> None:
    for name in EARLY:
        reason = "acts before there is a request to answer: use the marker failhard_fault in a test"
        assert mistakes(f"kinds={name}") == (f"rule 1: kinds: {name} {reason}",)


def test_a_fault_without_a_form_in_the_dialects_in_use_cannot_be_injected() -> None:
    foreign = next(
        name
        for name in INJECTABLE
        if not CATALOGUE.form(CATALOGUE.find(name), "openai") and CATALOGUE.dialects_of(CATALOGUE.find(name))
    )
    reason = "has no wire form in the dialects in use (openai); failhard llm-faults lists all"
    assert mistakes(f"kinds={foreign}", ("openai",)) == (f"rule 1: kinds: {foreign} {reason}",)


WORDS = st.from_regex(r"[a-z0-9*?/._:-]{1,12}", fullmatch=True)
SECONDS = st.floats(0.001, 1e6).map(str).filter(lambda written: "e" not in written)
WHENS = st.one_of(
    st.just(""),
    st.floats(1e-9, 1).map(lambda p: f",p={p:.20f}").filter(lambda pair: float(pair[3:]) > 0),
    st.tuples(st.sampled_from(["first", "nth", "every"]), st.integers(1, 10**9)).map(
        lambda pair: f",{pair[0]}={pair[1]}"
    ),
)
PARAMETERS = st.sampled_from(["", "(hint_ms=20)", "(hint_ms=null)", "(hint_ms=0.5)"])
KINDS = st.one_of(
    st.lists(st.sampled_from(INJECTABLE), min_size=1, max_size=4).map("|".join),
    st.sampled_from(sorted(GROUPS)),
    PARAMETERS.map(lambda params: f"server_error|rate_limit_rpm{params}"),
)


@st.composite
def specs(draw: st.DrawFn) -> str:
    rules = []
    for _ in range(draw(st.integers(1, 3))):
        pairs = [f"kinds={draw(KINDS)}{draw(WHENS)}"]
        pairs += [
            f"{key}={draw(WORDS)}" for key in ("provider", "route", "model", "call") if draw(st.booleans())
        ]
        pairs += [f"{key}={draw(SECONDS)}" for key in ("after", "for") if draw(st.booleans())]
        pairs += [f"max={draw(st.integers(1, 99))}"] if draw(st.booleans()) else []
        pairs += [f"stream={draw(st.sampled_from(['true', 'false']))}"] if draw(st.booleans()) else []
        rules.append(",".join(draw(st.permutations(pairs))))
    return draw(st.sampled_from([";", " ; "])).join(rules)


@UNHURRIED
@given(spec=specs())
def test_rules_can_be_written_and_read_again(spec: str) -> None:
    rules = parse(spec, CATALOGUE)
    assert parse(text(rules), CATALOGUE) == rules
    assert [rule.id for rule in rules] == [f"r{number}" for number in range(1, len(rules) + 1)]


@UNHURRIED
@given(spec=st.text("kinds=p,;|()0.1 transientmodel-", max_size=40))
def test_whatever_is_written_is_read_or_told_to_be_wrong(spec: str) -> None:
    found: tuple[str, ...] = ()
    try:
        rules = parse(spec, CATALOGUE)
    except ScheduleError as error:
        found = error.mistakes
    else:
        assert parse(text(rules), CATALOGUE) == rules
    assert all(mistake.startswith(("rule ", "--inject-failures is empty")) for mistake in found)


@pytest.mark.parametrize("key", sorted(set(KEYS) - {"p", "for", "max", "nth"}))
def test_a_mistyped_key_is_told_with_the_nearest(key: str) -> None:
    (mistake, *_) = mistakes(f"{key}x=1")
    assert mistake == f"rule 1: unknown key {key}x; did you mean {key}?"
