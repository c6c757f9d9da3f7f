"""What the checks share: the copy of the tree, the clean environment, and the system on request."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import psutil

from pytest_failhard.gates.system.imported import Imported
from pytest_failhard.gates.system.record import Ended, Record, Watched
from pytest_failhard.gates.system.settings import SystemSettings
from pytest_failhard.model import NO_VARIABLES, Finding, Run, Severity
from pytest_failhard.provider import Model
from pytest_failhard.system import workcopy
from pytest_failhard.system.declaration import System
from pytest_failhard.system.derive.derived import Derived
from pytest_failhard.system.environment import Prepared, prepare
from pytest_failhard.system.install import Installed
from pytest_failhard.system.launch import Instance, launch
from pytest_failhard.system.links import Link
from pytest_failhard.system.provided import Provided

READY_SECONDS = 60.0
"""So long a start is waited for; whether it was in time, the policy says (`ready_seconds`)."""
Changes = Mapping[str, str | None]


@dataclass(frozen=True, kw_only=True)
class Canary:
    """A secret of this run. `name` is the variable; `file` tells whether it names a file with the value."""

    name: str
    value: str
    file: bool = False


@dataclass(kw_only=True)
class Stage:
    """What the checks share. `tree` is the working copy, `python` the clean environment's interpreter.

    Every start is led to what stands in for what the system needs: links before dependencies, a model.
    `derived` is what the project's files say about the system.
    """

    run: Run
    settings: SystemSettings
    system: System
    tree: Path
    python: Path
    derived: Derived = field(default_factory=lambda: Derived(examined=0))
    installed: Installed | None = None
    """The clean environment; None before it is there, and where it could not be made."""
    imported: Imported | None = None
    """What of the product's imports that environment answers."""
    provided: Provided = field(default_factory=Provided)
    model: Model | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    """What is set on top in every start."""
    ready_seconds: float = 0.0
    """The longest that a start took so far until the system was ready."""
    record: Record = field(default_factory=Record)
    canaries: list[Canary] = field(default_factory=list)
    originals: dict[str, str] = field(default_factory=dict)
    """What the files of the working copy were before the first start, by path."""
    watched: Watched | None = None
    """The round that the looks at leaks and at logs share."""
    seconds: dict[str, Fraction] = field(default_factory=dict)
    """What each check took."""
    cut_short: bool = False
    """Whether what was found keeps the rest from being looked at."""
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _proving: bool = False

    @property
    def links(self) -> Mapping[str, Link]:
        """What stands before each dependency that is reached over TCP, by its name."""
        return self.provided.links

    def runs(self, part: str) -> bool:
        """Tell whether the level enforces or reports a part (`R3`, `R3/settings`)."""
        return part in self.settings.enforce or part in self.settings.report

    def weighed(self, part: str, findings: Iterable[Finding]) -> list[Finding]:
        """Return findings, low ones where the level only reports their part."""
        enforced = part in self.settings.enforce
        return [each if enforced else replace(each, severity=Severity.LOW) for each in findings]

    def prepare(self) -> Prepared:
        """Return a fresh environment with fresh canaries for secrets; all of it valid for production."""
        folder = self.run.scratch / f"start-{next(self._numbers)}"
        prepared = prepare(
            self.system,
            interpreter=self.python,
            folder=folder,
            keys=NO_VARIABLES,
            provided=self.provided.variables,
        )
        files = {secret.name for secret in self.system.secrets or () if secret.file}
        self.canaries += [
            Canary(name=name, value=value, file=name in files) for name, value in prepared.secrets.items()
        ]
        led = prepared if self.model is None else self.model.lead(prepared)
        return replace(led, variables={**led.variables, **self.variables})

    def prove_model(self) -> None:
        """See that each route that needs the model asks the stand-in; done once, before the first instance.

        Raises GateError where one does not, whatever leads it there.
        """
        if self.model is None or self.model.proven or self._proving:
            return
        self._proving = True
        try:
            with self.instance("model") as started:
                self.model.prove(started)
            if not self.model.proven and self.model.further():
                with self.instance("model") as started:
                    self.model.prove(started)
            self.model.require()
        finally:
            self._proving = False

    @contextlib.contextmanager
    def instance(
        self, purpose: str, *, changes: Changes = NO_VARIABLES, within: float = READY_SECONDS
    ) -> Iterator[Instance]:
        """Give a ready system of its own; when the context closes nothing of it is left.

        `changes` are variables on top of a valid production environment, None for one that is not set.
        Raises LaunchError where it does not become ready within so many seconds.
        """
        self.prove_model()
        prepared = self.prepare()
        variables = altered(prepared.variables, changes)
        watch = workcopy.Watch(self.tree, prepared.home, prepared.temporary, prepared.data)
        started = launch(
            self.run,
            self.system,
            cwd=self.tree,
            environment=variables,
            secrets=prepared.secrets,
            within=within,
        )
        self.ready_seconds = max(self.ready_seconds, started.ready_seconds)
        argv = arguments(started.process.family())
        try:
            yield started
        finally:
            started.process.kill()
            process = started.process
            self.record.end(
                Ended(
                    purpose=purpose,
                    stdout=process.stdout,
                    stderr=process.stderr,
                    log=started.log(process.stdout, process.stderr),
                    argv=argv,
                    files=dict(watch.written()),
                )
            )


def altered(variables: Mapping[str, str], changes: Changes) -> dict[str, str]:
    """Return variables with some changed, and those without a value taken away."""
    kept = {name: value for name, value in variables.items() if name not in changes}
    return kept | {name: value for name, value in changes.items() if value is not None}


def arguments(pids: Iterable[int]) -> tuple[tuple[str, ...], ...]:
    """Return the arguments of processes; of one that is gone there are none."""
    found: list[tuple[str, ...]] = []
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            found.append(tuple(psutil.Process(pid).cmdline()))
    return tuple(found)
