"""The distributions that are installed for the target, as their metadata files describe them."""

from __future__ import annotations

import csv
import importlib.metadata
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.utils import canonicalize_name

from pytest_failhard.distributions.target import Target
from pytest_failhard.model import GateError

DIST_INFO, EGG_INFO, EGG = ".dist-info", ".egg-info", "egg-info"
_HEADERS_END = re.compile(r"(?:\A|\n)\n")
_FOLD = re.compile(r"^(?: {7}\|| {8}|\s+)")
_EGG_SECTION = re.compile(r"^\[([^:\]]*)", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class RecordedFile:
    """A line of RECORD. `path` is relative to the folder that holds the `.dist-info`.

    `sha256` is in RECORD's own form (urlsafe base64 without padding), empty where RECORD has none.
    """

    path: str
    sha256: str
    other: str = ""
    """A hash of another algorithm in RECORD's own form, `sha512=...`."""


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """One installed distribution. `name` is canonical, `raw_name` as METADATA spells it."""

    name: str
    raw_name: str
    version: str
    folder: Path
    """Its `.dist-info` folder, or what an older tool wrote: an `.egg-info` folder or file."""
    headers: tuple[tuple[str, str], ...] = ()
    """The fields of METADATA in order, unfolded; the description is left out."""
    files: tuple[RecordedFile, ...] = ()
    direct_url: Mapping[str, object] = field(default_factory=dict)
    """What `direct_url.json` holds, empty without one."""
    tags: frozenset[str] = frozenset()
    """The `Tag:` lines of WHEEL."""
    is_editable: bool = False
    duplicates: tuple[str, ...] = ()
    """The names of other metadata folders beside its own that claim the same name."""

    def all(self, header: str) -> tuple[str, ...]:
        """Return the values of a field of METADATA, whatever its case."""
        return tuple(value for key, value in self.headers if key.lower() == header.lower())

    def one(self, header: str) -> str:
        """Return the first value of a field of METADATA, empty without one."""
        return next(iter(self.all(header)), "")

    @property
    def requires(self) -> tuple[str, ...]:
        """The requirements, as METADATA spells them."""
        return self.all("Requires-Dist")


def read(target: Target) -> Mapping[str, Distribution]:
    """Return the distributions of a target by canonical name; the first on its path wins, as for imports.

    Raises GateError that lists all whose metadata has no name or cannot be read: nobody knows which
    distribution they hide.
    """
    found: dict[str, Distribution] = {}
    mistakes: list[str] = []
    for folder in target.paths:
        for name, distribution in _of_folder(folder, mistakes).items():
            found.setdefault(name, distribution)
    if mistakes:
        raise GateError(f"installed metadata that says not whose it is: {'; '.join(mistakes)}; install anew")
    return found


def _of_folder(folder: Path, mistakes: list[str]) -> Mapping[str, Distribution]:
    found: dict[str, Distribution] = {}
    for entry in _entries(folder, mistakes):
        try:
            distribution = _distribution(entry)
        except (OSError, ValueError, RecursionError, csv.Error) as error:
            # An OSError names the whole path, which is another on every machine.
            mistakes.append(f"{entry.name}: {getattr(error, 'strerror', None) or error}")
            continue
        first = found.get(distribution.name)
        if first is None:
            found[distribution.name] = distribution
        else:
            found[distribution.name] = replace(first, duplicates=(*first.duplicates, entry.name))
    return found


def _entries(folder: Path, mistakes: list[str]) -> Iterator[Path]:
    """Yield what importlib.metadata takes for metadata, in an order that is the same everywhere."""
    try:
        names = sorted(entry.name for entry in folder.iterdir())
    except OSError as error:
        mistakes.append(f"{folder.name}: {error.strerror}")
        return
    for name in names:
        if name.lower().endswith((DIST_INFO, EGG_INFO)) or _is_inside_egg(folder / name):
            yield folder / name


def _is_inside_egg(path: Path) -> bool:
    return path.name.lower() == EGG and path.parent.suffix.lower() == ".egg"


def _distribution(folder: Path) -> Distribution:
    """Return the distribution that a metadata folder describes; raises ValueError, OSError or csv.Error."""
    is_egg = folder.name.lower().endswith(EGG)
    headers = _headers(_metadata(folder, is_egg=is_egg))
    names = [value for key, value in headers if key.lower() == "name" and value.strip()]
    if not names:
        raise ValueError("its metadata has no `Name`")
    versions = [value for key, value in headers if key.lower() == "version"]
    direct = _direct_url(folder)
    info = direct.get("dir_info")
    return Distribution(
        name=canonicalize_name(names[0].strip()),
        raw_name=names[0].strip(),
        version=versions[0].strip() if versions else "",
        folder=folder,
        headers=headers + (_egg_requirements(folder) if is_egg else ()),
        files=_egg_files(folder) if is_egg else _record(_text(folder / "RECORD")),
        direct_url=direct,
        tags=_tags(_text(folder / "WHEEL")),
        is_editable=(isinstance(info, dict) and info.get("editable") is True) or _is_developed(folder),
    )


def _metadata(folder: Path, *, is_egg: bool) -> bytes:
    if is_egg and folder.is_file():
        return folder.read_bytes()
    return (folder / ("PKG-INFO" if is_egg else "METADATA")).read_bytes()


def _headers(data: bytes) -> tuple[tuple[str, str], ...]:
    """Return the fields before the description, which is most of the file and never needed."""
    found: list[tuple[str, str]] = []
    # What is no UTF-8 can only be a text for people: names, versions and requirements are ASCII.
    text = data.decode("utf-8-sig", "replace").replace("\r\n", "\n")
    for line in _HEADERS_END.split(text, maxsplit=1)[0].split("\n"):
        if line[:1].isspace() and found:
            key, value = found[-1]
            found[-1] = (key, f"{value}\n{_FOLD.sub('', line)}")
        else:
            key, colon, value = line.partition(":")
            if colon:
                found.append((key.strip(), value.strip()))
    return tuple(found)


def _text(path: Path) -> str:
    """Return what a file of the metadata says, the empty text where there is no such file."""
    try:
        return path.read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return ""


def _record(text: str) -> tuple[RecordedFile, ...]:
    lines = text.replace("\r\n", "\n").split("\n")
    rows = csv.reader(lines) if '"' in text else (line.split(",") for line in lines)
    return tuple(_recorded(row) for row in rows if row and row[0])


def _recorded(row: Sequence[str]) -> RecordedFile:
    hashed = row[1] if len(row) > 1 else ""
    algorithm, _, digest = hashed.partition("=")
    if algorithm == "sha256":
        return RecordedFile(path=row[0], sha256=digest)
    return RecordedFile(path=row[0], sha256="", other=hashed)


def _direct_url(folder: Path) -> Mapping[str, object]:
    text = _text(folder / "direct_url.json")
    document = json.loads(text) if text else {}
    if not isinstance(document, dict):
        raise ValueError("direct_url.json holds no object")
    return document


def _tags(text: str) -> frozenset[str]:
    lines = (line.partition(":") for line in text.splitlines())
    return frozenset(value.strip() for key, _, value in lines if key.strip().lower() == "tag")


def _egg_requirements(folder: Path) -> tuple[tuple[str, str], ...]:
    """Return the requirements of an older tool in the form of METADATA."""
    required = importlib.metadata.Distribution.at(folder).requires or ()
    extras = _EGG_SECTION.findall(_text(folder / "requires.txt"))
    return (
        *(("Requires-Dist", each) for each in required),
        *(("Provides-Extra", each) for each in sorted(set(extras)) if each),
    )


def _egg_files(folder: Path) -> tuple[RecordedFile, ...]:
    """Return the files that an older tool installed; their paths count from the `.egg-info` folder."""
    lines = _text(folder / "installed-files.txt").splitlines()
    return tuple(
        RecordedFile(
            path=line.removeprefix("../") if line[:3] == "../" else f"{folder.name}/{line}", sha256=""
        )
        for line in lines
        if line
    )


def _is_developed(folder: Path) -> bool:
    """Tell whether the metadata stand in a source tree that is on the path (`setup.py develop`)."""
    return (
        folder.suffix.lower() == EGG_INFO
        and (folder / "SOURCES.txt").is_file()
        and not (folder / "installed-files.txt").is_file()
    )
