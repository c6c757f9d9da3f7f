"""Tests of what is left out: a service counts where it names the canary's advisory, and nowhere else."""

from __future__ import annotations

import urllib.error

import pytest

from tests.support import demanded
from tools.gates_here import options


def useful() -> bytes:
    return b'{"vulns": [{"id": "PYSEC-2019-217"}]}'


def empty() -> bytes:
    return b"{}"


def refused() -> bytes:
    raise urllib.error.URLError("refused")


def names(given: str) -> set[str]:
    return {*given.removeprefix("--failhard-only=").split(",")}


def test_a_service_that_answers_leaves_nothing_out() -> None:
    assert options(3, services=(refused, empty, useful)) == ("", ())


@pytest.mark.parametrize("level", [2, 3])
def test_without_a_service_one_gate_is_left_out_by_name(level: int) -> None:
    given, said = options(level, services=(refused, empty))
    assert {*demanded(level)} - names(given) == {"vulnerabilities"}
    assert said[0].startswith("vulnerabilities is left out")
    assert "refused" in said[0]
    assert "empty: no canary" in said[0]


def test_what_the_caller_names_is_left_out_and_said() -> None:
    given, said = options(4, ["provenance"], services=(useful,))
    assert {*demanded(4)} - names(given) == {"provenance"}
    assert said == ("provenance is left out: it is judged elsewhere",)


def test_level_1_asks_nobody() -> None:
    assert options(1, services=()) == ("", ())


def test_a_gate_that_the_level_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="level 1 has no gate provenance; it has tests, coverage"):
        options(1, ["provenance"])
