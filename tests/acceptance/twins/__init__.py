"""Lays out the twins: the clean-room projects that restate published defects, one folder each beside this.

Every file is kept with `.txt` behind its name, so that no tool and no gate of ours takes it for our code.
"""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).resolve().parent
SUFFIX = ".txt"


def lay_out(name: str, folder: Path) -> Path:
    """Write the files of a twin, under their real names, into a folder, made if need be, and return it.

    Files that are there already are overwritten; raises ValueError where no twin has the name.
    """
    kept = [place for place in sorted((HERE / name).rglob(f"*{SUFFIX}")) if place.is_file()]
    if not kept:
        raise ValueError(f"no twin is called {name!r}; there are {', '.join(names())}")
    for place in kept:
        target = folder / place.relative_to(HERE / name).with_suffix("")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(place.read_bytes())
    return folder


def names() -> list[str]:
    """Return the names of all twins, sorted."""
    return sorted(place.name for place in HERE.iterdir() if any(place.rglob(f"*{SUFFIX}")))
