"""Starts one program, adopts all that comes of it, and ends it all when whoever started us is gone.

A program of its own, `python -I -S keeper.py ORDERS REPORTS RECORD PASSED LOCALE PROGRAM ARGUMENT...`. The
first three are descriptors, PASSED those of the program, with commas between. ORDERS is the end of a pipe
whose other end only our starter holds: each byte is a signal for the program, its end (an order, or our
starter's death by whatever signal) ends everything. What is below us goes to RECORD, for the case that both
of us are killed. LOCALE is `=` and the program's LC_CTYPE, or empty where it has none: what our own
environment says is Python's choice.

A process of our own, because the "parent death" signals of Linux mean the death of the thread that forked,
and gates are threads.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time

SET_CHILD_SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER of <linux/prctl.h>: orphans below us become our children, not those of init."""
SWEEP_SECONDS = 5.0
"""So long what forks faster than it is killed is fought; what then lives is named."""
PAUSE_SECONDS = 0.002
FIRST_LOOK_SECONDS, LAST_LOOK_SECONDS = 0.05, 1.0
"""How often what is below us is written down: often at first, when systems start their workers."""
PROC = "/proc"
STATE, PARENT, THREADS, START = 0, 1, 17, 19
"""Positions in /proc/<pid>/stat behind the name of the program, see proc(5)."""
DEAD = frozenset({b"Z", b"X"})


def look(pid: int) -> tuple[int, int] | None:
    """Return the parent of a live process and when it started (clock ticks since boot), None for the dead."""
    try:
        descriptor = os.open(f"{PROC}/{pid}/stat", os.O_RDONLY)
        try:
            fields = os.read(descriptor, 4096).rpartition(b")")[2].split()
        finally:
            os.close(descriptor)
    except OSError:
        return None
    # Without its first thread a process looks dead, and the other threads live on.
    if not fields or (fields[STATE] in DEAD and int(fields[THREADS]) <= 1):
        return None
    return int(fields[PARENT]), int(fields[START])


def below(pid: int) -> dict[int, int]:
    """Return the live descendants of a process and when each started; none without /proc."""
    if not os.access(PROC, os.R_OK):
        return {}
    with os.scandir(PROC) as entries:
        pids = [int(entry.name) for entry in entries if entry.name.isdecimal()]
    seen = {each: found for each in pids if (found := look(each)) is not None}
    children: dict[int, list[int]] = {}
    for each, (parent, _) in seen.items():
        children.setdefault(parent, []).append(each)
    mine: dict[int, int] = {}
    waiting = children.get(pid, [])
    while waiting:
        each = waiting.pop()
        # A process id that changed hands while we looked could lead in a circle.
        if each not in mine:
            mine[each] = seen[each][1]
            waiting += children.get(each, [])
    return mine


class Keeper:
    """The program, and what its starter is told of it."""

    def __init__(self, orders: int, reports: int, record: int) -> None:
        self.orders = orders
        self.reports = reports
        self.record = record
        self.pid = 0
        self.code: int | None = None
        self.over = False
        self.written: dict[int, int] = {}

    def start(self, argv: list[str], environment: dict[str, str]) -> bool:
        """Start the program in a session of its own; say its id, or the number of the error."""
        try:
            self.pid = os.posix_spawnp(
                argv[0],
                argv,
                environment,
                setsid=True,
                setsigmask=(),
                # Python ignores these, and what is ignored stays so in a program that is started.
                setsigdef=(signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGQUIT),
            )
        except OSError as error:
            self.say(f"failed {error.errno}")
            return False
        self.say(f"started {self.pid}")
        return True

    def say(self, text: str) -> None:
        """Write a line to our starter, who may be dead."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self.reports, text.encode() + b"\n")

    def reap(self) -> None:
        """Take the status of every child that has ended: the program's is told, an orphan's is nobody's."""
        # All our children are the program and orphans, so no status is taken from whoever waits for it.
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == self.pid and self.code is None:
                    self.code = os.waitstatus_to_exitcode(ended[1])
                    self.say(f"ended {self.code}")

    def obey(self) -> None:
        """Pass signals on to the program until the end of the orders."""
        given = os.read(self.orders, 64)
        self.over = self.over or not given
        for number in given:
            # Not reaped yet, so the id is still its own.
            if self.code is None:
                with contextlib.suppress(OSError):
                    os.kill(self.pid, number)

    def note(self) -> None:
        """Write down who is below us, where that has changed."""
        found = below(os.getpid())
        if found != self.written:
            self.written = found
            # Lines of one length: a death between the next two steps leaves whole ones, old and new.
            text = "".join(f"{pid:>10} {start:>20}\n" for pid, start in sorted(found.items()))
            os.pwrite(self.record, text.encode(), 0)
            os.ftruncate(self.record, len(text))

    def watch(self, woken: int) -> None:
        """Serve until the orders end."""
        poll = select.poll()
        poll.register(self.orders, select.POLLIN | select.POLLHUP)
        poll.register(woken, select.POLLIN)
        pause = FIRST_LOOK_SECONDS
        while not self.over:
            events = dict(poll.poll(pause * 1000))
            if woken in events:
                os.read(woken, 4096)
                self.reap()
            if self.orders in events:
                self.obey()
            else:
                self.note()
            pause = FIRST_LOOK_SECONDS if events else min(pause * 2, LAST_LOOK_SECONDS)

    def sweep(self) -> None:
        """Kill what is below us until nothing is, two looks in a row; name what does not die."""
        deadline = time.monotonic() + SWEEP_SECONDS
        empty = 0
        if sys.platform != "linux":  # no orphan comes to us there: its session is all that is known
            with contextlib.suppress(OSError):
                os.killpg(self.pid, signal.SIGKILL)
        found = below(os.getpid())
        while empty < 2 and time.monotonic() < deadline:
            for pid, start in found.items():
                # Looked at again, so that a stranger with a reused id is never hit.
                if (still := look(pid)) is not None and still[1] == start:
                    with contextlib.suppress(OSError):
                        os.kill(pid, signal.SIGKILL)
            if found:
                time.sleep(PAUSE_SECONDS)
            empty = 0 if found else empty + 1
            self.reap()
            found = below(os.getpid())
        self.reap()
        if found:
            self.say("left " + " ".join(map(str, sorted(found))))


def adopt() -> None:
    """Become the parent of every orphan below us, where the system can do that."""
    if sys.platform == "linux":
        import ctypes  # who imports this module for a look at processes does without

        ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def listen(keeper: Keeper) -> int:
    """Take the signals that tell us to end; return what becomes readable at one, or when a child ends."""

    def end(*_: object) -> None:
        keeper.over = True

    woken, waking = os.pipe()
    os.set_blocking(waking, False)
    signal.set_wakeup_fd(waking, warn_on_full_buffer=False)
    # Handlers, because what is ignored would stay so in the program.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, end)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return woken


def main(arguments: list[str]) -> None:
    """Keep the program that the arguments name."""
    orders, reports, record = map(int, arguments[:3])
    passed = [int(number) for number in arguments[3].split(",") if number]
    environment = {name: value for name, value in os.environ.items() if name != "LC_CTYPE"}
    if arguments[4]:
        environment["LC_CTYPE"] = arguments[4][1:]
    for descriptor in (orders, reports, record):
        os.set_inheritable(descriptor, False)
    keeper = Keeper(orders, reports, record)
    woken = listen(keeper)
    adopt()
    if keeper.start(arguments[5:], environment):
        # Whoever waits for their end waits for the program's, not for ours.
        for descriptor in (0, *passed):
            os.close(descriptor)
        keeper.watch(woken)
        keeper.sweep()


if __name__ == "__main__":
    main(sys.argv[1:])
