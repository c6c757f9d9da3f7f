"""`failhard fleet` with real workers: one that is lost costs its own project and no other."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from pytest_failhard import exits
from pytest_failhard.cli import fleet
from pytest_failhard.fleet import engine
from pytest_failhard.fleet.cluster import loaded
from pytest_failhard.fleet.orders import Order, Outcome
from tests.fleet.projects import failing, project, waiting, worker_above
from tests.size import FULL
from tests.support import measuring

pytestmark = pytest.mark.usefixtures("children_unmeasured")

PASSING = 38 if FULL else 1
END_SECONDS = 600
"""Far beyond every run."""


def started(place: Path, projects: Sequence[Path]) -> subprocess.Popen[str]:
    """Start a fleet of two workers."""
    command = [sys.executable, "-m", "pytest_failhard", "fleet", "--only=tests", "--workers=2"]
    return subprocess.Popen(
        [*command, f"--summary={place}", *map(str, projects)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **measuring()},
        start_new_session=True,
    )


def test_a_lost_worker_costs_the_project_that_it_was_at(tmp_path: Path) -> None:
    lost, told = waiting(tmp_path / "lost")
    good = [project(tmp_path / f"good{number}") for number in range(PASSING)]
    place = tmp_path / "fleet.json"
    # What took longest comes first, and not as the last of all.
    place.write_text(json.dumps({"volatile": {"seconds": {str(lost): 9}}}))

    with started(place, [*good, lost, failing(tmp_path / "red")]) as running:
        test = psutil.Process(int(told.read_text()))
        worker_above(test, running.pid).kill()
        out, err = running.communicate(timeout=END_SECONDS)

    found = {Path(each["project"]).name: each for each in json.loads(place.read_bytes())["projects"]}
    assert running.returncode == exits.UNPROVEN, err
    assert found.pop("lost")["because"] == [
        "worker-lost: the worker that judged it is gone; run the fleet again"
    ]
    assert found.pop("red")["verdict"] == "fail"
    assert {each["verdict"] for each in found.values()} == {"pass"}
    assert (
        out.splitlines()[-1]
        == f"fleet: error (partial): {PASSING} pass, 1 fail, 1 error of {PASSING + 2} projects"
    )
    psutil.wait_procs([test], timeout=END_SECONDS)
    assert not test.is_running()


@pytest.mark.measured
def test_an_interrupt_ends_all_and_names_what_was_not_judged(tmp_path: Path) -> None:
    root, told = waiting(tmp_path / "waits")
    place = tmp_path / "fleet.json"

    with started(place, [root]) as running:
        test = psutil.Process(int(told.read_text()))
        (meanwhile,) = json.loads(place.read_bytes())["projects"]
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=END_SECONDS)

    assert running.returncode == exits.INTERRUPTED + signal.SIGINT, err
    assert out.splitlines() == [
        f"error {root}",
        "      interrupted: not judged",
        "fleet: error (partial): 1 error of 1 project",
    ]
    # Who kills it, however hard, finds no pass of what was not judged.
    assert (meanwhile["verdict"], meanwhile["because"]) == ("error", ["not judged yet"])
    psutil.wait_procs([test], timeout=END_SECONDS)
    assert not test.is_running()


def test_where_nobody_is_left_to_work_the_rest_are_errors(tmp_path: Path) -> None:
    outcomes: list[Outcome] = []
    asked = Order(project="p", token="t", arguments=(), timeout=1, version="1")
    local = vars(loaded())["LocalCluster"]
    with local(n_workers=0, dashboard_address=None, host="127.0.0.1") as cluster:
        engine.run(
            [asked],
            scheduler=cluster.scheduler_address,
            workers=1,
            durations={},
            done=outcomes.append,
            abandoned_seconds=0,
        )

    assert [each.because for each in outcomes] == [
        ("not-judged: no worker is left (pending); start some, and run again",)
    ]


class TestRefusals:
    @pytest.fixture(autouse=True)
    def _elsewhere(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The summary is written where we are."""
        monkeypatch.chdir(tmp_path)

    def refused(self, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
        with pytest.raises(SystemExit) as ended:
            fleet.command.main(arguments)
        assert ended.value.code == exits.USAGE
        return capsys.readouterr().err

    def test_all_that_is_wrong_with_the_projects(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        listed = tmp_path / "list"
        listed.write_text("# ours\n\nabsent\ntwice\n./twice\n")
        (tmp_path / "twice").mkdir()

        assert self.refused(capsys, "--list", str(listed)).splitlines() == [
            f"failhard: {tmp_path}/absent: is no folder",
            f"failhard: {tmp_path}/twice: is named twice; its runs would get into each other's way",
        ]
        assert "no project is named" in self.refused(capsys)

    def test_no_scheduler(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        said = self.refused(capsys, str(tmp_path), "--scheduler=nonsense://x")

        assert said.startswith("failhard: nonsense://x: no scheduler answers there: ")

    def test_without_the_library(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "distributed", None)

        assert "pip install 'pytest-failhard[fleet]'" in self.refused(capsys, str(tmp_path))

    def test_a_summary_that_cannot_be_written(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        root = project(tmp_path / "one")

        said = self.refused(capsys, str(root), "--only=integrity", f"--summary={tmp_path}/absent/fleet.json")

        assert "absent/fleet.json" in said
