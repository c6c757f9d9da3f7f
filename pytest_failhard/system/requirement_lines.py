"""Reads requirements files: what they ask for and where, the files they include, their index options."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from packaging.requirements import InvalidRequirement, Requirement

INDEX_OPTIONS = frozenset(
    {"--index-url", "--extra-index-url", "--find-links", "--no-index", "--trusted-host", "--pre"}
    | {"--no-binary", "--only-binary", "--prefer-binary"}
)
"""What of a requirements file decides where and among which files a package is looked for."""
_LONG = {"-i": "--index-url", "-f": "--find-links", "-r": "--requirement", "-c": "--constraint"}
_INCLUDING = frozenset({"--requirement", "--constraint"})
_FLAGS = frozenset({"--no-index", "--pre", "--prefer-binary"})
_COMMENT = re.compile(r"(?:^|\s)#.*$")
_OF_A_LINE = re.compile(r"\s--(?:hash|global-option|config-settings?)\b.*$", re.DOTALL)
_HASH = re.compile(r"--hash[=\s]|#(?:.*&)?sha(?:256|384|512)=")
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]{0,40}://|\A\.{0,2}/|\A\.{1,2}(?:\Z|\[|\s)|\s@\s", re.IGNORECASE)
_ARCHIVE = re.compile(r"\.(?:whl|zip|tar\.\w+|tgz)(?:\Z|[\s;#])", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Line:
    """One requirement as it is written. `path` is relative to the root; `number` counts from 1, 0 is unknown.

    `requirement` is None where it is an address or a path without a name.
    """

    path: str
    number: int
    text: str
    requirement: Requirement | None


@dataclass(kw_only=True)
class Lines:
    """A requirements file with all that it includes. `files` are contents by path, in reading order."""

    requirements: list[Line] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    is_repeatable: bool = True
    """False where something is fetched from an address or a path without a hash."""


def read(root: Path, path: str) -> Lines:
    """Return a requirements file of the tree. What cannot be read is left to the installer to name."""
    found = Lines()
    _read(root, PurePosixPath(path), found, wanted=True)
    return found


def line_of(path: str, number: int, text: str) -> Line:
    """Return a requirement by its text, hashes and comments aside."""
    bare = _OF_A_LINE.sub("", text).strip()
    try:
        requirement: Requirement | None = Requirement(bare)
    except InvalidRequirement:
        requirement = None
    return Line(path=path, number=number, text=bare, requirement=requirement)


def is_repeatable(text: str) -> bool:
    """Tell whether a requirement, fetched again, is the same: an address or a path needs a hash for that."""
    bare = text.removeprefix("-e ").removeprefix("--editable ").strip()
    is_fetched = _ADDRESS.search(bare) is not None or _ARCHIVE.search(bare) is not None or bare != text
    return not is_fetched or _HASH.search(text) is not None


def _read(root: Path, path: PurePosixPath, found: Lines, *, wanted: bool) -> None:
    """Add a file; one of constraints is not `wanted`: it asks for nothing."""
    name = path.as_posix()
    if name in found.files or not (root / path).is_file():
        return
    data = (root / path).read_bytes()
    found.files[name] = data
    for number, line in _logical(data.decode("utf-8-sig", "replace")):
        option, value = _option(line)
        if option in _INCLUDING:
            _read(root, path.parent / value, found, wanted=wanted and option == "--requirement")
            found.is_repeatable = found.is_repeatable and "://" not in value
        elif option in INDEX_OPTIONS:
            found.options += [option] if option in _FLAGS else [option, _place(root, path, option, value)]
        elif wanted and (not option or option in {"-e", "--editable"}):
            found.requirements.append(line_of(name, number, line))
            found.is_repeatable = found.is_repeatable and is_repeatable(line)


def _place(root: Path, path: PurePosixPath, option: str, value: str) -> str:
    """Return an option's value; pip looks for a folder beside the file that names it."""
    beside = root / path.parent / value
    return str(beside) if option == "--find-links" and beside.exists() else value


def _option(line: str) -> tuple[str, str]:
    """Return the option that a line is, in its long form, and its value; nothing for a requirement."""
    if not line.startswith("-"):
        return "", ""
    name, *rest = _words(line.replace("=", " ", 1) if line.startswith("--") else line)
    short, attached = name[:2], name[2:]
    if short in _LONG and not name.startswith("--"):
        return _LONG[short], " ".join([attached, *rest]).strip()
    return name, " ".join(rest)


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        # A quote without its end: the installer names it.
        return text.split()


def _logical(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines with what continues them, without comments, each with the number of its first."""
    begun, parts = 0, list[str]()
    for number, line in enumerate([*text.splitlines(), ""], 1):
        begun = begun or number
        is_continued = line.endswith("\\") and not line.lstrip().startswith("#")
        parts.append(_COMMENT.sub("", line.removesuffix("\\") if is_continued else line))
        if not is_continued:
            joined = " ".join(parts).strip()
            if joined:
                yield begun, joined
            begun, parts = 0, []
