"""Asks git when the commit of an advisory database was made."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from pytest_failhard.model import GateError, Run

SECONDS = 30.0


def commit_time(run: Run) -> Callable[[Path], datetime]:
    """Return a function that tells when the commit of a checkout was made; it raises GateError."""

    def tell(folder: Path) -> datetime:
        home = run.scratch / "git-home"
        home.mkdir(exist_ok=True)
        argv = ("git", "-c", "safe.directory=*", "log", "-1", "--format=%cI")
        process = run.start(argv, environment={"PATH": os.defpath, "HOME": str(home)}, cwd=folder)
        code = process.wait(SECONDS)
        try:
            when = datetime.fromisoformat(process.stdout.strip())
        except ValueError:
            raise GateError(
                f"advisory file {folder.name}: git does not say when its commit was made (exit code {code}): "
                "clone the database with git, or convert it with `failhard advisories update`"
            ) from None
        return when

    return tell
