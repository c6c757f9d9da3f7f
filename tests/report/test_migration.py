"""Old reports stay readable, and what they said stays in them, to the byte."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from pytest_failhard.model import Report
from pytest_failhard.report import document, migration
from pytest_failhard.report.document import DocumentError
from pytest_failhard.report.migration import FIRST, Json, Step
from tests.report.samples import REPORT, REPORTS
from tests.size import FULL

FIRST_REPORT = Path(__file__).with_name("report-0.json")
"""Written by the code of the first commit that rendered a report."""
FIRST_VOLATILE = ["started_at", "seconds", "host", "measures", "attempts", "decisions", "judged_on", "notes"]
MAPS = {"settings", "measures", "seconds", "attempts", "evidence"}
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
VALUES = SCALARS | st.dictionaries(st.text(max_size=3), SCALARS, max_size=2) | st.lists(SCALARS, max_size=2)


def objects(value: JsonValue) -> list[Json]:
    """Return every object of a document that has named fields, as measures and settings have not."""
    if isinstance(value, list):
        return [inner for each in value for inner in objects(each)]
    if isinstance(value, dict):
        below = [inner for name, each in value.items() if name not in MAPS for inner in objects(each)]
        return [value, *below]
    return []


def first(report: Report) -> Json:
    """Return a report as it was written before the first release."""
    content = document.parsed(document.render(report))
    volatile = cast("Json", content["volatile"])
    content["volatile"] = {name: volatile[name] for name in FIRST_VOLATILE}
    for each in objects(content):
        for later in ("until_fixed", "controls", "baselined"):
            each.pop(later, None)
    return {**content, "digest": document.digest_of(content)}


def test_a_report_of_the_first_days_is_read_and_goes_back_to_the_byte() -> None:
    data = FIRST_REPORT.read_bytes()
    content = document.parsed(data)
    assert migration.form(content) == FIRST

    raised = migration.up(content)
    found = document.load(document.dumped(raised))
    assert migration.load(document.dumped(raised)) == (found, True)
    assert raised["digest"] != content["digest"]
    assert [waived.waiver.until_fixed for part in found.gates for waived in part.waived] == [False]
    assert [each.form for each in found.volatile.migrated] == ["failhard-report/1"]
    assert document.dumped(migration.back(raised)) == data

    read, is_sealed = migration.load(data)
    assert (is_sealed, read.digest) == (True, content["digest"])
    assert migration.load(data.replace(b'"level": 3', b'"level": 2'))[1] is False


@settings(max_examples=40 if FULL else 12)
@given(REPORTS, st.data())
def test_no_report_loses_anything_on_the_way_and_back(report: Report, data: st.DataObject) -> None:
    content = first(report)
    places = objects(content)
    for each in data.draw(st.lists(st.sampled_from(range(len(places))), max_size=3, unique=True)):
        items = [*places[each].items()]
        value: JsonValue = json.loads(json.dumps(data.draw(VALUES)))
        items.insert(data.draw(st.integers(0, len(items))), ("x-ours", value))
        places[each].clear()
        places[each].update(items)
    content["digest"] = document.digest_of(content)
    before = document.dumped(content)

    raised = migration.up(content)
    assert document.dumped(content) == before, "what is given is left as it is"
    found = document.load(document.dumped(raised))
    assert [part.id for part in found.gates] == [result.gate for result in report.results]
    assert migration.load(document.dumped(raised)) == (found, True)
    assert document.dumped(migration.back(raised)) == before
    assert migration.load(before)[1] is True


def test_a_report_of_today_is_left_as_it_is() -> None:
    content = document.parsed(document.render(REPORT))
    assert migration.form(content) == document.SCHEMA
    assert migration.up(content) == migration.back(content) == content
    assert migration.load(document.render(REPORT)) == (document.build(REPORT), True)


def _up(content: Json) -> None:
    content["grade"] = content.pop("level")


def _down(content: Json) -> None:
    content["level"] = content.pop("grade")


def _any() -> Mapping[str, JsonValue]:
    return document.json_schema()


def test_steps_are_taken_one_after_another() -> None:
    steps = {
        "failhard-report/0": migration.STEPS[FIRST],
        "failhard-report/1": Step(after="failhard-report/2", up=_up, down=_down, shape=_any),
    }
    content = document.parsed(FIRST_REPORT.read_bytes())
    later = migration.up(content, steps)
    assert (later["schema"], later["grade"]) == ("failhard-report/2", 3)
    assert len(cast("list[JsonValue]", cast("Json", later["volatile"])["migrated"])) == 2
    restored = migration.back(later, steps)
    assert restored == content


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"schema": "failhard-report/2"}, "is failhard-report/2, newer than failhard-report/1: update"),
        ({"schema": "failhard-observation/1"}, 'is "failhard-observation/1", and no failhard-report'),
        ({"schema": 1}, "is 1, and no failhard-report"),
        ({}, "is null, and no failhard-report"),
        ({"schema": "failhard-report/0"}, "volatile: is no object"),
        ({"schema": "failhard-report/0", "volatile": {}}, "verdict: Field required"),
        (
            {"schema": "failhard-report/0", "volatile": {}, "gates": [{"waived": [{}]}]},
            "gates.0.waived.0.waiver: Field required",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(content: Json, says: str) -> None:
    with pytest.raises(DocumentError, match=says):
        migration.load(json.dumps(content).encode())


@pytest.mark.parametrize(
    ("data", "says"), [(b"[]", "is no JSON object"), (b"{", "no JSON"), (b'{"a": NaN}', "NaN is no number")]
)
def test_what_is_no_document_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(DocumentError, match=says):
        migration.load(data)


def test_a_step_that_nobody_knows_leads_nowhere() -> None:
    content = migration.up(document.parsed(FIRST_REPORT.read_bytes()))
    with pytest.raises(DocumentError, match="no step leads to failhard-report/1"):
        migration.back(content, {})
