"""Tells what a project declares, by name: for what, and on which line."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pytest_failhard.distributions.closure import Problem
from pytest_failhard.distributions.data.names import PROVIDERS
from pytest_failhard.distributions.declarations import Declaration
from pytest_failhard.distributions.supply import Supply

_AFFIXES = ("python-", "py")
_ENDINGS = ("-python", "-py", "-sdk", "-client")


class Names:
    """The names that a project declares."""

    def __init__(self, supply: Supply) -> None:
        self._supply = supply
        declared = supply.declared
        self.roots = frozenset(_names(declared.roots))
        """What production is installed with, whether or not its marker holds here."""
        self.extras = frozenset(_names(each for each in declared.others if each.scope.startswith("extra:")))
        self.all = frozenset(_names([*declared.roots, *declared.others]))

    @functools.cached_property
    def by_name(self) -> Mapping[str, Declaration]:
        """The declaration of each name, the one for production first."""
        found: dict[str, Declaration] = {}
        for each in (*self._supply.declared.roots, *self._supply.declared.others):
            for name in _names([each]):
                found.setdefault(name, each)
        return found

    def place(self, name: str) -> tuple[str, int]:
        """Return path and line of the declaration that pulls a distribution in."""
        chain = self._supply.closure.chain(name)
        declaration = self.by_name.get(chain[0] if chain else name)
        if declaration is None:
            return (self._supply.declared.source, 0)
        return (declaration.path, declaration.line)

    def line(self, problem: Problem) -> int:
        """Return the line of the declaration that a problem of the project itself is about, 0 if unknown."""
        texts = {each.text: each.line for each in self._supply.declared.roots}
        texts |= {str(each.requirement): each.line for each in self._supply.declared.roots}
        return 0 if problem.parent else texts.get(problem.text, 0)

    def version(self, name: str) -> str:
        """Return the version in which a distribution is installed, empty where it is not."""
        found = self._supply.installed.get(name)
        return found.version if found else ""

    @functools.cached_property
    def pinned(self) -> frozenset[str]:
        """The names that the project itself holds to one version."""
        said = (*self._supply.declared.roots, *self._supply.declared.constraints)
        return frozenset(
            name
            for each in said
            if each.requirement is not None and _is_pin(each.requirement)
            for name in _names([each])
        )

    def chain(self, name: str) -> str:
        """Return how the project comes to a member: ` (flask -> jinja2)`, empty where it asks itself."""
        chain = self._supply.closure.chain(name)
        return f" ({' -> '.join(chain)})" if len(chain) > 1 else ""

    def absent(self, asked: str) -> frozenset[str]:
        """Return the declared names that may bring a module and are not installed."""
        missing = self.all - self._supply.installed.keys()
        wanted = frozenset(likely(asked))
        return frozenset(name for name in missing if name in wanted or _bare(name) in wanted)


def _is_pin(requirement: Requirement) -> bool:
    if requirement.url is not None:
        return True
    return any(
        each.operator in {"==", "==="} and not each.version.endswith(".*") for each in requirement.specifier
    )


def likely(asked: str) -> Iterator[str]:
    """Yield the canonical names that a distribution which brings a module may have."""
    prefix = asked
    while prefix:
        yield canonicalize_name(prefix)
        prefix = prefix.rpartition(".")[0]
    yield from PROVIDERS.get(asked.partition(".")[0], ())


def _bare(name: str) -> str:
    """Return a name without what only says that it is for Python."""
    for affix in _AFFIXES:
        name = name.removeprefix(affix)
    for ending in _ENDINGS:
        name = name.removesuffix(ending)
    return name


def _names(declarations: Iterable[Declaration]) -> Iterator[str]:
    for each in declarations:
        if each.requirement is not None:
            yield canonicalize_name(each.requirement.name)
