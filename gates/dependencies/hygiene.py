"""Judges imports: each is answered by something that the project declares."""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping

from packaging.utils import canonicalize_name

from pytest_failhard.distributions.data.names import SOMETIMES_STANDARD
from pytest_failhard.distributions.supply import Supply
from pytest_failhard.gates.dependencies.names import Names
from pytest_failhard.gates.dependencies.resolution import Resolved, Source
from pytest_failhard.model import Finding, Severity

MISSING, UNDECLARED, TRANSITIVE = "missing-import", "undeclared-import", "transitive-import"
SHOWN = 3
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
Present = Callable[[Resolved], bool]
"""Tells whether all is there that an import in a handler stands in for."""


class Hygiene:
    """Judges the imports of one project.

    `superseded` tells of an import whose handler never runs, `is_shell` of a distribution without a module.
    """

    def __init__(
        self, supply: Supply, names: Names, superseded: Present, is_shell: Callable[[str], bool]
    ) -> None:
        self._supply = supply
        self._names = names
        self._superseded = superseded
        self._is_shell = is_shell

    def findings(self, imports: Iterable[Resolved]) -> Iterator[Finding]:
        """Yield one finding for each module in each file, at the first of its lines."""
        seen: set[tuple[str, str]] = set()
        # What is imported without a guard counts before what a handler hides.
        for each in sorted(imports, key=lambda one: (one.wanted.is_guarded, one.wanted)):
            key = (each.wanted.path, each.module)
            finding = None if key in seen else self._judged(each)
            if finding is not None:
                seen.add(key)
                yield finding

    def _judged(self, each: Resolved) -> Finding | None:
        if each.wanted.is_typing or (each.wanted.instead_of and self._superseded(each)):
            return None
        if each.source is Source.NOBODY:
            return self._missing(each)
        if each.source is Source.STRAY:
            text = "lies on the search path of the interpreter and belongs to no installed distribution"
            return _finding(
                UNDECLARED, each, text, "declare the distribution that brings it, and install that"
            )
        return self._installed(each) if each.source is Source.INSTALLED else None

    def _missing(self, each: Resolved) -> Finding | None:
        absent = self._names.absent(each.wanted.asked)
        if absent & self._relevant(each):
            # One finding at the declaration says so; a marker or an unused extra says it need not be there.
            return None
        if each.wanted.is_guarded and each.wanted.top in SOMETIMES_STANDARD | sys.stdlib_module_names:
            return None
        if absent:
            text = f"is brought by {_listed(absent)}, which is declared for development only"
            return _finding(MISSING, each, text, "declare it in the project's dependencies")
        if each.wanted.top in SOMETIMES_STANDARD:
            version = self._supply.target.markers["python_version"]
            text = f"is no module of the standard library of Python {version}, and none is installed"
            return _finding(MISSING, each, text, "use what replaced it")
        text = "no such module is installed, no declared distribution provides it"
        repair = (
            "remove it; or find the distribution that really brings it, look who publishes it, declare it"
        )
        return _finding(MISSING, each, text, repair)

    def _relevant(self, each: Resolved) -> frozenset[str]:
        if each.wanted.role == "product":
            return self._names.roots | self._names.extras
        return self._names.development

    def _installed(self, each: Resolved) -> Finding | None:
        own = {self._supply.declared.project.name}
        if each.providers & (self._relevant(each) | own | self._parts):
            return None
        named = _listed(each.providers)
        inside = sorted(each.providers & self._supply.closure.nodes.keys())
        if inside:
            chain = " -> ".join(self._supply.closure.chain(inside[0]))
            text = f"is brought by {named}, which only another requirement needs ({chain})"
            return _finding(TRANSITIVE, each, text, f"declare {inside[0]}, because you import it yourself")
        groups = each.providers & self._names.development
        why = "declared for development only" if groups else self._why(each.providers)
        repair = f"declare {named} in the project's dependencies, or remove the import"
        return _finding(UNDECLARED, each, f"is brought by {named}, which is {why}", repair)

    def _why(self, providers: frozenset[str]) -> str:
        asking = {above for name in providers for above in self._requirers.get(name, ())} - providers
        if asking:
            return f"installed only as a dependency of {_listed(asking)}"
        return "installed, but required by nothing that is declared"

    @functools.cached_property
    def _parts(self) -> frozenset[str]:
        """What those declared distributions require that have no module of their own: it is they."""
        shells = {name for name in self._names.roots & self._supply.installed.keys() if self._is_shell(name)}
        return frozenset(child for parent, child in self._supply.closure.edges if parent in shells)

    @functools.cached_property
    def _requirers(self) -> Mapping[str, set[str]]:
        """Name -> the installed distributions whose metadata name it."""
        found: dict[str, set[str]] = {}
        for name, distribution in self._supply.installed.items():
            for text in distribution.requires:
                match = _NAME.match(text)
                if match and "extra" not in text.partition(";")[2]:
                    found.setdefault(canonicalize_name(match.group()), set()).add(name)
        return found


def _listed(names: Iterable[str]) -> str:
    ordered = sorted(names)
    more = f" and {len(ordered) - SHOWN} more" if len(ordered) > SHOWN else ""
    return ", ".join(ordered[:SHOWN]) + more


def _severity(rule: str, each: Resolved) -> Severity:
    wanted = each.wanted
    if wanted.role != "product" and rule != MISSING:
        return Severity.LOW
    if rule == TRANSITIVE or wanted.is_guarded:
        return Severity.MEDIUM
    return Severity.HIGH


def _finding(rule: str, each: Resolved, text: str, fix: str) -> Finding:
    hidden = "; hidden by try/except" if each.wanted.is_guarded and rule != TRANSITIVE else ""
    return Finding(
        rule=rule,
        name=rule,
        path=each.wanted.path,
        line=each.wanted.line,
        severity=_severity(rule, each),
        message=f"`{each.module}`: {text}{hidden}",
        fix=fix,
        anchor=each.module,
    )
