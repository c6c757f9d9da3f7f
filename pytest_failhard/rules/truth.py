"""Says which expressions are true whatever the program does."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from pytest_failhard.rules.values import literal
from pytest_failhard.source.canonical import canonical
from pytest_failhard.source.module import HOPS, Module, last_part

REFLEXIVE = (ast.Eq, ast.Is)
FALSE_KINDS = frozenset({"false", "none", "empty"})
TRUE_KINDS = frozenset({"true", "const", "data"})
_ALWAYS = (ast.Lambda, ast.GeneratorExp)
_COMBINED = (ast.NamedExpr, ast.IfExp, ast.BoolOp, ast.Call)


def is_true(module: Module, node: ast.expr, hops: int = HOPS) -> bool:
    """Tell whether an expression is true before the product has done anything."""
    if not hops:
        return False
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return is_false(module, node.operand, hops - 1)
    if isinstance(node, ast.Compare):
        return _compared(node)
    if isinstance(node, ast.Name):
        return _bound(module, node)
    return _combined(module, node, hops) if isinstance(node, _COMBINED) else _is_thing(module, node)


def _combined(module: Module, node: ast.expr, hops: int) -> bool:
    if isinstance(node, ast.NamedExpr):
        return is_true(module, node.value, hops - 1)
    if isinstance(node, ast.IfExp):
        return is_true(module, node.body, hops - 1) and is_true(module, node.orelse, hops - 1)
    if isinstance(node, ast.BoolOp):
        holding = [is_true(module, each, hops - 1) for each in node.values]
        return all(holding) if isinstance(node.op, ast.And) else any(holding) or _complements(node.values)
    return isinstance(node, ast.Call) and _called(module, node, hops)


def _is_thing(module: Module, node: ast.expr) -> bool:
    """Tell a constant that is true, a display that is not empty, a lambda, a generator."""
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return any(not isinstance(each, ast.Starred) for each in node.elts)
    if isinstance(node, ast.Dict):
        return any(key is not None for key in node.keys)
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.Constant) and part.value for part in node.values)
    if isinstance(node, ast.Constant | ast.UnaryOp):
        return literal(module, node) in TRUE_KINDS
    return isinstance(node, _ALWAYS)


def is_false(module: Module, node: ast.expr, hops: int = HOPS) -> bool:
    """Tell whether an expression is false before the product has done anything."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return is_true(module, node.operand, hops - 1)
    return isinstance(node, ast.Constant | ast.List | ast.Tuple | ast.Dict) and (
        literal(module, node) in FALSE_KINDS
    )


def _bound(module: Module, name: ast.Name) -> bool:
    """Tell whether all that is ever bound to a local name is a true constant."""
    bound = module.bindings(name)
    if not bound or not all(isinstance(each, ast.Constant) and each.value for each in bound):
        return False
    scope = module.function(name)
    if scope is None or _is_shared(module, name.id):
        return False
    return any(
        isinstance(each, ast.Name) and each.id == name.id and not isinstance(each.ctx, ast.Load)
        for each in ast.walk(scope)
    )


def _is_shared(module: Module, name: str) -> bool:
    """Tell whether another function of the file may bind the name."""
    return any(name in each.names for each in module.nodes(ast.Nonlocal)) or any(
        name in each.names for each in module.nodes(ast.Global)
    )


def _complements(values: Iterable[ast.expr]) -> bool:
    """Tell `x or not x`, `x is None or x is not None`."""
    said = {canonical(each) for each in values}
    return any(canonical(opposite) in said for each in values if (opposite := _opposite(each)) is not None)


def _opposite(node: ast.expr) -> ast.expr | None:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return node.operand
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        turned = {ast.IsNot: ast.Is, ast.NotEq: ast.Eq, ast.NotIn: ast.In}.get(type(node.ops[0]))
        if turned is not None:
            return ast.Compare(left=node.left, ops=[turned()], comparators=node.comparators)
    return None


def _compared(node: ast.Compare) -> bool:
    operands = [node.left, *node.comparators]
    if all(map(_is_constant, operands)):
        return True
    pairs = zip(operands, node.ops, operands[1:], strict=False)
    return all(_holds(left, operator, right) for left, operator, right in pairs)


def _is_constant(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp):
        return _is_constant(node.left) and _is_constant(node.right)
    if isinstance(node, ast.UnaryOp):
        return _is_constant(node.operand)
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return all(map(_is_constant, node.elts))
    return isinstance(node, ast.Constant)


def _holds(left: ast.expr, operator: ast.cmpop, right: ast.expr) -> bool:
    if isinstance(operator, REFLEXIVE) and is_same(left, right):
        # `x.y is x.y` asks whether a property keeps what it made.
        return isinstance(left, ast.Name) or not isinstance(operator, ast.Is)
    if isinstance(operator, ast.In):
        return _is_member(left, right)
    return is_size_bound(left, operator, right)


def is_same(left: ast.expr, right: ast.expr) -> bool:
    """Tell whether two expressions are one thing: the same text, and no call that may answer differently."""
    if type(left) is not type(right) or not isinstance(left, ast.Name | ast.Attribute | ast.Subscript):
        return False
    called = any(isinstance(each, ast.Call | ast.Await) for each in ast.walk(left))
    return not called and canonical(left) == canonical(right)


def _is_member(left: ast.expr, right: ast.expr) -> bool:
    if isinstance(left, ast.Constant) and left.value in {"", b""}:
        return True
    # In braces it is the usual check of a type; in a list or tuple, of nothing.
    values = right.elts if isinstance(right, ast.Tuple | ast.List) else []
    return {
        each.value for each in values if isinstance(each, ast.Constant) and isinstance(each.value, bool)
    } == {
        True,
        False,
    }


def is_size_bound(left: ast.expr, operator: ast.cmpop, right: ast.expr) -> bool:
    """Tell `len(x) >= 0` and its like: true of everything that has a size."""
    if isinstance(operator, ast.GtE | ast.Gt | ast.NotEq):
        size, bound = left, right
    elif isinstance(operator, ast.LtE | ast.Lt):
        size, bound = right, left
    else:
        return False
    if last_part(size) != "len" or not isinstance(size, ast.Call):
        return False
    value = _number(bound)
    return value is not None and (value < 0 or (value == 0 and isinstance(operator, ast.GtE | ast.LtE)))


def _number(node: ast.expr) -> float | None:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _number(node.operand)
        return None if inner is None else -inner
    value = node.value if isinstance(node, ast.Constant) else None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _called(module: Module, node: ast.Call, hops: int) -> bool:
    name = last_part(node) if isinstance(node.func, ast.Name) else ""
    if name == "isinstance" and len(node.args) == 2:
        kinds = node.args[1].elts if isinstance(node.args[1], ast.Tuple) else [node.args[1]]
        return any(last_part(each) == "object" for each in kinds)
    if name == "bool" and node.args:
        return is_true(module, node.args[0], hops - 1)
    parts = node.args[0] if name in {"any", "all"} and node.args else None
    if not isinstance(parts, ast.List | ast.Tuple | ast.Set):
        return False
    holding = [is_true(module, each, hops - 1) for each in parts.elts]
    return any(holding) if name == "any" else all(holding)
