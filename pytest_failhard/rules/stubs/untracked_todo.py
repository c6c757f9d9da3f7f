"""FH305: a marker for work left to do that nobody tracks."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from pytest_failhard.rules.comments import Block, blocks
from pytest_failhard.rules.confessions import around
from pytest_failhard.rules.data import stubs as data
from pytest_failhard.rules.unit import Hit, StaticRule
from pytest_failhard.source.module import Module


class UntrackedTodo(StaticRule):
    """A comment says that work is left and names no ticket.

    Finds:
        TODO, FIXME, XXX, HACK or TBD in a comment without a ticket (`#123`, `ABC-12`, an address).
    Why:
        What nobody tracks, nobody does.
    Bad:
        def send(message, queue):
            queue.put(message)  # TODO: retry
    Good:
        def send(message, queue):
            queue.put(message)  # TODO(#123): retry
    Exempt:
        Texts in strings; comments that mention the word in quotes or in the middle of a sentence; a ticket
        in the next lines of the same comment.
    Evasions:
        Lower case behind the `#`, `@todo`, `TBD`.
    Measured:
        An inverse signal: 0.08 in generated, 0.51 in hand-written code, in 1,000 lines. Never an error.
    """

    code = "FH305"
    name = "untracked-todo"
    gate = "fallbacks"
    family = "stubs"

    def over(self, module: Module) -> Iterable[Hit]:
        """Return a hit for each marker in a comment without a ticket."""
        for block in blocks(module, data.MARKER_WORDS, _is_marked):
            if data.TICKET.search(block.text):
                continue
            for comment in block.comments:
                word = _marker(comment.text)
                if word:
                    yield self._hit(block, comment.line, word, module)

    def _hit(self, block: Block, line: int, word: str, module: Module) -> Hit:
        where = module.qualname(around(module, line)) or module.name
        return self.hit(
            module,
            ast.Constant(value=block.text),
            f"{where} has a {word.upper()} without a ticket",
            "do it, or name the ticket: TODO(#123)",
            line=line,
        )


def _is_marked(text: str) -> bool:
    return any(word in text for word in data.MARKER_WORDS)


def _marker(text: str) -> str:
    """Return the marker of a comment, empty where the word is only mentioned."""
    for match in data.MARKER.finditer(text):
        word = next((each for each in match.groups() if each), "")
        before = text[: match.end() - len(word)][-1:]
        if before not in data.QUOTES:
            return word
    return ""
