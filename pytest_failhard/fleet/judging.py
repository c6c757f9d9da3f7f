"""Runs in a worker: judges one project in a process of its own, and believes only a report that agrees."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pytest_failhard import processes
from pytest_failhard.exits import CODES
from pytest_failhard.fleet.orders import Order, Outcome, own_version, unjudged
from pytest_failhard.model import GateError, Verdict
from pytest_failhard.report import document as documents
from pytest_failhard.report.document import Document, DocumentError
from pytest_failhard.store import DEFAULT_FOLDER, REPORT

VERDICTS = {code: verdict for verdict, code in CODES.items()}
"""The exit codes of `failhard check` beside a report."""
NAMED = 3
LAST_LINES = 4


def judge(order: Order, begin: Callable[[str], bool]) -> Outcome:
    """Judge a project; whatever goes wrong is an error of that project.

    `begin` notes that the token's project is begun, and tells whether that is for the first time.
    """
    if order.version != own_version():
        return unjudged(
            order,
            f"worker-differs: {platform.node()} has pytest-failhard {own_version()}, and {order.version} "
            "asks; install the same version on every worker",
        )
    if not begin(order.token):
        return unjudged(order, "worker-lost: the worker that judged it is gone; run the fleet again")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="failhard-") as folder:
        outcome = _judged(order, Path(folder))
    return replace(outcome, seconds=round(time.monotonic() - began, 3), worker=platform.node())


def _judged(order: Order, folder: Path) -> Outcome:
    end = time.monotonic() + order.timeout
    argv = [sys.executable, "-I", "-X", "utf8", "-m", "pytest_failhard", "check", order.project]
    try:
        started = processes.start(
            [*argv, *order.arguments],
            environment=dict(os.environ),
            cwd=Path(order.project),
            output=folder / "check",
            remaining=lambda: max(0.0, end - time.monotonic()),
            # Where this worker is killed, so is what it started.
            kept=True,
        )
        try:
            code = started.wait(order.timeout)
        finally:
            started.kill()
        said = f"{started.stdout}\n{started.stderr}"
    except GateError as error:
        return unjudged(order, f"not-judged: {error}")
    return _read(order, code, said)


def _read(order: Order, code: int | None, said: str) -> Outcome:
    """Return what the report says, where it is whole and agrees with how the process ended."""
    words = " / ".join(said.strip().splitlines()[-LAST_LINES:]) or "it said nothing"
    if code not in VERDICTS:
        return unjudged(order, f"not-judged: failhard check ended with {code}: {words}")
    place = Path(order.project, DEFAULT_FOLDER, REPORT)
    try:
        document = documents.load(place.read_bytes())
    except (OSError, DocumentError) as error:
        return unjudged(order, f"verdict-missing: {place}: {error}: {words}")
    if documents.digest(document) != document.digest or document.verdict != VERDICTS[code].value:
        return unjudged(
            order,
            f"verdict-contradicted: {place} says {document.verdict}, and failhard check ended with {code}",
        )
    return Outcome(
        project=order.project,
        verdict=VERDICTS[code],
        because=_because(document),
        level=document.level,
        complete=document.complete,
        report=str(place.parent),
        digest=document.digest,
    )


def _because(document: Document) -> tuple[str, ...]:
    """Return a line for each gate that blocks, errors first."""
    parts = sorted(
        (part for part in document.gates if part.verdict != Verdict.PASS.value),
        key=lambda part: part.verdict != Verdict.ERROR.value,
    )
    lines = [f"{part.id} {part.verdict}: {'; '.join(part.because[:NAMED])}" for part in parts]
    return tuple(" ".join(line.split()) for line in lines)
