"""Cache and resume as a state machine: whatever happened before, an answer is that of a run without them."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import Phase as Stage
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from pytest_failhard import engine, plan, private, reusing
from pytest_failhard.checkpoint import Checkpoint, ResumeError, Wanted, bound_to
from pytest_failhard.judge import judge
from pytest_failhard.model import (
    Finding,
    Mode,
    Observation,
    Phase,
    Reuse,
    Run,
    Settings,
    Severity,
    Verdict,
)
from pytest_failhard.opened import Watch
from pytest_failhard.redact import Redactor
from pytest_failhard.store import Staging
from pytest_failhard.store.entries import EntryError, dump, parse
from tests.acceptance.project import FIRST, git, write
from tests.size import FULL

TODAY = date(2026, 6, 1)
GATES = plan.collect_gates(())
REDACTOR = Redactor.from_environment({})
GOOD, BAD = "x = 'good'\n", "x = 'bad!'\n"
"""Of one length: a size tells nothing."""
FILES = ("shop/prices.py", "shop/more.py", "tests/test_prices.py", "README.md")
TOOL = "../site/tool/METADATA"
WORDS = st.sampled_from((GOOD, BAD))
HOURS = 24
SCENES = (
    *("set_option", "ask_for_level", "begin_day", "clock_moves_on", "entries_exchanged"),
    *("undone_while_gates_look", "changed_before_resuming", "undone_before_resuming"),
)
"""How an example may begin: what chance alone seldom puts together."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Words(Settings):
    """What the gate is told."""

    forbidden: str = "bad"


@dataclasses.dataclass
class Reader:
    """A gate that finds a word in files, and counts how often it looked."""

    id: str
    folders: tuple[str, ...]
    day: bool = False
    settings: ClassVar[type[Settings]] = Words
    looked: int = 0

    def reuse(self, settings: Settings) -> Reuse | None:
        """Depend on files, and, where told so, on the day."""
        del settings
        return Reuse(day=self.day, hours=HOURS)

    def observe(self, run: Run) -> Observation:
        """Report each file that has the word, and what else the answer rests on."""
        self.looked += 1
        assert isinstance(run.settings, Words)
        paths = sorted(
            path for folder in self.folders for path in (run.root / folder).glob("*") if path.is_file()
        )
        texts = {os.path.relpath(path, run.root): path.read_text() for path in paths}
        run.keep("texts.txt", "".join(texts.values()).encode())
        return Observation(
            tool=f"reader {run.today if self.day else ''}",
            examined=max(len(texts), 1),
            findings=tuple(_finding(path) for path in texts if run.settings.forbidden in texts[path]),
            measures={"files": len(texts), "level": run.level},
        )


def _finding(path: str) -> Finding:
    return Finding(
        rule="word", name="word", path=path, line=1, severity=Severity.HIGH, message="it is there", fix="no"
    )


READERS = (
    ("lint", ("shop",), False),
    ("types", ("shop", "tests", "../site/tool"), False),
    ("fallbacks", (".",), True),
)
Answer = tuple[Observation, str, bytes, Verdict]
"""What a gate saw, its error, its evidence, the verdict on it."""
State = tuple[object, ...]


@dataclasses.dataclass(kw_only=True)
class Begun:
    """A run between its first question to the cache and its end."""

    cache: reusing.Reusing
    found: plan.Plan
    staging: Staging
    scratch: Path
    outcomes: dict[str, engine.Outcome] = dataclasses.field(default_factory=dict)
    left: list[engine.Job] = dataclasses.field(default_factory=list)
    has_looked: bool = False

    def jobs(self) -> list[engine.Job]:
        names = [rule.gate for rule in self.found.rules]
        return engine.jobs(self.found, names, Phase.STATIC, self.staging, self.scratch, None, "")

    def look(self, jobs: Sequence[engine.Job]) -> list[engine.Outcome]:
        seen: list[engine.Outcome] = []
        late: list[str] = []
        engine.observe(jobs, slots=1, budget=60, done=seen.append, warn=late.append)
        self.outcomes |= {outcome.gate: outcome for outcome in seen}
        return seen

    def answers(self) -> dict[str, Answer]:
        rules = {rule.gate: rule for rule in self.found.rules}
        told = {}
        for name, outcome in self.outcomes.items():
            assert outcome.observation is not None, outcome.error
            verdict = judge(rules[name], outcome.observation, (), self.found.today).verdict
            text = (self.staging.folder / name / "texts.txt").read_bytes()
            told[name] = (outcome.observation, outcome.error, text, verdict)
        return told


class Machine(RuleBasedStateMachine):
    """One project with its cache and its checkpoint; at most two runs at a time, and whoever interferes."""

    resolved: ClassVar[plan.Plan]
    has_git: ClassVar[bool]

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="machine-"))
        self.root = write(self.folder / "shop", {**FIRST, **dict.fromkeys(FILES, GOOD)})
        write(self.root, {TOOL: GOOD})
        if self.has_git:
            git(self.root, "init", "--quiet")
        self.reports = self.folder / "reports"
        self.cached = private.place(self.root, Mode.SUPERVISED, {"XDG_CACHE_HOME": str(self.folder / "user")})
        self.number = 0
        self.today, self.level, self.forbidden, self.fails = TODAY, 1, "bad", True
        self.begun: list[Begun] = []
        self.notes: list[str] = []
        self.installed = 0
        self.kept: set[tuple[str, State]] = set()
        """What a run that nobody disturbed has kept since the cache was last tampered with."""
        self.bound: State | None = None
        self.is_sound = True
        """Whether nobody tampered with the checkpoint."""
        self.stored: set[str] = set()
        """The gates that the interrupted run came to; none as soon as somebody has written a file."""

    def teardown(self) -> None:
        """Leave nothing behind."""
        for each in self.begun:
            each.cache.close({})
        shutil.rmtree(self.folder)

    @initialize(what=st.sampled_from((*SCENES, TOOL, *FILES)))
    def begin_with_something(self, what: str) -> None:
        """Have something to reuse, and a reason not to."""
        self.run()
        scene = getattr(self, what) if what in SCENES else lambda: self.change(what, BAD, keeps_times=True)
        scene()

    def clock_moves_on(self) -> None:
        """Come back when nothing is kept any more."""
        self.move_clock(2 * HOURS)

    def undone_while_gates_look(self) -> None:
        """Let gates see what was not there before, and is not there after."""
        self.delete_cache()
        self.begin()
        self.change(FILES[0], BAD, keeps_times=True)
        self.look(0)
        self.change(FILES[0], GOOD, keeps_times=True)
        self.end(0)

    def changed_before_resuming(self) -> None:
        """Go on with other files than the run began with."""
        self.interrupted(2, None)
        self.change(FILES[0], BAD, keeps_times=True)
        self.resume(3, None)

    def undone_before_resuming(self) -> None:
        """Go on after gates have seen what was there for a while."""
        self.interrupted(2, (FILES[0], BAD))
        self.change(FILES[0], GOOD, keeps_times=True)
        self.resume(3, None)

    def entries_exchanged(self) -> None:
        """Put what was seen of other files in the place of what is asked for."""
        before = {path: path.read_bytes() for path in self.entries()}
        self.change(FILES[0], BAD, keeps_times=True)
        self.run()
        for path in self.entries():
            old = next(each for each in before if each.name.partition("-")[0] == path.name.partition("-")[0])
            path.write_bytes(before[old])
        self.kept.clear()

    @precondition(lambda self: not self.begun)
    @invariant()
    def reuses_what_holds(self) -> None:
        """Whatever the cache would give now is what a look at the project gives now."""
        run = self.asked()
        run.cache.close({})
        self.compare(run)

    # What others do.

    @rule(path=st.sampled_from((*FILES, TOOL)), text=WORDS, keeps_times=st.booleans())
    def change(self, path: str, text: str, keeps_times: bool) -> None:
        """Write a file, or write back what was there, with or without its old time."""
        self.written(path, text, keeps_times=keeps_times)

    @rule(path=st.sampled_from(FILES), seconds=st.integers(-(10**8), 10**8))
    def touch(self, path: str, seconds: int) -> None:
        """Set the time of a file: nothing that a gate reads."""
        place = self.root / path
        if place.exists():
            self.stored.clear()
            moment = time.time_ns() + seconds * 10**9
            renewed(place, lambda: os.utime(place, ns=(moment, moment)))

    @rule(path=st.sampled_from(FILES[1:]))
    def remove(self, path: str) -> None:
        """Remove a file; `change` brings it back."""
        (self.root / path).unlink(missing_ok=True)
        self.stored.clear()

    @rule()
    def ask_for_level(self) -> None:
        """Ask for another level."""
        self.level = 4 - self.level

    @rule()
    def set_option(self) -> None:
        """Tell the gates another thing to look for."""
        self.forbidden = "good" if self.forbidden == "bad" else "bad"

    @rule()
    def change_policy(self) -> None:
        """Let findings fail, or only be reported."""
        self.fails = not self.fails

    @rule()
    def begin_day(self) -> None:
        """Let the other of two days begin."""
        self.today = TODAY if self.today > TODAY else TODAY + timedelta(days=1)

    @rule(hours=st.sampled_from((-2 * HOURS, -HOURS // 2, HOURS // 2, 2 * HOURS)))
    def move_clock(self, hours: int) -> None:
        """Move the clock, as seen from the entries: they were made earlier or later than it says."""
        for path in self.entries():
            with contextlib.suppress(EntryError):
                entry = parse(path.read_bytes())
                path.write_bytes(dump(dataclasses.replace(entry, made=entry.made - hours * 3600)))
        self.kept.clear()

    @rule(
        how=st.sampled_from(("flip", "cut", "exchange", "remove")),
        which=st.integers(0, 99),
        whose=st.integers(0, 99),
        place=st.integers(0, 9999),
    )
    def tamper(self, how: str, which: int, whose: int, place: int) -> None:
        """Damage what is kept, or put one file in the place of another."""
        files = [path for path in sorted(self.folder.rglob("*")) if self.is_ours(path)]
        if not files:
            return
        path, other = files[which % len(files)], files[whose % len(files)]
        content = bytearray(path.read_bytes())
        place %= max(len(content), 1)
        if how == "remove":
            path.unlink()
        elif how == "exchange":
            content[:], theirs = other.read_bytes(), content
            other.write_bytes(theirs)
            path.write_bytes(content)
        elif content:
            content[place] ^= 1
            path.write_bytes(content[:place] if how == "cut" else content)
        self.kept.clear()
        self.is_sound = False

    @rule()
    def delete_cache(self) -> None:
        """Remove the cache as a user does: with a run under way too."""
        shutil.rmtree(self.cached.path, ignore_errors=True)
        self.kept.clear()

    @rule(saves=st.booleans())
    def bring_back_old_cache(self, saves: bool) -> None:
        """Keep a copy of the cache, or put it back: as a CI system does."""
        copy = self.folder / "copy"
        source, target = (self.cached.path, copy) if saves else (copy, self.cached.path)
        if source.exists():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target)
            target.chmod(0o700)
            self.kept.clear()

    # What runs do.

    @precondition(lambda self: len(self.begun) < 2)
    @rule()
    def begin(self) -> None:
        """Begin a run: what the cache gives is what a look at the project gives now."""
        run = self.asked()
        self.compare(run)
        self.begun.append(run)

    @precondition(lambda self: self.begun)
    @rule(which=st.integers(0, 1))
    def look(self, which: int) -> None:
        """Let the gates of a run look."""
        run = self.begun[which % len(self.begun)]
        if not run.has_looked:
            run.look(run.left)
            run.has_looked = True

    @precondition(lambda self: self.begun)
    @rule(which=st.integers(0, 1))
    def end(self, which: int) -> None:
        """End a run: it keeps what it saw, if it may."""
        run = self.begun.pop(which % len(self.begun))
        run.cache.keep(run.left, run.outcomes)
        run.cache.close({})
        self.kept.clear()

    @rule()
    def run(self) -> None:
        """Run from the beginning to the end; on what the last one saw no gate looks again."""
        alone, state = not self.begun, self.state()
        self.begun.append(run := self.asked())
        expected = {gate for gate, seen in self.kept if seen == state}
        assert expected <= {*run.outcomes}, self.notes
        run.look(run.left)
        self.compare(run)
        self.end(len(self.begun) - 1)
        if alone:
            self.kept |= {(reader, state) for reader, *_ in READERS}

    @rule(count=st.integers(0, 3), meanwhile=st.none() | st.tuples(st.sampled_from(FILES), WORDS))
    def interrupted(self, count: int, meanwhile: tuple[str, str] | None) -> None:
        """Begin anew and end after some gates have looked, perhaps at something that is written meanwhile."""
        self.go_on(resume=False, count=count, meanwhile=meanwhile)

    @rule(count=st.integers(0, 3), meanwhile=st.none() | st.tuples(st.sampled_from(FILES), WORDS))
    def resume(self, count: int, meanwhile: tuple[str, str] | None) -> None:
        """Go on where a run was interrupted: it is refused, or is one that nobody interrupted."""
        try:
            self.go_on(resume=True, count=count, meanwhile=meanwhile)
        except ResumeError:
            assert self.bound != self.state() or not self.is_sound

    # How they do it.

    def go_on(self, *, resume: bool, count: int, meanwhile: tuple[str, str] | None) -> None:
        """Do what our worker does with a checkpoint."""
        state, run = self.state(), self.opened()
        try:
            bound = bound_to(run.found, run.cache.inputs(), {})
            wanted = Wanted(start=self.reports, parts=("checkpoint",), resume=resume)
            point = Checkpoint.open(wanted, bound, REDACTOR)
            if resume:
                assert state == self.bound
            else:
                self.bound, self.is_sound, self.stored = state, True, set()
            jobs = run.jobs()
            restored = {job.gate.id: point.restore(job.gate.id, run.staging) for job in jobs}
            run.outcomes = {name: outcome for name, outcome in restored.items() if outcome is not None}
            self.compare(run)
            assert not self.is_sound or self.stored <= {*run.outcomes}, point.notes
            if meanwhile is not None:
                self.written(*meanwhile)
            for job in [job for job in jobs if restored[job.gate.id] is None][:count]:
                for outcome in run.look([job]):
                    point.store(outcome, run.staging)
                self.stored |= set() if meanwhile is not None else {job.gate.id}
            if len(run.outcomes) == len(jobs):
                point.remove()
                self.bound = None
            else:
                point.close()
        finally:
            run.cache.close({})

    def asked(self) -> Begun:
        """Return a run that has asked the cache: none of what it got was made too long ago, or later than now."""
        before, run = self.made(), self.opened()
        known, run.left = run.cache.sort(run.jobs())
        run.outcomes = {outcome.gate: outcome for outcome in known}
        for name in run.outcomes:
            assert any(0 <= time.time() - made <= HOURS * 3600 for made in before[name])
        return run

    def opened(self) -> Begun:
        self.number += 1
        scratch = self.folder / f"run-{self.number}"
        (scratch / "staging").mkdir(parents=True)
        staging = Staging(scratch / "staging", REDACTOR)
        found = self.plan()
        told = {**self.cached.to_json(), reusing.SINCE: time.time_ns()}
        folders = [self.root.parent / "site"]
        cache = reusing.Reusing(told, found, staging, scratch, self.notes.append, Watch(), folders)
        return Begun(cache=cache, found=found, staging=staging, scratch=scratch)

    def plan(self) -> plan.Plan:
        """Return what a run is asked for now."""
        gates = {name: Reader(name, folders, day) for name, folders, day in READERS}
        return dataclasses.replace(
            self.resolved,
            request=dataclasses.replace(self.resolved.request, root=self.root),
            level=self.level,
            rules=tuple(
                dataclasses.replace(
                    rule, fail_at=Severity.HIGH if self.fails else None, at_least={}, at_most={}, only_for={}
                )
                for rule in self.resolved.rules
            ),
            gates=gates,
            settings=dict.fromkeys(gates, Words(forbidden=self.forbidden)),
            today=self.today,
        )

    def compare(self, run: Begun) -> None:
        """Compare what a run has so far with one that has neither cache nor checkpoint."""
        self.number += 1
        scratch = self.folder / f"run-{self.number}"
        (scratch / "staging").mkdir(parents=True)
        if not run.outcomes:
            return
        bare = dataclasses.replace(
            run, scratch=scratch, staging=Staging(scratch / "staging", REDACTOR), outcomes={}
        )
        bare.look(bare.jobs())
        expected = bare.answers()
        assert run.answers() == {name: expected[name] for name in run.outcomes}

    def written(self, path: str, text: str, *, keeps_times: bool = False) -> None:
        place = self.root / path
        times = (place.stat().st_atime_ns, place.stat().st_mtime_ns) if place.exists() else None

        def put() -> None:
            place.write_text(text)
            if keeps_times and times is not None:
                os.utime(place, ns=times)

        renewed(place, put)
        self.stored.clear()
        self.installed += path == TOOL

    def state(self) -> State:
        """Return all that answers depend on, as this file knows it; of what is installed, how often it changed."""
        texts = [(path, (self.root / path).read_text()) for path in FILES if (self.root / path).exists()]
        return (*texts, self.installed, self.level, self.forbidden, self.fails, self.today)

    def entries(self) -> list[Path]:
        return sorted(self.cached.path.glob("*.entry"))

    def made(self) -> dict[str, list[float]]:
        """Return when the entries of each gate were made."""
        found: dict[str, list[float]] = {reader: [] for reader, *_ in READERS}
        for path in self.entries():
            with contextlib.suppress(EntryError):
                entry = parse(path.read_bytes())
                found[entry.gate].append(entry.made)
        return found

    def is_ours(self, path: Path) -> bool:
        kept = (self.cached.path, self.reports / "checkpoint")
        return path.is_file() and path.parent in kept


def renewed(place: Path, write: Callable[[], object]) -> None:
    """Write until the file system's clock has moved on: it ticks some hundred times a second."""
    before = place.stat().st_ctime_ns if place.exists() else 0
    write()
    while place.stat().st_ctime_ns == before:
        write()


@pytest.mark.parametrize("git_too", (False, True) if FULL else (False,))
def test_an_answer_is_always_that_of_a_run_without_cache_fo_110(tmp_path: Path, git_too: bool) -> None:
    root = write(tmp_path / "shop", FIRST)
    request = plan.Request(root=root, level=1, mode=Mode.SUPERVISED, only=tuple(name for name, *_ in READERS))

    class Here(Machine):
        resolved = plan.resolve(request, GATES, [gate.id for gate in GATES], TODAY)
        has_git = git_too

    size = settings(
        max_examples=300 if FULL else 14,
        stateful_step_count=30 if FULL else 4,
        deadline=None,
        # To make a failure smaller takes minutes: each step is a run.
        phases=[Stage.explicit, Stage.reuse, Stage.generate, *([Stage.shrink] if FULL else [])],
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Here, settings=size)
