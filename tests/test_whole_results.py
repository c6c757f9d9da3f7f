"""Every field of what the judge says: a result is compared as a whole, where other tests look at one thing."""

from __future__ import annotations

import dataclasses
import re
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from pytest_failhard import judge, policy, waivers
from pytest_failhard.judge.failing import failing
from pytest_failhard.model import (
    Evidence,
    Finding,
    Frozen,
    Observation,
    Policy,
    Result,
    Rule,
    Severity,
    Stock,
    Verdict,
    Waivable,
    Waived,
    Waiver,
    WaiverTerms,
)
from tests.support import GATES

TODAY = date(2026, 11, 20)
LINT = Rule(gate="lint", fail_at=Severity.MEDIUM, timeout=60)
BUILT = Rule(
    gate="lint", fail_at=None, timeout=60, at_least={"built": 1}, only_for={"built": frozenset({"c"})}
)
SEEN = Finding(
    rule="E501",
    name="line-too-long",
    path="app/a.py",
    line=3,
    severity=Severity.MEDIUM,
    message="too long",
    fix="wrap it",
    anchor="x",
)
WORSE = dataclasses.replace(SEEN, anchor="y", severity=Severity.HIGH)
LOG = Evidence(name="a.json", sha256="0" * 64, media_type="application/json")
MORE = Evidence(name="b.json", sha256="0" * 64, media_type="application/json")
TERMS = WaiverTerms(max_days=30, warn_days=14, required=frozenset(), stale=Severity.HIGH, most=0)
UNWAIVABLE = "an error cannot be waived"
BASELINE, WAIVERS = "failhard-baseline.json", "failhard-waivers.yaml"


def saw(*findings: Finding, **changes: object) -> Observation:
    observation = Observation(tool="ruff 0.17.5", examined=12, findings=findings)
    # The caller names fields of the type.
    return dataclasses.replace(observation, **changes)  # type: ignore[arg-type]


def waiver(**changes: object) -> Waiver:
    made = Waiver(
        gate="lint",
        rule=SEEN.rule,
        path=SEEN.path,
        fingerprint=SEEN.fingerprint,
        reason="the vendor's table is that wide",
        owner="mia",
        expires=TODAY,
    )
    # The caller names fields of the type.
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


def frozen(**changes: object) -> Frozen:
    made = Frozen(
        gate="lint",
        rule=SEEN.rule,
        path=SEEN.path,
        fingerprint=SEEN.fingerprint,
        reason="it was there",
        owner="mia",
        date=TODAY,
    )
    # The caller names fields of the type.
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


def note(name: str, path: str, message: str, fix: str, anchor: str, severity: Severity) -> Finding:
    return Finding(
        rule=name, name=name, path=path, line=0, severity=severity, message=message, fix=fix, anchor=anchor
    )


# Two that differ in their values alone cannot be ordered as they are.
TWINS = [waiver(value=None), waiver(value=5)]


@pytest.mark.parametrize(
    ("external", "way", "fixable"),
    [
        (True, "run again once the service outside answers (recommended)", "outside"),
        (False, "remove the cause named above (recommended)", "code"),
    ],
)
def test_an_error_says_what_is_known_and_who_can_mend_it(external: bool, way: str, fixable: str) -> None:
    expected = Result(
        gate="lint",
        verdict=Verdict.ERROR,
        because=("it broke",),
        options=(way, UNWAIVABLE),
        evidence=(LOG, MORE),
        fixable=fixable,
    )
    assert judge.error("lint", "it broke", external=external, evidence=(MORE, LOG)) == expected


@pytest.mark.parametrize(("examined", "counted"), [(12, 12), (-1, 0)])
def test_what_is_not_proven_keeps_what_is_sound(examined: int, counted: int) -> None:
    doubts = (
        *([] if examined > 0 else ["nothing was examined (examined = -1)"]),
        "the measure bad is -1: negative",
        "the measure worse is -2: negative",
    )
    measures = {"worse": -2, "bad": -1, "files": 3}
    result = judge.judge(
        LINT, saw(SEEN, WORSE, examined=examined, measures=measures, evidence=(LOG,)), (), TODAY
    )
    assert result == Result(
        gate="lint",
        verdict=Verdict.ERROR,
        because=doubts,
        tool="ruff 0.17.5",
        examined=counted,
        measures={"files": 3},
        findings=(WORSE, SEEN),
        options=("remove the cause named above (recommended)", UNWAIVABLE),
        evidence=(LOG,),
        fixable="code",
    )


def test_a_measure_out_of_bounds_is_a_finding_without_a_place() -> None:
    rule = dataclasses.replace(LINT, at_least={"built": 3}, at_most={"open": 2})
    result = judge.judge(rule, saw(measures={"built": 2, "open": 3}), (), TODAY)
    high = Severity.HIGH
    assert result.findings == (
        note("built", "", "built 2 < 3", "raise built to at least 3", "built", high),
        note("open", "", "open 3 > 2", "bring open down to at most 2", "open", high),
    )
    assert failing(rule, result) == result.findings
    assert failing(dataclasses.replace(rule, fail_at=None), result) == result.findings


@pytest.mark.parametrize(
    ("fail_at", "said"),
    [(Severity.HIGH, "high"), (Severity.MEDIUM, "medium or above"), (Severity.LOW, "low or above")],
)
def test_a_pass_says_from_which_severity_on_nothing_stands(fail_at: Severity, said: str) -> None:
    rule = dataclasses.replace(LINT, fail_at=fail_at)
    assert judge.judge(rule, saw(), (), TODAY).because == (f"no finding at {said} stands, 12 examined",)


def test_a_ceiling_that_holds_is_rounded_up_and_a_floor_down() -> None:
    rule = dataclasses.replace(LINT, fail_at=None, at_most={"worst": 1}, at_least={"best": Fraction(1, 4)})
    result = judge.judge(rule, saw(measures={"worst": Fraction(1, 3), "best": Fraction(1, 3)}), (), TODAY)
    assert result.because == ("best 0.33 >= 0.25", "worst 0.34 <= 1")


def test_what_fails_without_a_baseline_is_what_no_waiver_covers() -> None:
    seen = saw(SEEN, WORSE)
    assert [each.finding for each in judge.failures(LINT, seen, (), TODAY)] == [WORSE, SEEN]
    assert [each.finding for each in judge.failures(LINT, seen, TWINS, TODAY)] == [WORSE]
    assert [each.finding for each in judge.failures(LINT, seen, TWINS, TODAY + timedelta(days=1))] == [
        WORSE,
        SEEN,
    ]
    unwaivable = dataclasses.replace(LINT, waivable=Waivable(any=False))
    assert [each.finding for each in judge.failures(unwaivable, seen, TWINS, TODAY)] == [WORSE, SEEN]
    assert judge.failures(LINT, saw(SEEN, examined=0), (), TODAY) == ()
    assert judge.failures(BUILT, saw(measures={"built": 0}), (), TODAY) == ()
    [found] = judge.failures(BUILT, saw(measures={"built": 0}, traits=frozenset({"c"})), (), TODAY)
    assert (found.finding.name, found.measure) == ("built", 0)


def test_what_fails_is_told_from_what_is_reported() -> None:
    low = dataclasses.replace(SEEN, anchor="z", severity=Severity.LOW)
    # A finding with a place is no measure, whatever it is called.
    named = dataclasses.replace(low, anchor="open")
    rule = dataclasses.replace(LINT, at_most={"open": 2})
    result = Result(gate="lint", verdict=Verdict.FAIL, because=(), findings=(WORSE, SEEN, low, named))
    assert failing(rule, result) == (WORSE, SEEN)
    assert failing(dataclasses.replace(rule, fail_at=None), result) == ()


def test_too_many_waived_is_a_finding_with_a_way_out() -> None:
    covered = judge.judge(LINT, saw(SEEN), [waiver()], TODAY)
    [settled] = judge.settle_waivers([covered], TWINS[:1], TERMS, TODAY)
    text = "1 findings are waived at once, and the level admits 0"
    assert settled.findings == (
        note("waiver-budget", WAIVERS, text, "mend some of them", "most", Severity.HIGH),
    )


def test_waivers_that_hold_no_longer_are_findings_behind_the_worst() -> None:
    failed = judge.judge(LINT, saw(WORSE), (), TODAY)
    gone = [waiver(rule="W1"), waiver(rule="W2")]
    [settled] = judge.settle_waivers([failed], [*gone, *TWINS], TERMS, TODAY)
    text = "covers nothing that was found"
    fix = "remove the entry, or renew it with a reason that holds today"
    other = f"names another fingerprint than {WORSE.fingerprint}"
    said = [
        ("mismatched-waiver", f"the waiver of lint E501 app/a.py (owner mia) {other}", "E501"),
        ("mismatched-waiver", f"the waiver of lint E501 app/a.py (owner mia) {other}", "E501"),
        ("unused-waiver", f"the waiver of lint W1 app/a.py (owner mia) {text}", "W1"),
        ("unused-waiver", f"the waiver of lint W2 app/a.py (owner mia) {text}", "W2"),
    ]
    assert settled.findings == (
        WORSE,
        *(
            note(name, WAIVERS, message, fix, f"lint\0{rule}\0app/a.py\0{SEEN.fingerprint}", Severity.HIGH)
            for name, message, rule in said
        ),
    )
    named = "; ".join(message for _, message, _ in said[:3])
    assert settled.because == (*failed.because, f"4 waivers to settle: {named}")
    [passed] = judge.settle_waivers([judge.judge(LINT, saw(), (), TODAY)], gone, TERMS, TODAY)
    assert passed.because == (f"2 waivers to settle: {'; '.join(message for _, message, _ in said[2:])}",)
    assert (
        judge.expiring(TWINS, TERMS, TODAY)
        == ("the waiver of lint E501 app/a.py expires on 2026-11-20 (owner mia)",) * 2
    )


def test_what_the_baseline_has_to_say_is_a_finding_at_its_file() -> None:
    ceiling = dataclasses.replace(LINT, at_most={"worst": 1}, at_least={"best": 5})
    [low, high] = judge.judge(ceiling, saw(measures={"worst": 9, "best": 1}), (), TODAY).findings
    bounds = (
        frozen(rule="worst", path="", fingerprint=high.fingerprint, value=Fraction(7, 3), ceiling=True),
        frozen(rule="best", path="", fingerprint=low.fingerprint, value=Fraction(4, 3)),
    )
    seen = saw(measures={"worst": Fraction(4, 3), "best": Fraction(5, 3)})
    result = judge.judge(ceiling, seen, (), TODAY, bounds)
    [settled] = judge.settle_baseline([result], Stock(frozen=(*bounds, frozen(rule="gone"))))
    shrink = "failhard baseline --update"
    slack = [
        ("1 frozen finding of lint matched nothing: gone app/a.py", "lint"),
        ("worst is 1.34 and frozen at 2.34: it could get worse unseen", "lint\0worst"),
        ("best is 1.66 and frozen at 1.33: it could get worse unseen", "lint\0best"),
    ]
    assert settled.findings == tuple(
        note("baseline-slack", BASELINE, text, shrink, anchor, Severity.LOW) for text, anchor in slack
    )
    # What is just as it was frozen has no room.
    exact = tuple(dataclasses.replace(each, value=seen.measures[each.rule]) for each in bounds)
    result = judge.judge(ceiling, seen, (), TODAY, exact)
    assert judge.settle_baseline([result], Stock(frozen=exact)) == (result,)
    # What keeps its bound by itself needs no entry, however much better it is.
    passed = judge.judge(ceiling, saw(measures={"worst": 1, "best": 5}), (), TODAY, bounds)
    [settled] = judge.settle_baseline([passed], Stock(frozen=bounds))
    idle = "2 frozen findings of lint matched nothing: worst; best"
    assert [each.message for each in settled.findings] == [idle]


def test_a_pass_tells_all_that_was_seen() -> None:
    seen = saw(SEEN, measures={"open": 1}, evidence=(MORE, LOG), volatile=frozenset({"open"}))
    assert judge.judge(LINT, seen, TWINS, TODAY) == Result(
        gate="lint",
        verdict=Verdict.PASS,
        because=("no finding at medium or above stands, 12 examined", "1 finding waived"),
        tool="ruff 0.17.5",
        examined=12,
        measures={"open": 1},
        waived=(Waived(finding=SEEN, waiver=TWINS[0]),),
        evidence=(LOG, MORE),
        volatile=frozenset({"open"}),
    )


def test_what_does_not_apply_tells_so_with_its_evidence() -> None:
    rule = dataclasses.replace(LINT, when="nothing is there")
    assert judge.judge(rule, saw(applies=False, evidence=(MORE, LOG)), (), TODAY) == Result(
        gate="lint",
        verdict=Verdict.PASS,
        because=("does not apply: nothing is there; the evidence is kept",),
        tool="ruff 0.17.5",
        examined=12,
        evidence=(LOG, MORE),
        applies=False,
    )


def test_the_reasons_of_a_failure_are_those_that_there_are() -> None:
    rule = dataclasses.replace(LINT, at_most={"open": 2})
    assert judge.judge(rule, saw(measures={"open": 3}), (), TODAY).because == ("open 3 > 2",)
    three = [dataclasses.replace(SEEN, anchor=name) for name in "abc"]
    [reason] = judge.judge(LINT, saw(*three), (), TODAY).because
    assert reason.startswith("3 findings at medium or above: ")
    assert reason.count("; ") == 2
    assert "more" not in reason


def test_of_two_at_one_fingerprint_the_worse_stands_wherever_it_is() -> None:
    further = dataclasses.replace(SEEN, line=9, severity=Severity.HIGH)
    for seen in (saw(SEEN, further), saw(further, SEEN)):
        assert judge.judge(LINT, seen, (), TODAY).findings == (further,)


def test_what_was_not_looked_at_is_named_one_by_one() -> None:
    rule = dataclasses.replace(LINT, at_most={"open": 2, "closed": 2})
    reasons = judge.judge(rule, saw(SEEN, cut_short=True), (), TODAY).because
    assert reasons[-1] == "not looked at: closed, open"


def test_the_way_out_is_that_of_what_fails() -> None:
    worse = dataclasses.replace(WORSE, path="app/z.py", fix="take it out")
    covering = waiver(path=worse.path, fingerprint=worse.fingerprint)
    assert (
        judge.judge(LINT, saw(worse, SEEN), [covering], TODAY).options[0].startswith("fix: wrap it (app/a.py")
    )
    silent = dataclasses.replace(SEEN, fix="")
    assert judge.judge(LINT, saw(silent), (), TODAY).options[0].startswith("fix:  (app/a.py")
    coded = [dataclasses.replace(SEEN, rule=rule) for rule in ("FH102", "FH101")]
    barred = Waivable(all_but=frozenset({"FH101", "FH102"}), false_positive=frozenset({"FH101", "FH102"}))
    options = judge.judge(dataclasses.replace(LINT, waivable=barred), saw(*coded), (), TODAY).options
    assert options[1] == "not waivable: FH101, FH102"
    assert options[2].endswith(", marks it: FH101, FH102")
    # Of two that are equally bad the gate's first, else the first by name.
    assert options[3] in {"read why: failhard explain FH101", "read why: failhard explain FH102"}
    cased = judge.judge(LINT, saw(dataclasses.replace(SEEN, rule="FH101/true")), (), TODAY)
    assert cased.options[-1] == "read why: failhard explain FH101"
    assert judge.judge(LINT, saw(SEEN), (), TODAY).options[-1] == "read why: failhard explain lint"
    ceiling = dataclasses.replace(LINT, at_most={"open": 2})
    high = judge.judge(ceiling, saw(measures={"open": Fraction(10, 3)}), (), TODAY)
    assert ", value: 3.34" in high.options[1]


def test_a_finding_that_is_called_like_a_measure_has_no_room() -> None:
    like = dataclasses.replace(SEEN, rule="worst")
    entry = frozen(rule="worst", fingerprint=like.fingerprint)
    result = judge.judge(LINT, saw(like, measures={"worst": 1}), (), TODAY, [entry])
    assert result.baselined == (like,)
    assert judge.settle_baseline([result], Stock(frozen=(entry,))) == (result,)


def test_the_entry_to_paste_has_a_value_where_there_is_one_to_accept() -> None:
    rule = dataclasses.replace(LINT, at_most={"open": 2})
    start = f"waive with owner and expiry, one entry a finding, under `waivers` in {WAIVERS}: {{gate: lint, "
    plain = judge.judge(rule, saw(SEEN, measures={"open": 1}), (), TODAY)
    measure = judge.judge(rule, saw(measures={"open": 3}), (), TODAY)
    told = [next(each for each in result.options if each.startswith(start)) for result in (plain, measure)]
    assert f'"{SEEN.fingerprint}", ' in told[0]
    assert "value" not in told[0]
    assert "None" not in told[0]
    assert "XX" not in told[0]
    assert ", value: 3" in told[1]


def test_what_cannot_be_frozen_is_said_and_nothing_without_a_reason() -> None:
    unwaivable = dataclasses.replace(LINT, waivable=Waivable(any=False))
    result = judge.judge(unwaivable, saw(SEEN), (), TODAY, [frozen()])
    [settled] = judge.settle_baseline([result], Stock(frozen=(frozen(),)))
    text = "no baseline covers 1 finding of lint: E501 app/a.py; what no waiver may cover cannot be frozen"
    idle = note("baseline-idle", BASELINE, text, "mend it", "lint", Severity.LOW)
    assert settled.findings == (SEEN, idle)
    passed = judge.judge(LINT, saw(), (), TODAY)
    assert judge.settle_baseline([passed], Stock()) == (passed,)


@pytest.mark.parametrize("number", [3, 4])
def test_a_baseline_at_level_4_fails_for_its_own_reason_and_those_that_were(number: int) -> None:
    entries = tuple(frozen(rule=f"E{index}") for index in range(number))
    text = f"level 4 has no baseline, and {BASELINE} holds {number} findings of lint"
    fix = f"mend what is left, and take {BASELINE} out"
    refused = note("baseline-refused", BASELINE, text, fix, "lint", Severity.HIGH)
    passed = judge.judge(LINT, saw(), (), TODAY)
    failed = judge.judge(LINT, saw(SEEN), (), TODAY)
    settled = judge.settle_baseline([passed, failed], Stock(refused=entries))
    assert [each.because for each in settled] == [(text,), (*failed.because, text)]
    assert [each.findings for each in settled] == [(refused,), (refused, SEEN)]
    assert [(each.verdict, each.fixable, each.options[-1]) for each in settled] == [
        (Verdict.FAIL, "code", fix)
    ] * 2
    outside = dataclasses.replace(failed, fixable="outside")
    assert judge.settle_baseline([outside], Stock(refused=entries))[0].fixable == "outside"
    gone = judge.settle_baseline([passed], Stock(frozen=entries))[0].findings[0].message
    named = "E0 app/a.py; E1 app/a.py; E2 app/a.py" + ("; and 1 more" if number == 4 else "")
    assert gone == f"{number} frozen findings of lint matched nothing: {named}"


OWN = b"""\
schema: failhard-policy/1
name: own
level: 2
budget_minutes: 7
tests_minutes: 11
plugins: [pytest-own]
waivers: {max_days: 30, warn_days: 7, most: 5, required: [ref], stale: medium}
gates:
  lint:
    fail_at: medium
    timeout: 61
    memory_mb: 77
    at_least: {built: 1, same: 2}
    at_most: {open: 2, same: 2}
    only_for: {built: [c]}
    when: nothing is there
    waivable: false
    starts: 2026-12-01
"""


def test_a_policy_is_read_with_all_that_it_says() -> None:
    found = policy.parse(OWN, "own.yaml", GATES, today=TODAY)
    assert found.rules == (
        Rule(
            gate="lint",
            fail_at=Severity.MEDIUM,
            timeout=61,
            memory_mb=77,
            at_least={"built": 1, "same": 2},
            at_most={"open": 2, "same": 2},
            only_for={"built": frozenset({"c"})},
            when="nothing is there",
            waivable=Waivable(any=False),
            starts=date(2026, 12, 1),
        ),
    )
    assert (found.budget_seconds, found.tests_timeout, found.plugins) == (420, 660, ("pytest-own",))
    assert found.waivers == WaiverTerms(
        max_days=30, warn_days=7, most=5, required=frozenset({"ref"}), stale=Severity.MEDIUM
    )


def test_a_policy_is_refused_under_its_own_name() -> None:
    shipped = policy.load(2, GATES, today=TODAY)
    with pytest.raises(policy.PolicyError, match=r"^own\.yaml: gates\.no: unknown gate"):
        policy.parse_custom(OWN.replace(b"  lint:", b"  no:"), "own.yaml", GATES, shipped, today=TODAY)
    high = OWN.replace(b"open: 2", b"open_percent: 101").replace(b"built: 1, same: 2", b"built: 1")
    with pytest.raises(policy.PolicyError, match=r"own\.yaml: gates\.lint\.at_most\.open_percent: above 100"):
        policy.parse(high, "own.yaml", GATES, today=TODAY)


def test_the_plugins_of_a_policy_that_is_none_are_refused_under_its_path(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_bytes(OWN)
    assert policy.plugins(path) == ("pytest-own",)
    path.write_bytes(OWN.replace(b"level: 2", b"level: 9"))
    with pytest.raises(policy.PolicyError, match=rf"^{re.escape(str(path))}: level"):
        policy.plugins(path)


def test_what_is_weaker_is_named_one_by_one() -> None:
    strict = Rule(gate="lint", fail_at=None, timeout=1, waivable=Waivable(all_but=frozenset("ab")))
    marked = Waivable(all_but=frozenset("ab"), false_positive=frozenset("ab"))
    assert policy.weaker(dataclasses.replace(strict, waivable=Waivable()), strict) == ["waivable: opens a, b"]
    assert policy.weaker(dataclasses.replace(strict, waivable=marked), strict) == [
        "waivable: lets a, b be marked as wrong"
    ]
    found = policy.parse(OWN, "own.yaml", GATES, today=TODAY)
    terms = dataclasses.replace(found.waivers, required=frozenset({"ref", "approved_by"}))
    assert policy.weaker_policy(found, dataclasses.replace(found, waivers=terms)) == [
        "waivers.required: lacks approved_by"
    ]
    none = dataclasses.replace(found, waivers=dataclasses.replace(found.waivers, required=frozenset()))
    assert policy.weaker_policy(none, dataclasses.replace(found, waivers=terms)) == [
        "waivers.required: lacks approved_by, ref"
    ]


def document(*entries: str) -> bytes:
    return "\n".join(("schema: failhard-waivers/1", "waivers:", *entries)).encode()


def entry(**changes: str) -> str:
    said = {
        "gate": "lint",
        "rule": "E501",
        "path": "app/a.py",
        "fingerprint": f"'{SEEN.fingerprint}'",
        "reason": "the vendor's table is that wide",
        "owner": "mia",
        "expires": "2026-11-20",
        **changes,
    }
    return (
        "  - {"
        + ", ".join(
            f'{name}: "{text}"' if name == "reason" else f"{name}: {text}" for name, text in said.items()
        )
        + "}"
    )


def policy_with(*required: str) -> Policy:
    found = policy.parse(OWN, "own.yaml", GATES, today=TODAY)
    return dataclasses.replace(
        found, waivers=dataclasses.replace(found.waivers, required=frozenset(required))
    )


@pytest.mark.parametrize("rule", ["all", "any", "error", '"E*"', '"E50?"'])
def test_a_waiver_of_more_than_one_finding_is_refused(rule: str) -> None:
    with pytest.raises(
        waivers.WaiverError, match="is not one finding; a waiver names exactly one, never an error"
    ):
        waivers.load(document(entry(rule=rule)), policy_with(), TODAY)


def test_a_waiver_of_one_finding_may_have_any_other_name() -> None:
    [one] = waivers.load(document(entry(rule="XALL")), policy_with(), TODAY)
    assert one == waiver(rule="XALL")


@pytest.mark.parametrize(
    ("reason", "fits"), [("nine char", False), ("onewordonly", False), ("ten chars!", True)]
)
def test_a_reason_has_two_words_and_ten_characters(reason: str, fits: bool) -> None:
    data = document(entry(reason=reason))
    if fits:
        assert waivers.load(data, policy_with(), TODAY) == (waiver(reason=reason),)
    else:
        with pytest.raises(waivers.WaiverError, match="must say why in at least 2 words and 10 characters"):
            waivers.load(data, policy_with(), TODAY)


def test_a_measure_of_nothing_at_all_may_be_accepted_and_what_is_not_said_is_empty() -> None:
    [one] = waivers.load(document(entry(value="0")), policy_with(), TODAY)
    assert one == waiver(value=0)
    # Fingerprints of one text are refused before values are compared.
    with pytest.raises(waivers.WaiverError, match=r"waivers\[1\]: covers the same finding as waivers\[0\]"):
        waivers.load(document(entry(value="0"), entry()), policy_with(), TODAY)


def test_a_change_may_end_a_waiver_sooner_and_grants_nothing_itself() -> None:
    day = timedelta(days=1)
    base = document(entry(value="5", approved_by="ali", kind="accepted-risk"))
    same = waiver(value=5, approved_by="ali")
    assert waivers.approved([same], base, policy_with()) == ((same,), ())
    assert waivers.approved([], base, policy_with()) == ((), ())
    sooner = dataclasses.replace(same, expires=TODAY - day)
    assert waivers.approved([sooner], base, policy_with()) == ((sooner,), ())
    lapsing = dataclasses.replace(same, until_fixed=True)
    assert waivers.approved([lapsing], base, policy_with()) == ((lapsing,), ())
    # Whatever else is written anew counts as it was, and is pending.
    for change in (
        {"expires": TODAY + day},
        {"value": 6},
        {"value": None},
        {"kind": "false-positive"},
        {"approved_by": "eve"},
    ):
        wanted = dataclasses.replace(same, **change)
        assert waivers.approved([wanted], base, policy_with()) == ((same,), (wanted,)), change
    reworded = dataclasses.replace(same, reason="another reason", owner="eve")
    assert waivers.approved([reworded], base, policy_with()) == ((reworded,), ())


@pytest.mark.parametrize("field", ["gate", "rule", "path", "fingerprint"])
def test_a_waiver_that_the_base_does_not_have_is_pending(field: str) -> None:
    base = document(entry())
    # The case names a field of the type.
    other = waiver(**{field: "0123456789abcdef"})
    assert waivers.approved([other, waiver()], base, policy_with()) == ((waiver(),), (other,))
    assert waivers.approved([other], None, policy_with()) == ((), (other,))
    assert waivers.approved([other], b"no document", policy_with()) == ((), (other,))
    place = other.place
    assert waivers.pending_notes([other]) == (
        f"pending approval: the waiver of {place} (owner mia) counts as it is written once the merge base has it",
    )


def test_until_fixed_of_the_base_stays_and_who_consents_is_demanded_anew() -> None:
    base = document(entry(rule="known-vulnerability", until_fixed="true"))
    mine = waiver(rule="known-vulnerability")
    held = dataclasses.replace(mine, until_fixed=True)
    assert waivers.approved([mine], base, policy_with()) == ((held,), (mine,))
    assert waivers.approved([mine], base, policy_with("ref")) == ((held,), (mine,))
    # The base was written under terms that asked for nobody else.
    assert waivers.approved([mine], base, policy_with("approved_by")) == ((), (mine,))
    consented = document(entry(approved_by="ali"))
    assert waivers.approved([waiver()], consented, policy_with("approved_by"))[0] == (
        waiver(approved_by="ali"),
    )
