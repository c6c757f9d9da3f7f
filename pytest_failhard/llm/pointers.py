"""Edits of a JSON value by JSON pointer (RFC 6901)."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping

from pytest_failhard.llm.catalogue import Json


class PointerError(ValueError):
    """A pointer leads nowhere."""


def edited(value: Json, patch: Mapping[str, Json], remove: Iterable[str]) -> Json:
    """Return a copy with values set (and added where missing), then others removed.

    The empty pointer is the whole value, `-` the place after a list's last item. Raises PointerError where
    what should hold the value does not exist.
    """
    result = copy.deepcopy(value)
    for pointer, new in patch.items():
        if not pointer:
            result = copy.deepcopy(new)
            continue
        holder, last = _holder(result, pointer)
        _set(holder, last, copy.deepcopy(new), pointer)
    for pointer in remove:
        holder, last = _holder(result, pointer)
        _remove(holder, last, pointer)
    return result


def _steps(pointer: str) -> list[str]:
    if not pointer.startswith("/"):
        raise PointerError(f"{pointer!r} is no JSON pointer; it starts with /")
    return [each.replace("~1", "/").replace("~0", "~") for each in pointer[1:].split("/")]


def _holder(value: Json, pointer: str) -> tuple[Json, str]:
    *path, last = _steps(pointer)
    for step in path:
        value = _inside(value, step, pointer)
    return value, last


def _inside(value: Json, step: str, pointer: str) -> Json:
    if isinstance(value, dict) and step in value:
        return value[step]
    if isinstance(value, list) and _is_place(value, step):
        return value[int(step)]
    raise PointerError(f"{pointer} leads nowhere at {step}")


def _is_place(value: list[Json], step: str) -> bool:
    return step.isdecimal() and int(step) < len(value)


def _set(holder: Json, last: str, new: Json, pointer: str) -> None:
    if isinstance(holder, dict):
        holder[last] = new
    elif isinstance(holder, list) and last == "-":
        holder.append(new)
    elif isinstance(holder, list) and _is_place(holder, last):
        holder[int(last)] = new
    else:
        raise PointerError(f"{pointer} leads nowhere at {last}")


def _remove(holder: Json, last: str, pointer: str) -> None:
    if isinstance(holder, dict) and last in holder:
        del holder[last]
    elif isinstance(holder, list) and _is_place(holder, last):
        del holder[int(last)]
    else:
        raise PointerError(f"{pointer} leads nowhere at {last}")
