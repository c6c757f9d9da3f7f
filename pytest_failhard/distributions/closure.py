"""The runtime closure: the distributions that the project's declarations reach in the target."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from pytest_failhard.distributions import direct
from pytest_failhard.distributions.declared import Declaration, Declared
from pytest_failhard.distributions.installed import Distribution
from pytest_failhard.distributions.target import Target

KEPT_REQUIREMENTS = 8192
PROJECT = ""
"""Whose the project's own requirements are."""


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
        way: list[str] = []
        while name in self._parents:
            way.append(name)
            name = self._parents[name]
        return tuple(reversed(way))

    @cached_property
    def _parents(self) -> Mapping[str, str]:
        """By name, the member that leads to it on the shortest way; of several the first by name."""
        children: dict[str, list[str]] = {}
        for parent, child in sorted(self.edges):
            children.setdefault(parent, []).append(child)
        parents: dict[str, str] = {}
        queue = [PROJECT]
        for parent in queue:
            for child in children.get(parent, ()):
                if child not in parents:
                    parents[child] = parent
                    queue.append(child)
        return parents


def compute(declared: Declared, installed: Mapping[str, Distribution], target: Target) -> Closure:
    """Walk from the declarations through the installed metadata, each distribution once with each extra."""
    walk = _Walk(declared.project.name, installed, target)
    walk.python(PROJECT, declared.project.name, declared.project.requires_python)
    for declaration in declared.roots:
        walk.declare(declaration)
    walk.run()
    for declaration in declared.constraints:
        walk.constrain(declaration)
    return Closure(
        nodes={name: installed[name] for name in sorted(walk.members)},
        edges=frozenset(walk.edges),
        problems=tuple(sorted(walk.problems)),
    )


class _Walk:
    """The state of one walk, breadth first."""

    def __init__(self, project: str, installed: Mapping[str, Distribution], target: Target) -> None:
        self._project = project
        self._installed = installed
        self._markers = dict(target.markers)
        self._seen: set[tuple[str, str]] = set()
        self._queue: list[tuple[str, Requirement, str]] = []
        self.members: set[str] = set()
        self.edges: set[tuple[str, str]] = set()
        self.problems: set[Problem] = set()

    def declare(self, declaration: Declaration) -> None:
        """Take a requirement of the project itself."""
        if declaration.requirement is None:
            self._problem("invalid", PROJECT, "", declaration.text)
            return
        kind, _, scope = declaration.scope.partition(":")
        self._queue.append((PROJECT, declaration.requirement, scope if kind == "extra" else ""))

    def constrain(self, declaration: Declaration) -> None:
        """Hold a constraint against the member that it is about, if there is one."""
        requirement = declaration.requirement
        if requirement is None:
            self._problem("invalid", PROJECT, "", declaration.text)
            return
        name = canonicalize_name(requirement.name)
        if name in self.members and self._applies(PROJECT, requirement, ""):
            self._compare(PROJECT, requirement, self._installed[name])

    def run(self) -> None:
        """Follow the requirements until there are no more."""
        for parent, requirement, extra in self._queue:
            if self._applies(parent, requirement, extra):
                self._reach(parent, requirement)

    def python(self, parent: str, name: str, bound: str) -> None:
        """Hold a `Requires-Python` against the target."""
        if not bound:
            return
        version = self._markers["python_full_version"]
        try:
            fits = SpecifierSet(bound).contains(version, prereleases=True)
        except InvalidSpecifier:
            self._problem("invalid", parent, name, f"Requires-Python: {bound}")
            return
        if not fits:
            self._problem("python-version", parent, name, f"Requires-Python: {bound}, and this is {version}")

    def _applies(self, parent: str, requirement: Requirement, extra: str) -> bool:
        if requirement.marker is None:
            return True
        try:
            return requirement.marker.evaluate({**self._markers, "extra": extra})
        except (UndefinedComparison, UndefinedEnvironmentName, InvalidVersion):
            self._problem("invalid", parent, canonicalize_name(requirement.name), str(requirement))
            return False

    def _reach(self, parent: str, requirement: Requirement) -> None:
        name = canonicalize_name(requirement.name)
        if parent == PROJECT and name == self._project:
            # What is left of a requirement on the project itself after its known extras were expanded.
            self._unknown(parent, requirement, frozenset())
            return
        self.edges.add((parent, name))
        distribution = self._installed.get(name)
        if distribution is None:
            self._problem("missing", parent, name, str(requirement))
            return
        self._compare(parent, requirement, distribution)
        self._unknown(parent, requirement, _extras(distribution))
        if name not in self.members:
            self._join(distribution)
        for extra in ("", *sorted(map(canonicalize_name, requirement.extras))):
            self._require(distribution, extra)

    def _compare(self, parent: str, requirement: Requirement, distribution: Distribution) -> None:
        if requirement.url is not None:
            if not direct.fits(requirement.url, distribution.direct_url):
                self._problem("direct-mismatch", parent, distribution.name, str(requirement))
        elif not _contains(requirement.specifier, distribution.version):
            self._problem("unsatisfied", parent, distribution.name, str(requirement))

    def _unknown(self, parent: str, requirement: Requirement, known: frozenset[str]) -> None:
        name = canonicalize_name(requirement.name)
        for extra in requirement.extras:
            if canonicalize_name(extra) not in known:
                self._problem("unknown-extra", parent, name, f"{requirement.name}[{extra}]")

    def _join(self, distribution: Distribution) -> None:
        name = distribution.name
        self.members.add(name)
        self.python(name, name, distribution.one("Requires-Python"))
        if distribution.duplicates:
            folders = sorted((distribution.folder.name, *distribution.duplicates))
            self._problem("duplicate", name, name, ", ".join(folders))
        for text in distribution.requires:
            if _requirement(text) is None:
                self._problem("invalid", name, name, text)

    def _require(self, distribution: Distribution, extra: str) -> None:
        name = distribution.name
        if (name, extra) in self._seen:
            return
        self._seen.add((name, extra))
        parsed = map(_requirement, distribution.requires)
        self._queue += [(name, requirement, extra) for requirement in parsed if requirement is not None]

    def _problem(self, kind: str, parent: str, name: str, text: str) -> None:
        self.problems.add(Problem(kind=kind, parent=parent, name=name, text=text))


@lru_cache(maxsize=KEPT_REQUIREMENTS)
def _requirement(text: str) -> Requirement | None:
    try:
        return Requirement(text)
    except InvalidRequirement:
        # Not lost: whoever joins the closure with it is named as a problem.
        return None


def _extras(distribution: Distribution) -> frozenset[str]:
    return frozenset(map(canonicalize_name, distribution.all("Provides-Extra")))


def _contains(specifiers: SpecifierSet, version: str) -> bool:
    try:
        known = Version(version)
    except InvalidVersion:
        # Only `===` speaks of what is no version: it compares texts.
        return all(each.operator == "===" and each.version == version for each in specifiers)
    return specifiers.contains(known, prereleases=True)


def unreached(closure: Closure, names: Iterable[str]) -> tuple[str, ...]:
    """Return the names that no member leads to: nothing but a declaration could bring them."""
    above = {child for parent, child in closure.edges if parent != PROJECT}
    return tuple(sorted(name for name in names if name not in above))
