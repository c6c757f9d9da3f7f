"""Reuse: a gate is not run again on what it saw already, and never says what it saw on something else."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_failhard import engine, handed, inputs, plan, private, reusing, worker
from pytest_failhard.gates.lint import LintSettings
from pytest_failhard.model import (
    Finding,
    GateError,
    Mode,
    Observation,
    ReusableGate,
    Reuse,
    Rule,
    Run,
    Settings,
    Severity,
)
from pytest_failhard.opened import Watch
from pytest_failhard.redact import Redactor
from pytest_failhard.report import observation as codec
from pytest_failhard.store import Staging
from tests.acceptance.project import write
from tests.size import FULL
from tests.support import full_disk_at

TODAY = date(2026, 6, 1)
SECRET = "a-secret-value"
GATES = plan.collect_gates(())
_STANDARD = {path for path in sys.path if Path(path).is_relative_to(sys.base_prefix)}


@dataclasses.dataclass
class Look:
    """A gate that tells the text of one file, and counts how often it looked."""

    id: str = "lint"
    settings: type[Settings] = Settings
    looked: int = 0
    path: str = "shop/prices.py"
    fleeting: bool = False
    volatile: frozenset[str] = frozenset()
    error: str = ""
    during: Mapping[str, str] = dataclasses.field(default_factory=dict)
    day: bool = False
    leaves: bytes | None = None
    recalled: list[bytes | None] = dataclasses.field(default_factory=list)

    def reuse(self, settings: Settings) -> Reuse | None:
        """Depend on files alone."""
        del settings
        return Reuse(day=self.day)

    def observe(self, run: Run) -> Observation:
        """Report the file's text as a finding, and keep it as evidence."""
        self.looked += 1
        text = (run.root / self.path).read_text()
        run.keep("text.txt", text.encode())
        run.keep("contacts.json", b'{"to": "me@example.com"}', has_contacts=True)
        run.keep("times.log", str(time.time()).encode(), volatile=True)
        for name, content in self.during.items():
            write(run.root, {name: content})
        self.recalled.append(run.recall())
        if self.leaves is not None:
            run.remember(self.leaves)
        if self.error:
            raise GateError(self.error)
        seen = Finding(
            rule="x", name="x", path=self.path, line=1, severity=Severity.LOW, message=text, fix="none"
        )
        return Observation(
            tool="look 1",
            examined=1,
            findings=(seen,),
            measures={"size": len(text)},
            fleeting=self.fleeting,
            volatile=self.volatile,
        )


@dataclasses.dataclass(frozen=True)
class Anew:
    """A gate that looks anew in each run, and remembers."""

    id: str = "anew"
    settings: type[Settings] = Settings

    def memory(self, settings: Settings) -> Reuse:
        """Depend on nothing else."""
        del settings
        return Reuse(day=False)

    def observe(self, run: Run) -> Observation:
        """It is never run here."""
        raise NotImplementedError


@dataclasses.dataclass
class Runs:
    """Runs of one gate over one project, each with a worker's part of it."""

    root: Path
    folder: Path
    gate: Look
    number: int = 0
    today: date = TODAY
    secrets: tuple[str, ...] = ()
    notes: list[str] = dataclasses.field(default_factory=list)
    watch: Watch = dataclasses.field(default_factory=Watch)

    def resolved(self) -> plan.Plan:
        """Resolve anew, as each run does."""
        request = plan.Request(root=self.root, level=1, mode=Mode.SUPERVISED, only=("lint",))
        found = plan.resolve(request, GATES, [gate.id for gate in GATES], self.today)
        return dataclasses.replace(found, gates={"lint": self.gate}, settings={"lint": Settings()})

    def told(self) -> dict[str, object]:
        """Say where the cache is."""
        environ = {"XDG_CACHE_HOME": str(self.folder / "cache")}
        return {**private.place(self.root, Mode.SUPERVISED, environ).to_json(), "since": time.time_ns()}

    def run(
        self,
        *,
        cached: bool = True,
        meanwhile: Callable[[Path], object] = bool,
        found: plan.Plan | None = None,
    ) -> tuple[engine.Outcome, dict[str, bytes]]:
        """Return what became of the gate, and its evidence by name; `meanwhile` is given the staging folder."""
        self.number += 1
        scratch = self.folder / f"run-{self.number}"
        (scratch / "staging").mkdir(parents=True)
        staging = Staging(scratch / "staging", Redactor.from_environment({"X_TOKEN": SECRET}))
        if self.secrets:
            staging = Staging(staging.folder, Redactor((), self.secrets))
        found = self.resolved() if found is None else found
        told = self.told() if cached else None
        folders = [self.root.parent / "site"]
        cache = reusing.Reusing(told, found, staging, scratch, self.notes.append, self.watch, folders)  # type: ignore[arg-type]
        meanwhile(staging.folder)
        jobs = engine.jobs(found, ["lint"], plan.phase(self.gate), staging, scratch, None, "")
        known, left = cache.sort(jobs)
        outcomes = {outcome.gate: outcome for outcome in known}
        engine.observe(
            left,
            slots=1,
            budget=60,
            done=lambda outcome: outcomes.update({outcome.gate: outcome}),
            warn=self.notes.append,
        )
        cache.keep(left, outcomes)
        cache.close(outcomes)
        kept = {path.name: path.read_bytes() for path in staging.folder.glob("lint/*")}
        return outcomes["lint"], kept

    def lent(self, name: str) -> bytes:
        """Return what a gate is lent that has no memory of its own, after one run of the other."""
        scratch = self.folder / f"lent-{self.number}"
        self.number += 1
        scratch.mkdir(parents=True)
        staging = Staging(scratch, Redactor.from_environment({}))
        folders = [self.root.parent / "site"]
        found = self.resolved()
        cache = reusing.Reusing(self.told(), found, staging, scratch, self.notes.append, self.watch, folders)  # type: ignore[arg-type]
        cache.sort(engine.jobs(found, ["lint"], plan.phase(self.gate), staging, scratch, None, ""))
        other = Look(id=name)
        job = engine.Job(gate=other, timeout=1, run=lambda _deadline: pytest.fail("it is not run"))
        cache.lend([job])
        cache.close({})
        return job.memory.lent or b""

    def anew(
        self, leaves: bytes | None, meanwhile: Callable[[], object] = bool, took: str = "anew"
    ) -> bytes | None:
        """Return what a gate recalls that looks anew in each run, and have it leave something."""
        self.number += 1
        scratch = self.folder / f"anew-{self.number}"
        scratch.mkdir(parents=True)
        staging = Staging(scratch, Redactor.from_environment({}))
        folders = [self.root.parent / "site"]
        other = Anew()
        found = self.resolved()
        rule = dataclasses.replace(found.rules[0], gate=other.id)
        found = dataclasses.replace(
            found, rules=(*found.rules, rule), settings={**found.settings, other.id: Settings()}
        )
        cache = reusing.Reusing(self.told(), found, staging, scratch, self.notes.append, self.watch, folders)  # type: ignore[arg-type]
        cache.sort(engine.jobs(found, ["lint"], plan.phase(self.gate), staging, scratch, None, ""))
        cache.keep((), {})
        job = engine.Job(gate=other, timeout=1, run=lambda _deadline: pytest.fail("it is not run"))
        cache.lend([job])
        cache.purge()
        meanwhile()
        job.memory.left = leaves
        cache.leave([job])
        cache.close({took: engine.Outcome(gate=took, observation=None, seconds=1.0)})
        return job.memory.earlier

    def entries(self) -> list[Path]:
        """Return the files of the entries."""
        return sorted((self.folder / "cache").rglob("*.entry"))


@pytest.fixture
def runs(shop: Path, tmp_path: Path) -> Runs:
    write(shop.parent, {"site/tool/METADATA": "Version: 1\n"})
    return Runs(root=shop, folder=tmp_path / "own", gate=Look())


def same(
    first: tuple[engine.Outcome, dict[str, bytes]], second: tuple[engine.Outcome, dict[str, bytes]]
) -> bool:
    """Tell whether two runs agree in all but the time, and whether it was reused."""
    one, two = (dataclasses.replace(each[0], seconds=0, reused=False) for each in (first, second))
    return one == two and first[1] == second[1]


def test_a_second_run_is_the_first_one_without_looking(runs: Runs) -> None:
    write(runs.root, {"shop/prices.py": f'"""Call me@example.com with {SECRET}."""\n'})
    first, second = runs.run(), runs.run()
    assert isinstance(runs.gate, ReusableGate)
    assert (first[0].reused, second[0].reused, runs.gate.looked) == (False, True, 1)
    assert second[1] == first[1]
    assert second[0].evidence == first[0].evidence
    assert [each.name for each in second[0].evidence] == ["times.log"]
    assert second[0].observation is not None
    assert first[0].observation is not None
    # What is stored has no secret in it; redacted, as the report has it, both are one.
    redactor = Redactor.from_environment({"X_TOKEN": SECRET})
    assert redactor.value(first[0].observation) == second[0].observation
    stored = b"".join(path.read_bytes() for path in runs.entries())
    assert SECRET.encode() not in stored
    assert b"me@example.com" in stored
    assert runs.notes == []
    assert runs.run(cached=False)[0].reused is False


def test_a_gate_recalls_what_it_left_while_only_the_project_changed(runs: Runs) -> None:
    for text, leaves in (("A = 1", b"one"), ("A = 2", None), ("A = 3", b"three"), ("A = 4", b"four")):
        runs.gate.leaves = leaves
        write(runs.root, {"shop/prices.py": f"{text}\n"})
        assert runs.run()[0].reused is False
    assert runs.gate.recalled == [None, b"one", b"one", b"three"]
    assert runs.run()[0].reused is True
    write(runs.root, {"shop/prices.py": "A = 5\n"})
    runs.run(cached=False)
    write(runs.root.parent, {"site/tool/METADATA": "Version: 2\n"})
    runs.run()
    assert runs.gate.recalled[4:] == [None, None]


def test_a_gate_that_looks_anew_is_lent_what_another_left(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reusing, "LENDERS", {"tests": ("integrity", "lint")})
    runs.gate.leaves = b"left"
    assert runs.lent("tests") == runs.lent("lint") == b""
    runs.run()
    assert (runs.lent("tests"), runs.lent("lint")) == (b"left", b"")
    write(runs.root, {"shop/prices.py": "A = 5\n"})
    assert runs.lent("tests") == b"left"
    write(runs.root.parent, {"site/tool/METADATA": "Version: 2\n"})
    assert runs.lent("tests") == b""


def test_a_gate_that_looks_anew_recalls_what_it_left_itself(runs: Runs) -> None:
    assert [runs.anew(b"one"), runs.anew(None), runs.anew(b"two")] == [None, b"one", b"one"]
    write(runs.root, {"shop/prices.py": "A = 5\n"})
    assert runs.anew(b"three") == b"two"
    # What somebody else leaves while the run lasts is thrown away, before and after such gates.
    (entry,) = (path for path in runs.entries() if path.name.startswith("anew-"))
    forged = entry.read_bytes()
    assert runs.anew(None, meanwhile=lambda: entry.write_bytes(forged)) == b"three"
    damaged = f"cache-entry-damaged: {entry.name}: it was written during this run by something else than"
    assert runs.notes == [f"{damaged} its gates; it was removed, and nothing of it is used"]
    assert runs.anew(b"four") is None
    write(runs.root.parent, {"site/tool/METADATA": "Version: 2\n"})
    assert runs.anew(None) is None


@pytest.mark.parametrize("told", [None, b"[", b"[1]", b'{"a": "x", "b": null}', b"[" * 100_000])
def test_gates_that_took_long_begin_first(runs: Runs, told: bytes | None) -> None:
    def job(name: str, timeout: float) -> engine.Job:
        return engine.Job(
            gate=Look(id=name), timeout=timeout, run=lambda _deadline: pytest.fail("it is not run")
        )

    def order(seconds: Mapping[str, float]) -> list[str]:
        runs.number += 1
        staging = Staging(runs.folder / f"order-{runs.number}", Redactor.from_environment({}))
        where, found = runs.told(), runs.resolved()
        cache = reusing.Reusing(where, found, staging, runs.folder, runs.notes.append, runs.watch)  # type: ignore[arg-type]
        first = [each.gate.id for each in cache.longest_first([job("a", 60), job("b", 60), job("c", 90)])]
        cache.close(
            {
                name: engine.Outcome(gate=name, observation=None, seconds=took)
                for name, took in seconds.items()
            }
        )
        return first

    assert order({}) == ["c", "a", "b"]
    assert order({"a": 2.0, "b": 3.0, "c": 1.0}) == ["c", "a", "b"]
    assert order({"c": 4.0}) == ["b", "a", "c"]
    assert order({}) == ["c", "b", "a"]
    if told is not None:
        (place,) = (runs.folder / "cache").rglob("durations.json")
        place.write_bytes(told)
        assert order({}) == ["c", "a", "b"]


@pytest.mark.parametrize("change", ["level", "settings", "day", "rule", "policy"])
def test_what_was_left_in_another_run_is_not_recalled(runs: Runs, change: str) -> None:
    runs.gate.leaves, runs.gate.day = b"left", True
    runs.run()
    write(runs.root, {"shop/prices.py": "A = 5\n"})
    found = runs.resolved()
    rules = (dataclasses.replace(found.rules[0], fail_at=Severity.LOW),)
    other = {
        "level": lambda: dataclasses.replace(found, level=2),
        "settings": lambda: dataclasses.replace(found, settings={"lint": LintSettings(select=["E"])}),
        "day": lambda: dataclasses.replace(found, today=date(2026, 6, 2)),
        "rule": lambda: dataclasses.replace(found, rules=rules),
        "policy": lambda: dataclasses.replace(
            found, policy=dataclasses.replace(found.policy, sha256="0" * 64)
        ),
    }[change]()
    runs.run(found=other)
    assert runs.gate.recalled == [None, None]


@pytest.mark.parametrize("how", ["error", "fleeting", "during", "damaged", "foreign"])
def test_what_was_not_left_by_a_sound_run_is_not_recalled(runs: Runs, how: str) -> None:
    runs.gate.leaves = b"left"
    if how == "error":
        runs.gate.error = "no-answer"
    if how == "fleeting":
        runs.gate.fleeting = True
    if how == "during":
        runs.gate.during = {"shop/more.py": "A = 1\n"}
    runs.run()
    runs.gate.error, runs.gate.fleeting, runs.gate.during = "", False, {}
    assert len(runs.entries()) == (2 if how in {"damaged", "foreign"} else 0)
    for entry in runs.entries() if how == "damaged" else ():
        entry.write_bytes(entry.read_bytes().replace(b"left", b"lost"))
    write(runs.root, {"shop/prices.py": "A = 5\n"})
    again = [each for each in runs.entries() if how == "foreign"]
    runs.run(meanwhile=lambda _: [each.write_bytes(each.read_bytes()) for each in again])
    assert runs.gate.recalled == [None, None]


FLIPPED = ("shop/prices.py", "tests/test_prices.py", "pyproject.toml", "README.md", "../site/tool/METADATA")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50 if FULL else 3)
@given(data=st.data())
def test_whatever_byte_changes_the_gate_looks_again(runs: Runs, data: st.DataObject) -> None:
    runs.run()
    path = runs.root / data.draw(st.sampled_from(FLIPPED))
    content, state = path.read_bytes(), path.stat()
    # Comments and prose: each of them is a tree that can be resolved.
    path.write_bytes(content + b"# " + data.draw(st.sampled_from([b"a", b"b"])) + b"\n")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    looked = runs.gate.looked
    changed = runs.run()
    path.write_bytes(content)
    assert changed[0].reused is False
    assert runs.gate.looked == looked + 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50 if FULL else 2)
@given(place=st.integers(0), bit=st.integers(0, 7))
def test_whatever_byte_of_an_entry_changes_the_gate_looks_again_fo_110(
    runs: Runs, place: int, bit: int
) -> None:
    expected = runs.run()
    runs.notes.clear()
    for path in runs.entries():
        data = bytearray(path.read_bytes())
        data[place % len(data)] ^= 1 << bit
        path.write_bytes(data)
    again = runs.run()
    assert again[0].reused is False
    assert again[0].observation == expected[0].observation
    assert [note.partition(":")[0] for note in runs.notes] == ["cache-entry-damaged"]
    assert runs.run()[0].reused is True


def test_an_entry_of_other_inputs_under_this_name_is_thrown_away_fo_110(runs: Runs) -> None:
    first = runs.run()
    (entry,) = runs.entries()
    write(runs.root, {"shop/prices.py": "other = 1\n"})
    runs.run()
    (other,) = [path for path in runs.entries() if path != entry]
    other.write_bytes(entry.read_bytes())
    again = runs.run()
    assert again[0].reused is False
    assert again[0].observation != first[0].observation
    assert "for other inputs" in runs.notes[0]


def test_errors_and_what_holds_for_one_run_alone_are_not_kept(runs: Runs) -> None:
    for gate in (Look(error="no"), Look(fleeting=True), Look(volatile=frozenset({"size"}))):
        runs.gate = gate
        runs.run()
        assert runs.entries() == []


def test_what_is_seen_while_the_tree_changes_is_not_kept(runs: Runs) -> None:
    runs.gate = Look(during={"shop/later.py": "", "README.md": "new\n", "data/a": "", "data/b": ""})
    runs.run()
    assert runs.entries() == []
    assert runs.notes == [
        "nothing is kept for the next run: README.md, data/a, data/b and 1 more changed while the gates looked"
    ]
    # There and back again: nothing differs, and something else was seen.
    runs.gate = Look(during={"README.md": "new\n"})
    assert runs.run()[0].reused is False
    assert runs.entries() == []
    assert runs.notes[1] == "nothing is kept for the next run: a file changed while the gates looked"


def test_a_file_that_no_later_run_compares_keeps_the_observation_out(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What passes is not compared, and our project lies among it.
    monkeypatch.setattr(tempfile, "tempdir", str(runs.folder))
    write(runs.root.parent, {"outside.txt": "1\n"})
    runs.watch.paths = {str(runs.root / "README.md"), str(runs.root / ".." / "outside.txt")}
    runs.run()
    assert runs.entries() == []
    (note,) = runs.notes
    assert note == (
        f"nothing is kept for the next run: a gate read {runs.root.parent / 'outside.txt'}, "
        "which no later run compares"
    )


def test_a_new_secret_in_the_evidence_lets_the_gate_look_again(runs: Runs) -> None:
    write(runs.root, {"shop/prices.py": "price = 'my-own-value-1'\n"})
    runs.run()
    runs.secrets = ("my-own-value-1",)
    again = runs.run()
    assert again[0].reused is False
    assert b"my-own-value-1" not in again[1]["text.txt"]
    assert set(again[1]) == {"text.txt", "contacts.json", "times.log"}


def test_a_day_later_who_looks_at_the_date_looks_again(runs: Runs) -> None:
    runs.gate = Look(day=True)
    runs.run()
    assert runs.run()[0].reused is True
    runs.today = date(2026, 6, 2)
    assert runs.run()[0].reused is False


def test_a_link_out_of_the_tree_and_what_cannot_be_read_are_said(runs: Runs) -> None:
    write(runs.root.parent, {"outside/x.txt": ""})
    (runs.root / "vendor").symlink_to("../outside")
    runs.run()
    runs.run()
    assert runs.gate.looked == 2
    assert runs.notes[0] == "nothing is reused: vendor is a link to a folder outside the project"
    (runs.root / "vendor").unlink()
    (runs.root / ".git" / "config").chmod(0)
    (runs.root / ".git" / "info" / "exclude").unlink()
    (runs.root / ".git" / "info" / "exclude").mkdir()
    assert runs.run()[0].observation is not None


def test_a_cache_that_is_refused_or_full_is_said_and_the_gate_runs_fo_111(runs: Runs) -> None:
    place = private.Place.from_json(runs.told()).path  # type: ignore[arg-type]
    place.parent.mkdir(parents=True)
    place.symlink_to(runs.root)
    assert runs.run()[0].observation is not None
    assert "is a symlink; the gates run all the same" in runs.notes[0]
    place.unlink()
    runs.run()
    runs.notes.clear()
    place.rename(place.with_name("moved"))
    place.mkdir(mode=0o755)
    assert runs.run()[0].observation is not None
    assert "others may enter it" in runs.notes[0]


def test_a_full_disk_costs_the_entry_and_no_verdict(runs: Runs) -> None:
    runs.gate = Look(path="README.md")
    found = runs.resolved()
    with full_disk_at(512):
        outcome, kept = runs.run(found=found)
    assert outcome.observation is not None
    assert set(kept) == {"text.txt", "contacts.json", "times.log"}
    assert [note.partition(":")[0] for note in runs.notes] == ["cache-not-written"]
    assert runs.entries() == []


def test_a_cache_that_is_exchanged_during_the_run_is_named_fo_111(runs: Runs) -> None:
    place = private.Place.from_json(runs.told()).path  # type: ignore[arg-type]

    def exchange(staging: Path) -> None:
        del staging
        place.rename(place.with_name("moved"))
        place.mkdir(mode=0o700)

    assert runs.run(meanwhile=exchange)[0].observation is not None
    assert "another folder stands in its place since this run began; remove it" in runs.notes[-1]


def test_evidence_that_cannot_be_put_back_lets_the_gate_look(runs: Runs) -> None:
    runs.run()
    outcome, _ = runs.run(meanwhile=lambda staging: (staging / "lint").write_text("in the way"))
    assert outcome.reused is False
    assert "cannot-write" in outcome.error
    assert runs.notes[0].startswith("nothing is reused of lint: cannot-write")


def test_without_git_where_there_is_a_repository_nothing_is_reused(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = runs.resolved()
    monkeypatch.setenv("PATH", str(runs.folder))
    assert runs.run(found=found)[0].observation is not None
    assert runs.notes == ["nothing is reused: git is not installed or not on PATH; install it"]


def test_a_run_that_attests_looks_itself(runs: Runs) -> None:
    found = runs.resolved()
    rule = dataclasses.replace(found.rules[0], gate="provenance")
    attesting = dataclasses.replace(found, rules=(*found.rules, rule))
    assert reusing.attests(attesting)
    assert not reusing.attests(found)
    author = dataclasses.replace(found.request, mode=Mode.AUTHOR)
    assert not reusing.attests(dataclasses.replace(attesting, request=author))


def test_where_the_cache_is_and_how_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "shop"
    request = plan.Request(root=root, level=1, mode=Mode.AUTHOR)
    assert reusing.order(dataclasses.replace(request, cache=False), {}) is None
    assert reusing.order(request, {"FAILHARD_CACHE_MB": "0"}) is None
    told = reusing.order(request, {"FAILHARD_CACHE_MB": "2"})
    assert told is not None
    assert told["start"] == str(root)
    assert told["parts"] == [".failhard", "cache"]
    assert told["limit"] == 2 * 1024 * 1024
    for environ, start in (
        ({"XDG_CACHE_HOME": "/caches"}, "/caches"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/home/me"}, "/home/me/.cache"),
    ):
        place = private.place(root, Mode.SUPERVISED, environ)
        assert str(place.start) == start
        assert place.parts[:2] == ("pytest-failhard", "cache")
        assert not place.path.is_relative_to(root)
    assert place.path != private.place(tmp_path, Mode.SUPERVISED, environ).path
    monkeypatch.setattr("sys.platform", "darwin")
    assert (
        str(private.place(root, Mode.SUPERVISED, {"HOME": "/Users/me"}).start) == "/Users/me/Library/Caches"
    )
    with pytest.raises(GateError, match=r"FAILHARD_CACHE_MB: '1.5' is no number of megabytes"):
        private.place(root, Mode.SUPERVISED, {"FAILHARD_CACHE_MB": "1.5"})
    with pytest.raises(GateError, match="no place of ours"):
        private.Place.from_json({"start": 1})


def test_a_worker_reuses_and_says_so(shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A worker's own process is isolated: the folder that pytest was started in is none of its packages.
    installed = [path for path in sys.path if Path(path).is_relative_to(sys.prefix) or path in _STANDARD]
    monkeypatch.setattr(sys, "path", installed)

    def serve(number: int) -> Iterator[dict[str, object]]:
        folder = tmp_path / str(number)
        for name in ("staging", "scratch"):
            (folder / name).mkdir(parents=True)
        request = plan.Request(root=shop, level=1, mode=Mode.SUPERVISED, only=("lint", "tests"))
        gates = plan.collect_gates(())
        order = {
            "plan": handed.dump(
                plan.resolve(request, gates, [gate.id for gate in gates], TODAY), ["lint", "tests"]
            ),
            "gates": ["lint", "tests"],
            "staging": str(folder / "staging"),
            "scratch": str(folder / "scratch"),
            "redactor": Redactor.from_environment({}).dump(),
            "cache": reusing.order(request, {"XDG_CACHE_HOME": str(tmp_path / "cache")}),
        }
        events = io.StringIO()
        worker.Worker(iter([json.dumps(order), '{"records": null, "problem": "none"}']), events).serve()
        for line in events.getvalue().splitlines():
            yield json.loads(line)

    first, second = ({str(event.get("gate")): event for event in serve(number)} for number in (1, 2))
    assert (first["lint"]["reused"], second["lint"]["reused"]) == (False, True)
    assert (first["tests"]["reused"], second["tests"]["reused"]) == (False, False)
    assert codec.load(str(second["lint"]["observation"]).encode()).examined > 0
    assert first["lint"]["observation"] == second["lint"]["observation"]
    staged: Sequence[Path] = sorted((tmp_path / "1" / "staging" / "lint").iterdir())
    assert staged
    for path in staged:
        assert (tmp_path / "2" / "staging" / "lint" / path.name).read_bytes() == path.read_bytes()


def test_what_cannot_be_kept_of_a_gate_that_looks_anew_is_said(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs.anew(b"one")
    real = inputs.of_gate

    def unreadable(found: plan.Plan, rule: Rule, tools: Iterable[str], *, day: bool) -> dict[str, str]:
        if rule.gate == "anew":
            raise GateError("cannot-read: table.toml")
        return real(found, rule, tools, day=day)

    with monkeypatch.context() as patch:
        patch.setattr(inputs, "of_gate", unreadable)
        assert runs.anew(b"two") is None
    assert runs.notes == ["cannot-read: table.toml"]
    runs.notes.clear()

    with full_disk_at(512):
        assert runs.anew(b"two" * 300, took="many gates" * 100) == b"one"
    assert [note.partition(":")[0] for note in runs.notes] == ["cache-not-written", "cache-not-written"]
    runs.notes.clear()
    assert runs.anew(None) == b"one"
