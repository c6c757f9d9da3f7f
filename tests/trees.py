"""Systems that are hard to end, tiny: each starts a process that listens, and says where."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

_LISTEN = """
import os, signal, socket, sys, time
sock = socket.socket()
sock.bind(("127.0.0.1", 0))
sock.listen()
def here(name):
    part = os.path.join(sys.argv[1], name + ".part")
    with open(part, "w") as file:
        file.write(f"{os.getpid()} {sock.getsockname()[1]}")
    os.rename(part, os.path.join(sys.argv[1], name))
"""
_DOUBLE = """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        {before}
        here("leaf")
        time.sleep(600)
    os._exit(0)
os.wait()
here("main")
time.sleep(600)
"""
_DEAF = "for number in (1, 2, 15): signal.signal(number, signal.SIG_IGN)\n"
# What is started anew, with an environment of its own, no longer carries any tag.
_CLEARED = "os.execve(sys.executable, [sys.executable, '-I', '-S', '-c', {code!r}, *sys.argv[1:]], {{}})"
_LEAF = f"{_LISTEN}{_DEAF}here('leaf')\ntime.sleep(600)"
_CHILD = f"{_LISTEN}here('leaf')\ntime.sleep(600)"
TREES = {
    "double fork": _LISTEN + _DOUBLE.format(before="pass"),
    "own session": _LISTEN
    + "if os.fork() == 0:\n    os.setsid()\n    here('leaf')\nelse:\n    here('main')\ntime.sleep(600)",
    "shell wrapper": "",
    "reloader": _LISTEN
    + f"""
import subprocess
here("main")
while True:
    subprocess.run([sys.executable, "-I", "-S", "-c", {_CHILD!r}, *sys.argv[1:]])
""",
    "deaf to TERM": _LISTEN
    + _DEAF
    + "if os.fork() == 0:\n    here('leaf')\nelse:\n    here('main')\ntime.sleep(600)",
    "environment cleared": _LISTEN + _DOUBLE.format(before=_CLEARED.format(code=_LEAF)),
}
"""Name and program; its first argument is the folder in which each process says its id and port."""


def command(name: str, folder: Path) -> list[str]:
    """Return the command that starts a tree."""
    python = [sys.executable, "-I", "-S", "-c"]
    if name == "shell wrapper":
        # Not the shell's last command, so that it does not become the program.
        return [
            "/bin/sh",
            "-c",
            '"$@"; :',
            "sh",
            *python,
            f"{_LISTEN}here('main')\nhere('leaf')\ntime.sleep(600)",
            str(folder),
        ]
    return [*python, TREES[name], str(folder)]


def await_true(condition: Callable[[], bool], what: str, seconds: float = 30) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.005)


def grown(folder: Path) -> list[tuple[int, int]]:
    """Return process ids and ports, as soon as the tree stands."""
    said = [folder / "main", folder / "leaf"]
    await_true(lambda: all(path.exists() for path in said), "the tree stands")
    return sorted({(int(pid), int(port)) for pid, port in (path.read_text().split() for path in said)})


def is_alive(pid: int) -> bool:
    """Tell whether a process lives; a zombie does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def is_held(port: int) -> bool:
    """Tell whether somebody listens on a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def left(processes: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return what still lives or holds its port."""
    return [(pid, port) for pid, port in processes if is_alive(pid) or is_held(port)]
