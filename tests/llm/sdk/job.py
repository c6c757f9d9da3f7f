"""What one call of an SDK is asked to do and what came of it: plain data that crosses a process boundary."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

SHORT = 100
"""Characters of an unexpected value that a summary repeats."""


@dataclass(frozen=True, kw_only=True)
class Words:
    """The canary words of a case, by which a text is told apart without being repeated."""

    head: str
    middle: str
    tail: str
    poison: str
    answer: str

    def label(self, text: str) -> str:
        """Return a text with each canary named by what it is: equal in every run, whatever was drawn."""
        named = text.replace(self.answer, "<answer>")
        begin = named.find(self.head[:4])
        if begin >= 0 and self.answer.startswith(named[begin:]):
            named = f"{named[:begin]}<start of the answer>"
        for name, word in (("head", self.head), ("middle", self.middle), ("tail", self.tail)):
            named = named.replace(word, f"<{name}>")
        named = named.replace(self.poison, "<poison>")
        if self.head[:4] in named or self.tail[-4:] in named:
            return "<garbled answer>"
        return named if len(named) <= SHORT else f"{named[:SHORT]}..."


@dataclass(frozen=True, kw_only=True)
class Job:
    """One call: `url` has no path, `timeout` is the SDK's own, in seconds; an empty `key` gives it none."""

    sdk: str
    dialect: str
    variant: str
    url: str
    key: str
    secret: str
    model: str
    timeout: float
    words: Words


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a call came to: the dotted name of what it raised (empty: nothing), or what it returned.

    `chain` holds the names of the causes, outermost first; `message` is what a log would show.
    """

    exception: str = ""
    chain: tuple[str, ...] = ()
    message: str = ""
    result: str = ""


class ProgramError(Exception):
    """A program that is no Python has failed; `name` says how, as the name of an exception would."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


class Caught:
    """A context that ends with the exception in hand, whatever it is: that is the experiment."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    def __enter__(self) -> Self:
        """Begin the experiment."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Keep an exception; what ends the process passes."""
        if isinstance(error, Exception):
            self.error = error
            return True
        return False


def _public(module: str, name: str, kind: type) -> bool:
    found = getattr(sys.modules.get(module) or importlib.import_module(module), name, None)
    return found is kind


def name_of(kind: type) -> str:
    """Return the shortest dotted name under which a class can be imported from its own package."""
    parts = kind.__module__.split(".")
    paths = (".".join(parts[:count]) for count in range(1, len(parts) + 1))
    module = next((path for path in paths if _public(path, kind.__qualname__, kind)), kind.__module__)
    return f"{module}.{kind.__qualname__}"


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield what an exception was raised from, outermost first."""
    seen = {id(error)}
    cause = error.__cause__ or error.__context__
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__


def raised(error: Exception) -> Outcome:
    """Describe an exception."""
    if isinstance(error, ProgramError):
        return Outcome(exception=error.name, message=str(error))
    chain = tuple(causes(error))
    text = " <- ".join(str(each) for each in (error, *chain))
    return Outcome(
        exception=name_of(type(error)), chain=tuple(name_of(type(each)) for each in chain), message=text
    )


def plain(words: Words, value: object) -> str:
    """Summarise what an SDK returned in place of its own type: `str` for a page, else the value itself."""
    if isinstance(value, str) and len(value) > SHORT:
        return "str"
    return (
        words.label(repr(value))
        if isinstance(value, (str, int, float, list, type(None)))
        else type(value).__name__
    )


def said(words: Words, value: object) -> str:
    """Summarise a text that may be missing, empty or no text at all."""
    if isinstance(value, str) and value.strip():
        return words.label(value)
    return repr(value)


def joined(parts: Mapping[str, bool]) -> str:
    """Return the parts of a summary that hold, in order."""
    return ", ".join(part for part, holds in parts.items() if holds)
