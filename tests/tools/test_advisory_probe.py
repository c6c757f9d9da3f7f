"""Tests of the probe: a service counts where it names the canary's advisory, and nowhere else."""

from __future__ import annotations

import urllib.error

import pytest

from tests.support import demanded
from tools.advisory_probe import options


def useful() -> bytes:
    return b'{"vulns": [{"id": "PYSEC-2019-217"}]}'


def empty() -> bytes:
    return b"{}"


def refused() -> bytes:
    raise urllib.error.URLError("refused")


def test_a_service_that_answers_leaves_nothing_out() -> None:
    assert options(3, (refused, empty, useful)) == ("", "")


@pytest.mark.parametrize("level", [2, 3])
def test_without_a_service_one_gate_is_left_out_by_name(level: int) -> None:
    given, said = options(level, (refused, empty))
    names = given.removeprefix("--failhard-only=").split(",")
    assert {*demanded(level)} - {*names} == {"vulnerabilities"}
    assert said.startswith("vulnerabilities is left out")
    assert "refused" in said
    assert "empty: no canary" in said
