"""Compares the installed tools with what was installed, and reads what runs at every start of Python."""

from __future__ import annotations

import base64
import csv
import functools
import hashlib
import importlib.metadata
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path, PurePosixPath

from pytest_failhard.model import Finding, Severity
from pytest_failhard.rules.data.gaming import GATE_TOOLS, START_UP_LINES, TOOL_PARTS

EXECUTED = re.compile(r"import[ \t]")
"""How a line of a `.pth` file begins that Python runs; every other one is a folder."""
UNSAFE = re.compile(r"[-_.]+")


def findings(packages: tuple[str, ...]) -> tuple[Finding, ...]:
    """Return what differs in the tools of some folders of packages. Paths are relative to their folder.

    A tool without hashes (a system's own package, or one whose RECORD somebody took away) cannot be compared
    and is named; one that is installed for editing is what its author makes of it.
    """
    folders = tuple(folder for folder in map(Path, dict.fromkeys(packages)) if folder.is_dir())
    # Between two runs of one process an installation may change.
    state = tuple(folder.stat().st_mtime_ns for folder in folders)
    return _looked(folders, state)


@functools.lru_cache(maxsize=4)
def _looked(folders: tuple[Path, ...], state: tuple[int, ...]) -> tuple[Finding, ...]:
    del state
    tools = {*GATE_TOOLS.values(), *TOOL_PARTS}
    found: list[Finding] = []
    for folder in folders:
        installed = list(importlib.metadata.distributions(path=[str(folder)]))
        found += [each for dist in installed if _name(dist) in tools for each in _changed(dist, folder)]
        started = sorted(folder.glob("*.pth"))
        known = _recorded(installed, {path.name for path in started}) if started else {}
        found += [each for path in started for each in _lines(path, known.get(path.name, ""))]
    return tuple(sorted(set(found)))


def _name(dist: importlib.metadata.Distribution) -> str:
    return UNSAFE.sub("-", str(dist.metadata["Name"])).lower()


def _changed(dist: importlib.metadata.Distribution, folder: Path) -> Iterator[Finding]:
    """Yield a finding for each module of a tool that is not what was installed, or is gone."""
    recorded = tuple(_hashes(dist))
    if not recorded:
        message = f"{_name(dist)} has no list of hashes: nobody can tell whether it was changed"
        yield _told(_name(dist), message, rule="unproven-tool", severity=Severity.MEDIUM)
    for file, digest in recorded:
        # What lies outside the folder are scripts, which installers write anew, and nobody starts here.
        if file.startswith("../") or file.endswith(".pyc"):
            continue
        path = folder / file
        if not path.is_file():
            yield _told(file, f"{file} of {_name(dist)} is gone since it was installed")
        elif _digest(path) != digest:
            yield _told(file, f"{file} of {_name(dist)} is not the file that was installed")


def _hashes(dist: importlib.metadata.Distribution) -> Iterator[tuple[str, str]]:
    """Yield the files of RECORD that have a hash; `Distribution.files` leaves out those that are gone."""
    for row in csv.reader((dist.read_text("RECORD") or "").splitlines()):
        if len(row) > 1 and row[1]:
            yield row[0], row[1].partition("=")[2]


def _digest(path: Path) -> str:
    """Return the SHA-256 of a file as RECORD writes it."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").digest()
    return base64.urlsafe_b64encode(digest).decode("ascii").rstrip("=")


def _recorded(
    installed: Collection[importlib.metadata.Distribution], wanted: Collection[str]
) -> Mapping[str, str]:
    """Return the digests under which distributions brought some files of the folder itself."""
    found: dict[str, str] = {}
    for dist in installed:
        text = dist.read_text("RECORD") or ""
        if any(name in text for name in wanted):
            found |= {file: digest for file, digest in _hashes(dist) if file in wanted}
    return found


def _lines(path: Path, digest: str) -> Iterator[Finding]:
    if digest == _digest(path):
        return
    for line in path.read_text("utf-8", "replace").splitlines():
        if EXECUTED.match(line) and line.strip() not in START_UP_LINES:
            message = f"{path.name} runs code at every start of Python, and no installed package brought it"
            yield _told(path.name, message, rule="start-up-line", severity=Severity.MEDIUM)
            return


def _told(
    path: str, message: str, *, rule: str = "modified-tool", severity: Severity = Severity.HIGH
) -> Finding:
    return Finding(
        rule=rule,
        name=rule,
        path=PurePosixPath(path).as_posix(),
        line=0,
        severity=severity,
        message=message,
        fix="find out who put it there, and remove it"
        if rule == "start-up-line"
        else "install the tools anew, into an environment of their own",
        anchor=path,
    )
