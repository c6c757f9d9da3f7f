"""A long-running process as a gate sees it: output in files, limits of time and size, an end that holds."""

from __future__ import annotations

import secrets
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pytest_failhard import proc
from pytest_failhard.model import GateError


class Started:
    """A process of a gate, the concrete `model.Process`. `remaining` tells the seconds the gate has left."""

    def __init__(
        self, child: proc.Child, stdout: Path, stderr: Path, remaining: Callable[[], float], cap: int
    ) -> None:
        self._child = child
        self._stdout = stdout
        self._stderr = stderr
        self._remaining = remaining
        self._cap = cap
        self._name = Path(child.argv[0]).name

    @property
    def pid(self) -> int:
        """The process id."""
        return self._child.pid

    @property
    def stdout(self) -> str:
        """What it has written to standard output so far."""
        return self._text(self._stdout)

    @property
    def stderr(self) -> str:
        """What it has written to standard error so far."""
        return self._text(self._stderr)

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal, or None while it runs.

        Raises GateError where it wrote more than is read.
        """
        if self._too_much():
            raise GateError(f"{self._name}: more than {self._cap} bytes of output")
        return self._child.poll()

    def family(self) -> tuple[int, ...]:
        """Return the ids of what lives of it and of all that it started, itself first."""
        return self._child.alive()

    def wait(self, timeout: float) -> int | None:
        """Return the exit code, or None after `timeout` seconds.

        Raises GateError where the gate's time is over, or the process wrote more than is read.
        """
        left = self._remaining()
        code = self._child.wait(min(timeout, left), until=self._too_much)
        if self._too_much():
            raise GateError(f"{self._name}: more than {self._cap} bytes of output")
        if code is None and timeout >= left:
            raise GateError(f"{self._name}: still running when the gate's time was over")
        return code

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Send a signal to the process alone, as whoever operates it does; one that has ended gets none."""
        self._child.send_signal(number)

    def kill(self) -> None:
        """End it and all that it started; raises GateError where something survives."""
        survivors = self._child.kill_tree()
        if survivors:
            raise GateError(f"{self._name}: processes {survivors} could not be ended; end them by hand")

    def _too_much(self) -> bool:
        return max(self._stdout.stat().st_size, self._stderr.stat().st_size) > self._cap

    def _text(self, path: Path) -> str:
        with path.open("rb") as stream:
            return stream.read(self._cap).decode("utf-8", "replace")


def start(
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    cwd: Path,
    output: Path,
    remaining: Callable[[], float],
    cap: int = proc.OUTPUT_CAP_BYTES,
    pass_fds: Sequence[int] = (),
    kept: bool = False,
    begun: Callable[[proc.Child], None] = lambda _child: None,
) -> Started:
    """Start a process whose output goes to `<output>.stdout` and `.stderr`; raises GateError.

    `begun` is given the process as soon as it runs.
    Nothing is added to its environment but a variable of a random name: what is judged must not see that.
    """
    stdout, stderr = (output.with_name(f"{output.name}.{stream}") for stream in ("stdout", "stderr"))
    child = proc.Child(
        argv,
        cwd=cwd,
        environment=environment,
        stdout=stdout,
        stderr=stderr,
        pass_fds=pass_fds,
        tag=f"S{secrets.token_hex(4).upper()}",
        kept=kept,
    )
    begun(child)
    return Started(child, stdout, stderr, remaining, cap)
