"""Has SIGTERM end a run as Ctrl-C does: with the part of the report that is there."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType


class Interrupted(BaseException):
    """SIGINT or SIGTERM arrived. No handler of ordinary exceptions must swallow it."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number
        self.command = ""
        """The line that goes on where the run was interrupted; empty where nothing is kept."""


class Stopping:
    """Turns SIGTERM into KeyboardInterrupt while a run lasts, unless somebody else listens to it already.

    `by` names the signal once it has come. What is forked from us ends by the signal as it would without us.
    """

    def __init__(self) -> None:
        self.by = ""
        self._listens = False
        # Not on Windows, where nothing is forked.
        getattr(os, "register_at_fork", lambda **_: None)(after_in_child=self.end)

    def listen(self) -> None:
        """Begin; only the main thread may set handlers, and in another one nothing happens."""
        alone = signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        if alone and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._arrived)
            self._listens = True

    def end(self) -> None:
        """Put back what was there; a handler that took our place stays."""
        if self._listens and signal.getsignal(signal.SIGTERM) == self._arrived:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        self._listens = False

    def _arrived(self, number: int, frame: FrameType | None) -> None:
        del frame
        self.end()
        self.by = signal.Signals(number).name
        raise KeyboardInterrupt(self.by)
