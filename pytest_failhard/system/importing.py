"""Asks the clean environment, in a process of its own, which modules it has and whether a start imports."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_failhard.model import GateError, Run
from pytest_failhard.system.start_target import Target

CHILD = Path(__file__).with_name("import_child.py")
LOOK_SECONDS = 60.0
IMPORT_SECONDS = 60.0
"""An import that takes longer than the slowest level allows a start (60 s) is as good as none."""


@dataclass(frozen=True, kw_only=True)
class Raised:
    """What an import raised: the type, the name that was not there, and the last of the system's lines."""

    type: str
    name: str = ""
    path: str = ""
    line: int = 0
    log: str = ""
    has_ended: bool = True


def missing(run: Run, python: Path, roots: Sequence[Path], modules: Iterable[str]) -> Mapping[str, str]:
    """Return the modules that the environment and the roots do not have, with what of each is not there."""
    asked = {"roots": list(map(str, roots)), "modules": sorted(set(modules))}
    said, code, log = _answer(run, python, asked, {}, run.scratch, LOOK_SECONDS)
    if not isinstance(said, dict):
        raise GateError(f"looking for modules ended with exit code {code}: {log.strip()[-300:]}")
    return {str(name): str(part) for name, part in said.items() if part}


def start(
    run: Run,
    python: Path,
    tree: Path,
    target: Target,
    *,
    roots: Sequence[str],
    environment: Mapping[str, str],
    seconds: float = IMPORT_SECONDS,
) -> Raised | None:
    """Import what a start imports, in a copy of the tree; return what went wrong, None where nothing did.

    `roots` are further folders of the tree to import from.
    """
    copy = run.scratch / "imported"
    shutil.copytree(tree, copy, symlinks=True)
    places = dict.fromkeys((*target.roots, *roots)) if target.roots else {}
    asked = {
        "tree": str(copy),
        "roots": [str(copy / place) for place in places],
        **({"script": str(copy / target.script)} if target.script else {}),
        **({"command": target.command} if target.command else {}),
        **({"module": target.module, "attribute": target.attribute} if target.module else {}),
    }
    said, code, log = _answer(run, python, asked, environment, copy, seconds)
    if not isinstance(said, dict):
        ended = f"exit code {code}" if code is not None else "no end"
        return Raised(type=ended, log=log, has_ended=code is not None)
    match said:
        case {"raised": str(kind), "name": str(name), "path": str(path), "line": int(line)}:
            return Raised(type=kind, name=name, path=path, line=line, log=log)
    return None


def _answer(
    run: Run,
    python: Path,
    asked: Mapping[str, object],
    environment: Mapping[str, str],
    cwd: Path,
    seconds: float,
) -> tuple[object, int | None, str]:
    """Return what the child answered, its exit code, and what it wrote."""
    question, answer = run.scratch / "question.json", run.scratch / "answer.json"
    question.write_text(json.dumps(asked), "utf-8")
    answer.unlink(missing_ok=True)
    process = run.start(
        [str(python), "-X", "utf8", str(CHILD), str(question), str(answer)],
        environment={"PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1", **environment},
        cwd=cwd,
        kept=True,  # it runs what the project does when it is imported
    )
    try:
        code = process.wait(seconds)
    finally:
        process.kill()
    said: object = json.loads(answer.read_bytes()) if code == 0 and answer.exists() else None
    return said, code, process.stdout + process.stderr
