"""A key is found in a text as JSON escapes it; the other forms are tried in tests/llm/verdicts."""

from __future__ import annotations

import json

import pytest

from pytest_failhard.leakage import leaks

SECRET = "0123456789abcdefghij/+"


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"key": SECRET}).replace("/", "\\/"),
        "".join(f"\\u{ord(character):04x}" for character in SECRET),
    ],
)
def test_escapes_hide_nothing(text: str) -> None:
    assert [leak.key for leak in leaks(text, {"KEY": SECRET})] == ["KEY"]
