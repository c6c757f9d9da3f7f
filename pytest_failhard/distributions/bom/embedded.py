"""The bills of materials that distributions bring themselves (PEP 770): place, digest, number of parts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_failhard.model import GateError

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_failhard.distributions.installed import Distribution

FOLDER = "sboms"


@dataclass(frozen=True, kw_only=True, order=True)
class Embedded:
    """A file in `.dist-info/sboms`. `path` is relative to the folder that holds the `.dist-info`.

    `parts` is None where the file is neither CycloneDX nor SPDX in JSON, so that nobody can count.
    """

    path: str
    sha256: str
    parts: int | None


def embedded(distribution: Distribution) -> tuple[Embedded, ...]:
    """Return the bills of materials of a distribution; raises GateError where one cannot be read."""
    folder = distribution.folder / FOLDER
    if not folder.is_dir():
        return ()
    return tuple(_read(distribution.folder, path) for path in sorted(_files(folder)))


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _read(folder: Path, path: Path) -> Embedded:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise GateError(
            f"{path.relative_to(folder.parent).as_posix()}: cannot be read: {error.strerror}; "
            "install the package again"
        ) from None
    return Embedded(
        path=path.relative_to(folder.parent).as_posix(),
        sha256=hashlib.sha256(data).hexdigest(),
        parts=_parts(data),
    )


def _parts(data: bytes) -> int | None:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    if document.get("bomFormat") == "CycloneDX":
        return _count(document.get("components", []))
    packages = document.get("packages")
    return len(packages) if "spdxVersion" in document and isinstance(packages, list) else None


def _count(components: object) -> int | None:
    """Return the number of components, nested ones too."""
    if not isinstance(components, list):
        return None
    queue = list(components)
    for component in queue:
        inner = component.get("components", []) if isinstance(component, dict) else None
        if not isinstance(inner, list):
            return None
        queue += inner
    return len(queue)
