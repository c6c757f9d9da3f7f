"""What the target interpreter says of itself, and what it can do instead of saying it."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

import pytest

from pytest_failhard.distributions.target import MARKERS, probe
from pytest_failhard.gates.security import SecurityGate
from pytest_failhard.model import GateError
from pytest_failhard.run import GateRun
from tests.support import gate_run


def run_with(tmp_path: Path, interpreter: Path = Path(sys.executable), seconds: float = 60) -> GateRun:
    root = tmp_path / "project"
    root.mkdir()
    return gate_run(root, SecurityGate(), interpreter=interpreter, seconds=seconds)


def script(tmp_path: Path, body: str) -> Path:
    path = tmp_path / "python"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def test_the_running_interpreter_describes_itself(tmp_path: Path) -> None:
    found = probe(run_with(tmp_path))
    assert Path(sysconfig.get_path("purelib")) in found.paths
    assert found.markers.keys() == MARKERS
    assert found.markers["python_version"] == f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert found.standard == sys.stdlib_module_names
    assert found.prefix == Path(sys.prefix)
    assert found.abi == sysconfig.get_config_var("SOABI")


def test_neither_the_project_nor_the_environment_is_on_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = probe(run_with(tmp_path))
    assert tmp_path not in found.paths
    assert not [path for path in found.paths if path.is_relative_to(tmp_path)]


def test_another_interpreter_whose_path_has_a_space(tmp_path: Path) -> None:
    # A virtual environment made by hand: its own packages, and its own prefix.
    home = tmp_path / "an environment"
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    site = home / "lib" / version / "site-packages"
    site.mkdir(parents=True)
    (home / "bin").mkdir()
    (home / "bin" / "python").symlink_to(sys.executable)
    (home / "pyvenv.cfg").write_text(f"home = {Path(sys.base_prefix) / 'bin'}\n")
    found = probe(run_with(tmp_path, home / "bin" / "python"))
    assert site in found.paths
    assert found.prefix == home


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("echo broken >&2; exit 3", "ended with exit code 3: broken"),
        ("exit 1", "exit code 1: it wrote nothing"),
        ("echo hello", "gave no description of itself"),
        ("echo '[]'", "no object"),
        ("echo '{\"markers\": {}}'", "the variables of markers are not complete"),
        ("exec sleep 60", "did not answer in 0 s"),
    ],
)
def test_what_is_no_interpreter(tmp_path: Path, body: str, said: str) -> None:
    run = run_with(tmp_path, script(tmp_path, body))
    seconds = 0.2 if "sleep" in body else 20
    with pytest.raises(GateError, match=said) as caught:
        probe(run, seconds)
    assert "correct `python` in [tool.failhard]" in str(caught.value)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("said['paths'] = []", "no search folders"),
        ("said['standard'] = 1", "no search folders or no standard library"),
        ("said['prefix'] = None", "no prefix"),
    ],
)
def test_a_description_that_lacks_something(tmp_path: Path, broken: str, said: str) -> None:
    markers = dict.fromkeys(sorted(MARKERS), "x")
    complete = {"paths": ["/"], "markers": markers, "standard": ["json"], "prefix": "/", "abi": ""}
    body = f'exec {sys.executable} -c "import json; said = {complete}; {broken}; print(json.dumps(said))"'
    with pytest.raises(GateError, match=said):
        probe(run_with(tmp_path, script(tmp_path, body)))


def test_an_interpreter_that_is_not_there(tmp_path: Path) -> None:
    run = run_with(tmp_path, tmp_path / "nothing")
    with pytest.raises(GateError, match="nothing"):
        probe(run)
