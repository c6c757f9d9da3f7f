"""Asks the system's own application, in a process of the clean environment, what it serves."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from pytest_failhard.model import Run
from pytest_failhard.system.derive import data
from pytest_failhard.system.derive.facts import Operation, Place
from pytest_failhard.system.derive.routes import templated
from pytest_failhard.system.start_target import Target

CHILD = Path(__file__).with_name("routes_child.py")
SECONDS = 60.0
"""What an import may take; a start that takes longer is as good as none at any level."""


def evaluated(
    run: Run,
    python: Path,
    tree: Path,
    target: Target,
    *,
    roots: Sequence[str],
    environment: Mapping[str, str],
    seconds: float = SECONDS,
) -> tuple[Operation, ...] | None:
    """Return the operations of the application that a start names; None where it says none.

    It does so where importing it fails, which is a finding of R1, and where it is of no known framework.
    """
    if target.command:
        return None
    copy = run.scratch / "routes"
    shutil.copytree(tree, copy, symlinks=True)
    question, answer = run.scratch / "routes-question.json", run.scratch / "routes-answer.json"
    asked = {
        "roots": [str(copy / place) for place in dict.fromkeys((*target.roots, *roots))],
        "script": str(copy / target.script) if target.script else "",
        "module": target.module,
        "attribute": target.attribute,
    }
    question.write_text(json.dumps(asked), "utf-8")
    process = run.start(
        [str(python), "-X", "utf8", str(CHILD), str(question), str(answer)], environment=environment, cwd=copy
    )
    try:
        code = process.wait(seconds)
    finally:
        process.kill()
    said = json.loads(answer.read_bytes()) if code == 0 and answer.exists() else None
    if not isinstance(said, list):
        return None
    place = Place(path="pyproject.toml")
    return tuple(
        sorted(
            Operation(method=str(method), path=templated(str(path)), place=place)
            for method, path in said
            if str(method).lower() in data.VERBS
        )
    )
