"""The page: what it shows, that it asks nobody, and that no text in it becomes anything else."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings

from pytest_failhard.model import Evidence, Finding, Report, Result, Severity, Verdict
from pytest_failhard.remembered import Quarantined, Stuck
from pytest_failhard.report import PAGE, document, html, render_all
from pytest_failhard.report.html import views
from pytest_failhard.report.html.exhibits import Exhibits
from pytest_failhard.report.text import visible
from tests.report import measured
from tests.report.pages import Element, parse, row
from tests.report.samples import BROKEN, DAY, FAILED, GREEN, LONG_LINE, PASSED, REPORT, REPORTS, uncovered
from tests.size import FULL

HOSTILE = (
    "</script><script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "</style></title></textarea><svg onload=alert(1)>",
    "javascript:alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "<!-- --> ]]> &amp; &#x3c;b&#x3e;",
    "'; DROP TABLE gates; --",
)
SOURCE = Exhibits(
    source={"app/main.py": {number: f"line {number}" for number in range(4, 10)}},
    left_out=("source of app/other.py: Permission denied",),
)
LINKS = ("href", "src", "srcset", "action", "formaction", "poster", "data", "xlink:href", "background")


def page(report: Report = REPORT, exhibits: Exhibits = html.NOTHING) -> Element:
    return parse(html.render(report, exhibits))


def found(number: int = 0, severity: Severity = Severity.HIGH, **changed: str | int) -> Finding:
    made = Finding(
        rule="FH101/true",
        name="silent-fallback",
        path="app/main.py",
        line=7,
        severity=severity,
        message=f"case {number}",
        fix="let it through",
        anchor=str(number),
    )
    return replace(made, **changed)  # type: ignore[arg-type] # each test knows its fields


def judged(*findings: Finding, gate: str = "fallbacks") -> Report:
    because = (f"{len(findings)} findings at high: {findings[0].message}",)
    result = Result(gate=gate, verdict=Verdict.FAIL, because=because, examined=3, findings=findings)
    return replace(GREEN, results=(result,))


def test_the_page_is_one_of_the_files_of_a_report() -> None:
    made = render_all(REPORT)
    assert made[PAGE] == html.render(REPORT)
    assert "report.json" in made


def test_the_verdict_comes_first_and_says_what_it_means() -> None:
    for report, word, sentence in (
        (REPORT, "error", "Something could not be judged. Not proven is not passed."),
        (replace(REPORT, results=(FAILED,)), "fail", "does not meet the level."),
        (GREEN, "pass", "Every demanded check ran, and passed."),
    ):
        made = page(report)
        assert made.one("title").text == f"{word.upper()}: shop 1.0, failhard level 3"
        assert made.one("h1").words.endswith(f"{word} shop 1.0, level 3")
        assert made.one("p", class_="sentence").words.endswith(sentence)


def test_the_gates_stand_worst_first_with_reason_and_next_step() -> None:
    rows = [row(each) for each in page().one("table", class_="gates").all("tr")][1:]
    assert [each[0] for each in rows] == ["types", "coverage", "lint"]
    assert [each[1].split()[-1] for each in rows] == ["error", "fail", "pass"]
    assert rows[0][2] == "tool-missing: mypy is not installed Next: remove the cause named above"
    assert rows[1][2] == "line_percent 79.99 < 80 and 1 more Next: add tests"
    assert rows[1][3].endswith("12 medium")
    assert rows[1][4:] == ["1290", "0.4"]
    assert rows[2][3] == "1 waived"


def test_of_counted_findings_the_table_names_the_worst() -> None:
    cells = row(page(judged(found(1, Severity.LOW), found(2))).one("table", class_="gates").all("tr")[1])
    assert cells[2] == "2 findings at high, first app/main.py:7 case 2"


def test_a_gate_says_all_its_reasons_ways_out_figures_and_evidence() -> None:
    body = page().one("details", id="gate-coverage")
    said = body.words
    for text in (
        *FAILED.because,
        *FAILED.options,
        "line_percent 79.99",
        "statements 1290",
        "coverage 7.17.3",
    ):
        assert text in said
    assert [link.attributes["href"] for link in body.all("a")] == [
        "#findings-coverage",
        "evidence/coverage/coverage.json",
        "evidence/coverage/observation.json",
    ]


def test_every_finding_is_there_with_its_repair_and_its_fingerprint() -> None:
    shown = page().all("div", class_="finding")
    assert len(shown) == len(FAILED.findings)
    for finding, element in zip(FAILED.findings, shown, strict=True):
        assert element.attributes["data-severity"] == "medium"
        for text in (finding.rule, finding.path, finding.message, finding.fix, finding.fingerprint):
            assert text in element.text


def test_findings_stand_by_gate_the_high_ones_first() -> None:
    report = judged(found(1, Severity.LOW), found(2), found(3, Severity.MEDIUM))
    report = replace(report, results=(replace(FAILED, findings=(uncovered(1),)), *report.results))
    groups = page(report).all("details", class_="card")
    shown = [group for group in groups if "data-gate" in group.attributes]
    assert [group.attributes["data-gate"] for group in shown] == ["coverage", "fallbacks"]
    assert [each.attributes["data-severity"] for each in shown[1].all("div", class_="finding")] == [
        "high",
        "medium",
        "low",
    ]
    options = [option.attributes["value"] for option in page(report).one("select").all("option")]
    assert options == ["", "coverage", "fallbacks"]


def test_a_finding_shows_its_source_where_that_is_known() -> None:
    elsewhere = found(2, path="app/other.py")
    above = found(3, line=40)
    made = page(judged(found(1), elsewhere, above), SOURCE)
    (source,) = made.all("details", class_="source")
    assert [each.text for each in source.all("li")] == [f"{number}line {number}" for number in range(5, 10)]
    assert source.one("li", class_="meant").text == "7line 7"
    assert "source of app/other.py: Permission denied" in made.one("section", id="run").text


def test_a_long_line_and_a_long_message_are_cut_and_say_so() -> None:
    exhibits = Exhibits(source={"app/main.py": {7: "x" * 300}})
    made = page(judged(found(1, message="word " * 2000)), exhibits)
    assert made.one("li", class_="meant").text == f"7{'x' * 200} …"
    assert made.one("p", class_="message").text.endswith("(cut here; 10000 characters in report.json)")


def test_a_waived_finding_stands_apart_with_its_waiver() -> None:
    made = page(GREEN)
    assert made.all("div", class_="finding") == []
    cells = row(made.one("section", id="waived").all("tr")[1])
    assert cells[0] == "lint"
    assert LONG_LINE.fingerprint in cells[1]
    assert cells[2:] == ["a URL", "jane", "2026-12-01", "accepted-risk"]


def test_what_is_marked_as_wrong_names_both_people_and_the_end() -> None:
    (waived,) = PASSED.waived
    wrong = replace(
        waived,
        waiver=replace(waived.waiver, kind="false-positive", approved_by="joe", ref="T-1", until_fixed=True),
    )
    cells = row(
        page(replace(GREEN, results=(replace(PASSED, waived=(wrong,)),)))
        .one("section", id="waived")
        .all("tr")[1]
    )
    assert cells[2:] == ["a URL T-1", "jane approved by joe", "2026-12-01 or when fixed", "false-positive"]


def test_a_partial_report_a_note_and_a_gate_that_does_not_apply_say_so() -> None:
    idle = replace(PASSED, applies=False)
    made = page(
        replace(REPORT, complete=False, results=(FAILED, idle), settings={"only": ["lint"], "seed": 1})
    )
    notices = [each.words for each in made.all("p", class_="notice")]
    assert any(each.startswith("Partial:") for each in notices)
    assert f"Note: {REPORT.notes[0]}" in notices
    assert "1 of them does not apply" in made.one("ul", class_="facts").words
    assert "Does not apply" in made.one("details", id="gate-lint").words
    assert 'only ["lint"]' in made.one("section", id="run").words


def test_a_report_without_gates_is_an_error_on_the_page_too() -> None:
    made = page(replace(GREEN, results=()))
    assert made.one("h1").words.startswith("! error")
    assert "No gate was judged, which proves nothing: an error." in made.one("section", id="gates").words


def test_what_is_stuck_frozen_or_in_quarantine_is_said_in_the_head_and_shown_in_full() -> None:
    frozen = replace(PASSED, waived=(), baselined=(LONG_LINE,))
    flaky = Quarantined(
        id="a1b2",
        kind="flaky_test",
        gate="tests",
        subject="tests/test_a.py::test_one",
        reason="its outcomes differ",
        owner="bea",
        since=DAY,
        expires=DAY,
    )
    stuck = (
        Stuck(gate="coverage", why="3 attempts have not mended it"),
        Stuck(gate="run", why="10 have not"),
    )
    made = page(replace(REPORT, results=(FAILED, frozen), stuck=stuck, quarantined=(flaky, flaky)))
    head = made.one("header").words
    for said in (
        "1 baselined",
        "2 quarantined , which is not passed",
        "Stuck: coverage: 3 attempts",
        "a person decides",
    ):
        assert said in head
    assert "this change: 10 have not" in head
    assert "lint ○ low E501 app/main.py:7" in made.one("section", id="baselined").words
    kept = made.one("dt", id="quarantined").parent
    assert kept is not None
    assert kept.words.count("a1b2 flaky_test tests/test_a.py::test_one, owner bea, until 2026-11-20") == 2


def test_the_run_shows_digests_settings_and_what_differs_between_two_runs() -> None:
    kept = Evidence(name="attempts.jsonl", sha256="f" * 64, media_type="application/jsonl", volatile=True)
    clocked = replace(
        FAILED, evidence=(*FAILED.evidence, kept), measures={"p95_ms": 3}, volatile=frozenset({"p95_ms"})
    )
    report = replace(REPORT, results=(clocked,))
    made = page(report).one("section", id="run")
    for text in (document.build(report).digest, report.policy_sha256, report.host, report.started_at):
        assert text in made.words
    rows = [row(each) for each in made.all("tr")][1:]
    assert ["coverage", "attempts.jsonl", "application/jsonl", "f" * 64, "no"] in rows
    assert sum(each[-1] == "yes" for each in rows) == 2
    assert "coverage.p95_ms 3" in made.words
    assert "p95_ms (of a clock) 3" in page(report).one("details", id="gate-coverage").words


def test_of_too_many_findings_each_gate_keeps_a_share_and_the_page_says_how_many() -> None:
    many = [found(number) for number in range(views.MAX_FINDINGS + 100)]
    few = replace(FAILED, findings=(uncovered(1),))
    built = document.build(replace(REPORT, results=(*judged(*many).results, few)))
    groups = {group.gate: group for group in views.groups(built, html.NOTHING)}
    assert len(groups["coverage"].findings) == groups["coverage"].total == 1
    assert len(groups["fallbacks"].findings) == views.MAX_FINDINGS - 1
    assert groups["fallbacks"].total == len(many)
    assert groups["coverage"].is_open
    assert not groups["fallbacks"].is_open


def test_the_page_says_where_findings_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "MAX_FINDINGS", 4)
    monkeypatch.setattr(views, "MAX_WAIVED", 0)
    made = page()
    assert "4 of 12 findings are shown" in made.one("section", id="findings").words
    assert "0 of 1 are shown" in made.one("section", id="waived").words


def test_many_rules_are_counted_and_no_more_than_thirty_named() -> None:
    many = [found(number, rule=f"rule-{number}") for number in range(33)]
    tally = page(judged(*many)).one("ul", class_="tally").all("li")
    assert len(tally) == 31
    assert tally[-1].text == "and 3 more rules"


# ---- what a browser and a screen reader are given


def test_the_structure_is_whole() -> None:
    made = page(replace(REPORT, results=(*REPORT.results, *judged(found(1)).results)), SOURCE)
    check_structure(made)
    assert made.one("html").attributes["lang"] == "en"
    for landmark in ("header", "nav", "main", "footer"):
        assert made.one(landmark)
    assert made.all("a")[0].attributes["href"] == "#main"
    assert made.one("output").attributes["aria-live"] == "polite"
    assert made.one("form").attributes["role"] == "search"


def check_structure(made: Element) -> None:
    identities = [each.attributes["id"] for each in made if "id" in each.attributes]
    assert len(identities) == len(set(identities))
    assert {target for each in made for target in targets(each)} <= {*identities}
    levels = [int(each.name[1]) for each in made if re.fullmatch("h[1-6]", each.name)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    for table in made.all("table"):
        assert table.one("caption").words
        assert all(each.attributes.get("scope") for each in table.all("th"))
    for named in (*made.all("svg", role="img"), *(each for each in made if each.has({"role": "group"}))):
        assert named.attributes["aria-label"].strip()
    assert len(made.all("svg")) == len(made.all("svg", role="img"))


def targets(element: Element) -> list[str]:
    """Return the ids that an element refers to."""
    named = [
        *element.attributes.get("aria-labelledby", "").split(),
        *element.attributes.get("for", "").split(),
    ]
    link = element.attributes.get("href", "")
    return [*named, link[1:]] if link.startswith("#") else named


def check_harmless(made: Element) -> None:
    """Nothing is fetched, nothing runs but our script, no style but ours applies."""
    assert len(made.all("script")) == len(made.all("style")) == 1
    for each in made:
        assert not {name for name in each.attributes if name.startswith("on") or name == "style"}
        assert each.name not in {
            "iframe",
            "object",
            "embed",
            "base",
            "img",
            "image",
            "foreignobject",
            "animate",
        }
        for name in LINKS:
            assert re.match(r"#|evidence/|data:,$", each.attributes.get(name, "#")), each.attributes


def test_nothing_is_fetched_and_only_our_script_may_run() -> None:
    made = page(REPORT, measured.performance())
    check_harmless(made)
    style, script = made.one("style").text, made.one("script").text
    assert re.search(r"url\(|@import|https?:", style + script) is None
    assert "innerHTML" not in script
    (policy,) = [each.attributes["content"] for each in made.all("meta") if "http-equiv" in each.attributes]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    for name, text in (("style-src", style), ("script-src", script)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[name] == f"'sha256-{digest}'"


def test_without_a_script_nothing_is_missing() -> None:
    """What needs a script is hidden until one runs; nothing else is."""
    hidden = [each for each in page(REPORT, SOURCE) if "hidden" in each.attributes]
    assert {each.attributes.get("id", each.name) for each in hidden} == {
        "theme",
        "filter",
        "filter-nothing",
        "a",
        "p",
    }
    assert [each.words for each in hidden if each.name == "a"] == ["Search the findings"]
    more = [each for each in hidden if each.attributes.get("class") == "more small"]
    assert [each.words for each in more] == [""] * len(more)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_the_project_becomes_markup(text: str) -> None:
    plain, hostile = (page(filled(each), told(each)) for each in ("harmless", text))
    assert [each.name for each in hostile] == [each.name for each in plain]
    check_harmless(hostile)
    assert text in hostile.one("p", class_="message").text
    assert text in hostile.one("li", class_="meant").text
    assert text in hostile.one("section", id="coverage").text


def filled(text: str) -> Report:
    """Return a report that has a text wherever one can stand."""
    finding = found(1, rule=text, name=text, path=text, message=text, fix=text)
    (waived,) = PASSED.waived
    waiver = replace(waived.waiver, reason=text, owner=text, ref=text, approved_by=text, kind=text)
    result = replace(
        judged(finding).results[0],
        because=(text, text),
        options=(text,),
        tool=text,
        measures={text: 1},
        waived=(replace(waived, finding=finding, waiver=waiver),),
        evidence=(Evidence(name=text, sha256=text, media_type=text),),
    )
    return replace(
        REPORT,
        results=(result,),
        host=text,
        started_at=text,
        notes=(text,),
        settings={text: [text]},
        policy_name=text,
        policy_sha256=text,
        project=replace(REPORT.project, name=text, version=text, commit=text),
    )


def told(text: str) -> Exhibits:
    file = {"statements": [1, 2], "missing_lines": [2], "missing_branches": [], "branches": 0}
    covered = {"counts": {text: "1/2"}, "facts": {text: text}, "files": {text: file}}
    return Exhibits(
        evidence={("coverage", "coverage.json"): json.dumps(covered).encode()},
        source={text: {7: text}},
        left_out=(text,),
    )


def test_what_would_hide_or_turn_text_is_written_out() -> None:
    made = page(judged(found(1, message="a\x00b\x1b[2Kc\u202ed\u2066e\nf\tg")))
    assert made.one("p", class_="message").text == "a\\x00b\\x1b[2Kc\\u202ed\\u2066e\nf\tg"


def test_a_name_of_evidence_leads_nowhere_else() -> None:
    names = ("javascript:alert(1)", "../../x", "a b?c#d", "//host/x")
    kept = tuple(Evidence(name=name, sha256="a" * 64, media_type="text/plain") for name in names)
    made = page(replace(GREEN, results=(replace(PASSED, evidence=kept),)))
    links = [each.attributes["href"] for each in made.one("details", id="gate-lint").all("a")]
    assert sorted(links) == [
        "evidence/lint/%2F%2Fhost%2Fx",
        "evidence/lint/..%2F..%2Fx",
        "evidence/lint/a%20b%3Fc%23d",
        "evidence/lint/javascript%3Aalert%281%29",
    ]


@given(REPORTS)
@settings(max_examples=30 if FULL else 10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_report_is_a_whole_page_with_every_finding(report: Report) -> None:
    data = html.render(report)
    made = parse(data)
    check_structure(made)
    check_harmless(made)
    assert made.one("h1").words.split()[1] == report.verdict.value
    said = sorted(each.text for each in made.all("p", class_="message"))
    messages = (finding.message for result in report.results for finding in result.findings)
    # A browser, like this parser, takes each line end for a line feed.
    assert said == sorted(visible(message, keep="\n\t") for message in messages)


def test_equal_reports_give_equal_bytes() -> None:
    exhibits = replace(measured.performance(), source=SOURCE.source)
    assert html.render(REPORT, exhibits) == html.render(replace(REPORT), replace(exhibits))


def test_two_runs_differ_in_what_the_report_calls_volatile_alone() -> None:
    later = replace(
        REPORT, started_at="2027-01-01T00:00:00+00:00", host="elsewhere", seconds={"coverage": 9.0}
    )
    first, second = (html.render(each).decode() for each in (REPORT, later))
    for old, new in (
        (REPORT.started_at, later.started_at),
        (REPORT.host, later.host),
        ('data-label="seconds">0.4', 'data-label="seconds">9.0'),
    ):
        first = first.replace(old, new)
    assert first == second


def test_the_page_of_a_kept_document_is_that_of_the_report() -> None:
    kept = document.load(document.render(REPORT))
    assert html.page(kept, html.NOTHING) == html.render(REPORT)


def test_what_renders_is_loaded_when_a_page_is_made() -> None:
    code = "import sys, pytest_failhard.session; sys.exit('jinja2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_error_shows_its_reason_even_without_findings() -> None:
    made = page(replace(GREEN, results=(BROKEN,)))
    assert "tool-missing: mypy is not installed" in made.one("details", id="gate-types").words
    assert made.all("section", id="findings") == []
