"""All that the gates of the supply chain share, computed once a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pytest_failhard.distributions.closure import Closure
from pytest_failhard.distributions.declared import Declared
from pytest_failhard.distributions.installed import Distribution
from pytest_failhard.distributions.locks import Artefact, Lock
from pytest_failhard.distributions.target import Target


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
