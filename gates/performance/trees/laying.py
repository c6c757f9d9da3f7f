"""Lays the trees on the disk: the base from git, head as it lies there, head's tests on both."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from pytest_failhard.gates.performance.settings import PerformanceSettings
from pytest_failhard.gates.performance.trees import building, harness
from pytest_failhard.gates.performance.trees.harness import Layout
from pytest_failhard.model import GateError, Run
from pytest_failhard.source import checkout, default_source, default_tests, pyproject, pytest_config
from pytest_failhard.source.import_roots import import_roots
from pytest_failhard.source.manifest import PYTHON_CLASSES, PYTHON_FILES, PYTHON_FUNCTIONS, Patterns
from pytest_failhard.source.pytest_config import PytestConfig
from pytest_failhard.system import workcopy

NAMES = ("base", "head", "orig")
"""The trees' folders. Of equal length: a path's length is in what is loaded and in what is written."""


@dataclass(frozen=True, kw_only=True)
class Tree:
    """A tree as it lies on the disk. `roots` are where imports resolve, `packages` what they name.

    `own` is what it tells pytest itself.
    """

    layout: Layout
    roots: tuple[str, ...]
    packages: frozenset[str]
    own: PytestConfig

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self.layout.root


@dataclass(frozen=True, kw_only=True)
class Laid:
    """The trees with their tests, before anything runs in them. `harness` are the files of head's tests."""

    base: Tree
    head: Tree
    original: Tree | None
    harness: frozenset[str]
    notes: tuple[str, ...]

    @property
    def trees(self) -> tuple[Tree, ...]:
        """All of them."""
        return (self.base, self.head, *((self.original,) if self.original else ()))


def lay(run: Run, settings: PerformanceSettings, merged: str, folder: Path) -> Laid:
    """Write the trees of a commit, empty for none, and of the working tree; raises GateError."""
    base_folder, head_folder, original_folder = (folder / name for name in NAMES)
    workcopy.copy(run.root, head_folder)
    harness.without_bytecode(head_folder)
    if merged:
        with _at_base():
            _write_base(run, merged, base_folder)
    else:
        shutil.copytree(head_folder, base_folder, symlinks=True)
    shared = building.share_generated(run, (base_folder, head_folder))
    head = _tree(harness.layout(run.root, run.source, run.test_roots))
    head = replace(head, layout=harness.copied(head.layout, head_folder))
    wanted = patterns(head.own)
    head = _given(head, harness.files(head.layout, settings.files, wanted, demanded=True))
    with _at_base():
        roots = (_source(base_folder, run.source), _tests(base_folder, run.test_roots))
        base = _tree(harness.older(base_folder, *roots, head.layout))
    base = _given(base, harness.files(base.layout, settings.files, wanted, demanded=False))
    original = None
    if merged and base.layout.files:
        shutil.copytree(base_folder, original_folder, symlinks=True)
        original = replace(base, layout=replace(base.layout, root=original_folder))
    names = frozenset(filter(head.layout.is_harness, _listed(head_folder))) - base.layout.product
    harness.put(base.layout, head.layout, names, tuple(_listed(base_folder)))
    notes = [f"git ignores {path}: copied to both sides" for path in shared]
    notes += ["head has changes that are not committed"] if run.facts.dirty else []
    return Laid(base=base, head=head, original=original, harness=names, notes=tuple(notes))


def patterns(head: PytestConfig) -> Patterns:
    """Return which names are collected: pytest's own, and what the project adds to them."""
    return Patterns(
        files=tuple(dict.fromkeys((*PYTHON_FILES, *head.words("python_files")))),
        classes=tuple(dict.fromkeys((*PYTHON_CLASSES, *head.words("python_classes")))),
        functions=tuple(dict.fromkeys((*PYTHON_FUNCTIONS, *head.words("python_functions")))),
    )


@contextlib.contextmanager
def _at_base() -> Iterator[None]:
    try:
        yield
    except GateError as error:
        raise GateError(f"no-baseline: the base cannot be laid out: {error}") from None


def _write_base(run: Run, merged: str, base: Path) -> None:
    there = checkout.write(run.root, merged, base, base.with_name("index"))
    modules = sorted({*there, *checkout.submodules(run.root)})
    harness.without_bytecode(base)
    wanted = [PurePosixPath(name) for name in (*run.source, *run.test_roots)]
    for name in modules:
        path = PurePosixPath(name)
        if any(path.is_relative_to(each) or each.is_relative_to(path) for each in wanted):
            raise GateError(
                f"{name} is a submodule, and its code of then cannot be had without fetching it; measure it "
                "in its own repository, or make it a dependency"
            )


def _source(base: Path, heads: Sequence[str]) -> tuple[str, ...]:
    """Return the base's product roots: what it says itself, else head's, else what is usual."""
    return _declared(base, "source", heads) or default_source(base, pyproject(base))


def _tests(base: Path, heads: Sequence[str]) -> tuple[str, ...]:
    return _declared(base, "tests", heads) or default_tests(base)


def _declared(base: Path, key: str, heads: Sequence[str]) -> tuple[str, ...]:
    table: object = pyproject(base)
    for name in ("tool", "failhard", key):
        table = table.get(name) if isinstance(table, dict) else None
    own = tuple(map(str, table)) if isinstance(table, list) else ()
    return next((names for names in (own, tuple(heads)) if names and _all_exist(base, names)), ())


def _all_exist(base: Path, names: Collection[str]) -> bool:
    return all((base / name).exists() for name in names)


def _tree(layout: Layout) -> Tree:
    product = sorted(layout.product)
    roots = import_roots(layout.root, layout.source, product)
    packages = frozenset(_packages(product, roots))
    return Tree(layout=layout, roots=roots, packages=packages, own=pytest_config.load(layout.root))


def _given(tree: Tree, files: tuple[str, ...]) -> Tree:
    return replace(tree, layout=replace(tree.layout, files=files))


def _packages(product: Sequence[str], roots: Sequence[str]) -> Iterator[str]:
    """Yield the top-level names of product modules, as they are imported."""
    for path in map(PurePosixPath, product):
        above = [each for each in map(PurePosixPath, roots) if path.is_relative_to(each)]
        for root in sorted(above, key=lambda each: len(each.parts))[-1:]:
            yield path.relative_to(root).with_suffix("").parts[0]


def _listed(folder: Path) -> Iterator[str]:
    """Yield the paths of all files of a tree, links to folders included."""
    for above, folders, names in os.walk(folder):
        links = [name for name in folders if Path(above, name).is_symlink()]
        yield from (Path(above, name).relative_to(folder).as_posix() for name in (*names, *links))
