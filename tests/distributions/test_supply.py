"""All parts of a project's supply at once, and when they are read anew."""

from __future__ import annotations

import os
import shlex
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pytest_failhard.distributions.supply import supply
from pytest_failhard.gates.security import SecurityGate
from pytest_failhard.model import GateError
from pytest_failhard.run import GateRun
from tests.distributions.fake_site import package, pyproject
from tests.support import gate_run, write

LOCK = 'version = 1\n[[package]]\nname = "a"\nversion = "1.0"\nwheels = [{url = "x/a-1.0-py3-none-any.whl", hash = "sha256:ab"}]\n'


def interpreter(tmp_path: Path, *folders: Path) -> Path:
    """An interpreter that has other folders of packages, and counts how often it is asked."""
    code = f"import sys; sys.path[:] = [*{list(map(str, folders))!r}, *sys.path]; exec(sys.argv[1])"
    path = tmp_path / "python"
    # `-I -X utf8 -c CODE` come from whoever asks.
    call = f'echo asked >> "{tmp_path}/asked"; exec {sys.executable} -I -S -c {shlex.quote(code)} "$5"'
    path.write_text(f"#!/bin/sh\n{call}\n")
    path.chmod(0o755)
    return path


def project(tmp_path: Path, *needs: str) -> GateRun:
    site = tmp_path / "some packages"
    package(site, "a", requires=["b>=1"])
    package(site, "b")
    package(site, "tool")
    root = pyproject(tmp_path / "app", needs or ("a",))
    return gate_run(root, SecurityGate(), interpreter=interpreter(tmp_path, site))


def asked(tmp_path: Path) -> int:
    return len((tmp_path / "asked").read_text().splitlines())


def test_everything_at_once(tmp_path: Path) -> None:
    run = project(tmp_path)
    write(run.root, {"uv.lock": LOCK, "requirements.txt": "a==1.0\nb==1.0\nstranger==1\n"})
    found = supply(run)
    assert list(found.closure.nodes) == ["a", "b"]
    assert {"a", "b", "tool"} <= found.installed.keys()
    assert [each.path for each in found.locks] == ["uv.lock"]
    assert found.artefacts["a"].sha256 == "ab"
    assert found.artefacts.keys() == {"a", "b"}
    assert "sys" in found.target.standard
    # A compiled file may list what a member needs; it may not list more.
    assert found.declared.disagreeing == ("stranger",)


def test_read_once_for_gates_that_ask_side_by_side(tmp_path: Path) -> None:
    run = project(tmp_path)
    with ThreadPoolExecutor(5) as pool:
        found = list(pool.map(supply, [run] * 5))
    assert all(each is found[0] for each in found)
    assert asked(tmp_path) == 1


@pytest.mark.parametrize(
    "change",
    [
        "pyproject.toml",
        "uv.lock",
        "requirements.txt",
        "limits/more.txt",
        "requirements/new.txt",
        "setup.cfg",
        "site",
    ],
)
def test_read_anew_when_something_has_changed(tmp_path: Path, change: str) -> None:
    run = project(tmp_path)
    write(run.root, {"uv.lock": LOCK, "requirements.txt": "-c limits/more.txt\na\n", "limits/more.txt": ""})
    before = supply(run)
    if change == "site":
        package(tmp_path / "some packages", "newcomer")
        os.utime(tmp_path / "some packages", ns=(1, 1))
    else:
        path = run.root / change
        text = path.read_text() if path.exists() else ""
        write(run.root, {change: f"{text}\n# changed\n"})
    after = supply(run)
    assert after is not before
    assert asked(tmp_path) == 2
    assert ("newcomer" in after.installed) == (change == "site")


def test_read_anew_when_code_imports_what_an_extra_brings(tmp_path: Path) -> None:
    run = project(tmp_path)
    pyproject(run.root, ["a"], "[project.optional-dependencies]\nmore = ['tool']\n")
    write(run.root, {"app/__init__.py": ""})
    before = supply(run)
    write(run.root, {"app/__init__.py": "import tool\n"})
    assert "tool" not in before.closure.nodes
    assert "tool" in supply(run).closure.nodes


def test_the_last_two_projects_are_remembered(tmp_path: Path) -> None:
    runs = []
    for name in "xyz":
        (tmp_path / name).mkdir()
        runs.append(project(tmp_path / name))
    first = supply(runs[0])
    supply(runs[1])
    assert supply(runs[0]) is first
    supply(runs[2])
    assert supply(runs[0]) is not first


def test_an_error_is_the_same_for_all_gates_and_gone_when_it_is_mended(tmp_path: Path) -> None:
    run = project(tmp_path)
    write(run.root, {"pyproject.toml": "[project]\n"})
    for _ in range(2):
        with pytest.raises(GateError, match="no dependency declaration found"):
            supply(run)
    assert asked(tmp_path) == 1
    pyproject(run.root, ["b"])
    assert list(supply(run).closure.nodes) == ["b"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tool = 1\n", "pyproject.toml: tool: must be a table"),
        ("[tool.failhard.dependencies]\nlocks = 1\n", "locks: must be a list of texts"),
        (
            "[project]\ndependencies = []\n[tool.failhard.dependencies]\nlocks = ['no.lock']\n",
            "no.lock: No such file",
        ),
        ("[\n", "pyproject.toml: "),
    ],
)
def test_what_cannot_be_known(tmp_path: Path, text: str, said: str) -> None:
    run = project(tmp_path)
    write(run.root, {"pyproject.toml": text})
    with pytest.raises(GateError) as caught:
        supply(run)
    assert said in str(caught.value)


def test_one_gate_that_has_no_time_says_nothing_about_the_others(tmp_path: Path) -> None:
    late = project(tmp_path)
    run = gate_run(late.root, SecurityGate(), interpreter=late.interpreter, deadline=0.0)
    with pytest.raises(GateError, match="has no time left"):
        supply(run)
    assert list(supply(late).closure.nodes) == ["a", "b"]
