"""Tells what a project declares, by name: for what, and on which line."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pytest_failhard.distributions.closure import Problem
from pytest_failhard.distributions.data.names import PROVIDERS
from pytest_failhard.distributions.declarations import Declaration
from pytest_failhard.distributions.supply import Supply
from pytest_failhard.source.dependencies import NAME

FILES = ("*requirements*.txt", "*requirements*.in", "requirements/*.txt", "requirements/*.in")
PIN = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*===?\s*[^\s*;]+\s*(?:$|[;#\\])")
_AFFIXES = ("python-", "py")
_ENDINGS = ("-python", "-py", "-sdk", "-client")


class Names:
    """The names that a project declares."""

    def __init__(self, supply: Supply, root: Path) -> None:
        self._supply = supply
        self._root = root
        declared = supply.declared
        self.roots = frozenset(_names(declared.roots))
        """What production is installed with, whether or not its marker holds here."""
        self.extras = frozenset(_names(each for each in declared.others if each.scope.startswith("extra:")))
        self.all = frozenset(_names([*declared.roots, *declared.others]))

    @functools.cached_property
    def development(self) -> frozenset[str]:
        """What tests may import: all that is declared, in any requirements file as well."""
        found = (NAME.match(line) for line in self._lines)
        return self.all | {canonicalize_name(match[1]) for match in found if match}

    @functools.cached_property
    def _lines(self) -> tuple[str, ...]:
        """The lines of all requirements files."""
        paths = {path for pattern in FILES for path in self._root.glob(pattern) if path.is_file()}
        texts = (path.read_text("utf-8", "replace") for path in sorted(paths))
        return tuple(line for text in texts for line in text.splitlines())

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
        found = {name for each in said if _is_pin(each.requirement) for name in _names([each])}
        lines = (PIN.match(line) for line in self._lines)
        return frozenset(found | {canonicalize_name(match[1]) for match in lines if match})

    def chain(self, name: str) -> str:
        """Return how the project comes to a member: ` (flask -> jinja2)`, empty where it asks itself."""
        chain = self._supply.closure.chain(name)
        return f" ({' -> '.join(chain)})" if len(chain) > 1 else ""

    def absent(self, asked: str) -> frozenset[str]:
        """Return the declared names that may bring a module and are not installed."""
        missing = self.development - self._supply.installed.keys()
        wanted = frozenset(likely(asked))
        return frozenset(name for name in missing if name in wanted or _bare(name) in wanted)


def _is_pin(requirement: Requirement | None) -> bool:
    if requirement is None:
        return False
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
