"""Runs all rules over the files of a project, one parse and one traversal a file, and keeps no tree."""

from __future__ import annotations

import ast
import re
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_failhard.rules import catalogue
from pytest_failhard.rules.unit import Hit, StaticRule
from pytest_failhard.source.files import (
    MAX_FILE_BYTES,
    SourceFile,
    declares_pytest_plugin,
    every,
    pyproject,
    read,
)
from pytest_failhard.source.index import FileFacts, Index, facts
from pytest_failhard.source.module import Module

MAX_FILE_SECONDS = 5
"""Processor time for one file: more is no source that anybody reads."""
KEPT_SCANS = 2
LOWER_BOUND = re.compile(r"(?:>=|~=|==)\s*(\d+)\.(\d+)")


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


def scan(root: Path, files: Sequence[SourceFile], needs: str = "", *, is_plugin: bool = False) -> Scan:
    """Read each file once and return what stands in it.

    The last scans are remembered as long as no file has changed: three gates ask for the same one.
    `needs` is the lower bound of `requires-python`, for the message about grammar that is newer than ours;
    `is_plugin` says that the project is a plugin of pytest.
    """
    key = (root, is_plugin, tuple(files), tuple(_state(root, file.path) for file in files))
    with _LOCK:
        if key not in _SCANS:
            while len(_SCANS) >= KEPT_SCANS:
                _SCANS.pop(next(iter(_SCANS)))
            sources = ((file, _reader(root, file.path)) for file in files)
            _SCANS[key] = scan_sources(sources, needs, is_plugin=is_plugin)
        return _SCANS[key]


def scan_project(root: Path, source: tuple[str, ...], tests: tuple[str, ...]) -> Scan:
    """Return the scan of all Python files of a project, the same for every gate that asks."""
    project = read(root, source, tests)
    needs = pyproject(root).get("project")
    bound = needs.get("requires-python") if isinstance(needs, dict) else None
    plugin = declares_pytest_plugin(root)
    return scan(root, every(project), bound if isinstance(bound, str) else "", is_plugin=plugin)


_LOCK = threading.Lock()
_SCANS: dict[object, Scan] = {}


def _state(root: Path, path: str) -> tuple[int, int]:
    try:
        state = (root / path).stat()
    except OSError:
        return (0, 0)
    return (state.st_mtime_ns, state.st_size)


def _reader(root: Path, path: str) -> Callable[[], bytes]:
    return (root / path).read_bytes


def scan_sources(
    sources: Iterable[tuple[SourceFile, Callable[[], bytes]]], needs: str = "", *, is_plugin: bool = False
) -> Scan:
    """Return what stands in sources, each given with what reads its bytes."""
    rules = {rule.code: rule() for rule in catalogue.RULES}
    known: list[FileFacts] = []
    hits: list[Hit] = []
    unreadable: list[str] = []
    for file, reader in sources:
        begun = time.thread_time()
        module = _module(file, reader, needs)
        if isinstance(module, str):
            unreadable.append(f"{file.path}: {module}")
            continue
        hits += _hits(module, rules.values())
        known.append(facts(module))
        if time.thread_time() - begun > MAX_FILE_SECONDS:
            unreadable.append(f"{file.path}: too-slow: its rules took more than {MAX_FILE_SECONDS} s")
    return Scan(
        rules=rules,
        hits=numbered(sorted(hits)),
        index=Index(known, is_pytest_plugin=is_plugin),
        unreadable=tuple(unreadable),
    )


def _module(file: SourceFile, read: Callable[[], bytes], needs: str) -> Module | str:
    """Return the parsed file, or what is wrong with it: a sub of FH000 and the reason."""
    try:
        data = read()
    except OSError as error:
        return f"unreadable: {error.strerror or error}"
    if len(data) > MAX_FILE_BYTES:
        return f"too-large: {len(data)} bytes, more than the {MAX_FILE_BYTES} that are read"
    try:
        with warnings.catch_warnings():
            # The judged must not decide what a warning is: an odd escape would end the parse.
            warnings.simplefilter("ignore")
            return Module(file.path, file.role, data, ast.parse(data, filename=file.path))
    except SyntaxError as error:
        return _syntax_error(error, needs)
    except (RecursionError, MemoryError):
        return "too-deep: the parser gave up"
    except ValueError as error:
        return f"undecodable: {error}"


def _syntax_error(error: SyntaxError, needs: str) -> str:
    place = f"line {error.lineno or 0}: {error.msg}"
    text = str(error)
    if "encoding" in text or "codec" in text:
        return f"undecodable: {text}"
    bound = LOWER_BOUND.search(needs)
    if bound and (int(bound[1]), int(bound[2])) > sys.version_info[:2]:
        return f"newer-grammar: {place}; run under Python >= {bound[1]}.{bound[2]}"
    return f"syntax-error: {place}"


def _hits(module: Module, rules: Iterable[StaticRule]) -> Iterator[Hit]:
    for rule in rules:
        if module.role in rule.roles:
            for kind in rule.nodes:
                for node in module.nodes(kind):
                    yield from rule.at(node, module)
            yield from rule.over(module)


def numbered(hits: Iterable[Hit]) -> tuple[Hit, ...]:
    """Return the hits in order; equal ones in one scope are told apart by `#2`, `#3` behind their code."""
    from dataclasses import replace

    seen: dict[tuple[str, str, str, str], int] = {}
    told: list[Hit] = []
    for hit in hits:
        key = (hit.name, hit.path, hit.qualname, hit.canonical)
        seen[key] = seen.get(key, 0) + 1
        told.append(hit if seen[key] == 1 else replace(hit, canonical=f"{hit.canonical}#{seen[key]}"))
    return tuple(told)
