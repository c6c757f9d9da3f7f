"""Builds a project whose system is the small server, with a base that differs in how that behaves."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from pytest_failhard.gates.performance import PerformanceGate
from pytest_failhard.gates.performance.routes.windows import WindowProtocol
from pytest_failhard.gates.performance.samples import SideName
from pytest_failhard.gates.performance.settings import PerformanceSettings
from pytest_failhard.gates.performance.sides import Side, Trees
from pytest_failhard.run import GateRun
from pytest_failhard.system.launch import answers, free_port
from tests.support import Kept, gate_run, write

SERVER = Path(__file__).with_name("route_server.py")
QUICK = WindowProtocol(
    rounds=2, seconds=0.04, concurrency=2, warm_up=4, warm_up_seconds=0.5, open_pairs=1, open_seconds=0.1
)
ENFORCED = PerformanceSettings(enforce=("routes",), report=("routes/wall",), pairs=(2, 2, 2))
WORK = """
[[tool.failhard.system.routes]]
id = "work"
path = "/work"
"""
DECLARED = f"""
[tool.failhard.system]
kind = "http"
start = ["{sys.executable}", "-I", "-S", "server.py"]
port_env = "PORT"
ready = "/health"
secrets = []
"""


def side(name: SideName, tree: Path) -> Side:
    """Return a side of a tree."""
    return Side(
        name=name,
        tree=tree,
        python=Path(sys.executable),
        config=tree / "pytest.ini",
        environment={},
        roots=(tree,),
        packages=(),
        files={},
        arguments=(),
    )


class Project:
    """A project at head, and its base. `base` and `head` say how each behaves."""

    def __init__(
        self,
        folder: Path,
        *,
        base: Mapping[str, object],
        head: Mapping[str, object],
        routes: str = WORK,
        base_routes: str | None = None,
        settings: PerformanceSettings = ENFORCED,
        declared: str = DECLARED,
    ) -> None:
        self.kept = Kept()
        trees = {
            name: write(
                folder / name,
                {
                    "pyproject.toml": declared + given,
                    "server.py": SERVER.read_text("utf-8"),
                    "behaviour.json": json.dumps(behaviour),
                },
            )
            for name, behaviour, given in (
                ("base", base, routes if base_routes is None else base_routes),
                ("head", head, routes),
            )
        }
        self.trees = Trees(
            base=side("base", trees["base"]),
            head=side("head", trees["head"]),
            original=None,
            commit="b" * 40,
            chosen="",
        )
        self.settings = settings
        self.run: GateRun = gate_run(
            trees["head"], PerformanceGate(), scratch=folder / "scratch", settings=settings, keep=self.kept
        )

    @contextlib.contextmanager
    def run_server(self) -> Iterator[int]:
        """Give the port of a server of head that runs meanwhile."""
        port = free_port()
        tree = self.trees.head.tree
        argv = [sys.executable, "-I", "-S", "server.py"]
        process = self.run.start(argv, environment={"PORT": str(port)}, cwd=tree)
        while not answers(port, "/health"):
            assert process.wait(0.02) is None
        yield port
        process.kill()

    def file(self, name: str) -> dict[str, object]:
        """Return a kept JSON file."""
        found: dict[str, object] = json.loads(self.kept.files[name])
        return found
