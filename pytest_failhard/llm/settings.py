"""What a project's `[tool.failhard.llm]` says to the fixtures; the gate `llm` reads the whole table."""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeGuard

DEADLINE_SECONDS = 30.0
MAX_ATTEMPTS = 3
KEYS = ("deadline", "max_attempts", "egress_allow")
HOST_KEYS = ("host", "reason")
CLOSE = 0.8
"""difflib's ratio from which a key counts as one of ours, misspelt."""


class SettingsError(Exception):
    """The table cannot be used; the message names every mistake."""


@dataclass(frozen=True, kw_only=True)
class FixtureSettings:
    """Seconds until a call counts as hanging, requests that one call may make, hosts that may be reached.

    The hosts are globs. A project that needs other values returns its own from `failhard_llm_config`.
    """

    deadline: float = DEADLINE_SECONDS
    max_attempts: int = MAX_ATTEMPTS
    egress_allow: tuple[str, ...] = ()

    def with_deadline(self, seconds: float) -> FixtureSettings:
        """Return the same with another deadline."""
        return replace(self, deadline=seconds)

    @classmethod
    def of_project(cls, root: Path) -> FixtureSettings:
        """Return what pyproject.toml says; raises SettingsError."""
        table = _table(root / "pyproject.toml")
        deadline, most = table.get("deadline", DEADLINE_SECONDS), table.get("max_attempts", MAX_ATTEMPTS)
        allowed = table.get("egress_allow", [])
        checks = (
            (_is_number(deadline), f"deadline: must be a number of seconds above 0 (it is {deadline!r})"),
            (_is_whole(most), f"max_attempts: must be a whole number from 1 on (it is {most!r})"),
            (_are_hosts(allowed), "egress_allow: must be a list of tables with host and reason"),
        )
        mistakes = [text for right, text in checks if not right] + list(_misspelt(table))
        if mistakes or not (_is_number(deadline) and _is_whole(most) and _are_hosts(allowed)):
            raise SettingsError("; ".join(f"pyproject.toml: [tool.failhard.llm] {each}" for each in mistakes))
        hosts = tuple(entry["host"] for entry in allowed)
        return cls(deadline=float(deadline), max_attempts=most, egress_allow=hosts)


def _table(file: Path) -> Mapping[str, object]:
    try:
        found = tomllib.loads(file.read_text("utf-8")) if file.exists() else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file.name}: {error}") from None
    for name in ("tool", "failhard", "llm"):
        found = found.get(name, {})
        if not isinstance(found, dict):
            raise SettingsError(f"{file.name}: [tool.failhard.llm] {name} must be a table (it is {found!r})")
    return found


def _misspelt(table: Mapping[str, object]) -> Iterator[str]:
    """Name keys that look like one of ours; the others of this table are the gate's to judge."""
    for key in sorted(set(table) - set(KEYS)):
        near = difflib.get_close_matches(key, KEYS, n=1, cutoff=CLOSE)
        if near:
            yield f"{key}: unknown key; did you mean {near[0]}?"


def _is_number(value: object) -> TypeGuard[float]:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return value > 0 and math.isfinite(value)


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _are_hosts(value: object) -> TypeGuard[list[dict[str, str]]]:
    return isinstance(value, list) and all(
        isinstance(each, dict) and all(isinstance(each.get(key), str) and each[key] for key in HOST_KEYS)
        for each in value
    )
