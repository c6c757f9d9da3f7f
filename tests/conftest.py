"""Fixtures that all tests share."""

from __future__ import annotations

import gc
import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_failhard import private
from tests import properties
from tests.acceptance.project import copy, green
from tests.unkept import UNKEPT

if TYPE_CHECKING:
    from tests.support import FakeTools

Script = Callable[..., "FakeTools"]


def pytest_collectstart(collector: pytest.Collector) -> None:
    """Prepare for properties only where there are some: each side of a pair of benchmarks is a new process."""
    if isinstance(collector, pytest.Module):
        properties.prepare(collector.path)


def pytest_configure() -> None:
    """Undo what a shell does to what it starts in the background: children would inherit a deaf ear to SIGINT.

    Runs that tests start keep nothing, unless a test is about that.
    """
    os.environ |= UNKEPT
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Put aside what lives as long as the session: to look through it for cycles takes half a second."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def children_unmeasured(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Leave what a test starts out of the measurement of ours, which costs a third more, but where all counts.

    For modules of whole runs: what those execute, tests in this process execute too. A test that alone
    executes something is marked `measured`.
    """
    from pytest_failhard.measurement import VARIABLES

    if os.environ.get("MEASURED") != "all" and request.node.get_closest_marker("measured") is None:
        for name in VARIABLES:
            monkeypatch.delenv(name, raising=False)


@pytest.fixture
def checkpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the runs that a test starts keep what they have finished, also in the size of CI."""
    monkeypatch.delenv(private.CHECKPOINTS)


@pytest.fixture(scope="session")
def scripted_environment(tmp_path_factory: pytest.TempPathFactory) -> FakeTools:
    """Return the one scratch environment whose tools obey a script."""
    from tests.support import fake_tools

    return fake_tools(tmp_path_factory.mktemp("environment") / "venv")


@pytest.fixture
def signals() -> Iterator[None]:
    """Put back the handlers that a command sets for its process."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def script(scripted_environment: FakeTools, tmp_path: Path) -> Script:
    """Return a function that tells the scratch environment's tools what to do, step by step."""

    def write(*steps: tuple[str, object]) -> FakeTools:
        scripted_environment.script.write_text(json.dumps(steps))
        return scripted_environment

    return write


@pytest.fixture(scope="session")
def shop_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The green project with its two commits, never run."""
    return green(tmp_path_factory.mktemp("template") / "shop")


@pytest.fixture
def shop(shop_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh copy of the green project, where no CI system names a base."""
    monkeypatch.delenv("GITHUB_BASE_REF", raising=False)
    return copy(shop_template, tmp_path / "shop")
