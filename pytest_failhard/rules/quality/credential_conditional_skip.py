"""FH604: a test that only runs where there is a key."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from pytest_failhard.rules.data import quality as data
from pytest_failhard.rules.tested import QualityRule
from pytest_failhard.source.checks import is_test
from pytest_failhard.source.module import FUNCTIONS, HOPS, last_part

if TYPE_CHECKING:
    from pytest_failhard.rules.unit import Hit
    from pytest_failhard.source.module import Module


DRAWN = frozenset({"secrets", "secrets.token_bytes", "secrets.token_hex", "secrets.token_urlsafe"})
"""What the standard library draws tokens with: nobody has to set it."""


class CredentialConditionalSkip(QualityRule):
    """A test is skipped where a key is missing, which is everywhere that tests run.

    Finds:
        `skipif`, `skipIf`, `skipUnless`, a skip or an early `return` that hangs on an API key, a secret
        or a model's credential.
    Why:
        In CI there is no key, so the path to the model is never tested, and the suite is green.
    Bad:
        import os
        import pytest

        @pytest.mark.skipif(not os.getenv("OPENAI_API_KEY"), reason="there is no key here")
        def test_answer(client):
            assert client.ask("capital of France") == "Paris"
    Good:
        def test_answer_when_the_provider_is_down(client, failhard_fault):
            with failhard_fault("openai", "overloaded"):
                assert client.ask("capital of France").error == "overloaded"
    Exempt:
        A missing optional library.
    Evasions:
        An autouse fixture that skips; `return` at the top of the test; `if not KEY: pytestmark = ...`; the
        condition in a name or a function of the file.
    Measured:
        In its first form 0 of 9: all were optional libraries.
    """

    code = "FH604"
    name = "credential-conditional-skip"

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each skip that hangs on a credential."""
        for call in module.calls.of(data.CONDITIONAL):
            yield from self._told(call, _conditions(call), module)
        for branch in module.nodes(ast.If):
            if _leaves(module, branch):
                yield from self._told(branch, [branch.test], module)

    def _told(self, node: ast.AST, conditions: Sequence[ast.expr], module: Module) -> Iterable[Hit]:
        found = next((name for each in conditions for name in credentials(module, each)), "")
        if found:
            where = module.qualname(node) or "the module"
            yield self.hit(
                module,
                node,
                f"{where} runs only where {found} is set",
                "break the provider on purpose and assert what happens; let no test hang on a key",
            )


def _conditions(call: ast.Call) -> list[ast.expr]:
    return [*call.args[:1], *(each.value for each in call.keywords if each.arg == "condition")]


def _leaves(module: Module, node: ast.If) -> bool:
    """Tell whether a branch of an `if` skips: a call, a mark for the file, or a return out of the test."""
    function = module.function(node)
    in_test = isinstance(function, FUNCTIONS) and is_test(module, function) and node in function.body
    return any(_skips(each, in_test=in_test) for each in (*node.body, *node.orelse))


def _skips(statement: ast.stmt, *, in_test: bool) -> bool:
    if isinstance(statement, ast.Return):
        return in_test and statement.value is None
    if isinstance(statement, ast.Expr):
        return last_part(statement.value) in {"skip", "skipTest"}
    if isinstance(statement, ast.Raise) and statement.exc is not None:
        return last_part(statement.exc) in data.SKIPPED
    return isinstance(statement, ast.Assign) and any(
        last_part(target) == "pytestmark" for target in statement.targets
    )


def credentials(module: Module, condition: ast.expr, hops: int = HOPS) -> Iterator[str]:
    """Yield the names of credentials that a condition reads, through names and functions of the file."""
    for node in ast.walk(condition):
        if isinstance(node, ast.Call | ast.Subscript) and _is_environment(module, node):
            yield from _variable(module, node)
        elif isinstance(node, ast.Compare):
            yield from _looked_up(module, node)
        elif isinstance(node, ast.Name | ast.Attribute):
            yield from _named(module, node, hops)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            # A helper that is told which variable: `skipif(not has("OPENAI_API_KEY"))`. A word alone is none.
            yield from (word for word in data.VARIABLE.findall(node.value) if data.CREDENTIAL.search(word))


def _is_environment(module: Module, node: ast.Call | ast.Subscript) -> bool:
    return module.resolve(node.func if isinstance(node, ast.Call) else node.value) in data.ENVIRONMENT


def _variable(module: Module, node: ast.Call | ast.Subscript) -> Iterator[str]:
    given = node.slice if isinstance(node, ast.Subscript) else next(iter(node.args), None)
    name = module.text(given) or ""
    if data.CREDENTIAL.search(name) or data.PROVIDER.search(name):
        yield name


def _looked_up(module: Module, node: ast.Compare) -> Iterator[str]:
    """Yield the variable of `"OPENAI_KEY" in os.environ`."""
    if any(module.resolve(each) == "os.environ" for each in node.comparators):
        name = module.text(node.left) or ""
        if data.CREDENTIAL.search(name) or data.PROVIDER.search(name):
            yield name


def _named(module: Module, node: ast.Name | ast.Attribute, hops: int) -> Iterator[str]:
    name = last_part(node)
    if data.CREDENTIAL.search(name) and not _is_drawn(module, node):
        yield name
    if not hops or not isinstance(node, ast.Name):
        return
    value = module.value(node)
    if value is not node:
        yield from credentials(module, value, hops - 1)
    for function in module.functions.get(node.id, ()):
        for each in function.body:
            if isinstance(each, ast.Return) and each.value is not None:
                yield from credentials(module, each.value, hops - 1)


def _is_drawn(module: Module, node: ast.Name | ast.Attribute) -> bool:
    """Tell whether a name is the standard library's, which only looks like that of a credential."""
    return module.resolve(node) in DRAWN and any(each in DRAWN for each in module.imports.values())
