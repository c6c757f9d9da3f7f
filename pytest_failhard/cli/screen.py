"""Whether what we print on shows colours, and how wide it is."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import TextIO


def colours(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Tell whether to paint: `NO_COLOR` has the last word, `FORCE_COLOR` paints where nobody can be asked."""
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR"):
        return True
    return stream.isatty() and environment.get("TERM") != "dumb"


def width(stream: TextIO) -> int:
    """Return how many characters a line of a terminal has, 0 for what is none."""
    return shutil.get_terminal_size().columns if stream.isatty() else 0
