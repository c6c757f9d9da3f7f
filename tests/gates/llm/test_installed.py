"""Tests of what the judged system's interpreter has."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest

from pytest_failhard.gates.llm import LlmGate
from pytest_failhard.gates.llm.installed import Installed, installed, of_folders, reaches
from pytest_failhard.model import GateError
from tests.support import gate_run, write


def test_the_interpreter_is_asked(tmp_path: Path) -> None:
    known = installed(gate_run(tmp_path, LlmGate(), scratch=tmp_path / "scratch"))
    assert known["pytest"].version == importlib.metadata.version("pytest")
    assert "pluggy" in known["pytest"].requires


@pytest.mark.parametrize(
    "code", ["exit 3", "echo no; exit 0", "echo '{}'", "echo '[]'; exit 1", "kill -9 $$"]
)
def test_an_interpreter_that_does_not_say_is_an_error(tmp_path: Path, code: str) -> None:
    root = write(tmp_path / "p", {"python": f"#!/bin/sh\n{code}\n"})
    (root / "python").chmod(0o755)
    run = gate_run(root, LlmGate(), interpreter=root / "python")
    with pytest.raises(GateError, match="python: does not say where its packages are"):
        installed(run)


def test_an_interpreter_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    run = gate_run(tmp_path, LlmGate(), scratch=tmp_path / "scratch", interpreter=tmp_path / "none")
    with pytest.raises(GateError, match="none cannot be started"):
        installed(run)


def test_an_interpreter_that_hangs_is_an_error(tmp_path: Path) -> None:
    root = write(tmp_path / "p", {"python": "#!/bin/sh\nkill -STOP $$\n"})
    (root / "python").chmod(0o755)
    run = gate_run(root, LlmGate(), interpreter=root / "python", seconds=0.5)
    with pytest.raises(GateError, match="python: still running when the gate's time was over"):
        installed(run)
    run.close()


def test_requirements_of_extras_do_not_count_and_old_ones_are_read(tmp_path: Path) -> None:
    lines = ["a>=1", "b; extra == 'x'", "c; python_version > '3'", "d (>=1,<2) ???"]
    metadata = "Metadata-Version: 2.1\nName: Some.Thing\nVersion: 2\n"
    metadata += "".join(f"Requires-Dist: {line}\n" for line in lines)
    site = write(tmp_path / "site", {"some_thing-2.dist-info/METADATA": metadata})
    other = write(tmp_path / "other", {"some_thing-1.dist-info/METADATA": "Name: some-thing\nVersion: 1\n"})
    known = of_folders([str(site), str(other)])
    assert known == {"some-thing": Installed(version="2", requires=frozenset("acd"))}


def test_one_distribution_reaches_another_by_way_of_others() -> None:
    def made(*requires: str) -> Installed:
        return Installed(version="1", requires=frozenset(requires))

    known = {"a": made("b"), "b": made("a", "c"), "d": made()}
    assert reaches("a", "c", known)
    assert not reaches("d", "c", known)
    assert not reaches("absent", "c", known)
