"""What is written is read back, and every mistake is named."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from benchmarks.template.gadget.reading import ReadingError, from_json, from_lines, price, to_json
from benchmarks.template.gadget.records import Gadget, Lease, State

ONE = Gadget(
    number=7,
    name="seven",
    price=Decimal("12.50"),
    state=State.STORED,
    leases=(Lease(holder="ada", first=date(2024, 5, 1), last=date(2024, 5, 2)),),
    labels=frozenset({"red", "big"}),
)


def test_json_is_read_back() -> None:
    assert from_json(to_json(ONE)) == ONE


def test_lines_are_read() -> None:
    found = from_lines("# all\n\n7; seven; 12.5; red, big\n8;eight;1;\n")
    assert [each.number for each in found] == [7, 8]
    assert found[0].labels == ONE.labels
    assert found[0].price == ONE.price


def test_all_mistakes_come_together() -> None:
    with pytest.raises(ReadingError) as caught:
        from_lines("7;seven\n8;eight;much;\n0;none;1;\n9;nine;1;\n10;ten;NaN;\n")
    assert [mistake.partition(":")[0] for mistake in caught.value.mistakes] == [
        "line 1",
        "line 2",
        "line 3",
        "line 5",
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "line 1"),
        ("[]", "object"),
        ("{}", "KeyError"),
        ('{"number": 1, "leases": 2}', "TypeError"),
        (to_json(ONE).replace("stored", "lost"), "ValueError"),
        (to_json(ONE).replace("2024-05-02", "2024-04-02"), "ends on"),
    ],
)
def test_what_is_no_record_is_refused(text: str, why: str) -> None:
    with pytest.raises(ReadingError, match=why):
        from_json(text)


def test_amounts_have_two_digits() -> None:
    assert str(price(" 3 ")) == "3.00"
