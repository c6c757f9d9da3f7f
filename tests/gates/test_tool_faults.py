"""Tests that no fault of a tool becomes a pass: the same matrix for every gate that wraps one."""

from __future__ import annotations

import time
from pathlib import Path

import psutil
import pytest

from pytest_failhard.gates.lint import LintGate
from pytest_failhard.gates.secrets import SecretsGate
from pytest_failhard.gates.security import SecurityGate
from pytest_failhard.gates.types import TypesGate
from pytest_failhard.model import Gate, GateError
from pytest_failhard.run import GateRun
from tests.conftest import Script
from tests.support import FakeTools, gate_run, write

PYTHON_GATES: tuple[Gate, ...] = (LintGate(), TypesGate(), SecurityGate())
GATES = (*PYTHON_GATES, SecretsGate())
MODULE = '''"""A module."""


def double(number: int) -> int:
    """Return twice the number."""
    return 2 * number
'''

each_gate = pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.id)
each_python_gate = pytest.mark.parametrize("gate", PYTHON_GATES, ids=lambda gate: gate.id)


def scripted(tools: FakeTools, tmp_path: Path, gate: Gate, seconds: float = 60) -> GateRun:
    root = write(tmp_path / "project", {"app/__init__.py": MODULE})
    return gate_run(
        root,
        gate,
        scratch=tmp_path / "scratch",
        seconds=seconds,
        executable=tools.executable,
        packages=tools.packages,
    )


def hexed(text: str | bytes) -> str:
    return (text.encode() if isinstance(text, str) else text).hex()


@each_gate
@pytest.mark.parametrize(
    "steps",
    [
        [("exit", 0)],
        [("exit", 1)],
        [("out", hexed("\n")), ("exit", 0)],
        [("out", hexed("all is well\n")), ("exit", 0)],
        [("out", hexed("[]")), ("exit", 0)],
        [("out", hexed("{}\n")), ("exit", 0)],
        [("out", hexed('[{"code": "F4')), ("exit", 1)],
        [("out", hexed("[]\n")), ("exit", 1)],
        [("out", hexed('{"errors": [], "results": [], "metrics": {"_totals": {"loc": 0}}}')), ("exit", 0)],
        [("out", hexed(b"\x00\xff\xfe[]")), ("exit", 0)],
        [("out", hexed("1 file already formatted\n")), ("exit", 0)],
        [("exit", 2)],
        [("exit", 101)],
        [("exit", 120)],
        [("exit", 127)],
        [("kill", 9)],
        [("err", "INTERNAL ERROR"), ("exit", 0)],
        [("err", "thread 'main' panicked at x"), ("exit", 0)],
    ],
    ids=lambda steps: " ".join(f"{step}-{str(value)[:12]}" for step, value in steps),
)
def test_a_faulty_tool_is_an_error(
    gate: Gate, steps: list[tuple[str, object]], tmp_path: Path, script: Script
) -> None:
    run = scripted(script(*steps), tmp_path, gate)
    with pytest.raises(GateError):
        gate.observe(run)


@each_gate
def test_a_hanging_tool_is_killed_with_its_grandchild(gate: Gate, tmp_path: Path, script: Script) -> None:
    pidfile = tmp_path / "pid"
    run = scripted(script(("grandchild", str(pidfile)), ("hang", 0)), tmp_path, gate, seconds=1.5)
    began = time.monotonic()
    with pytest.raises(GateError, match="not finished after"):
        gate.observe(run)
    assert time.monotonic() - began < 1.5 + 5
    pid = int(pidfile.read_text())
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@each_gate
def test_a_missing_tool_is_an_error_with_the_command(gate: Gate, tmp_path: Path) -> None:
    root = write(tmp_path / "project", {"app/__init__.py": MODULE})
    run = gate_run(root, gate, scratch=tmp_path / "scratch", packages=(str(tmp_path),))
    with pytest.raises(GateError, match=r"is not installed for .*: python -m pip install"):
        gate.observe(run)


@each_python_gate
def test_nothing_to_examine_is_an_error(gate: Gate, tmp_path: Path) -> None:
    (tmp_path / "project" / "app").mkdir(parents=True)
    run = gate_run(tmp_path / "project", gate, scratch=tmp_path / "scratch")
    with pytest.raises(GateError, match="no product files"):
        gate.observe(run)


@each_python_gate
@pytest.mark.parametrize(
    "content",
    [b"def f(:\n", b"x = '\xff'\n", b"x = 1\0\n"],
    ids=["syntax error", "not UTF-8", "NUL"],
)
def test_a_file_that_does_not_parse_is_an_error(gate: Gate, content: bytes, tmp_path: Path) -> None:
    root = write(tmp_path / "project", {"app/__init__.py": MODULE, "app/broken.py": content})
    run = gate_run(root, gate, scratch=tmp_path / "scratch")
    with pytest.raises(GateError, match=r"unreadable-source: app/broken\.py"):
        gate.observe(run)


@each_gate
def test_a_named_folder_that_is_missing_is_an_error(gate: Gate, tmp_path: Path) -> None:
    root = write(tmp_path / "project", {"app/__init__.py": MODULE})
    run = gate_run(root, gate, scratch=tmp_path / "scratch", source=("app", "gone"))
    with pytest.raises(GateError, match="gone: no such file or folder"):
        gate.observe(run)


@each_gate
@pytest.mark.parametrize("folder", ["app", "my äpp, [x]: $HOME *"], ids=["plain", "unicode and blanks"])
def test_a_clean_project_has_no_findings(gate: Gate, folder: str, tmp_path: Path) -> None:
    place = f"packages {folder}/app"
    root = write(tmp_path / f"pro ject {folder}", {f"{place}/__init__.py": MODULE, f"{place}/empty.py": ""})
    observation = gate.observe(gate_run(root, gate, scratch=tmp_path / "scratch", source=(place,)))
    assert (observation.findings, observation.examined) == ((), 2)
