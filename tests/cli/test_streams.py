"""What a command prints, whichever it is and however it ends, holds no secret."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_failhard.cli import main
from pytest_failhard.cli.streams import VERBATIM, redacted
from tests.cli.test_verify import TYPE_ERROR, edit, gate, make

KEY = "sk-" + "proj-" + "Ab3dEfGh1jKlMnOpQrSt"
Ran = Callable[..., tuple[object, str, str]]


@pytest.fixture
def ran(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Ran:
    """Run the command as the process that was started with these arguments does."""

    def run(*arguments: str | Path) -> tuple[object, str, str]:
        monkeypatch.setattr(sys, "argv", ["failhard", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return (ended.value.code, *capsys.readouterr())

    return run


def test_verify_compare_merge_and_waive_print_none(ran: Ran, tmp_path: Path) -> None:
    folder = make(tmp_path / "p", TYPE_ERROR)

    def plant(content: dict[str, object]) -> None:
        # The document is plain JSON, whose shape the test knows.
        gate(content, "types")["findings"][0]["message"] = f"has {KEY}"  # type: ignore[index]

    edit(folder, plant)
    commands: dict[str, tuple[str | Path, ...]] = {
        "verify": (folder,),
        "compare": (folder, folder),
        "merge": (folder, "--into", tmp_path / "joint"),
        "waive": (KEY, tmp_path / "p", "--reason", "as agreed", "--owner", "jane"),
        "explain": (KEY,),
        "migrate": (tmp_path / KEY,),
        "check": (tmp_path / KEY,),
        KEY: (),
    }
    for name, arguments in commands.items():
        code, out, errors = ran(name, *arguments)
        assert code in {2, 4}, name
        assert KEY not in out + errors, name
        assert "[redacted:provider-key]" in out + errors, name


def test_the_values_of_secret_variables_go_too(
    ran: Ran, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "hunter2hunter2")
    assert "hunter2hunter2" not in "".join(map(str, ran("verify", tmp_path / "hunter2hunter2")))


def test_ordinary_text_is_printed_as_it_is(ran: Ran) -> None:
    code, out, errors = ran("explain", "lint")
    assert (code, errors) == (0, "")
    assert out.startswith("Lint: ")


def test_a_pattern_that_cannot_be_used_stops_the_command(ran: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAILHARD_REDACTION_PATTERNS", "(")
    code, out, errors = ran("gates")
    assert (code, out) == (2, "")
    assert errors.startswith("failhard: FAILHARD_REDACTION_PATTERNS: line 1: missing )")


def test_the_stream_has_no_way_around(capsys: pytest.CaptureFixture[str]) -> None:
    with redacted({}, ["gates"]):
        assert not sys.stdout.isatty()
        sys.stdout.buffer.write(f"bytes {KEY}\n".encode())
        sys.stderr.write(f"words {KEY} \udc80\n")
    out, errors = capsys.readouterr()
    assert (out, errors) == ("bytes [redacted:provider-key]\n", "words [redacted:provider-key] \\udc80\n")


def test_keys_that_are_drawn_for_a_test_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert {*VERBATIM} == {"llm-server"}
    with redacted({}, ["llm-server", "--port=0"]):
        sys.stdout.write(KEY)
    assert capsys.readouterr().out == KEY
