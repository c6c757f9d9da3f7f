"""Which version to upgrade to: the smallest stable one that mends everything known."""

from __future__ import annotations

from collections.abc import Iterable

from packaging.version import Version

from pytest_failhard.distributions.advisories.matching import Issue, issues, match, parsed
from pytest_failhard.distributions.advisories.records import Database

ROUNDS = 20
"""A chain of fixes that are affected themselves; real ones have one or two links."""


def fix(issue: Issue, version: str) -> str:
    """Return the smallest stable version above the installed one that mends an issue, empty without one."""
    installed = parsed(version)
    above = [
        found
        for text in issue.fixes
        if (found := parsed(text)) is not None
        and not found.is_prerelease
        and (installed is None or found > installed)
    ]
    return str(min(above)) if above else ""


def recommended(found: Iterable[Issue], name: str, version: str, database: Database | None) -> str:
    """Return the smallest version that mends all issues of a package, empty where none is known.

    With a database it is matched again: a fix that is itself affected leads on to the next.
    """
    pending = tuple(found)
    target = version
    for _ in range(ROUNDS):
        steps = [fix(issue, target) for issue in pending]
        if not all(steps):
            return ""
        target = str(max(Version(step) for step in steps))
        pending = issues(match(database, name, target).advisories) if database is not None else ()
        if not pending:
            return target
    return ""
