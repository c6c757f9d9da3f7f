"""Demands the proof that each side ran its own code, the same tests, and under the same conditions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath

from pytest_failhard.gates.performance.sides import Side, Trees
from pytest_failhard.model import GateError

EQUAL = ("python", "flags", "seed", "affinity", "distributions")
NAMES = {
    "python": "the interpreter",
    "flags": "its flags",
    "seed": "the hash seed",
    "affinity": "the processors that it may use",
    "distributions": "the installed distributions",
}


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What a worker says that it loaded: by module name the path and the SHA-256 of its source.

    A path is relative to the side's tree, or absolute where it lies elsewhere.
    """

    side: Side
    modules: Mapping[str, tuple[str, str]]
    harness: Mapping[str, str]

    @property
    def files(self) -> Mapping[str, str]:
        """Return the SHA-256 of what was loaded of the tree, by its path there."""
        return {path: digest for path, digest in self.modules.values() if not _is_elsewhere(path)}


def check(trees: Trees, base: Mapping[str, object], head: Mapping[str, object]) -> None:
    """Raise GateError where the workers' proofs do not show what a comparison rests on."""
    sides = (loaded(trees.base, base), loaded(trees.head, head))
    for each in sides:
        own_code(each)
    for each in sides:
        unchanged(each)
    other_code(*sides)
    same_tests(trees.harness, *sides)
    same_environment(base, head, may_differ=not trees.same_environment)


def loaded(side: Side, proof: Mapping[str, object]) -> Loaded:
    """Return what a proof says of code; raises GateError where it says something else or nothing."""
    modules, harness = proof.get("modules"), proof.get("harness")
    if not isinstance(modules, dict) or not isinstance(harness, dict):
        raise GateError(_malformed(side))
    pairs = {str(name): tuple(map(str, place)) for name, place in _lists(side, modules)}
    return Loaded(
        side=side,
        modules={name: (place[0], place[1]) for name, place in pairs.items()},
        harness={str(path): str(digest) for path, digest in harness.items()},
    )


def _lists(side: Side, modules: Mapping[object, object]) -> Iterator[tuple[object, list[object]]]:
    for name, place in modules.items():
        if not isinstance(place, list) or len(place) != 2:
            raise GateError(_malformed(side))
        yield name, place


def _malformed(side: Side) -> str:
    return (
        f"worker-died: the worker of {side.name} does not say which code it ran; run again, and look for a "
        "test or a conftest that ends the process or changes sys.modules"
    )


def _is_elsewhere(path: str) -> bool:
    return PurePath(path).is_absolute()


def own_code(seen: Loaded) -> None:
    """Raise GateError where a product module comes from somewhere else than the side's tree."""
    for name, (path, _) in sorted(seen.modules.items()):
        if name.partition(".")[0] in seen.side.packages and _is_elsewhere(path):
            raise GateError(
                f"wrong-code: {seen.side.name} loaded the module {name} not from its own tree but from an "
                "installed copy or another folder; remove what puts that first (an edit of sys.path, an "
                "import hook), or uninstall the copy where the base does not have the package"
            )


def unchanged(seen: Loaded) -> None:
    """Raise GateError where a loaded file is not what it was when the tree was made."""
    for path, digest in sorted(seen.files.items()):
        if seen.side.files.get(path) != digest:
            raise GateError(
                f"tree-changed: {path} of {seen.side.name} was written after its tree was made; keep tests "
                "and code from writing modules beside the source, or name what does as `build`"
            )


def other_code(base: Loaded, head: Loaded) -> None:
    """Raise GateError where a file that differs between the trees was the same one on both sides."""
    here, there = base.files, head.files
    for path in sorted(here.keys() & there.keys()):
        if base.side.files.get(path) != head.side.files.get(path) and here[path] == there[path]:
            raise GateError(
                f"same-code: {path} differs between the base and head, and both sides ran the same text; "
                "remove what makes one side load the other's file (a link, an import hook)"
            )


def same_tests(harness: Mapping[str, str], base: Loaded, head: Loaded) -> None:
    """Raise GateError where the tests of the two sides are not head's on both.

    One that cannot be imported on the base is not loaded there: that is no difference of the tests.
    """
    for path, digest in sorted(harness.items()):
        said = {seen.side.files.get(path) for seen in (base, head)}
        said |= {seen.harness[path] for seen in (base, head) if path in seen.harness}
        if said != {digest}:
            raise GateError(
                f"harness-differs: {path} belongs to the tests and is not head's on both sides; keep tests "
                "from writing files beside themselves"
            )


def same_environment(
    base: Mapping[str, object], head: Mapping[str, object], *, may_differ: bool = False
) -> None:
    """Raise GateError where the processes ran under other conditions; distributions may have changed."""
    demanded = [key for key in EQUAL if not (may_differ and key == "distributions")]
    missing = [key for key in demanded if base.get(key) is None or head.get(key) is None]
    differing = [key for key in demanded if base.get(key) != head.get(key)]
    if missing or differing:
        names = ", ".join(NAMES[key] for key in missing or differing)
        what = "was not told by both sides" if missing else "differed between the sides"
        raise GateError(
            f"environment-differs: {names} {what}; keep tests and conftest files from changing the "
            "environment, and install nothing while this runs"
        )
