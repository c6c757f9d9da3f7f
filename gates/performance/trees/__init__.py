"""Builds the two trees that are measured, each with its configuration, environment and interpreter."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from packaging.version import InvalidVersion, Version

from pytest_failhard.distributions import target
from pytest_failhard.gates.performance.samples import SideName
from pytest_failhard.gates.performance.settings import PerformanceSettings
from pytest_failhard.gates.performance.sides import Side, Trees
from pytest_failhard.gates.performance.trees import building, configuring, dependencies, laying, tools
from pytest_failhard.gates.performance.trees.configuring import Plugins
from pytest_failhard.gates.performance.trees.laying import Laid, Tree
from pytest_failhard.model import GateError, Run
from pytest_failhard.source import checkout
from pytest_failhard.system import workcopy

WORKER = Path(__file__).parents[1] / "serve"
DOCUMENTS = (".md", ".rst", ".adoc")
UNMEASURED_FOLDERS = frozenset({"docs", "doc", ".github", ".gitlab", ".circleci"})
UNMEASURED_FILES = frozenset(
    {"LICENSE", "LICENCE", "NOTICE", "AUTHORS", "CODEOWNERS", "mkdocs.yml", ".readthedocs.yaml"}
    | {".gitignore", ".gitattributes", ".gitlab-ci.yml", ".pre-commit-config.yaml", ".travis.yml"}
    | {"azure-pipelines.yml", "Jenkinsfile", ".editorconfig"}
)
Digests = Mapping[str, str]


def build(run: Run, settings: PerformanceSettings, *, commit: str | None = None) -> Trees:
    """Return the trees of the merge base, or of another commit, and of the working tree.

    Raises GateError where there is nothing to compare with, or where a side cannot be made as it was.
    """
    merged, chosen = _base(run) if commit is None else (commit, "golden_commit")
    # With two baselines each has trees of its own.
    folder = run.scratch / ("trees" if commit is None else "older")
    laid = laying.lay(run, settings, merged, folder)
    digests = _digests(laid)
    changed = dependencies.changed(laid.base.folder, laid.head.folder)
    is_identical = not changed and _is_same(laid, digests)
    if building.compile_in(run, settings.build, [each.folder for each in laid.trees]):
        digests = _digests(laid)
    copy_worker(folder / "serve")
    paths = target.probe(run).paths
    loaded = configuring.plugins(laid.head.folder, paths, laid.head.own, laid.head.layout.files)
    older, notes = run.interpreter, laid.notes
    if changed:
        older = dependencies.environment(run, laid.base.folder, changed, folder / "own")
        tools.show(older, laid.head.layout, laid.harness, paths, loaded.distributions)
        notes = (*notes, f"the ratio contains changed dependencies: {', '.join(changed)}")
    make = _Make(laid=laid, loaded=loaded, digests=digests, worker=folder / "serve")
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
    shutil.copytree(WORKER, folder / configuring.WORKER, ignore=shutil.ignore_patterns("__pycache__"))


def _base(run: Run) -> tuple[str, str]:
    if run.base is None:
        raise GateError(f"no-baseline: {run.base_missing}")
    return run.base.commit, run.base.chosen


def _digests(laid: Laid) -> Mapping[Path, Digests]:
    return {each.folder: workcopy.digests(each.folder) for each in laid.trees}


def _is_same(laid: Laid, digests: Mapping[Path, Digests]) -> bool:
    """Tell whether nothing that can change a measurement differs."""
    here, there = digests[laid.base.folder], digests[laid.head.folder]
    differing = (path for path in {*here, *there} if here.get(path) != there.get(path))
    return all(_is_unmeasured(path, laid.head) and _is_unmeasured(path, laid.base) for path in differing)


def _is_unmeasured(path: str, tree: Tree) -> bool:
    """Tell whether a file is documentation or CI. A text below a product root may be a prompt."""
    place = PurePosixPath(path)
    if any(place.is_relative_to(source) for source in tree.layout.source):
        return False
    if place.parts[0] in UNMEASURED_FOLDERS or path in UNMEASURED_FILES:
        return True
    return place.suffix.lower() in DOCUMENTS


@dataclass(frozen=True, kw_only=True)
class _Make:
    """Makes sides of trees that are ready. `worker` is the folder with what pytest loads."""

    laid: Laid
    loaded: Plugins
    digests: Mapping[Path, Digests]
    worker: Path

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
            harness={path: head.files[path] for path in sorted(self.laid.harness & head.files.keys())},
        )

    def side(self, name: SideName, tree: Tree, python: Path, files: Sequence[str]) -> Side:
        """Write a tree's configuration and make the folders that its processes write to."""
        config = tree.folder.with_suffix(".ini")
        config.write_text(configuring.ini(tree, self.laid.head.own, self.loaded), "utf-8")
        own = tree.own.words("pythonpath")
        roots = tuple(tree.folder / root for root in dict.fromkeys((*own, *tree.roots)))
        places = tree.folder.with_name(f"{tree.folder.name}-places")
        return Side(
            name=name,
            tree=tree.folder,
            python=python,
            config=config,
            environment=configuring.environment(python=python, folder=places, roots=roots, last=self.worker),
            roots=roots,
            packages=tuple(sorted(self.laid.base.packages | self.laid.head.packages)),
            files=self.digests[tree.folder],
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
