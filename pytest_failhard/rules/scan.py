"""Runs all rules over the files of a project, one parse and one traversal a file, and keeps no tree."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import functools
import gc
import re
import sys
import threading
import time
import tokenize
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_failhard.rules import catalogue
from pytest_failhard.rules.exclusion import ALL, Paths, is_excluded
from pytest_failhard.rules.limits import Limits
from pytest_failhard.rules.unit import Hit, StaticRule
from pytest_failhard.source.files import SourceFile
from pytest_failhard.source.index import FileFacts, Index, facts
from pytest_failhard.source.listing import python_files
from pytest_failhard.source.metadata import NOTHING, Metadata, metadata
from pytest_failhard.source.module import Module

KEPT_SCANS = 2
LOWER_BOUND = re.compile(r"(?:>=|~=|==)\s*(\d+)\.(\d+)")
UNKNOWN_ENCODING = re.compile("unknown encoding|encoding problem")
UNDECODABLE = re.compile(r"Non-UTF-8|'(?!unicodeescape)[\w-]+' codec can't decode|missing encoding")


DEFAULT_LIMITS = Limits()


class UnreadableError(OSError):
    """A file that there is nothing to read of; the message begins with a sub of FH000."""


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What the rules found before any option was looked at.

    `unreadable` names each file that could not be read: its path, a sub of FH000, and why.
    """

    rules: Mapping[str, StaticRule]
    """Code -> the instance that made the hits; `settle` belongs to it."""
    hits: tuple[Hit, ...]
    index: Index
    unreadable: tuple[str, ...]
    excluded: frozenset[str] = frozenset()
    """Paths of files that are known and not judged."""

    @property
    def files(self) -> tuple[FileFacts, ...]:
        """The files that are judged."""
        return tuple(facts for facts in self.index.files if facts.path not in self.excluded)


def scan(
    root: Path, files: Sequence[SourceFile], said: Metadata = NOTHING, limits: Limits = DEFAULT_LIMITS
) -> Scan:
    """Read each file once and return what stands in it.

    The last scans are remembered as long as no file has changed: three gates ask for the same one.
    """
    key = (root, tuple(files), said, limits, tuple(_state(root, file.path) for file in files))
    with _LOCK:
        if key not in _SCANS:
            while len(_SCANS) >= KEPT_SCANS:
                _SCANS.pop(next(iter(_SCANS)))
            sources = ((file, _reader(root, file.path)) for file in files)
            _SCANS[key] = scan_sources(sources, said, limits)
        return _SCANS[key]


def scan_project(
    root: Path,
    source: tuple[str, ...],
    tests: tuple[str, ...],
    limits: Limits = DEFAULT_LIMITS,
    paths: Paths = ALL,
) -> Scan:
    """Return the scan of a project's Python files, the same for every gate that asks.

    Those of other projects among its examples are left out. An excluded file is read all the same, so
    that others are judged by what it holds; of the file itself nothing is said.
    """
    files = python_files(root, source, tests, paths.roles).files
    whole = scan(root, files, metadata(root), limits)
    excluded = frozenset(file.path for file in files if is_excluded(file.path, paths))
    if not excluded:
        return whole
    return dataclasses.replace(
        whole,
        hits=tuple(hit for hit in whole.hits if hit.path not in excluded),
        unreadable=tuple(each for each in whole.unreadable if each.partition(": ")[0] not in excluded),
        excluded=excluded,
    )


_LOCK = threading.Lock()
_SCANS: dict[object, Scan] = {}


def _state(root: Path, path: str) -> tuple[int, int]:
    try:
        state = (root / path).stat()
    except OSError:
        return (0, 0)
    return (state.st_mtime_ns, state.st_size)


def _reader(root: Path, path: str) -> Callable[[], bytes]:
    return functools.partial(_bytes, root / path)


def _bytes(place: Path) -> bytes:
    if place.is_symlink() and not place.exists():
        raise UnreadableError(f"dangling-link: it points to {place.readlink()}, where nothing is")
    if place.exists() and not place.is_file():
        # A pipe would keep us waiting for ever.
        raise UnreadableError("unreadable: it is no regular file")
    return place.read_bytes()


def scan_sources(
    sources: Iterable[tuple[SourceFile, Callable[[], bytes]]],
    said: Metadata = NOTHING,
    limits: Limits = DEFAULT_LIMITS,
) -> Scan:
    """Return what stands in sources, each given with what reads its bytes.

    `said` is what the project says of itself.
    """
    rules = {rule.code: rule() for rule in catalogue.every()}
    known: list[FileFacts] = []
    hits: list[Hit] = []
    unreadable: list[str] = []
    for file, reader in sources:
        begun = time.thread_time()
        with _no_collection():
            found = _read(file, reader, rules.values(), said.requires_python, limits)
        if isinstance(found, str):
            unreadable.append(f"{file.path}: {found}")
            continue
        hits += found[0]
        known.append(found[1])
        if time.thread_time() - begun > limits.max_seconds:
            unreadable.append(f"{file.path}: too-slow: its rules took more than {limits.max_seconds} s")
    return Scan(
        rules=rules,
        hits=numbered(sorted(hits, key=_place)),
        index=Index(known, said),
        unreadable=tuple(unreadable),
    )


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


def _read(
    file: SourceFile,
    reader: Callable[[], bytes],
    rules: Iterable[StaticRule],
    needs: str,
    limits: Limits,
) -> tuple[list[Hit], FileFacts] | str:
    """Return what stands in a file; or a sub of FH000 and why it cannot be said."""
    module = _module(file, reader, needs, limits)
    return module if isinstance(module, str) else _judged(module, rules)


def _place(hit: Hit) -> tuple[str, int, str, str, str, str]:
    """Return what hits are sorted by: all that tells two of one scan apart."""
    return (hit.path, hit.line, hit.code, hit.sub, hit.canonical, hit.message)


def _judged(module: Module, rules: Iterable[StaticRule]) -> tuple[list[Hit], FileFacts] | str:
    try:
        return list(_hits(module, rules)), facts(module)
    except RecursionError:
        return "too-deep: the rules gave up"
    except tokenize.TokenError as error:
        return f"syntax-error: its comments cannot be read: {error}"


def _module(file: SourceFile, read: Callable[[], bytes], needs: str, limits: Limits) -> Module | str:
    """Return the parsed file, or what is wrong with it: a sub of FH000 and the reason."""
    try:
        data = read()
    except UnreadableError as error:
        return str(error)
    except OSError as error:
        return f"unreadable: {error.strerror or error}"
    if len(data) > limits.max_bytes:
        return f"too-large: {len(data)} bytes, more than the {limits.max_bytes} that are read"
    tree = _parsed(file.path, data, needs)
    return tree if isinstance(tree, str) else Module(file.path, file.role, data, tree)


def _parsed(path: str, data: bytes, needs: str) -> ast.Module | str:
    try:
        with warnings.catch_warnings():
            # The judged must not decide what a warning is: an odd escape would end the parse.
            warnings.simplefilter("ignore")
            return ast.parse(data, filename=path)
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


def numbered(hits: Iterable[Hit]) -> tuple[Hit, ...]:
    """Return the hits in order; equal ones in one scope are told apart by `#2`, `#3` behind their code."""
    seen: dict[tuple[str, str, str, str], int] = {}
    told: list[Hit] = []
    for hit in hits:
        key = (hit.name, hit.path, hit.qualname, hit.canonical)
        seen[key] = seen.get(key, 0) + 1
        told.append(
            hit if seen[key] == 1 else dataclasses.replace(hit, canonical=f"{hit.canonical}#{seen[key]}")
        )
    return tuple(told)
