"""What a comment in the code may let through, at which level, and what becomes of one that is worth nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import pytest

from pytest_failhard.gates.fallbacks import FallbacksGate
from pytest_failhard.gates.fallbacks.settings import FallbacksSettings
from pytest_failhard.gates.integrity import IntegrityGate
from pytest_failhard.judge import judge
from pytest_failhard.model import Observation, Rule, Severity, Verdict, Waivable
from tests.gates.test_integrity import FixedBase
from tests.support import TODAY, gate_run, observe, write

SOON = TODAY + timedelta(days=7)
CODE = "from contextlib import suppress\n\n\ndef keep(db, item):{}\n    with suppress(Exception):{}\n        db.save(item)\n"
HIGH = FallbacksSettings(severity={"broad-suppress": "high"})
RULE = Rule(gate="fallbacks", fail_at=Severity.HIGH, timeout=60)


def allow(rules: str = "FH104", until: date = SOON, ref: str = " ref=ABC-12") -> str:
    return f'  # failhard: allow[{rules}] owner=ana reason="the cache may be away" until={until}{ref}'


def look(
    tmp_path: Path,
    code: str,
    *,
    level: int = 1,
    base: FixedBase | None = None,
    settings: FallbacksSettings = HIGH,
) -> Observation:
    root = write(tmp_path / "p", {"app/a.py": code})
    gate = FallbacksGate()
    return observe(gate_run(root, gate, level=level, base=base, settings=settings), gate)


def names(observation: Observation) -> list[tuple[str, Severity]]:
    return [(finding.name, finding.severity) for finding in observation.findings]


@pytest.mark.parametrize("rules", ["FH104", "broad-suppress", "FH104, FH104"])
@pytest.mark.parametrize("place", [0, 1], ids=["on the def", "on the line"])
def test_it_is_a_waiver_of_the_findings_that_it_covers(tmp_path: Path, rules: str, place: int) -> None:
    parts = ["", ""]
    parts[place] = allow(rules)
    observation = look(tmp_path, CODE.format(*parts), level=3)
    (waiver,) = observation.allows
    (finding,) = observation.findings
    assert (waiver.fingerprint, waiver.owner, waiver.ref, waiver.kind) == (
        *(finding.fingerprint, "ana", "ABC-12", "inline"),
    )
    result = judge(RULE, observation, (), TODAY)
    assert result.verdict is Verdict.PASS
    assert [each.waiver for each in result.waived] == [waiver]


def test_without_it_the_gate_fails_and_what_the_policy_bars_stays_barred(tmp_path: Path) -> None:
    assert judge(RULE, look(tmp_path, CODE.format("", "")), (), TODAY).verdict is Verdict.FAIL
    observation = look(tmp_path / "2", CODE.format("", allow()))
    barred = Rule(gate="fallbacks", fail_at=Severity.HIGH, timeout=60, waivable=Waivable(any=False))
    assert judge(barred, observation, (), TODAY).verdict is Verdict.FAIL


def test_it_covers_nothing_elsewhere(tmp_path: Path) -> None:
    observation = look(tmp_path, f"x = 1{allow()}\n" + CODE.format("", ""))
    assert observation.allows == ()
    assert names(observation) == [("broad-suppress", Severity.HIGH), ("unused-allow", Severity.MEDIUM)]


@pytest.mark.parametrize(
    ("level", "severity"), [(1, Severity.MEDIUM), (2, Severity.MEDIUM), (3, Severity.HIGH)]
)
def test_one_that_has_expired_is_a_finding(tmp_path: Path, level: int, severity: Severity) -> None:
    observation = look(tmp_path, CODE.format("", allow(until=TODAY - timedelta(days=1))), level=level)
    assert observation.allows == ()
    assert ("expired-allow", severity) in names(observation)


def test_one_on_its_last_day_holds(tmp_path: Path) -> None:
    assert len(look(tmp_path, CODE.format("", allow(until=TODAY))).allows) == 1


def test_one_of_two_rules_that_covers_nothing_is_named(tmp_path: Path) -> None:
    observation = look(tmp_path, CODE.format("", allow("FH104,FH110")))
    assert len(observation.allows) == 1
    (stale,) = [each for each in observation.findings if each.name == "unused-allow"]
    assert "FH110: nothing to allow here" in stale.message


def test_one_for_a_rule_that_is_off_is_not_unused(tmp_path: Path) -> None:
    observation = look(tmp_path, CODE.format("", allow()), settings=FallbacksSettings())
    assert (observation.allows, observation.findings) == ((), ())


def test_at_level_4_none_has_an_effect(tmp_path: Path) -> None:
    observation = look(tmp_path, CODE.format("", allow()), level=4)
    assert observation.allows == ()
    assert names(observation) == [("broad-suppress", Severity.HIGH), ("allow-without-effect", Severity.LOW)]


@pytest.mark.parametrize(("level", "honoured"), [(2, True), (3, False)])
def test_one_that_the_change_adds_has_no_effect_from_level_3(
    tmp_path: Path, level: int, honoured: bool
) -> None:
    base = FixedBase(changed={"app/a.py": frozenset({5})})
    observation = look(tmp_path, CODE.format("", allow()), level=level, base=base)
    assert bool(observation.allows) is honoured
    assert (("allow-without-effect", Severity.LOW) in names(observation)) is not honoured
    before = FixedBase(changed={"app/a.py": frozenset({1})})
    assert look(tmp_path / "2", CODE.format("", allow()), level=level, base=before).allows


MALFORMED: Mapping[str, tuple[str, int]] = {
    "unknown rule": (allow("FH999"), 1),
    "wildcard": (allow("*"), 1),
    "made-up value": (allow("FH001"), 1),
    "made-up value by name": (allow("mock-in-product"), 1),
    "integrity": (allow("FH705"), 1),
    "unreadable": (allow("FH000"), 1),
    "too late": (allow(until=TODAY + timedelta(days=91)), 1),
    "too late at 3": (allow(until=TODAY + timedelta(days=31)), 3),
    "no ref at 3": (allow(ref=""), 3),
    "another form": ("  # failhard: ignore", 1),
}


@pytest.mark.parametrize("comment", MALFORMED)
def test_a_malformed_one_binds_nothing_and_fails_integrity(tmp_path: Path, comment: str) -> None:
    text, level = MALFORMED[comment]
    code = CODE.format("", text)
    assert look(tmp_path, code, level=level).allows == ()
    root = write(tmp_path / "2", {"app/a.py": code})
    gate = IntegrityGate()
    observation = observe(gate_run(root, gate, level=level), gate)
    assert names(observation) == [("malformed-allow", Severity.HIGH)]
    assert observation.measures["inline_allows"] == 1


def test_no_ref_is_needed_below_level_3(tmp_path: Path) -> None:
    assert len(look(tmp_path, CODE.format("", allow(ref="")), level=2).allows) == 1


def test_no_other_comment_lets_anything_through(tmp_path: Path) -> None:
    comment = "  # noqa: BLE001  # nosec  # type: ignore  # pragma: no cover"
    observation = look(tmp_path, CODE.format(comment, comment))
    assert (names(observation), observation.allows) == ([("broad-suppress", Severity.HIGH)], ())
