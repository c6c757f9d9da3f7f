"""All that the gates of the supply chain share, computed once a run."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pytest_failhard.distributions import (
    closure,
    declared,
    installed,
    locks,
    optional,
    pyproject,
    settings,
    target,
)
from pytest_failhard.distributions.closure import Closure
from pytest_failhard.distributions.declared import Declared
from pytest_failhard.distributions.installed import Distribution
from pytest_failhard.distributions.locks import Artefact, Lock
from pytest_failhard.distributions.settings import SupplySettings
from pytest_failhard.distributions.target import Target
from pytest_failhard.model import GateError, Run
from pytest_failhard.source import files

KEPT = 2


@dataclass(frozen=True, kw_only=True)
class Supply:
    """A project's declarations, what is installed for it, its locks.

    `installed` holds every distribution of the target, the closure's members and our own tools among
    them; `artefacts` one entry for each member of the closure.
    """

    target: Target
    declared: Declared
    installed: Mapping[str, Distribution]
    closure: Closure
    locks: tuple[Lock, ...] = ()
    artefacts: Mapping[str, Artefact] = field(default_factory=dict)


State = tuple[tuple[int, int], ...]


@dataclass(frozen=True, kw_only=True)
class _Kept:
    """What was found, or why nothing could be, and the files that it rests on as they were."""

    files: tuple[Path, ...]
    state: State
    found: Supply | GateError


_LOCK = threading.Lock()
_KEPT: dict[tuple[Path, Path], _Kept] = {}


def supply(run: Run) -> Supply:
    """Return the project's supply; raises GateError where any part of it cannot be known.

    The last ones are remembered as long as no file has changed that declares, locks or is a folder of
    packages: several gates ask, at one time, for the same.
    """
    key = (run.root, run.interpreter)
    with _LOCK:
        kept = _KEPT.get(key)
        if kept is None or _files(run, kept.found) != kept.files or _state(kept.files) != kept.state:
            kept = _read(run)
            while len(_KEPT) >= KEPT:
                _KEPT.pop(next(iter(_KEPT)))
            _KEPT[key] = kept
    if isinstance(kept.found, GateError):
        # One of its own for each thread: a raised exception gathers the frames that it passed.
        raise GateError(str(kept.found))
    return kept.found


def of_target(
    root: Path,
    wanted: SupplySettings,
    asked: Target,
    source: tuple[str, ...] = (),
    tests: tuple[str, ...] = (),
) -> Supply:
    """Return the supply of a project for a target that is already known; raises GateError.

    An extra that product code below `source` imports from is installed in production, named or not.
    """
    present = installed.read(asked)
    said = declared.read(root, wanted, present)
    reached = closure.compute(said, present, asked)
    if _has_extras(said):
        product = _product(root, source, tests)
        found = optional.extras(root, product, said.others, reached.nodes, present)
        if found:
            said = declared.read(root, replace(wanted, extras=(*wanted.extras, *found)), present)
            reached = closure.compute(said, present, asked)
    explained = said.compiled - frozenset(closure.unreached(reached, said.compiled))
    disagreeing = tuple(name for name in said.disagreeing if name not in explained)
    pinned = locks.read(root, wanted.locks)
    return Supply(
        target=asked,
        declared=replace(said, disagreeing=disagreeing),
        installed=present,
        closure=reached,
        locks=pinned,
        artefacts={name: locks.artefact(member, pinned) for name, member in reached.nodes.items()},
    )


def _has_extras(said: Declared) -> bool:
    return any(each.scope.startswith("extra:") for each in said.others)


def _product(root: Path, source: tuple[str, ...], tests: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(file.path for file in files.read(root, source, tests).product) if source else ()


def _read(run: Run) -> _Kept:
    try:
        found: Supply | GateError = _supply(run)
    except GateError as error:
        if not run.remaining():
            raise  # this gate's time is over; another one has its own
        found = error
    paths = _files(run, found)
    return _Kept(files=paths, state=_state(paths), found=found)


def _supply(run: Run) -> Supply:
    mistakes: list[str] = []
    wanted = settings.read(pyproject.read(run.root, mistakes).document)
    if mistakes:
        raise GateError("; ".join(mistakes))
    return of_target(run.root, wanted, target.probe(run), run.source, run.test_roots)


def _files(run: Run, found: Supply | GateError) -> tuple[Path, ...]:
    """Return what the result rests on: with another file among them, or one less, it is another result."""
    usual = (pyproject.FILE, *declared.OLDER, *locks.usual(run.root))
    if isinstance(found, GateError):
        return tuple(run.root / path for path in usual)
    read = {*usual, *found.declared.files, *(lock.path for lock in found.locks)}
    if _has_extras(found.declared):
        read.update(_product(run.root, run.source, run.test_roots))
    return (*(run.root / path for path in sorted(read)), *found.target.paths)


def _state(files: Iterable[Path]) -> State:
    return tuple(map(_stamp, files))


def _stamp(path: Path) -> tuple[int, int]:
    try:
        state = path.stat()
    except OSError:
        # Not there: that it comes is a change.
        return (0, 0)
    return (state.st_mtime_ns, state.st_size)
