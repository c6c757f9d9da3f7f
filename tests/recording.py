"""Runs pytest on a small project with the Recorder and returns what it sealed."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

from pytest_failhard import model, records
from tests.acceptance.harness import UNMEASURED
from tests.measuring import environment

NONCE = "5f" * 16
PLUGIN = """
import os
import pytest
from pytest_failhard.recorder import Recorder
from pytest_failhard.records import RecordWriter

def pytest_configure(config):
    writer = None
    if not hasattr(config, "workerinput"):
        descriptor = os.open(os.environ["RESULT_FILE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        writer = RecordWriter(descriptor, os.environ["RESULT_NONCE"])
    config.addinivalue_line("filterwarnings", "error::pytest.PytestReturnNotNoneWarning")
    config.pluginmanager.register(Recorder(config, writer), "failhard-recorder")

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session, exitstatus):
    result = yield
    if not hasattr(session.config, "workerinput"):
        recorder = session.config.pluginmanager.getplugin("failhard-recorder")
        recorder.seal(recorder.result(exit_status=int(exitstatus)))
    return result
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recorded:
    """A finished pytest process: its exit code, its output, the bytes of its result file."""

    returncode: int
    output: str
    data: bytes

    @property
    def run(self) -> model.TestRun:
        """Return what the result proves, with the exit code that the process really had."""
        return dataclasses.replace(records.read(self.data, NONCE), exit_status=self.returncode)

    def outcomes(self, when: str = "call") -> dict[str, str]:
        """Return the outcome of one phase by the name of the test."""
        return {r.nodeid.rpartition("::")[2]: r.outcome for r in self.run.records if r.when == when}


def write(root: Path, files: dict[str, str]) -> None:
    """Write the files of a small project."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text).lstrip(), encoding="utf-8")


def record(
    root: Path, files: dict[str, str], *options: str, plugins: tuple[str, ...] = (), measured: bool = True
) -> Recorded:
    """Run pytest in a project of these files; third-party plugins load by name only.

    One that is not `measured` is no part of the coverage of ours.
    """
    project, ours = root / "project", root / "ours"
    write(project, files)
    write(ours, {"recording_plugin.py": PLUGIN})
    result = ours / "result.jsonl"
    named = [part for name in ("recording_plugin", "xdist", *plugins) for part in ("-p", name)]
    completed = subprocess.run(
        [sys.executable, "-m", "pytest", *named, "--rootdir", str(project), *options],
        cwd=project,
        env=environment(
            HOME=str(ours),
            PYTHONPATH=str(ours),
            PYTHONDONTWRITEBYTECODE="1",
            PYTEST_DISABLE_PLUGIN_AUTOLOAD="1",
            RESULT_FILE=str(result),
            RESULT_NONCE=NONCE,
            **({} if measured else UNMEASURED),
        ),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Recorded(
        returncode=completed.returncode,
        output=completed.stdout + completed.stderr,
        data=result.read_bytes() if result.exists() else b"",
    )
