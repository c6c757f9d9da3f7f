"""What the parts of `failhard init` share: what was done, what stood in the way, the tables of a document."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field


class PyprojectError(Exception):
    """The file cannot be extended; the message says where and why."""


@dataclass(kw_only=True)
class Notes:
    """What was done, for the person who ran the command."""

    added: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    to_do: list[str] = field(default_factory=list)
    unfilled: list[str] = field(default_factory=list)
    """Keys whose value only a person knows; the configuration refuses what stands there meanwhile."""
    next: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Given:
    """What the person gave; empty or None where the project's files are asked instead.

    `load` is the peak in requests per second and the users a day. `force` lets what is given replace what
    is there.
    """

    level: int | None = None
    purpose: str = ""
    requirements: str = ""
    load: tuple[int, int] | None = None
    force: bool = False

    def values(self) -> dict[str, object]:
        """Return what was given, by the key of `[tool.failhard]`."""
        load = {"rps": self.load[0], "daily_users": self.load[1]} if self.load else None
        every = {"level": self.level, "purpose": self.purpose, "requirements": self.requirements}
        return {key: value for key, value in {**every, "expected_load": load}.items() if value}


def table(document: Mapping[str, object], *keys: str) -> MutableMapping[str, object] | None:
    """Return the table below the keys, or None where there is none; raises where it is no table."""
    found: object = document
    for position, key in enumerate(keys):
        if not isinstance(found, MutableMapping):
            raise PyprojectError(f"pyproject.toml: {'.'.join(keys[:position])} is not a table; correct it")
        if key not in found:
            return None
        found = found[key]
    if not isinstance(found, MutableMapping):
        raise PyprojectError(f"pyproject.toml: {'.'.join(keys)} is not a table; correct it")
    return found


def strings(value: object) -> list[str]:
    """Return the texts of a list; nothing for what is none."""
    return [str(item) for item in value if isinstance(item, str)] if isinstance(value, list) else []
