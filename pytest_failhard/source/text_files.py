"""Reads every text file of a tree, whatever its language, and says which files it did not read."""

from __future__ import annotations

import codecs
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pytest_failhard import proc
from pytest_failhard.model import GateError
from pytest_failhard.source.files import UNREAD_FOLDERS

BEGINNING_BYTES = 8000
"""A NUL among the first so many bytes makes a file binary, as it does for git."""
TEXT_SUFFIXES = frozenset(
    {".bash", ".cfg", ".conf", ".config", ".csv", ".env", ".go", ".html", ".ini", ".ipynb", ".js", ".json"}
    | {".jsx", ".key", ".md", ".pem", ".properties", ".ps1", ".py", ".rst", ".sh", ".sql", ".tf", ".tfvars"}
    | {".toml", ".ts", ".tsx", ".txt", ".xml", ".yaml", ".yml"}
)
TEXT_NAMES = (".env", ".netrc", ".npmrc", ".pgpass", ".pypirc", "dockerfile", "makefile")
"""A file with these endings, or names that begin so, is text: a NUL in it would hide the rest."""
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, kw_only=True, order=True)
class TextFile:
    """A text file: its path relative to the root in POSIX form, and its text with `\\n` as line end."""

    path: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Texts:
    """All text files of a tree, and the paths of the rest: binary, above the cap, or no file at all."""

    files: tuple[TextFile, ...]
    binary: tuple[str, ...]
    oversized: tuple[str, ...]
    special: tuple[str, ...]
    """Links, pipes and sockets: what a link leads to within the tree is read where it lies."""


def read(root: Path, max_bytes: int) -> Texts:
    """Read every text file of at most `max_bytes` bytes.

    Left out are the folders that no gate reads, and in a git repository what it ignores and does not
    track. Raises GateError that lists every file which cannot be read.
    """
    files: list[TextFile] = []
    rest: dict[str, list[str]] = {"binary": [], "oversized": [], "special": []}
    problems: list[str] = []
    for path in sorted(_walk(root)):
        try:
            kind, text = _read(root / path, max_bytes)
        except OSError as error:
            problems.append(f"{path}: cannot be read: {error.strerror}")
            continue
        if kind == "text":
            files.append(TextFile(path=path, text=text))
        else:
            rest[kind].append(path)
    if problems:
        raise GateError("unreadable-source: " + "; ".join(problems))
    return Texts(
        files=tuple(files),
        binary=tuple(rest["binary"]),
        oversized=tuple(rest["oversized"]),
        special=tuple(rest["special"]),
    )


def decode(data: bytes) -> str:
    """Return the text of bytes in the encoding that they announce, else UTF-8, else Latin-1; never fails."""
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return text.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n")


def is_binary(path: str, beginning: bytes) -> bool:
    """Tell whether a file is none of text, by its beginning, unless its name says that it is text."""
    if b"\0" not in beginning or any(beginning.startswith(mark) for mark, _ in _MARKS):
        return False
    name = PurePosixPath(path.lower())
    return name.suffix not in TEXT_SUFFIXES and not name.name.startswith(TEXT_NAMES)


def _read(path: Path, max_bytes: int) -> tuple[str, str]:
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        return "special", ""
    with path.open("rb") as stream:
        beginning = stream.read(BEGINNING_BYTES)
        if is_binary(path.name, beginning):
            return "binary", ""
        if status.st_size > max_bytes:
            return "oversized", ""
        return "text", decode(beginning + stream.read())


def _walk(root: Path) -> Iterator[str]:
    ignored = _ignored(root)

    def refuse(error: OSError) -> None:
        raise GateError(f"unreadable-source: {error.filename}: cannot be read: {error.strerror}")

    for folder, folders, names in os.walk(root, onerror=refuse):
        below = Path(folder)
        links = [name for name in folders if (below / name).is_symlink()]
        folders[:] = [name for name in folders if name not in links and _is_read(root, below / name, ignored)]
        for name in (*names, *links):
            path = (below / name).relative_to(root).as_posix()
            if path not in ignored:
                yield path


def _is_read(root: Path, folder: Path, ignored: frozenset[str]) -> bool:
    if folder.name in UNREAD_FOLDERS or (folder / "pyvenv.cfg").exists():
        return False
    return f"{folder.relative_to(root).as_posix()}/" not in ignored


def _ignored(root: Path) -> frozenset[str]:
    """Return what git ignores and does not track; a folder ends with a slash. Outside git: nothing."""
    if not any((folder / ".git").exists() for folder in (root.resolve(), *root.resolve().parents)):
        return frozenset()
    listed = proc.git(
        root, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory", timeout=60
    )
    names = {os.fsdecode(name) for name in listed.stdout.split(b"\0") if name}
    # A project that lies in a folder which an outer repository ignores is read all the same.
    return frozenset() if listed.returncode or "./" in names else frozenset(names)
