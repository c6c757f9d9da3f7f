"""Proves from the bytecode that a server's interpreter wrote which side's code the server runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pytest_failhard.gates.performance.sides import Side
from pytest_failhard.model import GateError

INSTALLED = frozenset({"site-packages", "dist-packages"})


def led(variables: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return variables with which Python writes down there what it loads, and nowhere else."""
    kept = {name: value for name, value in variables.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(folder)}


def sources(folder: Path) -> Iterator[Path]:
    """Yield the source files whose bytecode lies in a folder, by where they are themselves."""
    for path in sorted(folder.rglob("*.pyc")):
        module = path.name.partition(".")[0]
        yield Path("/") / path.relative_to(folder).with_name(f"{module}.py")


def require(side: Side, start: Sequence[str], loaded: Sequence[Path], others: Sequence[Path]) -> None:
    """Raise GateError unless the server loaded its own tree's product code, and no other product code.

    `others` are trees with a version of the product that is not this side's. A script of the tree that is
    started by its name leaves no bytecode.
    """
    if not side.packages:
        return
    tree, others = side.tree.resolve(), [path.resolve() for path in others]
    loaded = [path.resolve() for path in loaded]
    foreign = [path for path in loaded if not path.is_relative_to(tree) and _is_product(path, side, others)]
    if foreign:
        raise GateError(
            f"wrong-code: the server of {side.name} loaded {foreign[0].name}, and not from its own tree; "
            "start it so that its own folder comes first on the import path, before an installed copy"
        )
    own = any(path.is_relative_to(tree) for path in loaded)
    if own or any(_is_script(word, tree) for word in start):
        return
    raise GateError(
        f"wrong-code: the server of {side.name} was not seen to load any module of its own tree; start it "
        "with the environment's Python, without -I and -E, from the project's folder"
    )


def _is_product(path: Path, side: Side, others: Sequence[Path]) -> bool:
    if any(path.is_relative_to(tree) and path.relative_to(tree).as_posix() in side.files for tree in others):
        return True
    parts = path.parts
    tops = [parts[index + 1] for index, part in enumerate(parts[:-1]) if part in INSTALLED]
    return any(top.removesuffix(".py") in side.packages for top in tops)


def _is_script(word: str, tree: Path) -> bool:
    path = (tree / word).resolve()
    return word.endswith(".py") and path.is_file() and path.is_relative_to(tree)
