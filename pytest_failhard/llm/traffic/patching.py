"""Replaces functions of modules, imported or yet to be, and takes every replacement back. Self-contained."""

from __future__ import annotations

import sys
from itertools import dropwhile, islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from importlib.abc import Loader
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

    Function = Callable[..., object]


class RerouteError(RuntimeError):
    """A client library has another shape than the one we know: its requests would pass us by."""


class Patches:
    """Replacements, remembered in their order."""

    def __init__(self) -> None:
        self._done: list[tuple[object, str, object]] = []

    def wrap(self, module: ModuleType, path: str, wrapper: Callable[[Any], Function]) -> None:
        """Replace what stands at a dotted path in a module by what `wrapper` makes of it; only once.

        Raises RerouteError where nothing stands there.
        """
        from functools import wraps

        original = attribute(module, path)
        parent, _, name = path.rpartition(".")
        owner = attribute(module, parent) if parent else module
        if any(known is owner and named == name for known, named, _ in self._done):
            return
        # None for what is only inherited: there is nothing to put back.
        self._done.append((owner, name, vars(owner).get(name)))
        setattr(owner, name, wraps(original)(wrapper(original)))

    def undo(self) -> None:
        """Put everything back, the last first. A second call does nothing."""
        while self._done:
            owner, name, original = self._done.pop()
            if original is None:
                delattr(owner, name)
            else:
                setattr(owner, name, original)


def attribute(module: ModuleType, path: str) -> Function:
    """Return what stands at a dotted path in a module; raises RerouteError where nothing does."""
    found: Any = module
    for name in path.split("."):
        found = getattr(found, name, None)
    if found is None:
        raise RerouteError(f"{_described(module)} has no {path}: its requests cannot be led to loopback")
    return found  # type: ignore[no-any-return]


def _described(module: ModuleType) -> str:
    package = sys.modules[module.__name__.partition(".")[0]]
    return f"{module.__name__} {getattr(package, '__version__', '(version unknown)')}"


class Imports:
    """Runs an action on each named module: now where it is imported, else when it is.

    `failed` is told of a RerouteError before it ends the import: who imports may catch it.
    """

    def __init__(
        self,
        actions: Mapping[str, Callable[[ModuleType], None]],
        failed: Callable[[RerouteError], None] | None = None,
    ) -> None:
        self._actions = actions
        self._failed = failed

    def start(self) -> None:
        """Act on what is there and wait for the rest; whatever an action raises ends the import."""
        sys.meta_path.insert(0, self)
        for name in self._actions:
            if name in sys.modules:
                self.act(name, sys.modules[name])

    def stop(self) -> None:
        """Wait no longer."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def act(self, name: str, module: ModuleType) -> None:
        """Run the action of a module that is there now."""
        try:
            self._actions[name](module)
        except RerouteError as error:
            if self._failed:
                self._failed(error)
            raise

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a module as the finders behind this one do; Python calls it."""
        if name not in self._actions:
            return None
        behind = dropwhile(lambda finder: finder is not self, list(sys.meta_path))
        for finder in islice(behind, 1, None):
            spec = finder.find_spec(name, path, target)
            if spec is not None and spec.loader is not None:
                # No subclass: importing its base would slow down the start of every child.
                spec.loader = _Loader(spec, spec.loader, self.act)  # type: ignore[assignment]
                return spec
        return None


class _Loader:
    """Loads a module with its own loader, which it then gives back, and acts on it."""

    def __init__(self, spec: ModuleSpec, loader: Loader, act: Callable[[str, ModuleType], None]) -> None:
        self._spec = spec
        self._loader = loader
        self._act = act

    def __getattr__(self, name: str) -> object:
        # For those who look a module up without loading it.
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._spec.loader = self._loader
        self._loader.exec_module(module)
        self._act(self._spec.name, module)
