"""Says which files are the tests and what they need, and puts head's in place of the base's."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from pytest_failhard.model import GateError
from pytest_failhard.source.files import read, role, tree, walk
from pytest_failhard.source.globs import matches
from pytest_failhard.source.listing import python_files
from pytest_failhard.source.manifest import Patterns, is_collected
from pytest_failhard.source.promotion import promoted

WORD = b"benchmark"
FIXTURES = frozenset({"benchmark", "failhard_benchmark"})
CONFTEST = "conftest.py"


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where a tree has its product and its tests.

    `listed` are its Python files, `files` those in which a benchmark may stand.
    """

    root: Path
    source: tuple[str, ...]
    tests: tuple[str, ...]
    product: frozenset[str]
    listed: tuple[str, ...]
    files: tuple[str, ...] = ()

    def is_harness(self, path: str) -> bool:
        """Tell whether a file belongs to the tests: it does what is measured, and is not measured."""
        if path in self.product:
            return False
        if path in self.files or role(path) == "test":
            return True
        if any(_is_below(path, folder) for folder in self.source):
            return False
        return any(_is_below(path, folder) for folder in (*self._own(), *self._beside()))

    def _own(self) -> Iterator[str]:
        """Yield the test roots in which no product lies."""
        for folder in self.tests:
            if not any(_is_below(source, folder) for source in self.source):
                yield folder

    def _beside(self) -> Iterator[str]:
        """Yield the folders of the files given that are for examples: what lies there is theirs."""
        for path in self.files:
            above = PurePosixPath(path).parent
            if above.parts and role(f"{above}/x") == "example":
                yield above.as_posix()


def layout(root: Path, source: Sequence[str], tests: Sequence[str]) -> Layout:
    """Return a tree's layout; raises GateError for a root that does not exist."""
    place = (root, tuple(source), tuple(tests))
    return Layout(
        root=root,
        source=tuple(source),
        tests=tuple(tests),
        product=frozenset(file.path for file in read(*place).product),
        listed=tuple(file.path for file in python_files(*place).files),
    )


def copied(original: Layout, folder: Path) -> Layout:
    """Return the layout of a copy that may lack files: what other gates have parsed is not parsed anew."""
    return replace(
        original,
        root=folder,
        product=frozenset(path for path in original.product if (folder / path).exists()),
        listed=tuple(path for path in original.listed if (folder / path).exists()),
    )


def older(root: Path, source: Sequence[str], tests: Sequence[str], head: Layout) -> Layout:
    """Return the layout of the base; only what head has otherwise is looked into for its imports.

    What is product in one of the two trees is product in both. Raises GateError for a file that leads
    out of the tree.
    """
    excluded = set(walk(head.root)) - set(head.listed)
    listed = tuple(path for path in walk(root) if path not in excluded)
    product = {path for path in head.product if (root / path).exists()}
    product |= {path for name in source for path in walk(root, name) if role(path) == "product"}
    differing = [path for path in product if not _is_equal(root / path, head.root / path)]
    product |= promoted(root, source, differing, set(listed) - product, lambda path: tree(root, path))
    return Layout(
        root=root,
        source=tuple(source),
        tests=tuple(tests),
        product=frozenset(product),
        listed=listed,
    )


def _is_equal(path: Path, other: Path) -> bool:
    return other.is_file() and path.is_file() and path.read_bytes() == other.read_bytes()


def files(place: Layout, globs: Sequence[str], patterns: Patterns, *, demanded: bool) -> tuple[str, ...]:
    """Return the test files in which a benchmark may stand, sorted.

    Those are the files that the globs mean, each of which must mean one where that is `demanded`; without
    globs the test files with the word in them, or below a conftest that hands the fixture on.
    """
    listed = place.listed
    if globs:
        found = {path for path in listed for glob in globs if matches(path, glob) and _is_test(path)}
        unmatched = [glob for glob in globs if not any(matches(path, glob) for path in listed)]
        if unmatched and demanded:
            raise GateError(
                f"no-benchmarks: [tool.failhard.performance] files: no Python file matches "
                f"{', '.join(unmatched)}; correct the key"
            )
        return tuple(sorted(found))
    handing = [_above(path) for path in listed if _hands_on(place.root, path)]
    return tuple(
        path
        for path in sorted(listed)
        if path not in place.product
        and is_collected(path, patterns)
        and (_mentions(place.root, path) or any(_is_below(path, folder) for folder in handing))
    )


def put(base: Layout, head: Layout, names: Collection[str], there: Collection[str]) -> None:
    """Put head's harness, the files `names`, in place of the base's; `there` are all files of the base."""
    for name in there:
        if base.is_harness(name) and name not in head.product:
            (base.root / name).unlink()
    for name in names:
        _copy(head.root / name, base.root / name)


def without_bytecode(root: Path) -> None:
    """Remove all bytecode: it is believed by time and size, and may be of another side's source."""
    for folder in [path for path in root.rglob("__pycache__") if path.is_dir() and not path.is_symlink()]:
        shutil.rmtree(folder)
    for path in [path for path in root.rglob("*.pyc") if path.is_symlink() or path.is_file()]:
        path.unlink()


def _copy(source: Path, target: Path) -> None:
    for above in reversed(target.parents):
        if above.is_symlink() or above.is_file():  # where head has a folder
            above.unlink()
            break
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    shutil.copy2(source, target, follow_symlinks=False)


def _is_test(path: str) -> bool:
    return PurePosixPath(path).name not in {CONFTEST, "__init__.py"}


def _mentions(root: Path, path: str) -> bool:
    # A link may lead nowhere.
    return (root / path).is_file() and WORD in (root / path).read_bytes()


def _hands_on(root: Path, path: str) -> bool:
    """Tell whether a conftest has a function that takes one of the fixtures."""
    if PurePosixPath(path).name != CONFTEST or not _mentions(root, path):
        return False
    module = tree(root, path)
    return module is not None and any(FIXTURES.intersection(_arguments(node)) for node in ast.walk(module))


def _arguments(node: ast.AST) -> Iterable[str]:
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return ()
    return (argument.arg for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs))


def _above(path: str) -> str:
    return PurePosixPath(path).parent.as_posix()


def _is_below(path: str, folder: str) -> bool:
    return PurePosixPath(path).is_relative_to(PurePosixPath(folder))
