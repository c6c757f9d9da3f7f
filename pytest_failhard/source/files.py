"""Finds the project's Python files and gives each its role, decided by path alone."""

from __future__ import annotations

import ast
import fnmatch
import functools
import os
import threading
import tomllib
import warnings
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pytest_failhard.model import GateError
from pytest_failhard.source import syntax
from pytest_failhard.source.promotion import promoted

MAX_FILE_BYTES = 2 * 1024 * 1024
KEPT_TREES = 512
"""Trees cost a megabyte for a thousand lines: what several gates read at a time is kept, not the project."""
UNREAD_FOLDERS = frozenset(
    {".git", ".hg", "node_modules", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
    | {".hypothesis", ".tox", ".nox", "site-packages", ".failhard"}
)
TEST_FOLDERS = frozenset({"tests", "test", "testing", "_tests", "unit_tests", "integration_tests", "e2e"})
EXAMPLE_FOLDERS = frozenset(
    {"examples", "example", "docs", "doc", "demo", "demos", "samples", "benchmarks", "bench"}
    | {"tutorials", "archive", "notebooks", "experiments"}
)
SCRIPT_FOLDERS = frozenset({"scripts", "tools", "bin", "ci", ".github"})
SCRIPT_FILES = frozenset({"setup.py", "noxfile.py"})
BUILD_FOLDERS = frozenset({"build", "dist"})
_ONE_LISTS = threading.Lock()
_ONE_READS = threading.Lock()
TEST_FILES = ("test_*.py", "*_test.py", "conftest.py", "tests.py")


@dataclass(frozen=True, kw_only=True, order=True)
class SourceFile:
    """A Python file: its path relative to the root in POSIX form, and its role."""

    path: str
    role: str
    """`product`, `test`, `example` or `script`."""


@dataclass(frozen=True, kw_only=True)
class Project:
    """The Python files of a tree, sorted by path."""

    root: Path
    product: tuple[SourceFile, ...]
    """Files of role product below the product roots."""
    tests: tuple[SourceFile, ...]
    """Files of role test below the product roots and the test roots."""

    @property
    def files(self) -> tuple[SourceFile, ...]:
        """Return product and test files, sorted."""
        return tuple(sorted({*self.product, *self.tests}))

    def require_readable(self, known: Container[str] = ()) -> None:
        """Raise GateError that lists every file which cannot be read or parsed.

        Of the `known` paths it was shown already that they can.
        """
        paths = tuple(file.path for file in self.files if file.path not in known)
        # Several gates ask at once for the same files: one of them reads, the others wait for it.
        with _ONE_READS:
            problems = unreadable(self.root, paths)
        if problems:
            raise GateError("unreadable-source: " + "; ".join(problems))


def role(path: str) -> str:
    """Return the role of a file by its path relative to the root; content never matters."""
    # Asked of every file, several times in a run: a path object would take most of the time.
    parts = [part for part in path.lower().split("/") if part not in {"", "."}]
    folders, name = parts[:-1], parts[-1]
    if _is_test(folders, name):
        return "test"
    if EXAMPLE_FOLDERS.intersection(folders) or name.startswith(("demo", "example")):
        return "example"
    if SCRIPT_FOLDERS.intersection(folders) or name in SCRIPT_FILES:
        return "script"
    return "product"


def _is_test(folders: list[str], name: str) -> bool:
    if any(fnmatch.fnmatchcase(name, pattern) for pattern in TEST_FILES):
        return True
    return any(
        folder in TEST_FOLDERS or folder.startswith("test_") or folder.endswith("_tests")
        for folder in folders
    )


def walk(root: Path, below: str = ".", suffix: str = ".py") -> Iterator[str]:
    """Yield the paths of all `*.py` files below a folder of the root (or the one file), sorted.

    A link to a folder of the project is followed and its files have their real path, so that no code
    hides behind one; `suffix` asks for files of another kind. Raises GateError for a link that leaves
    the project and has Python files.
    """
    start = root / below
    if start.suffix == suffix and start.is_file():
        yield PurePosixPath(below).as_posix()
        return
    yield from sorted(set(_walk(root, start, set(), suffix)))


def _walk(root: Path, start: Path, entered: set[Path], suffix: str) -> Iterator[str]:
    for folder, folders, names in os.walk(start):
        entered.add(Path(folder).resolve())
        folders[:] = [name for name in folders if _is_read(Path(folder, name))]
        below = Path(folder).relative_to(root).as_posix()
        above = "" if below == "." else f"{below}/"
        yield from (above + name for name in names if name.endswith(suffix))
        for link in (Path(folder, name) for name in folders if Path(folder, name).is_symlink()):
            yield from _linked(root, link, entered, suffix)


def _linked(root: Path, link: Path, entered: set[Path], suffix: str) -> Iterator[str]:
    target = link.resolve()
    if target in entered:
        return
    if target.is_relative_to(root.resolve()):
        yield from _walk(root, root / target.relative_to(root.resolve()), entered, suffix)
    elif next(target.rglob("*.py"), None) is not None:
        raise GateError(
            f"{link.relative_to(root)}: a link to Python files outside the project, which no gate reads; "
            "replace it by what it points to"
        )


def _is_read(folder: Path) -> bool:
    return folder.name not in UNREAD_FOLDERS and not (folder / "pyvenv.cfg").exists()


def read(root: Path, source: tuple[str, ...], tests: tuple[str, ...]) -> Project:
    """Return the project's files. Roots are relative; a named root that does not exist is a GateError."""
    # Several gates begin with this at once: one of them looks, the others wait for it.
    with _ONE_LISTS:
        return look_up(root, source, tests)


@functools.lru_cache(maxsize=8)
def look_up(root: Path, source: tuple[str, ...], tests: tuple[str, ...]) -> Project:
    """Do what `read` does, for one at a time: it is remembered for as long as the process lives."""
    absent = [name for name in (*source, *tests) if not (root / name).exists()]
    if absent:
        raise GateError(
            f"{', '.join(absent)}: no such file or folder in {root.name}; "
            "correct `source` and `tests` in [tool.failhard]"
        )
    below_source = {path for name in source for path in walk(root, name)}
    below_tests = {path for name in tests for path in walk(root, name)}
    product = {path for path in below_source if role(path) == "product"}
    others = {path for path in walk(root) if role(path) != "product"}
    product |= promoted(root, source, product, others, lambda path: tree(root, path))
    tested = {path for path in below_source | below_tests if role(path) == "test"} - product
    return Project(
        root=root,
        product=tuple(SourceFile(path=path, role="product") for path in sorted(product)),
        tests=tuple(SourceFile(path=path, role="test") for path in sorted(tested)),
    )


def every(project: Project) -> tuple[SourceFile, ...]:
    """Return all Python files of the tree, whatever their role."""
    known = {file.path: file for file in project.files}
    listed = {path: SourceFile(path=path, role=role(path)) for path in walk(project.root)}
    return tuple(sorted({**listed, **known}.values()))


def tree(root: Path, path: str) -> ast.Module | None:
    """Return the parsed file, None where it cannot be read."""
    try:
        return parse(root, path)
    except GateError:
        return None


@functools.lru_cache(maxsize=64)
def unreadable(root: Path, paths: tuple[str, ...]) -> tuple[str, ...]:
    """Return one message for each file that cannot be read or parsed by this interpreter."""
    return tuple(problem for path in paths if (problem := _problem(root, path)))


def _problem(root: Path, path: str) -> str:
    try:
        parse(root, path)
    except GateError as error:
        return str(error)
    return ""


def readable(root: Path, files: Iterable[SourceFile]) -> tuple[SourceFile, ...]:
    """Return the files that parse: for a look at what is judged elsewhere, or not at all."""
    return tuple(file for file in files if tree(root, file.path) is not None)


def parse(root: Path, path: str) -> ast.Module:
    """Parse a file as it is now; raises GateError with place and cause."""
    return parsed(path, contents(root, path))


def contents(root: Path, path: str) -> bytes:
    """Return the bytes of a file; raises GateError."""
    try:
        return (root / path).read_bytes()
    except OSError as error:
        raise GateError(f"{path}: cannot be read: {error.strerror}") from None


@functools.lru_cache(maxsize=KEPT_TREES)
def parsed(path: str, data: bytes) -> ast.Module:
    """Parse a file's bytes (so that encoding cookies hold); raises GateError with place and cause."""
    if len(data) > MAX_FILE_BYTES:
        raise GateError(f"{path}: {len(data)} bytes, more than the {MAX_FILE_BYTES} that are read")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return syntax.parsed(data, filename=path)
    except SyntaxError as error:
        raise GateError(f"{path}:{error.lineno or 0}: does not parse: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise GateError(f"{path}: does not parse: {type(error).__name__}: {error}") from None


def default_tests(root: Path) -> tuple[str, ...]:
    """Return the top-level test folders and test files."""
    names = sorted(entry.name for entry in root.iterdir())
    folders = [name for name in names if (root / name).is_dir() and _is_read(root / name)]
    files = [name for name in names if name.endswith(".py") and role(name) == "test"]
    return tuple(
        [name for name in folders if _is_test([name.lower()], "x") and any(walk(root, name))] + files
    )


def default_source(root: Path, pyproject: Mapping[str, object]) -> tuple[str, ...]:
    """Return product roots from the build configuration, else the top-level packages and modules."""
    declared = [name for name in _declared(pyproject) if (root / name).exists()]
    if declared:
        return tuple(sorted(dict.fromkeys(declared)))
    base = "src" if (root / "src").is_dir() and any(walk(root, "src")) else "."
    return tuple(_top_level(root, base))


def _declared(pyproject: Mapping[str, object]) -> Iterator[str]:
    tool = _table(pyproject, "tool")
    yield from _strings(_table(tool, "hatch", "build", "targets", "wheel").get("packages"))
    setuptools = _table(tool, "setuptools")
    where = _strings(_table(setuptools, "packages", "find").get("where"))
    yield from (name for name in where if name not in {".", ""})
    yield from (name.replace(".", "/") for name in _strings(setuptools.get("packages")))
    yield from (f"{name}.py" for name in _strings(setuptools.get("py-modules")))
    name = _table(tool, "flit", "module").get("name")
    if isinstance(name, str):
        yield from (name, f"src/{name}")


def _table(table: Mapping[str, object], *keys: str) -> Mapping[str, object]:
    for key in keys:
        value = table.get(key)
        if not isinstance(value, dict):
            return {}
        table = value
    return table


def _strings(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _top_level(root: Path, base: str) -> Iterator[str]:
    for entry in sorted((root / base).iterdir()):
        name = entry.name if base == "." else f"{base}/{entry.name}"
        if entry.is_dir() and _is_read(entry) and entry.name not in BUILD_FOLDERS:
            if role(f"{name}/x.py") == "product" and any(walk(root, name)):
                yield name
        elif entry.suffix == ".py" and role(name) == "product":
            yield name


def pyproject(root: Path) -> Mapping[str, object]:
    """Return the parsed pyproject.toml, empty where there is none; raises GateError if malformed."""
    path = root / "pyproject.toml"
    if not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise GateError(f"pyproject.toml: {error}") from None
