"""Tests of the tool contract: what a tool may do, and what is kept of it."""

from __future__ import annotations

import importlib.metadata
import json
import sys
from pathlib import Path

import pytest

from pytest_failhard.gates.lint import RUFF, LintGate
from pytest_failhard.model import GateError, Tool
from pytest_failhard.run import GateRun
from tests.conftest import Script
from tests.support import FakeTools, Kept, gate_run


def scripted(tools: FakeTools, tmp_path: Path, keep: Kept | None = None, seconds: float = 60) -> GateRun:
    return gate_run(
        tmp_path,
        LintGate(),
        scratch=tmp_path / "scratch",
        keep=keep,
        seconds=seconds,
        executable=tools.executable,
        packages=tools.packages,
    )


def test_a_tool_that_ends_well_is_returned_raw_and_kept(tmp_path: Path, script: Script) -> None:
    keep = Kept()
    output = f"{tmp_path}/app \xff".encode("latin-1")
    run = scripted(script(("out", output.hex()), ("err", "hello"), ("exit", 1)), tmp_path, keep)
    completed = run.python("ruff", "check", str(tmp_path), found=frozenset({1}))
    assert (completed.returncode, completed.stdout, completed.stderr) == (1, output, b"hello")
    assert completed.argv[1:6] == ("-I", "-X", "utf8", "-m", "ruff")
    assert keep.files["ruff-1.stdout"] == b"<root>/app \xff"
    assert json.loads(keep.files["ruff-1.json"]) == {
        "argv": ["<python>", "-I", "-X", "utf8", "-m", "ruff", "check", "<root>"],
        "exit_code": 1,
    }


@pytest.mark.parametrize("code", [1, 2, 101, 120, 124, 126, 127, 255])
def test_an_exit_code_outside_the_table_is_an_error_fo_88(tmp_path: Path, script: Script, code: int) -> None:
    keep = Kept()
    run = scripted(script(("err", "one\ntwo\n"), ("exit", code)), tmp_path, keep)
    with pytest.raises(GateError) as caught:
        run.python("ruff", "check")
    assert str(caught.value) == (
        f"ruff ended with exit code {code}, which means neither clean nor findings; "
        "its last words: one / two; see evidence ruff-1.stderr"
    )
    assert keep.files["ruff-1.stderr"] == b"one\ntwo\n"


def test_a_signal_is_an_error_fo_87(tmp_path: Path, script: Script) -> None:
    run = scripted(script(("kill", 9)), tmp_path)
    with pytest.raises(GateError, match="ruff was killed by signal 9; it wrote nothing"):
        run.python("ruff", ok=frozenset({0, -9}))


@pytest.mark.parametrize("words", ["Traceback (most recent call last)", "panicked at", "INTERNAL ERROR"])
def test_a_crash_report_is_an_error_whatever_the_exit_code_fo_97(
    tmp_path: Path, script: Script, words: str
) -> None:
    run = scripted(script(("err", f"x {words} y"), ("exit", 0)), tmp_path)
    with pytest.raises(GateError, match="ruff crashed"):
        run.python("ruff")


def test_a_hang_is_an_error_and_is_kept_fo_89(tmp_path: Path, script: Script) -> None:
    keep = Kept()
    run = scripted(script(("hang", 0)), tmp_path, keep, seconds=0.5)
    with pytest.raises(GateError, match=r"not finished after 0\.\d seconds and killed.*raise the rule's"):
        run.python("ruff")
    assert "not finished" in json.loads(keep.files["ruff-1.json"])["error"]


def test_no_time_left_is_an_error(tmp_path: Path, script: Script) -> None:
    run = scripted(script(("exit", 0)), tmp_path, seconds=-1)
    with pytest.raises(GateError, match="ruff: not started, because the gate lint has no time left"):
        run.python("ruff")


def test_the_clock_is_not_kept(tmp_path: Path, script: Script) -> None:
    keep = Kept()
    run = scripted(script(("out", b'{"generated_at": "2026-01-01"}'.hex()), ("exit", 0)), tmp_path, keep)
    assert b"2026" in run.python("bandit").stdout
    assert keep.files["bandit-1.stdout"] == b'{"generated_at": "<clock>"}'


def test_no_place_of_the_machine_is_kept(tmp_path: Path, script: Script) -> None:
    keep = Kept()
    place = tmp_path / "prójekt"
    place.mkdir()
    output = f"{place} {json.dumps(str(place))} {sys.executable}".encode()
    tools = script(("out", output.hex()), ("exit", 0))
    run = gate_run(place, LintGate(), keep=keep, executable=tools.executable, packages=tools.packages)
    run.python("ruff", f"--python-executable={sys.executable}", f"{run.scratch}/x", f"{place}/ä")
    assert keep.files["ruff-1.stdout"] == b'<root> "<root>" <interpreter>'
    kept = json.loads(keep.files["ruff-1.json"])
    assert kept["argv"][6:] == ["--python-executable=<interpreter>", "<scratch>/x", "<root>/ä"]


def test_an_installed_tool_is_named_with_its_version(tmp_path: Path) -> None:
    run = gate_run(tmp_path, LintGate(), scratch=tmp_path / "scratch")
    assert run.tool(RUFF) == f"ruff {importlib.metadata.version('ruff')}"


@pytest.mark.parametrize(
    ("version", "because"),
    [
        ("0.1", "ruff 0.1 is older than 0.14"),
        ("nonsense", "ruff has the unreadable version 'nonsense'"),
        ("0.15.0", "ruff 0.15.0 is known to judge wrongly"),
    ],
)
def test_a_version_that_is_not_allowed_is_an_error_fo_95(tmp_path: Path, version: str, because: str) -> None:
    site = tmp_path / "site"
    (site / f"ruff-{version}.dist-info").mkdir(parents=True)
    (site / f"ruff-{version}.dist-info" / "METADATA").write_text(f"Name: ruff\nVersion: {version}\n")
    run = gate_run(tmp_path, LintGate(), scratch=tmp_path / "scratch", packages=(str(site),))
    wanted = Tool(module="ruff", distribution="ruff", lowest="0.14", known_bad=frozenset({"0.15"}))
    with pytest.raises(GateError) as caught:
        run.tool(wanted)
    assert str(caught.value) == f"{because}: python -m pip install 'ruff>=0.14'"


def test_an_absent_tool_is_an_error_with_the_command_fo_96(tmp_path: Path) -> None:
    run = gate_run(tmp_path, LintGate(), scratch=tmp_path / "scratch", packages=(str(tmp_path),))
    with pytest.raises(GateError) as caught:
        run.tool(RUFF)
    name = Path(sys.executable).name
    assert str(caught.value) == f"ruff is not installed for {name}: python -m pip install 'ruff>=0.14'"


def test_a_gate_that_needs_the_tests_says_so(tmp_path: Path) -> None:
    run = gate_run(tmp_path, LintGate(), scratch=tmp_path / "scratch")
    with pytest.raises(GateError, match="there are no records of a test run: run the tests with this gate"):
        _ = run.tests
