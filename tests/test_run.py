"""Tests of the tool contract: what a tool may do, and what is kept of it."""

from __future__ import annotations

import ast
import dataclasses
import importlib.metadata
import json
import re
import signal
import socket
import sys
from pathlib import Path

import psutil
import pytest

from pytest_failhard import proc, resident
from pytest_failhard.gates.lint import RUFF, LintGate
from pytest_failhard.model import Evidence, GateError, Process, Tool
from pytest_failhard.run import GateRun
from tests.conftest import Script
from tests.support import FakeTools, Kept, gate_run, write


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


class Redacting(Kept):
    """A store that lets no token through."""

    def __call__(
        self, name: str, data: bytes, *, volatile: bool = False, has_contacts: bool = False
    ) -> Evidence:
        """Keep what is left of the bytes."""
        cleaned = data.replace(b"token", b"*****")
        return super().__call__(name, cleaned, volatile=volatile, has_contacts=has_contacts)


def test_an_earlier_run_of_a_tool_is_kept_and_judged_as_this_one(tmp_path: Path, script: Script) -> None:
    first, second = Kept(), Kept()
    tools = script(("out", b"said".hex()), ("err", "hello"), ("exit", 1))
    ended = scripted(tools, tmp_path, first).python("ruff", "check", found=frozenset({1}))
    assert ended.is_plain
    later = scripted(script(("kill", 9)), tmp_path / "later", second)
    assert later.python("ruff", "check", found=frozenset({1}), earlier=ended) == ended
    assert second.files == first.files
    with pytest.raises(
        GateError, match="ruff ended with exit code 1, which means neither clean nor findings"
    ):
        later.python("ruff", "check", earlier=ended)


@pytest.mark.parametrize("step", ["out", "err"])
@pytest.mark.parametrize("kept", [Kept, Redacting])
def test_what_is_not_kept_as_it_was_is_not_plain(
    tmp_path: Path, script: Script, step: str, kept: type[Kept]
) -> None:
    said = f"{tmp_path} of mine" if kept is Kept else "a token"
    tools = script((step, said.encode().hex() if step == "out" else said), ("exit", 0))
    assert not scripted(tools, tmp_path, kept()).python("ruff").is_plain


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


def test_a_tool_that_holds_too_much_memory_is_ended_and_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resident, "PAUSE_SECONDS", 0.01)
    run = gate_run(write(tmp_path / "p", {"a.py": ""}), LintGate(), memory_mb=60)
    said = r"^memory: its processes held more than 60 MB together and were ended; .*memory_mb"
    assert run.python("timeit", "-n", "1", "-r", "1", "pass").returncode == 0
    with pytest.raises(GateError, match=said):
        run.python("timeit", "-n", "1", "b'x' * 90_000_000 and __import__('time').sleep(600)")
    with pytest.raises(GateError, match=said):
        run.close()


def test_no_time_left_is_an_error(tmp_path: Path, script: Script) -> None:
    run = scripted(script(("exit", 0)), tmp_path, seconds=-1)
    with pytest.raises(GateError, match="ruff: not started, because the gate lint has no time left"):
        run.python("ruff")


def test_the_clock_is_not_kept(tmp_path: Path, script: Script) -> None:
    keep = Kept()
    run = scripted(script(("out", b'{"generated_at": "2026-01-01"}'.hex()), ("exit", 0)), tmp_path, keep)
    assert b"2026" in run.python("bandit").stdout
    assert keep.files["bandit-1.stdout"] == b'{"generated_at": "<clock>"}'


def test_an_address_of_ours_is_not_kept(tmp_path: Path, script: Script) -> None:
    keep = Kept()
    url = f"http://127.0.0.1:4711/{'0a' * 16}/v1/query"
    run = scripted(script(("exit", 0)), tmp_path, keep)
    run.python("ruff", "--at", url, "--other", "http://127.0.0.1:4711/v1/query")
    argv = json.loads(keep.files["ruff-1.json"])["argv"]
    assert argv[-3:] == [
        "http://127.0.0.1:<port>/<secret>/v1/query",
        "--other",
        "http://127.0.0.1:4711/v1/query",
    ]


def test_a_tool_sees_the_variables_that_it_is_given_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_AUDIT_OSV_URL", "http://elsewhere")
    run = gate_run(write(tmp_path / "p", {"a.py": ""}), LintGate())
    shown = "import os; print(*map(os.environ.get, ('NO_PROXY', 'PIP_AUDIT_OSV_URL', 'HTTP_PROXY')))"
    seen = run.python("timeit", "-n", "1", "-r", "1", shown, environment={"NO_PROXY": "here"}).stdout
    assert seen.splitlines()[0] == b"here None None"


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


SLEEPER = (
    "import os, sys, time; sys.stderr.write('x\\n'); print(sorted(os.environ), flush=True); time.sleep(600)"
)


def started(tmp_path: Path, code: str, *, seconds: float = 60, cap: int = 1000) -> tuple[GateRun, Process]:
    run = gate_run(tmp_path, LintGate(), scratch=tmp_path / "scratch", seconds=seconds)
    run = dataclasses.replace(run, output_cap=cap)
    argv = [sys.executable, "-I", "-c", code]
    return run, run.start(argv, environment={"ONLY": "this"}, cwd=tmp_path)


def until(process: Process, text: str) -> None:
    while text not in process.stdout:
        assert process.wait(0.01) is None, process.stderr


def test_a_process_lives_as_long_as_its_gate_and_sees_nothing_of_us(tmp_path: Path) -> None:
    run, process = started(tmp_path, SLEEPER)
    until(process, "]")
    names = ast.literal_eval(process.stdout)
    assert {name for name in names if name != "LC_CTYPE"} - {"ONLY"} == {
        name for name in names if re.fullmatch("S[0-9A-F]{8}", name)
    }
    assert (process.poll(), process.stderr) == (None, "x\n")
    assert psutil.Process(process.pid).is_running()
    run.close()
    assert process.poll() == -signal.SIGTERM
    run.close()


def test_a_stray_of_a_process_is_found_by_the_variable_without_a_name_of_ours(tmp_path: Path) -> None:
    child = "import time; print('up', flush=True); time.sleep(600)"
    code = (
        "import subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, '-I', '-c', {child!r}], start_new_session=True)\n"
        "print(child.pid, flush=True)\n"
    )
    _, process = started(tmp_path, code)
    assert process.wait(30) == 0
    stray = psutil.Process(int(process.stdout.split()[0]))
    process.kill()
    assert not stray.is_running() or stray.status() == psutil.STATUS_ZOMBIE


def test_a_process_is_asked_to_stop_and_may_take_its_time(tmp_path: Path) -> None:
    code = (
        "import signal, sys\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
        "print('ready', flush=True)\n"
        "signal.pause()\n"
    )
    _, process = started(tmp_path, code)
    until(process, "ready")
    process.stop()
    assert process.wait(30) == 7
    process.stop(signal.SIGKILL)
    assert process.wait(30) == 7


def test_a_process_that_outlives_its_gate_is_an_error(tmp_path: Path) -> None:
    run, process = started(tmp_path, SLEEPER, seconds=0.5)
    name = Path(sys.executable).name
    with pytest.raises(GateError, match=f"{name}: still running when the gate's time was over"):
        process.wait(60)
    with pytest.raises(GateError, match=f"{name}: not started, because the gate lint has no time left"):
        run.start([sys.executable], environment={}, cwd=tmp_path)
    assert run.remaining() == 0
    run.close()


def test_a_process_that_writes_without_end_is_an_error(tmp_path: Path) -> None:
    run, process = started(tmp_path, "while True: print('x' * 80)")
    with pytest.raises(GateError, match="more than 1000 bytes of output"):
        process.wait(60)
    assert len(process.stdout) == 1000
    run.close()


def test_a_process_that_cannot_be_started_is_an_error(tmp_path: Path) -> None:
    run = gate_run(tmp_path, LintGate(), scratch=tmp_path / "scratch")
    with pytest.raises(GateError, match="absent cannot be started"):
        run.start([str(tmp_path / "absent")], environment={}, cwd=tmp_path)


def test_a_process_that_cannot_be_ended_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, process = started(tmp_path, SLEEPER)
    with monkeypatch.context() as patched:
        patched.setattr(proc.Child, "kill_tree", lambda _: (1,))
        with pytest.raises(GateError, match=r"processes \(1,\) could not be ended"):
            run.close()
    process.kill()


def test_an_open_file_is_handed_over(tmp_path: Path) -> None:
    run = gate_run(tmp_path, LintGate(), scratch=tmp_path / "scratch")
    ours, theirs = socket.socketpair()
    with ours, theirs:
        code = f"import os; os.write({theirs.fileno()}, b'hello')"
        argv = [sys.executable, "-I", "-c", code]
        process = run.start(argv, environment={}, cwd=tmp_path, pass_fds=(theirs.fileno(),))
        assert process.wait(30) == 0
        assert ours.recv(10) == b"hello"
