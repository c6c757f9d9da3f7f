"""Reads one file: one parse, one traversal, every rule for files of its role; and keeps no tree."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import functools
import gc
import re
import sys
import time
import tokenize
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from pytest_failhard.rules import catalogue, recalled
from pytest_failhard.rules.limits import Limits
from pytest_failhard.rules.unit import Hit, StaticRule
from pytest_failhard.source import syntax
from pytest_failhard.source.by_file import ByFile, name_of
from pytest_failhard.source.files import SourceFile
from pytest_failhard.source.index import FileFacts, facts
from pytest_failhard.source.module import Module

LOWER_BOUND = re.compile(r"(?:>=|~=|==)\s*(\d+)\.(\d+)")
UNKNOWN_ENCODING = re.compile("unknown encoding|encoding problem")
UNDECODABLE = re.compile(r"Non-UTF-8|'(?!unicodeescape)[\w-]+' codec can't decode|missing encoding")


class UnreadableError(OSError):
    """A file that there is nothing to read of; the message begins with a sub of FH000."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What stands in a file. `problem` is a sub of FH000 and why all that does not count."""

    hits: list[Hit]
    facts: FileFacts
    problem: str = ""


class Look:
    """The look of all rules at one file after the other.

    What a rule says of a file is known by its bytes, its path and its role alone: what `by_file` has of them
    is not looked for again.
    """

    def __init__(self, needs: str, limits: Limits, by_file: ByFile | None) -> None:
        self.rules: Mapping[str, StaticRule] = {rule.code: rule() for rule in catalogue.every()}
        self._needs = needs
        self._limits = limits
        self._by_file = by_file

    def at(self, file: SourceFile, read: Callable[[], bytes]) -> Found | str:
        """Return what stands in a file; or a sub of FH000 and why it cannot be said."""
        with _no_collection():
            return self._at(file, read)

    def _at(self, file: SourceFile, read: Callable[[], bytes]) -> Found | str:
        data = self._data(read)
        if isinstance(data, str):
            return data
        name = name_of(file)
        known = self._by_file.find(name, data) if self._by_file is not None else None
        if known is not None:
            hits, facts_known = recalled.read(cast("recalled.Row", known), file.path, file.role)
            return Found(hits=hits, facts=facts_known)
        found = self._looked(file, data)
        if self._by_file is not None and isinstance(found, Found) and self._is_kept(found):
            self._by_file.keep(name, data, recalled.written(found.hits, found.facts))
        return found

    def _data(self, read: Callable[[], bytes]) -> bytes | str:
        """Return a file's bytes, or what is wrong with it: a sub of FH000 and the reason."""
        try:
            data = read()
        except UnreadableError as error:
            return str(error)
        except OSError as error:
            return f"unreadable: {error.strerror or error}"
        if len(data) > self._limits.max_bytes:
            return f"too-large: {len(data)} bytes, more than the {self._limits.max_bytes} that are read"
        return data

    def _looked(self, file: SourceFile, data: bytes) -> Found | str:
        begun = time.thread_time()
        found = _read(file, data, self.rules.values(), self._needs)
        if isinstance(found, Found) and time.thread_time() - begun > self._limits.max_seconds:
            problem = f"too-slow: its rules took more than {self._limits.max_seconds} s"
            return dataclasses.replace(found, problem=problem)
        return found

    def _is_kept(self, found: Found) -> bool:
        """Tell whether what stands in a file may be known in a later run: nothing of one with a secret."""
        families = {self.rules[hit.code].family for hit in found.hits}
        return not found.problem and recalled.SECRETS not in families


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the collector of cycles away while a file is read.

    A tree has tens of thousands of nodes and no cycle, and goes when its file is done: to look through it
    again and again costs a tenth of the scan, more in a process that holds much else.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _read(file: SourceFile, data: bytes, rules: Iterable[StaticRule], needs: str) -> Found | str:
    tree = _parsed(file.path, data, needs)
    return tree if isinstance(tree, str) else _judged(Module(file.path, file.role, data, tree), rules)


def _judged(module: Module, rules: Iterable[StaticRule]) -> Found | str:
    try:
        return Found(hits=list(_hits(module, rules)), facts=facts(module))
    except RecursionError:
        return "too-deep: the rules gave up"
    except tokenize.TokenError as error:
        return f"syntax-error: its comments cannot be read: {error}"


def _parsed(path: str, data: bytes, needs: str) -> ast.Module | str:
    try:
        with warnings.catch_warnings():
            # The judged must not decide what a warning is: an odd escape would end the parse.
            warnings.simplefilter("ignore")
            return syntax.parsed(data, filename=path)
    except (SyntaxError, ValueError) as error:
        # Of a null byte some versions say the one, some the other.
        return _syntax_error(error, data, needs)
    except (RecursionError, MemoryError):
        return "too-deep: the parser gave up"


def _syntax_error(error: SyntaxError | ValueError, data: bytes, needs: str) -> str:
    said = error.msg if isinstance(error, SyntaxError) else str(error)
    line = error.lineno if isinstance(error, SyntaxError) else 0
    place = f"line {line or 0}: {said}"
    if UNKNOWN_ENCODING.search(said):
        return f"undecodable: {said}"
    if UNDECODABLE.search(said):
        return f"undecodable: {_undecoded(data) or said}"
    if "too many nested" in said or "too complex" in said:
        return f"too-deep: {place}"
    bound = LOWER_BOUND.search(needs)
    if bound and (int(bound[1]), int(bound[2])) > sys.version_info[:2]:
        return f"newer-grammar: {place}; run under Python >= {bound[1]}.{bound[2]}"
    return f"syntax-error: {place}"


def _undecoded(data: bytes) -> str:
    """Return the offset of the first byte that is not UTF-8; nothing where another encoding is named."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return f"byte {error.start} is no UTF-8"
    return ""


def _hits(module: Module, rules: Iterable[StaticRule]) -> Iterator[Hit]:
    for rule in rules:
        if module.role in rule.roles:
            for kind in rule.nodes:
                for node in module.nodes(kind):
                    yield from rule.at(node, module)
            yield from rule.over(module)


def reader(root: Path, path: str) -> Callable[[], bytes]:
    """Return what reads the bytes of a file; it raises UnreadableError where there is nothing to read."""
    return functools.partial(_bytes, root / path)


def _bytes(place: Path) -> bytes:
    if place.is_symlink() and not place.exists():
        raise UnreadableError(f"dangling-link: it points to {place.readlink()}, where nothing is")
    if place.exists() and not place.is_file():
        # A pipe would keep us waiting for ever.
        raise UnreadableError("unreadable: it is no regular file")
    return place.read_bytes()
