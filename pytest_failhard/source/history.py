"""Says on which day the judged state of files was made."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from pytest_failhard import proc
from pytest_failhard.model import GateError


def made(root: Path, paths: Sequence[str], today: date) -> date:
    """Return the day, in UTC, of the commit that is checked out.

    It is `today` where the tree is in no git repository, has no commit yet, or where a file of `paths`
    (relative to the root) is not as it was committed. Raises GateError where git refuses to say it.
    """
    changed = _git(root, "status", "--porcelain", "--", *paths)
    if changed is None or changed:
        return today
    seconds = _git(root, "log", "-1", "--format=%ct")
    return datetime.fromtimestamp(int(seconds), UTC).date() if seconds else today


def _git(root: Path, *arguments: str) -> bytes | None:
    """Return what git says, None where there is nothing to ask it about."""
    try:
        completed = proc.git(root, *arguments)
    except proc.ProcError as error:
        raise GateError(str(error)) from None
    if completed.returncode == 0:
        return completed.stdout.strip()
    if b"not a git repository" in completed.stderr or b"does not have any commits" in completed.stderr:
        return None
    raise GateError(f"git {arguments[0]}: {completed.stderr.decode('utf-8', 'replace').strip()[:300]}")
