"""Writes a commit's files to a folder, without a trace in the repository; says what git ignores and tags."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_failhard import proc
from pytest_failhard.model import Completed, GateError

SECONDS = 120.0
SUBMODULE = "160000"
DEEPEN = "fetch the whole history (`git fetch --unshallow`; in GitHub Actions `fetch-depth: 0`)"


@dataclass(frozen=True, kw_only=True)
class Tag:
    """A tag of a commit that leads to HEAD, HEAD's own included."""

    name: str
    commit: str


def write(root: Path, commit: str, folder: Path, index: Path) -> tuple[str, ...]:
    """Write what a commit holds below the project's root to a fresh folder; return its submodules' paths.

    The index is a file of the caller's, so nothing in the repository changes, whenever we are ended.
    Attributes decide about line ends and about nothing else: no filter runs, nothing is left out. A project
    in a subfolder that the commit does not have yet is an empty tree. Raises GateError where the commit
    cannot be read.
    """
    folder.mkdir(parents=True, mode=0o700)
    places = _places(root, folder, index)
    prefix = os.fsdecode(_said(root, ("rev-parse", "--show-prefix")).rstrip(b"\n"))
    if prefix and not _has(root, commit, prefix):
        return ()
    _said(folder, ("read-tree", "--no-sparse-checkout", f"{commit}:{prefix}"), places)
    _said(folder, ("checkout-index", "--all", "--quiet"), places)
    return tuple(_submodules(_said(folder, ("ls-files", "--stage", "-z"), places)))


def submodules(root: Path) -> tuple[str, ...]:
    """Return the paths, relative to the root, of the submodules that the working tree has."""
    return tuple(_submodules(_said(root, ("ls-files", "--stage", "-z"))))


def ignored(root: Path, below: Sequence[str]) -> frozenset[str]:
    """Return the files below folders that git ignores and does not track, relative to the root."""
    asked = ("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--", *below)
    return frozenset(os.fsdecode(name) for name in _said(root, asked).split(b"\0") if name)


def tags(root: Path) -> tuple[Tag, ...]:
    """Return the tags of commits that lead to HEAD; raises GateError where a shallow clone may lack some."""
    shown = "--format=%(refname:strip=2) %(objectname) %(*objectname)"
    lines = _said(root, ("for-each-ref", "--merged=HEAD", shown, "refs/tags")).decode("utf-8", "replace")
    found = [line.split() for line in lines.splitlines()]
    if not found and _said(root, ("rev-parse", "--is-shallow-repository")).strip() != b"false":
        raise GateError(f"the clone is shallow and has no tag of a release; {DEEPEN}")
    # An annotated tag is an object of its own, the last name is that of what it stands for.
    return tuple(Tag(name=parts[0], commit=parts[-1]) for parts in found)


def commit(root: Path, name: str) -> str:
    """Return the commit that a name means, empty where git knows none."""
    asked = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    completed = _git(root, asked)
    return completed.stdout.decode("ascii", "replace").strip() if completed.returncode == 0 else ""


def _has(root: Path, commit: str, prefix: str) -> bool:
    """Tell whether a commit that can be read has a folder."""
    return bool(_said(root, ("ls-tree", "-d", "--full-tree", commit, "--", prefix.rstrip("/"))).strip())


def _places(root: Path, folder: Path, index: Path) -> dict[str, str]:
    repository = os.fsdecode(_said(root, ("rev-parse", "--absolute-git-dir")).rstrip(b"\n"))
    return {"GIT_DIR": repository, "GIT_WORK_TREE": str(folder), "GIT_INDEX_FILE": str(index)}


def _submodules(staged: bytes) -> Iterator[str]:
    for entry in staged.split(b"\0"):
        described, _, name = entry.partition(b"\t")
        if described.startswith(SUBMODULE.encode()):
            yield os.fsdecode(name)


def _said(root: Path, arguments: Sequence[str], places: Mapping[str, str] | None = None) -> bytes:
    completed = _git(root, arguments, places)
    if completed.returncode:
        lines = completed.stderr.decode("utf-8", "replace").strip().splitlines()
        raise GateError(
            f"`git {arguments[0]}` ended with {completed.returncode}: {lines[-1] if lines else 'no word'}; "
            f"where objects are missing, {DEEPEN}"
        )
    return completed.stdout


def _git(root: Path, arguments: Sequence[str], places: Mapping[str, str] | None = None) -> Completed:
    return proc.git(root, *arguments, timeout=SECONDS, places=places or {})
