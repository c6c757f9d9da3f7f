"""The verdicts on the faults as they ship: what each SDK raises names its cause, a platitude never does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from pytest_failhard.llm import catalogue
from pytest_failhard.llm.verdicts import Expectation, demand
from pytest_failhard.llm.verdicts.cause import clarity, tokens
from tests.llm.verdicts.samples import SILENT, raised

GENERAL = re.compile(r"\.API(?:Connection|Timeout)Error$")
PLATITUDE = "something went wrong, please try again later"


def expectations() -> Iterator[Expectation]:
    for fault in catalogue.load().faults.values():
        for dialect, form in fault.dialects.items():
            known = "openai" if dialect == "any" else dialect
            yield replace(SILENT, case=f"{dialect}-{fault.id}", fault=fault, form=form, dialect=known)


def test_every_class_that_was_observed_names_its_cause_but_the_general_ones() -> None:
    unclear = {}
    for demanded in expectations():
        assert demanded.form is not None
        raising = (each.exception for each in demanded.form.observed.values() if each.exception)
        for name in raising:
            found = clarity(raised("x", name), demanded)
            if found != ("causeless" if GENERAL.search(name) else "clear"):
                unclear[demanded.case, name] = found
    # A missing key is named by its variable, which a class name does not do.
    assert {case for case, _ in unclear} == {"any-missing_key"}
    assert set(unclear.values()) == {"vague"}


def test_a_platitude_names_the_cause_of_no_fault() -> None:
    wrong = [each.case for each in expectations() if clarity(raised(PLATITUDE, "app.Error"), each) != "vague"]
    assert wrong == []


def test_every_fault_that_must_fail_can_be_named() -> None:
    for demanded in expectations():
        assert demanded.fault is not None
        if demand(demanded) in {"fail", "bounded"}:
            assert tokens(demanded.fault, demanded), demanded.case
