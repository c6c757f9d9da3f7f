"""The baseline of a project: read as it was written, refused as a whole, smaller with every change."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_failhard import judge
from pytest_failhard.baseline import (
    FILE,
    Baseline,
    BaselineError,
    Entry,
    approved,
    dump,
    looser,
    of_base,
    parse,
    pending_notes,
    unknown,
)
from pytest_failhard.model import (
    Finding,
    Frozen,
    Observation,
    Result,
    Rule,
    Severity,
    Stock,
    Verdict,
    Waivable,
    Waiver,
)
from pytest_failhard.report import stock as stocks

DAY = date(2026, 11, 22)
ONE = Frozen(
    gate="lint",
    rule="E501",
    path="app/a.py",
    fingerprint="0123456789abcdef",
    reason="it was there before",
    owner="ana",
    date=DAY,
)
FLOOR = replace(ONE, gate="coverage", rule="line_percent", path="", value=Fraction(200, 11))
CEILING = replace(ONE, rule="max_complexity", path="", value=12, ceiling=True)
NAMES = st.from_regex(r"[a-z]{1,5}", fullmatch=True)
FROZEN = st.builds(
    replace,
    st.sampled_from([ONE, FLOOR, CEILING]),
    gate=NAMES,
    path=st.text(st.characters(exclude_categories=["Cs"]), max_size=9),
    fingerprint=st.from_regex(r"[0-9a-f]{16}", fullmatch=True),
    date=st.dates(),
)


def found(anchor: str, **changes: object) -> Finding:
    made = Finding(
        rule="E501",
        name="line-too-long",
        path="app/a.py",
        line=3,
        severity=Severity.MEDIUM,
        message=f"too long: {anchor}",
        fix="break it",
        anchor=anchor,
    )
    # The caller names fields of the type.
    return replace(made, **changes)  # type: ignore[arg-type]


def freeze(finding: Finding, **changes: object) -> Frozen:
    made = replace(ONE, rule=finding.rule, path=finding.path, fingerprint=finding.fingerprint)
    # The caller names fields of the type.
    return replace(made, **changes)  # type: ignore[arg-type]


@given(
    st.lists(FROZEN, max_size=4, unique_by=lambda each: (each.gate, each.rule, each.path, each.fingerprint))
)
def test_it_is_read_as_it_was_written_in_whatever_order(listed: list[Frozen]) -> None:
    rules = {"silent-except": {"0123456789abcdef": Entry(path="ä.py", reason="x", owner="y")}}
    data = dump(Baseline(rules=rules, frozen=tuple(listed)))
    assert dump(parse(data)) == data == dump(Baseline(rules=rules, frozen=tuple(reversed(listed))))
    assert sorted(parse(data).frozen, key=repr) == sorted(listed, key=repr)
    assert stocks.load(stocks.dump(Stock(frozen=tuple(listed)))) == Stock(frozen=tuple(listed))


def test_a_stock_that_is_none_is_refused() -> None:
    with pytest.raises(stocks.StockError, match="baseline-unreadable: frozen"):
        stocks.load(b'{"refused": []}')


def document(**changes: Any) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(dump(Baseline(frozen=(ONE, FLOOR))))
    content["findings"][1].update(changes)
    return content


def refused(content: object) -> tuple[str, ...]:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    with pytest.raises(BaselineError) as caught:
        parse(data)
    return caught.value.mistakes


def test_every_mistake_is_listed_at_once() -> None:
    content = document(fingerprint="0", reason="old", owner="-", date="2026-02-30", rule="*", more=1)
    content["findings"][0].update(at_least="1/0")
    said = "\n".join(refused({**content, "schema": "failhard-baseline/2"}))
    for place in (
        "schema: must be one of",
        "findings[0].at_least: must be a whole number or a fraction",
        "findings[1].fingerprint: must be the 16 hex digits",
        "findings[1].reason: must say why",
        "findings[1].owner: must name somebody",
        "findings[1].date: must be a day that exists",
        "findings[1].rule: '*' is not one finding",
        "findings[1].more: unknown key",
    ):
        assert f"{FILE}: {place}" in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "is no JSON"),
        (b'{"rules": {}, "rules": {}}', "repeated key rules"),
        (b"[" * 100_000, "is no JSON"),
        (document(owner="eve"), "digest: the entries were edited by hand or by a merge; failhard baseline"),
        ({**document(), "digest": "0"}, "digest: the entries were edited"),
        ({**document(), "findings": 2 * document()["findings"][:1]}, "findings[1]: is of the same finding"),
        (document(at_least=1, at_most=True), "findings[1].at_most: must be a whole number"),
        (document(at_least=1, at_most=1), "findings[1]: has at_least and at_most"),
        (document(at_least=-1), "findings[1].at_least"),
    ],
    ids=range(9),
)
def test_anything_else_is_refused_and_named(content: object, said: str) -> None:
    assert said in "\n".join(refused(content))


def test_what_is_edited_by_a_merge_can_still_be_shrunk() -> None:
    data = json.dumps({**document(), "digest": ""}).encode()
    assert len(parse(data, is_digested=False).frozen) == 2


def test_a_gate_that_does_not_exist_is_named_with_the_one_that_is_meant() -> None:
    assert unknown([replace(ONE, gate="lnit"), ONE], ["lint"]) == [
        f"{FILE}: findings: unknown gate lnit; did you mean lint?"
    ]


def test_a_change_can_shrink_and_tighten_and_not_grow() -> None:
    worse, better = replace(FLOOR, value=Fraction(100, 11)), replace(FLOOR, value=30)
    assert approved([ONE, FLOOR], [ONE]) == ((ONE,), (FLOOR,))
    assert approved([ONE], [ONE, FLOOR]) == ((ONE,), ())
    assert approved([worse], [FLOOR])[0] == (FLOOR,)
    assert approved([better], [FLOOR])[0] == (better,)
    assert approved([replace(CEILING, value=20)], [CEILING])[0] == (CEILING,)
    # What turns a floor into a ceiling, or a measure into a finding, holds as it was.
    assert approved([replace(FLOOR, ceiling=True)], [FLOOR])[0] == (FLOOR,)
    assert approved([replace(FLOOR, value=None)], [FLOOR])[0] == (FLOOR,)
    assert [looser(each, FLOOR) for each in (worse, better, FLOOR)] == [True, False, False]
    assert looser(replace(FLOOR, value=30, ceiling=True), FLOOR)
    assert pending_notes([ONE]) == [
        f"pending approval: what {FILE} adds (lint: 1) counts once the merge base has it"
    ]
    assert pending_notes([]) == []


def test_a_base_that_cannot_be_read_approved_nothing() -> None:
    assert (of_base(None), of_base(b"{"), of_base(dump(Baseline(frozen=(ONE,))))) == ((), (), (ONE,))


LINT = Rule(gate="lint", fail_at=Severity.MEDIUM, timeout=60, at_most={"max_complexity": 10})
OLD, NEW = found("old"), found("new")


NONE = Stock()


def judged(*findings: Finding, stock: Stock = NONE, rule: Rule = LINT, complexity: int = 10) -> Result:
    seen = Observation(tool="ruff 1", examined=3, findings=findings, measures={"max_complexity": complexity})
    result = judge.judge(rule, seen, (), DAY, stock.frozen)
    [settled] = judge.settle_baseline([result], stock)
    return settled


def rules(result: Result) -> list[str]:
    return [each.name for each in result.findings]


def test_only_what_is_new_fails_and_what_is_frozen_is_counted() -> None:
    stock = Stock(frozen=(freeze(OLD),))
    passed = judged(OLD, stock=stock)
    assert (passed.verdict, passed.findings, passed.baselined) == (Verdict.PASS, (), (OLD,))
    assert passed.because[-1] == f"1 finding frozen in {FILE}"
    failed = judged(OLD, NEW, stock=stock)
    assert (failed.verdict, failed.findings, failed.baselined) == (Verdict.FAIL, (NEW,), (OLD,))
    assert failed.because[-1] == f"1 finding frozen in {FILE}"
    renamed = replace(OLD, anchor="CVE-1", other_anchors=("old",))
    assert judged(renamed, stock=stock).baselined == (renamed,)


@pytest.mark.parametrize(
    "changes",
    [
        {"gate": "types"},
        {"rule": "E502"},
        {"rule": "line-too-long"},
        {"path": "app/b.py"},
        {"fingerprint": "0" * 16},
        {"value": 5},
        {"ceiling": True},
    ],
    ids=str,
)
def test_an_entry_that_differs_anywhere_lets_nothing_through(changes: dict[str, object]) -> None:
    assert judged(OLD, stock=Stock(frozen=(freeze(OLD, **changes),))).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("complexity", "verdict"), [(13, Verdict.FAIL), (12, Verdict.PASS), (11, Verdict.PASS)]
)
def test_a_frozen_measure_may_not_get_worse(complexity: int, verdict: Verdict) -> None:
    breach = judged(complexity=complexity).findings[0]
    stock = Stock(frozen=(freeze(breach, value=12, ceiling=True),))
    result = judged(complexity=complexity, stock=stock)
    assert result.verdict is verdict
    better = "max_complexity is 11 and frozen at 12: it could get worse unseen"
    assert [each.message for each in result.findings if each.path] == [better] * (complexity == 11)
    assert (
        judge.slack([result])
        == tuple(f"{better}; failhard baseline --update" for _ in rules(result))[: complexity == 11]
    )


@given(st.fractions(0, 100), st.fractions(0, 100))
def test_a_frozen_floor_is_exact(value: Fraction, frozen: Fraction) -> None:
    rule = Rule(gate="coverage", fail_at=None, timeout=9, at_least={"line_percent": 100})
    seen = Observation(tool="coverage 7", examined=1, measures={"line_percent": value})
    breach = Finding(
        **{**vars(found("line_percent")), "rule": "line_percent", "name": "line_percent", "path": ""}
    )
    entry = freeze(breach, gate="coverage", value=frozen)
    passes = (value >= frozen and value > 0) or value == 100
    assert (judge.judge(rule, seen, (), DAY, [entry]).verdict is Verdict.PASS) is passes


def test_what_no_waiver_covers_is_not_frozen_either_and_an_error_is_never() -> None:
    barred = replace(LINT, waivable=Waivable(all_but=frozenset({"E501"}), false_positive=frozenset({"E501"})))
    stock = Stock(frozen=(freeze(OLD),))
    result = judged(OLD, stock=stock, rule=barred)
    assert (result.verdict, rules(result)) == (Verdict.FAIL, ["line-too-long", "baseline-idle"])
    assert "no baseline covers 1 finding of lint: E501 app/a.py" in result.findings[-1].message
    broken = judge.error("lint", "ruff is missing")
    assert judge.settle_baseline([broken], Stock(frozen=(freeze(OLD),), refused=(ONE,))) == (broken,)
    nothing = Observation(tool="ruff 1", examined=0, findings=(OLD,))
    assert judge.judge(LINT, nothing, (), DAY, stock.frozen).verdict is Verdict.ERROR


def test_what_matches_nothing_any_more_is_slack_and_what_is_waived_is_not() -> None:
    four = tuple(freeze(found(str(number)), path=f"app/{number}.py") for number in range(4))
    result = judged(stock=Stock(frozen=four))
    assert result.verdict is Verdict.PASS
    places = [f"E501 app/{number}.py" for number in range(3)]
    assert judge.slack([result]) == (
        f"4 frozen findings of lint matched nothing: {'; '.join(places)}; and 1 more; failhard baseline --update",
    )
    waiver = Waiver(
        gate="lint",
        rule="E501",
        path="app/a.py",
        fingerprint=OLD.fingerprint,
        reason="x",
        owner="y",
        expires=DAY,
    )
    seen = Observation(tool="ruff 1", examined=3, findings=(OLD,), measures={"max_complexity": 1})
    covered = judge.judge(LINT, seen, [waiver], DAY, [freeze(OLD)])
    assert (len(covered.waived), covered.baselined) == (1, ())
    assert judge.settle_baseline([covered], Stock(frozen=(freeze(OLD),))) == (covered,)


def test_at_level_4_it_fails_and_lets_nothing_through() -> None:
    stock = Stock(refused=(freeze(OLD),))
    for findings in ((), (OLD,)):
        result = judged(*findings, stock=stock)
        assert result.verdict is Verdict.FAIL
        assert result.because[-1] == f"level 4 has no baseline, and {FILE} holds 1 finding of lint"
        assert (result.findings[0].name, result.findings[0].severity) == ("baseline-refused", Severity.HIGH)
        assert result.options[-1] == f"mend what is left, and take {FILE} out"
    assert judged(stock=Stock(refused=(replace(ONE, gate="types"),))).verdict is Verdict.PASS


@given(st.lists(st.sampled_from("abcdef"), max_size=6), st.lists(st.sampled_from("abcdef"), max_size=6))
def test_nothing_is_lost_and_no_entry_ever_hides_what_is_new(there: list[str], before: list[str]) -> None:
    findings = [found(name) for name in there]
    result = judged(*findings, stock=Stock(frozen=tuple({freeze(found(name)) for name in before})))
    standing = {each.anchor for each in result.findings if each.path == "app/a.py"}
    assert standing == {*there} - {*before}
    assert {each.anchor for each in result.baselined} == {*there} & {*before}
    assert (result.verdict is Verdict.PASS) is not bool(standing)


def test_what_fails_is_what_the_judge_says_fails() -> None:
    seen = Observation(tool="x", examined=2, findings=(OLD, found("low", severity=Severity.LOW)))
    bounded = replace(seen, measures={"max_complexity": 11})
    failing = judge.failures(LINT, bounded, (), DAY)
    assert [(each.finding.name, each.measure) for each in failing] == [
        ("max_complexity", 11),
        ("line-too-long", None),
    ]
    assert judge.failures(LINT, seen, (), DAY) == ()
    cut = replace(seen, cut_short=True)
    assert [each.finding for each in judge.failures(LINT, cut, (), DAY)] == [OLD]
