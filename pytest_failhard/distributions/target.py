"""What the target interpreter says of itself: where its packages lie and what markers mean there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Target:
    """The interpreter whose environment is judged.

    `paths` are its existing search folders in order; `markers` the eleven variables of PEP 508 as it
    computes them; `standard` the names of its standard library's modules.
    """

    paths: tuple[Path, ...]
    markers: Mapping[str, str]
    standard: frozenset[str]
    prefix: Path
    abi: str
