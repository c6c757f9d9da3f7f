"""Shows an environment of the base the tools of head's tests: pytest, its plugins, what tests import."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from pytest_failhard.gates.performance.trees.harness import Layout
from pytest_failhard.source.files import tree
from pytest_failhard.source.metadata import metadata

LINKED = "failhard_tools.pth"
METADATA = (".dist-info", ".egg-info")


def show(
    python: Path, head: Layout, harness: Iterable[str], paths: Sequence[Path], plugins: Collection[str]
) -> tuple[str, ...]:
    """Link what `paths` hold of the tests' tools behind the environment's own packages; return their names.

    The tools are pytest, the plugins, and what the harness imports, with all that these need. What the
    environment has itself comes first. Of the project's own distribution only the metadata is shown: its
    code is each side's.
    """
    installed = _by_name(paths)
    own = metadata(head.root).distribution
    site = next((python.parent.parent / "lib").glob("python3*")) / "site-packages"
    imported = _providers(installed, _imported(head.root, harness))
    wanted = _closure(installed, {"pytest", *plugins, *imported} - {own}) - _by_name([site]).keys()
    folder = python.parent.parent / "tools"
    folder.mkdir()
    for name in sorted({*wanted, *({own} & installed.keys())}):
        for place in _places(installed[name]):
            is_shown = name != own or place.name.endswith(METADATA)
            if is_shown and not (folder / place.name).exists():
                (folder / place.name).symlink_to(place)
    (site / LINKED).write_text(f"{folder}\n", "utf-8")
    return tuple(sorted(wanted))


def _by_name(paths: Sequence[Path]) -> Mapping[str, Distribution]:
    found: dict[str, Distribution] = {}
    for distribution in distributions(path=[str(path) for path in paths]):
        found.setdefault(canonicalize_name(distribution.metadata["Name"]), distribution)
    return found


def _places(distribution: Distribution) -> Iterator[Path]:
    """Yield the files and folders that a distribution has in the folder of packages."""
    for first in dict.fromkeys(path.parts[0] for path in distribution.files or ()):
        place = Path(str(distribution.locate_file(first)))
        if first not in {"..", "__pycache__"} and place.exists():
            yield place


def _imported(harness: Path, files: Iterable[str]) -> frozenset[str]:
    """Return the top-level names that the given Python files import, and the plugins that they name."""
    found: set[str] = set()
    for path in files:
        module = tree(harness, path) if path.endswith(".py") else None
        for node in ast.walk(module) if module is not None else ():
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return frozenset(found)


def _providers(installed: Mapping[str, Distribution], modules: Collection[str]) -> set[str]:
    return {
        name
        for name, distribution in installed.items()
        if any(place.name.partition(".")[0] in modules for place in _places(distribution))
    }


def _closure(installed: Mapping[str, Distribution], names: Iterable[str]) -> set[str]:
    """Return distributions with all that they need and that is there."""
    found: set[str] = set()
    waiting = [name for name in names if name in installed]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [each for each in _needs(installed[name]) if each in installed]
    return found


def _needs(distribution: Distribution) -> Iterator[str]:
    for text in distribution.requires or ():
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            # An installer took it: what it meant is there or is not missed.
            continue
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield canonicalize_name(requirement.name)
