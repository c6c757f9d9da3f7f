"""Tests of the matcher: each sentence of the evaluation that it follows."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_failhard.distributions.advisories import compact, fixes, osv
from pytest_failhard.distributions.advisories.matching import (
    Effect,
    Issue,
    effect,
    issues,
    match,
    merged,
)
from pytest_failhard.distributions.advisories.records import Advisory, End, Span
from tests.advisory_data import CRITICAL, SLIGHT, advisory, database, record

ZERO = {"introduced": "0"}
NONE, AFFECTED, UNKNOWN = Effect.NONE, Effect.AFFECTED, Effect.UNKNOWN


@pytest.mark.parametrize(
    ("events", "version", "expected"),
    [
        ([ZERO, {"fixed": "2.0"}], "1.9", AFFECTED),
        ([ZERO, {"fixed": "2.0"}], "2.0", NONE),
        ([ZERO, {"fixed": "2.0"}], "2.0rc1", AFFECTED),
        ([ZERO, {"fixed": "2.0"}], "0.dev0", AFFECTED),
        ([ZERO], "99", AFFECTED),
        ([{"introduced": "1.0"}, {"last_affected": "1.5"}], "1.5", AFFECTED),
        ([{"introduced": "1.0"}, {"last_affected": "1.5"}], "1.6", NONE),
        ([{"introduced": "1.0"}, {"last_affected": "1.5"}], "0.9", NONE),
        ([{"introduced": "1.0"}, {"fixed": "1.2"}, {"introduced": "2.0"}, {"fixed": "2.3"}], "1.1", AFFECTED),
        ([{"introduced": "1.0"}, {"fixed": "1.2"}, {"introduced": "2.0"}, {"fixed": "2.3"}], "1.2", NONE),
        ([{"introduced": "1.0"}, {"fixed": "1.2"}, {"introduced": "2.0"}, {"fixed": "2.3"}], "2.2", AFFECTED),
        ([{"fixed": "2.3"}, {"introduced": "2.0"}, {"fixed": "1.2"}, {"introduced": "1.0"}], "1.1", AFFECTED),
        ([{"introduced": "1.0"}, {"introduced": "1.1"}, {"fixed": "2.0"}], "1.0.5", AFFECTED),
        ([ZERO, {"fixed": "1.0"}, {"introduced": "1.0"}, {"fixed": "1.1"}], "1.0", AFFECTED),
        ([ZERO, {"fixed": "1.0"}, {"last_affected": "2.0"}], "1.5", NONE),
        ([ZERO, {}, {"fixed": "1.0"}], "0.9", AFFECTED),
        ([{"introduced": "1.13.0"}, {"last_affected": "1.13.1"}], "1.13.1+cu121", AFFECTED),
        ([ZERO, {"fixed": "1.13.1"}], "1.13.1+cu121", NONE),
        ([{"introduced": "1!1.0"}], "2.0", NONE),
        ([{"introduced": "v1.0"}, {"fixed": "2.0"}], "1.0.post1", AFFECTED),
        ([ZERO, {"fixed": "0.2.0-n653"}], "0.1", UNKNOWN),
        ([{"introduced": "2019-09-12"}], "0.1", UNKNOWN),
        ([ZERO, {"limit": "2.0"}], "1.0", UNKNOWN),
        ([{"fixed": "2.0"}], "1.0", UNKNOWN),
        ([ZERO, {"fixed": "2.0"}], "not-a-version", UNKNOWN),
        ([], "1.0", UNKNOWN),
    ],
)
def test_ranges(events: list[dict[str, str]], version: str, expected: Effect) -> None:
    found = advisory(*events)
    assert effect(found, version) is expected
    [kept] = compact.read(compact.write(database(record("box", "TEST-1", *events)))).of("box")
    assert effect(kept, version) is expected


@pytest.mark.parametrize(
    ("version", "expected"),
    [("1.5", AFFECTED), ("1.5.0", AFFECTED), ("1.5+local", AFFECTED), ("2.0-final", AFFECTED), ("1.6", NONE)],
)
def test_listed_versions_count_beside_the_ranges(version: str, expected: Effect) -> None:
    found = advisory(ZERO, {"fixed": "1.0"}, versions=["1.5", "2.0-final"])
    assert effect(found, version) is expected


def test_versions_alone_are_enough_to_tell() -> None:
    assert effect(advisory(versions=["1.5"]), "1.6") is NONE


def test_a_withdrawn_advisory_means_nothing_though_it_says_nothing() -> None:
    assert effect(advisory(withdrawn="2023-01-01T00:00:00Z"), "1.0") is NONE
    assert effect(advisory(ZERO, withdrawn="2023-01-01T00:00:00Z"), "1.0") is NONE
    gone = database(record("box", "TEST-1", ZERO, withdrawn="2023-01-01T00:00:00Z"))
    [kept] = compact.read(compact.write(gone)).of("box")
    assert effect(kept, "1.0") is NONE


def test_other_kinds_of_ranges_and_other_ecosystems_are_left_out() -> None:
    entry = {
        "package": {"name": "Box.Tool", "ecosystem": "PyPI"},
        "ranges": [{"type": "GIT", "events": [{"introduced": "0"}, {"fixed": "b42dd4"}]}],
        "versions": ["1.0"],
    }
    other = {"package": {"name": "box", "ecosystem": "npm"}}
    [(name, found)] = osv.read({"id": "X-1", "affected": [entry, other, {**entry, "versions": ["2.0"]}]})
    assert (name, found.spans, found.versions) == ("box-tool", (), ("1.0", "2.0"))


def test_a_database_is_asked_by_canonical_name() -> None:
    held = database(record("Box_Tool", "X-1", ZERO), record("box.tool", "X-2", {"limit": "1"}))
    found = match(held, "box-tool", "1.0")
    assert ([each.id for each in found.advisories], [each.id for each in found.unknown]) == (["X-1"], ["X-2"])
    assert match(held, "box_tool", "1.0").advisories == ()


@settings(max_examples=20)
@given(st.lists(st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){0,2}(rc[0-9])?", fullmatch=True), min_size=1))
def test_each_explicit_version_of_a_record_matches_it(versions: list[str]) -> None:
    found = advisory(ZERO, {"fixed": "0.1"}, versions=versions)
    assert all(effect(found, version) is AFFECTED for version in versions)
    [kept] = compact.read(compact.write(database(record("box", "TEST-1", versions=versions)))).of("box")
    assert all(effect(kept, version) is AFFECTED for version in versions)


def test_advisories_that_share_a_name_are_one_issue_directly_or_through_others() -> None:
    found = issues(
        [
            Advisory(id="GHSA-1", aliases=("CVE-1",), spans=(Span(introduced="0", upper="1.10"),)),
            Advisory(id="OTHER-9", spans=(Span(introduced="0", upper="7", end=End.LAST_AFFECTED),)),
            Advisory(id="PYSEC-1", aliases=("X-7",), vectors=(SLIGHT,), summary="bad"),
            Advisory(
                id="X-7", aliases=("CVE-1",), spans=(Span(introduced="0", upper="1.9"),), vectors=(CRITICAL,)
            ),
        ]
    )
    assert found == (
        Issue(ids=("OTHER-9",)),
        Issue(
            ids=("PYSEC-1", "CVE-1", "GHSA-1", "X-7"),
            fixes=("1.9", "1.10"),
            vectors=(SLIGHT, CRITICAL),
            summary="bad",
        ),
    )


def test_fixes_that_are_no_versions_come_last() -> None:
    [issue] = merged([Issue(ids=("A",), fixes=("2", "next")), Issue(ids=("A",), fixes=("1",))])
    assert issue.fixes == ("1", "2", "next")


@pytest.mark.parametrize(
    ("candidates", "installed", "expected"),
    [
        (("1.0", "2.1", "3.0"), "2.0", "2.1"),
        (("2.1a1", "3.0"), "2.0", "3.0"),
        (("2.1b1",), "2.0", ""),
        (("1.0",), "2.0", ""),
        (("next", "2.1"), "2.0", "2.1"),
        (("1.0",), "not-a-version", "1.0"),
    ],
)
def test_the_fix_is_the_smallest_stable_version_above(
    candidates: tuple[str, ...], installed: str, expected: str
) -> None:
    assert fixes.fix(Issue(ids=("A",), fixes=candidates), installed) == expected


def test_the_recommended_version_mends_all_issues_and_is_not_affected_itself() -> None:
    held = database(
        record("box", "A", ZERO, {"fixed": "1.1"}),
        record("box", "B", ZERO, {"fixed": "1.2"}),
        record("box", "C", {"introduced": "1.2"}, {"fixed": "1.4"}),
    )
    found = issues(match(held, "box", "1.0").advisories)
    assert fixes.recommended(found, "box", "1.0", None) == "1.2"
    assert fixes.recommended(found, "box", "1.0", held) == "1.4"
    without = database(record("box", "A", ZERO, {"fixed": "1.1"}), record("box", "C", {"introduced": "1.1"}))
    assert fixes.recommended(issues(match(without, "box", "1.0").advisories), "box", "1.0", without) == ""


def test_a_chain_of_fixes_without_end_is_given_up() -> None:
    held = database(
        *(record("box", f"A-{n}", {"introduced": f"{n}"}, {"fixed": f"{n + 1}"}) for n in range(30))
    )
    assert fixes.recommended(issues(match(held, "box", "1").advisories), "box", "1", held) == ""
