"""What a project's `[tool.failhard.llm]` says to the fixtures; the gate `llm` reads the whole table."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

DEADLINE_SECONDS = 30.0
MAX_ATTEMPTS = 3


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
        file = root / "pyproject.toml"
        try:
            document = tomllib.loads(file.read_text("utf-8")) if file.exists() else {}
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(f"pyproject.toml: {error}") from None
        table = document.get("tool", {}).get("failhard", {}).get("llm", {})
        deadline, most = table.get("deadline", DEADLINE_SECONDS), table.get("max_attempts", MAX_ATTEMPTS)
        allowed = table.get("egress_allow", [])
        mistakes = [
            text
            for wrong, text in (
                (not _is_number(deadline), f"deadline: must be a number of seconds (it is {deadline!r})"),
                (not _is_whole(most), f"max_attempts: must be a whole number from 1 on (it is {most!r})"),
                (not _are_hosts(allowed), "egress_allow: must be a list of tables with host and reason"),
            )
            if wrong
        ]
        if mistakes:
            raise SettingsError("; ".join(f"pyproject.toml: [tool.failhard.llm] {each}" for each in mistakes))
        hosts = tuple(str(entry["host"]) for entry in allowed)
        return cls(deadline=float(deadline), max_attempts=most, egress_allow=hosts)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _are_hosts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) and "host" in each for each in value)
