"""The table of the fail-open list: what a run leaves, what is kept of it, what is printed and written."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Literal

import pytest

from tests.acceptance import __main__ as command
from tests.acceptance.cases import CASES
from tests.acceptance.harness import Mode, Outcome
from tests.acceptance.keeping import LONGEST, PROPERTY, Keeper, Kept, Record, Row, shortened, telling
from tests.acceptance.matrix import RESULTS, Results, later, load, results, table, titles
from tests.size import in_full
from tools import failopen_pages

When = Literal["setup", "call", "teardown"]
Result = Literal["passed", "failed"]
CASE = next(case for case in CASES if case.id == "FO-25")
PAGE = Path(__file__).parents[2] / "docs" / "fail-open.md"
GATE = {
    "id": "lint",
    "verdict": "fail",
    "because": ["2 findings"],
    "findings": [{"message": "`os` | unused"}],
}
REPORT = {"schema": "failhard-report/1", "verdict": "error", "gates": [GATE]}


def row(identity: str = "FO-25", *, ok: bool = True, kind: str = "case", mode: str = "author") -> Row:
    return Row(
        id=identity,
        name="",
        kind=kind,
        mode=mode,
        workers=False,
        gate="lint",
        demanded="fail",
        code=1,
        verdict="fail",
        said="`os` | unused",
        ok=ok,
    )


def ended(folder: Path, code: int, report: object = None, stdout: str = "") -> Outcome:
    if report is not None:
        (folder / "report.json").write_text(json.dumps(report))
    return Outcome(mode=Mode.AUTHOR, argv=(), code=code, stdout=stdout, stderr="", folder=folder)


def reported(when: When, outcome: Result, rows: list[Row]) -> pytest.TestReport:
    return pytest.TestReport(
        nodeid="tests/test_it.py::test_it",
        location=("tests/test_it.py", 1, "test_it"),
        keywords={},
        outcome=outcome,
        longrepr=None,
        when=when,
        user_properties=[("else", 1), *((PROPERTY, each) for each in rows)],
    )


def whole() -> list[Row]:
    return [row(identity) for identity in titles() if identity not in later()]


def kept(rows: list[Row], failed: tuple[str, ...] = ()) -> Results:
    return results(Kept(rows=rows, failed=list(failed)), "ci")


def test_a_run_of_one_entry_is_printed_and_kept_where_it_is_asked_for(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "results.json"
    code = command.main(["--output", str(output), "-q", "-n", "0", "-k", "test_case and FO-25-S"])
    said = capfd.readouterr().out
    assert code == 0, said
    found = load(output)
    assert found is not None
    assert [(each["id"], each["mode"], each["code"], each["ok"]) for each in found["rows"]] == [
        ("FO-25", "supervised", 2, True)
    ]
    assert re.search(
        r"^FO-25 +supervised +refuse +no report, exit 2 +ok +An option that does", said, re.MULTILINE
    )
    assert re.search(r"^FO-24 .*: not a case here: ", said, re.MULTILINE)
    assert "1 of 1 runs of cases as demanded" in said
    assert f"kept in {output}." in said


@in_full
def test_a_run_that_never_began_keeps_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "results.json"
    with pytest.raises(SystemExit, match="nothing to show: pytest ended with 4"):
        command.main(["--output", str(output), "--there-is-no-such-option"])
    assert "unrecognized arguments" in capfd.readouterr().err
    assert not output.exists()


def test_a_part_of_the_list_replaces_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "results.json"
    monkeypatch.setattr(command, "RESULTS", path)
    command.keep(kept([row()]), path)
    assert not path.exists()
    assert re.search(r"not kept: \d+ entries were not run, FO-01 among them", capsys.readouterr().out)
    command.keep(kept(whole()), path)
    assert load(path) == kept(whole())
    assert "generate_docs.py" in capsys.readouterr().out


def test_what_is_kept_is_shown_and_a_failure_stays_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "results.json"
    with pytest.raises(SystemExit, match="nothing is kept"):
        command.main(["--show", "--output", str(path)])
    for found, code in (
        (kept(whole()), 0),
        (kept([*whole(), row(ok=False)]), 1),
        (kept(whole(), ("tests/test_it.py::test_it",)), 1),
        (kept([row()]), 1),
    ):
        command.keep(found, path)
        assert command.main(["--show", "--output", str(path)]) == code
    said = capsys.readouterr().out
    assert re.search(r"^FO-25 .* NOT ", said, re.MULTILINE)
    assert "failed before anything was said: tests/test_it.py::test_it" in said
    assert re.search(r"^FO-01 .*: not run$", said, re.MULTILINE)


def test_a_row_says_what_the_gate_said(tmp_path: Path) -> None:
    properties: list[tuple[str, object]] = []
    record = Record(properties)
    record.case(CASE, Mode.AUTHOR).said(ended(tmp_path, 1, REPORT), "unused")
    record.twin(CASE, Mode.SUPERVISED).said(ended(tmp_path, 0, REPORT))
    record.procedure("FO-02", Mode.AUTHOR).said(ended(tmp_path, 3, REPORT), "is not said")
    empty = tmp_path / "empty"
    empty.mkdir()
    record.procedure("FO-113", Mode.SUPERVISED, "link").said(ended(empty, 2, stdout="begun\nfailhard: no\n"))
    record.case(CASE, Mode.SUPERVISED)
    rows = [value for name, value in properties if name == PROPERTY]
    keys = ("kind", "name", "mode", "demanded", "code", "verdict", "said")
    assert [tuple(each[key] for key in keys) for each in rows if isinstance(each, dict)] == [
        ("case", "", "author", "refuse", 1, "fail", "`os` | unused"),
        ("twin", "", "supervised", "pass", 0, "fail", "2 findings"),
        ("case", "", "author", "fail", 3, "error", ""),
        ("case", "link", "supervised", "refuse", 2, "no report", "failhard: no"),
        ("case", "", "supervised", "refuse", None, "no report", ""),
    ]


def test_what_is_said_is_one_short_line_without_what_is_of_this_machine() -> None:
    assert shortened("at /tmp/some where/a.py,\n /dev/null") == "at …/some where/a.py, /dev/null"
    assert shortened("in (/home/ada/shop/prices.py) of a/b/c") == "in (…/prices.py) of a/b/c"
    assert shortened("file data.host.example.pid13.XGK0O3ox is damaged") == "file data… is damaged"
    assert len(shortened("x" * 999)) == LONGEST
    assert telling([], "") == ""


def test_rows_are_taken_once_and_what_failed_without_one_is_named(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path / "rows.json")
    reports: tuple[tuple[When, Result, list[Row]], ...] = (
        ("setup", "passed", []),
        ("call", "passed", [row("FO-01", ok=False)]),
        ("teardown", "passed", [row("FO-01")]),
        ("call", "failed", [row("FO-03")]),
        ("call", "failed", []),
        ("setup", "failed", []),
    )
    for when, outcome, rows in reports:
        keeper.pytest_runtest_logreport(reported(when, outcome, rows))
    keeper.pytest_sessionfinish()
    found = json.loads(keeper.path.read_text())
    assert [(each["id"], each["ok"]) for each in found["rows"]] == [("FO-01", True), ("FO-03", False)]
    assert found["failed"] == ["tests/test_it.py::test_it"] * 2


def test_the_page_says_what_was_demanded_said_and_left_out() -> None:
    rows = [row(), row(ok=False, mode="supervised"), row("FO-01", kind="twin")]
    text = failopen_pages.page(kept(rows, ("tests/test_it.py::test_it",)), failopen_pages.peers())
    assert "in the size of CI" in text
    assert "1 of 2 runs of cases as demanded, 1 of 1 green twins as demanded" in text
    assert "- failed before anything was said: `tests/test_it.py::test_it`" in text
    assert re.search(r"^Not run then: FO-01, FO-02, ", text, re.MULTILINE)
    assert "| **1 of 2** as demanded<br>fail, exit 1: `'os' \\| unused` |" in text
    assert "in full" in failopen_pages.page({**kept(whole()), "size": "full"}, failopen_pages.peers())
    assert "none is kept yet" in failopen_pages.page(None, failopen_pages.peers())


def test_each_limit_of_author_mode_and_each_measured_tool_is_on_the_page() -> None:
    text = PAGE.read_text("utf-8")
    assert failopen_pages.limits() in text
    known = failopen_pages.peers()
    assert all(f"{fact.peer} {known.versions[fact.peer]}, " in text for fact in known.facts)
    assert all(f"\n| {identity} | " in text for identity in titles())


def test_what_is_kept_in_the_repository_is_of_this_list() -> None:
    found = load(RESULTS)
    rows = found["rows"] if found else []
    assert {each["id"] for each in rows} <= set(titles())
    assert [each for each in rows if re.search(r"(?<![\w./-])/(?!dev/)\w+/", each["said"])] == []
    assert found is None or len(list(table(found))) > len(rows)
