"""Checkpoints: what is kept comes back as it was or not at all, and only to the run that it belongs to."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_failhard import checkpoint, inputs, plan, private, records, stamps
from pytest_failhard.checkpoint import MANIFEST, TEST_RUN, Checkpoint, KeptTests, ResumeError, Wanted
from pytest_failhard.engine import Outcome
from pytest_failhard.inputs import Inputs
from pytest_failhard.model import Finding, GateError, Mode, Observation, Severity
from pytest_failhard.model import TestRecord as Record
from pytest_failhard.model import TestRun as Run
from pytest_failhard.redact import Redactor
from pytest_failhard.relinked import Known
from pytest_failhard.stamps import Memo
from pytest_failhard.store import Staging, StoreError
from pytest_failhard.store.entries import Entry
from tests.acceptance.project import write

BOUND = Inputs(parts={"shop/prices.py": "a" * 64, "seed": "b" * 64})
REDACTOR = Redactor.from_environment({"API_TOKEN": "a-secret-value"})
NONCE = "5a" * 16


def wanted(folder: Path, *, resume: bool = False) -> Wanted:
    return Wanted(start=folder, parts=("kept",), resume=resume)


def staging(folder: Path, redactor: Redactor = REDACTOR) -> Staging:
    folder.mkdir()
    return Staging(folder, redactor)


def begun(folder: Path) -> Checkpoint:
    return Checkpoint.open(wanted(folder), BOUND, REDACTOR)


def taken_up(folder: Path, bound: Inputs = BOUND, redactor: Redactor = REDACTOR) -> Checkpoint:
    return Checkpoint.open(wanted(folder, resume=True), bound, redactor)


def outcome(staged: Staging) -> Outcome:
    """Return what a gate saw, with evidence of each kind."""
    stable = staged.keep("lint", "ruff-1.json", b'{"argv": []}')
    contact = staged.keep("lint", "notice.txt", b"write to ada@shop.test", has_contacts=True)
    clocked = dataclasses.replace(staged.keep("lint", "times.txt", b"1.5 s"), volatile=True)
    finding = Finding(
        rule="F401",
        name="unused-import",
        path="shop/prices.py",
        line=3,
        severity=Severity.MEDIUM,
        message="os is imported and not used",
        fix="remove the import",
        other_anchors=("os",),
    )
    observation = Observation(
        tool="ruff 1.0",
        examined=3,
        findings=(finding,),
        measures={"line_percent": Fraction(2, 3)},
        evidence=(contact, stable),
    )
    return Outcome(gate="lint", observation=observation, evidence=(clocked,), seconds=1.25)


def entry_of(folder: Path, gate: str) -> Path:
    (path,) = (folder / "kept").glob(f"{gate}-*.entry")
    return path


def test_what_a_gate_saw_comes_back_with_its_evidence(tmp_path: Path) -> None:
    staged, again = staging(tmp_path / "first"), staging(tmp_path / "second")
    seen = outcome(staged)
    kept = begun(tmp_path)
    kept.store(seen, staged)
    kept.close()
    resumed = taken_up(tmp_path)
    assert resumed.restore("lint", again) == dataclasses.replace(seen, reused=True)
    assert resumed.restore("types", again) is None
    assert resumed.notes == []
    files = {path.name: path.read_bytes() for path in (tmp_path / "second" / "lint").iterdir()}
    assert files == {path.name: path.read_bytes() for path in (tmp_path / "first" / "lint").iterdir()}
    assert b"ada@shop.test" in files["notice.txt"]
    resumed.drop("lint")
    assert resumed.restore("lint", again) is None
    resumed.remove()
    assert not (tmp_path / "kept").exists()


def test_an_error_is_never_kept_and_no_verdict_is(tmp_path: Path) -> None:
    staged = staging(tmp_path / "staged")
    kept = begun(tmp_path)
    kept.store(Outcome(gate="types", observation=None, error="mypy crashed"), staged)
    kept.store(outcome(staged), staged)
    assert sorted(path.name.rpartition("-")[0] for path in (tmp_path / "kept").iterdir()) == [
        "lint",
        MANIFEST,
    ]
    assert b"verdict" not in entry_of(tmp_path, "lint").read_bytes()


def test_a_run_that_began_anew_takes_nothing_from_before(tmp_path: Path) -> None:
    staged = staging(tmp_path / "staged")
    kept = begun(tmp_path)
    kept.store(outcome(staged), staged)
    entry = entry_of(tmp_path, "lint").read_bytes()
    anew = begun(tmp_path)
    assert anew.key != kept.key
    assert anew.restore("lint", staged) is None
    # Put back under the name that the new run would look for.
    name = Entry(gate="lint", key=anew.key, observation=b"").name
    (tmp_path / "kept" / name).write_bytes(entry)
    resumed = taken_up(tmp_path)
    assert resumed.restore("lint", staged) is None
    assert "checkpoint-damaged: lint-" in resumed.notes[0]


def test_a_secret_of_today_in_what_was_kept_is_not_brought_back(tmp_path: Path) -> None:
    staged, again = staging(tmp_path / "first"), staging(tmp_path / "second")
    kept = begun(tmp_path)
    kept.store(outcome(staged), staged)
    knows_more = Redactor.from_environment({"API_TOKEN": "write to ada"})
    resumed = taken_up(tmp_path, redactor=knows_more)
    assert resumed.restore("lint", dataclasses.replace(again, redactor=knows_more)) is None
    assert resumed.notes == ["checkpoint-unused: what lint kept holds a secret; the gate runs again"]
    assert not (tmp_path / "second" / "lint").exists()


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10**6), bit=st.integers(0, 7), cut=st.booleans())
def test_bytes_that_are_not_those_that_were_written_are_noted_and_the_gate_runs_again_fo_109(
    tmp_path_factory: pytest.TempPathFactory, place: int, bit: int, cut: bool
) -> None:
    folder = tmp_path_factory.mktemp("flipped")
    staged = staging(folder / "staged")
    kept = begun(folder)
    kept.store(outcome(staged), staged)
    path = entry_of(folder, "lint")
    data = bytearray(path.read_bytes())
    at = place % len(data)
    data[at] ^= 1 << bit
    path.write_bytes(data[:at] if cut else data)
    resumed = taken_up(folder)
    assert resumed.restore("lint", staged) is None
    assert resumed.notes[0].endswith("; the gate runs again")
    assert not path.exists()


def test_a_checkpoint_that_is_bound_to_something_else_names_what_differs(tmp_path: Path) -> None:
    begun(tmp_path)
    with pytest.raises(ResumeError, match=r"not the same any more: seed, shop/new\.py; what"):
        taken_up(tmp_path, Inputs(parts={**BOUND.parts, "seed": "c" * 64, "shop/new.py": "d" * 64}))
    many = {f"shop/part{number}.py": "e" * 64 for number in range(7)}
    with pytest.raises(ResumeError, match=r"shop/part4\.py and 2 more; what"):
        taken_up(tmp_path, Inputs(parts={**BOUND.parts, **many}))
    assert taken_up(tmp_path).resuming


def test_without_a_checkpoint_there_is_nothing_to_go_on_from(tmp_path: Path) -> None:
    with pytest.raises(ResumeError, match="no run was interrupted, or it has ended since"):
        taken_up(tmp_path)
    begun(tmp_path)
    entry_of(tmp_path, MANIFEST).write_bytes(b"")
    with pytest.raises(ResumeError, match="not those that were written"):
        taken_up(tmp_path)
    with pytest.raises(ResumeError, match="it does not say what it is bound to"):
        taken_up(tmp_path)


def test_what_cannot_be_watched_or_written_is_no_checkpoint(tmp_path: Path) -> None:
    linked = dataclasses.replace(BOUND, obstacles=("data is a link to a folder outside the project",))
    with pytest.raises(StoreError, match="data is a link"):
        Checkpoint.open(wanted(tmp_path), linked, REDACTOR)
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(StoreError, match="symlink"):
        Checkpoint.of_key(Wanted(start=tmp_path, parts=("link",)), "key", REDACTOR)


def finished(message: str) -> Run:
    record = Record(
        nodeid="tests/test_a.py::test_a",
        when="call",
        outcome="failed",
        raised="AssertionError",
        message=message,
    )
    return Run(
        collected=(record.nodeid,),
        selected=(record.nodeid,),
        deselected=(),
        records=(record,),
        hooks=(),
        lost_workers=(),
        exit_status=1,
        interrupted=False,
        inipath="",
        arguments=(),
        environment_options="",
        coverage_data=None,
    )


@pytest.mark.parametrize("measured", [None, {"data.1": b"SQLite\0", "data.2": b""}])
def test_finished_tests_come_back_as_they_were(tmp_path: Path, measured: dict[str, bytes] | None) -> None:
    run = finished("assert 1 == 2")
    result = records.seal(run, NONCE)
    tests = KeptTests(nonce=NONCE, exit_status=1, result=result, output=b"1 failed\n", coverage=measured)
    kept = begun(tmp_path)
    kept.store_tests(tests, run)
    assert kept.restore_tests() is None
    resumed = taken_up(tmp_path)
    assert resumed.restore_tests() == tests
    path = entry_of(tmp_path, TEST_RUN)
    path.write_bytes(path.read_bytes()[:-1])
    assert resumed.restore_tests() is None
    assert resumed.notes[0].endswith("; the tests run again")


def test_tests_whose_records_hold_a_secret_are_not_kept(tmp_path: Path) -> None:
    run = finished("the token is a-secret-value")
    result = records.seal(run, NONCE)
    tests = KeptTests(nonce=NONCE, exit_status=1, result=result, output=b"", coverage=None)
    begun(tmp_path).store_tests(tests, run)
    assert taken_up(tmp_path).restore_tests() is None
    assert b"a-secret-value" not in b"".join(path.read_bytes() for path in (tmp_path / "kept").iterdir())


def test_the_place_is_out_of_the_tree_where_the_tests_run_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    places = []
    for mode in Mode:
        for reports in ("ours", "theirs"):
            request = plan.Request(root=tmp_path / "shop", level=1, mode=mode)
            made = Wanted.of(request, tmp_path / reports, settings={"a": "b"}, resume=True, command="again")
            assert made is not None
            assert Wanted.from_order(json.loads(json.dumps(made.order()))) == dataclasses.replace(
                made, command=""
            )
            places.append(made.start.joinpath(*made.parts))
    assert places[:2] == [tmp_path / "ours" / "checkpoint", tmp_path / "theirs" / "checkpoint"]
    assert all(place.is_relative_to(tmp_path / "cache") for place in places[2:])
    assert len(set(places)) == 4
    with pytest.raises(ValueError, match="no order"):
        Wanted.from_order({"start": 1})


@pytest.mark.parametrize(("given", "is_kept"), [("", True), ("1", True), ("0", False), (None, True)])
def test_a_variable_switches_it_off_but_not_for_a_run_that_is_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str | None, is_kept: bool
) -> None:
    monkeypatch.delenv(private.CHECKPOINTS)
    if given is not None:
        monkeypatch.setenv(private.CHECKPOINTS, given)
    request = plan.Request(root=tmp_path, level=1, mode=Mode.SUPERVISED)
    made = {
        resume: Wanted.of(request, tmp_path / "reports", settings={}, resume=resume, command="again")
        for resume in (False, True)
    }
    assert (made[False] is not None) is is_kept
    assert made[True] is not None


def test_what_neither_switches_it_on_nor_off_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(private.CHECKPOINTS, "no")
    request = plan.Request(root=tmp_path, level=1, mode=Mode.SUPERVISED)
    with pytest.raises(GateError, match=r"^FAILHARD_CHECKPOINT: 'no' is neither 0 nor 1"):
        Wanted.of(request, tmp_path / "reports", settings={}, resume=False, command="again")


def test_it_is_bound_to_the_tree_the_gates_their_settings_and_the_day(shop: Path) -> None:
    gates = plan.collect_gates(())

    def bound(day: int = 1, only: tuple[str, ...] = ("lint", "types"), **said: str) -> Inputs:
        request = plan.Request(root=shop, level=1, mode=Mode.SUPERVISED, only=only)
        resolved = plan.resolve(request, gates, [gate.id for gate in gates], date(2026, 6, day))
        return checkpoint.bound_to(resolved, inputs.of_run(resolved, Memo(), ()), said)

    first = bound(arguments="-q")
    assert first.differing(bound(arguments="-q").parts) == ()
    assert first.differing(bound(arguments="-x").parts) == ("arguments",)
    assert first.differing(bound(day=2, arguments="-q").parts) == ("day",)
    assert "gates" in first.differing(bound(only=("lint",), arguments="-q").parts)
    (shop / "shop" / "prices.py").write_text("PRICE = 1\n")
    assert "shop/prices.py" in first.differing(bound(arguments="-q").parts)


INSTALLED = {
    "env/pyvenv.cfg": "home = /usr/bin\n",
    "env/bin/activate": "# no RECORD names this\n",
    "env/lib/ruff/main.py": "a = 1\n",
    "env/lib/ruff/empty.py": "",
}
LINKED = ("lib/ruff/main.py", "lib/ruff/empty.py")


def hashed(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """An environment as an installer leaves it, long enough ago that its times of change can be told apart."""
    write(tmp_path, INSTALLED)
    folder = tmp_path / "env"
    lines = [
        f"{name.removeprefix('lib/')},sha256={hashed((folder / name).read_bytes())},1" for name in LINKED
    ]
    lines += ["ruff-1.dist-info/RECORD,,", "../bin/ruff,sha512=x,3"]
    write(tmp_path, {"env/lib/ruff-1.dist-info/RECORD": "\n".join(lines) + "\n"})
    return folder


def seen_in(folder: Path, *, settled: bool = True) -> Inputs:
    """Return inputs of an environment alone; `settled` where nothing was installed within the last seconds."""
    files = inputs.package_files(folder)
    known = Known.of(files)
    if settled:
        known = dataclasses.replace(known, newest=max(each.stamp.changed for each in files))
    part = {f"{inputs.PACKAGES}{folder}": stamps.files_digest(files)}
    return Inputs(parts={**BOUND.parts, **part}, installed={str(folder): known})


def link(folder: Path, target: Path) -> None:
    for name in LINKED:
        (target / Path(name).name).hardlink_to(folder / name)


def rewrite(path: Path, data: bytes) -> None:
    """Put other bytes into a file and give it its time of writing back."""
    state = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def later(folder: Path) -> None:
    """Wait until the file system's clock has moved on from all that is in a folder."""
    newest = max(each.stamp.changed for each in inputs.package_files(folder))
    probe = folder.parent / "probe"
    probe.touch()
    while probe.stat().st_ctime_ns <= newest:
        probe.touch()


def test_a_link_from_another_environment_does_not_keep_a_run_from_going_on(
    environment: Path, tmp_path: Path
) -> None:
    before = seen_in(environment)
    Checkpoint.open(wanted(tmp_path), before, REDACTOR)
    later(environment)
    link(environment, tmp_path)
    now = seen_in(environment)
    assert before.differing(now.parts) == (f"{inputs.PACKAGES}{environment}",)
    assert taken_up(tmp_path, now).resuming


def with_its_hash(folder: Path) -> None:
    record = folder / "lib/ruff-1.dist-info/RECORD"
    named, other = (hashed(data).encode() for data in (b"a = 1\n", b"a = 2\n"))
    rewrite(folder / LINKED[0], b"a = 2\n")
    rewrite(record, record.read_bytes().replace(named, other))


def another_in_its_place(folder: Path) -> None:
    (folder / LINKED[1]).unlink()
    write(folder, {LINKED[1]: ""})


def a_link_in_its_place(folder: Path) -> None:
    (folder / LINKED[1]).unlink()
    (folder / LINKED[1]).symlink_to("main.py")


CHANGES: dict[str, Callable[[Path], object]] = {
    "a byte, with its time put back": lambda folder: rewrite(folder / LINKED[0], b"a = 2\n"),
    "a byte with its hash": with_its_hash,
    "a file that no RECORD names": lambda folder: rewrite(
        folder / "bin/activate", b"# no RECORD names that\n"
    ),
    "a new file": lambda folder: write(folder, {"lib/new.pth": "import os\n"}),
    "a file gone": lambda folder: (folder / LINKED[1]).unlink(),
    "another file in its place": another_in_its_place,
    "a link in its place": a_link_in_its_place,
    "all of it gone": shutil.rmtree,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_installed_files_that_were_written_do(
    environment: Path, tmp_path: Path, change: Callable[[Path], object]
) -> None:
    before = seen_in(environment)
    Checkpoint.open(wanted(tmp_path), before, REDACTOR)
    later(environment)
    change(environment)
    now = seen_in(environment) if environment.is_dir() else BOUND
    with pytest.raises(ResumeError, match="not the same any more: packages in "):
        taken_up(tmp_path, now)


def test_what_was_installed_just_before_the_run_counts_as_written(environment: Path, tmp_path: Path) -> None:
    Checkpoint.open(wanted(tmp_path), seen_in(environment, settled=False), REDACTOR)
    later(environment)
    link(environment, tmp_path)
    with pytest.raises(ResumeError, match="packages in "):
        taken_up(tmp_path, seen_in(environment))


def test_our_own_code_is_the_same_where_its_environment_is(
    environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = seen_in(environment)
    mine = dataclasses.replace(before, parts={**before.parts, inputs.OWN: "a" * 64})
    Checkpoint.open(wanted(tmp_path), mine, REDACTOR)
    later(environment)
    link(environment, tmp_path)
    now = seen_in(environment)
    now = dataclasses.replace(now, parts={**now.parts, inputs.OWN: "b" * 64})
    with pytest.raises(ResumeError, match=f"not the same any more: {inputs.OWN}; what"):
        taken_up(tmp_path, now)
    monkeypatch.setattr(inputs, "own_folders", lambda: (environment / "lib" / "ruff",))
    assert taken_up(tmp_path, now).resuming


def test_a_record_that_cannot_be_read_proves_nothing(environment: Path, tmp_path: Path) -> None:
    (environment / "lib" / "other-1.dist-info").mkdir()
    (environment / "lib" / "other-1.dist-info" / "RECORD").symlink_to("gone")
    Checkpoint.open(wanted(tmp_path), seen_in(environment), REDACTOR)
    later(environment)
    link(environment, tmp_path)
    with pytest.raises(ResumeError, match="packages in "):
        taken_up(tmp_path, seen_in(environment))
    with pytest.raises(ValueError, match="nothing that is known of a folder"):
        Known.load(["a"])


def test_what_was_undone_may_have_been_seen_and_all_runs_again(tmp_path: Path) -> None:
    staged = staging(tmp_path / "staged")
    first = dataclasses.replace(BOUND, witness="first")
    kept = Checkpoint.open(wanted(tmp_path), first, REDACTOR)
    kept.store(outcome(staged), staged)
    kept.close()
    resumed = taken_up(tmp_path, dataclasses.replace(BOUND, witness="second"))
    assert resumed.notes == [checkpoint.UNDONE]
    assert resumed.restore("lint", staging(tmp_path / "again")) is None
    assert not list((tmp_path / "kept").glob("lint-*"))
    # It is a checkpoint again: of what is there now.
    resumed.store(outcome(staged), staged)
    resumed.close()
    assert taken_up(tmp_path, first).notes == [checkpoint.UNDONE]
