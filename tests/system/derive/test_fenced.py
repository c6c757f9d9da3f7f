"""Tests of the shell commands in a document: which there are, and which nobody could run."""

from __future__ import annotations

import pytest

from pytest_failhard.system.derive import fenced


def block(body: str, language: str = "sh") -> str:
    return f"# Title\n\n```{language}\n{body}\n```\n"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("export KEY=...", "holds ..."),
        ("app --name …", "holds ..."),
        ("echo 'one", "has a ' without an end"),
        ('echo "one', 'has a " without an end'),
        ("(cd app; make", "has a parenthesis"),
        ("make &&", "ends where a command has to follow"),
    ],
)
def test_a_command_that_nobody_can_run_is_found_with_its_line(body: str, why: str) -> None:
    found = fenced.unusable(block(f"true\n{body}"))
    assert [(each.line, why in each.why) for each in found] == [(5, True)]


@pytest.mark.parametrize(
    "body",
    [
        "pip install -r requirements.txt",
        "go test ./...",
        'echo "and so on ..."',
        "app [OPTION]... # ...",
        "curl -d '{\n  \"a\": 1\n}' http://127.0.0.1/",
        "make \\\n  all",
        "cat <<EOF\nit's ...\nEOF",
        "make |\n  tee log",
        "case $1 in a) true;; esac",
        "# don't",
        "ls ../..",
        "echo it\\'s",
    ],
)
def test_a_command_that_can_be_run_is_none(body: str) -> None:
    assert fenced.unusable(block(body)) == ()


def test_only_blocks_of_shell_are_looked_at_and_only_what_has_a_prompt_in_a_session() -> None:
    assert fenced.commands(block("print('", "python")) == ()
    session = fenced.commands(block("$ make all\nit's done ...\n(venv) $ true", "console"))
    assert [(shown.line, shown.text) for shown in session] == [(4, "make all"), (6, "true")]


def test_an_indented_block_and_one_without_an_end_are_read() -> None:
    text = "1. First:\n\n   ~~~bash\n   make\n   ~~~\n\n```sh\nmake test\n"
    assert [(shown.line, shown.text) for shown in fenced.commands(text)] == [(4, "make"), (8, "make test")]
