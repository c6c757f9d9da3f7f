"""The policies: complete, strict, and from level to level never weaker."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_failhard import model, policy
from pytest_failhard.model import Option, Policy, PolicyOption, Rule, Severity, Waivable
from pytest_failhard.policy import PolicyError, weaker, weaker_policy
from pytest_failhard.strictness import joined, weaker_value
from tests.support import GATES, demanded

TODAY = date(2026, 11, 20)
# No deadline: a busy machine is no defect of the judged code.
STEADY = settings(deadline=None)
FIRST_LEVEL = {
    "performance": 2,
    "container": 2,
    "security": 2,
    "vulnerabilities": 2,
    "sbom": 2,
    "licences": 3,
    "provenance": 4,
}
"""Where a gate is not demanded from level 1 on."""
LEVELS = {level: policy.load(level, GATES, today=TODAY) for level in model.LEVELS}


def rule(level: int, gate: str) -> Rule:
    [found] = [each for each in LEVELS[level].rules if each.gate == gate]
    return found


def options(level: int, gate: str) -> dict[str, Option]:
    return {name: option.value for name, option in rule(level, gate).options.items()}


def edited(level: int, *changes: tuple[str, str]) -> bytes:
    text = policy.shipped_text(level).decode()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return text.encode()


def mistakes(data: bytes) -> tuple[str, ...]:
    with pytest.raises(PolicyError) as caught:
        policy.parse(data, "own.yaml", GATES, today=TODAY)
    assert str(caught.value) == "\n".join(caught.value.mistakes)
    return caught.value.mistakes


@pytest.mark.parametrize(("lower", "upper"), [(1, 2), (2, 3), (3, 4), (1, 4)])
def test_no_level_is_weaker_than_the_one_below_fo_126(lower: int, upper: int) -> None:
    assert weaker_policy(LEVELS[upper], LEVELS[lower]) == []
    assert weaker_policy(LEVELS[lower], LEVELS[upper]) != []


@pytest.mark.parametrize("level", model.LEVELS)
def test_a_policy_is_known_by_the_digest_of_its_bytes(level: int) -> None:
    assert LEVELS[level].level == level
    assert LEVELS[level].sha256 == hashlib.sha256(policy.shipped_text(level)).hexdigest()
    assert policy.SHIPPED[level] == f"{level}-{LEVELS[level].name}.yaml"


def test_the_bounds_are_those_of_the_levels() -> None:
    floors = [dict(rule(level, "coverage").at_least) for level in model.LEVELS]
    assert floors == [
        {"statements": 1, "line_percent": 60},
        {"statements": 1, "line_percent": 75},
        {"statements": 1, "line_percent": 80, "except_line_percent": 80},
        {
            "statements": 1,
            "line_percent": 85,
            "except_line_percent": 100,
            "changed_line_percent": 85,
            "changed_branch_percent": 75,
        },
    ]
    assert [options(level, "lint")["max_complexity"] for level in model.LEVELS] == [None, None, 7, 7]
    assert [rule(level, "security").fail_at for level in (2, 3, 4)] == [
        Severity.HIGH,
        Severity.HIGH,
        Severity.MEDIUM,
    ]
    assert [each.budget_seconds for each in LEVELS.values()] == [300, 600, 900, 1800]
    assert {each.tests_timeout for each in LEVELS.values()} == {3600}
    assert [each.waivers.max_days for each in LEVELS.values()] == [90, 90, 30, 14]
    assert [each.waivers.most for each in LEVELS.values()] == [40, 40, 20, 10]
    assert [each.waivers.stale for each in LEVELS.values()] == [
        Severity.LOW,
        Severity.LOW,
        Severity.HIGH,
        Severity.HIGH,
    ]
    for level in model.LEVELS:
        demanded = {gate for gate in GATES if level >= FIRST_LEVEL.get(gate, 1)}
        assert {each.gate for each in LEVELS[level].rules} == demanded
    ages = [dict(rule(level, "vulnerabilities").at_most) for level in (2, 3, 4)]
    assert [each["advisory_age_days"] for each in ages] == [90, 30, 7]
    assert {rule(level, "vulnerabilities").fail_at for level in (2, 3, 4)} == {Severity.LOW}


def test_what_may_be_used_without_asking() -> None:
    allowed = options(3, "licences")["allowed"]
    assert isinstance(allowed, list)
    assert {"MIT", "Apache-2.0", "BSD-3-Clause"} < {*map(str, allowed)}
    assert not [each for each in map(str, allowed) if "GPL" in each or each.startswith("LicenseRef")]
    assert options(4, "licences") == options(3, "licences")
    assert {each.kind for each in rule(4, "licences").options.values()} == {"tighten"}


def test_what_each_level_demands_where_a_model_is_used() -> None:
    rules = [rule(level, "llm") for level in model.LEVELS]
    assert [each.fail_at for each in rules] == [Severity.HIGH, Severity.HIGH, Severity.MEDIUM, Severity.LOW]
    assert [each.at_most["attempts_max"] for each in rules] == [5, 5, 3, 3]
    assert [each.options["deadline_most"].value for each in rules] == [60, 60, 30, 30]
    assert len({each.when for each in rules}) == 1
    assert rules[0].when is not None
    assert [each.waivable.any for each in rules] == [True, True, True, False]
    accepted = {name for name, option in rules[0].options.items() if option.kind == "accept"}
    assert accepted == {"egress_allow", "fallbacks"}
    assert all(each.timeout < LEVELS[level].budget_seconds for level, each in enumerate(rules, 1))


@pytest.mark.parametrize("level", model.LEVELS)
@pytest.mark.parametrize("option", ["select", "test_select"])
def test_ruff_knows_every_selected_rule(level: int, option: str) -> None:
    selected = options(level, "lint")[option]
    assert isinstance(selected, list)
    codes = [str(code) for code in selected]
    assert len(codes) == len(set(codes))
    arguments = ["check", "--isolated", "--no-cache", f"--select={','.join(codes)}", "-"]
    done = subprocess.run(
        [sys.executable, "-I", "-m", "ruff", *arguments], input=b"", capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert "SIM105" not in codes
    assert "SIM" not in codes


def test_every_mistake_is_listed_at_once() -> None:
    text = b"""
schema: failhard-policy/1
name: ""
level: 5
budget_minutes: 0
plugins: none
waivers:
  max_days: ninety
  warn_days: 14
  most: 9
  required: [ticket]
  stale: bad
gates:
  lint:
    fail_at: medum
    timeout: -1
    starts: soon
    waivable: {but: [x]}
    at_least: {executed: "1", passed: -1, failed: true}
    option: {}
  types:
    timeout: 1.5
    options:
      flags: {kind: open, value: []}
      severity: {kind: tighten, value: {}}
      strict: {kind: tighten, stricter: lower, value: low}
      names: {kind: tighten, stricter: superset, value: [1]}
      ranks: {kind: tighten, stricter: severity, value: {a: worst}}
      open: {kind: tighten, stricter: choice, value: a}
      share: {kind: fixed, value: [0.5]}
"""
    assert mistakes(text) == (
        "own.yaml: name: must not be empty (it is '')",
        "own.yaml: level: must be one of 1, 2, 3 or 4 (it is 5)",
        "own.yaml: budget_minutes: must be above 0 (it is 0)",
        "own.yaml: tests_minutes: is missing: add it",
        "own.yaml: plugins: must be a list (it is 'none')",
        "own.yaml: waivers.max_days: must be a whole number (it is 'ninety')",
        "own.yaml: waivers.required[0]: must be one of 'ref' or 'approved_by' (it is 'ticket')",
        "own.yaml: waivers.stale: must be one of 'low', 'medium' or 'high' (it is 'bad')",
        "own.yaml: gates.lint.fail_at: must be one of 'low', 'medium', 'high' or 'none' (it is 'medum')",
        "own.yaml: gates.lint.timeout: must be above 0 (it is -1)",
        "own.yaml: gates.lint.at_least.executed: must be a number without quotes (it is '1')",
        "own.yaml: gates.lint.at_least.passed: must not be negative; no measure is",
        "own.yaml: gates.lint.at_least.failed: must be a number without quotes (it is True)",
        (
            "own.yaml: gates.lint.waivable: must be true, false, or {all_but: [rule or measure, ...]}, "
            "beside it {false_positive: [those of them that can be marked as wrong]}"
        ),
        "own.yaml: gates.lint.starts: must be a day that exists, as YYYY-MM-DD (it is 'soon')",
        "own.yaml: gates.lint.option: unknown key; did you mean options?",
        "own.yaml: gates.types.fail_at: is missing: add it",
        "own.yaml: gates.types.timeout: must be a whole number (it is Fraction(3, 2))",
        (
            "own.yaml: gates.types.options.flags.kind: must be one of "
            "'fixed', 'tighten', 'project' or 'accept' (it is 'open')"
        ),
        (
            "own.yaml: gates.types.options.severity: an option that a project may tighten needs `stricter`, "
            "one of lower, higher, superset, subset, severity, budget, demand"
        ),
        (
            "own.yaml: gates.types.options.strict: value must be a number, true, false or null, "
            "to be compared as lower"
        ),
        ("own.yaml: gates.types.options.names: value must be a list of text, to be compared as superset"),
        (
            "own.yaml: gates.types.options.ranks: value must be a table of names to off, low, medium or "
            "high, to be compared as severity"
        ),
        (
            "own.yaml: gates.types.options.open: an option that a project may tighten needs `stricter`, "
            "one of lower, higher, superset, subset, severity, budget, demand"
        ),
        "own.yaml: gates.types.options.share.value: no option has decimals; write it in quotes",
    )


def test_what_is_well_formed_and_cannot_be_meant_is_refused() -> None:
    data = edited(
        1,
        ("  lint:\n    fail_at: medium", "  lnit:\n    fail_at: medium\n    starts: 2027-02-19"),
        (
            "    at_least:\n      executed: 1\n",
            "    at_least:\n      executed: 2\n    at_most: {executed: 1}\n    only_for: {passed: [http]}\n",
        ),
        ("line_percent: 60", "line_percent: 100.5"),
        ("types:\n    fail_at: medium\n", "types:\n    fail_at: none\n"),
        ("    at_least:\n      files_checked: 1\n", ""),
    )
    assert mistakes(data) == (
        (
            "own.yaml: gates.tests.only_for.passed: no bound stands under at_least or at_most; remove it, or "
            "give one"
        ),
        "own.yaml: gates.tests.at_least.executed: above at_most.executed; no measure satisfies both",
        "own.yaml: gates.coverage.at_least.line_percent: above 100 percent; no measure reaches it",
        "own.yaml: gates.lnit: unknown gate; did you mean lint?",
        "own.yaml: gates.lnit.starts: more than 90 days ahead; 2027-02-18 is the latest",
        "own.yaml: gates.types.fail_at: none, and no bound: nothing could fail; give one of them",
    )


def test_a_key_given_twice_is_refused_with_its_place() -> None:
    text = b"schema: failhard-policy/1\ngates:\n  lint: {}\n  lint: {}\n"
    assert mistakes(text) == ("own.yaml:4:3: the key lint stands twice; keep one",)


@pytest.mark.parametrize(
    ("value", "than", "problem"),
    [
        ("0.10", "0.15", ""),
        ("0.2", "0.15", "0.2 is above 0.15"),
        (1, "0.15", "1 is above 0.15"),
        ("0.15", "0.150", ""),
        (None, "0.15", "no limit, where 0.15 is demanded"),
        ("a lot", "0.15", "'a lot' and '0.15' cannot be compared (lower)"),
    ],
)
def test_decimals_are_compared_as_what_they_say(value: str | int | None, than: str, problem: str) -> None:
    assert weaker_value(value, than, "lower") == problem


def test_a_bound_is_read_from_its_decimals() -> None:
    data = edited(4, ("line_percent: 85", "line_percent: 85.10"))
    [found] = [
        each for each in policy.parse(data, "own.yaml", GATES, today=TODAY).rules if each.gate == "coverage"
    ]
    assert found.at_least["line_percent"] == Fraction(851, 10)


def test_there_is_no_fifth_level() -> None:
    with pytest.raises(PolicyError) as caught:
        policy.load(5, GATES, today=TODAY)
    assert caught.value.mistakes == ("level 5: no such level; choose one of 1, 2, 3, 4",)


def custom(tmp_path: Path, level: int, data: bytes, gates: tuple[str, ...] = GATES) -> Policy:
    path = tmp_path / "own.yaml"
    path.write_bytes(data)
    return policy.load(level, gates, path, today=TODAY)


def test_a_policy_of_ones_own_may_tighten_and_add(tmp_path: Path) -> None:
    data = edited(
        3,
        ("name: pre-production", "name: house"),
        ("plugins: []", "plugins: [failhard-house]"),
        ("line_percent: 80", "line_percent: 90"),
        ("gates:\n", "gates:\n  house:\n    fail_at: low\n    timeout: 10\n"),
    )
    own = custom(tmp_path, 3, data, (*GATES, "house"))
    assert (own.name, own.plugins) == ("house", ("failhard-house",))
    assert [each.gate for each in own.rules] == ["house", *demanded(3)]
    assert own.sha256 == hashlib.sha256(data).hexdigest()
    assert policy.plugins(tmp_path / "own.yaml") == ("failhard-house",)


def test_a_policy_of_ones_own_that_loosens_is_refused_fo_126(tmp_path: Path) -> None:
    data = edited(
        3,
        ("line_percent: 80", "line_percent: 79.99"),
        ("fail_at: medium", "fail_at: high"),
        ("max_days: 30", "max_days: 31"),
        ("PLE, ", ""),
        ("forged-outcome, ", ""),
        ("value: {import-untyped: low}", "value: {import-untyped: low, arg-type: low}"),
    )
    with pytest.raises(PolicyError) as caught:
        custom(tmp_path, 3, data)
    where, remedy = f"{tmp_path / 'own.yaml'}: ", "; a policy file may only tighten level 3"
    assert caught.value.mistakes == (
        f"{where}gates.tests.waivable: opens forged-outcome{remedy}",
        f"{where}gates.coverage.at_least.line_percent: 79.99 is weaker than 80{remedy}",
        f"{where}gates.lint.fail_at: high lets pass what medium fails{remedy}",
        f"{where}gates.lint.options.select: lacks PLE{remedy}",
        f"{where}gates.types.options.severity: arg-type is low, not the gate's default{remedy}",
        f"{where}waivers.max_days: 31 is above 30{remedy}",
    )


def test_a_policy_for_another_level_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyError) as caught:
        custom(tmp_path, 3, policy.shipped_text(2))
    assert caught.value.mistakes == (
        (
            f"{tmp_path / 'own.yaml'}: level: the file is for level 2, and level 3 is to be judged; "
            "give the file for that level"
        ),
    )


def test_a_policy_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "gone.yaml"
    with pytest.raises(PolicyError) as caught:
        policy.load(3, GATES, path, today=TODAY)
    assert caught.value.mistakes == (
        f"{path}: cannot be read: No such file or directory; name a policy file that exists",
    )


FULL = Rule(
    gate="lint",
    fail_at=Severity.MEDIUM,
    timeout=60,
    at_least={"files": 1, "line_percent": 80},
    at_most={"violations": 0},
    waivable=Waivable(all_but=frozenset({"F401"})),
    options={
        "select": PolicyOption(value=["E", "F"], kind="tighten", stricter="superset"),
        "exclude": PolicyOption(value=["build"], kind="accept", stricter="subset"),
        "limit": PolicyOption(value=7, kind="tighten", stricter="lower"),
        "least": PolicyOption(value=3, kind="tighten", stricter="higher"),
        "severity": PolicyOption(value={"T20": "medium"}, kind="tighten", stricter="severity"),
        "service": PolicyOption(value="", kind="fixed", stricter="choice"),
        "lock": PolicyOption(value="required", kind="tighten", stricter="demand"),
        "copies": PolicyOption(value="", kind="tighten", stricter="demand"),
        "mode": PolicyOption(value="file", kind="fixed"),
    },
)


def option(name: str, **changes: object) -> Callable[[Rule], Rule]:
    def change(of: Rule) -> Rule:
        # The caller names fields of an option.
        changed = replace(of.options[name], **changes)  # type: ignore[arg-type]
        return replace(of, options={**of.options, name: changed})

    return change


WEAKENINGS: list[tuple[Callable[[Rule], Rule], str]] = [
    (lambda of: replace(of, fail_at=Severity.HIGH), "fail_at: high lets pass what medium fails"),
    (lambda of: replace(of, fail_at=None), "fail_at: none lets pass what medium fails"),
    (lambda of: replace(of, when="it rains"), "when: 'it rains' differs from None"),
    (lambda of: replace(of, starts=TODAY), "starts: 2026-11-20 is later than at once"),
    (
        lambda of: replace(of, at_least={**of.at_least, "line_percent": Fraction("79.999")}),
        "at_least.line_percent: 79.999 is weaker than 80",
    ),
    (lambda of: replace(of, at_least={"files": 1}), "at_least.line_percent: missing, 80 is demanded"),
    (
        lambda of: replace(of, only_for={"files": frozenset({"http"})}),
        "only_for.files: leaves out some of which it is demanded",
    ),
    (lambda of: replace(of, at_most={"violations": 1}), "at_most.violations: 1 is weaker than 0"),
    (lambda of: replace(of, at_most={}), "at_most.violations: missing, 0 is demanded"),
    (lambda of: replace(of, waivable=Waivable()), "waivable: opens F401"),
    (
        lambda of: replace(of, waivable=replace(of.waivable, false_positive=frozenset({"F401"}))),
        "waivable: lets F401 be marked as wrong",
    ),
    (option("select", value=["E"]), "options.select: lacks F"),
    (option("select", kind="accept"), "options.select: kind accept gives the project more than tighten"),
    (option("select", stricter="subset"), "options.select: stricter subset differs from superset"),
    (option("exclude", value=["build", "app"]), "options.exclude: adds app"),
    (option("limit", value=8), "options.limit: 8 is above 7"),
    (option("limit", value=None), "options.limit: no limit, where 7 is demanded"),
    (option("least", value=2), "options.least: 2 is below 3"),
    (option("least", value=False), "options.least: False is below 3"),
    (option("severity", value={"T20": "low"}), "options.severity: T20 is low, not medium"),
    (option("severity", value={"T20": "off"}), "options.severity: T20 is off, not medium"),
    (option("severity", value={}), "options.severity: T20 is the gate's default, not medium"),
    (
        option("severity", value={"T20": "high", "E": "medium"}),
        "options.severity: E is medium, not the gate's default",
    ),
    (
        option("severity", value="low"),
        "options.severity: 'low' and {'T20': 'medium'} cannot be compared (severity)",
    ),
    (option("mode", value="url"), "options.mode: 'url' differs from 'file'"),
    (option("lock", value=""), "options.lock: '' differs from 'required'"),
    (option("copies", value=False), "options.copies: False and '' cannot be compared (demand)"),
    (option("service", value=7), "options.service: 7 and '' cannot be compared (choice)"),
    (option("service", kind="project"), "options.service: kind project gives the project more than fixed"),
    (
        lambda of: replace(of, options={name: of.options[name] for name in of.options if name != "mode"}),
        "options.mode: missing, the gate's default would stand",
    ),
    (
        lambda of: replace(of, options={**of.options, "x": PolicyOption(value=1, kind="fixed")}),
        "options.x: added, whether it loosens cannot be told",
    ),
]


@pytest.mark.parametrize(("change", "text"), WEAKENINGS)
def test_each_way_of_weakening_a_rule_is_named(change: Callable[[Rule], Rule], text: str) -> None:
    assert weaker(change(FULL), FULL) == [text]


@STEADY
@given(st.lists(st.sampled_from(WEAKENINGS), min_size=1, max_size=4), st.integers(1, 9999))
def test_a_weakened_rule_is_always_detected(
    chosen: list[tuple[Callable[[Rule], Rule], str]], timeout: int
) -> None:
    changed = replace(FULL, timeout=timeout)
    for change, _text in chosen:
        if set(changed.options) >= set(FULL.options):
            changed = change(changed)
    assert weaker(changed, FULL)


def test_what_only_tightens_is_not_weaker() -> None:
    tightened = replace(
        FULL,
        fail_at=Severity.LOW,
        timeout=3600,
        at_least={"files": 2, "line_percent": 81, "branch_percent": 1},
        at_most={"violations": 0, "max_complexity": 7},
        waivable=Waivable(any=False),
        options={
            **FULL.options,
            "select": PolicyOption(value=["D", "F", "E"], kind="fixed", stricter="superset"),
            "copies": PolicyOption(value="forbidden", kind="tighten", stricter="demand"),
            "exclude": PolicyOption(value=[], kind="fixed", stricter="subset"),
            "limit": PolicyOption(value=6, kind="tighten", stricter="lower"),
            "service": PolicyOption(value="https://inside", kind="fixed", stricter="choice"),
            "severity": PolicyOption(value={"T20": "high", "E": "high"}, kind="tighten", stricter="severity"),
        },
    )
    assert weaker(tightened, FULL) == []
    assert weaker(FULL, FULL) == []
    late = replace(FULL, when="an LLM client is imported", starts=TODAY + timedelta(days=9))
    assert weaker(FULL, late) == []
    assert weaker(replace(late, starts=TODAY), late) == []
    nothing = replace(FULL, waivable=Waivable(any=False))
    assert weaker(FULL, nothing) == ["waivable: true, where nothing is waivable"]


@pytest.mark.parametrize(
    ("value", "than", "said"),
    [
        ({"ruff": 2, "mypy": 9}, {"ruff": 3}, ""),
        ({}, {}, ""),
        ({"ruff": 4}, {"ruff": 3}, "ruff is 4, above 3"),
        ({"mypy": 4}, {"ruff": 3, "mypy": 5}, "ruff is missing, 3 are admitted"),
        ({"ruff": -1}, {}, "cannot be compared"),
        ({"ruff": True}, {}, "cannot be compared"),
        ([], {}, "cannot be compared"),
    ],
)
def test_a_budget_is_stricter_where_it_admits_less(value: Option, than: Option, said: str) -> None:
    problem = weaker_value(value, than, "budget")
    assert said in problem
    assert bool(said) == bool(problem)


def test_a_budget_of_the_project_stands_on_top() -> None:
    assert joined({"ruff": 2}, {"ruff": 3, "mypy": 1}, "budget") == {"ruff": 2, "mypy": 1}


names = st.lists(st.sampled_from("abcd"), unique=True)
ranks = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["off", "low", "medium", "high"]))


@STEADY
@given(names, names)
def test_what_a_project_adds_to_a_list_never_weakens_it(ours: list[str], theirs: list[str]) -> None:
    mixed = joined([*theirs], [*ours], "superset")
    assert weaker_value(mixed, [*ours], "superset") == ""


@STEADY
@given(ranks, ranks, ranks)
def test_the_comparison_of_severities_has_no_way_round(
    first: dict[str, str], second: dict[str, str], third: dict[str, str]
) -> None:
    one, two, three = ({**each} for each in (first, second, third))
    if not weaker_value({**one}, {**two}, "severity") and not weaker_value({**two}, {**three}, "severity"):
        assert weaker_value({**one}, {**three}, "severity") == ""


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda of: replace(of, level=2), "level: 2 is below 3"),
        (lambda of: replace(of, rules=of.rules[1:]), "gates.tests: missing"),
        (
            lambda of: replace(of, waivers=replace(of.waivers, warn_days=13)),
            "waivers.warn_days: 13 is below 14",
        ),
        (lambda of: replace(of, waivers=replace(of.waivers, most=21)), "waivers.most: 21 is above 20"),
        (
            lambda of: replace(of, waivers=replace(of.waivers, required=frozenset({"ref"}))),
            "waivers.required: lacks approved_by",
        ),
        (
            lambda of: replace(of, waivers=replace(of.waivers, stale=Severity.LOW)),
            "waivers.stale: low is below high",
        ),
        (lambda of: replace(of, plugins=()), "plugins: house is missing"),
    ],
)
def test_each_way_of_weakening_a_policy_is_named(change: Callable[[Policy], Policy], text: str) -> None:
    than = replace(LEVELS[3], plugins=("house",))
    assert weaker_policy(change(than), than) == [text]


def test_a_rule_may_start_on_the_last_day_of_the_ninety() -> None:
    data = edited(1, ("  lint:\n    fail_at: medium", "  lint:\n    fail_at: medium\n    starts: 2027-02-18"))
    starting = policy.parse(data, "own.yaml", GATES, today=TODAY)
    assert [each.starts for each in starting.rules if each.gate == "lint"] == [date(2027, 2, 18)]
    assert weaker_policy(starting, starting) == []


def test_true_is_not_one() -> None:
    assert weaker_value(True, 1, "none") == "True differs from 1"


@pytest.mark.parametrize("level", model.LEVELS)
def test_prints_paths_ignored_codes_and_import_order_are_linted_at_every_level(level: int) -> None:
    """Requirement 003-19: selected from level 1 on, failing from level 3."""
    given = options(level, "lint")
    selected, severities = given["select"], given["severity"]
    assert isinstance(selected, list)
    assert isinstance(severities, dict)
    prefixes = tuple(str(entry) for entry in selected)
    wanted = ["T201", "PTH123", "S602", "PLW1510", "I001"]
    assert [code for code in wanted if not code.startswith(prefixes)] == []
    low = {name for name, severity in severities.items() if severity == "low"}
    assert low == ({"I001", "PTH", "T20"} if level < 3 else set())


def test_each_level_has_its_budget() -> None:
    assert [LEVELS[level].budget_seconds // 60 for level in model.LEVELS] == [5, 10, 15, 30]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{all_but: [F401]}", Waivable(all_but=frozenset({"F401"}))),
        (
            "{all_but: [F401, E501], false_positive: [F401]}",
            Waivable(all_but=frozenset({"F401", "E501"}), false_positive=frozenset({"F401"})),
        ),
    ],
)
def test_what_can_be_waived_or_marked_as_wrong(text: str, expected: Waivable) -> None:
    data = edited(1, ("  lint:\n    fail_at: medium", f"  lint:\n    waivable: {text}\n    fail_at: medium"))
    parsed = policy.parse(data, "own.yaml", GATES, today=TODAY)
    assert next(each for each in parsed.rules if each.gate == "lint").waivable == expected


@pytest.mark.parametrize(
    "text",
    [
        "{all_but: F401}",
        "{all_but: []}",
        "{all_but: [1]}",
        "{all_but: [F401], false_positive: F401}",
        "{all_but: [F401], false_positive: [E501]}",
        "{false_positive: [F401]}",
        "{all_but: [F401], more: []}",
    ],
)
def test_what_cannot_be_marked_is_refused(text: str) -> None:
    data = edited(1, ("  lint:\n    fail_at: medium", f"  lint:\n    waivable: {text}\n    fail_at: medium"))
    with pytest.raises(PolicyError, match="waivable: must be true, false, or"):
        policy.parse(data, "own.yaml", GATES, today=TODAY)
