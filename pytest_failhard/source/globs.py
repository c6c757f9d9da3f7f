"""Matches paths of a project with the globs of an option."""

from __future__ import annotations

import fnmatch


def matches(path: str, glob: str) -> bool:
    """Tell whether a glob means a path: the file, or a folder above it; `*` and `**` reach over folders."""
    plain = glob.strip().removeprefix("./").rstrip("/")
    forms = (plain, plain.removeprefix("**/"))
    return any(each and fnmatch.fnmatchcase(path, tail) for each in forms for tail in (each, f"{each}/*"))
