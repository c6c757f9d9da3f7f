"""FH206: a function whose result is drawn at random."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from pytest_failhard.rules.data import mocks as data
from pytest_failhard.rules.unit import Hit, StaticRule
from pytest_failhard.source.module import FunctionNode, Module, last_part, own_nodes


class RandomResult(StaticRule):
    """A function that is named like a measurement returns a random number.

    Finds:
        A function called get, fetch, calculate, analyze, predict, score, check, measure, load, validate or
        the like, whose result comes from a random generator, also over a variable or inside a dict.
    Why:
        It looks like data, differs every time like data, and is nothing.
    Bad:
        import random

        def get_share_price(ticker):
            return float(random.randint(1, 100))
    Good:
        def get_share_price(ticker, market):
            return market.last(ticker)
    Exempt:
        `choice()`, and an element picked by a random index; names that ask for chance (sample, shuffle,
        jitter, seed, backoff, noise, delay, token, id, ...); a hash that picks a shard; lambdas.
    Evasions:
        The number assigned first; `secrets.randbelow`, `default_rng()`, methods of a generator;
        `hash(x) % n` and `time.time() % n` as data; a number inside a dict or list.
    Measured:
        No figure that was not tuned on.
    """

    code = "FH206"
    name = "random-result"
    gate = "fallbacks"
    family = "mocks"

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each function whose returned value is random."""
        if not any(word in module.data for word in data.RANDOM_WORDS):
            return
        lines = sorted(_drawing_lines(module))
        for node in _named(module) if lines else ():
            if any(node.lineno <= line <= (node.end_lineno or 0) for line in lines):
                yield from self._judged(node, module)

    def _judged(self, node: FunctionNode, module: Module) -> Iterable[Hit]:
        tainted = _tainted(node, module)
        answers = [each.value for each in own_nodes(node, ast.Return)]
        answers += [each.value for each in own_nodes(node, ast.Yield)]
        if any(each is not None and _is_random(each, module, tainted, node.name) for each in answers):
            yield self.hit(
                module,
                node,
                f"{module.qualname(node)} returns a random number as its result",
                "compute or fetch the result, or raise that it cannot be had",
            )


def _named(module: Module) -> Iterator[FunctionNode]:
    """Yield the functions that are named like a measurement, and not like chance."""
    for name, functions in module.functions.items():
        if data.RESULT_NAME.match(name) and not data.RANDOM_WANTED.search(name):
            yield from functions


def _drawing_lines(module: Module) -> Iterator[int]:
    """Yield the lines where something may be drawn."""
    for call in module.nodes(ast.Call):
        name = last_part(call)
        if name in data.DRAWING or module.imports.get(name, name).rpartition(".")[2] in data.DRAWING:
            yield call.lineno
    for reduced in module.nodes(ast.BinOp):
        if isinstance(reduced.op, ast.Mod):
            yield reduced.lineno


def _tainted(function: FunctionNode, module: Module) -> frozenset[str]:
    """Return the local names that hold something random, through as many assignments as HOPS."""
    bound = [(name, value) for name, value in _bound(function) if not data.RANDOM_WANTED.search(name)]
    found: set[str] = set()
    for _ in range(data.HOPS):
        more = {
            name
            for name, value in bound
            if name not in found and _is_random(value, module, found, function.name)
        }
        if not more:
            break
        found |= more
    return frozenset(found)


def _bound(function: FunctionNode) -> Iterator[tuple[str, ast.expr]]:
    """Yield what is assigned to local names, put into them or appended to them."""
    for node in own_nodes(function, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.NamedExpr, ast.Call):
        if isinstance(node, ast.Assign):
            yield from ((name, node.value) for target in node.targets for name in _target(target))
        elif isinstance(node, ast.AnnAssign | ast.AugAssign | ast.NamedExpr) and node.value is not None:
            yield from ((name, node.value) for name in _target(node.target))
        elif isinstance(node, ast.Call) and last_part(node) in data.GROWING:
            owner = node.func.value if isinstance(node.func, ast.Attribute) else None
            if isinstance(owner, ast.Name):
                yield from ((owner.id, each) for each in node.args)


def _target(target: ast.expr) -> Iterator[str]:
    if isinstance(target, ast.Tuple | ast.List):
        for each in target.elts:
            yield from _target(each)
    elif isinstance(target, ast.Subscript):
        key = target.slice.value if isinstance(target.slice, ast.Constant) else ""
        if not data.RANDOM_WANTED.search(str(key)):
            yield from _target(target.value)
    elif isinstance(target, ast.Name):
        yield target.id


def _is_random(value: ast.expr, module: Module, tainted: Iterable[str], name: str) -> bool:
    known = frozenset(tainted)
    for each in _parts(value):
        if isinstance(each, ast.Name) and each.id in known:
            return True
        if isinstance(each, ast.Call) and _draws(each, module):
            return True
        if isinstance(each, ast.BinOp) and _is_reduced_clock(each, module) and not data.BUCKETS.search(name):
            return True
    return False


def _is_reduced_clock(node: ast.BinOp, module: Module) -> bool:
    """Tell whether a node is `hash(x) % n` or `time.time() % n`."""
    return isinstance(node.op, ast.Mod) and any(
        isinstance(part, ast.Call) and module.resolve(part.func) in data.CLOCKS
        for part in ast.walk(node.left)
    )


def _parts(value: ast.expr) -> Iterator[ast.AST]:
    """Yield the parts of an expression that make its value: no index, no test, no lambda."""
    work: list[ast.AST] = [value]
    for each in work:
        yield each
        if isinstance(each, ast.Subscript):
            work.append(each.value)
        elif isinstance(each, ast.IfExp):
            work += [each.body, each.orelse]
        elif isinstance(each, ast.Dict):
            work += _values(each)
        elif isinstance(each, ast.keyword):
            work += [] if data.RANDOM_WANTED.search(each.arg or "") else [each.value]
        elif not isinstance(each, ast.Lambda):
            work += ast.iter_child_nodes(each)


def _values(table: ast.Dict) -> Iterator[ast.expr]:
    for key, value in zip(table.keys, table.values, strict=True):
        if not (isinstance(key, ast.Constant) and data.RANDOM_WANTED.search(str(key.value))):
            yield value


def _draws(call: ast.Call, module: Module) -> bool:
    owner, _, name = module.resolve(call.func).rpartition(".")
    if name in data.DRAWING and owner in data.RANDOM_MODULES:
        return True
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in data.DRAWING:
        return False
    made = module.value(call.func.value)
    return isinstance(made, ast.Call) and module.resolve(made.func) in data.GENERATORS
