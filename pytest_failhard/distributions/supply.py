"""All that the gates of the supply chain share, computed once a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pytest_failhard.distributions import closure, declared, installed, pyproject, settings, target
from pytest_failhard.distributions.closure import Closure
from pytest_failhard.distributions.declared import Declared
from pytest_failhard.distributions.installed import Distribution
from pytest_failhard.distributions.locks import Artefact, Lock
from pytest_failhard.distributions.target import Target
from pytest_failhard.model import GateError, Run


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


def supply(run: Run) -> Supply:
    """Return the project's supply; raises GateError where any part of it cannot be known."""
    mistakes: list[str] = []
    wanted = settings.read(pyproject.read(run.root, mistakes).document)
    if mistakes:
        raise GateError("; ".join(mistakes))
    asked = target.probe(run)
    return of_target(run.root, wanted, asked)


def of_target(root: Path, wanted: settings.SupplySettings, asked: Target) -> Supply:
    """Return the supply of a project for a target that is already known."""
    present = installed.read(asked)
    said = declared.read(root, wanted, present)
    reached = closure.compute(said, present, asked)
    explained = said.compiled - frozenset(closure.unreached(reached, said.compiled))
    said = replace(said, disagreeing=tuple(name for name in said.disagreeing if name not in explained))
    return Supply(target=asked, declared=said, installed=present, closure=reached)
