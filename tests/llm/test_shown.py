"""Every fault can be shown in every dialect that has it, with the features that it needs."""

from __future__ import annotations

import pytest

from pytest_failhard.llm import answers, catalogue, routing, samples, shown
from pytest_failhard.llm.catalogue import PARENTS
from pytest_failhard.llm.operations import Fin, Hang, Rst

KNOWN = catalogue.load()


@pytest.mark.parametrize("dialect", PARENTS)
def test_every_fault_has_bytes_or_words_in_a_dialect(dialect: str) -> None:
    for fault in KNOWN.faults.values():
        form = KNOWN.form(fault, dialect)
        if form is not None:
            assert shown.wire_text(fault, form, dialect), fault.id


@pytest.mark.parametrize("dialect", PARENTS)
def test_a_sample_is_routed_to_its_dialect_and_makes_use_of_what_is_needed(dialect: str) -> None:
    for fault in KNOWN.faults.values():
        if KNOWN.form(fault, dialect) is not None:
            request = samples.request(dialect, fault.needs)
            route = routing.route(request)
            assert (route.dialect, route.kind) == (dialect, routing.CALL)
            assert set(fault.needs) <= answers.features(request, route), fault.id


def test_no_placeholder_is_left_in_what_is_sent() -> None:
    for fault in KNOWN.group("all"):
        for dialect in KNOWN.dialects_of(fault):
            form = KNOWN.form(fault, dialect)
            if form is not None and fault.stage == "answer":
                assert b"{{" not in shown.script(fault, form, dialect).data, (fault.id, dialect)


def test_status_faults_send_the_status_of_the_catalogue() -> None:
    for fault in KNOWN.group("permanent"):
        for dialect, form in fault.dialects.items():
            if fault.stage == "answer" and dialect != catalogue.ANY:
                assert shown.script(fault, form, dialect).data.startswith(b"HTTP/1.1 %d " % form.status)


def test_a_fault_of_the_network_breaks_or_holds_the_connection() -> None:
    endings = {}
    for name in ("fin_before", "rst_before", "short_body", "read_timeout", "stream_rst", "stream_stall"):
        fault = KNOWN.find(name)
        form = KNOWN.form(fault, "openai")
        assert form is not None
        endings[name] = type(shown.script(fault, form, "openai").operations[-1])
    assert endings == {
        "fin_before": Fin,
        "rst_before": Rst,
        "short_body": Fin,
        "read_timeout": Hang,
        "stream_rst": Rst,
        "stream_stall": Hang,
    }


def test_bytes_are_shown_as_text_where_they_are_text() -> None:
    assert shown.bytes_text(b"a\r\nb\xff " + b"c" * 20) == "a\nb\\xff " + "c" * 20
    assert shown.bytes_text(b"\x00\x01\x02\x03\x04") == "00 01020304"
    assert shown.bytes_text(b"HTTP/1.1 200 OK\r\n\r\n\x00\x01") == "HTTP/1.1 200 OK\n\n0001"
    assert shown.bytes_text(b"a" * 5000).endswith("a\n... 5000 bytes in all")
