"""FH208: a function that does nothing and says so."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from pytest_failhard.rules import confessions
from pytest_failhard.rules.data import confessions as data
from pytest_failhard.rules.functions import answer, is_abstract, is_dunder, working
from pytest_failhard.rules.unit import Hit, StaticRule
from pytest_failhard.source.classes import body
from pytest_failhard.source.module import FunctionNode, Module, last_part, own_nodes

if TYPE_CHECKING:
    from pytest_failhard.model import Option
    from pytest_failhard.rules.confessions import Confession
    from pytest_failhard.source.index import Index

LANGUAGES = "languages"


class ConfessedStub(StaticRule):
    """A function answers with a constant or does nothing, and a text in it admits that.

    Finds:
        A text as FH207 looks for inside a function, on the line above it, or in the docstring of its class;
        and a body that is empty or has at most four statements and returns a literal. What it logs and how
        long it sleeps does not count.
    Why:
        The surest sign of work that is only claimed: nothing is done and the author says so.
    Bad:
        def current_price(ticker):
            # In a real implementation this would ask the exchange
            return 0.5
    Good:
        def current_price(ticker, exchange):
            return exchange.ask(ticker)
    Exempt:
        Abstract methods, overloads, methods that Python itself calls; functions that return patterns or
        the words themselves; a conditional expression, which works out which of two answers it is; what
        FH207 exempts.
    Evasions:
        Many log calls before the return; the literal in a variable or in an attribute of the class;
        `await asyncio.sleep(...)` as fake work; the text above the `def`; `Model(field=0.5)` as the literal.
    Measured:
        6 of 6 harmful on code that it was not tuned on (95 % interval 61 to 100 %).
    """

    code = "FH208"
    name = "confessed-stub"
    gate = "fallbacks"
    family = "mocks"

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each function that holds an admission and does nothing."""
        found = [each for each in confessions.confessions(module) if not confessions.is_excused(module, each)]
        if not found:
            return
        for function in _functions(module):
            told = list(_told(function, found, module))
            if told and _is_stub(function, module):
                yield self._hit(function, told, module)

    def _hit(self, function: FunctionNode, told: Sequence[Confession], module: Module) -> Hit:
        return self.hit(
            module,
            function,
            f'{module.qualname(function)} does nothing and says so: "{told[0].phrase}"',
            "implement it, or raise NotImplementedError",
            details={LANGUAGES: " ".join(sorted({each.language for each in told}))},
        )

    def settle(self, hits: Sequence[Hit], index: Index, options: Mapping[str, Option]) -> Iterable[Hit]:
        """Keep those that admit it in a language that the policy reads."""
        del index
        chosen = set(confessions.languages(options))
        return [hit for hit in hits if chosen & set(hit.details[LANGUAGES].split())]


def _functions(module: Module) -> Iterator[FunctionNode]:
    yield from module.nodes(ast.FunctionDef)
    yield from module.nodes(ast.AsyncFunctionDef)


def _told(function: FunctionNode, found: Sequence[Confession], module: Module) -> Iterator[Confession]:
    """Yield the admissions about a function: in it, right above it, in the docstring of its class."""
    first, last = confessions.span(module, function)
    owner = module.class_of(function)
    for each in found:
        is_above = each.kind == "comment" and each.last == first - 1 and _is_alone(each, module)
        is_class = owner is not None and each.kind == "docstring" and each.node is owner.body[0]
        if first <= each.line <= last or is_above or is_class:
            yield each


def _is_alone(found: Confession, module: Module) -> bool:
    return module.lines[found.last - 1].lstrip().startswith("#")


def _is_stub(function: FunctionNode, module: Module) -> bool:
    if is_dunder(function.name) or is_abstract(module, function):
        return False
    statements = body(function)
    left = list(working(module, statements))
    if not left:
        return True
    if left[-1] is not statements[-1] or _size(module, left) > data.STATEMENTS:
        return False
    answers = [each.value for each in own_nodes(function, ast.Return)]
    is_made_up = all(answer(module, function, each) or _is_model(each, function, module) for each in answers)
    return isinstance(left[-1], ast.Return) and is_made_up and not any(map(_is_no_stub, answers))


def _size(module: Module, statements: Sequence[ast.stmt]) -> int:
    """Return the number of statements that do something, those inside of others included."""
    inner = (each for statement in statements for each in own_nodes(statement, ast.stmt))
    return len(statements) + len(list(working(module, list(inner))))


def _is_model(value: ast.expr | None, function: FunctionNode, module: Module) -> bool:
    """Tell whether a value is an object made of literals alone: `Result(score=0.5)`."""
    if not isinstance(value, ast.Call) or not last_part(value)[:1].isupper():
        return False
    given = [*value.args, *(each.value for each in value.keywords)]
    return bool(given) and all(answer(module, function, each) for each in given)


def _is_no_stub(value: ast.expr | None) -> bool:
    """Tell whether a value is a table, or one of two that a test of something chooses."""
    return _is_table(value) or (
        isinstance(value, ast.IfExp)
        and ast.dump(value.body) != ast.dump(value.orelse)
        and any(isinstance(each, ast.Name) for each in ast.walk(value.test))
    )


def _is_table(value: ast.expr | None) -> bool:
    """Tell whether a value is a table of patterns, or a list of the words that confess."""
    if not isinstance(value, ast.List | ast.Set | ast.Dict | ast.Tuple):
        return False
    parts = list(ast.walk(value))
    texts = [each.value for each in parts if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    if any(map(data.PATTERN_TEXT.search, texts)):
        return True
    is_list = not isinstance(value, ast.Dict) and len(texts) == len(value.elts) > 1
    return is_list and any(data.CONFESSIONS[data.ENGLISH].search(text.lower()) for text in texts)
