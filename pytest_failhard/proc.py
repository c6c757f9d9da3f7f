"""The only module that starts processes."""

from __future__ import annotations

import atexit
import contextlib
import os
import secrets
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import IO

import psutil

from pytest_failhard import gitless, sweep
from pytest_failhard.keeping import END_SECONDS, Keeping, family
from pytest_failhard.model import Completed, GateError
from pytest_failhard.sweep import kill_tree

__all__ = ["Child", "ProcError", "environment", "git", "kill_tree", "run", "stop_all"]

REAP_SECONDS = 2.0
FAILED_SECONDS = 0.5
"""So long a keeper without a program may take to end by itself."""
OUTPUT_CAP_BYTES = 64 * 1024 * 1024
NO_DESCRIPTOR = -1
NO_EXTRA: Mapping[str, str] = MappingProxyType({})


class ProcError(GateError):
    """A process could not be started, did not end in time, or wrote too much."""


class _State:
    """What this process has started. A fork begins with nothing of its own."""

    def __init__(self) -> None:
        self.identity = secrets.token_hex(8)
        self.live: set[Child] = set()
        self.lock = threading.RLock()  # reentrant: a signal handler may interrupt its own holder
        self.refuses = False


_state = _State()


def _forget() -> None:
    for child in tuple(_state.live):
        child.forget()
    _state.__init__()  # type: ignore[misc]  # the child of a fork owns none of its parent's processes


if os.name == "posix":
    os.register_at_fork(after_in_child=_forget)


class Child:
    """A process of ours that runs until it ends or `kill_tree` is called.

    Output goes to files, never to pipes: a surviving grandchild that holds a pipe would block us for
    ever. `stdin` is written to a pipe, which can be read only once; None closes it. `tag` names the
    variable by which its descendants are found. One that is `kept` has a keeper for its parent: all that
    comes of it ends with us, also where we are killed. Raises ProcError where it cannot be started.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        environment: Mapping[str, str],
        stdout: Path | IO[bytes],
        stderr: Path | IO[bytes],
        stdin: bytes | None = None,
        pass_fds: Sequence[int] = (),
        tag: str = sweep.TAG,
        kept: bool = False,
    ) -> None:
        self.argv = tuple(argv)
        self.seconds = 0.0
        self._mark = secrets.token_hex(8)
        self._began = time.monotonic()
        with contextlib.ExitStack() as opened, _state.lock:
            if _state.refuses:
                raise ProcError(f"{self.argv[0]}: not started, because the run is being stopped")
            self._keeping = Keeping(self._mark) if kept else None
            self._process, self._pid = self._start(
                cwd,
                self._tagged(environment, tag),
                (_sink(stdout, opened), _sink(stderr, opened)),
                stdin,
                pass_fds,
            )
            # Known before it is listed: another thread may end all that is listed at any moment.
            self._identity = sweep.find(self._pid)
            _state.live.add(self)
        if stdin is not None:
            threading.Thread(target=self._feed, args=(stdin,), daemon=True).start()

    def _tagged(self, environment: Mapping[str, str], tag: str) -> dict[str, str]:
        inherited = os.environ.get(sweep.TAG, "")
        return {**environment, tag: f"{inherited}/{_state.identity}/{self._mark}"}

    def _start(
        self,
        cwd: Path,
        environment: Mapping[str, str],
        sinks: tuple[IO[bytes], IO[bytes]],
        stdin: bytes | None,
        pass_fds: Sequence[int],
    ) -> tuple[subprocess.Popen[bytes], int]:
        keeping = self._keeping
        argv, lent = self.argv, tuple(pass_fds)
        if keeping is not None:
            argv, lent = tuple(keeping.command(argv, environment, pass_fds)), (*lent, *keeping.lent)
        try:
            process = subprocess.Popen(
                argv,
                cwd=cwd,
                env=environment,
                stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
                stdout=sinks[0],
                stderr=sinks[1],
                pass_fds=lent,
                start_new_session=True,
            )
            return process, process.pid if keeping is None else _kept(process, keeping, self._mark)
        except (OSError, ValueError) as error:
            if keeping is not None:
                keeping.close()
            raise ProcError(
                f"{self.argv[0]} cannot be started in {cwd.name}: {error}; check that both exist"
            ) from None

    def _feed(self, data: bytes) -> None:
        pipe = self._process.stdin
        if pipe is None:
            return
        with contextlib.suppress(BrokenPipeError), pipe:
            pipe.write(data)

    @property
    def pid(self) -> int:
        """The process id, which is also the id of its session and group."""
        return self._pid

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal, or None while it runs."""
        code = self._process.poll() if self._keeping is None else self._keeping.poll()
        if code is not None and not self.seconds:
            self.seconds = time.monotonic() - self._began
        return code

    def wait(self, timeout: float, *, until: Callable[[], bool] = lambda: False) -> int | None:
        """Return the exit code, or None after `timeout` seconds or as soon as `until()` is true."""
        deadline = time.monotonic() + timeout
        pause = 0.001
        with self._end() as descriptor:
            end = descriptor
            while (code := self.poll()) is None:
                left = deadline - time.monotonic()
                if left <= 0 or until():
                    return None
                if _is_readable(end, min(pause, left)):
                    # Told once, and for good: it takes a moment more until it can be reaped.
                    end = NO_DESCRIPTOR
                pause = min(pause * 2, 0.02)
        return code

    @contextlib.contextmanager
    def _end(self) -> Iterator[int]:
        """Yield a descriptor that can be read once the process has ended, where the system has one."""
        if self._keeping is not None:
            yield self._keeping.reports
            return
        with contextlib.ExitStack() as opened:
            descriptor = NO_DESCRIPTOR
            if sys.platform == "linux":
                with contextlib.suppress(OSError):
                    descriptor = os.pidfd_open(self._pid)
                    opened.callback(os.close, descriptor)
            yield descriptor

    def send_signal(self, number: int) -> None:
        """Send a signal to the process alone; one that has ended gets none."""
        (self._keeping or self._process).send_signal(number)

    def kill_tree(self) -> tuple[int, ...]:
        """End the process and all that it started; return the ids of those that survived (none, as a rule).

        Safe to call at any time and more than once, also after the process ended by itself.
        """
        self.release()
        if self._keeping is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(END_SECONDS)
        survivors = sweep.kill(self.family)
        # A process whose first thread is gone looks dead before its other threads are, and it can be reaped.
        self.wait(REAP_SECONDS)
        if self._keeping is not None:
            self._keeping.close()
        with _state.lock:
            _state.live.discard(self)
        return survivors

    def release(self) -> None:
        """Have a keeper end all that is below it, without waiting for that."""
        if self._keeping is not None:
            self._keeping.release()

    def forget(self) -> None:
        """In the child of a fork: hold nothing of it."""
        if self._keeping is not None:
            self._keeping.forget()

    def family(self) -> Iterator[psutil.Process]:
        """Return what lives of its session, whoever else carries its tag, and its keeper."""
        root = sweep.find(self.pid)
        # Our id cannot be given to a stranger while our session has members.
        ours = root is None or root == self._identity
        yield from sweep.members(self._mark, self.pid if ours else 0)
        if self._keeping is not None:
            pids = (() if self._process.poll() is not None else (self._process.pid,)) + self._keeping.left
            yield from filter(None, map(sweep.find, pids))

    def alive(self) -> tuple[int, ...]:
        """Return the ids of what lives of it and of all that it started, itself first."""
        if self._keeping is not None and sys.platform == "linux" and self._process.poll() is None:
            found = set(family(self._process.pid))
        else:
            found = {process.pid for process in sweep.snapshot(self.family)}
        if self._keeping is not None:
            found.discard(self._process.pid)
        return tuple(sorted(found, key=lambda pid: (pid != self.pid, pid)))


def _kept(process: subprocess.Popen[bytes], keeping: Keeping, mark: str) -> int:
    """Return the id of the program that the keeper has started; raises OSError where it has none."""
    try:
        return keeping.started()
    except OSError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(FAILED_SECONDS)
        process.kill()
        process.wait()
        sweep.kill(lambda: sweep.members(mark))
        raise


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    timeout: float,
    environment: Mapping[str, str],
    output_cap: int = OUTPUT_CAP_BYTES,
    begun: Callable[[Child], None] = lambda _child: None,
) -> Completed:
    """Run a process to its end and return its exit code, whichever it is, and its raw output.

    `begun` is given the process as soon as it runs.
    Raises ProcError where it cannot be started, does not end within `timeout` seconds, or writes more
    than `output_cap` bytes to a stream. Nothing that it started is alive afterwards.
    """
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:

        def too_much() -> bool:
            return max(os.fstat(stdout.fileno()).st_size, os.fstat(stderr.fileno()).st_size) > output_cap

        child = Child(argv, cwd=cwd, environment=environment, stdout=stdout, stderr=stderr)
        try:
            begun(child)
            code = child.wait(timeout, until=too_much)
        finally:
            survivors = child.kill_tree()
        if survivors:
            raise ProcError(f"{_named(argv)}: processes {survivors} could not be ended; end them by hand")
        if too_much():
            raise ProcError(f"{_named(argv)}: more than {output_cap} bytes of output; {_tail(stderr)}")
        if code is None:
            raise ProcError(
                f"{_named(argv)}: not finished after {timeout:.1f} seconds and killed; {_tail(stderr)}"
            )
        return Completed(
            argv=tuple(argv),
            returncode=code,
            stdout=_content(stdout),
            stderr=_content(stderr),
            seconds=child.seconds,
        )


def environment(home: Path, temporary: Path, *, extra: Mapping[str, str] = NO_EXTRA) -> dict[str, str]:
    """Return all that a tool's environment holds; `home` must be an empty folder."""
    fixed = {
        "PATH": os.defpath,
        "TMPDIR": str(temporary),
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "XDG_CACHE_HOME": str(home),
        "XDG_DATA_HOME": str(home),
        "XDG_STATE_HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "NO_COLOR": "1",
        "TZ": "UTC",
    }
    if "SYSTEMROOT" in os.environ:  # without it Windows starts nothing
        fixed["SYSTEMROOT"] = os.environ["SYSTEMROOT"]
    return {**fixed, **extra}


def git(root: Path, *args: str, timeout: float = 30, places: Mapping[str, str] = NO_EXTRA) -> Completed:
    """Run git in `root`; return any exit code. Nothing in the tree or its .git/config is executed.

    `places` are variables that say where the repository, the work tree and the index are. Raises ProcError
    where git is not installed. A repository that another user owns is git's own error
    unless the person who runs us declared it safe; that declaration, and nothing else, is honoured.
    """
    filters = _filters_off(root, timeout, places) if gitless.may_filter(args) else ()
    settings = (*gitless.SETTINGS, *filters)
    completed = _git(root, settings, args, timeout, places=places)
    if completed.returncode and b"dubious ownership" in completed.stderr:
        completed = _git(root, (*settings, *_declared_safe(root, timeout)), args, timeout, places=places)
    return completed


def _git(
    root: Path,
    settings: Sequence[str],
    args: Sequence[str],
    timeout: float,
    home: str = os.devnull,
    places: Mapping[str, str] = NO_EXTRA,
) -> Completed:
    program = shutil.which("git")
    if program is None or not Path(program).is_absolute():
        raise ProcError("git is not installed or not on PATH; install it")
    command, *rest = args
    options = [part for setting in settings for part in ("-c", setting)]
    argv = [program, "--no-pager", *options, command, *gitless.FLAGS.get(command, ()), *rest]
    extra = gitless.ENVIRONMENT if home == os.devnull else {}
    scrubbed = environment(Path(home), Path(tempfile.gettempdir()), extra={**extra, **places})
    return run(argv, cwd=root, timeout=timeout, environment=scrubbed)


def _filters_off(root: Path, timeout: float, places: Mapping[str, str]) -> list[str]:
    """Return settings that silence every content filter which the repository's configuration names."""
    listed = _git(root, (), ("config", "--list", "--name-only", "-z"), timeout, places=places)
    names = set(listed.stdout.decode("utf-8", "surrogateescape").split("\0"))
    filters = {name.rpartition(".")[0] for name in names if name.startswith("filter.")}
    if any("=" in name or "\n" in name for name in filters):
        raise ProcError(".git/config names a filter with `=` or a line break; rename it")
    values = ("clean=", "smudge=", "process=", "required=false")
    return [f"{name}.{value}" for name in sorted(filters) for value in values]


def _declared_safe(root: Path, timeout: float) -> list[str]:
    """Return what the person who runs us declared safe; the checked repository has no say in it."""
    home = os.environ.get("HOME", os.devnull)
    asked = [("config", scope, "--get-all", "safe.directory") for scope in ("--system", "--global")]
    listed = b"".join(_git(root, (), each, timeout, home=home).stdout for each in asked)
    return [f"safe.directory={name}" for name in listed.decode("utf-8", "replace").splitlines()]


def stop_all(*, refuse_more: bool = False) -> tuple[int, ...]:
    """End every process that we started and that still lives; return the ids of survivors.

    For signal handlers (with `refuse_more`, so that no other thread starts another one) and at exit.
    """
    _state.refuses = _state.refuses or refuse_more
    with _state.lock:
        children = tuple(_state.live)
    if not children and not refuse_more:
        return ()

    def everything() -> Iterator[psutil.Process]:
        yield from sweep.members(_state.identity)
        for child in children:  # one that has only just been started may not carry its tag yet
            yield from child.family()

    for child in children:  # all of them first: each of their keepers takes its time
        child.release()
    survivors = sweep.kill(everything)
    for child in children:
        child.kill_tree()
    return survivors


def _sink(target: Path | IO[bytes], opened: contextlib.ExitStack) -> IO[bytes]:
    return opened.enter_context(target.open("wb")) if isinstance(target, Path) else target


def _is_readable(descriptor: int, seconds: float) -> bool:
    """Wait at most so long until there is something to read, and tell whether there is."""
    if descriptor == NO_DESCRIPTOR:
        time.sleep(seconds)
        return False
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def _named(argv: Sequence[str]) -> str:
    return " ".join(argv[: argv.index("-m") + 2]) if "-m" in argv else argv[0]


def _content(stream: IO[bytes]) -> bytes:
    stream.seek(0)
    return stream.read()


def _tail(stream: IO[bytes]) -> str:
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - 400))
    lines = stream.read().decode("utf-8", "replace").strip().splitlines()[-3:]
    return "its last words: " + " / ".join(lines) if lines else "it wrote nothing to stderr"


atexit.register(stop_all)
