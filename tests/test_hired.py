"""A worker that is started before its orders: it waits for them, and no way out leaves it behind."""

from __future__ import annotations

import contextlib
import signal
import sys
from pathlib import Path

import pytest

from pytest_failhard.hired import EVENTS, Hired, hire
from pytest_failhard.proc import ProcError
from pytest_failhard.stopping import Interrupted

SECONDS = 60.0


def interrupted() -> tuple[Path, Hired]:
    """Hire a worker, be interrupted, and return what is left of it."""
    with contextlib.suppress(Interrupted), hire() as (folder, hired):
        assert hired is not None
        assert hired.child.poll() is None
        held = hired
        raise Interrupted(signal.SIGTERM)
    return folder, held


def test_a_worker_that_is_not_needed_ends_with_its_folder() -> None:
    folder, hired = interrupted()
    assert hired.child.poll() is not None
    assert not folder.exists()
    hired.close()
    hired.order({"nobody": "reads it"})


def test_an_order_larger_than_a_pipe_arrives_and_a_dead_worker_s_next_one_is_dropped(tmp_path: Path) -> None:
    hired = Hired(tmp_path)
    try:
        hired.order({"text": "x" * 300_000})
        assert hired.child.wait(SECONDS) == 1
        hired.order({"text": "x" * 300_000})
        assert "KeyError" in (tmp_path / "worker.err").read_text()
        assert (tmp_path / EVENTS).read_text() == ""
    finally:
        hired.close()


def test_where_it_cannot_be_started_who_needs_it_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))
    with hire() as (folder, hired):
        assert (hired, folder.is_dir()) == (None, True)
    with pytest.raises(ProcError, match="cannot be started"):
        Hired(tmp_path)
