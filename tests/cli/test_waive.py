"""`failhard waive`: one entry more and nothing else, or a refusal that says why and leaves the file alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest
from click.testing import CliRunner
from click.testing import Result as Answer
from hypothesis import given
from hypothesis import strategies as st

from pytest_failhard import judge, policy, waivers
from pytest_failhard.cli import main, waive
from pytest_failhard.model import Finding, Report, Result, Severity, Verdict, Waived, Waiver
from pytest_failhard.report import document
from tests.acceptance.project import write
from tests.report.samples import GREEN
from tests.support import GATES

TODAY = date(2026, 11, 20)
SHELL = Finding(
    rule="B602",
    name="B602",
    path="app/run: it.py",
    line=4,
    severity=Severity.HIGH,
    message="a shell is started",
    fix="pass a list",
)
KEY = Finding(
    rule="FH202/function",
    name="mock-in-product",
    path="app/made_up.py",
    line=1,
    severity=Severity.HIGH,
    message="it makes data up",
    fix="take it out",
)
SHORT = Finding(
    rule="line_percent",
    name="line_percent",
    path="",
    line=0,
    severity=Severity.HIGH,
    message="line_percent 79.99 < 80",
    fix="raise line_percent to at least 80",
)
WHY = ("--reason", "the arguments are constants", "--owner", "ada@example.org")


def report(*findings: tuple[str, Finding], level: int = 2) -> Report:
    results = [
        Result(
            gate=gate,
            verdict=Verdict.FAIL,
            because=("x",),
            examined=1,
            findings=(finding,),
            measures={"line_percent": Fraction(79999, 1000)} if gate == "coverage" else {},
        )
        for gate, finding in findings
    ]
    return replace(GREEN, level=level, results=tuple(results), judged_on=TODAY)


def asked(root: Path, made: Report, fingerprint: str, *options: str) -> Answer:
    """Run the command over the project's last report."""
    folder = root / ".failhard"
    folder.mkdir(exist_ok=True)
    (folder / "report.json").write_bytes(document.render(made))
    return CliRunner().invoke(main, ["waive", fingerprint, str(root), *options])


def stored(root: Path, level: int = 2) -> tuple[Waiver, ...]:
    terms = policy.load(level, GATES, today=datetime.now(UTC).date())
    return waivers.load((root / waivers.FILE).read_bytes(), terms, datetime.now(UTC).date(), gate_ids=GATES)


def test_an_entry_is_written_that_the_next_run_reads(tmp_path: Path) -> None:
    answer = asked(tmp_path, report(("security", SHELL)), SHELL.fingerprint, *WHY)

    assert answer.exit_code == 0, answer.output
    [waiver] = stored(tmp_path)
    assert (waiver.gate, waiver.rule, waiver.path) == ("security", "B602", "app/run: it.py")
    assert (waiver.fingerprint, waiver.reason) == (SHELL.fingerprint, WHY[1])
    longest = policy.load(2, GATES, today=TODAY).waivers.max_days
    assert waiver.expires - datetime.now(UTC).date() in {timedelta(days=longest), timedelta(days=longest - 1)}
    assert (
        f"security B602 app/run: it.py is waived until {waiver.expires} (owner ada@example.org)"
        in answer.output
    )


def test_a_measure_is_accepted_as_bad_as_it_is_and_no_worse(tmp_path: Path) -> None:
    answer = asked(tmp_path, report(("coverage", SHORT)), SHORT.fingerprint, *WHY)

    assert answer.exit_code == 0, answer.output
    assert [waiver.value for waiver in stored(tmp_path)] == [Fraction("79.99")]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--reason", "because", "--owner", "ada"), "reason: must say why in at least 2 words"),
        (("--reason", "it is fine so", "--owner", "-"), "owner: must name somebody"),
        ((*WHY, "--expires", "2026-02-30"), "--expires: must be a day that exists"),
        ((*WHY, "--expires", "2999-01-01"), ".expires: 2999-01-01 is too late"),
    ],
)
def test_what_the_level_does_not_admit_is_refused(
    tmp_path: Path, options: tuple[str, ...], problem: str
) -> None:
    answer = asked(tmp_path, report(("security", SHELL)), SHELL.fingerprint, *options)

    assert answer.exit_code == 2
    assert problem in answer.output
    assert not (tmp_path / waivers.FILE).exists()


def test_from_level_3_on_a_ref_and_a_second_person_are_demanded_together(tmp_path: Path) -> None:
    made = report(("security", SHELL), level=3)

    answer = asked(tmp_path, made, SHELL.fingerprint, *WHY)
    assert answer.exit_code == 2
    assert "approved_by" in answer.output
    assert "ref" in answer.output

    full = asked(tmp_path, made, SHELL.fingerprint, *WHY, "--ref", "ABC-1", "--approved-by", "bo@example.org")
    assert full.exit_code == 0, full.output
    assert [(each.ref, each.approved_by) for each in stored(tmp_path, 3)] == [("ABC-1", "bo@example.org")]


def test_what_nobody_may_accept_is_refused_and_the_way_for_a_wrong_one_is_said(tmp_path: Path) -> None:
    made = report(("fallbacks", KEY))

    answer = asked(tmp_path, made, KEY.fingerprint, *WHY)
    assert answer.exit_code == 2
    assert "FH202/function: is nobody's accepted risk; mend it; where it is wrong" in answer.output

    wrong = ("--reason", "test-data: what the documentation shows", "--owner", "ada", "--false-positive")
    alone = asked(tmp_path, made, KEY.fingerprint, *wrong)
    assert alone.exit_code == 2
    marked = asked(tmp_path, made, KEY.fingerprint, *wrong, "--approved-by", "bo")
    assert marked.exit_code == 0, marked.output
    assert [each.kind for each in stored(tmp_path)] == ["false-positive"]


def test_what_cannot_even_be_wrong_is_mended(tmp_path: Path) -> None:
    started = replace(KEY, rule="R3-starts-without-secret", name="R3-starts-without-secret")

    answer = asked(tmp_path, report(("system", started)), started.fingerprint, *WHY)

    assert answer.exit_code == 2
    assert answer.output.strip().endswith("is nobody's accepted risk; mend it")


def test_what_is_not_in_the_report_is_refused(tmp_path: Path) -> None:
    broken = replace(
        report(("security", SHELL)), results=(Result(gate="lint", verdict=Verdict.ERROR, because=("x",)),)
    )

    answer = asked(tmp_path, broken, SHELL.fingerprint, *WHY)

    assert answer.exit_code == 2
    assert "no finding of the last report has it; an error cannot be waived (lint)" in answer.output


def test_without_a_report_there_is_nothing_to_waive(tmp_path: Path) -> None:
    answer = CliRunner().invoke(main, ["waive", "0" * 16, str(tmp_path), *WHY])

    assert answer.exit_code == 2
    assert "run `failhard check` first" in answer.output


def test_the_same_finding_twice_is_refused_and_the_file_stays(tmp_path: Path) -> None:
    made = report(("security", SHELL))
    asked(tmp_path, made, SHELL.fingerprint, *WHY)
    before = (tmp_path / waivers.FILE).read_bytes()

    answer = asked(tmp_path, made, SHELL.fingerprint, *WHY)

    assert answer.exit_code == 2
    assert "covers the same finding" in answer.output
    assert (tmp_path / waivers.FILE).read_bytes() == before


WAIVER = Waiver(
    gate="lint",
    rule="E501",
    path="a.py",
    fingerprint="0" * 16,
    reason="a long address",
    owner="ada",
    expires=TODAY + timedelta(days=5),
)
ENTRY = waive.entry(WAIVER)
READ = """clarifications:
  - package: acme
    version: "1"
    expression: MIT
    reason: The contract says so.
    owner: ada
    files: [{path: LICENSE, sha256: "%s"}]
""" % ("a" * 64)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "schema: failhard-waivers/1\n",
        "schema: failhard-waivers/1\nwaivers: []\n",
        (
            "# who: ada\nschema: failhard-waivers/1\nwaivers: # all\n- gate: types\n  rule: x\n  path: b.py\n"
            "  fingerprint: '1111111111111111'\n  reason: is so for now\n  owner: bo\n  expires: 2026-11-21\n\n# end\n"
        ),
        f"schema: failhard-waivers/1\nwaivers: []\n{READ}",
        f"{READ}schema: failhard-waivers/1",
    ],
    ids=["none", "empty", "inline", "commented", "followed", "no line break"],
)
def test_whatever_stands_there_stays(text: str | None) -> None:
    terms = policy.load(2, GATES, today=TODAY)
    old = waivers.load(text.encode() if text else None, terms, TODAY, gate_ids=GATES)

    new = waive.added(text, ENTRY)

    assert {*waivers.load(new.encode(), terms, TODAY, gate_ids=GATES)} == {*old, WAIVER}
    for line in (text or "").replace(" []", "").splitlines():
        assert line in new
    if text and READ in text:
        assert len(waivers.clarifications(new.encode())) == 1


@given(reason=st.text(min_size=12).map(lambda text: f"so it is {text}"), path=st.text(min_size=1))
def test_no_text_becomes_another_key(reason: str, path: str) -> None:
    from pytest_failhard.strict import StrictError, read_yaml

    text = waive.added(None, waive.entry(replace(WAIVER, reason=reason, path=path)))
    try:
        document_ = read_yaml(text.encode("utf-8", "surrogatepass"), "x")
    except StrictError:
        return  # what YAML cannot hold is refused, not written
    assert isinstance(document_, dict)
    [entry] = document_["waivers"]
    assert (entry["reason"], entry["path"], entry["owner"]) == (reason, path, "ada")


def listed(root: Path, made: Report, *options: str) -> Answer:
    """List the waivers of a project after its last report."""
    folder = root / ".failhard"
    folder.mkdir(exist_ok=True)
    (folder / "report.json").write_bytes(document.render(made))
    return CliRunner().invoke(main, ["waive", "--list", str(root), *options])


def test_the_list_says_of_each_waiver_in_which_state_it_is(shop: Path) -> None:
    today = datetime.now(UTC).date()

    def written(path: str, days: int, gate: str = "security") -> Waiver:
        finding = replace(SHELL, path=path)
        return Waiver(
            gate=gate,
            rule="B602",
            path=path,
            fingerprint=finding.fingerprint,
            reason=WHY[1],
            owner="ada",
            expires=today + timedelta(days=days),
        )

    held = [written("active.py", 60), written("expiring.py", 3)]
    there = [written("expired.py", -1), written("unused.py", 60), written("new.py", 60)]
    elsewhere = [written("error.py", 60, "lint"), written("absent.py", 60, "types")]
    terms = policy.load(2, GATES, today=today).waivers
    seen = Result(
        gate="security",
        verdict=Verdict.PASS,
        because=("x",),
        waived=tuple(Waived(finding=replace(SHELL, path=each.path), waiver=each) for each in held),
    )
    [settled] = judge.settle_waivers([seen], [*held, *there[:2]], terms, today)
    broken = Result(gate="lint", verdict=Verdict.ERROR, because=("x",))
    made = replace(GREEN, level=2, results=(settled, broken))
    text = "schema: failhard-waivers/1\nwaivers:\n" + "\n".join(map(waive.entry, [*held, *there, *elsewhere]))
    write(shop, {waivers.FILE: text})

    answer = listed(shop, made)
    assert answer.exit_code == 0, answer.output
    until = today + timedelta(days=60)
    since = "the last report did not use it; run `failhard check`"
    lines = answer.output.splitlines()
    assert sorted(lines[:-1]) == [
        f"active: security B602 active.py until {until} (owner ada)",
        f"expired: security B602 expired.py until {there[0].expires} (owner ada): renew it, or take it out",
        f"expiring: security B602 expiring.py until {held[1].expires} (owner ada): 3 days left",
        f"not judged: lint B602 error.py until {until} (owner ada): its gate is an error, never waived",
        f"not judged: types B602 absent.py until {until} (owner ada): the last report has no such gate",
        f"unused: security B602 new.py until {until} (owner ada): {since}",
        f"unused: security B602 unused.py until {until} (owner ada): covers nothing that was found",
    ]
    assert lines[-1] == "7 waivers: 1 active, 1 expiring, 1 expired, 2 unused, 2 not judged"

    pending = listed(shop, made, "--base", "HEAD").output.splitlines()
    assert pending[-1] == "7 waivers: 1 expired, 6 pending approval"
    write(shop, {waivers.FILE: text.replace("reason", "raeson", 1)})
    wrong = listed(shop, made)
    assert wrong.exit_code == 2
    assert (
        "invalid: failhard-waivers.yaml: waivers[0].raeson: unknown key; did you mean reason?" in wrong.output
    )
    write(shop, {waivers.FILE: None})
    assert listed(shop, made).output == "no waivers\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "give FINGERPRINT and at most one ROOT"),
        (("a", ".", "."), "give FINGERPRINT and at most one ROOT"),
        (("--list", ".", "."), "--list and at most one ROOT"),
        (("--list", "nowhere"), "ROOT: nowhere is no folder"),
        (("0" * 16,), "run `failhard check` first"),
    ],
)
def test_what_is_named_on_the_line_must_make_sense(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = CliRunner().invoke(main, ["waive", *words])
    assert (answer.exit_code, said in answer.output) == (2, True), answer.output
