"""Asks the cache before a gate observes, and keeps in it what was observed on a tree at rest."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from pytest_failhard import engine, inputs, private, stamps
from pytest_failhard.model import Evidence, GateError, Mode, RememberingGate, ReusableGate, Reuse
from pytest_failhard.report import observation as codec
from pytest_failhard.store.entries import Entry, KeptFile

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_failhard.inputs import Inputs
    from pytest_failhard.model import Observation, Option
    from pytest_failhard.opened import Watch
    from pytest_failhard.plan import Plan, Request
    from pytest_failhard.relinked import Known
    from pytest_failhard.store import Staging
    from pytest_failhard.store.entries import Entries

DIGESTS = "digests.json"
DURATIONS = "durations.json"
MEMORY = "memory"
"""What makes the name of an entry with what a gate remembers another one than that of what it observed."""
LENDERS: Mapping[str, tuple[str, ...]] = {"tests": ("fallbacks", "integrity")}
"""Whose memory a gate may use: all of them look at the code in one and the same pass."""
PROVENANCE = "provenance"
SINCE = "since"
HOUR_SECONDS = 3600
NAMED = 3


def order(request: Request, environ: Mapping[str, str]) -> dict[str, Option] | None:
    """Return what the worker is told of the cache, None where it is switched off; raises GateError.

    `since` is the moment from which the project's code may run: what is in the cache by then is ours.
    """
    place = private.place(request.root, request.mode, environ)
    if not request.cache or not place.limit:
        return None
    return {**place.to_json(), SINCE: time.time_ns()}


class Reusing:
    """One run's use of the cache. Whatever is wrong with the cache is said, and the gates run.

    `scratch` is the folder of the run, in which gates leave what they read again; `folders` and `ahead` are
    as in `inputs.of_run`.
    """

    def __init__(
        self,
        told: Mapping[str, Option] | None,
        resolved: Plan,
        staging: Staging,
        scratch: Path,
        say: Callable[[str], None],
        watch: Watch,
        folders: Sequence[Path] | None = None,
        ahead: Mapping[Path, Known] = inputs.NOTHING_KNOWN,
    ) -> None:
        self._plan = resolved
        self._staging = staging
        self._own = (staging.folder, scratch)
        self._say = say
        self._watch = watch
        self._folders = folders
        self._ahead = ahead
        self._rules = {rule.gate: rule for rule in resolved.rules}
        self._memo = stamps.Memo()
        self._inputs: Inputs | None = None
        self._before: Inputs | None = None
        self._terms: dict[str, Reuse] = {}
        self._hours: dict[str, int] = {}
        self._keys: dict[str, str] = {}
        self._around: dict[str, str] = {}
        self._earlier: dict[str, bytes | None] = {}
        self._entries = self._opened(told) if told is not None and not attests(resolved) else None

    def sort(self, jobs: Sequence[engine.Job]) -> tuple[list[engine.Outcome], list[engine.Job]]:
        """Return the outcomes that an earlier run left for these very inputs, and the jobs that remain."""
        self._terms = {job.gate.id: terms for job in jobs if (terms := self._asked(job)) is not None}
        if self._entries is None or not self._terms or not self._known():
            return [], list(jobs)
        found = {
            name: outcome for name in self._terms if (outcome := self._found(self._entries, name)) is not None
        }
        left = [job for job in jobs if job.gate.id not in found]
        for job in left:
            if job.gate.id in self._terms:
                job.memory.earlier = self._left(self._entries, job.gate.id)
        self._tell(self._entries)
        self._watch.on = True
        return list(found.values()), left

    def keep(self, jobs: Sequence[engine.Job], outcomes: Mapping[str, engine.Outcome]) -> None:
        """Keep what gates have seen, unless the tree or anything else changed while they looked."""
        self._watch.on = False
        fresh = {
            job.gate.id: (job, seen)
            for job in jobs
            if job.gate.id in self._keys and (seen := _lasting(outcomes.get(job.gate.id))) is not None
        }
        if self._entries is None or self._before is None or not fresh:
            return
        try:
            if self._is_at_rest(self._before):
                for job, seen in fresh.values():
                    self._entries.write(self._entry(job, seen, outcomes[job.gate.id]))
                    self._remember(self._entries, job)
        except GateError as error:
            self._say(str(error))

    def longest_first(self, jobs: Sequence[engine.Job]) -> list[engine.Job]:
        """Return jobs in the order in which they are over soonest: by what they took in an earlier run.

        One of which that is not known counts as if it took all of its time.
        """
        known = _durations(self._entries.recall(DURATIONS)) if self._entries is not None else {}
        return sorted(jobs, key=lambda job: -known.get(job.gate.id, job.timeout))

    def leave(self, jobs: Sequence[engine.Job]) -> None:
        """Keep what gates remember that look anew in each run: they bind it to the bytes that they saw."""
        try:
            for job in jobs:
                if self._entries is not None and job.gate.id in self._around:
                    self._remember(self._entries, job)
        except GateError as error:
            self._say(str(error))

    def purge(self) -> None:
        """Throw away what somebody else wrote into the cache while the project's code ran."""
        if self._entries is None:
            return
        try:
            self._entries.purge_foreign()
        except GateError as error:
            self._say(str(error))
        self._tell(self._entries)

    def close(self, outcomes: Mapping[str, engine.Outcome]) -> None:
        """Leave the cache, with what the gates took, and with nothing of somebody else's in it."""
        if self._entries is None:
            return
        took = {name: each.seconds for name, each in outcomes.items() if not each.reused}
        try:
            known = _durations(self._entries.recall(DURATIONS))
            if took:
                self._entries.remember(DURATIONS, json.dumps(known | took).encode())
            data = self._memo.dump()
            if data is not None and self._before is not None:
                self._entries.remember(DIGESTS, data)
        except GateError as error:
            self._say(str(error))
        self.purge()
        self._entries.close()

    def inputs(self) -> Inputs:
        """Return what every answer of the run depends on, read when first asked for; raises GateError."""
        if self._inputs is None:
            known = self._entries.recall(DIGESTS) if self._entries is not None else None
            self._memo = stamps.Memo.load(known)
            self._inputs = inputs.of_run(self._plan, self._memo, self._folders, self._ahead)
        return self._inputs

    def _opened(self, told: Mapping[str, Option]) -> Entries | None:
        place, since = private.Place.from_json(told), told[SINCE]
        try:
            entries = place.open()
        except GateError as error:
            self._say(str(error))
            return None
        entries.since = since if isinstance(since, int) else 0
        return entries

    def _asked(self, job: engine.Job) -> Reuse | None:
        gate = job.gate
        return gate.reuse(self._plan.settings[gate.id]) if isinstance(gate, ReusableGate) else None

    def _known(self) -> bool:
        """Tell whether all is known that the answers depend on."""
        try:
            self._before = self.inputs()
            self._keys = self._keyed(self._before)
        except GateError as error:
            self._say(f"nothing is reused: {error}")
            return False
        if self._before.obstacles:
            self._say(f"nothing is reused: {'; '.join(self._before.obstacles)}")
            self._before = None
        return self._before is not None

    def _keyed(self, common: Inputs) -> dict[str, str]:
        """Return the key of each gate that asks."""
        keys = {}
        for name, terms in self._terms.items():
            own = self._own_inputs(name, terms)
            keys[name] = stamps.digest([common.digest, own])
            self._around[name] = stamps.digest([MEMORY, common.around, own])
            self._hours[name] = terms.hours
        return keys

    def _own_inputs(self, name: str, terms: Reuse) -> dict[str, str]:
        return inputs.of_gate(self._plan, self._rules[name], terms.tools, day=terms.day)

    def _is_at_rest(self, before: Inputs) -> bool:
        again = inputs.again(self._plan, stamps.Memo(known=dict(self._memo.fresh)), before)
        if again.witness == before.witness and self._keyed(again) == self._keys:
            return self._is_all_known(before)
        changed = again.differing(before.parts) or ("a file",)
        more = f" and {len(changed) - NAMED} more" if len(changed) > NAMED else ""
        named = f"{', '.join(changed[:NAMED])}{more}"
        self._say(f"nothing is kept for the next run: {named} changed while the gates looked")
        return False

    def _is_all_known(self, before: Inputs) -> bool:
        """Tell whether no gate read a file that is not compared."""
        root = self._plan.request.root
        found = self._watch.elsewhere(root, before.files, (*self._own, *before.folders))
        for path in found[:NAMED]:
            self._say(f"nothing is kept for the next run: a gate read {path}, which no later run compares")
        return not found

    def lend(self, jobs: Sequence[engine.Job]) -> None:
        """Hand gates that look anew in each run what they left, and others that read the same files alike."""
        if self._entries is None or self._before is None:
            return
        try:
            for job in jobs:
                if isinstance(job.gate, RememberingGate):
                    self._admit(job.gate, self._before)
                    job.memory.earlier = self._left(self._entries, job.gate.id)
                lenders = (name for name in LENDERS.get(job.gate.id, ()) if name in self._around)
                left = (self._left(self._entries, name) for name in lenders)
                job.memory.lent = next((each for each in left if each is not None), None)
        except GateError as error:
            self._say(str(error))

    def _admit(self, gate: RememberingGate, before: Inputs) -> None:
        """Say what the memory of a gate depends on that is not asked for its whole answer."""
        terms = gate.memory(self._plan.settings[gate.id])
        self._hours[gate.id] = terms.hours
        own = self._own_inputs(gate.id, terms)
        self._around[gate.id] = stamps.digest([MEMORY, before.around, own])

    def _left(self, entries: Entries, name: str) -> bytes | None:
        """Return what a gate left in an earlier run of which all but the project was the same."""
        if name not in self._earlier:
            entry = entries.read(name, self._around[name], self._hours[name] * HOUR_SECONDS)
            kept = entry.evidence if entry is not None else ()
            self._earlier[name] = next((each.data for each in kept if each.name == MEMORY), None)
        return self._earlier[name]

    def _remember(self, entries: Entries, job: engine.Job) -> None:
        # Where it knows nothing new, what is there stays as it is, and is renewed when its time is over.
        if job.memory.left is not None and job.memory.left != job.memory.earlier:
            left = KeptFile(name=MEMORY, data=job.memory.left)
            key = self._around[job.gate.id]
            entries.write(
                Entry(gate=job.gate.id, key=key, observation=b"", evidence=(left,), made=time.time())
            )

    def _found(self, entries: Entries, name: str) -> engine.Outcome | None:
        started = time.monotonic()
        entry = entries.read(name, self._keys[name], self._terms[name].hours * HOUR_SECONDS)
        if entry is None:
            return None
        try:
            files = [self._restored(name, each) for each in entry.evidence]
            if None in files:
                self._staging.forget(name)
                return None
            seen = codec.load(entry.observation)
        except GateError as error:
            self._say(f"nothing is reused of {name}: {error}")
            return None
        return engine.Outcome(
            gate=name,
            observation=seen,
            evidence=tuple(each for each in files if each is not None and each.volatile),
            seconds=time.monotonic() - started,
            reused=True,
        )

    def _restored(self, gate: str, kept: KeptFile) -> Evidence | None:
        """Put a file back; None where it holds what has become a secret since."""
        if not self._staging.restore(gate, kept.name, kept.data, has_contacts=kept.has_contacts):
            return None
        digest = hashlib.sha256(kept.data).hexdigest()
        return Evidence(name=kept.name, sha256=digest, media_type=kept.media_type, volatile=kept.volatile)

    def _entry(self, job: engine.Job, seen: Observation, outcome: engine.Outcome) -> Entry:
        name = job.gate.id
        return Entry(
            gate=name,
            key=self._keys[name],
            observation=codec.dump(self._staging.redactor.value(seen)),
            evidence=tuple(
                KeptFile(
                    name=each.name,
                    data=self._staging.kept(name, each),
                    media_type=each.media_type,
                    volatile=each.volatile,
                    has_contacts=each.name in job.contacts,
                )
                for each in (*seen.evidence, *outcome.evidence)
            ),
            made=time.time(),
            seconds=outcome.seconds,
        )

    def _tell(self, entries: Entries) -> None:
        for note in entries.notes:
            self._say(note)
        entries.notes.clear()


def _durations(data: bytes | None) -> dict[str, float]:
    """Return seconds by gate; whoever changed the file changes the order of the gates and nothing else."""
    try:
        match json.loads(data or b"{}"):
            case dict(told):
                return {str(name): each for name, each in told.items() if isinstance(each, float)}
    except (ValueError, RecursionError):
        return {}
    return {}


def attests(resolved: Plan) -> bool:
    """Tell whether a run attests what its gates saw: then they look themselves."""
    supervised = resolved.request.mode is Mode.SUPERVISED
    return supervised and any(rule.gate == PROVENANCE for rule in resolved.rules)


def _lasting(outcome: engine.Outcome | None) -> Observation | None:
    """Return what a gate observed where another run from the same inputs would observe it too."""
    seen = outcome.observation if outcome is not None else None
    return None if seen is None or seen.fleeting or seen.volatile else seen
