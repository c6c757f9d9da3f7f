"""Says which names a module has by its text, and whether it may have others that the text does not show."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_failhard.source import syntax

# Who does one of these gives a module names of which its text says nothing.
DYNAMIC = re.compile(
    rb"globals\(\)\s*(?:\[[^\]\n]*\]\s*=(?!=)|\.(?:update|setdefault|__setitem__))|=\s*globals\(\)\s*$|(?:vars|locals)\(\)\s*(?:\[|\.update)"
    rb"|modules\[__name__\]|sys\.meta_path|^__path__\s*=|_convert_\(|global_enum|^\s*exec\([^)]*globals\(|^exec\("
    rb"|lazy_loader|lazy_import|Lazy(?:Module|Import)|setattr\(\s*(?:sys\.modules|_?this_?mod|_?mod(?:ule)?\b|current_mod)",
    re.MULTILINE,
)
REGISTERED = b"sys.modules["
"""Who writes this may add submodules that are no files."""
IMPLICIT = frozenset(
    {"__name__", "__file__", "__doc__", "__path__", "__all__", "__dict__", "__spec__", "__loader__"}
    | {"__package__", "__builtins__", "__cached__", "__annotations__", "__class__"}
)
MAX_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Names:
    """The names of a module. `is_open` where it may have others; `stars` are modules whose names it takes.

    A star is the number of leading dots and the dotted name behind them.
    """

    own: frozenset[str] = frozenset()
    is_open: bool = False
    stars: tuple[tuple[int, str], ...] = ()


OPEN = Names(is_open=True)


class Namespaces:
    """The names of modules, each file read once."""

    def __init__(self) -> None:
        self._known: dict[Path, Names] = {}
        self._texts: dict[Path, bytes] = {}

    def has(self, path: Path, name: str) -> bool:
        """Tell quickly that a file certainly defines a name; False says nothing."""
        text, plain = self.text(path), name.encode()
        return any(pattern % plain in text for pattern in _DEFINED)

    def text(self, path: Path) -> bytes:
        """Return a file's bytes, empty where it cannot be read."""
        if path not in self._texts:
            readable = path.is_file() and path.stat().st_size <= MAX_BYTES
            self._texts[path] = path.read_bytes() if readable else b""
        return self._texts[path]

    def of(self, path: Path) -> Names:
        """Return the names of a file; open where it does not parse."""
        if path not in self._known:
            self._known[path] = self._read(path)
        return self._known[path]

    def _read(self, path: Path) -> Names:
        text = self.text(path)
        if DYNAMIC.search(text):
            return OPEN
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = syntax.parsed(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            # Another Python's grammar: nothing is said of what is in it.
            return OPEN
        return names(tree)


_ALIAS = "TypeAlias"
_DEFINED = (b"\ndef %s(", b"\nclass %s(", b"\nclass %s:", b"\n%s = ", b"\nasync def %s(", b"\n%s: ")


def names(tree: ast.Module) -> Names:
    """Return the names that a module's statements bind, in whatever branch they stand."""
    found = set(IMPLICIT)
    stars: list[tuple[int, str]] = []
    for statement in _statements(tree.body):
        if isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*":
            stars.append((statement.level, statement.module or ""))
        found.update(_bound(statement))
    return Names(own=frozenset(found), is_open="__getattr__" in found, stars=tuple(stars))


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a module's scope, those in its branches as well."""
    work = list(body)
    for statement in work:
        yield statement
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for field in ("body", "orelse", "finalbody"):
                work.extend(getattr(statement, field, ()))
            for inner in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
                work.extend(inner.body)


def _bound(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
        yield from _declared_global(statement)
    elif isinstance(statement, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name.partition(".")[0] for alias in statement.names)
    else:
        yield from _stored(statement)


def _declared_global(statement: ast.stmt) -> Iterator[str]:
    for node in ast.walk(statement):
        if isinstance(node, ast.Global):
            yield from node.names


def _stored(statement: ast.stmt) -> Iterator[str]:
    """Yield what a statement binds, and the texts in `__all__`, which promise a name."""
    targets = set(_declared_global(statement))
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and (
            isinstance(node.ctx, ast.Store) or type(statement).__name__ == _ALIAS
        ):
            targets.add(node.id)
    yield from targets
    if "__all__" in targets:
        for node in ast.walk(statement):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def joined(found: Sequence[Names], star: Callable[[tuple[int, str]], Names]) -> Names:
    """Return the names of a source and its stub together, with those that their stars bring."""
    own = frozenset[str]().union(*(each.own for each in found))
    brought = [star(each) for one in found for each in one.stars]
    return Names(
        own=own.union(*(each.own for each in brought)),
        is_open=any(each.is_open for each in (*found, *brought)),
    )
