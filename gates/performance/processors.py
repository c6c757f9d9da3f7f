"""Puts the worker, and what times an import, where a project's own interpreter can load them."""

from __future__ import annotations

import shutil
from pathlib import Path

HERE = Path(__file__).parent
WORKER = "failhard_serve"
"""The name under which pytest loads it: `-p failhard_serve`."""
IMPORT_TIME = "import_time.py"


def place(folder: Path) -> None:
    """Copy both into a folder, without bytecode of another version."""
    shutil.copytree(HERE / "serve", folder / WORKER, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(HERE / IMPORT_TIME, folder / IMPORT_TIME)
