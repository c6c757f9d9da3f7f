"""Whether a stream is painted, and how wide it is taken for."""

from __future__ import annotations

import io
from collections.abc import Mapping

import pytest

from pytest_failhard.cli import screen


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "terminal", "pipe"),
    [
        ({}, True, False),
        ({"TERM": "xterm-256color", "NO_COLOR": ""}, True, False),
        ({"TERM": "dumb"}, False, False),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": "0"}, False, False),
        ({"FORCE_COLOR": "1"}, True, True),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, True, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, False),
    ],
)
def test_no_color_has_the_last_word(environment: Mapping[str, str], terminal: bool, pipe: bool) -> None:
    assert screen.colours(Terminal(), environment) is terminal
    assert screen.colours(io.StringIO(), environment) is pipe


def test_a_pipe_has_no_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "93")
    assert screen.width(Terminal()) == 93
    assert screen.width(io.StringIO()) == 0
