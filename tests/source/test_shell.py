"""A script is split as a shell splits it, and what is no script is split somehow."""

from __future__ import annotations

import pytest

from pytest_failhard.source.shell import commands, parse

SCRIPTS = {
    "groups": ("(a; (b)) && { c; }", ["a", "b", "c"]),
    "substitution": ("x=$(a | b) c", ["x=$(a | b) c"]),
    "pattern": ("case x in\n a) b;;\nesac", ["case x in", "a", "b"]),
    "redirections": ("a 2>&1 >out < in 2>/dev/null\nb >&- &>log", ["a", "b"]),
    "heredoc-without-end": ("a <<END\nb\n", ["a"]),
    "open-quote": ("a 'b", ["a ' b"]),
    "stray-braces": ("} a {", ["} a {"]),
    "keywords": ("if then do fi\na", ["a"]),
    "too-deep": ("(" * 30 + "a", ["a"]),
    "escapes": ('a "b\\"c" d\\ e', ['a b"c d e']),
    "redirection-to-nothing": ("a >", ["a"]),
    "empty": ("", []),
}


@pytest.mark.parametrize(("script", "found"), SCRIPTS.values(), ids=SCRIPTS.keys())
def test_the_commands_of_a_script(script: str, found: list[str]) -> None:
    assert [" ".join(each.words) for each in commands(parse(script))] == found


def test_a_command_knows_whether_it_writes_a_file() -> None:
    assert [each.redirected for each in commands(parse("a > x\nb 2> x\nc 2>&1"))] == [True, False, False]
