"""All rules in the order of their codes, found by code or by name."""

from __future__ import annotations

import difflib
import functools
import importlib
import pkgutil
from typing import TYPE_CHECKING, TypeGuard

from pytest_failhard import rules
from pytest_failhard.rules.unit import StaticRule

if TYPE_CHECKING:
    from collections.abc import Iterator

FAMILIES = (
    *("secrets", "swallowed", "mocks", "stubs", "waiting", "exposure", "quality", "gaming"),
    "validation",
)
"""One package each: what a rule's `family` says is where it lies."""


class UnknownRuleError(LookupError):
    """No rule has this code or name; the message names those that come near."""


def _found() -> Iterator[type[StaticRule]]:
    for family in FAMILIES:
        package = importlib.import_module(f"{rules.__name__}.{family}")
        for info in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"{package.__name__}.{info.name}")
            yield from (each for each in vars(module).values() if _is_rule(each, module.__name__))


def _is_rule(thing: object, module: str) -> TypeGuard[type[StaticRule]]:
    """Tell whether something is a rule that is written in this module, not one imported or derived from."""
    return (
        isinstance(thing, type)
        and issubclass(thing, StaticRule)
        and thing.__module__ == module
        and "code" in vars(thing)
    )


@functools.cache
def every() -> tuple[type[StaticRule], ...]:
    """Return the rules found in the packages of the families: one that exists is one that runs.

    They are imported with the first call: whoever runs no rule does not wait for them.
    """
    return tuple(sorted(_found(), key=lambda each: each.code))


def find(name: str) -> type[StaticRule]:
    """Return the rule of a code (`FH101`, `FH101/true`) or name; raises UnknownRuleError."""
    wanted = name.partition("/")[0]
    for rule in every():
        if wanted in {rule.code, rule.name}:
            return rule
    known = [each for rule in every() for each in (rule.code, rule.name)]
    near = difflib.get_close_matches(wanted, known, n=3)
    raise UnknownRuleError(
        f"no rule is called {name!r}" + (f"; did you mean {' or '.join(near)}?" if near else "")
    )
