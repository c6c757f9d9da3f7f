"""FH302: a function that answers without looking at what it was asked."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from pytest_failhard.rules.data import stubs as data
from pytest_failhard.rules.functions import answer, is_abstract, is_dunder, is_sleep, parameters
from pytest_failhard.rules.handlers import is_log_call
from pytest_failhard.rules.unit import Hit, StaticRule
from pytest_failhard.source.classes import body
from pytest_failhard.source.module import FUNCTIONS, FunctionNode, Module, last_part, walk

if TYPE_CHECKING:
    from pytest_failhard.model import Option
    from pytest_failhard.source.index import Index

CLASS, METHOD = "class", "method"


class ConstantAnswer(StaticRule):
    """A function answers with a constant and looks at none of its arguments.

    Finds:
        A function with parameters of its own, none of which it uses, that logs, sleeps and returns a literal.
    Why:
        The answer is the same for every question: a check that always passes, a lookup that always finds.
    Subs:
        `data`: a list, dict or tuple of literals.
        `true`: True.
        `const`: a text or number.
        `empty`: something empty, or 0.
        `false`: False.
        `none`: None.
    Bad:
        def acquire_locks(names):
            return True
    Good:
        def acquire_locks(names, table):
            return all(table.lock(name) for name in names)
    Exempt:
        Methods that a subclass overrides, and those of a class with a base from elsewhere; abstract and
        dunder methods; null objects (`Null...`, `Noop...`, `Always...`); exit codes (`-> int`);
        functions that take only `*args` and `**kwargs`; code templates: texts of several lines, modules
        named `..._generator` or `..._template(s)`; functions that stand as values in a table or a
        keyword argument: what they are asked with is not theirs to choose; `supports_...`, which states
        a fact about its class, and `empty_...`, which says what it returns.
    Evasions:
        `del param` or `_ = param`, a parameter that is only logged or renamed `_param`; the literal in an
        attribute of the class; `dict(CONSTANT)`, `copy.deepcopy(SAMPLE)`. A property has no parameter and is
        not looked at: a constant one declares a fact.
    Measured:
        2 of 6 harmful on code that it was not tuned on (95 % interval 10 to 70 %), before the templates
        were exempt.
    """

    code = "FH302"
    name = "constant-answer"
    gate = "fallbacks"
    family = "stubs"
    subs = data.KINDS
    nodes = (ast.FunctionDef, ast.AsyncFunctionDef)

    def at(self, node: ast.AST, module: Module) -> Iterable[Hit]:
        """Return a hit for each function whose answer depends on nothing."""
        if not isinstance(node, FUNCTIONS) or not isinstance(node.body[-1], ast.Return):
            return
        left = [each for each in body(node) if not _is_idle(each, module)]
        if not left or not all(isinstance(each, ast.Return) for each in left):
            return
        own = parameters(module, node)
        kind = answer(module, node, node.body[-1].value)
        if not kind or not own or _is_exempt(node, module) or _uses(left, own):
            return
        owner = module.class_of(node)
        yield self.hit(
            module,
            node,
            f"{module.qualname(node)} always gives the same answer and uses none of its arguments",
            "compute the answer from the arguments, or raise",
            sub=kind,
            details={
                CLASS: f"{module.name}.{module.qualname(owner)}" if owner is not None else "",
                METHOD: node.name,
            },
        )

    def settle(self, hits: Sequence[Hit], index: Index, options: Mapping[str, Option]) -> Iterable[Hit]:
        """Leave out what a subclass overrides, and what may override something from elsewhere."""
        del options
        for hit in hits:
            known = index.classes.get(hit.details[CLASS])
            if known is None or not (
                index.is_overridden(known, hit.details[METHOD]) or index.has_external_base(known)
            ):
                yield hit


def _is_idle(statement: ast.stmt, module: Module) -> bool:
    """Tell whether a statement only logs, sleeps, is a text, or pretends to use a name."""
    if isinstance(statement, ast.Delete | ast.Pass) or is_log_call(statement) or is_sleep(module, statement):
        return True
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant | ast.Name)
    if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Name | ast.Tuple):
        return all(last_part(target) == data.UNUSED_TARGET for target in statement.targets)
    return isinstance(statement, ast.Assign | ast.AnnAssign) and _is_bound_constant(statement)


def _is_bound_constant(statement: ast.Assign | ast.AnnAssign) -> bool:
    """Tell whether a statement gives a name a value that depends on nothing."""
    value = statement.value
    return value is None or not any(isinstance(each, ast.Name | ast.Attribute) for each in walk(value))


def _uses(statements: Sequence[ast.stmt], names: Sequence[str]) -> bool:
    return any(
        isinstance(each, ast.Name) and each.id in names
        for statement in statements
        for each in walk(statement)
    )


def _is_exempt(function: FunctionNode, module: Module) -> bool:
    if (
        data.PLAIN_NAME.match(function.name)
        or is_dunder(function.name)
        or is_abstract(module, function)
        or module.is_type_checking(function)
    ):
        return True
    if isinstance(function.returns, ast.Name) and function.returns.id == "int":
        return True
    if data.TEMPLATE_MODULE.search(module.name.rpartition(".")[2]):
        return True
    returned = function.body[-1].value if isinstance(function.body[-1], ast.Return) else None
    if returned is not None and "\n" in (module.text(returned) or ""):
        return True
    owner = module.class_of(function)
    if owner is None:
        return _is_in_a_table(function, module)
    return data.NULL_CLASS.match(owner.name) is not None


def _is_in_a_table(function: FunctionNode, module: Module) -> bool:
    """Tell whether the file hands a function on in a dict, a list or a keyword argument."""
    return any(
        node.id == function.name
        and isinstance(module.parent(node), ast.Dict | ast.List | ast.Tuple | ast.keyword)
        for node in module.nodes(ast.Name)
    )
