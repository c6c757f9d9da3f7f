"""SIGTERM ends a run in author mode as Ctrl-C does, and nobody else's way of ending is changed."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from pytest_failhard.stopping import Stopping


@pytest.fixture
def default() -> Iterator[None]:
    """Have the signal end the process, as it does for whoever sets no handler."""
    handler = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture
def stopping(default: None) -> Iterator[Stopping]:
    made = Stopping()
    made.listen()
    yield made
    made.end()


def test_the_signal_is_an_interrupt_with_its_name_and_the_next_one_is_final(stopping: Stopping) -> None:
    assert stopping.by == ""
    # What the interpreter does when the signal comes; real ones end whole runs in tests of those.
    handler = signal.getsignal(signal.SIGTERM)
    assert callable(handler)
    with pytest.raises(KeyboardInterrupt, match="SIGTERM"):
        handler(signal.SIGTERM, None)
    assert stopping.by == "SIGTERM"
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


FORKING = """
import os, signal
from pytest_failhard.stopping import Stopping
Stopping().listen()
reading, writing = os.pipe()
pid = os.fork()
if not pid:
    os.close(reading)
    signal.raise_signal(signal.SIGTERM)
    os.write(writing, b"survived")
_, status = os.waitpid(pid, 0)
os.close(writing)
print(os.waitstatus_to_exitcode(status), os.read(reading, 100))
print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
"""


def test_what_was_forked_ends_by_the_signal() -> None:
    argv = [sys.executable, "-c", FORKING]
    completed = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert completed.stdout == f"{-signal.SIGTERM} b''\nFalse\n", completed.stderr


def test_what_listens_already_stays(default: None) -> None:
    for other in (signal.SIG_IGN, signal.default_int_handler):
        signal.signal(signal.SIGTERM, other)
        stopping = Stopping()
        stopping.listen()
        assert signal.getsignal(signal.SIGTERM) is other
        stopping.end()
        assert signal.getsignal(signal.SIGTERM) is other


def test_what_took_the_place_stays_and_what_was_there_comes_back(default: None) -> None:
    stopping = Stopping()
    stopping.listen()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    stopping.end()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    stopping.listen()
    stopping.end()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_another_thread_sets_no_handler(default: None) -> None:
    stopping = Stopping()
    thread = threading.Thread(target=stopping.listen)
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
