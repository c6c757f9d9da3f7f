"""FH207: a text in the source that admits the code is not the real thing."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_failhard.rules import confessions
from pytest_failhard.rules.unit import EVERY, TESTS, Hit, StaticRule
from pytest_failhard.source.module import Module

if TYPE_CHECKING:
    from pytest_failhard.model import Option
    from pytest_failhard.rules.confessions import Confession
    from pytest_failhard.source.index import Index

LANGUAGE = "language"


class ConfessionComment(StaticRule):
    """A comment or docstring admits that the code does not do what it says.

    Finds:
        Phrases like "in a real ..., this would", "placeholder for", "simplified version", "simulated
        response", "not implemented yet", "for now just return" in comments; in product code also in
        docstrings, log texts and names of variables.
    Why:
        Whoever wrote it knew. The reader of the result does not.
    Bad:
        def price(ticker):
            # In a real implementation this would call the market API
            return history[ticker][-1]
    Good:
        def price(ticker):
            raise NotImplementedError("the market API is not connected")
    Exempt:
        What denies it ("no mock data") or quotes it; comments about tests and subclasses; functions that
        only raise; functions and classes that are named as detecting such texts; comments in the examples
        of a docstring.
    Evasions:
        The admission split over two lines, in a string that is a statement, in a log text, in the name of a
        variable, in a TODO. Other languages than English: see `confession_languages`.
    Measured:
        No figure that was not tuned on; 22 times denser in generated than in hand-written code.
    """

    code = "FH207"
    name = "confession-comment"
    gate = "fallbacks"
    family = "mocks"
    roles = EVERY - TESTS

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each comment or text that admits something, in whatever language."""
        for found in confessions.confessions(module):
            if found.kind != "comment" and module.role != "product":
                continue
            if not confessions.is_excused(module, found):
                yield self._hit(found, module)

    def _hit(self, found: Confession, module: Module) -> Hit:
        where = module.qualname(found.node) or module.name
        hit = self.hit(
            module,
            ast.Constant(value=found.text),
            f'{where} admits in a {found.kind} that it is not done: "{found.phrase}"',
            "do what the text says is missing, or raise until it is done",
            line=found.line,
            details={LANGUAGE: found.language},
        )
        return replace(hit, qualname=module.qualname(found.node))

    def settle(self, hits: Sequence[Hit], index: Index, options: Mapping[str, Option]) -> Iterable[Hit]:
        """Keep those in the languages that the policy reads; one a line."""
        del index
        chosen = confessions.languages(options)
        seen: set[tuple[str, int]] = set()
        for hit in hits:
            if hit.details[LANGUAGE] in chosen and (hit.path, hit.line) not in seen:
                seen.add((hit.path, hit.line))
                yield hit
