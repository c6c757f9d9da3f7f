"""A worker that is started before its orders: it waits for them, and no way out leaves it behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_failhard import plan, records
from pytest_failhard.cli import check
from pytest_failhard.gates import builtin
from pytest_failhard.hired import EVENTS, TESTS, Hired, Standby, Waiting, hire
from pytest_failhard.model import Phase
from pytest_failhard.proc import ProcError
from pytest_failhard.stopping import Interrupted
from tests.acceptance.project import write

SECONDS = 60.0
SEEN = """
import gc
import os
import pathlib
import sys


def test_seen():
    main = sys.modules["__main__"]
    assert main.__spec__.name == "pytest.__main__"
    assert sys.argv[0] == main.__file__
    assert "nonce" not in sys.argv
    assert pathlib.Path.cwd() == pathlib.Path(__file__).parent.parent
    assert os.read(0, 1) == b""
    assert gc.isenabled()
    assert os.environ["GIVEN"] == "on"
"""


def interrupted(*, tests: bool) -> tuple[Path, Waiting]:
    """Hire a place, be interrupted, and return what is left of it."""
    with contextlib.suppress(Interrupted), hire(tests=tests) as place:
        (held,) = filter(None, (place.worker, place.tests))
        assert held.child.poll() is None
        raise Interrupted(signal.SIGTERM)
    return place.folder, held


@pytest.mark.parametrize("tests", [False, True])
def test_what_is_not_needed_ends_with_its_folder(tests: bool) -> None:
    folder, held = interrupted(tests=tests)
    assert not folder.exists()
    assert held.child.poll() is not None
    assert held.child.alive() == ()
    held.close()
    held.order({"nobody": "reads it"})


def test_who_wants_no_tests_gets_no_process_for_them_and_who_does_gets_that_one_first() -> None:
    with hire(tests=False) as place:
        assert (type(place.worker), place.tests) == (Hired, None)
    with hire() as place:
        assert (place.worker, type(place.tests)) == (None, Standby)
    assert {gate.id for gate in builtin() if plan.phase(gate) is Phase.TESTS} == check.TESTED


def test_tests_are_run_as_python_m_pytest_runs_them(tmp_path: Path) -> None:
    """The project cannot tell: argv, the main module, its folder, standard input, how cycles are looked for."""
    write(tmp_path, {"tests/test_seen.py": SEEN, "pytest.ini": "[pytest]\n"})
    place = tmp_path / "place"
    place.mkdir()
    with contextlib.closing(Standby(place, {"GIVEN": "on"})) as standby:
        options = ("-p", "pytest_failhard.child", "-p", "no:cacheprovider", "-q", "tests")
        standby.begin(tmp_path, options, "nonce", None)
        assert standby.child.wait(SECONDS) == 0, standby.output.read_text() + standby.errors.read_text()
    run = records.read(standby.result.read_bytes(), "nonce")
    assert [record.outcome for record in run.records if record.when == "call"] == ["passed"]
    assert run.arguments == options


@pytest.mark.parametrize(
    "given", ["", "import sys; sys.modules |= {'execnet': None, 'readline': None}; "], ids=["all", "less"]
)
def test_one_whose_orders_end_before_they_began_runs_nothing(given: str) -> None:
    """However much of what is loaded ahead is there."""
    reading, writing = os.pipe()
    os.close(writing)
    completed = subprocess.run(
        [sys.executable, "-I", "-c", given + TESTS, str(reading)],
        pass_fds=(reading,),
        capture_output=True,
        check=False,
        timeout=SECONDS,
    )
    os.close(reading)
    assert (completed.returncode, completed.stdout, completed.stderr) == (0, b"", b"")


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
    with hire() as place:
        assert (place.worker, place.tests, place.folder.is_dir()) == (None, None, True)
    with pytest.raises(ProcError, match="cannot be started"):
        Hired(tmp_path)
    with pytest.raises(ProcError, match="cannot be started"):
        Standby(tmp_path)
