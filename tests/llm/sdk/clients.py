"""Runs calls where their SDK is installed: in this process, or in a child that answers line by line."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import IO

from tests.llm.sdk.calls import THREADS, perform, prepare
from tests.llm.sdk.job import Job, Outcome

ROOT = Path(__file__).resolve().parents[3]
OPENAI2 = Path(sys.prefix) / "openai2" / "bin" / "python"
OTHERS = frozenset({"openai-2", "litellm", "langchain-openai"})
"""What stands on openai 2, in the environment beside the suite's."""
LEAKING = frozenset({"urllib"})
"""What leaves a socket open after a time-out: made apart, where nobody is warned of it."""
COLLECTED = frozenset({"google-genai"})
"""What, when it is collected in a thread with an event loop, starts a task there: our server's thread has one."""


class ClientsError(Exception):
    """A call cannot be made; the message says what is missing, or what the child did."""


class Child:
    """A process that makes calls. It is killed in the end: some calls would go on for an hour."""

    def __init__(self, python: Path, log: Path, environment: Mapping[str, str]) -> None:
        self._log = log
        self._calls: dict[int, Future[Outcome]] = {}
        self._errors = log.open("wb")
        self._process = subprocess.Popen(
            (str(python), "-m", "tests.llm.sdk.calls"),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, name=log.stem)
        self._reader.start()

    @staticmethod
    def _pipe(pipe: IO[str] | None) -> IO[str]:
        if pipe is None:
            raise ClientsError("the child was started without pipes")
        return pipe

    def submit(self, job: Job) -> Future[Outcome]:
        """Begin a call."""
        future: Future[Outcome] = Future()
        number = len(self._calls)
        self._calls[number] = future
        stdin = self._pipe(self._process.stdin)
        stdin.write(json.dumps([number, asdict(job)]) + "\n")
        stdin.flush()
        return future

    def _read(self) -> None:
        for line in self._pipe(self._process.stdout):
            number, fields, egress = json.loads(line)
            if egress:
                self._calls[number].set_exception(ClientsError(f"the call tried to reach {egress}"))
            else:
                self._calls[number].set_result(Outcome(**{**fields, "chain": tuple(fields["chain"])}))
        for future in self._calls.values():
            if not future.done():
                future.set_exception(ClientsError(f"the child has ended: see {self._log}"))

    def close(self) -> None:
        """End the process, whatever it is doing."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        self._pipe(self._process.stdin).close()
        self._pipe(self._process.stdout).close()
        self._errors.close()


def _perform_here(job: Job) -> Outcome:
    """Make the call; collect at once what goes wrong when another thread collects it."""
    outcome = perform(job)
    if job.sdk in COLLECTED:
        gc.collect()
    return outcome


class Clients:
    """All SDKs, wherever they are; a child is started when it is first needed."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        self._environment = {**kept, **environment}
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="sdk")
        self._children: dict[Path, Child] = {}

    def submit(self, job: Job, *, apart: bool = False) -> Future[Outcome]:
        """Begin a call; one that would go on for minutes must be made `apart`, in a process that is killed."""
        if job.sdk in OTHERS:
            return self._child(OPENAI2).submit(job)
        if apart or job.sdk in LEAKING:
            return self._child(Path(sys.executable)).submit(job)
        prepare(job.sdk)
        return self._threads.submit(_perform_here, job)

    def _child(self, python: Path) -> Child:
        if not python.exists():
            raise ClientsError(f"{python} is missing: run `make environment`")
        if python not in self._children:
            log = self._folder / f"child{len(self._children)}.log"
            self._children[python] = Child(python, log, self._environment)
        return self._children[python]

    def close(self) -> None:
        """End all processes and threads."""
        for child in self._children.values():
            child.close()
        self._threads.shutdown()
