"""Reads a requirements file in which every requirement is `==` with hashes: one that is a lock."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from packaging.utils import canonicalize_name

_PIN = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*===?\s*(?P<version>[^\s;*,]+)\s*(?:;.*)?"
)
_HASH = re.compile(r"\s--hash[=\s]\s*(?P<hash>[a-z0-9]+:[0-9a-fA-F]+)")
_OPTION = re.compile(r"-(?!e\b|-editable\b)")
_COMMENT = re.compile(r"(?:^|\s)#.*$")


@dataclass(frozen=True, kw_only=True)
class Pin:
    """A line `name==version`; `hashes` as they are written, `sha256:...`."""

    name: str
    version: str
    hashes: tuple[str, ...]
    line: int


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines with what continues them, without comments, each with the number of its first."""
    begun, parts = 0, list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        begun = begun or number
        is_continued = line.endswith("\\") and not line.lstrip().startswith("#")
        parts.append(_COMMENT.sub("", line[:-1] if is_continued else line))
        if not is_continued:
            joined = " ".join(parts).strip()
            if joined:
                yield begun, joined
            begun, parts = 0, []
    if parts:
        yield begun, " ".join(parts).strip()


def pins(text: str) -> tuple[Pin, ...] | None:
    """Return the pins of a file; None where a line is anything else but an option, or lacks a hash.

    A file without any pin is no lock.
    """
    found: list[Pin] = []
    for number, line in logical_lines(text):
        if _OPTION.match(line):
            continue
        hashes = tuple(_HASH.findall(line))
        match = _PIN.fullmatch(_HASH.sub("", line).strip())
        if match is None or not hashes:
            return None
        found.append(
            Pin(name=canonicalize_name(match["name"]), version=match["version"], hashes=hashes, line=number)
        )
    return tuple(found) or None
