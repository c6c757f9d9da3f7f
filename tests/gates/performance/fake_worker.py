"""A worker that speaks the protocol and measures nothing: its figures and its faults stand in a file.

A program of its own: `python -I -S fake_worker.py SCRIPT`. The script is JSON, see `SCRIPT` in duets.py. It
imports little, because there are many starts.
"""

from __future__ import annotations

import json
import os
import signal
import sys


class Script:
    """What the file says."""

    side: str
    hello: dict[str, object]
    ids: list[str]
    errors: list[dict[str, str]]
    markers: dict[str, dict[str, object]]
    ends: dict[str, dict[str, object]]
    faults: dict[str, str]
    waits: dict[str, int]
    log: str
    traced: str
    place: list[int]
    calls: int
    call_ns: int
    factor: float
    noise: float
    growth: float

    def __init__(self, path: str) -> None:
        with open(path) as stream:  # noqa: PTH123 - pathlib takes as long to import as the rest
            self.__dict__.update(json.load(stream))


class Order:
    """What the parent wants."""

    def __init__(self, line: str) -> None:
        self.run: list[str] = []
        self.count: list[str] = []
        self.go = 0
        self.inject: dict[str, float] | None = None
        self.told: dict[str, object] = json.loads(line)
        self.__dict__.update(self.told)


def touch(pid: int) -> None:
    """Leave a file that names a process."""
    os.close(os.open(f"{pid}.pid", os.O_CREAT))


class FakeWorker:
    """What the script says, said."""

    def __init__(self, script: Script, reading: int, writing: int) -> None:
        self.script = script
        self.lines = os.fdopen(reading)
        self.writing = writing
        luck = (int(os.environ["PYTHONHASHSEED"]) + sum(script.side.encode())) * 1_103_515_245 % 2**31
        self.luck = 1 + script.noise * (luck / 2**30 - 1)
        self.used = 0
        self.benchmark = ""

    def say(self, step: str, **message: object) -> None:
        """Say a line, or do what the script has for this step instead."""
        if self.script.log:
            line = f"{self.script.side} {step} {self.benchmark}\n"
            log = os.open(self.script.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(log, line.encode())
            os.close(log)
        fault = self.script.faults.get(step)
        if fault:
            message = getattr(self, fault)(message)
        os.write(self.writing, json.dumps(message).encode() + b"\n")

    def killed(self, _message: object) -> None:
        """End without a word; a child lives on that holds the pipe."""
        known, knows = os.pipe()
        child = os.fork()
        if not child:
            os.setsid()
            os.read(known, 1)
            os.system(f"kill -9 {os.getppid()}")
            signal.pause()
        touch(child)
        os.write(knows, b"!")
        signal.pause()

    def hangs(self, _message: object) -> None:
        """Be silent."""
        signal.pause()

    def babbles(self, message: dict[str, object]) -> dict[str, object]:
        """Write what is no message."""
        print("last words", flush=True)
        os.write(self.writing, b"no message\n")
        return message

    def deafens(self, message: dict[str, object]) -> dict[str, object]:
        """Read no more."""
        self.lines.close()
        return message

    def chatters(self, _message: object) -> None:
        """Write a long log and end."""
        print("\n".join(f"line {number}" for number in range(100)), flush=True)
        sys.exit(1)

    def floods(self, _message: object) -> None:
        """Write more to its log than anybody reads, and be silent."""
        print("x" * 100_000, flush=True)
        signal.pause()

    def confuses(self, message: dict[str, object]) -> dict[str, object]:
        """Speak of another benchmark."""
        (word,) = {"ready", "done"} & set(message)
        return {**message, word: "tests/test_other.py::test"}

    def ends(self, _message: object) -> None:
        """End early."""
        print("I had enough", flush=True)
        sys.exit(0)

    def interrupts(self, _message: object) -> dict[str, object]:
        """Say something whose turn it is not."""
        return {"bye": True}

    def repeats_not(self, _message: object) -> dict[str, object]:
        """Raise when called again."""
        error = {"type": "ValueError", "message": "the target is not repeatable, give `setup=`"}
        end = {"outcome": "failed", "phase": "call", "measured": True, "repeat": True, "error": error}
        return {"done": self.benchmark, **end}

    def order(self) -> Order:
        """Return what the parent wants."""
        return Order(self.lines.readline())

    def serve(self) -> None:
        """Live a worker's life."""
        touch(os.getpid())
        self.go_to(os.environ.get("FAILHARD_HOME", ""))
        about = {"pid": os.getpid(), "affinity": sorted(os.sched_getaffinity(0)), "adj": True}
        self.say("hello", hello={**about, **self.script.hello})
        entries = [
            {"id": each, "path": each.partition("::")[0], **self.script.markers.get(each, {})}
            for each in self.script.ids
        ]
        self.say("collected", collected=entries, errors=self.script.errors)
        order = self.order()
        for self.benchmark in order.run:
            self.run()
        for self.benchmark in order.count:
            self.count()
        self.say("proof", proof={"side": self.script.side, "order": order.told})
        self.say("bye", bye=True)

    def go_to(self, cpu: str) -> None:
        """Run on one processor, where one is named."""
        if cpu:
            os.sched_setaffinity(0, {int(cpu)})

    def run(self) -> None:
        """Serve a benchmark until it is stopped."""
        end = {"outcome": "passed", "phase": "call", "measured": True, "peak_rss": 1000}
        end |= self.script.ends.get(self.benchmark, {})
        if end["measured"]:
            said = {"mode": "call", "calls": self.script.calls, "call_ns": self.script.call_ns}
            self.go_to(os.environ["FAILHARD_CPU"])
            where = self.script.place or sorted(os.sched_getaffinity(0))
            self.say("ready", ready=self.benchmark, traced=self.script.traced, affinity=where, **said)
            while "go" in (order := self.order()).told:
                self.say("batch", batch=self.batch(order))
                if self.script.faults.get("batch") == "repeats_not":
                    return
        self.say("done", done=self.benchmark, **end)

    def batch(self, order: Order) -> dict[str, object]:
        """Return what a batch is said to have taken."""
        grown = 1 + self.script.growth * self.used
        cpu = int(order.go * self.script.call_ns * self.script.factor * self.luck * grown)
        self.used += 1
        inject = order.inject or {}
        cpu += int(cpu * inject.get("cpu", 0))
        wall = cpu + order.go * self.script.waits.get(self.benchmark, 0)
        wall += int(wall * inject.get("wall", 0))
        return {"wall": wall, "cpu": cpu, "children": 0, "delay": 0, "adj": wall}

    def count(self) -> None:
        """Serve a benchmark in a counting pass."""
        end = {"outcome": "passed", "phase": "call", **self.script.ends.get(self.benchmark, {})}
        if end["outcome"] == "passed" and not end.pop("unused", False):
            counts = {"memory": 1000, "functions": {"app/core.py::parse": 1}, "sql": 2}
            self.say("counted", counted=self.benchmark, **counts)
        self.say("done", done=self.benchmark, **end)


if __name__ == "__main__":
    pipes = [int(number) for number in os.environ["FAILHARD_SERVE"].split(",")]
    FakeWorker(Script(sys.argv[1]), *pipes).serve()
