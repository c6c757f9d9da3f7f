"""Counts the SQL statements of a process and of all that it starts: this file stands alone in them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable


def install(path: str) -> Callable[[], None]:
    """Add a byte to a file with each statement that sqlite3 runs; return what undoes it.

    That holds for threads, for forks, and where a process is killed. What a statement says is kept nowhere.
    """
    import sqlite3.dbapi2

    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    connect: Callable[..., sqlite3.Connection] = sqlite3.connect

    def count(_statement: str) -> None:
        os.write(descriptor, b".")

    def connected(*args: object, **options: object) -> sqlite3.Connection:
        connection = connect(*args, **options)
        connection.set_trace_callback(count)
        return connection

    def undo() -> None:
        for module in modules:
            vars(module)["connect"] = connect
        os.close(descriptor)

    # Drivers take the one or the other.
    modules = (sqlite3, sqlite3.dbapi2)
    for module in modules:
        vars(module)["connect"] = connected
    return undo


def start(path: str) -> None:
    """Count in this process, then run the sitecustomize that ours stands before."""
    install(path)
    # Nothing more is loaded than is needed: not pathlib either.
    follow(__file__.rpartition(os.sep)[0])


def follow(folder: str) -> None:
    """Run the sitecustomize that would have been found without our folder; it takes our place."""
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    spec = PathFinder.find_spec("sitecustomize", [entry for entry in sys.path if entry != folder])
    if spec is not None and spec.loader is not None:
        sys.modules["sitecustomize"] = module_from_spec(spec)
        spec.loader.exec_module(sys.modules["sitecustomize"])
