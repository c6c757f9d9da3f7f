"""Tests of platform and version, decided as the target would."""

from __future__ import annotations

import ast

import pytest

from pytest_failhard.distributions.branches import is_taken
from tests.distributions.fake_site import MARKERS


@pytest.mark.parametrize(
    "text",
    [
        "sys.version_info >= (3, 11)",
        "version_info > (3, 12, 3)",
        "sys.version_info[:2] == (3, 12)",
        "sys.version_info[0] == 3",
        "sys.version_info[0] > 2",
        "sys.version_info[1] != 11",
        "sys.version_info.major == 3",
        "sys.version_info.minor <= 12",
        "sys.platform == 'linux'",
        "sys.platform != 'win32'",
        "sys.platform.startswith('lin')",
        "os.name == 'posix'",
        "platform.system() == 'Linux'",
        "platform.python_implementation() == 'CPython'",
        "sys.implementation.name == 'cpython'",
        "sys.version_info >= (3, 11) and os.name == 'posix'",
        "anything or os.name == 'posix'",
    ],
)
def test_what_the_target_is(text: str) -> None:
    test = ast.parse(text, mode="eval").body
    assert is_taken(test, MARKERS) is True
    assert is_taken(ast.UnaryOp(op=ast.Not(), operand=test), MARKERS) is False


@pytest.mark.parametrize(
    "text",
    [
        "DEBUG",
        "not DEBUG",
        "anything and os.name == 'posix'",
        "os.name == 'posix' == True",
        "sys.platform == name",
        "sys.platform == 3",
        "sys.platform > 'linux'",
        "sys.platform in ('linux', 'darwin')",
        "sys.version_info >= (3, minor)",
        "sys.version_info[2] == 4",
        "sys.version_info[x] == 4",
        "sys.version_info[:x] == (3,)",
        "sys.version_info[:'x'] == (3,)",
        "name.startswith('win')",
        "sys.platform.startswith('win', 1)",
        "sys.platform.endswith('win')",
        "x[0] == 3",
        "(lambda: 3) == 3",
    ],
)
def test_what_depends_on_more_than_the_target(text: str) -> None:
    assert is_taken(ast.parse(text, mode="eval").body, MARKERS) is None


def test_one_part_that_is_false_decides() -> None:
    assert is_taken(ast.parse("anything and os.name == 'nt'", mode="eval").body, MARKERS) is False
