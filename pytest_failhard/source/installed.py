"""Finds the modules that an interpreter would import, in its files alone: nothing of them is run."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_failhard.model import GateError

COMPILED = (".so", ".pyd")
LANDMARK = "os.py"
"""The file by which Python itself knows its standard library."""


@dataclass(frozen=True, kw_only=True)
class Location:
    """Where a module lies. `files` are its sources and stubs; `folders` those of a package.

    A compiled module without a stub has neither. `is_namespace` for a folder without `__init__`.
    """

    files: tuple[Path, ...] = ()
    folder: Path | None = None
    is_namespace: bool = False
    is_standard: bool = False

    @property
    def is_compiled(self) -> bool:
        """Whether nothing of it can be read."""
        return not self.files and not self.is_namespace


class Installed:
    """What can be imported by an interpreter: its standard library and the packages beside it."""

    def __init__(self, interpreter: Path) -> None:
        if not interpreter.exists():
            raise GateError(f"{interpreter}: no such interpreter; its packages cannot be looked at")
        prefix = interpreter.parent.parent
        home = _home(prefix) or interpreter.resolve().parent
        library = next(_libraries(home.parent), None)
        if library is None:
            raise GateError(f"{interpreter}: no standard library lies beside it; name the interpreter itself")
        self._library = library
        self._packages = tuple(_with_paths(dict.fromkeys(_sites(prefix, library, home.parent))))
        self._known: dict[str, tuple[Location, ...]] = {}

    def find(self, dotted: str) -> tuple[Location, ...]:
        """Return all places of a module, none where it does not exist; a package may lie in several."""
        if dotted not in self._known:
            self._known[dotted] = tuple(self._found(dotted))
        return self._known[dotted]

    def _found(self, dotted: str) -> Iterator[Location]:
        above, _, name = dotted.rpartition(".")
        if above:
            for package in self.find(above):
                if package.folder is not None:
                    yield from located(package.folder, name, is_standard=package.is_standard)
            return
        yield from located(self._library, name, is_standard=True)
        yield from located(self._library / "lib-dynload", name, is_standard=True)
        if name in sys.builtin_module_names:
            yield Location(is_standard=True)
        for folder in self._packages:
            yield from located(folder, name)


def located(folder: Path, name: str, *, is_standard: bool = False) -> Iterator[Location]:
    """Yield the module of a name in a folder: a package, a source, a stub, a compiled file, a namespace."""
    inner = folder / name
    sources = tuple(path for path in (inner / "__init__.py", inner / "__init__.pyi") if path.is_file())
    if sources:
        yield Location(files=sources, folder=inner, is_standard=is_standard)
        return
    files = tuple(path for path in (folder / f"{name}.py", folder / f"{name}.pyi") if path.is_file())
    if files or _is_compiled(folder, name):
        yield Location(files=files, is_standard=is_standard)
    elif inner.is_dir() and _is_compiled(inner, "__init__"):
        yield Location(folder=inner, is_standard=is_standard)
    elif inner.is_dir():
        yield Location(folder=inner, is_namespace=True, is_standard=is_standard)


def _is_compiled(folder: Path, name: str) -> bool:
    return any(path.name.endswith(COMPILED) for path in folder.glob(f"{name}.*"))


def _home(prefix: Path) -> Path | None:
    """Return the folder of the interpreter that a virtual environment was made from."""
    config = prefix / "pyvenv.cfg"
    for line in config.read_text("utf-8", "replace").splitlines() if config.is_file() else ():
        key, _, value = line.partition("=")
        if key.strip() == "home":
            return Path(value.strip())
    return None


def _libraries(prefix: Path) -> Iterator[Path]:
    for folder in (*sorted(prefix.glob("lib/python3.*"), reverse=True), prefix / "Lib"):
        if (folder / LANDMARK).is_file():
            yield folder


def _sites(prefix: Path, library: Path, base: Path) -> Iterator[Path]:
    config = prefix / "pyvenv.cfg"
    own = [prefix / part / library.name / "site-packages" for part in ("lib", "lib64")]
    own.append(prefix / "Lib" / "site-packages")
    shared = [library / "site-packages", library / "dist-packages", base / "lib/python3/dist-packages"]
    shared.append(base / "local/lib" / library.name / "dist-packages")
    isolated = config.is_file() and "true" not in _shared(config)
    yield from (folder for folder in (own if isolated else [*own, *shared]) if folder.is_dir())


def _shared(config: Path) -> str:
    lines = config.read_text("utf-8", "replace").lower().splitlines()
    return next((line for line in lines if line.startswith("include-system-site-packages")), "")


def _with_paths(folders: Sequence[Path] | dict[Path, None]) -> Iterator[Path]:
    """Yield the folders and those that their `.pth` files add; a line that is code is not followed."""
    for folder in folders:
        yield folder
        for path in sorted(folder.glob("*.pth")):
            for line in path.read_text("utf-8", "replace").splitlines():
                added = folder / line.strip()
                if line.strip() and not line.startswith(("#", "import ", "import\t")) and added.is_dir():
                    yield added
