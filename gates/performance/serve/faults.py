"""Describes an exception so that the parent can tell a missing name of the project from anything else."""

from __future__ import annotations

import inspect

MOST_CHARACTERS = 2000


def describe(error: BaseException) -> dict[str, str]:
    """Return type, message, and of a missing name: what is missing, and the module or class that lacks it.

    Of an ImportError `name` is the module, as Python has it; `owner` is the same where the module is there
    and lacks something.
    """
    name, owner = "", ""
    if isinstance(error, ImportError):
        name = error.name or ""
        owner = "" if isinstance(error, ModuleNotFoundError) else name
    elif isinstance(error, AttributeError):
        name, owner = error.name or "", _owner(error.obj)
    return {
        "type": type(error).__name__,
        "name": name,
        "owner": owner,
        "message": str(error)[:MOST_CHARACTERS],
    }


def cause(error: BaseException) -> BaseException:
    """Return what was raised while a file was collected: pytest wraps it in errors of its own."""
    while type(error).__module__.startswith(("pytest", "_pytest")) and error.__cause__ is not None:
        error = error.__cause__
    return error


def _owner(thing: object) -> str:
    if inspect.ismodule(thing):
        return thing.__name__
    return f"{thing.__module__}.{thing.__qualname__}" if inspect.isclass(thing) else ""
