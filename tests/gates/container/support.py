"""A project that passes level 4, and what the gate sees where some of its files are others."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

from pytest_failhard import policy
from pytest_failhard.config import merge_settings
from pytest_failhard.gates.container import ContainerGate
from pytest_failhard.gates.container.settings import ContainerSettings
from pytest_failhard.model import Finding, Observation, Option, Rule
from tests.support import GATES, Kept, gate_run, observe, write

Files = Mapping[str, str | None]
DIGEST = f"python:3.12-slim@sha256:{'0' * 64}"
BUILD = f"""\
FROM {DIGEST} AS build
COPY requirements.txt .
RUN python -m venv /opt/venv && /opt/venv/bin/pip install --require-hashes -r requirements.txt
"""
RUN = f"""\
FROM {DIGEST}
ENV PATH=/opt/venv/bin:$PATH PORT=8080
WORKDIR /srv
COPY --from=build /opt/venv /opt/venv
COPY app ./app
USER 10001:10001
EXPOSE 8080
HEALTHCHECK CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/ready')"]
CMD ["python", "-m", "app.server"]
"""
DOCKERFILE = BUILD + RUN
SYSTEM = """\
[tool.failhard.system]
kind = "http"
start = ["python", "-m", "app.server"]
port_env = "PORT"
ready = "/ready"
live = "/live"
grace_s = 25
secrets = []
"""
GREEN: Files = {
    "pyproject.toml": SYSTEM,
    "Dockerfile": DOCKERFILE,
    "app/__init__.py": '"""Shop."""\n',
    "app/server.py": '"""Serves."""\n\nimport hypercorn\n\nif __name__ == "__main__":\n    hypercorn.run()\n',
    "requirements.txt": "hypercorn\n",
}


def settings(level: int, **options: Option) -> ContainerSettings:
    """Return what the policy of a level says, with some options otherwise."""
    # An organisation's choice, which no project may make.
    chosen = options.pop("engine", "static")
    merged = merge_settings("container", ContainerGate.settings, demanded(level), dict(options))
    assert isinstance(merged, ContainerSettings)
    return replace(merged, engine="required") if chosen == "required" else merged


@functools.cache
def demanded(level: int) -> Rule:
    """Return what the policy of a level demands."""
    rules_of_level = policy.load(level, GATES, today=date(2026, 1, 15)).rules
    return next(each for each in rules_of_level if each.gate == "container")


def project(folder: Path, files: Files) -> Path:
    """Write the green project with some files otherwise; None leaves one out."""
    root = folder / "project"
    merged = {**GREEN, **files}
    return write(root, {name: text for name, text in merged.items() if text is not None})


def see(
    folder: Path, files: Files, level: int = 4, keep: Kept | None = None, **options: Option
) -> Observation:
    """Return what the gate sees of the green project with some files otherwise."""
    root = project(folder, files)
    tests = ("tests",) if (root / "tests").is_dir() else ()
    chosen = settings(level, **options)
    run = gate_run(root, ContainerGate(), settings=chosen, tests=tests, level=level, keep=keep or Kept())
    return observe(run, ContainerGate())


def found(folder: Path, files: Files, level: int = 4, **options: Option) -> tuple[Finding, ...]:
    """Return the findings."""
    return see(folder, files, level, None, **options).findings


def rules(folder: Path, files: Files, level: int = 4, **options: Option) -> list[str]:
    """Return the rules of the findings, each as often as it is reported."""
    return [finding.rule for finding in found(folder, files, level, **options)]
