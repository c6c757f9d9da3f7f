"""Starts both sides' servers: each from its own tree, with its own state, led to the same model."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pytest_failhard import provider
from pytest_failhard.gates.performance.routes import loaded_code, processors
from pytest_failhard.gates.performance.routes.processors import Placement
from pytest_failhard.gates.performance.samples import SideName
from pytest_failhard.gates.performance.sides import Side, Trees
from pytest_failhard.model import GateError, Process, Run
from pytest_failhard.source import pyproject
from pytest_failhard.system import declared
from pytest_failhard.system.declaration import System
from pytest_failhard.system.environment import Prepared, prepare
from pytest_failhard.system.launch import Instance, LaunchError, launch
from pytest_failhard.system.provided import provided

READY_SECONDS = 60.0
MODEL_SECONDS = 0.02
"""So long the model takes for each answer, behind both sides."""
COMPILED = "compiled"
SIDES: tuple[SideName, SideName] = ("base", "head")


class NotReadyError(GateError):
    """A side's server did not become ready."""

    def __init__(self, side: SideName, message: str) -> None:
        super().__init__(f"{'no-baseline' if side == 'base' else 'not-measured'}: {side}: {message}")
        self.side = side


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where a side is started: its tree, and a folder for what it leaves."""

    run: Run
    root: Path
    scratch: Path

    def start(
        self, argv: Sequence[str], *, environment: Mapping[str, str], cwd: Path, kept: bool = False
    ) -> Process:
        """Start a process."""
        return self.run.start(argv, environment=environment, cwd=cwd, kept=kept)


@dataclass(frozen=True, kw_only=True)
class Place:
    """One side: how it is declared, its tree, and where it finds what it needs."""

    name: SideName
    side: Side
    system: System
    site: Site
    variables: Mapping[str, str]


@dataclass(kw_only=True)
class Sites:
    """Both sides with what they need: dependencies that run, a model that answers."""

    run: Run
    places: Mapping[SideName, Place]
    model: provider.Model | None = None
    is_own: bool = True
    """Whether the base says itself how it is started; otherwise head's declaration was tried on it."""
    _proven: bool = field(default=False)

    @contextlib.contextmanager
    def pair(self, number: int, place: Placement, first: SideName) -> Iterator[Mapping[SideName, Instance]]:
        """Give both servers, ready, with fresh state; nothing of them is left when the context closes.

        Raises GateError where a side does not become ready.
        """
        self._prove(number, place)
        with self._started(number, place, first, written=number == 0) as instances:
            if self.model is not None:
                self.model.forget()
            yield instances

    def require_own_code(self) -> None:
        """Raise GateError where a server of the first pair runs other code than its own tree's.

        To be called after its routes were asked: some modules are loaded by the first request.
        """
        trees = {name: place.side.tree for name, place in self.places.items()}
        for name, place in self.places.items():
            loaded = tuple(loaded_code.sources(self._folder / name / COMPILED))
            others = [self.run.root, *(tree for other, tree in trees.items() if other != name)]
            loaded_code.require(place.side, place.system.start, loaded, others)

    @property
    def _folder(self) -> Path:
        return self.run.scratch / "servers" / "pair"

    def _prove(self, number: int, place: Placement) -> None:
        """See once that head's routes which need the model ask the one that stands in for it."""
        model = self.model
        if model is None or self._proven:
            return
        self._proven = True
        with self._started(number, place, "base") as instances:
            model.prove(instances["head"])
        if not model.proven and model.further():
            with self._started(number, place, "base") as instances:
                model.prove(instances["head"])
        model.require()

    @contextlib.contextmanager
    def _started(
        self, number: int, place: Placement, first: SideName, *, written: bool = False
    ) -> Iterator[Mapping[SideName, Instance]]:
        instances: dict[SideName, Instance] = {}
        try:
            for name in SIDES if first == "base" else SIDES[::-1]:
                prepared = self._prepared(self.places[name], number)
                if written:
                    folder = self._folder / name / COMPILED
                    prepared = replace(prepared, variables=loaded_code.led(prepared.variables, folder))
                instances[name] = self._start(self.places[name], prepared, place)
            yield instances
        finally:
            for instance in instances.values():
                instance.process.kill()
            shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self, where: Place, prepared: Prepared, place: Placement) -> Instance:
        try:
            with processors.starting(place):
                return launch(
                    where.site,
                    where.system,
                    cwd=where.side.tree,
                    environment=prepared.variables,
                    secrets=prepared.secrets,
                    within=READY_SECONDS,
                )
        except LaunchError as error:
            raise NotReadyError(where.name, str(error)) from None

    def _prepared(self, where: Place, number: int) -> Prepared:
        prepared = prepare(
            where.system,
            interpreter=where.side.python,
            folder=self._folder / where.name,
            keys={},
            provided=where.variables,
        )
        led = prepared if self.model is None else self.model.lead(prepared)
        roots = ":".join(map(str, where.side.roots))
        known = [part for part in (roots, led.variables.get("PYTHONPATH", "")) if part]
        ours = {"PYTHONHASHSEED": str(seed(self.run.seed, number)), "PYTHONPATH": ":".join(known)}
        return replace(led, variables={**led.variables, **ours})


def seed(run_seed: int, pair: int) -> int:
    """Return the hash seed of a pair: equal on both sides, another one for each pair."""
    return int.from_bytes(hashlib.sha256(f"{run_seed}/{pair}".encode()).digest()[:4], "big")


@contextlib.contextmanager
def opened(run: Run, system: System, trees: Trees) -> Iterator[Sites]:
    """Give both sides while the context is open; raises GateError for what cannot be provided.

    What head declares to be asked is asked of both; how a side is started it says itself, as far as it does.
    """
    own = _own(trees.base)
    systems: Mapping[SideName, System] = {
        "base": system if own is None else replace(own, routes=system.routes),
        "head": system,
    }
    with contextlib.ExitStack() as stack:
        model = stack.enter_context(provider.model(run, system, _table(run.root, "llm")))
        if model is not None:
            model.delay(MODEL_SECONDS)
        places: dict[SideName, Place] = {}
        for side in (trees.base, trees.head):
            site = Site(run=run, root=side.tree, scratch=run.scratch / "servers" / side.name)
            given = stack.enter_context(provided(site, systems[side.name], interpreter=side.python))
            places[side.name] = Place(
                name=side.name,
                side=side,
                system=systems[side.name],
                site=site,
                variables=given.variables,
            )
        yield Sites(run=run, places=places, model=model, is_own=own is not None)


def _own(side: Side) -> System | None:
    """Return how a tree says that it is started, None where it does not, or not in a way that we can use."""
    try:
        system = declared.read(side.tree)
    except GateError:
        return None
    return None if system is None or system.kind != "http" or system.missing else system


def declared_routes(side: Side) -> frozenset[str]:
    """Return the ids of the routes that a tree declares."""
    own = _own(side)
    return frozenset(
        route.id for route in (own.routes or () if own is not None else ()) if not route.negative
    )


def _table(root: Path, gate: str) -> dict[str, object]:
    table: object = pyproject(root)
    for name in ("tool", "failhard", gate):
        table = table.get(name) if isinstance(table, dict) else None
    return table if isinstance(table, dict) else {}
