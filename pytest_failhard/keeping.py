"""Our end of a keeper: what it is started with, what it says of its program, how it is told to end all."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from collections.abc import Mapping, Sequence

from pytest_failhard import keeper
from pytest_failhard.leftovers import Record

PROGRAM = (sys.executable, "-I", "-S", keeper.__file__)
START_SECONDS = 30.0
END_SECONDS = keeper.SWEEP_SECONDS + 2.0
"""So long a keeper is waited for that was told to end: its own limit, and what a busy machine adds."""
REPORT_SECONDS = 0.5
"""So long after a program's end its keeper may take to say so."""
_LOST = "the process that was to watch over it ended at once"


class Keeping:
    """The pipes to a keeper. `started` must be called once it runs, or `close` where it does not."""

    def __init__(self, mark: str) -> None:
        self._record = Record.open(mark)
        self._reading, reports = os.pipe()
        orders, self._writing = os.pipe()
        self._lent: tuple[int, ...] = (orders, reports)
        self._lock = threading.RLock()  # a signal handler may interrupt its own holder
        self._buffer = b""
        self._ended = False
        self._code: int | None = None
        self._pid = 0
        self.left: tuple[int, ...] = ()
        """The processes that the keeper could not end."""

    @property
    def lent(self) -> tuple[int, ...]:
        """The descriptors that the keeper inherits."""
        return (*self._lent, self._record.descriptor)

    @property
    def reports(self) -> int:
        """The descriptor that what the keeper says is read from, -1 once all is given back."""
        return self._reading

    def command(
        self, argv: Sequence[str], environment: Mapping[str, str], passed: Sequence[int]
    ) -> list[str]:
        """Return the command that starts the keeper of a program with this environment and descriptors."""
        locale = f"={environment['LC_CTYPE']}" if "LC_CTYPE" in environment else ""
        return [*PROGRAM, *map(str, self.lent), ",".join(map(str, passed)), locale, *argv]

    def started(self) -> int:
        """Return the program's id; raises OSError where it could not be started."""
        self._return()
        while b"\n" not in self._buffer:
            poll = select.poll()
            poll.register(self._reading, select.POLLIN)
            if not poll.poll(START_SECONDS * 1000) or not self._read():
                raise OSError(_LOST)
        said, _, self._buffer = self._buffer.partition(b"\n")
        word, _, number = said.decode().partition(" ")
        os.set_blocking(self._reading, False)
        if word == "failed":
            raise OSError(int(number), os.strerror(int(number)))
        self._pid = int(number)
        return self._pid

    def poll(self) -> int | None:
        """Return the program's exit code, None while it runs; of one whose keeper was killed, that signal."""
        with self._lock:
            code = self._reported()
            if code is None and self._reading >= 0 and self._is_dead():
                # It is gone already, and its keeper is about to say how.
                select.select([self._reading], [], [], REPORT_SECONDS)
                code = self._reported()
            return code

    def _reported(self) -> int | None:
        while self._reading >= 0 and self._read():
            continue
        for line in self._lines():
            word, _, rest = line.partition(" ")
            if word == "ended":
                self._code = int(rest)
            else:
                self.left = tuple(map(int, rest.split()))
        # Never a success: who killed its keeper took the proof of its end away.
        return -signal.SIGKILL if self._code is None and self._ended else self._code

    def _is_dead(self) -> bool:
        return os.access(keeper.PROC, os.R_OK) and keeper.look(self._pid) is None

    def send_signal(self, number: int) -> None:
        """Have the keeper signal the program, which alone knows whether the id is still the program's."""
        with self._lock:
            if self._writing >= 0:
                try:
                    os.write(self._writing, bytes([number]))
                except BrokenPipeError:
                    self._ended = True

    def release(self) -> None:
        """Order the end of all that is below the keeper, and of itself."""
        with self._lock:
            if self._writing >= 0:
                os.close(self._writing)
                self._writing = -1

    def close(self) -> None:
        """Give everything back, after the keeper has ended."""
        self.release()
        self._return()  # else the reports would not end where no keeper was started
        self.poll()
        with self._lock:
            if self._reading >= 0:
                os.close(self._reading)
                self._reading = -1
        self._record.remove()

    def forget(self) -> None:
        """In the child of a fork: hold nothing, so that our parent's death is still seen."""
        for descriptor in (self._writing, self._reading, *self.lent):
            if descriptor >= 0:
                os.close(descriptor)

    def _return(self) -> None:
        for descriptor in self._lent:
            os.close(descriptor)
        self._lent = ()

    def _read(self) -> bool:
        """Read what was reported; tell whether there may be more."""
        try:
            data = os.read(self._reading, 4096)
        except BlockingIOError:
            return False
        self._buffer += data
        self._ended = self._ended or not data
        return bool(data)

    def _lines(self) -> list[str]:
        *whole, self._buffer = self._buffer.split(b"\n")
        return [line.decode() for line in whole]


def family(pid: int) -> tuple[int, ...]:
    """Return what lives below a keeper."""
    return tuple(keeper.below(pid))
