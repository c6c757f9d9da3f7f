"""Lists what a body assigns, by plain assignment and by the ways around it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

from pytest_failhard.rules.handlers import running
from pytest_failhard.source.module import Module, last_part

Pair = tuple[str, ast.expr | None]
_ASSIGNING = (ast.Assign, ast.AnnAssign, ast.NamedExpr, ast.withitem, ast.Call)


def assigned(module: Module, body: Sequence[ast.stmt]) -> Mapping[str, ast.expr | None]:
    """Return target -> value, the last one; None for a value that is not seen.

    Targets are names, dotted attributes (`self.rows`) and items of a constant key (`config[rows]`), also
    where `setattr` or `update` sets them.
    """
    found: dict[str, ast.expr | None] = {}
    for node in running(body):
        if isinstance(node, _ASSIGNING):
            found.update(_pairs(module, node))
    return found


def _pairs(module: Module, node: ast.AST) -> Iterator[Pair]:
    if isinstance(node, ast.Assign):
        yield from (pair for target in node.targets for pair in _unpacked(module, target, node.value))
    elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
        yield from _unpacked(module, node.target, node.value)
    elif isinstance(node, ast.withitem) and node.optional_vars is not None:
        yield from _unpacked(module, node.optional_vars, None)
    elif isinstance(node, ast.Call):
        yield from _called(module, node)


def _unpacked(module: Module, target: ast.expr, value: ast.expr | None) -> Iterator[Pair]:
    if isinstance(target, ast.Tuple | ast.List):
        values = value.elts if isinstance(value, ast.Tuple | ast.List) else []
        alike = len(values) == len(target.elts)
        for number, each in enumerate(target.elts):
            yield from _unpacked(module, each, values[number] if alike else None)
    else:
        key = place(module, target)
        if key:
            yield key, value


def place(module: Module, node: ast.expr) -> str:
    """Return how a target is written: `rows`, `self.rows`, `config[rows]`; empty for anything else."""
    if isinstance(node, ast.Attribute):
        above = place(module, node.value)
        return f"{above}.{node.attr}" if above else ""
    if isinstance(node, ast.Subscript):
        key = module.text(node.slice)
        above = place(module, node.value)
        return f"{above}[{key}]" if above and key is not None else ""
    return last_part(node) if isinstance(node, ast.Name) else ""


def _called(module: Module, call: ast.Call) -> Iterator[Pair]:
    if isinstance(call.func, ast.Name) and call.func.id == "setattr" and len(call.args) == 3:
        above, name = place(module, call.args[0]), module.text(call.args[1])
        if above and name:
            yield f"{above}.{name}", call.args[2]
    elif isinstance(call.func, ast.Attribute) and call.func.attr == "update":
        above = place(module, call.func.value)
        if above:
            yield from ((f"{above}[{key}]", value) for key, value in _updated(module, call, call.func.value))


def _updated(module: Module, call: ast.Call, owner: ast.expr) -> Iterator[Pair]:
    if call.args and isinstance(call.args[0], ast.Dict):
        for key, value in zip(call.args[0].keys, call.args[0].values, strict=True):
            text = module.text(key)
            if text is not None:
                yield text, value
    # Progress bars and hashes are updated, too: keywords count where the owner is known to be a dict.
    if _is_dict(module, owner):
        yield from ((each.arg, each.value) for each in call.keywords if each.arg)


def _is_dict(module: Module, owner: ast.expr) -> bool:
    bound = module.bindings(owner) if isinstance(owner, ast.Name) else ()
    return any(
        isinstance(each, ast.Dict) or (each is not None and last_part(each) == "dict") for each in bound
    )
