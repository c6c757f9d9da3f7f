"""What runs first in a Python child: its sockets stay on loopback, what tried is noted. Self-contained."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from pytest_failhard.llm.traffic.egress import Guard
from pytest_failhard.llm.traffic.patching import Imports, Patches, RerouteError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def hold(allow: Sequence[str], folder: str, record: str) -> Callable[[], None]:
    """Guard this process, then run the sitecustomize that ours stands before; return what undoes it.

    Everything refused is noted in the file `record`, as is this process: a child of which nothing is
    noted has not run this. Requests go their own way, through a proxy on loopback, too.

    Raises SystemExit where the sockets cannot be guarded or nothing can be noted: Python passes over
    any other exception here, and the child would run on without us.
    """
    guard = Guard(allow, report=lambda host, port: note(record, "egress", host, port))
    patches = Patches()
    imports = Imports({"socket": lambda module: guard.patch(patches, module)})

    def undo() -> None:
        imports.stop()
        patches.undo()

    try:
        present(record)
        imports.start()
    except (OSError, RerouteError) as error:
        undo()
        raise SystemExit(str(error)) from None
    follow(folder)
    return undo


def present(record: str) -> None:
    """Note this process. Without json, whose import would slow down the start of every child."""
    _append(record, f'["process", {os.getpid()}]')


def note(record: str, *line: str | int) -> None:
    """Append one line to a file in one write, so that lines of several processes do not mix."""
    import json

    _append(record, json.dumps(line))


def _append(record: str, text: str) -> None:
    descriptor = os.open(record, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, f"{text}\n".encode())
    finally:
        os.close(descriptor)


def follow(folder: str) -> None:
    """Run the sitecustomize that would have been found without our folder; it takes our place."""
    from importlib.machinery import PathFinder

    spec = PathFinder.find_spec("sitecustomize", [entry for entry in sys.path if entry != folder])
    if spec is None or spec.loader is None:
        return
    from importlib.util import module_from_spec

    sys.modules["sitecustomize"] = module_from_spec(spec)
    spec.loader.exec_module(sys.modules["sitecustomize"])
