"""The step summary: the whole file, what hostile text becomes, and the limit above which it would be dropped."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_failhard.model import Finding, Report, Result, Severity, Verdict
from pytest_failhard.report import markdown
from tests.report.samples import BROKEN, FAILED, GREEN, PASSED, REPORT, REPORTS, uncovered
from tests.size import FULL

HEAD = """\
## ⚠️ failhard: error

level 3, policy pre\\-production abababababab, """
TABLE = """
| gate | verdict | why |
|---|---|---|
| types | ⚠️ error | tool\\-missing: mypy is not installed |
| coverage | ❌ fail | line\\_percent 79.99 \\< 80 (and 1 more) |
| lint | ✅ pass | no finding at medium or above stands, 12 examined [1 waived] |

### Findings, 2 of 2 shown

| severity | gate | place | finding | fix |
|---|---|---|---|---|
| high | types |  | not\\-proven/types types could not judge: tool\\-missing: mypy is not installed | \
remove the cause named above \\(recommended\\) |
| medium | coverage | app/part0.py | uncovered\\-file 40 of 50 lines are not run: 3\\-9, 14 | add tests |
"""


def text(report: Report) -> str:
    """Return a rendered report."""
    return markdown.render(report).decode("utf-8")


def test_the_whole_file() -> None:
    short = replace(FAILED, findings=(uncovered(0),))

    rendered = text(replace(REPORT, results=(short, PASSED, BROKEN)))

    assert rendered.startswith(HEAD)
    assert TABLE in rendered


SECTIONS = """
| looked at | by | findings |
|---|---|---|
| code | types ⚠️, house ✅ | 0 |
| tests | coverage ❌ | 1 |
| examples | system ❌ | 2 |
| validation | no gate of this run | - |
| documentation | system ❌ | 1 |
"""


def test_code_tests_examples_validation_and_documentation_are_told_apart() -> None:
    found = [replace(uncovered(0), rule=rule, name=rule) for rule in ("R0-readme", "R4-health", "R2-exits")]
    system = replace(FAILED, gate="system", findings=tuple(found))
    short = replace(FAILED, findings=(uncovered(0),))
    house = replace(PASSED, gate="house", findings=())
    assert SECTIONS in text(replace(REPORT, results=(short, system, BROKEN, house)))
    many = tuple(replace(house, gate=f"house{number}") for number in range(22))
    assert "house19 ✅ and 2 more | 0 |" in text(replace(GREEN, results=many))


@settings(max_examples=20 if FULL else 6)
@given(REPORTS)
def test_the_first_line_says_the_verdict(report: Report) -> None:
    assert text(report).splitlines()[0].endswith(f"failhard: {report.verdict.value}")


@given(st.text())
def test_no_text_breaks_the_table(hostile: str) -> None:
    result = Result(gate="lint", verdict=Verdict.FAIL, because=(hostile,))

    rows = [line for line in text(replace(GREEN, results=(result,))).splitlines() if "❌ fail |" in line]

    assert len(rows) == 1


def test_markup_and_mentions_are_text() -> None:
    hostile = "<img src=x> @everyone [click](http://x) | `code`\n# title"
    result = Result(gate="lint", verdict=Verdict.FAIL, because=(hostile,))

    rendered = text(replace(GREEN, results=(result,)))

    expected = "\\<img src=x\\> \\@everyone \\[click\\]\\(http://x\\) \\| \\`code\\` \\# title"
    assert expected in rendered


def test_a_partial_report_says_so_and_an_empty_one_is_an_error() -> None:
    rendered = text(replace(GREEN, results=(), complete=False))

    assert "**Partial:** 0 gates" in rendered
    assert "no gate was judged" in rendered


def test_it_stays_below_the_limit_and_says_how_many_are_shown_fo_139() -> None:
    wide = "ä" * 5000
    many = tuple(
        Finding(rule=f"r{n}", name="r", path=wide, line=n, severity=Severity.HIGH, message=wide, fix=wide)
        for n in range(500)
    )
    results = tuple(
        Result(gate=f"gate{n}", verdict=Verdict.FAIL, because=("x",), findings=many) for n in range(3)
    )

    data = markdown.render(replace(GREEN, results=results))

    assert len(data) <= markdown.MOST_BYTES
    assert "### Findings, 100 of 1500 shown" in data.decode("utf-8")


def test_where_even_a_hundred_are_too_many_there_are_fewer() -> None:
    wide = "ä" * 5000
    many = tuple(
        Finding(rule=wide, name="r", path=wide, line=n, severity=Severity.HIGH, message=wide, fix=wide)
        for n in range(3)
    )
    whys = tuple(
        Result(gate=f"{wide}{n}", verdict=Verdict.FAIL, because=(wide,), findings=many) for n in range(480)
    )

    data = markdown.render(replace(GREEN, results=whys))

    assert len(data) <= markdown.MOST_BYTES
    assert "of 1440 shown" in data.decode("utf-8")
