"""What a project declares, by name: for what, and on which line."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping

from packaging.utils import canonicalize_name

from pytest_failhard.distributions.data.names import PROVIDERS
from pytest_failhard.distributions.declared import Declaration
from pytest_failhard.distributions.supply import Supply

RUNTIME = "runtime"
_AFFIXES = ("python-", "py")
_ENDINGS = ("-python", "-py", "-sdk", "-client")


class Names:
    """The names that a project declares."""

    def __init__(self, supply: Supply) -> None:
        self._supply = supply
        declared = supply.declared
        self.roots = frozenset(_names(declared.roots))
        """What production is installed with, whether or not its marker holds here."""
        self.extras = frozenset(
            _names(each for each in declared.others if each.scope.startswith("extra:"))
        )
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

    def chain(self, name: str) -> str:
        """Return how the project comes to a member: ` (flask -> jinja2)`, empty where it asks itself."""
        chain = self._supply.closure.chain(name)
        return f" ({' -> '.join(chain)})" if len(chain) > 1 else ""

    def absent(self, asked: str) -> frozenset[str]:
        """Return the declared names that may bring a module and are not installed."""
        missing = self.all - self._supply.installed.keys()
        wanted = frozenset(likely(asked))
        return frozenset(name for name in missing if name in wanted or _bare(name) in wanted)


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
