"""Finds where a file admits that it does not do what it says: comments, docstrings, log texts, names."""

from __future__ import annotations

import ast
import re
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pytest_failhard.model import GateError, Option
from pytest_failhard.rules.comments import blocks
from pytest_failhard.rules.data import confessions as data
from pytest_failhard.rules.data import values
from pytest_failhard.rules.functions import raises_only
from pytest_failhard.source.classes import body
from pytest_failhard.source.module import FunctionNode, Module, last_part

Words = list[tuple[str, int]]
_KNOWN: weakref.WeakKeyDictionary[Module, tuple[Confession, ...]] = weakref.WeakKeyDictionary()


@dataclass(frozen=True, kw_only=True)
class Confession:
    """An admission, its line, and the lines of the whole comment or text that holds it."""

    line: int
    first: int
    last: int
    phrase: str
    language: str
    text: str
    """The whole comment or text with single blanks: what does not move when the file is edited."""
    kind: str
    """`comment`, `docstring`, `log` or `name`."""
    node: ast.AST
    """The text's own statement, for a comment the innermost function or class around it."""


def languages(options: Mapping[str, Option]) -> Sequence[str]:
    """Return the languages whose confessions count; raises GateError for one that has no list."""
    chosen = options.get("confession_languages")
    named = [each for each in chosen if isinstance(each, str)] if isinstance(chosen, list | tuple) else []
    unknown = sorted(set(named) - set(data.CONFESSIONS))
    if unknown:
        raise GateError(
            f"confession_languages: no list of words for {', '.join(unknown)}; "
            f"there is one for {', '.join(sorted(data.CONFESSIONS))}"
        )
    return named or [data.ENGLISH]


def confessions(module: Module) -> tuple[Confession, ...]:
    """Return all admissions of a file in all languages, in the order of their lines, one a comment."""
    if module not in _KNOWN:
        _KNOWN[module] = tuple(sorted(_found(module), key=lambda each: (each.line, each.text)))
    return _KNOWN[module]


def _found(module: Module) -> Iterator[Confession]:
    texts = list(_texts(module))
    said = "\n".join(text.lower for text in texts)
    for language, expression in data.CONFESSIONS.items():
        words = [
            word
            for word in data.WORDS[language]
            if (word in said or word.encode() in module.marks) and word.encode() in module.lower
        ]
        if words:
            reader = _Reader(module, language, expression, words)
            yield from reader.comments()
            yield from reader.texts(texts)
    yield from _names(module)


class _Reader:
    """Looks for the confessions of one language in one file."""

    def __init__(
        self, module: Module, language: str, expression: re.Pattern[str], words: Sequence[str]
    ) -> None:
        self.module = module
        self.language = language
        self.expression = expression
        self.words = words

    def comments(self) -> Iterator[Confession]:
        """Yield the confessions in comments: of one line, else of adjacent lines joined."""
        for block in blocks(self.module, self.words, self._matches):
            alone: list[Words] = [
                [("#", each.line), *_split(each.text, each.line)] for each in block.comments
            ]
            together = [("#", block.line), *(pair for each in alone for pair in each[1:])]
            found = next(filter(None, map(self._match, (*alone, together))), None)
            if found is not None:
                yield self._confession(found, (block.line, block.end), block.text, "comment", None)

    def texts(self, texts: Iterable[_Text]) -> Iterator[Confession]:
        """Yield the confessions in docstrings, in strings that are statements, and in log calls."""
        for each in texts:
            if not any(word in each.lower for word in self.words):
                continue
            words = _prose(each.text, each.line)
            found = self._match(words)
            if found is not None:
                text = " ".join(word for word, _ in words)
                yield self._confession(found, (each.line, each.end), text, each.kind, each.statement)

    def _matches(self, text: str) -> bool:
        return self.expression.search(text) is not None

    def _match(self, words: Words) -> tuple[int, str] | None:
        """Return line and phrase of the first admission that nothing cancels."""
        text = " ".join(word for word, _ in words).lower()
        if not any(word in text for word in self.words):
            return None
        denied = [each.span() for each in data.DENIAL.finditer(text)]
        for match in self.expression.finditer(text):
            start, end = match.span()
            is_mentioned = text[max(start - 1, 0)] in data.QUOTES
            is_denied = is_mentioned or any(low < end and start < high for low, high in denied)
            if not is_denied and not data.ABOUT_OTHERS.search(_sentence(text, start, end)):
                return words[text.count(" ", 0, start + 1)][1], match[0].strip("# ")[: data.PHRASE]
        return None

    def _confession(
        self, found: tuple[int, str], lines: tuple[int, int], text: str, kind: str, node: ast.AST | None
    ) -> Confession:
        line, phrase = found
        return Confession(
            line=line,
            first=lines[0],
            last=lines[1],
            phrase=phrase,
            language=self.language,
            text=text,
            kind=kind,
            node=node or around(self.module, line),
        )


def _split(text: str, line: int) -> Words:
    return [(word, line) for word in text.strip("#").split()]


def _prose(text: str, line: int) -> Words:
    """Return the words of a text with their lines, without the comments of examples in it."""
    return [
        (word, line + number)
        for number, each in enumerate(text.splitlines())
        if not each.lstrip().startswith(("#", ">>>"))
        for word in each.split()
    ]


def _sentence(text: str, start: int, end: int) -> str:
    first = text.rfind(". ", 0, start) + 1
    last = text.find(". ", end)
    return text[first : last if last >= 0 else len(text)]


class _Text(NamedTuple):
    """A text that is a statement or is logged, and its lines."""

    text: str
    lower: str
    line: int
    end: int
    kind: str
    statement: ast.Expr


def _texts(module: Module) -> Iterator[_Text]:
    for statement in module.nodes(ast.Expr):
        node, kind = _said(statement)
        if node is not None and isinstance(node.value, str):
            end = node.end_lineno or node.lineno
            yield _Text(node.value, node.value.lower(), node.lineno, end, kind, statement)


def _said(statement: ast.Expr) -> tuple[ast.Constant | None, str]:
    """Return the text that is a statement, or that a log call writes first."""
    value = statement.value
    if isinstance(value, ast.Constant):
        return value, "docstring"
    if isinstance(value, ast.Call) and value.args and last_part(value) in values.LOG_CALLS:
        first = value.args[0]
        if isinstance(first, ast.JoinedStr) and first.values:
            first = first.values[0]
        return (first if isinstance(first, ast.Constant) else None), "log"
    return None, ""


def _names(module: Module) -> Iterator[Confession]:
    for node in module.stored:
        if isinstance(node.ctx, ast.Store) and data.NAME.match(node.id):
            yield Confession(
                line=node.lineno,
                first=node.lineno,
                last=node.lineno,
                phrase=node.id,
                language=data.ENGLISH,
                text=node.id,
                kind="name",
                node=node,
            )


def around(module: Module, line: int) -> ast.AST:
    """Return the innermost function or class around a line, with the comments below it; else the module."""
    found: ast.AST = module.tree
    for node in _scopes(module):
        first, last = span(module, node)
        if first <= line <= last and first >= getattr(found, "lineno", 0):
            found = node
    return found


def _scopes(module: Module) -> Iterator[FunctionNode | ast.ClassDef]:
    yield from module.nodes(ast.ClassDef)
    yield from module.nodes(ast.FunctionDef)
    yield from module.nodes(ast.AsyncFunctionDef)


def span(module: Module, node: FunctionNode | ast.ClassDef) -> tuple[int, int]:
    """Return the lines of a function or class, from its decorators to the comments that end it."""
    first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
    last = node.end_lineno or node.lineno
    for line in module.lines[last:] if b"#" in module.data else ():
        text = line.lstrip()
        if text and not (text.startswith("#") and len(line) - len(text) > node.col_offset):
            break
        last += 1
    return first, last


def is_excused(module: Module, found: Confession) -> bool:
    """Tell whether an admission is honest: its function only raises, or exists to find such words."""
    holders = [each for each in (found.node, *module.ancestors(found.node)) if _is_named(each)]
    if any(_is_detector(each) for each in holders):
        return True
    inner = holders[0] if holders else None
    return isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef) and raises_only(body(inner))


def _is_named(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)


def _is_detector(node: ast.AST) -> bool:
    name = str(getattr(node, "name", "")).lower()
    return data.DETECTING.search(name) is not None and data.DETECTED.search(name) is not None
