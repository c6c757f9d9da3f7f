"""All that a gate may touch, made real: the one place where the tool contract is enforced."""

from __future__ import annotations

import hashlib
import importlib.metadata
import itertools
import json
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Protocol

from packaging.version import InvalidVersion, Version

from pytest_failhard import proc
from pytest_failhard.model import (
    MEMORY_MB,
    NO_VARIABLES,
    Base,
    Clarification,
    Completed,
    Evidence,
    GateError,
    Memory,
    Option,
    Process,
    ProjectFacts,
    Settings,
    TestRun,
    Tool,
)
from pytest_failhard.processes import Started, start
from pytest_failhard.resident import Resident

CRASH = re.compile(rb"Traceback \(most recent call last\)|panicked at|INTERNAL ERROR")
LOOPBACK = re.compile(rb"(http://127\.0\.0\.1:)\d+/[0-9a-f]{32}/")
"""An address of ours: its port and its secret are other ones in each run."""
CLOCK = re.compile(rb'("generated_at": )"[^"]*"')
LAST_LINES = 5
NO_FACTS = ProjectFacts(name="", version="", commit="", dirty=False)


class Keep(Protocol):
    """Stores bytes below `evidence/<gate>/`."""

    def __call__(
        self, name: str, data: bytes, *, volatile: bool = False, has_contacts: bool = False
    ) -> Evidence:
        """Return where and what the stored bytes are."""


@dataclass(frozen=True, kw_only=True)
class GateRun:
    """One gate's run, the concrete `model.Run`.

    `deadline` is a value of `time.monotonic()`; what is left until then is every tool's time-out.
    `executable` is the interpreter that tools run on, `packages` the folders where their distributions
    are looked up (by default those of this process).
    """

    gate: str
    root: Path
    level: int
    source: tuple[str, ...]
    test_roots: tuple[str, ...]
    interpreter: Path
    settings: Settings
    options: Mapping[str, Option]
    base: Base | None
    base_missing: str
    seed: int
    today: date
    scratch: Path
    keep: Keep
    deadline: float
    test_run: TestRun | None
    no_tests: str = ""
    """Why there are no records of a test run."""
    facts: ProjectFacts = NO_FACTS
    signing_key: Path | None = None
    committed: datetime | None = None
    clarifications: tuple[Clarification, ...] = ()
    perf_prove: bool = False
    memory: Memory = field(default_factory=Memory, compare=False)
    executable: Path = field(default_factory=lambda: Path(sys.executable))
    packages: tuple[str, ...] = field(default_factory=lambda: tuple(sys.path))
    output_cap: int = proc.OUTPUT_CAP_BYTES
    memory_mb: int = MEMORY_MB
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1), repr=False, compare=False)
    # Apart from tools: which gate starts the probe that several share differs, names of evidence must not.
    _processes: Iterator[int] = field(default_factory=lambda: itertools.count(1), repr=False, compare=False)
    _started: list[Started] = field(default_factory=list, repr=False, compare=False)
    _resident: Resident = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Bind the memory that its processes may hold."""
        object.__setattr__(self, "_resident", Resident(self.memory_mb))

    @property
    def tests(self) -> TestRun:
        """The records of the test run; raises GateError where there are none."""
        if self.test_run is None:
            raise GateError(
                self.no_tests or "there are no records of a test run: run the tests with this gate"
            )
        return self.test_run

    def recall(self) -> bytes | None:
        """Return what this gate remembered in an earlier run."""
        return self.memory.earlier

    def lent(self) -> bytes | None:
        """Return what another gate remembered in an earlier run."""
        return self.memory.lent

    def remember(self, data: bytes) -> None:
        """Leave bytes for a later run."""
        self.memory.left = data

    def tool(self, tool: Tool) -> str:
        """Return `name version`; raises GateError where it is absent or its version is not allowed."""
        install = f"python -m pip install '{tool.distribution}>={tool.lowest}'"
        found = next(
            iter(importlib.metadata.distributions(name=tool.distribution, path=list(self.packages))), None
        )
        if found is None:
            raise GateError(f"{tool.distribution} is not installed for {self.executable.name}: {install}")
        text = str(found.metadata["Version"])
        try:
            version = Version(text)
        except InvalidVersion:
            raise GateError(f"{tool.distribution} has the unreadable version {text!r}: {install}") from None
        if version < Version(tool.lowest):
            raise GateError(f"{tool.distribution} {version} is older than {tool.lowest}: {install}")
        if version in {Version(bad) for bad in tool.known_bad}:
            raise GateError(f"{tool.distribution} {version} is known to judge wrongly: {install}")
        return f"{tool.distribution} {version}"

    def python(
        self,
        module: str,
        *args: str,
        ok: frozenset[int] = frozenset({0}),
        found: frozenset[int] = frozenset(),
        cwd: Path | None = None,
        environment: Mapping[str, str] = NO_VARIABLES,
        volatile: bool = False,
        earlier: Completed | None = None,
    ) -> Completed:
        """Run `python -I -X utf8 -m module args` and keep its output as evidence.

        What a `volatile` tool writes differs between two runs. Where an `earlier` run of it is given, that
        one's output is kept in the same way, and nothing is started. Raises GateError for a timeout, a
        signal, an exit code outside `ok` and `found`, output over the cap, or a crash report on stderr.
        """
        name = f"{module}-{next(self._numbers)}"
        argv = [str(self.executable), "-I", "-X", "utf8", "-m", module, *args]
        left = self._time_for(module)
        try:
            completed = earlier or self._run(argv, left, cwd or self.scratch, environment)
        except proc.ProcError as error:
            self._keep(name, argv, {"error": str(error)}, volatile=volatile)
            message = str(error).replace(str(self.executable), "python")
            raise GateError(f"{message}; make it faster or raise the rule's timeout") from None
        self._keep(name, argv, {"exit_code": completed.returncode}, volatile=volatile)
        plain = [
            self.keep(f"{name}.{stream}", self._stable(data), volatile=volatile).sha256 == _sha256(data)
            for stream, data in (("stdout", completed.stdout), ("stderr", completed.stderr))
        ]
        problem = _problem(completed, ok | found)
        if problem:
            raise GateError(f"{module} {problem}; {_last_words(completed)}; see evidence {name}.stderr")
        return replace(completed, argv=tuple(argv), is_plain=all(plain))

    def remaining(self) -> float:
        """Return the seconds that the gate has left, 0 where its time is over."""
        return max(0.0, self.deadline - time.monotonic())

    def start(
        self,
        argv: Sequence[str],
        *,
        environment: Mapping[str, str],
        cwd: Path,
        pass_fds: Sequence[int] = (),
        kept: bool = False,
    ) -> Process:
        """Start a process in a session of its own; its output goes to files in the scratch folder.

        `environment` is complete: nothing is added but a variable of a random name, by which strays are
        found. One that is `kept` leaves nothing behind even where we are killed, and takes some milliseconds
        more to start. Raises GateError where it cannot be started or the gate's time is over.
        """
        self._time_for(Path(argv[0]).name)
        started = start(
            argv,
            environment=environment,
            cwd=cwd,
            output=self.scratch / f"process-{next(self._processes)}",
            remaining=self.remaining,
            cap=self.output_cap,
            pass_fds=pass_fds,
            kept=kept,
            begun=self._resident.add,
        )
        self._started.append(started)
        return started

    def close(self) -> None:
        """End every process that the gate started.

        Raises GateError where one survives, or where they held more memory than the rule allows.
        """
        for started in tuple(self._started):
            started.kill()
        self._resident.close()

    def _time_for(self, what: str) -> float:
        left = self.remaining()
        if not left:
            raise GateError(f"{what}: not started, because the gate {self.gate} has no time left")
        return left

    def _run(self, argv: list[str], timeout: float, cwd: Path, environment: Mapping[str, str]) -> Completed:
        with tempfile.TemporaryDirectory(prefix="failhard-", ignore_cleanup_errors=True) as folder:
            home, temporary = Path(folder, "home"), Path(folder, "tmp")
            home.mkdir()
            temporary.mkdir()
            completed = proc.run(
                argv,
                cwd=cwd,
                timeout=timeout,
                environment=proc.environment(home, temporary, extra=environment),
                output_cap=self.output_cap,
                begun=self._resident.add,
            )
        self._resident.require()
        return completed

    def _keep(self, name: str, argv: list[str], outcome: Mapping[str, int | str], *, volatile: bool) -> None:
        record = json.dumps({"argv": ["<python>", *argv[1:]], **outcome}, indent=1, sort_keys=True)
        self.keep(f"{name}.json", self._stable(record.encode() + b"\n"), volatile=volatile)

    def _stable(self, data: bytes) -> bytes:
        """Return bytes without our places and the clock: two runs on one commit keep equal evidence."""
        places = {self.scratch: "<scratch>", self.interpreter: "<interpreter>", self.root: "<root>"}
        for place, name in places.items():
            for written in (str(place), json.dumps(str(place))[1:-1]):  # as it is, and as JSON escapes it
                data = data.replace(written.encode(), name.encode())
        return LOOPBACK.sub(rb"\1<port>/<secret>/", CLOCK.sub(rb'\1"<clock>"', data))


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _problem(completed: Completed, allowed: frozenset[int]) -> str:
    code = completed.returncode
    if code < 0:
        return f"was killed by signal {-code}"
    crash = CRASH.search(completed.stderr)
    if crash is not None:
        return f"crashed ({crash.group().decode()}, exit code {code})"
    return "" if code in allowed else f"ended with exit code {code}, which means neither clean nor findings"


def _last_words(completed: Completed) -> str:
    # mypy says on stdout why it gave up.
    spoken = completed.stderr.strip() or completed.stdout.strip()
    lines = spoken.decode("utf-8", "replace").splitlines()[-LAST_LINES:]
    return "its last words: " + " / ".join(line[:300] for line in lines) if lines else "it wrote nothing"
