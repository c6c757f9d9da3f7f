"""The commands themselves: exit status, and what goes to which stream."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import pytest

from pytest_failhard import policy
from pytest_failhard.cli import explain, gates, verify
from pytest_failhard.gates import builtin
from pytest_failhard.model import LEVELS

Ran = Callable[..., tuple[object, str, str]]


@pytest.fixture
def ran(capsys: pytest.CaptureFixture[str]) -> Ran:
    def run(command: click.Command, *arguments: str) -> tuple[object, str, str]:
        with pytest.raises(SystemExit) as ended:
            command.main(arguments)
        return (ended.value.code, *capsys.readouterr())

    return run


@pytest.mark.parametrize("level", LEVELS)
def test_gates_prints_the_policy_file_byte_for_byte(ran: Ran, level: int) -> None:
    assert ran(gates.command, "--level", str(level)) == (0, policy.shipped_text(level).decode(), "")


def test_gates_prints_a_table(ran: Ran) -> None:
    code, text, errors = ran(gates.command)
    assert (code, errors) == (0, "")
    assert [line.split()[0] for line in text.splitlines()[1:-2]] == [gate.id for gate in builtin()]


def test_a_mistake_in_a_policy_file_goes_to_stderr(ran: Ran, tmp_path: Path) -> None:
    (tmp_path / "ours.yaml").write_text("level: 1\n")
    code, text, errors = ran(gates.command, "--policy", str(tmp_path / "ours.yaml"))
    assert (code, text) == (2, "")
    assert errors == "failhard: --policy: add --level N, the level that the file is for\n"


@pytest.mark.parametrize("gate", [gate.id for gate in builtin()])
def test_explain_prints_every_section(ran: Ran, gate: str) -> None:
    code, text, errors = ran(explain.command, gate)
    assert (code, errors) == (0, "")
    for section in ("Why:", "Fails when:", "Fix:", "Waive:"):
        assert section in text


def test_explain_refuses_an_unknown_name(ran: Ran) -> None:
    assert ran(explain.command, "lnt") == (
        2,
        "",
        "failhard: no gate or rule is called 'lnt'; did you mean lint?\n",
    )


def test_verify_of_an_empty_folder_is_tampering(ran: Ran, tmp_path: Path) -> None:
    assert ran(verify.command, str(tmp_path)) == (
        4,
        "",
        (
            f"failhard: {tmp_path / 'report.json'}: cannot be read: No such file or directory\n"
            "failhard: the report does not hold; run `failhard check` again\n"
        ),
    )


def test_verify_of_no_folder_is_a_usage_error(ran: Ran, tmp_path: Path) -> None:
    assert ran(verify.command, str(tmp_path / "none"))[0] == 2
