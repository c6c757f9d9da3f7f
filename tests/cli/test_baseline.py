"""`failhard baseline`: what fails today is frozen by name and owner; the file shrinks and never grows by itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path

import pytest
from click.testing import CliRunner
from click.testing import Result as Answer

from pytest_failhard import judge, policy
from pytest_failhard.baseline import FILE, Baseline, Entry, dump, parse
from pytest_failhard.cli import main
from pytest_failhard.cli.verify import verify
from pytest_failhard.model import Finding, Frozen, Observation, ProjectFacts, Report, Rule, Severity, Stock
from pytest_failhard.redact import Redactor, shipped
from pytest_failhard.report import document, observation, render_all, stock, waivers
from pytest_failhard.store import Store
from tests.acceptance.cases_terms import POLICY, custom
from tests.acceptance.project import VIOLATION, git, write
from tests.cli.test_verify import TYPE_ERROR as WRONG
from tests.cli.test_verify import kept_of, seen
from tests.support import GATES

TODAY = datetime.now(UTC).date()
REDACTOR = Redactor(shipped())
WHY = ("--reason", "it was there before", "--owner", "ana")
OTHER = replace(WRONG, path="app/other.py")
MILD = replace(WRONG, path="app/mild.py", severity=Severity.LOW)
MADE_UP = replace(WRONG, rule="FH202/function", name="mock-in-product", path="app/made_up.py")
Seen = Mapping[str, Observation]


def left(
    root: Path,
    looked: Seen,
    *,
    level: int = 1,
    broken: str = "",
    commit: str = "",
    clocked: str = "",
    file: Path | None = None,
    frozen: tuple[Frozen, ...] = (),
) -> Path:
    """Leave a report as a run does, of gates that meet every bound but for those given."""
    terms = policy.load(level, GATES, file, today=TODAY)
    with Store.open(Path(".failhard"), root, REDACTOR) as store:
        listed = store.keep("run", "waivers.json", waivers.dump(()))
        held = store.keep("run", "baseline.json", stock.dump(Stock(frozen=frozen)))
        results = []
        for rule in terms.rules:
            if rule.gate == broken:
                results.append(judge.error(rule.gate, "tool-missing: nothing to run"))
                continue
            made = looked.get(rule.gate, seen(rule))
            made = replace(made, volatile=frozenset({clocked} & {*made.measures}))
            kept = kept_of(store, rule.gate, made)
            made = replace(made, evidence=(*made.evidence, *kept))
            results.append(judge.judge(rule, made, (), TODAY, frozen))
        report = Report(
            level=level,
            policy_name=terms.name,
            policy_sha256=terms.sha256,
            project=ProjectFacts(name="shop", version="1", commit=commit, dirty=False),
            settings={"waivers_sha256": listed.sha256, "baseline_sha256": held.sha256},
            complete=True,
            results=judge.settle_baseline(results, Stock(frozen=frozen)),
            started_at="2026-11-20T11:00:00+00:00",
            judged_on=TODAY,
            seconds={},
            host="here",
        )
        store.publish(render_all(REDACTOR.value(report)), {})
    return root / ".failhard"


def types(*findings: Finding) -> Seen:
    return {"types": replace(seen(rule("types")), findings=findings)}


def covered(value: Fraction, **more: Fraction) -> Seen:
    made = seen(rule("coverage"))
    return {"coverage": replace(made, measures={**made.measures, "line_percent": value, **more})}


def rule(gate: str) -> Rule:
    return next(each for each in policy.load(1, GATES, today=TODAY).rules if each.gate == gate)


def asked(root: Path, *options: str) -> Answer:
    return CliRunner().invoke(main, ["baseline", str(root), *options])


def noted(root: Path) -> tuple[Frozen, ...]:
    return parse((root / FILE).read_bytes()).frozen


def test_what_fails_is_frozen_and_the_rest_is_said(tmp_path: Path) -> None:
    looked = {
        **types(WRONG, MILD),
        **covered(Fraction(200, 11)),
        "fallbacks": replace(seen(rule("fallbacks")), findings=(MADE_UP,)),
    }
    left(tmp_path, looked, broken="lint")
    answer = asked(tmp_path, *WHY)
    assert (answer.exit_code, answer.output.splitlines()) == (
        0,
        [
            f"failhard: {FILE}: 2 frozen, 0 kept",
            "failhard: not frozen: fallbacks FH202/function (1): nobody's accepted risk; mend it",
            "failhard: not looked at: lint is an error, which nothing lets through; remove its cause first",
        ],
    )
    floor, wrong = noted(tmp_path)
    assert (floor.gate, floor.rule, floor.value, floor.ceiling) == (
        "coverage",
        "line_percent",
        Fraction(200, 11),
        False,
    )
    assert wrong == Frozen(
        gate="types",
        rule="arg-type",
        path="app/main.py",
        fingerprint=WRONG.fingerprint,
        reason="it was there before",
        owner="ana",
        date=wrong.date,
    )
    assert date(2026, 1, 1) < wrong.date <= datetime.now(UTC).date()


def test_it_shrinks_and_tightens_and_grows_only_where_somebody_answers(tmp_path: Path) -> None:
    stocked = Baseline(rules={"silent-except": {"0" * 16: Entry(path="a.py", reason="old code", owner="bo")}})
    write(tmp_path, {FILE: dump(stocked)})
    left(tmp_path, {**types(WRONG, OTHER), **covered(Fraction(20))})
    assert asked(tmp_path, *WHY).output == f"failhard: {FILE}: 3 frozen, 0 kept\n"
    assert "has 3 entries: --update takes out what is gone" in asked(tmp_path, *WHY).output
    # A worse value is no update: it fails, and stays as it was frozen.
    left(tmp_path, {**types(WRONG), **covered(Fraction(10))})
    assert asked(tmp_path, "--update").output == f"failhard: {FILE}: 1 removed, 0 tightened, 2 kept\n"
    left(tmp_path, {**types(WRONG, OTHER), **covered(Fraction(30))})
    assert asked(tmp_path, "--update").output == f"failhard: {FILE}: 0 removed, 1 tightened, 2 kept\n"
    assert [each.value for each in noted(tmp_path)] == [30, None]
    assert asked(tmp_path, "--add", *WHY).output == f"failhard: {FILE}: 1 frozen, 2 kept\n"
    # Of a gate that could not look nobody knows what is gone.
    left(tmp_path, covered(Fraction(30)), broken="types")
    assert asked(tmp_path, "--update").output == f"failhard: {FILE}: 0 removed, 0 tightened, 3 kept\n"
    left(tmp_path, {})
    assert asked(tmp_path, "--update").output == f"failhard: {FILE}: 3 removed, 0 tightened, 0 kept\n"
    assert parse((tmp_path / FILE).read_bytes()) == stocked


def test_nothing_is_written_where_nothing_fails(tmp_path: Path) -> None:
    left(tmp_path, {})
    assert asked(tmp_path, *WHY).output == f"failhard: {FILE}: 0 frozen, 0 kept\n"
    assert not (tmp_path / FILE).exists()


def test_what_is_about_a_change_alone_or_a_clock_has_no_stock(tmp_path: Path) -> None:
    stricter = "line_percent: 60\n      changed_line_percent: 80\n"
    file = write(tmp_path, custom("line_percent: 60\n", stricter)) / POLICY
    looked = covered(Fraction(20), changed_line_percent=Fraction(1), statements=Fraction(0))
    left(tmp_path, looked, clocked="line_percent", file=file)
    answer = asked(tmp_path, *WHY, "--policy", str(file))
    assert answer.output.splitlines() == [
        f"failhard: {FILE}: 0 frozen, 0 kept",
        "failhard: not frozen: coverage changed_line_percent (1): about the change alone; mend it",
        "failhard: not frozen: coverage line_percent (1): measured by a clock; mend it",
        "failhard: not frozen: coverage statements (1): nothing was there to measure; mend it",
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "add --reason, of two words and ten characters or more, and --owner"),
        (("--reason", "it was there"), "and --owner"),
        (
            ("--reason", "because", "--owner", "ana"),
            "failhard: add --reason, of two words and ten characters",
        ),
        (("--reason", "in use", "--owner", "ana"), "failhard: add --reason, of two words and ten characters"),
        (("--update",), f"there is no {FILE} to update"),
        (("--update", "--add"), "give one of them"),
        (("--update", *WHY), "--update freezes nothing"),
        ((*WHY, "--level", "2"), "the report is of level 1; run `failhard check --level 2` first"),
        ((*WHY, "--report-dir", "none"), "run `failhard check` first"),
    ],
    ids=range(9),
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    left(tmp_path, types(WRONG))
    answer = asked(tmp_path, *options)
    assert (answer.exit_code, said in answer.output) == (2, True), answer.output
    assert not (tmp_path / FILE).exists()


def test_only_a_report_that_holds_is_frozen(tmp_path: Path) -> None:
    folder = left(tmp_path, types(WRONG))
    path = folder / "report.json"
    text = path.read_text()

    def refused(said: str) -> None:
        answer = asked(tmp_path, *WHY)
        assert (answer.exit_code, said in answer.output) == (2, True), answer.output

    path.write_text(text.replace("app/main.py", "app/mine.py"))
    refused("the report was edited after it was written; run `failhard check` again")
    path.write_text("{}")
    refused("is no report")
    edited = json.loads(text)
    edited["policy"]["sha256"] = "0" * 64
    path.write_text(json.dumps(edited))
    refused("the report was judged by the policy poc; give its file with --policy")
    part = next(each for each in edited["gates"] if each["id"] == "types")
    part["evidence"] = []
    edited["policy"]["sha256"] = policy.load(1, GATES, today=TODAY).sha256
    edited["digest"] = document.digest(document.load(json.dumps({**edited, "digest": ""}).encode()))
    path.write_text(json.dumps(edited))
    refused("types: the report has no observation of it")
    path.write_text(text)
    seen_there = folder / "evidence" / "types" / observation.OBSERVATION
    seen_there.write_bytes(seen_there.read_bytes() + b"\n")
    refused("its bytes are not those that the report names")
    left(tmp_path, types(WRONG), commit="c0ffee")
    refused("the report is of commit c0ffee, not of none")
    left(tmp_path, types(WRONG))
    write(tmp_path, {"pyproject.toml": "[tool.failhard]\nlevle = 1\n"})
    refused("levle")
    assert not (tmp_path / FILE).exists()


def test_level_4_has_none(tmp_path: Path) -> None:
    left(tmp_path, types(WRONG), level=4)
    answer = asked(tmp_path, *WHY)
    assert (answer.exit_code, answer.output) == (2, "failhard: level 4 has no baseline: mend what fails\n")


def checked(root: Path, *options: str) -> tuple[int, str]:
    answer = CliRunner().invoke(main, ["check", str(root), "--only", "lint", *options])
    return answer.exit_code, answer.output


def part(root: Path) -> dict[str, list[dict[str, object]]]:
    [lint] = json.loads((root / ".failhard" / "report.json").read_bytes())["gates"]
    assert isinstance(lint, dict)
    return lint


def test_from_the_first_check_to_the_first_new_finding_and_level_4_fo_135(shop: Path, signals: None) -> None:
    write(shop, VIOLATION)
    assert checked(shop)[0] == 1
    assert asked(shop, *WHY).output == f"failhard: {FILE}: 1 frozen, 0 kept\n"
    code, text = checked(shop)
    assert (code, "[1 baselined]" in text) == (0, True), text
    assert [each["rule"] for each in part(shop)["baselined"]] == ["F401"]
    folder = shop / ".failhard"
    assert "F401" not in (folder / "report.sarif").read_text()
    assert "Baselined findings" in (folder / "report.html").read_text()
    assert "[1 baselined]" in (folder / "report.md").read_text().replace("\\", "")
    kept = stock.load((folder / "evidence" / "run" / "baseline.json").read_bytes())
    assert [each.rule for each in kept.frozen] == ["F401"]
    # The base of a change that adds the file has approved nothing.
    git(shop, "add", "--all")
    code, text = checked(shop, "--base", "HEAD")
    assert (code, "pending approval: what failhard-baseline.json adds (lint: 1)" in text) == (1, True), text
    code, text = checked(shop, "--level", "4")
    assert (code, "level 4 has no baseline, and" in text) == (1, True), text
    mistaken = (shop / FILE).read_text().replace('"lint"', '"lnit"')
    write(shop, {FILE: mistaken})
    code, text = checked(shop)
    assert (code, "digest: the entries were edited" in text) == (2, True), text


def test_verify_judges_with_the_baseline_again(tmp_path: Path) -> None:
    entry = Frozen(
        gate="types",
        rule=WRONG.rule,
        path=WRONG.path,
        fingerprint=WRONG.fingerprint,
        reason=WHY[1],
        owner="ana",
        date=TODAY,
    )
    folder = left(tmp_path, types(WRONG), frozen=(entry, replace(entry, path="app/gone.py")))
    code, said = verify(folder, level=None, policy_file=None, gates=GATES)
    assert (code, len(said), said[0].startswith("pass: level 1, policy poc")) == (0, 1, True)
    (folder / "evidence" / "run" / "baseline.json").write_text('{"frozen": [], "refused": []}\n')
    code, mismatches = verify(folder, level=None, policy_file=None, gates=GATES)
    assert code == 4
    assert "evidence/run/baseline.json: its bytes are not those that the report names" in mismatches
