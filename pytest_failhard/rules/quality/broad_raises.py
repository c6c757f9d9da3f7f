"""FH606: an expected exception that may be any."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from pytest_failhard.rules.data import quality as data
from pytest_failhard.rules.data.values import BROAD
from pytest_failhard.rules.handlers import is_broad
from pytest_failhard.rules.tested import QualityRule, raises_itself
from pytest_failhard.source.module import argument, last_part, walk

if TYPE_CHECKING:
    from pytest_failhard.rules.unit import Hit
    from pytest_failhard.source.module import Module


class BroadRaises(QualityRule):
    """A test expects an exception and takes any.

    Finds:
        `pytest.raises` or `assertRaises` of Exception or BaseException without a `match` that says
        something, or around more than one statement.
    Why:
        A misspelt name in the block raises as well: the test passes because it is broken itself.
    Bad:
        import pytest

        def test_refuses(load):
            with pytest.raises(Exception):
                load("x.toml")
    Good:
        import pytest
        from app import ConfigError

        def test_refuses(load):
            with pytest.raises(ConfigError, match="API_KEY"):
                load("x.toml")
    Exempt:
        A `match` or `check` of one statement; `RaisesGroup` of types; a test that looks at what was raised
        (`excinfo.value`), or that raises it itself, or makes the `Exception` that a double raises.
    Evasions:
        `assertRaises(Exception)`; an alias of `Exception`; a tuple with a broad member; `match=".*"`; more
        than one statement in the block.
    Measured:
        On the corpus it was tuned on 25 of 25 right, none harmful by itself; in 7 hand-written projects
        with 5,720 tests no hit.
    """

    code = "FH606"
    name = "broad-raises"

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each expectation that anything fulfils."""
        for call in _expecting(module):
            expected = argument(call, 0, "expected_exception")
            if expected is None or not is_broad(module, expected) or _is_narrowed(module, call):
                continue
            where = module.qualname(call) or "the module"
            yield self.hit(
                module,
                call,
                f"{where} takes every exception for the expected one",
                "name the exception and `match` its message",
            )


def _expecting(module: Module) -> Iterator[ast.Call]:
    """Yield the calls that expect an exception, those of `pytest.raises` under another name too."""
    plain = {"raises", *data.UNIT_RAISES}
    aliases = {name for name, dotted in module.imports.items() if dotted == "pytest.raises"}
    for call in module.calls.of(plain | aliases):
        if last_part(call) in plain or isinstance(call.func, ast.Name):
            yield call


def _is_narrowed(module: Module, node: ast.Call) -> bool:
    item = module.parent(node)
    block = module.parent(item) if isinstance(item, ast.withitem) else None
    bound = item.optional_vars if isinstance(item, ast.withitem) else _assigned(item)
    if isinstance(bound, ast.Name) and _is_read(module, node, bound.id):
        return True
    body = block.body if isinstance(block, ast.With | ast.AsyncWith) else []
    if (body and raises_itself(body)) or _is_made_here(module, node):
        return True
    if len(body) > 1:
        return False
    if argument(node, None, "check") is not None:
        return True
    match = argument(node, 1 if last_part(node) == "assertRaisesRegex" else None, "match", "expected_regex")
    return match is not None and module.text(match) not in data.TRIVIAL_MATCHES


def _is_made_here(module: Module, node: ast.Call) -> bool:
    """Tell whether the test itself makes an exception that is none but `Exception`."""
    function = module.function(node)
    return function is not None and any(
        isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id in BROAD
        for each in walk(function)
    )


def _assigned(parent: ast.AST | None) -> ast.expr | None:
    return parent.targets[0] if isinstance(parent, ast.Assign) else None


def _is_read(module: Module, node: ast.Call, name: str) -> bool:
    """Tell whether what was raised is looked at after the block."""
    function = module.function(node)
    return function is not None and any(
        isinstance(each, ast.Name) and each.id == name and isinstance(each.ctx, ast.Load)
        for each in walk(function)
    )
