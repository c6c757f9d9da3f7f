"""The decision: what is proven passes, what is out of bounds fails, everything else is an error."""

from __future__ import annotations

import dataclasses
import math
from datetime import date, timedelta
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_failhard.figures import bound_text, decimal_text
from pytest_failhard.judge import error, expiring, judge, settle_waivers
from pytest_failhard.model import (
    Evidence,
    Finding,
    Observation,
    Result,
    Rule,
    Severity,
    Verdict,
    Waivable,
    Waiver,
    WaiverTerms,
)

TODAY = date(2026, 11, 20)
# No deadline: a busy machine is no defect of the judged code.
STEADY = settings(deadline=None)
EVIDENCE = Evidence(name="imports.json", sha256="0" * 64, media_type="application/json")
COVERAGE = Rule(gate="coverage", fail_at=None, timeout=60, at_least={"line_percent": 80})
LINT = Rule(gate="lint", fail_at=Severity.MEDIUM, timeout=60)
STRICT = WaiverTerms(max_days=30, warn_days=14, required=frozenset(), stale=Severity.HIGH, most=2)
MILD = dataclasses.replace(STRICT, stale=Severity.LOW)


def finding(anchor: str = "x", severity: Severity = Severity.MEDIUM, **changes: str | int) -> Finding:
    values = {"rule": "E501", "name": "line-too-long", "path": "app/a.py", "line": 3, "message": "too long"}
    values |= {"fix": "wrap it", "anchor": anchor, **changes}
    # The caller names fields of the type.
    return Finding(severity=severity, **values)  # type: ignore[arg-type]


def saw(*findings: Finding, **changes: object) -> Observation:
    observation = Observation(tool="ruff 0.17.5", examined=12, findings=findings)
    # The caller names fields of the type.
    return dataclasses.replace(observation, **changes)  # type: ignore[arg-type]


def measured(value: object, name: str = "line_percent") -> Observation:
    return saw(measures={name: value})


def waiver(of: Finding, **changes: object) -> Waiver:
    made = Waiver(
        gate="lint",
        rule=of.rule,
        path=of.path,
        fingerprint=of.fingerprint,
        reason="the vendor's table is that wide",
        owner="mia",
        expires=TODAY,
    )
    # The caller names fields of the type.
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


def breach(name: str, rule: Rule, value: int | Fraction) -> Finding:
    [found] = judge(rule, measured(value, name), (), TODAY).findings
    return found


def test_the_use_of_a_limit_can_be_more_than_all_of_it() -> None:
    rule = Rule(gate="llm", fail_at=None, timeout=1, at_most={"worst_rate_percent": 110})
    result = judge(rule, measured(Fraction(255, 2), "worst_rate_percent"), (), TODAY)
    assert (result.verdict, result.because) == (Verdict.FAIL, ("worst_rate_percent 127.50 > 110",))


@pytest.mark.parametrize(
    ("rule", "observation", "because"),
    [
        (LINT, saw(examined=0), ("nothing was examined (examined = 0)",)),
        (LINT, saw(examined=-1), ("nothing was examined (examined = -1)",)),
        (LINT, saw(examined=True), ("nothing was examined (examined = True)",)),
        (COVERAGE, saw(), ("the demanded measure line_percent is missing",)),
        (
            Rule(gate="lint", fail_at=None, timeout=1, at_most={"violations": 0}),
            saw(),
            ("the demanded measure violations is missing",),
        ),
        (COVERAGE, measured(True), ("the measure line_percent is True: not an exact number",)),
        (COVERAGE, measured(math.nan), ("the measure line_percent is nan: not an exact number",)),
        (COVERAGE, measured(math.inf), ("the measure line_percent is inf: not an exact number",)),
        (COVERAGE, measured(80.0), ("the measure line_percent is 80.0: not an exact number",)),
        (COVERAGE, measured("80"), ("the measure line_percent is '80': not an exact number",)),
        (COVERAGE, measured(Fraction(-1, 3)), ("the measure line_percent is Fraction(-1, 3): negative",)),
        (COVERAGE, measured(101), ("the measure line_percent is 101: above 100 percent",)),
        (
            COVERAGE,
            saw(measures={"line_percent": 90, "speed": -1}),
            ("the measure speed is -1: negative",),
        ),
        (
            LINT,
            saw(applies=False, evidence=(EVIDENCE,)),
            ("the gate says it does not apply, and the policy knows no case in which it does not",),
        ),
        (
            dataclasses.replace(LINT, when="an LLM client is imported"),
            saw(applies=False),
            ("the gate says it does not apply, and keeps no evidence for it",),
        ),
        (
            dataclasses.replace(LINT, when="an LLM client is imported"),
            saw(finding(), applies=False, evidence=(EVIDENCE,)),
            ("the gate says it does not apply, and has findings",),
        ),
    ],
)
def test_what_is_not_proven_is_an_error_fo_15(
    rule: Rule, observation: Observation, because: tuple[str, ...]
) -> None:
    covering = [waiver(each) for each in observation.findings]
    result = judge(rule, observation, covering, TODAY)
    assert (result.verdict, result.because, result.waived) == (Verdict.ERROR, because, ())
    assert result.evidence == observation.evidence
    assert result.fixable == "code"


def test_a_gate_that_proves_it_does_not_apply_passes_and_says_so() -> None:
    rule = dataclasses.replace(COVERAGE, when="an LLM client is imported")
    result = judge(rule, saw(applies=False, evidence=(EVIDENCE,)), (), TODAY)
    assert result.verdict is Verdict.PASS
    assert not result.applies
    assert result.because == ("does not apply: an LLM client is imported; the evidence is kept",)


@pytest.mark.parametrize(
    ("value", "verdict", "because"),
    [
        (Fraction(7974, 100), Verdict.FAIL, "line_percent 79.74 < 80"),
        (Fraction(79996, 1000), Verdict.FAIL, "line_percent 79.99 < 80"),
        (80 - Fraction(1, 1290), Verdict.FAIL, "line_percent 79.99 < 80"),
        (80, Verdict.PASS, "line_percent 80 >= 80"),
        (80 + Fraction(1, 1290), Verdict.PASS, "line_percent 80.00 >= 80"),
        (100, Verdict.PASS, "line_percent 100 >= 80"),
    ],
)
def test_a_floor_is_exact_fo_01(value: int | Fraction, verdict: Verdict, because: str) -> None:
    result = judge(COVERAGE, measured(value), (), TODAY)
    assert (result.verdict, result.because) == (verdict, (because,))


def test_nearly_all_is_not_all_fo_01() -> None:
    rule = dataclasses.replace(COVERAGE, at_least={"line_percent": 100})
    assert judge(rule, measured(Fraction(99999, 1000)), (), TODAY).because == ("line_percent 99.99 < 100",)


def test_a_ceiling_is_rounded_up() -> None:
    rule = Rule(gate="p", fail_at=None, timeout=1, at_most={"ratio": Fraction("1.15")})
    result = judge(rule, measured(Fraction("1.1500001"), "ratio"), (), TODAY)
    assert (result.verdict, result.because) == (Verdict.FAIL, ("ratio 1.16 > 1.15",))
    assert judge(rule, measured(Fraction("1.15"), "ratio"), (), TODAY).because == ("ratio 1.15 <= 1.15",)


@STEADY
@given(total=st.integers(1, 10**6), floor=st.integers(1, 100), data=st.data())
def test_the_decision_is_that_of_the_whole_numbers(total: int, floor: int, data: st.DataObject) -> None:
    covered = data.draw(st.integers(0, total))
    rule = dataclasses.replace(COVERAGE, at_least={"line_percent": floor})
    result = judge(rule, measured(Fraction(100 * covered, total)), (), TODAY)
    assert (result.verdict is Verdict.PASS) == (covered * 100 >= floor * total)
    [text] = result.because
    shown = Fraction(text.split()[1])
    assert (shown >= floor) == (result.verdict is Verdict.PASS)


def test_the_reasons_name_measures_first_then_the_worst_three() -> None:
    findings = [
        finding("a"),
        finding("b", Severity.HIGH, rule="F401", message="unused\nimport"),
        finding("c", Severity.LOW),
        finding("d", path="app/b.py", line=0),
        finding("e"),
    ]
    rule = dataclasses.replace(LINT, at_most={"violations": 2})
    result = judge(rule, saw(*findings, measures={"violations": 5}), (), TODAY)
    assert result.because == (
        "violations 5 > 2",
        (
            "4 findings at medium or above: F401 app/a.py:3 unused import; E501 app/a.py:3 too long; "
            "E501 app/b.py too long; and 1 more"
        ),
    )
    assert [each.rule for each in result.findings] == ["violations", "F401", "E501", "E501", "E501", "E501"]
    assert [each.anchor for each in result.findings] == ["violations", "b", "a", "d", "e", "c"]
    entry = result.findings[0]
    assert result.options == (
        "fix: wrap it (app/a.py:3) (recommended)",
        (
            "waive with owner and expiry, one entry a finding, under `waivers` in failhard-waivers.yaml: "
            f'{{gate: lint, rule: "violations", path: "", fingerprint: "{entry.fingerprint}", value: 5, '
            "reason: ..., owner: ..., expires: YYYY-MM-DD}"
        ),
        "read why: failhard explain lint",
    )
    assert result.fixable == "code"


def test_where_only_a_measure_fails_the_worst_places_are_the_way_out() -> None:
    places = [finding(path, Severity.LOW, path=path, fix="add tests") for path in ("z.py", "a.py", "m.py")]
    result = judge(COVERAGE, saw(*places, measures={"line_percent": 10}), (), TODAY)
    assert result.options[0] == "fix: add tests (z.py:3) (recommended)"
    assert judge(COVERAGE, measured(10), (), TODAY).options[0] == (
        "fix: raise line_percent to at least 80 (recommended)"
    )


def test_without_a_failing_severity_findings_are_reported_only() -> None:
    rule = Rule(gate="container", fail_at=None, timeout=1)
    result = judge(rule, saw(finding(severity=Severity.HIGH)), (), TODAY)
    assert (result.verdict, result.because) == (Verdict.PASS, ("reported only, 12 examined",))
    assert len(result.findings) == 1


def test_a_finding_is_counted_once_and_at_its_worst() -> None:
    twice = saw(finding("a", Severity.LOW, line=9), finding("a", line=3), finding("a", line=7))
    result = judge(LINT, twice, (), TODAY)
    assert [(each.line, each.severity) for each in result.findings] == [(3, Severity.MEDIUM)]


def test_two_rules_with_one_fingerprint_do_not_hide_each_other() -> None:
    rule = dataclasses.replace(LINT, waivable=Waivable(all_but=frozenset({"FH101/true"})))
    soft, hard = finding(rule="FH101/false"), finding(rule="FH101/true")
    assert soft.fingerprint == hard.fingerprint
    result = judge(rule, saw(soft, hard), [waiver(soft), waiver(hard)], TODAY)
    assert (result.verdict, result.findings) == (Verdict.FAIL, (hard,))
    assert result.options[1:] == ("not waivable: FH101/true", "read why: failhard explain FH101")


def test_a_waiver_covers_until_the_day_it_names() -> None:
    one = finding()
    last = judge(LINT, saw(one), [waiver(one)], TODAY)
    assert (last.verdict, last.findings, len(last.waived)) == (Verdict.PASS, (), 1)
    assert last.because == ("no finding at medium or above stands, 12 examined", "1 finding waived")
    late = judge(LINT, saw(one), [waiver(one)], TODAY + timedelta(days=1))
    assert (late.verdict, late.findings, late.waived) == (Verdict.FAIL, (one,), ())


@pytest.mark.parametrize(
    "changes",
    [
        {"gate": "types"},
        {"rule": "F401"},
        {"path": "app/b.py"},
        {"fingerprint": "f" * 16},
        {"value": 3},
    ],
)
def test_a_waiver_that_differs_anywhere_covers_nothing(changes: dict[str, object]) -> None:
    one = finding()
    assert judge(LINT, saw(one), [waiver(one, **changes)], TODAY).verdict is Verdict.FAIL


def test_a_waiver_by_another_name_of_the_same_thing_covers_it() -> None:
    found = dataclasses.replace(finding("box CVE-1"), other_anchors=("box GHSA-1",))
    for anchor, verdict in (("box GHSA-1", Verdict.PASS), ("box CVE-1", Verdict.PASS), ("x", Verdict.FAIL)):
        given = waiver(finding(anchor))
        assert judge(LINT, saw(found), [given], TODAY).verdict is verdict


def test_a_waiver_until_a_fix_exists_lapses_with_it() -> None:
    given = waiver(finding(), until_fixed=True)
    assert judge(LINT, saw(finding()), [given], TODAY).verdict is Verdict.PASS
    result = judge(LINT, saw(dataclasses.replace(finding(), fixed_in="2.0")), [given], TODAY)
    assert result.verdict is Verdict.FAIL
    [settled] = settle_waivers([result], [given], MILD, TODAY)
    [lapsed] = [each for each in settled.findings if each.name == "lapsed-waiver"]
    assert "was to hold until a fix exists: 2.0 is one" in lapsed.message


def test_a_waiver_may_name_the_rule_by_its_name() -> None:
    one = finding()
    assert judge(LINT, saw(one), [waiver(one, rule="line-too-long")], TODAY).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        (None, Verdict.FAIL),
        (Fraction("70.01"), Verdict.FAIL),
        (70, Verdict.PASS),
        (Fraction("69.99"), Verdict.PASS),
    ],
)
def test_a_waiver_of_a_floor_holds_down_to_its_value(value: int | Fraction | None, verdict: Verdict) -> None:
    one = breach("line_percent", COVERAGE, 70)
    accepted = waiver(one, gate="coverage", value=value)
    assert judge(COVERAGE, measured(70), [accepted], TODAY).verdict is verdict


@pytest.mark.parametrize(("value", "verdict"), [(4, Verdict.FAIL), (5, Verdict.PASS), (6, Verdict.PASS)])
def test_a_waiver_of_a_ceiling_holds_up_to_its_value(value: int, verdict: Verdict) -> None:
    rule = Rule(gate="lint", fail_at=None, timeout=1, at_most={"violations": 0})
    one = breach("violations", rule, 5)
    result = judge(rule, measured(5, "violations"), [waiver(one, value=value)], TODAY)
    assert result.verdict is verdict


def test_the_printed_entry_of_a_measure_covers_it() -> None:
    value = Fraction(79745, 1000)
    result = judge(COVERAGE, measured(value), (), TODAY)
    assert "value: 79.74," in result.options[1]
    one = result.findings[0]
    printed = waiver(one, gate="coverage", value=Fraction("79.74"))
    assert judge(COVERAGE, measured(value), [printed], TODAY).verdict is Verdict.PASS


def test_an_unwaivable_measure_stays_failed() -> None:
    rule = dataclasses.replace(COVERAGE, waivable=Waivable(all_but=frozenset({"line_percent"})))
    one = breach("line_percent", rule, 70)
    accepted = waiver(one, gate="coverage", value=0)
    assert judge(rule, measured(70), [accepted], TODAY).verdict is Verdict.FAIL


def test_before_its_start_a_rule_reports_and_does_not_fail_fo_137() -> None:
    rule = dataclasses.replace(LINT, starts=TODAY + timedelta(days=1))
    early = judge(rule, saw(finding()), (), TODAY)
    assert (early.verdict, early.options, early.fixable) == (Verdict.PASS, (), "")
    assert early.because == (
        "not enforced before 2026-11-21",
        "1 finding at medium or above: E501 app/a.py:3 too long",
    )
    assert early.findings == (finding(),)
    assert judge(rule, saw(finding()), (), TODAY + timedelta(days=1)).verdict is Verdict.FAIL
    assert judge(rule, saw(examined=0), (), TODAY).verdict is Verdict.ERROR


def test_an_error_says_who_can_mend_it() -> None:
    inside = error("lint", "ruff is missing")
    outside = error("vulnerabilities", "no answer", external=True, evidence=[EVIDENCE], tool="pip-audit 2")
    assert (inside.fixable, inside.because) == ("code", ("ruff is missing",))
    assert inside.options == ("remove the cause named above (recommended)", "an error cannot be waived")
    assert (outside.fixable, outside.evidence, outside.tool) == ("outside", (EVIDENCE,), "pip-audit 2")


def settle(result: Result, one: Waiver, terms: WaiverTerms, today: date = TODAY) -> Result:
    [settled] = settle_waivers([result], [one], terms, today)
    return settled


CLEAN = judge(LINT, saw(), (), TODAY)


@pytest.mark.parametrize(
    ("result", "one", "name", "text"),
    [
        (CLEAN, waiver(finding(), expires=date(2026, 11, 19)), "expired-waiver", "expired on 2026-11-19"),
        (CLEAN, waiver(finding()), "unused-waiver", "covers nothing that was found"),
        (
            judge(LINT, saw(finding("new", Severity.LOW)), (), TODAY),
            waiver(finding("old")),
            "mismatched-waiver",
            f"names another fingerprint than {finding('new').fingerprint}",
        ),
        (
            judge(dataclasses.replace(LINT, waivable=Waivable(any=False)), saw(finding()), (), TODAY),
            waiver(finding()),
            "mismatched-waiver",
            "cannot cover the finding: not waivable, or worse than its value",
        ),
    ],
)
def test_a_waiver_that_settles_nothing_is_a_finding_fo_130(
    result: Result, one: Waiver, name: str, text: str
) -> None:
    mild = settle(result, one, MILD)
    assert (mild.verdict, mild.because) == (result.verdict, result.because)
    assert [each.rule for each in mild.findings if each.path == "failhard-waivers.yaml"] == [name]
    strict = settle(result, one, STRICT)
    assert strict.verdict is Verdict.FAIL
    message = f"the waiver of lint E501 app/a.py (owner mia) {text}"
    assert strict.because[-1] == f"1 waiver to settle: {message}"
    assert strict.findings[0].message == message
    assert strict.options[-1] == "remove or renew the entry in failhard-waivers.yaml"
    assert strict.fixable == (result.fixable or "waiver")


def test_a_used_waiver_and_one_of_a_gate_that_did_not_run_are_left_alone() -> None:
    one = finding()
    used = judge(LINT, saw(one), [waiver(one)], TODAY)
    assert settle(used, waiver(one), STRICT) == used
    assert settle(CLEAN, waiver(one, gate="types"), STRICT) == CLEAN


def test_the_waivers_of_a_gate_that_could_not_look_are_not_judged() -> None:
    broken = error("lint", "ruff is missing")
    assert settle(broken, waiver(finding()), STRICT) == broken


@pytest.mark.parametrize(("terms", "verdict"), [(MILD, Verdict.PASS), (STRICT, Verdict.FAIL)])
def test_more_waived_at_once_than_the_level_admits_is_a_finding(terms: WaiverTerms, verdict: Verdict) -> None:
    three = [finding(name) for name in "abc"]
    covered = judge(LINT, saw(*three[:2]), [waiver(each) for each in three], TODAY)
    types = dataclasses.replace(LINT, gate="types")
    more = judge(types, saw(three[2]), [waiver(three[2], gate="types")], TODAY)
    assert settle_waivers([covered, CLEAN], [], terms, TODAY) == (covered, CLEAN)
    settled = settle_waivers([covered, more, CLEAN], [], terms, TODAY)
    assert [each.verdict for each in settled] == [verdict, verdict, Verdict.PASS]
    said = "3 findings are waived at once, and the level admits 2"
    assert [[each.message for each in result.findings] for result in settled] == [[said], [said], []]


def test_waivers_that_end_soon_are_announced() -> None:
    days = [-1, 0, 14, 15]
    listed = [waiver(finding(), expires=TODAY + timedelta(days=each)) for each in days]
    assert expiring(listed, STRICT, TODAY) == (
        "the waiver of lint E501 app/a.py expires on 2026-11-20 (owner mia)",
        "the waiver of lint E501 app/a.py expires on 2026-12-04 (owner mia)",
    )


@pytest.mark.parametrize(
    ("value", "down", "up"),
    [
        (0, "0", "0"),
        (Fraction(1, 3), "0.33", "0.34"),
        (Fraction(5, 2), "2.50", "2.50"),
        (Fraction(99999, 1000), "99.99", "100.00"),
        (Fraction(6, 2), "3", "3"),
    ],
)
def test_figures_are_rounded_towards_the_failing_side(value: int | Fraction, down: str, up: str) -> None:
    assert (decimal_text(value), decimal_text(value, up=True)) == (down, up)


def test_bounds_are_shown_with_every_decimal() -> None:
    bounds: list[int | Fraction] = [80, Fraction("0.999"), Fraction("1.15"), Fraction("0.05"), Fraction(1, 3)]
    assert [bound_text(each) for each in bounds] == ["80", "0.999", "1.15", "0.05", "1/3"]


RANK = {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.ERROR: 2}
findings_of = st.builds(
    finding,
    st.sampled_from("abcd"),
    st.sampled_from(Severity),
    rule=st.sampled_from(["E501", "F401", "FH101/true"]),
    path=st.sampled_from(["app/a.py", "app/b.py"]),
    line=st.integers(0, 9),
)
percents = st.one_of(st.integers(-1, 101), st.fractions(0, 100, max_denominator=99))
rules = st.builds(
    Rule,
    gate=st.just("lint"),
    fail_at=st.sampled_from([None, *Severity]),
    timeout=st.just(1),
    at_least=st.dictionaries(st.just("line_percent"), st.integers(0, 100)),
    at_most=st.dictionaries(st.just("violations"), st.integers(0, 5)),
    waivable=st.builds(
        Waivable, any=st.booleans(), all_but=st.frozensets(st.sampled_from(["F401", "violations"]))
    ),
    starts=st.sampled_from([None, TODAY, TODAY + timedelta(days=5)]),
)
observations = st.builds(
    Observation,
    tool=st.just("ruff 0.17.5"),
    examined=st.integers(0, 3),
    findings=st.lists(findings_of, max_size=5).map(tuple),
    measures=st.dictionaries(st.sampled_from(["line_percent", "violations"]), percents),
)
waivers_of = st.lists(
    st.builds(
        waiver,
        findings_of,
        value=st.sampled_from([None, 0, 50, Fraction(1, 2)]),
        expires=st.sampled_from([TODAY, TODAY - timedelta(days=1)]),
    ),
    max_size=4,
)


@STEADY
@given(rules, observations, waivers_of, st.randoms())
def test_order_does_not_matter(
    rule: Rule, observation: Observation, waivers: list[Waiver], random: Random
) -> None:
    shuffled = list(observation.findings)
    random.shuffle(shuffled)
    others = list(waivers)
    random.shuffle(others)
    first = judge(rule, observation, waivers, TODAY)
    second = judge(rule, dataclasses.replace(observation, findings=tuple(shuffled)), others, TODAY)
    assert (first.verdict, sorted(first.findings)) == (second.verdict, sorted(second.findings))
    assert sorted(first.waived, key=repr) == sorted(second.waived, key=repr)
    assert [each.severity for each in first.findings] == [each.severity for each in second.findings]


@STEADY
@given(rules, observations, waivers_of, findings_of)
def test_adding_a_finding_never_improves(
    rule: Rule, observation: Observation, waivers: list[Waiver], added: Finding
) -> None:
    more = dataclasses.replace(observation, findings=(*observation.findings, added))
    before, after = (judge(rule, each, waivers, TODAY).verdict for each in (observation, more))
    assert RANK[after] >= RANK[before]


@STEADY
@given(rules, observations, waivers_of, st.builds(waiver, findings_of))
def test_adding_a_waiver_never_makes_an_error_nor_removes_one(
    rule: Rule, observation: Observation, waivers: list[Waiver], added: Waiver
) -> None:
    before = judge(rule, observation, waivers, TODAY)
    after = judge(rule, observation, [*waivers, added], TODAY)
    assert (before.verdict is Verdict.ERROR) == (after.verdict is Verdict.ERROR)
    assert RANK[after.verdict] <= RANK[before.verdict]
    if before.verdict is Verdict.ERROR:
        assert after == before


@STEADY
@given(rules, observations, waivers_of)
def test_nothing_is_lost_between_observation_and_result(
    rule: Rule, observation: Observation, waivers: list[Waiver]
) -> None:
    result = judge(rule, observation, waivers, TODAY)
    shown = {*result.findings, *(each.finding for each in result.waived)}
    identities = {(each.rule, each.fingerprint) for each in shown}
    assert {(each.rule, each.fingerprint) for each in observation.findings} <= identities
    assert result.because
    assert (result.fixable == "") == (result.verdict is Verdict.PASS)


def test_a_medium_stale_waiver_fails_too() -> None:
    terms = dataclasses.replace(STRICT, stale=Severity.MEDIUM)
    assert settle(CLEAN, waiver(finding()), terms).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("kind", "approved_by", "covered"),
    [
        ("false-positive", "grace", True),
        ("false-positive", "ada", False),
        ("false-positive", "", False),
        ("accepted-risk", "grace", False),
        ("inline", "grace", False),
    ],
)
def test_two_people_mark_as_wrong_what_nobody_waives(kind: str, approved_by: str, covered: bool) -> None:
    terms = Waivable(all_but=frozenset({"FH705"}), false_positive=frozenset({"FH705"}))
    rule = dataclasses.replace(LINT, waivable=terms)
    forced = finding(rule="FH705", name="forced-exit")
    mark = waiver(forced, kind=kind, owner="ada", approved_by=approved_by)
    result = judge(rule, saw(forced), [mark], TODAY)
    assert (result.verdict is Verdict.PASS) is covered
    assert len(result.waived) == covered


def test_the_way_to_mark_a_wrong_finding_is_named_where_there_is_one() -> None:
    terms = Waivable(all_but=frozenset({"FH705", "F401"}), false_positive=frozenset({"FH705"}))
    rule = dataclasses.replace(LINT, waivable=terms)
    forced, other = finding(rule="FH705", name="forced-exit"), finding("y", rule="F401", name="unused-import")
    result = judge(rule, saw(forced, other), (), TODAY)
    assert result.options[1] == "not waivable: F401, FH705"
    assert "kind false-positive" in result.options[2]
    assert result.options[2].endswith(": FH705")
    assert "false-positive" not in " ".join(judge(rule, saw(other), (), TODAY).options)
    nothing = dataclasses.replace(LINT, waivable=dataclasses.replace(terms, any=False))
    assert "false-positive" not in " ".join(judge(nothing, saw(forced), (), TODAY).options)


def test_a_waiver_in_the_judged_file_counts_behind_the_others() -> None:
    seen = finding()
    inline, central = waiver(seen, kind="inline"), waiver(seen, reason="zzz the last of all by its text")
    observation = saw(seen, allows=(inline,))
    assert [each.waiver for each in judge(LINT, observation, (), TODAY).waived] == [inline]
    assert [each.waiver for each in judge(LINT, observation, [central], TODAY).waived] == [central]
    late = dataclasses.replace(inline, expires=TODAY - timedelta(days=1))
    assert judge(LINT, saw(seen, allows=(late,)), (), TODAY).verdict is Verdict.FAIL
    barred = dataclasses.replace(LINT, waivable=Waivable(any=False))
    assert judge(barred, observation, (), TODAY).verdict is Verdict.FAIL


POLLS = Rule(
    gate="system",
    fail_at=None,
    timeout=1,
    at_least={"polls": 50, "starts": 1},
    only_for={"polls": frozenset({"http", "worker"})},
)


@pytest.mark.parametrize(
    ("traits", "measures", "verdict", "because"),
    [
        ({"job"}, {"starts": 1}, Verdict.PASS, ("starts 1 >= 1",)),
        ({"http"}, {"starts": 1}, Verdict.ERROR, ("the demanded measure polls is missing",)),
        ({"job", "http"}, {"starts": 1, "polls": 49}, Verdict.FAIL, ("polls 49 < 50",)),
        (set(), {"polls": 0, "starts": 0}, Verdict.FAIL, ("starts 0 < 1",)),
    ],
    ids=["of another kind", "of its kind", "of both", "of no kind"],
)
def test_a_measure_is_demanded_of_what_has_a_trait_alone(
    traits: set[str], measures: dict[str, int], verdict: Verdict, because: tuple[str, ...]
) -> None:
    result = judge(POLLS, saw(measures=measures, traits=frozenset(traits)), (), TODAY)
    assert (result.verdict, result.because) == (verdict, because)


def test_what_a_clock_gave_is_compared_and_not_said() -> None:
    rule = Rule(gate="system", fail_at=None, timeout=1, at_most={"p95_ms": 1000}, at_least={"rate_rps": 5})
    unequal = frozenset({"p95_ms", "rate_rps", "absent"})
    slow = saw(measures={"p95_ms": 1001, "rate_rps": 4}, volatile=unequal)
    result = judge(rule, slow, (), TODAY)
    assert (result.verdict, result.because) == (Verdict.FAIL, ("rate_rps < 5", "p95_ms > 1000"))
    assert result.volatile == {"p95_ms", "rate_rps"}
    assert any("value: ..." in option for option in result.options)
    fast = saw(measures={"p95_ms": Fraction(7, 2), "rate_rps": 5}, volatile=unequal)
    assert judge(rule, fast, (), TODAY).because == ("rate_rps >= 5", "p95_ms <= 1000")


@pytest.mark.parametrize(
    ("severity", "cut_short", "verdict", "because"),
    [
        (Severity.HIGH, True, Verdict.FAIL, "not looked at: polls"),
        (Severity.LOW, True, Verdict.ERROR, "the demanded measure polls is missing"),
        (Severity.HIGH, False, Verdict.ERROR, "the demanded measure polls is missing"),
    ],
)
def test_what_is_missing_is_excused_by_a_finding_that_fails_alone(
    severity: Severity, cut_short: bool, verdict: Verdict, because: str
) -> None:
    rule = dataclasses.replace(POLLS, fail_at=Severity.MEDIUM, only_for={})
    seen = saw(finding(severity=severity), measures={"starts": 1}, cut_short=cut_short)
    result = judge(rule, seen, (), TODAY)
    assert result.verdict is verdict
    assert because in result.because


def test_a_waived_cause_excuses_nothing() -> None:
    rule = dataclasses.replace(POLLS, gate="lint", fail_at=Severity.MEDIUM, only_for={})
    found = finding()
    seen = saw(found, measures={"starts": 1}, cut_short=True)
    assert judge(rule, seen, [waiver(found)], TODAY).verdict is Verdict.ERROR
