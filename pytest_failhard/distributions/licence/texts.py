"""Recognises the licence texts that a distribution brings along."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_failhard.distributions.installed import Distribution
from pytest_failhard.distributions.licence.tables import Known, plain, tables
from pytest_failhard.model import GateError

HEAD_CHARACTERS = 2500
"""Of the plain text: every heading and grant stands in there, what is only quoted mostly does not."""
_RAW_CHARACTERS = 8 * HEAD_CHARACTERS
_NAME = re.compile(r"(?:.*[-_.])?(?:LICEN[CS]E|COPYING|NOTICE|UNLICENSE)S?(?:[-_.].*)?", re.IGNORECASE)

Means = frozenset[str]
"""The identifiers that one statement of a licence can mean; more than one where the words do not tell."""


@dataclass(frozen=True, kw_only=True)
class Text:
    """What a licence text is. `mentioned` proves nothing by itself; `restrictions` take rights away.

    `path` is below the `.dist-info`; it is the field's name for a text that stands in a field.
    """

    path: str
    sha256: str
    licences: tuple[Means, ...]
    mentioned: tuple[Means, ...] = ()
    restrictions: tuple[str, ...] = ()


def read(distribution: Distribution) -> tuple[Text, ...]:
    """Return the licence files of a distribution, by path; raises GateError for one that cannot be read."""
    return tuple(_file(distribution.folder, path) for path in sorted(set(_paths(distribution))))


def text(path: str, data: bytes) -> Text:
    """Return what a licence text is."""
    content = data.decode("utf-8", "replace")
    head = plain(content[:_RAW_CHARACTERS])[:HEAD_CHARACTERS]
    lower = " ".join(content.lower().split())
    return Text(
        path=path,
        sha256=hashlib.sha256(data).hexdigest(),
        licences=tuple(_known(head, tables().texts)),
        mentioned=tuple(_known(head, tables().mentions)),
        restrictions=tuple(name for name, phrase in tables().restrictions.items() if phrase in lower),
    )


def _paths(distribution: Distribution) -> Iterator[Path]:
    """Yield the files that the metadata names, and those that are named like a licence."""
    folder = distribution.folder
    for name in distribution.all("License-File"):
        # Where they lie depends on the version of the metadata, and on the tool that built the wheel.
        places = (folder / "licenses" / name, folder / name)
        yield from (place for place in places if place.is_file() and _is_below(place, folder))
    if folder.is_dir():
        yield from (path for path in folder.iterdir() if path.is_file() and _NAME.fullmatch(path.name))
        named = (folder / "licenses", folder / "license_files", folder / "LICENSES")
        for inner in named:
            yield from (path for path in inner.rglob("*") if path.is_file() and _NAME.fullmatch(path.name))


def _is_below(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _file(folder: Path, path: Path) -> Text:
    try:
        return text(path.relative_to(folder).as_posix(), path.read_bytes())
    except OSError as error:
        raise GateError(f"{folder.name}/{path.name}: cannot be read: {error.strerror}") from None


def _known(head: str, known: Iterable[Known]) -> Iterator[Means]:
    groups: set[str] = set()
    for each in known:
        holds = all(phrase in head for phrase in each.holds)
        if holds and each.group not in groups and not any(phrase in head for phrase in each.lacks):
            groups |= {each.group} - {""}
            yield frozenset(each.ids)
