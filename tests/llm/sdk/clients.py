"""Runs calls where their SDK is installed: in this process, or in a child that answers line by line."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import IO

from tests.llm.sdk.calls import perform, variables
from tests.llm.sdk.job import Job, Outcome

ROOT = Path(__file__).resolve().parents[3]
OPENAI2 = Path(sys.prefix) / "openai2" / "bin" / "python"
OTHERS = frozenset({"openai-2", "litellm", "langchain-openai"})
"""What stands on openai 2, in the environment beside the suite's."""


class MissingEnvironmentError(Exception):
    """The second environment is not there; the message says how to make it."""


class Child:
    """A process that makes calls until it is told to end, or does not come back from one."""

    def __init__(self, python: Path, log: Path, path: Sequence[Path]) -> None:
        self._command = (str(python), "-m", "tests.llm.sdk.calls")
        self._log = log
        self._path = os.pathsep.join(map(str, path))
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._errors = self._log.open("ab")
            kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                bufsize=0,
                env={**kept, "HOME": str(self._log.parent), "PYTHONPATH": self._path},
            )
        return self._process

    def perform(self, job: Job, seconds: float) -> Outcome | None:
        """Make a call; None, and no process any more, where it has not come back in time."""
        process = self._running()
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the child has no pipes")
        process.stdin.write(json.dumps(asdict(job)).encode() + b"\n")
        ready, _, _ = select.select([process.stdout], [], [], seconds)
        if not ready:
            process.kill()
            self.close()
            return None
        fields = json.loads(process.stdout.readline())
        return Outcome(**{**fields, "chain": tuple(fields["chain"])})

    def close(self) -> None:
        """End the process, if there is one."""
        if self._process is not None:
            for pipe in (self._process.stdin, self._process.stdout, self._errors):
                if pipe is not None:
                    pipe.close()
            self._process.wait()
            self._process = self._errors = None


class Clients:
    """All SDKs, wherever they are."""

    def __init__(self, folder: Path, path: Sequence[Path] = ()) -> None:
        self._threads = ThreadPoolExecutor(thread_name_prefix="sdk")
        self._here = Child(Path(sys.executable), folder / "sdks.log", path)
        self._openai2 = Child(OPENAI2, folder / "openai2.log", path)

    def perform(self, job: Job, seconds: float, *, apart: bool = False) -> Outcome | None:
        """Make a call; None where it has not come back in time.

        One that would then go on for minutes is made `apart`, in a process that can be ended.
        """
        if job.sdk in OTHERS:
            if not OPENAI2.exists():
                raise MissingEnvironmentError(f"{OPENAI2} is missing: run `make environment`")
            return self._openai2.perform(job, seconds)
        if apart:
            return self._here.perform(job, seconds)
        with variables(job):
            future = self._threads.submit(perform, job)
            try:
                return future.result(seconds)
            except TimeoutError:
                return None

    def close(self) -> None:
        """End all processes and threads."""
        self._here.close()
        self._openai2.close()
        self._threads.shutdown()


