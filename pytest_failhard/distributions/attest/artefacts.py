"""The built distributions: which there are, whose they are, whether they are built from this tree."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.parser import HeaderParser
from hashlib import file_digest
from pathlib import Path, PurePosixPath

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from pytest_failhard.distributions.attest.statement import Subject
from pytest_failhard.model import GateError
from pytest_failhard.source.files import walk

DEFAULT = ("dist/*",)
WHEEL = ".whl"
SDIST = ".tar.gz"
MOST_BYTES = 512 * 1024 * 1024
"""Of all that is unpacked of one distribution: beyond it, it is no source but a trap."""
METADATA_BYTES = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Built:
    """A built distribution. `name` is canonical, `version` as its metadata spell it.

    `modules` are the `.py` files of a wheel by their path in it; of an sdist there are none, because
    build backends write generated files into it.
    """

    subject: Subject
    name: str
    version: str
    modules: Mapping[str, bytes] = field(default_factory=dict)


def found(root: Path, patterns: Sequence[str]) -> tuple[str, ...]:
    """Return the wheels and sdists that the patterns name, relative to the root; raises GateError."""
    paths: set[str] = set()
    for pattern in patterns:
        if PurePosixPath(pattern).is_absolute() or ".." in PurePosixPath(pattern).parts:
            raise GateError(f"distributions: {pattern!r} leads out of the project")
        try:
            matches = sorted(root.glob(pattern))
        except (ValueError, NotImplementedError) as error:
            raise GateError(f"distributions: {pattern!r} is no pattern: {error}") from None
        paths |= {path.relative_to(root).as_posix() for path in matches if _is_built(path)}
    return tuple(sorted(paths))


def digest(path: Path) -> str:
    """Return the SHA-256 of a file as it is on the disk; raises GateError where it cannot be read."""
    try:
        with path.open("rb") as stream:
            return file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise GateError(f"{path.name}: cannot be read: {error.strerror}") from None


def subject(root: Path, path: str) -> Subject:
    """Return a built distribution as what a statement is about."""
    return Subject(name=PurePosixPath(path).name, path=path, sha256=digest(root / path))


def changed(root: Path, subjects: Iterable[Subject]) -> Iterator[str]:
    """Say of each subject whose bytes on the disk are others than its digest says."""
    for each in subjects:
        try:
            now = digest(root / each.path)
        except GateError as error:
            yield f"digest-mismatch: {each.path}: was hashed, and now {error}"
            continue
        if now != each.sha256:
            yield f"digest-mismatch: {each.path}: its SHA-256 is {now}, and {each.sha256} was written down"


def read(root: Path, path: str, *, most_bytes: int = MOST_BYTES) -> Built:
    """Read a built distribution; raises GateError for one that is broken or says nothing of itself.

    A wheel that unpacks to more than `most_bytes` is not unpacked.
    """
    described = subject(root, path)
    try:
        metadata, modules = _wheel(root / path, most_bytes) if path.endswith(WHEEL) else _sdist(root / path)
    except (OSError, zipfile.BadZipFile, tarfile.TarError, EOFError, UnicodeDecodeError) as error:
        raise GateError(f"{path}: cannot be read: {error}; build it again") from None
    headers = HeaderParser().parsestr(metadata)
    if not (headers["Name"] and headers["Version"]):
        raise GateError(f"{path}: its metadata say neither name nor version; build it again")
    return Built(
        subject=described,
        name=canonicalize_name(headers["Name"]),
        version=headers["Version"],
        modules=modules,
    )


def is_version(built: str, stated: str) -> bool:
    """Tell whether two spellings name the same version."""
    try:
        return Version(built) == Version(stated)
    except InvalidVersion:
        return built == stated


def stale(root: Path, source: Sequence[str], built: Built) -> Iterator[str]:
    """Yield the modules of a wheel that the tree has otherwise or not at all, by their path in the wheel.

    Where a module lies in the tree is the build backend's to say. Looked at are the root and the folders
    that the product's roots lie in; failing that, a file of the same name anywhere with the same bytes.
    """
    above = dict.fromkeys(["", *(PurePosixPath(each).parent.as_posix() for each in source), "src"])
    by_name: dict[str, list[Path]] = {}
    for path, data in sorted(built.modules.items()):
        places = [place for folder in above if (place := root / folder / path).is_file()]
        if not places:
            by_name = by_name or _by_name(root)
            places = by_name.get(PurePosixPath(path).name, [])
        if not any(place.read_bytes() == data for place in places):
            yield path


def _by_name(root: Path) -> dict[str, list[Path]]:
    named: dict[str, list[Path]] = {}
    for path in walk(root):
        named.setdefault(PurePosixPath(path).name, []).append(root / path)
    return named


def _is_built(path: Path) -> bool:
    return path.name.endswith((WHEEL, SDIST)) and path.is_file()


def _wheel(path: Path, most_bytes: int) -> tuple[str, dict[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        if sum(entry.file_size for entry in entries) > most_bytes:
            raise GateError(f"{path.name}: unpacks to more than {most_bytes} bytes")
        metadata = [entry for entry in entries if _is_metadata(entry.filename)]
        if len(metadata) != 1 or metadata[0].file_size > METADATA_BYTES:
            raise GateError(
                f"{path.name}: has {len(metadata)} readable METADATA files, not one; build it again"
            )
        modules = {entry.filename: archive.read(entry) for entry in entries if entry.filename.endswith(".py")}
        return archive.read(metadata[0]).decode(), modules


def _is_metadata(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return len(parts) == 2 and parts[0].endswith(".dist-info") and parts[1] == "METADATA"


def _sdist(path: Path) -> tuple[str, dict[str, bytes]]:
    with tarfile.open(path, "r:gz") as archive:
        for member in archive:
            parts = PurePosixPath(member.name).parts
            if len(parts) == 2 and parts[1] == "PKG-INFO" and member.size <= METADATA_BYTES:
                stream = archive.extractfile(member)
                if stream is not None:
                    return stream.read().decode(), {}
    raise GateError(f"{path.name}: has no readable PKG-INFO; build it again")
