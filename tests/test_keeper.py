"""Tests that nothing of a kept process survives, however it or we end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pytest_failhard import leftovers, proc
from tests.trees import TREES, await_true, command, grown, left

ENDINGS = {
    "SIGINT": signal.SIGINT,
    "SIGTERM": signal.SIGTERM,
    "SIGKILL": signal.SIGKILL,
}
STARTER = """
import os, signal, sys, threading
from pathlib import Path
from pytest_failhard import proc
here = Path(sys.argv[1])
def stop(*_):
    proc.stop_all(refuse_more=True)
    os._exit(1)
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, stop)
def start():
    for number, folder in enumerate(sorted((here / "trees").iterdir())):
        argv = (folder / "command").read_text().split(chr(0))
        proc.Child(argv, cwd=here, environment={"PATH": "/usr/bin:/bin"}, stdout=here / f"out{number}", stderr=here / f"err{number}", kept=True)
# As gates do it: from a thread that ends before the systems do.
thread = threading.Thread(target=start)
thread.start()
thread.join()
(here / "ready").touch()
threading.Event().wait(600)
"""


@pytest.fixture(autouse=True)
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Records of this test alone."""
    place = tmp_path / "running"
    monkeypatch.setenv(leftovers.FOLDER, str(place))
    return place


@pytest.fixture
def children() -> Iterator[list[proc.Child]]:
    started: list[proc.Child] = []
    yield started
    for child in started:
        child.kill_tree()


def kept(tmp_path: Path, argv: list[str], **environment: str) -> proc.Child:
    return proc.Child(
        argv,
        cwd=tmp_path,
        environment={"PATH": "/usr/bin:/bin", **environment},
        stdout=tmp_path / "out",
        stderr=tmp_path / "err",
        kept=True,
    )


def python(code: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", code]


def keeper_of(child: proc.Child) -> int:
    return child._process.pid


@pytest.mark.parametrize("name", TREES)
def test_nothing_of_a_tree_survives_its_end(tmp_path: Path, running: Path, name: str) -> None:
    folder = tmp_path / "tree"
    folder.mkdir()
    child = kept(tmp_path, command(name, folder))
    processes = grown(folder)
    assert child.alive()[0] == child.pid
    assert {pid for pid, _ in processes} <= set(child.alive())
    assert child.kill_tree() == ()
    assert left(processes) == []
    assert (child.poll(), child.alive(), list(running.iterdir())) == (-9, (), [])


@pytest.mark.parametrize("ending", ENDINGS)
def test_nothing_of_any_tree_survives_our_own_end(tmp_path: Path, ending: str) -> None:
    starter, processes = begun(tmp_path)
    with starter:
        starter.send_signal(ENDINGS[ending])
        starter.wait()
    await_true(lambda: left(processes) == [], "nothing is left")


def begun(tmp_path: Path) -> tuple[subprocess.Popen[bytes], list[tuple[int, int]]]:
    """Start what starts all trees, and wait until they stand."""
    for name in TREES:
        folder = tmp_path / "trees" / name
        folder.mkdir(parents=True)
        (folder / "command").write_text("\0".join(command(name, tmp_path / "said" / name)))
        (tmp_path / "said" / name).mkdir(parents=True)
    starter = subprocess.Popen([sys.executable, "-c", STARTER, str(tmp_path)])
    processes = [each for name in TREES for each in grown(tmp_path / "said" / name)]
    await_true((tmp_path / "ready").exists, "all are started")
    return starter, processes


def test_the_next_start_ends_what_outlived_us_and_the_keepers(tmp_path: Path, running: Path) -> None:
    starter, processes = begun(tmp_path)
    assert leftovers.clean() == 0, "what has an owner is left alone"
    assert left(processes) == processes
    listed = {pid for pid, _ in processes}
    await_true(lambda: listed <= recorded(running), "all are written down")
    keepers = psutil.Process(starter.pid).children()
    assert len(keepers) == len(TREES)
    with starter:
        # Stopped first: none of them sees another one die.
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in (*(each.pid for each in keepers), starter.pid):
                os.kill(pid, number)
        starter.wait()
    assert {pid for pid, _ in left(processes)} >= {pid for pid, _ in processes}
    assert leftovers.clean() >= len(processes)
    assert left(processes) == []
    assert list(running.iterdir()) == []


def recorded(running: Path) -> set[int]:
    return {int(line.split()[0]) for path in running.iterdir() for line in path.read_text().splitlines()}
