"""A worker that speaks the protocol and measures nothing: its figures and its faults stand in a file.

A program of its own: `python -I -S fake_worker.py SCRIPT`. The script is JSON, see `script` in duets.py.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path


class FakeWorker:
    """What the script says, said."""

    def __init__(self, script: dict[str, object], reading: int, writing: int) -> None:
        self.script = script
        self.lines = os.fdopen(reading, "r")
        self.writing = writing
        seed = os.environ["PYTHONHASHSEED"]
        self.random = random.Random(f"{seed}{script['factor']}")
        self.used = 0
        self.benchmark = ""

    def say(self, step: str, **message: object) -> None:
        """Say a line, or do what the script has for this step instead."""
        log = self.script["log"]
        if log:
            with Path(str(log)).open("a") as stream:
                stream.write(f"{self.script['side']} {step} {self.benchmark}\n")
        faults = self.script["faults"]
        assert isinstance(faults, dict)
        fault = faults.get(step, "")
        if fault:
            message = getattr(self, fault)(message)
        os.write(self.writing, json.dumps(message).encode() + b"\n")

    def killed(self, _message: object) -> dict[str, object]:
        """End without a word; a child lives on that holds the pipe."""
        child = subprocess.Popen(["/bin/sleep", "600"], pass_fds=(self.writing,), start_new_session=True)
        Path(f"{child.pid}.pid").touch()
        os.kill(os.getpid(), signal.SIGKILL)
        return {}

    def hangs(self, _message: object) -> dict[str, object]:
        """Be silent."""
        signal.pause()
        return {}

    def babbles(self, message: dict[str, object]) -> dict[str, object]:
        """Write what is no message."""
        print("last words", flush=True)
        os.write(self.writing, b"no message\n")
        return message

    def chatters(self, _message: object) -> dict[str, object]:
        """Write a long log and end."""
        print("\n".join(f"line {number}" for number in range(100)), flush=True)
        os._exit(1)

    def floods(self, message: dict[str, object]) -> dict[str, object]:
        """Write more to its log than anybody reads, and go on."""
        sys.stdout.write("x" * 100_000)
        sys.stdout.flush()
        signal.pause()
        return message

    def confuses(self, message: dict[str, object]) -> dict[str, object]:
        """Speak of another benchmark."""
        return {
            key: "tests/test_other.py::test" if key in {"ready", "done"} else value
            for key, value in message.items()
        }

    def ends(self, _message: object) -> dict[str, object]:
        """End early."""
        print("I had enough", flush=True)
        os._exit(0)

    def interrupts(self, _message: object) -> dict[str, object]:
        """Say something whose turn it is not."""
        return {"bye": True}

    def repeats_not(self, message: dict[str, object]) -> dict[str, object]:
        """Raise when called again."""
        error = {"type": "ValueError", "message": "the target is not repeatable, give `setup=`"}
        return {
            "done": self.benchmark,
            "outcome": "failed",
            "phase": "call",
            "measured": True,
            "repeat": True,
            "error": error,
        }

    def order(self) -> dict[str, object]:
        """Return what the parent wants."""
        told = json.loads(self.lines.readline())
        assert isinstance(told, dict)
        return told

    def serve(self) -> None:
        """Live a worker's life."""
        Path(f"{os.getpid()}.pid").touch()
        cpu = os.environ["FAILHARD_CPU"]
        if cpu:
            os.sched_setaffinity(0, {int(cpu)})
        about = {"pid": os.getpid(), "affinity": sorted(os.sched_getaffinity(0)), "adj": True}
        self.say("hello", hello={**about, **self.table("hello")})
        ids = self.script["ids"]
        assert isinstance(ids, list)
        entries = [
            {"id": each, "path": each.partition("::")[0], **self.table("markers").get(each, {})}
            for each in ids
        ]
        self.say("collected", collected=entries, errors=self.script["errors"])
        order = self.order()
        for self.benchmark in order.get("run", []):
            self.run()
        for self.benchmark in order.get("count", []):
            self.count()
        self.say("proof", proof={"side": self.script["side"], "order": order})
        self.say("bye", bye=True)

    def table(self, name: str) -> dict[str, dict[str, object]]:
        """Return a table of the script."""
        found = self.script[name]
        assert isinstance(found, dict)
        return found

    def run(self) -> None:
        """Serve a benchmark until it is stopped."""
        over = {
            "outcome": "passed",
            "phase": "call",
            "measured": True,
            "peak_rss": 1000,
            **self.table("ends").get(self.benchmark, {}),
        }
        if not over["measured"]:
            self.say("done", done=self.benchmark, **over)
            return
        self.say(
            "ready",
            ready=self.benchmark,
            mode="call",
            calls=self.script["calls"],
            call_ns=self.script["call_ns"],
        )
        while "go" in (order := self.order()):
            if self.table("faults").get("batch") == "repeats_not":
                self.say("batch")
                return
            self.say("batch", batch=self.batch(order))
        self.say("done", done=self.benchmark, **over)

    def batch(self, order: dict[str, object]) -> dict[str, object]:
        """Return what a batch is said to have taken."""
        calls, call, factor = order["go"], self.script["call_ns"], self.script["factor"]
        assert isinstance(calls, int)
        assert isinstance(call, int)
        assert isinstance(factor, float)
        noise = self.script["noise"]
        growth = self.script["growth"]
        assert isinstance(noise, float)
        assert isinstance(growth, float)
        cpu = int(calls * call * factor * self.random.lognormvariate(0, noise) * (1 + growth * self.used))
        wait = int(self.table("waits").get(self.benchmark, {}).get("ns", 0)) * calls
        self.used += 1
        inject = order.get("inject") or {}
        assert isinstance(inject, dict)
        cpu += int(cpu * inject.get("cpu", 0))
        wall = cpu + wait
        wall += int(wall * inject.get("wall", 0))
        adj = wall if self.script["adj"] else None
        return {"wall": wall, "cpu": cpu, "children": 0, "delay": 0, "adj": adj}

    def count(self) -> None:
        """Serve a benchmark in a counting pass."""
        over = {"outcome": "passed", "phase": "call", **self.table("ends").get(self.benchmark, {})}
        if over["outcome"] == "passed":
            self.say(
                "counted", counted=self.benchmark, memory=1000, functions={"app/core.py::parse": 1}, sql=2
            )
        self.say("done", done=self.benchmark, **over)


if __name__ == "__main__":
    pipes = [int(number) for number in os.environ["FAILHARD_SERVE"].split(",")]
    FakeWorker(json.loads(Path(sys.argv[1]).read_text()), *pipes).serve()
