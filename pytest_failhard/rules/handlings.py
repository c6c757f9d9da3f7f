"""Lists the handlers of a file with what the rules ask of each: how wide, whether it fails, what follows."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from pytest_failhard.rules.data import swallowed as words
from pytest_failhard.rules.data import values as data
from pytest_failhard.rules.handlers import caught, is_enumeration, is_log_call, raises, running
from pytest_failhard.rules.kept import once
from pytest_failhard.rules.values import literal
from pytest_failhard.source.index import body as statements
from pytest_failhard.source.module import FunctionNode, Module, last_part, own_nodes

_JUMPS = (ast.Return, ast.Break, ast.Continue)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_TRIES = (ast.Try, ast.TryStar)
Attempt = ast.Try | ast.TryStar


@dataclass(frozen=True, kw_only=True, eq=False)
class Handling:
    """What a try statement does with an exception: a handler, or a `finally` that jumps out and drops it.

    `node` is the handler, or the jump in the `finally`; `names` are what is caught; `fails` tells whether
    the body can raise or exit.
    """

    node: ast.ExceptHandler | ast.stmt
    attempt: Attempt
    body: Sequence[ast.stmt]
    bound: str | None
    names: tuple[str, ...]
    broad: bool
    enumerated: bool
    fails: bool
    function: FunctionNode | None

    @property
    def swallows(self) -> bool:
        """Whether any exception at all ends here."""
        return self.broad and not self.fails

    @property
    def details(self) -> dict[str, str]:
        """What the severity depends on beside the sub."""
        return {"unmeasured": "enumeration"} if self.enumerated else {}


@once
def handlings(module: Module) -> Sequence[Handling]:
    """Return the handlings of a file, computed once for all rules."""
    return tuple(_handlings(module))


def _handlings(module: Module) -> Iterator[Handling]:
    for attempt in chain[Attempt](module.nodes(ast.Try), module.nodes(ast.TryStar)):
        if not module.is_type_checking(attempt):
            yield from (_handler(module, attempt, each) for each in attempt.handlers)
            jump = next(_jumps(attempt.finalbody), None)
            if jump is not None:
                yield _jumping(module, attempt, jump)


def _handler(module: Module, attempt: Attempt, handler: ast.ExceptHandler) -> Handling:
    names = caught(module, handler.type)
    enumerated = is_enumeration(names)
    return Handling(
        node=handler,
        attempt=attempt,
        body=handler.body,
        bound=handler.name,
        names=names,
        broad=enumerated or bool(data.BROAD & set(names)),
        enumerated=enumerated,
        fails=raises(module, handler.body),
        function=_function(module, attempt),
    )


def _jumping(module: Module, attempt: Attempt, jump: ast.stmt) -> Handling:
    return Handling(
        node=jump,
        attempt=attempt,
        body=[*attempt.finalbody[:-1], jump],
        bound=None,
        names=("BaseException",),
        broad=True,
        enumerated=False,
        fails=raises(module, attempt.finalbody),
        function=_function(module, attempt),
    )


def _function(module: Module, attempt: ast.stmt) -> FunctionNode | None:
    scope = module.scope(attempt)
    return scope if isinstance(scope, FunctionNode) else None


def _jumps(body: Sequence[ast.stmt], *, looped: bool = False) -> Iterator[ast.stmt]:
    """Yield what leaves a body for good: returns, and the jumps of a loop around it."""
    for statement in body:
        if isinstance(statement, ast.Return) or (isinstance(statement, _JUMPS) and not looped):
            yield statement
        for inner in _blocks(statement):
            yield from _jumps(inner, looped=looped or isinstance(statement, _LOOPS))


def _blocks(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    if isinstance(statement, ast.If | ast.For | ast.AsyncFor | ast.While):
        yield from (statement.body, statement.orelse)
    elif isinstance(statement, ast.With | ast.AsyncWith):
        yield statement.body
    elif isinstance(statement, _TRIES):
        yield from (statement.body, statement.orelse, statement.finalbody)
        yield from (handler.body for handler in statement.handlers)
    elif isinstance(statement, ast.Match):
        yield from (case.body for case in statement.cases)


def answers(body: Sequence[ast.stmt]) -> Sequence[ast.Return | ast.Yield]:
    """Return how a body ends if it always ends in a return or a yield: one for each of its branches."""
    last = body[-1]
    if isinstance(last, ast.Return):
        return (last,)
    if isinstance(last, ast.Expr) and isinstance(last.value, ast.Yield):
        return (last.value,)
    if isinstance(last, ast.With | ast.AsyncWith):
        return answers(last.body)
    branches: list[list[ast.stmt]] = []
    if isinstance(last, ast.If) and last.orelse:
        branches = [last.body, last.orelse]
    elif isinstance(last, ast.Match):
        branches = [case.body for case in last.cases]
    ends = [answers(branch) for branch in branches]
    return tuple(end for each in ends for end in each) if all(ends) else ()


def is_silent(handling: Handling) -> bool:
    """Tell whether a handler does nothing at all."""
    return all(_is_nothing(statement, handling.bound) for statement in handling.body)


def _is_nothing(statement: ast.stmt, bound: str | None) -> bool:
    if isinstance(statement, ast.Pass | ast.Continue):
        return True
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant | ast.Name)
    if isinstance(statement, ast.Delete):
        return all(isinstance(each, ast.Name) and each.id == bound for each in statement.targets)
    return (
        isinstance(statement, ast.Assign)
        and [last_part(each) for each in statement.targets] == ["_"]
        and isinstance(statement.value, ast.Constant | ast.Name)
    )


def is_noted(module: Module, handling: Handling) -> bool:
    """Tell whether a handler only logs, prints or counts, and something of that at least."""
    noted = [each for each in handling.body if not _is_nothing(each, handling.bound)]
    texts = [each for each in noted if isinstance(each, ast.Assign)]
    if len(noted) == len(texts) or not all(is_note(module, each) for each in noted):
        return False
    read = {each.id for each in running(handling.body) if isinstance(each, ast.Name) and _is_read(each)}
    return all(
        isinstance(target, ast.Name) and target.id in read for each in texts for target in each.targets
    )


def _is_read(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Load)


def is_note(module: Module, statement: ast.stmt) -> bool:
    """Tell whether a statement only logs, prints or counts, itself or through a function of the file."""
    if isinstance(statement, ast.If):
        inner = [*statement.body, *statement.orelse]
        return all(isinstance(each, ast.Pass | ast.Continue) or is_note(module, each) for each in inner)
    if isinstance(statement, ast.AugAssign):
        return isinstance(statement.value, ast.Constant) and isinstance(statement.op, ast.Add)
    if isinstance(statement, ast.Assign):
        return _is_text(statement)
    return is_log_call(statement) or _is_noting_call(module, statement)


def _is_text(statement: ast.Assign) -> bool:
    """Tell whether a local name gets the text of a message."""
    value = statement.value
    made = isinstance(value, ast.JoinedStr) or last_part(value) in {"format_exc", "str", "repr", "exc_info"}
    return made and all(isinstance(target, ast.Name) for target in statement.targets)


def _is_noting_call(module: Module, statement: ast.stmt) -> bool:
    value = statement.value if isinstance(statement, ast.Expr) else None
    if isinstance(value, ast.Await):
        value = value.value
    if not isinstance(value, ast.Call):
        return False
    name = last_part(value)
    if name in words.NOTES or module.resolve(value.func) in words.NOTE_CALLS:
        return True
    found = module.functions.get(name, ())
    return len(found) == 1 and bool(left := statements(found[0])) and all(map(is_log_call, left))


def is_shutdown(module: Module, handling: Handling) -> bool:
    """Tell whether a handler belongs to code that takes something down."""
    return any(words.SHUTDOWN.search(name) for name in _functions(module, handling.node)) or in_finally(
        module, handling.attempt
    )


def is_cleanup(module: Module, handling: Handling) -> bool:
    """Tell whether a handler stands where a reason makes silence acceptable: `close`, `finally`, atexit."""
    names = set(_functions(module, handling.node))
    if any(words.CLEANUP.search(name) for name in names) or in_finally(module, handling.attempt):
        return True
    return not names.isdisjoint(_run_at_exit(module))


@once
def _run_at_exit(module: Module) -> frozenset[str]:
    """Return the names that are registered with `atexit`."""
    return frozenset(
        last_part(each)
        for call in module.calls.of(("register",))
        if module.resolve(call.func) == "atexit.register"
        for each in call.args
    )


def _functions(module: Module, node: ast.AST) -> Iterator[str]:
    for above in module.ancestors(node):
        if isinstance(above, FunctionNode):
            yield above.name


def in_finally(module: Module, node: ast.AST) -> bool:
    """Tell whether a node stands in a `finally` of its function."""
    below = node
    for above in module.ancestors(node):
        if isinstance(above, FunctionNode):
            return False
        if isinstance(above, _TRIES) and any(each is below for each in above.finalbody):
            return True
        below = above
    return False


def following(module: Module, statement: ast.stmt) -> Sequence[ast.stmt]:
    """Return the statements after one in its own block."""
    above = module.parent(statement)
    for block in _blocks(above) if isinstance(above, ast.stmt) else ():
        if any(each is statement for each in block):
            return _behind(block, statement)
    body = getattr(above, "body", None)
    return _behind(body, statement) if isinstance(body, list) else ()


def _behind(block: Sequence[ast.stmt], statement: ast.stmt) -> Sequence[ast.stmt]:
    found = next((number for number, each in enumerate(block) if each is statement), len(block))
    return block[found + 1 :]


def preset(module: Module, handling: Handling) -> tuple[str, str] | None:
    """Return name and kind of a literal that is set before the try, and returned after it when it fails."""
    if not handling.function or not (is_silent(handling) or is_noted(module, handling)):
        return None
    if isinstance(handling.body[-1], ast.Continue | ast.Return | ast.Break):
        return None
    for after in following(module, handling.attempt):
        if isinstance(after, ast.Return) and isinstance(after.value, ast.Name):
            kind = preset_kind(module, handling, after.value)
            return (after.value.id, kind) if kind else None
    return None


def preset_kind(module: Module, handling: Handling, name: ast.Name) -> str:
    """Return the kind of the literal that a name has before a try which assigns it; empty for none."""
    attempt = handling.attempt
    before = [
        value
        for value in module.bindings(name)
        if value is not None and value.lineno < attempt.lineno and literal(module, value)
    ]
    assigned = any(
        isinstance(each.ctx, ast.Store) and each.id == name.id
        for statement in attempt.body
        for each in (*own_nodes(statement, ast.Name),)
        if not isinstance(module.parent(each), ast.AugAssign)
    )
    return literal(module, before[-1]) if before and assigned else ""
