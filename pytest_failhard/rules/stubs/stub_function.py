"""FH301: a function without a body."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from pytest_failhard.rules.data import stubs as data
from pytest_failhard.rules.functions import is_abstract, is_dunder, is_idle, raises_only, working
from pytest_failhard.rules.unit import Hit, StaticRule
from pytest_failhard.source.classes import NEUTRAL_BASES, body
from pytest_failhard.source.module import FUNCTIONS, FunctionNode, Module, last_part

if TYPE_CHECKING:
    from pytest_failhard.model import Option
    from pytest_failhard.source.index import Index

CLASS = "class"


class StubFunction(StaticRule):
    """A function has no body.

    Finds:
        A function whose body is `pass`, `...`, a docstring or `raise NotImplementedError` alone, that is
        neither abstract nor decorated, in no class or in one that nobody derives from.
    Why:
        Callers believe that it did what its name says.
    Subs:
        `pass`: or something else without effect, like a lone log call or `return None`.
        `ellipsis`: `...`.
        `doc-only`: a docstring and nothing else.
        `notimpl-function`: a function that only raises NotImplementedError.
        `notimpl-never-overridden`: the same for a method, and nobody derives from the class.
    Bad:
        class Store:
            def save(self, item):
                pass
    Good:
        class Store:
            def save(self, item):
                self.rows.append(item)
    Exempt:
        Abstract, decorated and dunder methods, methods of classes with bases or subclasses; names that may
        have nothing to do (`noop`, `on_...`, `close`, `stop`, ...); a comment or docstring that says why;
        what is defined in an exception handler (FH105); the synchronous form of an asynchronous method.
    Evasions:
        `return None`, `assert True`, a lone log call, a lone sleep, a body that is only a string.
    Measured:
        An inverse signal over all forms: 0.14 in generated, 0.86 in hand-written code, in 1,000 lines.
    """

    code = "FH301"
    name = "stub-function"
    gate = "fallbacks"
    family = "stubs"
    subs = ("pass", "ellipsis", "doc-only", "notimpl-function", "notimpl-never-overridden")
    nodes = (ast.FunctionDef, ast.AsyncFunctionDef)

    def at(self, node: ast.AST, module: Module) -> Iterable[Hit]:
        """Return a hit for each function without a body."""
        if not isinstance(node, FUNCTIONS) or node.decorator_list:
            return
        sub = _form(node, module)
        if not sub or _is_exempt(node, module):
            return
        owner = module.class_of(node)
        what = "only raises NotImplementedError" if sub.startswith("notimpl") else "does nothing"
        yield self.hit(
            module,
            node,
            f"{module.qualname(node)} {what}",
            "implement it, or remove it",
            sub=sub,
            details={CLASS: f"{module.name}.{module.qualname(owner)}" if owner else ""},
        )

    def settle(self, hits: Sequence[Hit], index: Index, options: Mapping[str, Option]) -> Iterable[Hit]:
        """Leave out the methods of classes that somebody derives from."""
        del options
        for hit in hits:
            known = index.classes.get(hit.details[CLASS])
            if known is None or not index.subclasses(known):
                yield hit


def _form(function: FunctionNode, module: Module) -> str:
    statements = body(function)
    if not statements:
        return "doc-only"
    if raises_only(statements):
        raised = statements[0].exc if isinstance(statements[0], ast.Raise) else None
        if raised is None or last_part(raised) != "NotImplementedError":
            return ""
        return "notimpl-never-overridden" if module.class_of(function) else "notimpl-function"
    if all(map(_is_ellipsis, statements)):
        return "ellipsis"
    left = list(working(module, statements))
    is_stub = is_idle(module, function) or (len(statements) == len(left) and all(map(_is_idle, left)))
    return "pass" if is_stub else ""


def _is_ellipsis(statement: ast.stmt) -> bool:
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Constant) and value.value is ...


def _is_idle(statement: ast.stmt) -> bool:
    """Tell whether a statement has no effect: `return`, `return None`, `assert True`."""
    if isinstance(statement, ast.Return):
        return statement.value is None or (
            isinstance(statement.value, ast.Constant) and statement.value.value is None
        )
    return isinstance(statement, ast.Assert) and isinstance(statement.test, ast.Constant)


def _is_exempt(function: FunctionNode, module: Module) -> bool:
    name = function.name
    if is_dunder(name) or data.IDLE_NAME.search(name):
        return True
    if is_abstract(module, function) or module.is_type_checking(function):
        return True
    if any(isinstance(above, ast.ExceptHandler) for above in module.ancestors(function)):
        return True
    owner = module.class_of(function)
    if owner is not None and (_has_bases(owner, module) or _has_twin(owner, name)):
        return True
    return any(data.IDLE_COMMENT.search(text) for text in _comments(function, module))


def _has_bases(owner: ast.ClassDef, module: Module) -> bool:
    return any(module.resolve(base) not in NEUTRAL_BASES for base in owner.bases)


def _has_twin(owner: ast.ClassDef, name: str) -> bool:
    """Tell whether the class has the asynchronous form of a method."""
    twins = {form.format(name, name.lstrip("_")) for form in data.ASYNC_TWINS}
    return any(isinstance(each, ast.AsyncFunctionDef) and each.name in twins for each in owner.body)


def _comments(function: FunctionNode, module: Module) -> Iterator[str]:
    """Yield the docstring, and what stands behind `#` in the lines of a body without another text."""
    yield ast.get_docstring(function, clean=False) or ""
    if b"#" in module.data:
        for line in module.lines[function.lineno - 1 : (function.end_lineno or function.lineno) + 1]:
            yield line.partition("#")[2]
