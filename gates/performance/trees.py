"""Builds the two trees that are measured: the base and head as they are, with head's tests on both."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from packaging.version import InvalidVersion, Version

from pytest_failhard.distributions import target
from pytest_failhard.gates.performance import building, configuring, dependencies, harness, tools
from pytest_failhard.gates.performance.configuring import Plugins
from pytest_failhard.gates.performance.harness import Layout
from pytest_failhard.gates.performance.samples import SideName
from pytest_failhard.gates.performance.settings import PerformanceSettings
from pytest_failhard.gates.performance.sides import Side, Trees
from pytest_failhard.model import GateError, Run
from pytest_failhard.source import checkout, default_source, default_tests, pyproject, pytest_config
from pytest_failhard.source.import_roots import import_roots
from pytest_failhard.source.pytest_config import PytestConfig
from pytest_failhard.system import workcopy

NAMES = ("base", "head", "orig")
"""The trees' folders. Of equal length: a path's length is in what is loaded and in what is written."""
WORKERS = tuple(Path(__file__).with_name(name) for name in ("serve", "serve.py"))
UNMEASURED = (".md", ".rst", ".adoc")
UNMEASURED_FOLDERS = frozenset({"docs", "doc", ".github", ".gitlab", ".circleci"})
UNMEASURED_FILES = frozenset(
    {"LICENSE", "LICENCE", "NOTICE", "AUTHORS", "CODEOWNERS", "mkdocs.yml", ".readthedocs.yaml"}
    | {".gitignore", ".gitattributes", ".gitlab-ci.yml", ".pre-commit-config.yaml", ".travis.yml"}
    | {"azure-pipelines.yml", "Jenkinsfile", ".editorconfig"}
)


@dataclass(frozen=True, kw_only=True)
class _Tree:
    """A tree as it lies on the disk. `roots` are where imports resolve, `packages` what they name."""

    layout: Layout
    roots: tuple[str, ...]
    packages: frozenset[str]

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self.layout.root


@dataclass(frozen=True, kw_only=True)
class _Laid:
    """The trees with their tests, before anything runs in them."""

    base: _Tree
    head: _Tree
    original: _Tree | None
    harness: frozenset[str]
    own: PytestConfig
    """Head's configuration of pytest."""
    notes: tuple[str, ...]

    @property
    def folders(self) -> tuple[Path, ...]:
        """All of them."""
        trees = (self.base, self.head, *((self.original,) if self.original else ()))
        return tuple(each.folder for each in trees)


def build(run: Run, settings: PerformanceSettings, *, commit: str | None = None) -> Trees:
    """Return the trees of the merge base, or of another commit, and of the working tree.

    Raises GateError where there is nothing to compare with, or where a side cannot be made as it was.
    """
    merged, chosen = _base(run) if commit is None else (commit, "golden_commit")
    # With two baselines each has trees of its own.
    folder = run.scratch / ("trees" if commit is None else "older")
    laid = _lay(run, settings, merged, folder)
    changed = dependencies.changed(laid.base.folder, laid.head.folder)
    is_identical = not changed and _is_same(laid.base, laid.head)
    building.compile_in(run, settings.build, laid.folders)
    copy_worker(folder / "serve")
    paths = target.probe(run).paths
    make = _Make(
        folder=folder,
        laid=laid,
        loaded=configuring.plugins(laid.head.folder, paths, laid.own, laid.head.layout.files),
    )
    older, notes = run.interpreter, laid.notes
    if changed:
        older = dependencies.environment(run, laid.base.folder, changed, folder / "own")
        tools.show(older, laid.head.layout, laid.harness, paths, make.loaded.distributions)
        notes = (*notes, f"the ratio contains changed dependencies: {', '.join(changed)}")
    return replace(
        make.trees(older, run.interpreter),
        commit=merged,
        chosen=chosen,
        identical=is_identical,
        first=not merged,
        same_environment=not changed,
        notes=notes,
    )


def copy_worker(folder: Path) -> None:
    """Copy the worker to a folder of its own, under the name that pytest loads it by."""
    folder.mkdir()
    for each in WORKERS:
        target = folder / configuring.WORKER
        if each.is_dir():
            shutil.copytree(each, target, ignore=shutil.ignore_patterns("__pycache__"))
        elif each.is_file():
            shutil.copy2(each, target.with_suffix(".py"))


def _base(run: Run) -> tuple[str, str]:
    if run.base is None:
        raise GateError(f"no-baseline: {run.base_missing}")
    return run.base.commit, run.base.chosen


def _lay(run: Run, settings: PerformanceSettings, merged: str, folder: Path) -> _Laid:
    """Write the trees, find the benchmarks in each, and put head's tests in place of the base's."""
    base, head, original = (folder / name for name in NAMES)
    workcopy.copy(run.root, head)
    harness.without_bytecode(head)
    if merged:
        _write_base(run, merged, base)
    else:
        shutil.copytree(head, base, symlinks=True)
    shared = building.share_generated(run, (base, head))
    own = pytest_config.load(head)
    wanted = configuring.patterns(own)
    of_head = harness.layout(head, run.source, run.test_roots)
    of_base = harness.layout(base, _source(base, run.source), _tests(base, run.test_roots))
    of_head = replace(of_head, files=harness.files(of_head, settings.files, wanted, demanded=True))
    of_base = replace(of_base, files=harness.files(of_base, settings.files, wanted, demanded=False))
    before = None
    if merged and of_base.files:
        shutil.copytree(base, original, symlinks=True)
        before = _tree(replace(of_base, root=original))
    tree_of_base = _tree(of_base)
    names = frozenset(filter(of_head.is_harness, workcopy.digests(head))) - of_base.product
    harness.replace(of_base, of_head, names, workcopy.digests(base))
    notes = [f"git ignores {path}: copied to both sides" for path in shared]
    notes += ["head has changes that are not committed"] if run.facts.dirty else []
    return _Laid(
        base=tree_of_base,
        head=_tree(of_head),
        original=before,
        harness=names,
        own=own,
        notes=tuple(notes),
    )


def _write_base(run: Run, merged: str, base: Path) -> None:
    try:
        there = checkout.write(run.root, merged, base, base.with_name("index"))
        modules = sorted({*there, *checkout.submodules(run.root)})
    except GateError as error:
        raise GateError(f"no-baseline: {error}") from None
    harness.without_bytecode(base)
    wanted = [PurePosixPath(name) for name in (*run.source, *run.test_roots)]
    for name in modules:
        path = PurePosixPath(name)
        if any(path.is_relative_to(each) or each.is_relative_to(path) for each in wanted):
            raise GateError(
                f"no-baseline: {name} is a submodule: its code of the base cannot be had without fetching "
                "it; measure it in its own repository, or make it a dependency"
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


def _tree(layout: Layout) -> _Tree:
    product = sorted(layout.product)
    roots = import_roots(layout.root, layout.source, product)
    return _Tree(layout=layout, roots=roots, packages=frozenset(_packages(product, roots)))


def _packages(product: Sequence[str], roots: Sequence[str]) -> set[str]:
    """Return the top-level names of product modules, as they are imported."""
    found: set[str] = set()
    for path in map(PurePosixPath, product):
        above = [each for each in map(PurePosixPath, roots) if path.is_relative_to(each)]
        for root in sorted(above, key=lambda each: len(each.parts))[-1:]:
            found.add(path.relative_to(root).with_suffix("").parts[0])
    return found


def _is_same(base: _Tree, head: _Tree) -> bool:
    """Tell whether nothing that can change a measurement differs."""
    here, there = workcopy.digests(base.folder), workcopy.digests(head.folder)
    differing = (path for path in {*here, *there} if here.get(path) != there.get(path))
    return all(_is_unmeasured(path, head) and _is_unmeasured(path, base) for path in differing)


def _is_unmeasured(path: str, tree: _Tree) -> bool:
    """Tell whether a file is documentation or CI. A text below a product root may be a prompt."""
    place = PurePosixPath(path)
    if any(place.is_relative_to(source) for source in tree.layout.source):
        return False
    return (
        place.parts[0] in UNMEASURED_FOLDERS
        or place.suffix.lower() in UNMEASURED
        or place.as_posix() in UNMEASURED_FILES
    )


@dataclass(frozen=True, kw_only=True)
class _Make:
    """Makes sides of trees that are ready."""

    folder: Path
    laid: _Laid
    loaded: Plugins

    def trees(self, older: Path, python: Path) -> Trees:
        """Return all sides: the base's on an interpreter that may be another one than head's."""
        files, original = self.laid.head.layout.files, self.laid.original
        head = self.side("head", self.laid.head, python, files)
        return Trees(
            base=self.side("base", self.laid.base, older, files),
            head=head,
            original=self.side("base", original, older, original.layout.files) if original else None,
            commit="",
            chosen="",
            harness={path: head.files[path] for path in sorted(self.laid.harness)},
        )

    def side(self, name: SideName, tree: _Tree, python: Path, files: Sequence[str]) -> Side:
        """Write a tree's configuration and note what it holds."""
        config = tree.folder.with_suffix(".ini")
        config.write_text(configuring.ini(tree.layout, self.laid.own, tree.roots, self.loaded), "utf-8")
        own = pytest_config.load(tree.folder).words("pythonpath")
        roots = tuple(tree.folder / root for root in dict.fromkeys((*own, *tree.roots)))
        environment = configuring.environment(
            python=python,
            folder=tree.folder.with_name(f"{tree.folder.name}-places"),
            roots=roots,
            last=self.folder / "serve",
        )
        return Side(
            name=name,
            tree=tree.folder,
            python=python,
            config=config,
            environment=environment,
            roots=roots,
            packages=tuple(sorted(self.laid.base.packages | self.laid.head.packages)),
            files=workcopy.digests(tree.folder),
            arguments=configuring.arguments(config, tree.folder, self.loaded, files),
            tests=tuple(files),
        )


def release(run: Run, settings: PerformanceSettings) -> str:
    """Return the commit that `golden_commit` names, else that of the newest version before this one.

    Empty where no version was tagged. Raises GateError for a name that git does not know.
    """
    try:
        if settings.golden_commit:
            return _named(run.root, settings.golden_commit)
        return _newest(checkout.tags(run.root), checkout.commit(run.root, "HEAD"))
    except GateError as error:
        raise GateError(f"no-baseline: {error}") from None


def _named(root: Path, name: str) -> str:
    found = checkout.commit(root, name)
    if not found:
        raise GateError(
            f"[tool.failhard.performance] golden_commit = {name!r}: git knows no such commit; fetch it "
            "(`git fetch --tags`; in GitHub Actions `fetch-depth: 0`) or correct the name"
        )
    return found


def _newest(tags: Sequence[checkout.Tag], head: str) -> str:
    """Return the commit of the highest version; a release counts more than what leads to one."""
    found: list[tuple[bool, Version, str]] = []
    for tag in tags:
        try:
            version = Version(tag.name)
        except InvalidVersion:
            continue  # a tag for something else
        if tag.commit != head:
            found.append((not version.is_prerelease, version, tag.commit))
    return max(found)[2] if found else ""
