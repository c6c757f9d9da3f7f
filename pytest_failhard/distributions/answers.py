"""Has a tool tell about what is installed once for each state of it: in later runs its answer is put back."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_failhard.distributions.installed import DIST_INFO, EGG_INFO
from pytest_failhard.model import Completed

if TYPE_CHECKING:
    from pytest_failhard.distributions.target import Target
    from pytest_failhard.model import Run

HOOKS = (".pth", "sitecustomize.py", "usercustomize.py")
"""What Python reads in a search folder whenever it starts."""


def bound(run: Run, target: Target, *asked: str) -> str:
    """Return the SHA-256 of what an answer about the packages of a target rests on besides themselves.

    `asked` are the words of the question. What lies in the project itself and describes a distribution, as
    an installation for editing leaves it, belongs to no package: it counts by its content.
    """
    said = {**vars(target), "standard": sorted(target.standard), "asked": asked, "python": run.interpreter}
    inside = {str(path): _sha256(path) for path in _inside(run, target)}
    text = json.dumps([said, inside], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def dump(completed: Completed) -> str | None:
    """Return an answer as text, None where a secret or a place of this run may stand in it."""
    if not completed.is_plain:
        return None
    said = dataclasses.replace(completed, argv=())
    return json.dumps(vars(said), default=lambda data: data.decode("latin-1"))


def load(text: str) -> Completed:
    """Return the answer that stands in a text."""
    said = json.loads(text)
    streams = {name: said[name].encode("latin-1") for name in ("stdout", "stderr")}
    return Completed(argv=(), returncode=said["returncode"], seconds=0.0, **streams)


def _inside(run: Run, target: Target) -> Iterator[Path]:
    """Yield the files in the project that describe a distribution or that Python reads when it starts."""
    for folder in _searched(run.root, (*target.paths, *map(Path, run.packages)), target.prefix):
        for path in folder.iterdir():
            if path.name.lower().endswith((DIST_INFO, EGG_INFO, *HOOKS)):
                yield from (each for each in (path, *path.rglob("*")) if each.is_file())


def _searched(root: Path, paths: Sequence[Path], prefix: Path) -> Iterator[Path]:
    """Yield the search folders that lie in the project, but not in an environment that lies there."""
    top = root.resolve()
    apart = prefix.resolve()
    for folder in dict.fromkeys(path.resolve() for path in paths if path.is_dir()):
        environment = apart.is_relative_to(top) and apart != top and folder.is_relative_to(apart)
        if folder.is_relative_to(top) and not environment:
            yield folder


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
