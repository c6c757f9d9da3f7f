"""What people try with waivers: each is refused, and the report or the refusal names it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from pytest_failhard import engine, plan
from pytest_failhard.cli import main
from pytest_failhard.model import Finding, Mode, Report, Severity, Verdict
from pytest_failhard.report import terminal
from tests.acceptance.project import VIOLATION, commit, configured, git, write
from tests.cli.test_verify import seen as meets
from tests.support import GATES

TODAY = datetime.now(UTC).date()
LEVEL = 3
FILE = "failhard-waivers.yaml"
UNUSED = Finding(
    rule="F401",
    name="unused-import",
    path="shop/dirty.py",
    line=1,
    severity=Severity.MEDIUM,
    message="`os` imported but unused",
    fix="remove it",
)
SECRET = Finding(
    rule="FH001/default",
    name="secret-env-default",
    path="shop/dirty.py",
    line=1,
    severity=Severity.HIGH,
    message="a secret with a value",
    fix="take it out",
)
ENTRY = {
    "gate": "lint",
    "rule": "F401",
    "path": "shop/dirty.py",
    "fingerprint": f'"{UNUSED.fingerprint}"',
    "reason": "the import is needed by a plugin at run time",
    "owner": "Ada Lovelace",
    "expires": (TODAY + timedelta(days=20)).isoformat(),
    "ref": "SHOP-1",
    "approved_by": "Charles Babbage",
}


def text(*entries: Mapping[str, str | None]) -> str:
    """Return the file with these entries, each with changes to a waiver that is good."""
    said = f"schema: failhard-waivers/1\nwaivers:{'' if entries else ' []'}\n"
    for changes in entries:
        lines = [f"{key}: {value}" for key, value in {**ENTRY, **changes}.items() if value is not None]
        said += "  - " + "\n    ".join(lines) + "\n"
    return said


@dataclass(frozen=True, kw_only=True)
class Abuse:
    """What stands in the file of the change, and what must be said; `gate` is the one that must not pass."""

    name: str
    entries: tuple[Mapping[str, str | None], ...] = ({},)
    said: str
    before: tuple[Mapping[str, str | None], ...] | None = None
    """The file at the merge base, which is named then; None for no base named."""
    gate: str = "lint"
    verdict: Verdict = Verdict.FAIL
    today: date = TODAY
    findings: tuple[Finding, ...] = (UNUSED,)
    """What its gate finds; of the gate `lint` the finding that the waiver is for, unless something else is said."""
    measures: Mapping[str, int] = field(default_factory=dict)
    examined: int = 3


def day(days: int) -> str:
    return (TODAY + timedelta(days=days)).isoformat()


FOREIGN = {"gate": "types", "rule": "F401"}
REFUSED = (
    Abuse(name="clock set back", said="set the clock", today=date(2000, 1, 1)),
    Abuse(name="any rule", entries=({"rule": "'*'"},), said="waivers[0].rule: '*' is not one finding"),
    Abuse(
        name="any path", entries=({"path": "shop/*"},), said="waivers[0].path: 'shop/*' is not one finding"
    ),
    Abuse(name="whole gate", entries=({"rule": "all"},), said="waivers[0].rule: 'all' is not one finding"),
    Abuse(name="no finding", entries=({"fingerprint": None},), said="waivers[0].fingerprint: is missing"),
    Abuse(name="an error", entries=({"rule": "error"},), said="a waiver names exactly one, never an error"),
    Abuse(name="no such day", entries=({"expires": "2026-02-30"},), said="waivers[0].expires: must be a day"),
    Abuse(name="no date", entries=({"expires": "never"},), said="waivers[0].expires: must be a day"),
    Abuse(
        name="a time", entries=({"expires": "2026-12-01T00:00:00"},), said="waivers[0].expires: must be a day"
    ),
    Abuse(
        name="for ever", entries=({"expires": "2999-01-01"},), said="2999-01-01 is too late; level 3 admits"
    ),
    Abuse(name="a day too long", entries=({"expires": day(31)},), said=f"level 3 admits {day(30)} at most"),
    Abuse(name="nobody", entries=({"owner": "'-'"},), said="waivers[0].owner: must name somebody"),
    Abuse(name="no reason", entries=({"reason": "x"},), said="waivers[0].reason: must say why"),
    Abuse(name="alone", entries=({"approved_by": None},), said="waivers[0].approved_by: is missing"),
    Abuse(name="no such gate", entries=({"gate": "lnit"},), said="unknown gate lnit; did you mean lint?"),
    Abuse(name="twice", entries=({}, {}), said="waivers[1]: covers the same finding as waivers[0]"),
    Abuse(name="malformed in the change", entries=({"owner": None},), before=({},), said="owner: is missing"),
)
STANDING = (
    Abuse(name="ended yesterday", entries=({"expires": day(-1)},), said=f"expired on {day(-1)}"),
    Abuse(
        name="other finding",
        entries=({"fingerprint": f'"{"0" * 16}"'},),
        said="names another fingerprint than",
    ),
    Abuse(name="other path", entries=({"path": "shop/prices.py"},), said="covers nothing that was found"),
    Abuse(name="of another gate", entries=(FOREIGN,), said="the waiver of types F401 shop/dirty.py"),
    Abuse(
        name="of another gate, there",
        entries=(FOREIGN,),
        gate="types",
        findings=(),
        said="covers nothing that was found",
    ),
    Abuse(
        name="by the same change", before=(), said="pending approval: the waiver of lint F401 shop/dirty.py"
    ),
    Abuse(name="made longer by the change", before=({"expires": day(-1)},), said=f"expired on {day(-1)}"),
    Abuse(
        name="base unreadable", before=({"rule": "'*'"},), said="pending approval: the waiver of lint F401"
    ),
    Abuse(
        name="approved by its own change",
        before=({"approved_by": None},),
        said="pending approval: the waiver of lint F401",
    ),
    Abuse(
        name="of what is an error",
        examined=0,
        said="nothing was examined",
        verdict=Verdict.ERROR,
    ),
    Abuse(
        name="of what nobody may accept",
        entries=({"gate": "fallbacks", "rule": "FH001/default", "fingerprint": f'"{SECRET.fingerprint}"'},),
        gate="fallbacks",
        findings=(SECRET,),
        said="cannot cover the finding: not waivable, or worse than its value",
    ),
    Abuse(
        name="marked as wrong by one person",
        entries=(
            {
                "gate": "fallbacks",
                "rule": "FH001/default",
                "fingerprint": f'"{SECRET.fingerprint}"',
                "kind": "false-positive",
                "reason": "test-data in a document",
                "approved_by": "Ada Lovelace",
            },
        ),
        gate="fallbacks",
        findings=(SECRET,),
        said="cannot cover the finding: not waivable, or worse than its value",
    ),
    Abuse(
        name="of a measure that got worse",
        entries=(
            {
                "gate": "coverage",
                "rule": "line_percent",
                "path": "''",
                "value": "70.01",
                "fingerprint": '"5913188aa8b0021e"',
            },
        ),
        gate="coverage",
        findings=(),
        measures={"line_percent": 70},
        said="cannot cover the finding: not waivable, or worse than its value",
    ),
)


@pytest.fixture(scope="module")
def two(shop_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a base and a change on it, which the cases differ from in the waivers alone."""
    from tests.acceptance.project import copy

    root = copy(shop_template, tmp_path_factory.mktemp("abuse") / "shop")
    commit(write(root, configured("", level=LEVEL)))
    git(root, "checkout", "--quiet", "-b", "change")
    commit(write(root, VIOLATION))
    return root


def asked(root: Path, abuse: Abuse) -> plan.Plan:
    base = None
    if abuse.before is not None:
        base = "main"
        # What an earlier case left is overwritten, and may be what this one needs.
        git(root, "checkout", "--quiet", "--force", "main")
        write(root, {FILE: text(*abuse.before)})
        if git(root, "status", "--porcelain"):
            commit(root)
        git(root, "checkout", "--quiet", "--force", "change")
        git(root, "rebase", "--quiet", "main")
    write(root, {FILE: text(*abuse.entries)})
    request = plan.Request(root=root, level=LEVEL, mode=Mode.SUPERVISED, base=base)
    return plan.resolve(request, plan.collect_gates(()), GATES, abuse.today)


def judged(resolved: plan.Plan, abuse: Abuse) -> Report:
    seen = {rule.gate: meets(rule) for rule in resolved.rules if rule.gate in {"lint", "types"}}
    rule = next(each for each in resolved.rules if each.gate == abuse.gate)
    looked = meets(rule, *abuse.findings)
    measures = {**looked.measures, **abuse.measures}
    seen[abuse.gate] = replace(looked, measures=measures, examined=abuse.examined)
    return engine.conclude(
        resolved,
        {name: engine.Outcome(gate=name, observation=each) for name, each in seen.items()},
        started=datetime(2026, 11, 22, tzinfo=UTC),
        settings={},
        notes=resolved.notes,
    )


@pytest.mark.parametrize("abuse", REFUSED, ids=lambda each: each.name)
def test_it_is_refused_before_anything_runs(two: Path, abuse: Abuse) -> None:
    with pytest.raises(plan.PlanError) as refused:
        asked(two, abuse)
    assert abuse.said in str(refused.value)


@pytest.mark.parametrize("abuse", STANDING, ids=lambda each: each.name)
def test_it_covers_nothing_and_is_named(two: Path, abuse: Abuse) -> None:
    report = judged(asked(two, abuse), abuse)
    result = next(each for each in report.results if each.gate == abuse.gate)
    assert (result.verdict, result.waived) == (abuse.verdict, ()), result
    assert abuse.said in terminal.render(report)


def test_a_good_one_covers_and_is_counted(two: Path) -> None:
    for abuse in (Abuse(name="alone", said=""), Abuse(name="approved", said="", before=({},))):
        report = judged(asked(two, abuse), abuse)
        result = next(each for each in report.results if each.gate == "lint")
        assert (result.verdict, len(result.waived)) == (Verdict.PASS, 1), result.because
        assert not any("pending approval" in note for note in report.notes)


def test_who_takes_one_out_need_not_use_it(two: Path) -> None:
    mended = Abuse(name="mended", said="", entries=(), before=({"path": "shop/gone.py"},))
    report = judged(asked(two, mended), Abuse(name="mended", said="", findings=()))
    assert next(each for each in report.results if each.gate == "lint").verdict is Verdict.PASS


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Return a function that moves the process to another time zone."""

    def move(zone: str) -> None:
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    yield move
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("zone", "days", "code", "said"),
    [
        # Where it is tomorrow already: today's last day is one all the same.
        ("Pacific/Kiritimati", 0, 0, "[1 waived]"),
        # Where it is yesterday still: yesterday's last day is over all the same.
        ("Etc/GMT+12", -1, 1, f"expired on {day(-1)}"),
    ],
)
def test_it_is_the_same_day_everywhere(
    shop: Path, clock: Callable[[str], None], signals: None, zone: str, days: int, code: int, said: str
) -> None:
    clock(zone)
    write(shop, {**VIOLATION, FILE: text({"fingerprint": '"ce07c8a63f2057fd"', "expires": day(days)})})
    answer = CliRunner().invoke(main, ["check", str(shop), "--only", "lint", "--level", str(LEVEL)])
    assert (answer.exit_code, said in answer.output) == (code, True), answer.output
    word = "expired" if days else "expiring"
    answer = CliRunner().invoke(main, ["waive", "--list", str(shop)])
    assert f"{word}: lint F401 shop/dirty.py until {day(days)}" in answer.output, answer.output
