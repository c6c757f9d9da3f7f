"""Tests of what whoever runs us has set for indexes: handed on, chosen from, shown without credentials."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_failhard.gates.lint import LintGate
from pytest_failhard.model import GateError
from pytest_failhard.run import GateRun
from pytest_failhard.system import index
from pytest_failhard.system.index import Index
from pytest_failhard.system.installer import Installer
from tests.support import gate_run, write

LISTED = """\
global.extra-index-url='https://more.example/simple'
global.index-url='https://index.example/simple'
global.target='/srv/elsewhere'
install.index-url='https://me:secret@install.example/simple'
download.index-url='https://download.example/simple'
install.find-links='wheels /srv/wheels\\nfile:///srv/more'
:env:.no-index='1'
no line of ours
"""


def test_the_strongest_of_each_setting_counts_and_no_other_setting_does(tmp_path: Path) -> None:
    found = index.parse(LISTED, tmp_path)
    assert found.settings == {
        "extra-index-url": "https://more.example/simple",
        "index-url": "https://me:secret@install.example/simple",
        "find-links": f"{tmp_path}/wheels /srv/wheels file:///srv/more",
        "no-index": "1",
    }
    assert found.is_off
    assert found.variables["PIP_INDEX_URL"] == "https://me:secret@install.example/simple"
    assert found.shown["index-url"] == "https://***@install.example/simple"


@pytest.mark.parametrize("value", ["0", "false", "No", ""])
def test_an_index_that_is_not_off_is_on(value: str) -> None:
    assert not Index(settings={"no-index": value}).is_off


def test_a_process_with_fresh_places_learns_those_of_whoever_runs_it(tmp_path: Path) -> None:
    theirs = {
        "HOME": str(tmp_path),
        "PATH": "/srv/bin",
        "PIP_INDEX_URL": "https://index.example",
        "https_proxy": "http://proxy.example",
        "SHELL": "/bin/sh",
    }
    handed = index.handed_on(theirs)
    assert "SHELL" not in handed
    fresh = {"HOME": "/scratch", "XDG_CACHE_HOME": "/scratch", "PATH": "/bin", **handed}
    assert index.operator(fresh) == index.operator(theirs)
    who = index.operator(fresh)
    assert (who.home, who.path, who.network) == (
        tmp_path,
        "/srv/bin",
        {"https_proxy": "http://proxy.example"},
    )
    assert who.cache.is_relative_to(tmp_path)


def test_places_that_are_named_count(tmp_path: Path) -> None:
    who = index.operator({"HOME": "/x", "XDG_CACHE_HOME": str(tmp_path), "XDG_CONFIG_HOME": "/conf"})
    assert who.cache == tmp_path
    assert who.configuration == {"HOME": "/x", "XDG_CONFIG_HOME": "/conf"}


def test_on_another_system_the_cache_is_where_it_is_usual_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    assert index.operator({"HOME": "/Users/me"}).cache == Path("/Users/me/Library/Caches")


@pytest.fixture
def run(tmp_path: Path) -> Iterator[GateRun]:
    made = gate_run(write(tmp_path / "project", {"app.py": ""}), LintGate(), scratch=tmp_path / "scratch")
    yield made
    made.close()


def installer(run: GateRun, **settings: str) -> Installer:
    who = index.operator({"HOME": str(run.scratch), "PATH": ""})
    return Installer(run=run, who=who, settings=Index(settings=settings), folder=run.scratch, log=[])


def test_without_an_index_a_folder_answers_that_holds_anything(run: GateRun) -> None:
    wheels, empty = run.scratch / "wheels", run.scratch / "empty"
    write(wheels, {"x.whl": ""})
    empty.mkdir()
    named = {"no_index": "1"}
    settings = {name.replace("_", "-"): value for name, value in named.items()}
    for place, has in ((wheels, True), (f"file://{wheels}", True), (empty, False), ("/absent", False)):
        found = installer(run, **settings, **{"find-links": str(place)})
        assert found.answers(run.interpreter, ["pip"], ()) is has
    off = installer(run)
    assert off.answers(run.interpreter, ["pip"], ("--no-index", "--find-links", str(wheels)))


def test_a_lock_of_uv_needs_uv(run: GateRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", str(run.scratch / "python"))
    with pytest.raises(GateError, match="tool-missing"):
        installer(run).uv("sync", cwd=run.root, extra={}, seconds=1)


def test_a_configuration_that_pip_cannot_read_is_an_error(run: GateRun) -> None:
    write(run.root, {"pip.conf": "[global\n"})
    who = index.operator({"HOME": str(run.scratch), "PIP_CONFIG_FILE": str(run.root / "pip.conf")})
    with pytest.raises(GateError, match="pip config list: exit code"):
        Installer.of(run, who, run.scratch / "install")
