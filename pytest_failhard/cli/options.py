"""Names what several commands take as options: a level, a file, a folder."""

from __future__ import annotations

from pathlib import Path

import click

from pytest_failhard.model import LEVELS

LEVEL = click.IntRange(min(LEVELS), max(LEVELS))
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
