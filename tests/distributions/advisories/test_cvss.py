"""Tests of the CVSS base score, with vectors whose scores the specification's authors publish."""

from __future__ import annotations

import pytest

from pytest_failhard.distributions.advisories.cvss import score, severity
from pytest_failhard.model import Severity
from tests.advisory_data import CRITICAL, SLIGHT

MIDDLING = "CVSS:3.1/AV:L/AC:L/PR:N/UI:R/S:U/C:N/I:N/A:H"


@pytest.mark.parametrize(
    ("vector", "tenths"),
    [
        (CRITICAL, 98),
        ("CVSS:3.0/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", 64),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 61),
        ("CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", 31),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 100),
        ("CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", 78),
        ("CVSS:3.1/AV:P/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0),
        (MIDDLING, 55),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/E:U/RL:O", 98),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", None),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/C:H/I:H/A:H", None),
        ("CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", None),
        ("high", None),
    ],
)
def test_the_score(vector: str, tenths: int | None) -> None:
    assert score(vector) == tenths


@pytest.mark.parametrize(
    ("vectors", "expected"),
    [
        ((), Severity.HIGH),
        (("nonsense",), Severity.HIGH),
        ((SLIGHT, "nonsense"), Severity.HIGH),
        ((SLIGHT,), Severity.LOW),
        ((SLIGHT, MIDDLING), Severity.MEDIUM),
        ((SLIGHT, CRITICAL), Severity.HIGH),
    ],
)
def test_the_worst_vector_decides_and_unknown_is_the_worst(
    vectors: tuple[str, ...], expected: Severity
) -> None:
    assert severity(vectors) is expected
