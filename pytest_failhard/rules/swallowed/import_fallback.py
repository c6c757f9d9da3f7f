"""FH105: an import that fails is replaced by something else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_failhard.rules.data import swallowed as data
from pytest_failhard.rules.import_attempts import ImportAttempt, import_attempts
from pytest_failhard.rules.own_modules import OwnModules, distributions
from pytest_failhard.rules.unit import Hit, StaticRule
from pytest_failhard.source.module import Module

if TYPE_CHECKING:
    from pytest_failhard.model import Option
    from pytest_failhard.source.index import Index

FIX = "import it plainly, and declare what is needed"


class ImportFallback(StaticRule):
    """A module that cannot be imported is replaced, and nobody notices that it is missing.

    Finds:
        A try that holds only imports, with a handler for ImportError or for everything that cannot fail;
        the same as a test of `find_spec`. What matters is whose module it is: the project's own, a declared
        dependency, or neither.
    Why:
        The project's own modules and its declared dependencies are always there, or the installation is
        broken: then it must not start.
    Subs:
        `stub-local` a stand-in for an own module is defined; `local` an own module may be missing; `stub` a
        stand-in for a foreign module is defined, declared or not; `declared` a declared dependency may be
        missing; `extra` an undeclared module may be missing.
    Bad:
        try:
            from openai import OpenAI
        except ImportError:
            class OpenAI:
                def complete(self, text):
                    return "ok"
    Good:
        from openai import OpenAI
    Exempt:
        An alternative import of the same names; version guards; names of the standard library that only
        an old Python lacks, from modules that every Python has; an optional module whose user raises
        with a hint how to install it; a stand-in that raises whatever is asked of it.
    Evasions:
        `import_module` in the try; `find_spec(...) is None`; the stand-in defined before the try, or built
        by `type(...)` or `SimpleNamespace`; `sys.modules[...] = ...`; one harmless statement in the try.
    Measured:
        In sample: stub-local 8 of 8, declared 8 of 8, local 6 of 8 before the exemption of alternative
        imports, stub 5 of 6, extra 4 of 14; judged again on other code 5 of 6.
    """

    code = "FH105"
    name = "import-fallback"
    gate = "fallbacks"
    family = "swallowed"
    subs = ("stub-local", "local", "stub", "declared", "extra")

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each import that may fail silently; `settle` tells whose module it is."""
        for attempt in import_attempts(module):
            yield self.hit(
                module,
                attempt.node,
                f"{', '.join(attempt.modules)} may be missing, and is then replaced",
                FIX,
                details={
                    "modules": " ".join(attempt.modules),
                    "relative": " ".join(attempt.relative),
                    **_shape(attempt),
                },
            )

    def settle(self, hits: Sequence[Hit], index: Index, options: Mapping[str, Option]) -> Iterable[Hit]:
        """Return the hits with their sub, without the alternative imports."""
        del options
        if not hits:
            return
        own = OwnModules(index)
        for hit in hits:
            sub, modules = _judged(hit.details, own, index.metadata.dependencies)
            if sub:
                yield replace(hit, sub=sub, message=_message(", ".join(modules), sub))


def _shape(attempt: ImportAttempt) -> Mapping[str, str]:
    shape = {
        "stands_in": attempt.stands_in,
        "imports": attempt.imports,
        "raises_later": attempt.raises_later,
        "backports": attempt.backports,
    }
    return {name: "yes" if found else "" for name, found in shape.items()}


def _judged(shape: Mapping[str, str], own: OwnModules, declared: frozenset[str]) -> tuple[str, Sequence[str]]:
    """Return the sub, empty for none, and the modules that make it so."""
    modules = shape["modules"].split()
    relative = shape["relative"].split()
    mine = [each for each in modules if (each in own or each in relative) and not data.GENERATED.search(each)]
    if mine:
        return _own_sub(shape), mine
    if shape["backports"]:
        return "", modules
    needed = [each for each in modules if not declared.isdisjoint(distributions(each))]
    if shape["stands_in"]:
        return "stub", needed or modules
    if needed:
        return "declared", needed
    return "" if shape["imports"] or shape["raises_later"] else "extra", modules


def _own_sub(shape: Mapping[str, str]) -> str:
    if shape["stands_in"]:
        return "stub-local"
    return "" if shape["imports"] else "local"


def _message(modules: str, sub: str) -> str:
    return {
        "stub-local": f"the project's own {modules} is replaced by a stand-in when it cannot be imported",
        "local": f"the project's own {modules} is treated as if it might be missing",
        "declared": f"{modules} is declared as needed, and treated as if it might be missing",
        "stub": f"{modules} is replaced by a stand-in when it cannot be imported",
        "extra": f"{modules} may be missing, and nothing says so",
    }[sub]
