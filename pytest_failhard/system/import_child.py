"""Runs on the clean environment: tells which modules it has, and whether one can be imported."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import os
import runpy
import sys
import traceback
import types
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Self

ANOTHER_NAME = "start"
"""Under which a script is run: not as the main program, so that it defines and does not serve."""


NAMING = (NameError, ImportError, AttributeError)
"""They say which name it is that was not there."""


class Ending:
    """Takes whatever a block raises, an exit of the interpreter included: it is the answer."""

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        self.error = error
        return True


def main() -> None:
    """Answer the question in the file that is the first argument, in the one that is the second."""
    question, answer = map(Path, sys.argv[1:])
    asked = json.loads(question.read_bytes())
    # Our own folder came first; the system must find its modules, and none of ours.
    sys.path[:1] = asked["roots"]
    if "modules" in asked:
        answers = {name: missing(name, asked["roots"]) for name in asked["modules"]}
        answer.write_text(json.dumps(answers), "utf-8")
    else:
        answer.write_text(json.dumps(started(asked)), "utf-8")
    sys.stdout.flush()
    # A thread that an import has started must not keep us.
    os._exit(0)


def missing(name: str, roots: Sequence[str]) -> str:
    """Return how much of a dotted name nothing answers to, from its beginning; empty where all is there.

    Nothing is executed as long as files alone can tell, and nothing of the system in any case.
    """
    stand_ins: list[str] = []
    try:
        part = absent(name, stand_ins)
        own = part != name.partition(".")[0] and is_below(stand_ins[:1], roots)
    finally:
        for each in stand_ins:
            sys.modules.pop(each, None)
    return part if not part or own or "." not in part or not imports(name) else ""


def absent(name: str, stand_ins: list[str]) -> str:
    """Return as `missing` does what files do not have; `stand_ins` get the names that were put for it."""
    parts = name.split(".")
    places: Sequence[str] | None = None
    for count in range(1, len(parts) + 1):
        part = ".".join(parts[:count])
        spec = found(part, places) if count == 1 or places is not None else None
        if spec is None:
            return part
        places = spec.submodule_search_locations
        if part not in sys.modules:
            # A folder without `__init__` asks the module above it where to look.
            module = types.ModuleType(part)
            module.__spec__ = spec
            module.__path__ = [] if places is None else places
            sys.modules[part] = module
            stand_ins.append(part)
    return ""


def is_below(names: Sequence[str], roots: Sequence[str]) -> bool:
    """Tell whether a module that stands in was found below one of the roots."""
    specs = (sys.modules[name].__spec__ for name in names)
    places = [str(spec.submodule_search_locations or spec.origin) for spec in specs if spec is not None]
    return any(root + os.sep in place for place in places for root in roots)


def found(name: str, places: Sequence[str] | None) -> ModuleSpec | None:
    """Ask whoever finds modules, in the order in which Python does."""
    for finder in sys.meta_path:
        spec = finder.find_spec(name, places, None)
        if spec is not None:
            return spec
    return None


def imports(name: str) -> bool:
    """Tell whether a module is there once what is above it has run: as `os.path`."""
    importlib.invalidate_caches()
    with Ending() as ending:
        importlib.import_module(name)
    top = name.partition(".")[0]
    return not isinstance(ending.error, ModuleNotFoundError) or not (ending.error.name or "").startswith(top)


def started(asked: dict[str, str]) -> dict[str, object]:
    """Import a start target; return what it raised, and nothing where all is well."""
    with Ending() as ending:
        load(asked)
    error = ending.error
    if error is None:
        return {}
    traceback.print_exception(error)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if inside(frame.filename, asked)]
    return {
        "raised": type(error).__name__,
        # What a class of the system has under this name may be anything, a secret too.
        "name": (error.name or "") if isinstance(error, NAMING) else "",
        "path": os.path.relpath(frames[-1].filename, asked["tree"]) if frames else "",
        "line": frames[-1].lineno if frames else 0,
    }


def inside(filename: str, asked: dict[str, str]) -> bool:
    """Tell whether a file is the system's own."""
    return filename.startswith(asked["tree"] + os.sep)


def load(asked: dict[str, str]) -> None:
    """Load a script, a module, or an attribute of one."""
    if "script" in asked:
        runpy.run_path(asked["script"], run_name=ANOTHER_NAME)
        return
    name, attributes = asked.get("module", ""), asked.get("attribute", "")
    if "command" in asked:
        installed = importlib.metadata.entry_points(group="console_scripts", name=asked["command"])
        name, _, attributes = next((each.value for each in installed), "").partition(":")
    if name:
        value: object = importlib.import_module(name)
        for part in attributes.split(".") if attributes else ():
            value = getattr(value, part)


if __name__ == "__main__":
    main()
