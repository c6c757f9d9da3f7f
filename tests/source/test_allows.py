"""The one form in which a comment lets a finding through, and all that is wrong with others."""

from __future__ import annotations

import ast
from datetime import date

import pytest

from pytest_failhard.source.allows import Allow, of_module
from pytest_failhard.source.module import Module

WHOLE = (
    "# failhard: allow[FH101, silent-except] owner=ana reason=\"the vendor answers 500 for 'not found'\" "
    "until=2027-03-01 ref=ABC-12"
)


def read(text: str) -> tuple[Allow, ...]:
    data = text.encode()
    return of_module(Module("app/a.py", "product", data, ast.parse(data)))


def test_the_whole_form() -> None:
    (allow,) = read(f"x = 1\ny = 2  {WHOLE}\n")
    assert allow.rules == ("FH101", "silent-except")
    assert (allow.owner, allow.until, allow.ref) == ("ana", date(2027, 3, 1), "ABC-12")
    assert allow.reason == "the vendor answers 500 for 'not found'"
    assert (allow.line, allow.first, allow.last, allow.flaws) == (2, 2, 2, ())


@pytest.mark.parametrize("head", ["def f():", "async def f():", "class A:"])
def test_on_a_definition_it_speaks_of_the_whole_body(head: str) -> None:
    (allow,) = read(f"{head}  {WHOLE}\n    x = 1\n    y = 2\n")
    assert (allow.first, allow.last) == (1, 3)


@pytest.mark.parametrize(
    "text", ["x = 1\n", 'x = "# failhard: allow[FH101]"\n', "x = 1  # failhard is a gate\n"]
)
def test_what_is_none(text: str) -> None:
    assert read(text) == ()


@pytest.mark.parametrize(
    ("old", "new", "flaw"),
    [
        ("allow[", "ignore[", "it is not"),
        ("failhard: ", "failhard:", "it is not"),
        ("failhard", "FailHard", "it is not"),
        ("[FH101, silent-except]", "", "it is not"),
        ("FH101, silent-except", "", "it names no rule"),
        ("FH101, ", "FH101,,", "it names no rule"),
        ("owner=ana", "", "owner= is missing"),
        ("owner=ana", 'owner=""', "owner= is missing"),
        ("owner=ana", "owner=ana owner=bob", "owner= is given twice or unknown"),
        ("owner=ana", "by=ana", "by= is given twice or unknown"),
        ("owner=ana", "ana", "`ana reason="),
        ("the vendor answers 500 for 'not found'", "fix later", "reason= must say why"),
        ("the vendor answers 500 for 'not found'", "needed", "reason= must say why"),
        ("reason=\"the vendor answers 500 for 'not found'\"", "", "reason= is missing"),
        ("until=2027-03-01", "", "until= is missing"),
        ("2027-03-01", "2027-02-30", "until=2027-02-30 is no day"),
        ("2027-03-01", "20270301", "until=20270301 is no day"),
        ("2027-03-01", "forever", "until=forever is no day"),
    ],
)
def test_all_that_is_wrong_is_said(old: str, new: str, flaw: str) -> None:
    assert old in WHOLE
    (allow,) = read(f"x = 1  {WHOLE.replace(old, new, 1)}\n")
    assert any(each.startswith(flaw) for each in allow.flaws), allow.flaws
