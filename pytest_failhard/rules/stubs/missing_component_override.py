"""FH304: a component that lacks what its base demands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from pytest_failhard.rules.data import stubs as data
from pytest_failhard.rules.options import names, texts
from pytest_failhard.rules.unit import Hit, StaticRule

if TYPE_CHECKING:
    from pytest_failhard.model import Option
    from pytest_failhard.source.index import ClassFacts, Index

CONFIGURED, GUESSED = "configured", "guessed"


class MissingComponentOverride(StaticRule):
    """A component lacks a method that its base demands.

    Finds:
        A class that nobody derives from, below a component base (`component_bases`, else guessed as in
        FH303), whose public method still is the one that raises NotImplementedError, or is in
        `required_methods` and not there. An override that does nothing counts as missing.
    Why:
        The component exists by name; its first call in production is what finds out.
    Subs:
        `configured`: the base is named in `component_bases`.
        `guessed`: its name looks like a base.
    Bad:
        class BaseSource:
            def generate(self):
                raise NotImplementedError

        class Source(BaseSource):
            pass
    Good:
        class BaseSource:
            def generate(self):
                raise NotImplementedError

        class Source(BaseSource):
            def generate(self):
                return self.rows.pop()
    Exempt:
        A base from elsewhere in the chain; properties; class attributes of that name; private and dunder
        methods; classes that are abstract themselves; hooks in `optional_hooks`.
    Evasions:
        An override that is a lambda, only calls `super()` or returns a literal; `__getattr__`; a class made
        by `type()`; a mixin that brings an empty override.
    Measured:
        4 of 4 in generated, 0 of 3 in hand-written code: errors are for configured bases.
    """

    code = "FH304"
    name = "missing-component-override"
    gate = "fallbacks"
    family = "stubs"
    subs = (CONFIGURED, GUESSED)

    def settle(self, hits: Sequence[Hit], index: Index, options: Mapping[str, Option]) -> Iterable[Hit]:
        """Return a hit for each method that a component lacks: the classes of all files decide."""
        del hits
        configured = texts(options, "component_bases")
        required = texts(options, "required_methods")
        hooks = texts(options, "optional_hooks")
        for known in index.classes.values():
            above = list(index.bases(known)) if _is_component(known, index) else []
            if any(_is_base(each, configured) for each in above):
                for method, owner in _missing([known, *above], required):
                    if not names(f"{owner.dotted}.{method}", hooks):
                        yield self._missing_hit(known, method, owner, CONFIGURED if configured else GUESSED)

    def _missing_hit(self, known: ClassFacts, method: str, owner: ClassFacts, sub: str) -> Hit:
        lacks = "does nothing in" if method in known.methods else "lacks"
        return Hit(
            path=known.path,
            line=known.lines.get(method, known.line),
            code=self.code,
            name=self.name,
            sub=sub,
            qualname=known.name,
            message=(
                f"{known.name} lacks {method}, which {owner.name} demands"
                if lacks == "lacks"
                else f"{known.name}.{method} does nothing, and {owner.name} demands it"
            ),
            fix=f"implement {method} in {known.name}",
            canonical=f"{known.name} lacks {method}",
        )


def _is_component(known: ClassFacts, index: Index) -> bool:
    """Tell whether a class is the end of a chain that lies wholly in product code of the project."""
    facts = index.by_path.get(known.path)
    return (
        facts is not None
        and facts.role == "product"
        and bool(known.bases)
        and not known.abstract
        and not index.subclasses(known)
        and not index.has_external_base(known)
    )


def _is_base(known: ClassFacts, configured: Sequence[str]) -> bool:
    if configured:
        return names(known.dotted, configured)
    return data.GUESSED_BASE.match(known.name) is not None


def _missing(chain: Sequence[ClassFacts], required: Sequence[str]) -> Iterator[tuple[str, ClassFacts]]:
    """Yield the methods that a class lacks, each with the class that demands it; nearest class first."""
    for method, owner in sorted(_demanded(chain, required).items()):
        giver = next((each for each in chain if method in each.methods | each.attributes), None)
        if giver is None or method in giver.raising | giver.trivial:
            yield method, owner


def _demanded(chain: Sequence[ClassFacts], required: Sequence[str]) -> Mapping[str, ClassFacts]:
    found: dict[str, ClassFacts] = {}
    for each in chain[1:]:
        for method in each.raising - each.properties:
            if not method.startswith("_"):
                found[method] = each
        for name in required:
            owner, _, method = name.rpartition(".")
            if method and (not owner or names(each.dotted, [owner])):
                found.setdefault(method, each)
    return found
