"""Finds the modules of a tree that stand in the way of a tool, of the library, or of every start."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pytest_failhard.rules.data import gaming as data
from pytest_failhard.rules.gaming.patched_checker import PatchedChecker
from pytest_failhard.rules.unit import Hit
from pytest_failhard.source.listing import others

if TYPE_CHECKING:
    from pytest_failhard.rules.tree import Tree


def shadows(tree: Tree) -> Iterator[Hit]:
    """Yield a hit for each module that is imported in place of another; a project may be the tool itself."""
    paths = {file.path for file in tree.files}
    roots = _roots(tree)
    own = tree.scan.index.metadata.distribution
    for path in sorted(paths):
        folder, name = _top(path, paths)
        if not name:
            continue
        if name in data.START_UP:
            yield _hit(path, "shadowed-tool", f"{path} is imported by every interpreter that starts here")
        elif data.GATE_TOOLS.get(name) not in {None, own}:
            yield _hit(path, "shadowed-tool", f"{path} is imported in place of the tool {name}")
        elif name in data.LIBRARY and folder in roots:
            yield _hit(path, "shadowed-library", f"{path} is imported in place of the library's {name}")
    for path in others(tree.root, tree.nested, ".pth"):
        yield _hit(path, "shadowed-tool", f"{path} runs code in every interpreter that reads its folder")


def _top(path: str, paths: Collection[str]) -> tuple[str, str]:
    """Return folder and name of a module that can be imported by its bare name, else nothing."""
    place = PurePosixPath(path)
    if place.name == "__init__.py":
        place = place.parent
    folder = place.parent.as_posix()
    inside = (place.parent / "__init__.py").as_posix() in paths
    return ("", "") if inside or not place.name else (folder, place.name.removesuffix(".py"))


def _roots(tree: Tree) -> frozenset[str]:
    """Return the folders from which imports resolve, as far as the layout tells."""
    named = [PurePosixPath(name) for name in (*tree.source, *tree.test_roots)]
    parents = {place.parent.as_posix() for place in named}
    return frozenset({".", "src", *parents, *(name.as_posix() for name in named)})


def _hit(path: str, sub: str, message: str) -> Hit:
    return Hit(
        path=path,
        line=1,
        code=PatchedChecker.code,
        name=PatchedChecker.name,
        sub=sub,
        qualname="",
        message=message,
        fix="give the file another name, or remove it",
        canonical=sub,
        details={"of": path},
    )
