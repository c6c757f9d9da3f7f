"""Writes a resolved plan as plain JSON values for the process that has its gates look, and reads it back."""

from __future__ import annotations

import dataclasses
import importlib
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime, time
from enum import Enum
from fractions import Fraction
from pathlib import Path

from pytest_failhard.model import Gate, GateError
from pytest_failhard.plan import Plan
from pytest_failhard.source.base import GitBase

OURS = "pytest_failhard."
"""So begin the modules of all types that a plan holds: those of others stay with whoever resolved it."""
Plain = bool | int | float | str | list["Plain"] | dict[str, "Plain"] | None


def dump(resolved: Plan, gates: Collection[str]) -> Plain:
    """Return a plan as the process needs it that runs these gates, all of them ours.

    Raises GateError for a value of a type that neither we nor TOML have.
    """
    settings = {name: each for name, each in resolved.settings.items() if name in gates}
    return _plain(dataclasses.replace(resolved, gates={}, settings=settings))


def load(told: Plain, gates: Sequence[Gate]) -> Plan:
    """Read back what `dump` gave; `gates` are the objects that run. Raises ValueError for what is no plan."""
    match _restored(told):
        case Plan() as plan:
            return dataclasses.replace(plan, gates={gate.id: gate for gate in gates})
        case _:
            raise ValueError("no plan")


# A moment is a day too: whichever comes first holds.
_FORMS: Mapping[str, tuple[type, Callable[..., str], Callable[[str], object]]] = {
    "moment": (datetime, datetime.isoformat, datetime.fromisoformat),
    "day": (date, date.isoformat, date.fromisoformat),
    "time": (time, time.isoformat, time.fromisoformat),
    "path": (Path, os.fspath, Path),
    "ratio": (Fraction, str, Fraction),
    "bytes": (bytes, bytes.hex, bytes.fromhex),
}
_SERIES: Mapping[str, Callable[[list[object]], object]] = {
    "list": list,
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
}


def _plain(value: object) -> Plain:
    if isinstance(value, Enum):
        return {"enum": _named(type(value)), "name": value.name}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    for form, (kind, write, _) in _FORMS.items():
        if isinstance(value, kind):
            return {"form": form, "text": write(value)}
    return _plain_parts(value)


def _plain_parts(value: object) -> Plain:
    if isinstance(value, Mapping):
        return {"keys": [_plain(key) for key in value], "items": [_plain(item) for item in value.values()]}
    if isinstance(value, list | tuple | set | frozenset):
        return {"series": type(value).__name__, "items": [_plain(item) for item in value]}
    if isinstance(value, GitBase):
        return {"base": [_plain(value.root), value.commit, value.chosen]}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
        return {"of": _named(type(value)), "fields": {name: _plain(vars(value)[name]) for name in names}}
    raise GateError(f"a plan holds a {type(value).__name__}, which cannot be handed on")


def _named(kind: type) -> str:
    if not kind.__module__.startswith(OURS):
        raise GateError(f"a plan holds a {kind.__module__}.{kind.__qualname__}, which is not ours")
    return f"{kind.__module__}:{kind.__qualname__}"


def _restored(told: Plain) -> object:
    match told:
        case {"form": str(form), "text": str(text)}:
            return _FORMS[form][2](text)
        case {"series": str(kind), "items": list(items)}:
            return _SERIES[kind]([_restored(item) for item in items])
        case {"keys": list(keys), "items": list(items)}:
            return dict(zip(map(_restored, keys), map(_restored, items), strict=True))
        case {"base": [root, str(commit), str(chosen)]}:
            return GitBase(Path(str(_restored(root))), commit, chosen)
        case dict():
            return _made(told)
        case _:
            return told


def _made(told: Mapping[str, Plain]) -> object:
    match told:
        case {"enum": str(name), "name": str(member)} if issubclass(kind := _type(name), Enum):
            return kind[member]
        case {"of": str(name), "fields": dict(fields)}:
            return _type(name)(**{field: _restored(item) for field, item in fields.items()})
        case _:
            raise ValueError(f"no part of a plan: {sorted(told)}")


def _type(name: str) -> type:
    module, _, qualified = name.partition(":")
    if not module.startswith(OURS):
        raise ValueError(f"{name}: no type of ours")
    found = vars(importlib.import_module(module))[qualified]
    if not isinstance(found, type):
        raise ValueError(f"{name}: no type")
    return found
