"""FV6: a check that looks for words in source files, and for nothing else."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from pytest_failhard.rules.contact import reach
from pytest_failhard.rules.data import validation as data
from pytest_failhard.rules.literals import literals
from pytest_failhard.rules.meeting import OTHERS, SERVES, ValidationRule
from pytest_failhard.rules.validating import check_functions, details, validation
from pytest_failhard.source.module import last_part, own_nodes, walk

if TYPE_CHECKING:
    from pytest_failhard.rules.unit import Hit
    from pytest_failhard.source.module import FunctionNode, Module


class KeywordEvidence(ValidationRule):
    """A check reads source files as text, and only whether words are in it decides.

    Finds:
        In a validation file a check that reads a file of code or configuration whose name is written in
        the file, that asks nothing but whether texts are in it (`in`, `not in`, `count`, a search), and that
        leads to nothing of the project.
    Why:
        Three files of nothing but comments pass it; a system that cannot start passes it, too.
    Bad:
        # file: tests/test_generation.py
        from pathlib import Path

        def test_main():
            text = Path("main.py").read_text()
            assert "flask" in text
            assert "/health" in text
    Good:
        # file: tests/test_generation.py
        from main import app

        def test_main():
            assert app.test_client().get("/health").status_code == 200
        # file: main.py
        app = None
    Exempt:
        Prose, changelogs and data; files that the test, a process or the product has written; a check
        that also looks at something else; a single word.
    Evasions:
        `Path(...)`, `open`, a constant or a fixture of the file that holds the path or the text, words in a
        loop. Not seen: a path that is put together at run time.
    Measured:
        6 hits in 2 of 30 projects, each read: all true, 1 harmful.
    """

    code = "FV6"
    name = "keyword-evidence"

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each check that only looks for words."""
        if validation(module) is None or not any(each in module.data for each in data.READ_BYTES):
            return
        if not any(
            isinstance(op, ast.In | ast.NotIn) for node in module.nodes(ast.Compare) for op in node.ops
        ):
            return
        for check in check_functions(module):
            tests = list(_containments(module, check))
            if _weight(tests) >= data.WORDS and _decide_alone(check, tests) and _reads_source(module, check):
                yield self.hit(
                    module,
                    check,
                    f"{module.qualname(check)} decides by {len(tests)} looks for words in source files",
                    "run the code and look at what it does",
                    identity="check",
                    details={
                        OTHERS: " ".join(sorted(reach(module).others(check))),
                        SERVES: "1",
                        **details(module),
                    },
                )


def _containments(module: Module, check: FunctionNode) -> Iterator[ast.Compare]:
    """Yield the tests whether a text that is written down is in something that is not."""
    traced = literals(module)
    for node in own_nodes(check, ast.Compare):
        contained = len(node.ops) == 1 and isinstance(node.ops[0], ast.In | ast.NotIn)
        if contained and traced.is_literal(node.left) and not traced.is_literal(node.comparators[0]):
            yield node


def _weight(tests: Sequence[ast.Compare]) -> int:
    """Return how many words are looked for; a loop over words counts as two."""
    return sum(1 if isinstance(each.left, ast.Constant) else data.WORDS for each in tests)


def _decide_alone(check: FunctionNode, tests: Sequence[ast.Compare]) -> bool:
    """Tell whether nothing else is asserted: each assertion holds one of the tests and no other call."""
    looked = frozenset(tests)
    for each in own_nodes(check, ast.Assert):
        inside = [node for node in walk(each.test) if isinstance(node, ast.Compare)]
        if not inside or not set(inside) <= looked:
            return False
    return True


def _reads_source(module: Module, check: FunctionNode) -> bool:
    """Tell whether a check, with its helpers, reads a file of code by a name that stands in this file."""
    reached = reach(module)
    below = reached.below(check)
    called = {last_part(node) for each in below for node in walk(each) if isinstance(node, ast.Call)}
    if called & data.PARSING or not called & data.TEXT:
        return False
    return any(_is_source(node) for each in below for node in walk(each))


def _is_source(node: ast.AST) -> bool:
    value = node.value if isinstance(node, ast.Constant) else None
    return isinstance(value, str) and data.SOURCE_FILE.search(value) is not None
