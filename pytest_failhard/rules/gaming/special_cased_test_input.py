"""FH710: product code that knows the inputs of the tests."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from pytest_failhard.rules.data import quality as data
from pytest_failhard.rules.unit import StaticRule
from pytest_failhard.source import cases
from pytest_failhard.source.module import last_part, walk

if TYPE_CHECKING:
    from pytest_failhard.model import Option
    from pytest_failhard.rules.unit import Hit
    from pytest_failhard.source.index import Index
    from pytest_failhard.source.module import Module

Row = tuple[Sequence[object], Sequence[object]]
"""The literals of an input, and those of the answer to it."""
ROWS = "rows"
LEAST = "least"
FIX = "work the answer out from the input"


class SpecialCasedTestInput(StaticRule):
    """The product answers the inputs of the tests from a list.

    Finds:
        A table with at least three inputs whose answers stand next to them in a test, where these are
        three fifths of it or more; a function that compares its argument with an input of a test and
        returns the expected answer.
    Why:
        The tests pass and the function does nothing: every other input gets a wrong answer.
    Bad:
        def fibonacci(n):
            if n == 10:
                return 55
            return n
        # file: tests/test_service.py
        from app.service import fibonacci

        def test_fibonacci():
            assert fibonacci(10) == 55
    Good:
        def fibonacci(n):
            before, last = 0, 1
            for _ in range(n):
                before, last = last, before + last
            return before
        # file: tests/test_service.py
        from app.service import fibonacci

        def test_fibonacci():
            assert fibonacci(10) == 55
    Exempt:
        Tables of codes, currencies, status words and other single words; HTTP status texts; a table of
        which the tests use a few rows; what no test puts side by side.
    Evasions:
        The digest of the input; `match` arms; a conditional expression; a cache filled beforehand. Not
        found: answers in a file that the tests read too, and a pattern for each input.
    Measured:
        No verdicts yet; tests that the author has not seen are the real defence.
    """

    code = "FH710"
    name = "special-cased-test-input"
    gate = "integrity"
    family = "gaming"

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a candidate for each table and each function with answers of its own."""
        for table in module.nodes(ast.Dict):
            rows = [row for row in _items(table) if not _is_word(row)]
            yield from self._candidate(module, table, rows, data.SAMPLE, "a table holds the answers of tests")
        for node, rows in _by_function(module).items():
            least = data.SAMPLE if all(map(_answers_in_words, rows)) else 1
            says = "compares its argument with the input of a test"
            yield from self._candidate(module, node, rows, least, says)
        for node, rows in _filled(module).items():
            yield from self._candidate(module, node, rows, data.SAMPLE, "is filled with the answers of tests")

    def _candidate(
        self, module: Module, node: ast.AST, rows: Sequence[Row], least: int, says: str
    ) -> Iterator[Hit]:
        numbers = [" ".join(map(str, _numbers(row))) for row in rows]
        if sum(map(bool, numbers)) >= least:
            where = module.qualname(node) or "the module"
            details = {ROWS: ";".join(numbers), LEAST: str(least)}
            yield self.hit(module, node, f"{where}: {says}", FIX, details=details)

    def settle(self, hits: Sequence[Hit], index: Index, options: Mapping[str, Option]) -> Iterable[Hit]:
        """Return the candidates whose inputs and answers stand side by side in a test."""
        del options
        known = {number for facts in index.files for number in facts.cases} if hits else set[int]()
        return [hit for hit in hits if _is_known(hit, known)]


def _is_known(hit: Hit, known: set[int]) -> bool:
    rows = hit.details[ROWS].split(";")
    matched = sum(1 for row in rows if any(int(number) in known for number in row.split()))
    part, whole = data.SHARE
    return matched >= int(hit.details[LEAST]) and whole * matched >= part * len(rows)


def _numbers(row: Row) -> Iterator[int]:
    keys, values = row
    if not keys:
        # The input is hidden behind a digest: the answer must do.
        yield from map(cases.one, values)
    yield from (cases.pair(key, value) for key in keys for value in values)


def _literals(node: ast.AST | None) -> list[object]:
    return [] if node is None else list(cases.literals(node))


def _items(table: ast.Dict) -> Iterator[Row]:
    if len(table.keys) >= data.SAMPLE:
        for key, value in zip(table.keys, table.values, strict=True):
            yield _literals(key), _literals(value)


def _is_word(row: Row) -> bool:
    """Tell a row of an honest table: a code or word, or the text of an HTTP status."""
    keys, values = row
    if all(isinstance(key, str) and data.WORD.match(key) for key in keys):
        return True
    return all(map(_is_status, keys)) and all(isinstance(value, str) or _is_status(value) for value in values)


def _is_status(value: object) -> bool:
    return isinstance(value, int) and value in data.STATUS_CODES


def _answers_in_words(row: Row) -> bool:
    """Tell whether a row gives a number a name: one alone is no secret of the tests."""
    return bool(row[0]) and all(isinstance(value, str) and data.WORD.match(value) for value in row[1])


def _by_function(module: Module) -> Mapping[ast.AST, list[Row]]:
    """Return the compared inputs and their answers by the function that compares."""
    found: dict[ast.AST, list[Row]] = {}
    for node, row in _branches(module):
        function = module.function(node)
        if function is not None and row is not None and row[1] and not (row[0] and _is_word(row)):
            found.setdefault(function, []).append(row)
    return found


def _branches(module: Module) -> Iterator[tuple[ast.AST, Row | None]]:
    for branch in module.nodes(ast.If):
        answer = branch.body[0]
        if isinstance(answer, ast.Return):
            yield branch, _row(module, branch.test, answer.value)
    for choice in module.nodes(ast.IfExp):
        yield choice, _row(module, choice.test, choice.body)
    for match in module.nodes(ast.Match):
        for arm in match.cases if _is_argument(module, match.subject) else ():
            pattern = arm.pattern.value if isinstance(arm.pattern, ast.MatchValue) else None
            if pattern is not None and isinstance(arm.body[0], ast.Return):
                keys = _literals(pattern)
                yield arm, (keys, _literals(arm.body[0].value)) if keys else None


def _row(module: Module, test: ast.expr, answer: ast.expr | None) -> Row | None:
    tests = test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else [test]
    keys: list[object] = []
    for each in tests:
        if not isinstance(each, ast.Compare) or not isinstance(each.ops[0], ast.Eq | ast.Is):
            return None
        sides = [each.left, each.comparators[0]]
        if any(last_part(side) in data.DIGESTS for side in sides):
            hidden = [value for side in sides for value in _literals(side)]
            return ((), _literals(answer)) if any(map(_is_digest, hidden)) else None
        if not any(_is_argument(module, side) for side in sides):
            return None
        keys += [value for side in sides for value in _literals(side)]
    return (keys, _literals(answer)) if keys else None


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and data.DIGEST.match(value) is not None


def _is_argument(module: Module, node: ast.expr) -> bool:
    function = module.function(node)
    names = {each.arg for each in walk(function.args) if isinstance(each, ast.arg)} if function else set()
    return isinstance(node, ast.Name) and node.id in names


def _filled(module: Module) -> Mapping[ast.AST, list[Row]]:
    """Return what is put into a table row by row when the file is imported, by its first statement."""
    first: dict[str, ast.AST] = {}
    found: dict[ast.AST, list[Row]] = {}
    for node in module.tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if isinstance(node, ast.Assign) and isinstance(target, ast.Subscript):
            row = _literals(target.slice), _literals(node.value)
            if not _is_word(row):
                place = first.setdefault(module.resolve(target.value), node)
                found.setdefault(place, []).append(row)
    return found
