"""Shows which code this process ran: product modules, the harness, interpreter, installed distributions."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "FAILHARD_PRODUCT"


@dataclass(frozen=True, kw_only=True)
class Product:
    """The side's tree, and the top-level modules in it that are measured."""

    tree: Path
    packages: tuple[str, ...]

    @classmethod
    def from_environment(cls) -> Product:
        """Read what the parent says."""
        said = json.loads(os.environ.pop(VARIABLE))
        return cls(tree=Path(said["tree"]).resolve(), packages=tuple(said["packages"]))

    def has(self, module: str) -> bool:
        """Tell whether a module is one of the product's."""
        return module.partition(".")[0] in self.packages

    def place(self, file: str) -> str:
        """Return a real path relative to the tree, or absolute where it lies elsewhere."""
        return _real(Path(file)).removeprefix(f"{self.tree}{os.sep}")


def _real(path: Path) -> str:
    """Return the path without links; there are thousands of files, and few folders."""
    return str(path.resolve()) if path.is_symlink() else f"{_real_folder(path.parent)}{os.sep}{path.name}"


@functools.cache
def _real_folder(folder: Path) -> Path:
    return folder.resolve()


def facts() -> dict[str, object]:
    """Return what must be equal on both sides."""
    return {
        "flags": str(sys.flags),
        "seed": os.environ.get("PYTHONHASHSEED", ""),
        "affinity": affinity(),
    }


def affinity() -> list[int]:
    """Return the processors that we may run on; none where the platform does not tell."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def of(product: Product, files: Iterable[str]) -> dict[str, object]:
    """Return the whole proof. `files` belong to the harness, whether their modules are still loaded or not.

    Modules are those of the product and all whose file lies in the tree.
    """
    modules = {name: [place, _digest(file)] for name, place, file in _modules(product)}
    harness = {place: digest for name, (place, digest) in modules.items() if not product.has(name)}
    harness |= {product.place(file): _digest(file) for file in files}
    return {
        **facts(),
        "python": sys.version,
        "path": sys.path[:8],
        "distributions": hashlib.sha256("\n".join(sorted(set(_distributions(product)))).encode()).hexdigest(),
        "modules": modules,
        "harness": dict(sorted(harness.items())),
    }


def traced() -> str:
    """Name what watches every step of this process and makes it slower, empty where nothing does."""
    watching = [name for name in ("gettrace", "getprofile") if getattr(sys, name)() is not None]
    monitoring = getattr(sys, "monitoring", None)
    tools = [monitoring.get_tool(number) for number in range(6)] if monitoring is not None else []
    return ", ".join([*(f"sys.{name}" for name in watching), *(tool for tool in tools if tool is not None)])


def _modules(product: Product) -> Iterator[tuple[str, str, str]]:
    for name, module in sorted(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if not isinstance(file, str):
            continue
        place = product.place(file)
        if product.has(name) or not place.startswith(os.sep):
            yield name, place, file


def _digest(file: str) -> str:
    path = Path(file)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _distributions(product: Product) -> Iterator[str]:
    """Yield `name==version` of what is installed; by the names of folders, which is fast."""
    for entry in sys.path:
        folder = Path(entry).resolve()
        if folder.is_relative_to(product.tree) or not folder.is_dir():
            continue
        for place in os.scandir(folder):
            stem, dot, kind = place.name.rpartition(".")
            if dot and kind in {"dist-info", "egg-info"}:
                yield "==".join(stem.split("-")[:2])
