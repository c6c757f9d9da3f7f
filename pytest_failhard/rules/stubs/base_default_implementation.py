"""FH303: a component base that has an answer of its own."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_failhard.rules.data import stubs as data
from pytest_failhard.rules.functions import is_dunder, is_idle, working
from pytest_failhard.rules.options import names, texts, unmatched
from pytest_failhard.rules.unit import Hit, StaticRule
from pytest_failhard.rules.values import literal
from pytest_failhard.source.classes import body, decorators
from pytest_failhard.source.module import FUNCTIONS, FunctionNode, Module, last_part

if TYPE_CHECKING:
    from pytest_failhard.model import Option
    from pytest_failhard.source.index import Index

CLASS, METHOD, DECORATED = "class", "method", "decorated"
CONFIGURED, GUESSED = "configured", "guessed"


class BaseDefaultImplementation(StaticRule):
    """A component base gives a method an empty body instead of demanding one.

    Finds:
        A method of a base in `component_bases` that does nothing, returns a literal or its own argument, or
        calls a default; without that setting the bases are guessed from their names (`Base...`,
        `Abstract...`, `...Base`, `...Interface`). With `required_methods` only those methods.
    Why:
        A component that forgot the method then inherits an answer, and the system runs without it.
    Subs:
        `configured`: the base is named in `component_bases`.
        `guessed`: its name looks like a base.
    Bad:
        class BaseComponent:
            def process(self, data):
                return {}
    Good:
        class BaseComponent:
            def process(self, data):
                raise NotImplementedError
    Exempt:
        Abstract methods, mixins, private and dunder methods, hooks in `optional_hooks`.
    Evasions:
        A default body that only logs, one that hands its argument through, `return self.process_default()`,
        `__getattr__` in a configured base.
    Measured:
        Guessed bases hit hand-written code only: errors are for configured ones.
    """

    code = "FH303"
    name = "base-default-implementation"
    gate = "fallbacks"
    family = "stubs"
    subs = (CONFIGURED, GUESSED)
    nodes = (ast.ClassDef,)

    def at(self, node: ast.AST, module: Module) -> Iterable[Hit]:
        """Return a hit for each method of any class that a base must not have so."""
        if not isinstance(node, ast.ClassDef) or data.MIXIN.search(node.name):
            return
        for method in node.body:
            if isinstance(method, FUNCTIONS) and _is_default(method, module):
                yield self.hit(
                    module,
                    method,
                    f"{module.qualname(method)} answers for components that forgot to",
                    "raise NotImplementedError, or make it abstract",
                    sub=GUESSED,
                    details={
                        CLASS: f"{module.name}.{module.qualname(node)}",
                        METHOD: method.name,
                        DECORATED: "yes" if method.decorator_list else "",
                    },
                )

    def settle(self, hits: Sequence[Hit], index: Index, options: Mapping[str, Option]) -> Iterable[Hit]:
        """Keep the methods of the bases that the policy names, without names those of guessed bases."""
        configured = texts(options, "component_bases")
        required = texts(options, "required_methods")
        hooks = texts(options, "optional_hooks")
        yield from self._unmatched(index, configured, hooks)
        for hit in hits:
            dotted = f"{hit.details[CLASS]}.{hit.details[METHOD]}"
            is_dispatch = hit.details[METHOD] in data.DISPATCH
            if names(dotted, hooks) or (required and not is_dispatch and not names(dotted, required)):
                continue
            if configured:
                if names(hit.details[CLASS], configured):
                    yield replace(hit, sub=CONFIGURED)
            elif not (is_dispatch or hit.details[DECORATED]) and _is_guessed(hit.details[CLASS]):
                yield hit

    def _unmatched(self, index: Index, configured: Sequence[str], hooks: Sequence[str]) -> Iterable[Hit]:
        """Return a hit for each base that is no class of the project, and each hook that no class has."""
        for base in configured:
            if not any(names(dotted, [base]) for dotted in index.classes):
                yield unmatched(self, "component_bases", base, CONFIGURED)
        for hook in hooks:
            if not any(
                names(f"{dotted}.{method}", [hook])
                for dotted, known in index.classes.items()
                for method in known.methods
            ):
                yield unmatched(self, "optional_hooks", hook, CONFIGURED)


def _is_guessed(dotted: str) -> bool:
    return data.GUESSED_BASE.match(dotted.rpartition(".")[2]) is not None


def _is_default(method: FunctionNode, module: Module) -> bool:
    """Tell whether a method is an answer that a component must give itself."""
    if method.name in data.DISPATCH:
        return not isinstance(method.body[-1], ast.Raise)
    if method.name.startswith("_") or is_dunder(method.name):
        return False
    if decorators(method) & data.ABSTRACT_DECORATORS:
        return False
    left = list(working(module, body(method)))
    if not left:
        return is_idle(module, method)
    return len(left) == 1 and isinstance(left[0], ast.Return) and _is_nothing(left[0].value, method, module)


def _is_nothing(value: ast.expr | None, method: FunctionNode, module: Module) -> bool:
    if isinstance(value, ast.Await):
        value = value.value
    if isinstance(value, ast.Name) and value.id in {each.arg for each in method.args.args[1:]}:
        return True
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        is_default = data.DEFAULT_CALL.match(value.func.attr) is not None
        return is_default and last_part(value.func.value) == "self"
    return bool(literal(module, value))
