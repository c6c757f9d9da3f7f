"""The runtime closure: the distributions that the project's declarations reach in the target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pytest_failhard.distributions.installed import Distribution


@dataclass(frozen=True, kw_only=True, order=True)
class Problem:
    """What is wrong with a requirement: `kind`, whose it is ("" for the project), whom it is about.

    The kinds are `missing`, `unsatisfied`, `direct-mismatch`, `unknown-extra`, `invalid`,
    `python-version`, `duplicate`.
    """

    kind: str
    parent: str
    name: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Closure:
    """What is installed and needed. An edge's parent is "" for the project; names are canonical."""

    nodes: Mapping[str, Distribution]
    edges: frozenset[tuple[str, str]]
    problems: tuple[Problem, ...]

    def chain(self, name: str) -> tuple[str, ...]:
        """Return the shortest way from a direct dependency of the project to a member, both included."""
        parents: dict[str, str] = {}
        queue = [""]
        for parent in queue:
            for child in sorted(child for above, child in self.edges if above == parent):
                if child not in parents:
                    parents[child] = parent
                    queue.append(child)
        way: list[str] = []
        while name in parents:
            way.append(name)
            name = parents[name]
        return tuple(reversed(way))
