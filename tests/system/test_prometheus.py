"""Counters are summed from Prometheus' text, and what is no such text is refused."""

from __future__ import annotations

from fractions import Fraction

import pytest

from pytest_failhard.system.prometheus import PrometheusError, counted, observed

TEXT = """\
# HELP asked_total Requests.
# TYPE asked_total counter
asked_total{route="/items",status="200"} 3
asked_total{route="a \\"b\\" \\n",} 1.5 1395066363000
# TYPE failed counter
failed 2e0
failed_total 1
failed_created 1.7e9
# TYPE busy gauge
busy 7
# TYPE seconds histogram
seconds_bucket{le="+Inf"} +Inf
seconds_sum NaN
untold_total 1 # {trace="x"} 1

# EOF
"""


def test_counters_alone_are_summed() -> None:
    assert counted(TEXT) == Fraction("8.5")


def test_what_was_timed_is_counted_apart() -> None:
    timed = '# TYPE took summary\ntook_count 2\ntook_sum 9\nother_count 5\n# TYPE size histogram\nsize_count{a="b"} 3\n'
    assert observed(timed) == Fraction(5)
    assert observed(TEXT) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no line of it is a sample"),
        ("# TYPE a counter\n", "no line of it is a sample"),
        ('{"requests": "TODO"}', "line 1 is no sample"),
        ("a_total 1\na_total one\n", "line 2 is no sample"),
        ("a_total{route=x} 1\n", "line 1 is no sample"),
        ("a_total\n", "line 1 is no sample"),
    ],
)
def test_what_is_no_exposition_is_refused(text: str, message: str) -> None:
    with pytest.raises(PrometheusError, match=message):
        counted(text)
