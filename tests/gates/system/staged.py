"""A stage for tests: a project on disk, its dependencies and model provided, nothing installed."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from pytest_failhard.gates.system import SystemGate
from pytest_failhard.gates.system.settings import SystemSettings
from pytest_failhard.gates.system.stage import Stage
from pytest_failhard.provider import model
from pytest_failhard.system import workcopy
from pytest_failhard.system.declaration import parse
from pytest_failhard.system.provided import provided
from tests.support import Kept, gate_run, write

PYTHON = (sys.executable, "-I", "-S")
"""How a tiny system is started: in 30 ms, without site packages."""
MODEL_ANSWERS = """
schema: failhard-llm-answers/1
answers:
  - text: "{{canary}}"
"""
TABLE: dict[str, object] = {
    "kind": "http",
    "start": [*PYTHON, "app.py"],
    "port_env": "PORT",
    "ready": "/health",
    "secrets": [],
}


@contextlib.contextmanager
def stage(
    folder: Path,
    app: str,
    table: Mapping[str, object] | None = None,
    *,
    parts: tuple[str, ...] = (),
    llm: Mapping[str, object] | None = None,
    files: Mapping[str, str] | None = None,
    kept: Kept | None = None,
) -> Iterator[Stage]:
    """Give a stage on which `app.py` is the system; `table` is put on top of the usual declaration."""
    root = write(folder / "project", {"app.py": app, "answers.yaml": MODEL_ANSWERS, **(files or {})})
    settings = SystemSettings(enforce=parts)
    run = gate_run(root, SystemGate(), settings=settings, keep=kept)
    system = parse({**TABLE, **(table or {})})
    try:
        with (
            provided(run, system, interpreter=run.interpreter) as found,
            model(run, system, llm or {}) as made,
        ):
            yield Stage(
                run=run,
                settings=settings,
                system=system,
                tree=workcopy.copy(root, run.scratch / "tree").folder,
                python=run.interpreter,
                provided=found,
                model=made,
            )
    finally:
        run.close()
