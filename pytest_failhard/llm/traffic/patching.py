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


_PATCH = "_failhard_patch"
_CO_COROUTINE = 0x80
"""As in `inspect`, whose import would slow down the start of every child."""


class RerouteError(RuntimeError):
    """A client library has another shape than the one we know: its requests would pass us by."""


class _Patch:
    """One replacement. Once taken back it passes everything on, for those who still hold it."""

    def __init__(
        self, owner: object, name: str, original: Function, wrapper: Callable[[Any], Function]
    ) -> None:
        from functools import wraps

        self.owner = owner
        self.name = name
        # None for what is only inherited: there is nothing to put back.
        self.before = vars(owner).get(name)
        self.undone = False
        self._original = original
        self._act: Callable[..., Any] = wrapper(original)

        def replacement(*given: object, **options: object) -> object:
            return self._act(*given, **options)

        async def asynchronous(*given: object, **options: object) -> object:
            return await self._act(*given, **options)

        flags = self._act.__code__.co_flags
        self.replacement = wraps(original)(asynchronous if flags & _CO_COROUTINE else replacement)
        vars(self.replacement)[_PATCH] = self
        setattr(owner, name, self.replacement)

    def undo(self) -> None:
        """Do nothing any more, and go as soon as no other replacement stands before this one."""
        self.undone = True
        self._act = self._original
        patch = _outermost(self.owner, self.name)
        while patch is not None and patch.undone:
            patch.go()
            patch = _outermost(self.owner, self.name)

    def go(self) -> None:
        """Put back what was there before."""
        if self.before is None:
            delattr(self.owner, self.name)
        else:
            setattr(self.owner, self.name, self.before)


def _outermost(owner: object, name: str) -> _Patch | None:
    """Return the patch that stands there now, if one does: wrappers of others may have copied its mark."""
    found = vars(owner).get(name)
    patch: _Patch | None = getattr(found, _PATCH, None)
    return patch if patch is not None and patch.replacement is found else None


class Patches:
    """Replacements, remembered in their order. Several at once may be undone in any order."""

    def __init__(self) -> None:
        self._done: list[_Patch] = []

    def wrap(self, module: ModuleType, path: str, wrapper: Callable[[Any], Function]) -> None:
        """Replace what stands at a dotted path in a module by what `wrapper` makes of it; only once.

        Raises RerouteError where nothing stands there.
        """
        original = attribute(module, path)
        parent, _, name = path.rpartition(".")
        owner = attribute(module, parent) if parent else module
        if any(known.owner is owner and known.name == name for known in self._done):
            return
        self._done.append(_Patch(owner, name, original, wrapper))

    def undo(self) -> None:
        """Put everything back, the last first. A second call does nothing."""
        while self._done:
            self._done.pop().undo()


def attribute(module: ModuleType, path: str) -> Function:
    """Return what stands at a dotted path in a module; raises RerouteError where nothing does."""
    found: Any = module
    for name in path.split("."):
        found = getattr(found, name, None)
    if found is None:
        raise RerouteError(f"{_described(module)} has no {path}: its requests cannot be led to loopback")
    return found  # type: ignore[no-any-return]  # what is found is untyped


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
