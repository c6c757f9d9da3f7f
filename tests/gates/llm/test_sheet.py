"""What a matrix has shown is kept whichever thread says it, and errors are told in order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from pytest_failhard.gates.llm.sheet import Sheet
from pytest_failhard.llm.canaries import Canaries
from pytest_failhard.llm.ledger import Ledger
from pytest_failhard.llm.verdicts.expectation import Expectation, Trial
from pytest_failhard.llm.verdicts.outcome import Outcome
from pytest_failhard.llm.verdicts.rules import VerdictError, finding
from pytest_failhard.model import GateError


def trial(name: str) -> Trial:
    expectation = Expectation(case=name, canaries=Canaries.draw(name))
    return Trial(expectation=expectation, outcome=Outcome(form="callable", ended=True, produced=True))


def test_a_sheet_without_errors_demands_nothing() -> None:
    sheet = Sheet()
    sheet.require()
    assert sheet.demanded == 0


def test_a_demanded_case_that_nobody_judged_is_an_error() -> None:
    sheet = Sheet(demanded=2)
    sheet.add(trial("one"), Ledger("one"), ())
    with pytest.raises(GateError, match="worker-lost: 1 of 2 demanded cases were judged"):
        sheet.require()
    sheet.add(trial("two"), Ledger("two"), ())
    sheet.require()


def test_errors_are_named_once_and_in_order() -> None:
    sheet = Sheet()
    sheet.fail(GateError("b: second"))
    sheet.fail(VerdictError("unknown-route", "a: first"))
    sheet.fail(GateError("b: second"))
    with pytest.raises(GateError) as caught:
        sheet.require()
    assert str(caught.value) == "b: second\nunknown-route: a: first"


@pytest.mark.parametrize(("count", "last"), [(10, "e09"), (11, "and 1 more"), (25, "and 15 more")])
def test_ten_errors_are_named_and_the_others_counted(count: int, last: str) -> None:
    sheet = Sheet()
    for number in reversed(range(count)):
        sheet.fail(GateError(f"e{number:02}"))
    with pytest.raises(GateError) as caught:
        sheet.require()
    lines = str(caught.value).split("\n")
    assert lines[:10] == [f"e{number:02}" for number in range(10)]
    assert lines[-1] == last


def test_several_threads_fill_one_sheet() -> None:
    sheet = Sheet()

    def fill(name: str) -> None:
        sheet.add(trial(name), Ledger(name), [finding("hang", name, "still running")])
        sheet.find([finding("egress", name, "left")])
        sheet.record(Ledger(f"warm@{name}"))
        sheet.fail(GateError(name))

    names = [f"case-{number}" for number in range(100)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(fill, names))
    assert sorted(each.expectation.case for each in sheet.trials) == sorted(names)
    assert (len(sheet.ledgers), len(sheet.findings), len(sheet.errors)) == (200, 200, 100)
