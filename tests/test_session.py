"""A session: whatever happens while gates look, there is a report, and none that claims too much."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shutil
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from pytest_failhard import attestation, plan, publishing, records
from pytest_failhard.checkpoint import KeptTests, Wanted
from pytest_failhard.hired import Hired
from pytest_failhard.model import Flow, Mode, Observation, Report, Run, Settings, Verdict
from pytest_failhard.private import LIMIT
from pytest_failhard.redact import Redactor
from pytest_failhard.reusing import SINCE
from pytest_failhard.session import Session
from pytest_failhard.session import Tests as Handed
from pytest_failhard.store import Store
from tests.acceptance.cases_terms import SHIPPED
from tests.acceptance.project import VIOLATION, write
from tests.support import empty_run

NO_TESTS = Handed(records=None, problem="no gate of this run needs the tests")
RULE = "\n  probe:\n    fail_at: medium\n    timeout: 30\n"


@dataclasses.dataclass(frozen=True)
class Probe:
    """A gate of another distribution, which passes."""

    id: str = "probe"
    settings: type[Settings] = Settings

    def observe(self, run: Run) -> Observation:
        run.keep("probe.txt", b"a probe")
        return Observation(tool="probe 1.0", examined=1)


class Runs:
    """Makes sessions over a project and closes them."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root = root
        self.folder = folder
        self.redactor = Redactor.from_environment({"API_TOKEN": "a-secret-value"})
        self.store = Store.open(Path(".failhard"), root, self.redactor)
        self.sessions: list[Session] = []

    def session(
        self,
        *only: str,
        budget_seconds: int | None = None,
        level: int = 1,
        mode: Mode = Mode.SUPERVISED,
        wanted: Wanted | None = None,
    ) -> Session:
        policy = write(self.folder, {"policy.yaml": SHIPPED.rstrip("\n") + RULE}) / "policy.yaml"
        request = plan.Request(
            root=self.root,
            level=level,
            mode=mode,
            only=only,
            policy=policy if "probe" in only else None,
        )
        gates = [*plan.collect_gates(()), Probe()]
        resolved = plan.resolve(request, gates, [gate.id for gate in gates], datetime.now(UTC).date())
        if budget_seconds is not None:
            terms = dataclasses.replace(resolved.policy, budget_seconds=budget_seconds)
            resolved = dataclasses.replace(resolved, policy=terms)
        folder = self.folder / f"run{len(self.sessions)}"
        folder.mkdir()
        self.sessions.append(Session(resolved, self.store, self.redactor, folder, wanted=wanted))
        return self.sessions[-1]


@pytest.fixture
def runs(shop: Path, tmp_path: Path) -> Iterator[Runs]:
    made = Runs(shop, tmp_path)
    yield made
    for session in made.sessions:
        session.close()
        assert session.worker is None or session.worker.poll() is not None
        # Twice is as good as once.
        session.close()
    made.store.close()


def reasons(report: Report) -> str:
    return "\n".join(reason for result in report.results for reason in result.because)


def written(root: Path) -> dict[str, object]:
    document: dict[str, object] = json.loads((root / ".failhard" / "report.json").read_bytes())
    return document


def test_a_run_ends_in_a_published_report(runs: Runs, shop: Path) -> None:
    session = runs.session("lint")
    session.begin()
    report = session.end(NO_TESTS)
    assert report.verdict is Verdict.PASS, reasons(report)
    assert written(shop)["verdict"] == "pass"
    assert (shop / ".failhard" / "evidence" / "lint" / "observation.json").is_file()


def test_from_when_on_the_project_s_code_may_run_is_noted_before_it_may(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv(LIMIT, "10")
    given: list[Mapping[str, object]] = []
    session = runs.session("lint")
    session.plan = dataclasses.replace(
        session.plan, request=dataclasses.replace(session.plan.request, cache=True)
    )
    session.look()
    moment = time.time_ns()
    with contextlib.closing(Hired(session.folder)) as hired:
        monkeypatch.setattr(hired, "order", given.append)
        session.hired = hired
        session.engage()
    (order,) = given
    cache = order["cache"]
    assert isinstance(cache, dict)
    assert 0 < cache[SINCE] <= moment


def test_what_a_report_needs_is_loaded_once_nobody_else_has_anything_to_do(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []
    monkeypatch.setattr(publishing, "prepare", lambda: loaded.append("all"))
    session = runs.session("lint")
    for told, expected in (("", []), ('{"note": "a"}\n', []), ('{"idle": true}\n', ["all"]), ("", ["all"])):
        with session.events.open("a", encoding="utf-8") as events:
            events.write(told)
        assert not session.tick()
        assert loaded == expected


def test_the_head_names_a_changed_tree_by_its_digest_and_the_models(runs: Runs, shop: Path) -> None:
    write(shop, {"shop/new.py": "NEW = 1\n"})
    session = runs.session("lint")
    session.begin()
    runs.store.keep("llm", "matrix.json", b'{"models": ["openai:b", "openai:a"], "calls": []}')
    session.end(NO_TESTS)
    settings = written(shop)["settings"]
    assert isinstance(settings, dict)
    assert settings["tree_sha256"] == attestation.manifest(session.before)
    assert "unfinished" not in settings
    assert written(shop)["models"] == ["openai:a", "openai:b"]


def test_the_bill_of_materials_stands_beside_the_report(
    runs: Runs, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")
    session = runs.session("sbom", level=2)
    session.begin()
    report = session.end(NO_TESTS)
    assert report.verdict is Verdict.PASS, reasons(report)
    data = (shop / ".failhard" / "sbom.cdx.json").read_bytes()
    assert data == (shop / ".failhard" / "evidence" / "sbom" / "sbom.cdx.json").read_bytes()
    # The variable reached the process in which the gates observe.
    assert json.loads(data)["metadata"]["timestamp"] == "2001-09-09T01:46:40+00:00"


def test_a_tree_that_changes_is_no_tree_that_was_judged(runs: Runs, shop: Path) -> None:
    session = runs.session("lint", "types")
    session.begin()
    write(shop, {"shop/prices.py": "PRICE = 1\n"})
    report = session.end(NO_TESTS)
    assert [result.verdict for result in report.results] == [Verdict.ERROR] * 2
    assert "tree-changed: shop/prices.py changed while the gates looked at it" in reasons(report)
    assert written(shop)["verdict"] == "error"


def test_many_changes_are_counted(runs: Runs, shop: Path) -> None:
    write(shop, {f"shop/part{number}.py": "" for number in range(7)})
    session = runs.session("lint")
    session.begin()
    write(shop, {f"shop/part{number}.py": "PART = 1\n" for number in range(7)})
    report = session.end(NO_TESTS)
    assert "shop/part4.py and 2 more changed" in reasons(report)


def test_what_is_wrong_already_stays_in_the_report_of_a_changed_tree(runs: Runs, shop: Path) -> None:
    write(shop, VIOLATION)
    session = runs.session("lint", "tests")
    session.begin()
    write(shop, {"shop/dirty.py": "import sys\n"})
    report = session.end(NO_TESTS)
    tests, lint = report.results
    assert tests.because[0] == NO_TESTS.problem
    assert tests.because[1].startswith("tree-changed")
    assert lint.because[0].startswith("tree-changed")
    assert lint.verdict is Verdict.ERROR


def test_a_tree_that_is_gone_is_an_error(runs: Runs, shop: Path) -> None:
    session = runs.session("lint")
    session.begin()
    shutil.rmtree(shop / "shop")
    report = session.end(NO_TESTS)
    assert report.verdict is Verdict.ERROR
    assert "tree-changed: shop/__init__.py, shop/prices.py changed" in reasons(report)


def test_a_run_whose_own_folder_is_gone_is_an_error(runs: Runs, shop: Path) -> None:
    session = runs.session("lint")
    session.begin()
    assert session.worker is not None
    session.worker.kill_tree()
    shutil.rmtree(session.folder)
    report = session.end(NO_TESTS)
    assert report.verdict is Verdict.ERROR
    assert not report.complete
    assert "run-failed: " in reasons(report)
    assert "worker.err" in reasons(report)
    assert written(shop)["complete"] is False


def test_an_unreadable_file_is_noted_as_one(runs: Runs, shop: Path) -> None:
    session = runs.session("lint")
    # A regular file by its looks, whose first byte cannot be read.
    (shop / "setup.cfg").symlink_to("/proc/self/mem")
    session.begin()
    assert session.before["setup.cfg"] == "unreadable: Input/output error"


def test_a_worker_that_was_killed_has_proven_nothing(runs: Runs, shop: Path) -> None:
    session = runs.session("lint", "types")
    session.begin()
    assert session.worker is not None
    psutil.Process(session.worker.pid).kill()
    session.worker.wait(60)
    report = session.end(NO_TESTS)
    assert report.verdict is Verdict.ERROR
    assert reasons(report).count("worker-died: our process that runs the gates ended with -9") == 2
    assert (shop / ".failhard" / "evidence" / "run" / "worker.txt").is_file()


def test_a_worker_that_does_not_end_is_given_up(runs: Runs) -> None:
    # Less than nothing is left after what a worker may take beyond its gates' limits.
    session = runs.session("lint", budget_seconds=-60)
    session.begin()
    report = session.end(NO_TESTS)
    assert "worker-died: our process that runs the gates did not end in time" in reasons(report)


def test_a_worker_s_last_words_are_in_the_report(runs: Runs) -> None:
    session = runs.session("lint")
    session.events.mkdir()
    session.begin()
    assert session.worker is not None
    assert session.worker.wait(60) == 1
    session.events.rmdir()
    assert "IsADirectoryError" in reasons(session.end(NO_TESTS))


def test_a_report_folder_that_was_replaced_is_an_error_with_a_text(runs: Runs, shop: Path) -> None:
    session = runs.session("lint")
    session.begin()
    (shop / ".failhard").rename(shop.parent / "away")
    (shop / ".failhard").mkdir()
    report = session.end(NO_TESTS)
    assert report.verdict is Verdict.ERROR
    assert "report-folder-replaced" in reasons(report)
    assert list((shop / ".failhard").iterdir()) == []


def test_evidence_that_cannot_be_kept_is_an_error_with_a_text(runs: Runs, shop: Path) -> None:
    session = runs.session("probe")
    session.begin()
    staging = session.store.staging.folder
    shutil.rmtree(staging)
    staging.write_text("no folder")
    report = session.end(NO_TESTS)
    staging.unlink()
    assert report.verdict is Verdict.ERROR
    assert "cannot-write" in reasons(report)
    assert not (shop / ".failhard" / "report.json").exists()


def test_gates_of_others_run_in_our_own_process(runs: Runs, shop: Path) -> None:
    session = runs.session("probe")
    session.begin()
    assert session.worker is None
    report = session.end(NO_TESTS)
    assert report.verdict is Verdict.PASS, reasons(report)
    assert (shop / ".failhard" / "evidence" / "probe" / "probe.txt").read_bytes() == b"a probe"


def test_gates_of_others_run_beside_the_worker(runs: Runs) -> None:
    session = runs.session("lint", "probe")
    session.begin()
    report = session.end(NO_TESTS)
    assert [(result.gate, result.verdict) for result in report.results] == [
        ("lint", Verdict.PASS),
        ("probe", Verdict.PASS),
    ]
    jobs = session.plan.request.jobs
    assert report.flow == Flow(submitted=2, completed=2, in_flight=(), peak=1, allowed=jobs)


def test_an_aborted_run_leaves_a_part_that_says_so(runs: Runs, shop: Path) -> None:
    session = runs.session("lint", "types")
    session.begin()
    report = session.abort("SIGTERM")
    assert report.verdict is Verdict.ERROR
    assert not report.complete
    assert report.notes[0] == "interrupted: SIGTERM; gates that had not finished are errors"
    assert "not-run: the gate did not finish" in reasons(report)
    settings = written(shop)["settings"]
    assert isinstance(settings, dict)
    assert (written(shop)["complete"], settings["unfinished"]) == (False, True)
    assert "tree_sha256" not in settings
    assert session.worker is not None
    assert session.worker.poll() is not None


def test_an_aborted_run_keeps_what_was_told_to_the_end_of_a_line(
    runs: Runs, caplog: pytest.LogCaptureFixture
) -> None:
    session = runs.session("lint", "probe")
    event: dict[str, object] = {
        "gate": "lint",
        "observation": None,
        "error": "the key is a-secret-value",
        "external": False,
        "reused": False,
    }
    event |= {
        "evidence": [{"name": "a.txt", "sha256": "0", "media_type": "text/plain"}],
        "seconds": 1.5,
        "reused": False,
    }
    begun = [json.dumps({"begun": name, "limit": 60.0}) for name in ("lint", "probe")]
    warning = json.dumps({"warning": "gate lint has used 95 %"})
    session.events.write_text("\n".join([*begun, warning, json.dumps(event), '{"gate": "pro']))
    assert session.tick() is False
    report = session.abort("SIGINT")
    assert report.notes.count("gate lint has used 95 %") == 1
    assert [record.getMessage() for record in caplog.records] == ["gate lint has used 95 %"]
    assert report.flow == Flow(
        submitted=0, completed=1, in_flight=("probe",), peak=2, allowed=session.plan.request.jobs
    )
    lint, probe = report.results
    assert lint.because[0].startswith("the key is ")
    assert "a-secret-value" not in reasons(report)
    assert [item.name for item in lint.evidence] == ["a.txt"]
    assert probe.because[0].startswith("not-run")


def test_the_notes_of_plan_and_store_come_first(runs: Runs) -> None:
    session = runs.session("probe")
    adopted = dataclasses.replace(session.plan, notes=(plan.ADOPTION,))
    noted = Session(adopted, session.store, session.redactor, session.folder)
    noted.begin()
    assert noted.end(NO_TESTS).notes[0] == plan.ADOPTION


def wanted(folder: Path, *, resume: bool = False) -> Wanted:
    return Wanted(start=folder, parts=("kept",), resume=resume, command="failhard check --resume")


def wait_for(session: Session, gate: str) -> None:
    """Wait until a gate has ended."""
    assert session.worker is not None
    session.worker.wait(60, until=lambda: session.tick() or gate in session.outcomes)
    assert gate in session.outcomes


KEPT_TESTS = KeptTests(
    nonce="5a" * 16, exit_status=5, result=records.seal(empty_run(), "5a" * 16), output=b"", coverage=None
)


def test_an_interrupted_run_goes_on_and_its_finished_gates_do_not_run_again(
    runs: Runs, shop: Path, tmp_path: Path
) -> None:
    write(shop, VIOLATION)
    session = runs.session("lint", "tests", wanted=wanted(tmp_path))
    session.begin()
    wait_for(session, "lint")
    session.keep_tests(KEPT_TESTS, empty_run())
    report = session.abort("SIGTERM")
    assert report.notes[-1] == "go on where this run ended: failhard check --resume"
    assert not report.complete
    session.close()
    assert session.resume_command == ""
    again = runs.session("lint", "tests", wanted=wanted(tmp_path, resume=True))
    again.begin()
    assert again.kept_tests() == KEPT_TESTS
    report = again.end(dataclasses.replace(NO_TESTS, restored=True))
    assert "resumed: 1 gates and the tests had ended before and did not run again" in report.notes
    assert report.reused == ("lint",)
    assert report.flow is not None
    assert (report.flow.completed, report.flow.peak) == (2, 1)
    assert {result.gate: result.verdict for result in report.results}["lint"] is Verdict.FAIL
    # The run is over: its checkpoint is gone.
    assert not (tmp_path / "kept").exists()


def test_what_the_tests_wrote_before_a_gate_looked_is_no_tree_to_go_on_from(
    runs: Runs, shop: Path, tmp_path: Path
) -> None:
    # Not committed, so that one file more does not show in that.
    write(shop, {"shop/new.py": "NEW = 1\n"})
    session = runs.session("lint", wanted=wanted(tmp_path))
    session.look()
    write(shop, {"shop/late.py": "WRITTEN = 'by a test'\n"})
    session.engage()
    wait_for(session, "lint")
    session.abort("SIGTERM")
    session.close()
    refused = "resume: not the same any more: files as they were before the run; what"
    with pytest.raises(plan.PlanError, match=refused):
        runs.session("lint", wanted=wanted(tmp_path, resume=True)).begin()
    (shop / "shop" / "late.py").unlink()
    with pytest.raises(plan.PlanError, match=r"resume: not the same any more: shop/late\.py; what"):
        runs.session("lint", wanted=wanted(tmp_path, resume=True)).begin()


def test_where_the_tests_run_with_us_their_gates_are_not_kept(runs: Runs, tmp_path: Path) -> None:
    session = runs.session("lint", "tests", mode=Mode.AUTHOR, wanted=wanted(tmp_path))
    session.begin()
    wait_for(session, "lint")
    path = tmp_path / "result.jsonl"
    path.write_bytes(KEPT_TESTS.result)
    # Less than a whole run, so that the checkpoint stays.
    report = session.end(Handed(records=path, nonce=KEPT_TESTS.nonce, unfinished=True))
    assert not report.complete
    kept = {path.name.rpartition("-")[0] for path in (tmp_path / "kept").iterdir()}
    assert kept == {"manifest", "lint"}
    shutil.rmtree(tmp_path / "kept")
    session.keep_tests(KEPT_TESTS, empty_run())
    assert session.notes[-1].startswith("no-checkpoint: of the tests: cache-not-written")


def test_a_checkpoint_that_cannot_be_opened_keeps_no_tests(runs: Runs, tmp_path: Path) -> None:
    (tmp_path / "kept").symlink_to(tmp_path)
    session = runs.session("lint", wanted=wanted(tmp_path))
    session.events.write_text(
        json.dumps({"note": "as it was told"}) + "\n" + json.dumps({"checkpoint": "5a"}) + "\n"
    )
    assert session.tick() is False
    assert session.notes[-2] == "as it was told"
    assert session.notes[-1].startswith("no-checkpoint: of the tests: cache-refused")
    session.keep_tests(KEPT_TESTS, empty_run())
    assert session.kept_tests() is None
    plain = runs.session("lint")
    plain.events.write_text(json.dumps({"checkpoint": "5a"}) + "\n")
    assert plain.tick() is False
    assert plain.checkpoint is None


def test_a_run_without_gates_of_ours_has_nothing_to_go_on_from(runs: Runs, tmp_path: Path) -> None:
    session = runs.session("probe", wanted=wanted(tmp_path, resume=True))
    with pytest.raises(plan.PlanError, match="no gate of this run keeps what it has seen"):
        session.begin()
