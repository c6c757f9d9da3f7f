"""Tests of commands: what starts by way of wrappers, and which two are one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_failhard.system.commands import comparable, shell_text, split, words_of


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["gunicorn", "a:b"], ["gunicorn", "a:b"]),
        (["sh", "-c", "cd x && A=1 exec gunicorn a:b"], ["gunicorn", "a:b"]),
        (["/bin/bash", "-lc", "gunicorn 'a b'"], ["gunicorn", "a b"]),
        (["tini", "-g", "--", "dumb-init", "gunicorn"], ["gunicorn"]),
        (["env", "-i", "A=1", "B=2", "python", "x.py"], ["python", "x.py"]),
        (["poetry", "run", "gunicorn"], ["gunicorn"]),
        (["uv", "run", "--", "gunicorn", "--", "x"], ["gunicorn", "--", "x"]),
        (["sh", "start.sh"], ["sh", "start.sh"]),
        (["sh", "-c", "echo 'never ends"], ["echo", "'", "never", "ends"]),
        (["sh", "-c", "  "], ["sh", "-c", "  "]),
        (["exec"], []),
        ([], []),
    ],
)
def test_what_a_command_starts(argv: list[str], words: list[str]) -> None:
    assert list(words_of(argv)) == words


@pytest.mark.parametrize(
    ("line", "commands"),
    [
        ("a b; c && d || e | f & g", [["a", "b"], ["c"], ["d"], ["e"], ["f"], ["g"]]),
        ("X=1 Y='2 3' run Z=4 # x", [["run", "Z=4"]]),
        ("one\ntwo ';' \"three && four\"", [["one"], ["two", ";", "three && four"]]),
        ("A=1", []),
    ],
)
def test_the_commands_of_a_line(line: str, commands: list[list[str]]) -> None:
    assert [list(each) for each in split(line)] == commands


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["sh", "-c", "x y"], "x y"),
        (["tini", "--", "/bin/sh", "-e", "-c", "x"], "x"),
        (["sh", "-e", "x.sh"], None),
        (["python", "-c", "x"], None),
        (["sh", "-c"], None),
    ],
)
def test_what_a_shell_is_told(argv: list[str], text: str | None) -> None:
    assert shell_text(argv) == text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["gunicorn", "-b", "0.0.0.0:80", "a:b"], ["/opt/venv/bin/gunicorn", "a:b"]),
        (["gunicorn", "--bind=x", "--config=c.py", "a:b"], ["gunicorn", "--config", "c.py", "a:b", "-b:80"]),
        (["python3.12", "-u", "-m", "uvicorn", "a:b", "--host", "x", "--port=1"], ["uvicorn", "a:b"]),
        (["python", "./run.py"], ["python3", "run.py"]),
        (["sh", "-c", "exec gunicorn a:b"], ["gunicorn", "a:b"]),
    ],
)
def test_two_that_are_one(one: list[str], other: list[str]) -> None:
    assert comparable(one) == comparable(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["gunicorn", "a:b"], ["gunicorn", "a:c"]),
        (["python", "-m", "app"], ["app"]),
        (["gunicorn", "-w", "2", "a:b"], ["gunicorn", "-w", "4", "a:b"]),
        (["uvicorn", "a:b", "--reload"], ["uvicorn", "a:b"]),
    ],
)
def test_two_that_are_two(one: list[str], other: list[str]) -> None:
    assert comparable(one) != comparable(other)


def test_where_it_binds_may_matter() -> None:
    argv = ["python", "-m", "gunicorn", "-b", "0.0.0.0:80", "--config=c.py"]
    assert comparable(argv, bound=True) == ("gunicorn", "-b", "0.0.0.0:80", "--config=c.py")


@given(st.lists(st.text("ab-=c /'\"$;&", max_size=6), max_size=6))
def test_no_command_breaks_it(argv: list[str]) -> None:
    assert isinstance(comparable(argv), tuple)
    assert isinstance(comparable(["sh", "-c", *argv]), tuple)
