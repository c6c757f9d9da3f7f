"""What a bill of materials is of, the names of ours in it, and the digest of all that one is made from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_failhard.distributions.bom.parts import Part
    from pytest_failhard.distributions.bom.party import Party

ROOT = "root"
OURS = "failhard:"
UNKNOWN = f"{OURS}unknown"
"""A property whose value names what is not known of a component: supplier, licence, hash, file name."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What the bill of materials is of, who makes it, when, with what.

    `name` is canonical; `licence` is a valid SPDX expression or empty; `tools` are names with their
    versions; `is_complete` tells whether everything that the project requires is installed and so listed.
    """

    name: str
    version: str
    licence: str
    creator: Party | None
    time: datetime
    tools: Mapping[str, str]
    is_complete: bool


def digest(subject: Subject, parts: Sequence[Part], edges: Iterable[tuple[str, str]]) -> str:
    """Return the SHA-256 of what `document.render` is given: of the same it makes the same bytes."""
    given = [asdict(subject), [asdict(part) for part in parts], sorted(edges)]
    text = json.dumps(given, sort_keys=True, default=datetime.isoformat)
    return hashlib.sha256(text.encode()).hexdigest()
