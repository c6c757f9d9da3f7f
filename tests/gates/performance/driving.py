"""Drives a real worker over a folder, as the gate does: starts it, sends, expects."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support import measuring

SERVE = "pytest_failhard.gates.performance.serve"
"""The worker where it stands: what runs of it is measured with our tests. Elsewhere it is a copy."""
BENCHMARK = ("-p", "pytest_benchmark.plugin", "--benchmark-enable")
CODSPEED = ("-p", "pytest_codspeed.plugin")
SECONDS = 30.0
"""How long a worker may be silent."""
Message = dict[str, object]


class Driven:
    """A worker, and our ends of its pipes."""

    def __init__(self, process: subprocess.Popen[bytes], reading: int, writing: int, log: Path) -> None:
        self.process = process
        self._reading = os.fdopen(reading, "rb", buffering=0)
        self._writing = os.fdopen(writing, "wb", buffering=0)
        self._log = log
        self._data = b""

    @property
    def log(self) -> str:
        """What it wrote to stdout and stderr."""
        return self._log.read_text(encoding="utf-8")

    def send(self, **message: object) -> None:
        """Write a line."""
        self._writing.write(json.dumps(message).encode() + b"\n")

    def receive(self) -> Message | None:
        """Read a line, None at the end."""
        while b"\n" not in self._data:
            readable, _, _ = select.select([self._reading], [], [], SECONDS)
            assert readable, f"silent: {self.log}"
            more = self._reading.read(1 << 16)
            if not more:
                return None
            self._data += more
        line, _, self._data = self._data.partition(b"\n")
        message: Message = json.loads(line)
        return message

    def expect(self, kind: str) -> Message:
        """Read a line of this kind; return what it holds."""
        message = self.receive()
        assert message is not None, f"ended, no {kind}: {self.log}"
        assert kind in message, f"no {kind}: {message}: {self.log}"
        return message

    def about(self, kind: str) -> Message:
        """Read a line of this kind; return the object that it holds."""
        content = self.expect(kind)[kind]
        assert isinstance(content, dict)
        return content

    def collected(self) -> list[str]:
        """Read hello and collected, which must be without errors; return the ids."""
        self.expect("hello")
        message = self.expect("collected")
        assert message["errors"] == []
        found = message["collected"]
        assert isinstance(found, list)
        return [str(each["id"]) for each in found]

    def measure(self, *batches: int, inject: Mapping[str, float] | None = None) -> list[Message]:
        """Read ready, have batches of so many calls timed, stop; return what each took."""
        self.expect("ready")
        taken = []
        for calls in batches:
            self.send(go=calls, inject=inject)
            taken.append(self.about("batch"))
        self.send(stop=True)
        return taken

    def finish(self) -> Message:
        """Read proof and bye, wait for the end; return the proof."""
        proof = self.about("proof")
        assert self.expect("bye") == {"bye": True}
        assert self.receive() is None
        self.process.wait(SECONDS)
        return proof

    def deafen(self) -> None:
        """Close the pipe that is read, and go on writing."""
        self._reading.close()

    def leave(self) -> None:
        """Close the pipes: to the worker its parent is gone."""
        self._reading.close()
        self._writing.close()


@contextmanager
def worker(
    folder: Path,
    *options: str,
    files: Sequence[str] = (".",),
    product: Sequence[str] = ("app",),
    cpu: str = "",
    plugin: str = SERVE,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Driven]:
    """Start a worker over a folder, whose modules it can import, and end it."""
    log = folder.parent / f"{folder.name}.log"
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    to_worker, from_us = os.pipe()
    to_us, from_worker = os.pipe()
    arguments = ["-c", str(folder / "pytest.ini"), "--rootdir", str(folder), "-p", plugin]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                sys.executable,
                "-P",
                "-s",
                "-m",
                "pytest",
                *arguments,
                "-p",
                "no:cacheprovider",
                *options,
                *files,
            ],
            cwd=folder,
            env={
                **measuring(),
                "PATH": os.environ["PATH"],
                "PYTHONPATH": os.pathsep.join([str(folder), str(folder.parent)]),
                "PYTHONHASHSEED": "7",
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
                "FAILHARD_SERVE": f"{to_worker},{from_worker}",
                "FAILHARD_CPU": cpu,
                "FAILHARD_PRODUCT": json.dumps({"tree": str(folder), "packages": list(product)}),
                **(environment or {}),
            },
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=(to_worker, from_worker),
        )
    os.close(to_worker)
    os.close(from_worker)
    driven = Driven(process, to_us, from_us, log)
    try:
        yield driven
    finally:
        driven.leave()
        process.kill()
        process.wait()


def ended(driven: Driven) -> int:
    """Wait for the end of a worker and return its exit status."""
    return driven.process.wait(SECONDS)
