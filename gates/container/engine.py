"""Builds the image with the engine of the machine, where a policy demands it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from pytest_failhard.gates.container.hits import Hit
from pytest_failhard.gates.container.judged import Judged
from pytest_failhard.model import GateError, Run

ENGINES = ("docker", "podman")
ANSWER_SECONDS = 20.0
"""What an engine may take to say that it is there."""
LAST_LINES = 3


def engine(run: Run) -> str:
    """Return the path of an engine that answers; raises GateError where none does."""
    silent = []
    for name in ENGINES:
        found = shutil.which(name)
        if found is None:
            continue
        process = run.start([found, "version"], environment=_environment(), cwd=run.scratch)
        code = process.wait(ANSWER_SECONDS)
        process.kill()
        if code == 0:
            return found
        silent.append(name)
    reason = (
        f"{', '.join(silent)} does not answer" if silent else f"neither {' nor '.join(ENGINES)} is installed"
    )
    raise GateError(f"engine: the policy demands that the image is built, and {reason}", external=True)


def build(run: Run, path: str, judged: Judged) -> Iterator[Hit]:
    """Yield a hit where the image cannot be built; raises GateError where the time is over first."""
    target = ["--target", judged.image.last.name] if judged.image.last.name else []
    context = run.root / judged.folder if _is_context(judged) else run.root
    argv = [path, "build", "--quiet", "--file", str(run.root / judged.file.path), *target, str(context)]
    process = run.start(argv, environment=_environment(), cwd=run.scratch)
    code = process.wait(run.remaining())
    process.kill()
    run.keep("build.log", f"{process.stdout}{process.stderr}".encode(), volatile=True)
    if code != 0:
        message = f"the image cannot be built (exit code {code}); see evidence build.log"
        yield judged.hit("C-build-fails", judged.image.last.line, message, "mend what the log names last")


def _is_context(judged: Judged) -> bool:
    """Tell whether the folder of the Dockerfile has what it copies, else the root has."""
    folder = f"{judged.folder}/"
    return bool(judged.folder) and any(
        name.startswith(folder) and name.endswith(".py") for name in judged.tree.files.names
    )


def _environment() -> Mapping[str, str]:
    """Return what an engine's client needs of our environment: where its socket and its logins are."""
    names = (
        "PATH",
        "HOME",
        "DOCKER_HOST",
        "DOCKER_CONTEXT",
        "DOCKER_CONFIG",
        "XDG_RUNTIME_DIR",
        "CONTAINER_HOST",
    )
    return {name: os.environ[name] for name in names if name in os.environ}


def place(path: str) -> str:
    """Return how the report names an engine."""
    return Path(path).name
