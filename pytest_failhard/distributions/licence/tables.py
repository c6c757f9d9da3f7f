"""Loads what is said about licences outside SPDX, and what it can mean: `policies/licences.yaml`."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from pytest_failhard.strict import read_shipped_yaml

FILE = "licences.yaml"
_OTHERS = re.compile(r"[^a-z0-9]+")


class Known(BaseModel):
    """A text that is known by its phrases; which of several `ids` it is, the text does not say."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    ids: list[str] = Field(min_length=1)
    holds: list[str] = Field(min_length=1)
    lacks: list[str] = []
    group: str = ""


@dataclass(frozen=True, kw_only=True)
class Tables:
    """The file's content. Classifiers are without `License :: `; fields and aliases are `plain`."""

    deprecated: Mapping[str, str]
    """By the lower-case identifier."""
    copyleft: Mapping[str, str]
    silent_classifiers: frozenset[str]
    classifiers: Mapping[str, frozenset[str]]
    silent_fields: frozenset[str]
    aliases: Mapping[str, frozenset[str]]
    texts: tuple[Known, ...]
    mentions: tuple[Known, ...]
    restrictions: Mapping[str, str]

    def family(self, identifier: str) -> str:
        """Return the copyleft family of an identifier, empty for none."""
        start = identifier.upper()
        return next((name for key, name in self.copyleft.items() if start.startswith(key.upper())), "")


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    schema_: Literal["failhard-licences/1"] = Field(alias="schema")
    deprecated: dict[str, str]
    copyleft: dict[str, str]
    silent_classifiers: list[str]
    classifiers: dict[str, list[str]]
    silent_fields: list[str]
    aliases: dict[str, list[str]]
    texts: list[Known]
    mentions: list[Known]
    restrictions: dict[str, str]


def plain(text: str) -> str:
    """Return a text in lower case in which everything but letters and digits is one space."""
    return _OTHERS.sub(" ", text.lower()).strip()


@functools.cache
def tables() -> Tables:
    """Return the shipped tables."""
    data = (resources.files("pytest_failhard") / "policies" / FILE).read_bytes()
    document = _Document.model_validate(read_shipped_yaml(data))
    return Tables(
        deprecated={key.lower(): value for key, value in document.deprecated.items()},
        copyleft=document.copyleft,
        silent_classifiers=frozenset(document.silent_classifiers),
        classifiers={key: frozenset(ids) for key, ids in document.classifiers.items()},
        silent_fields=frozenset(document.silent_fields),
        aliases={key: frozenset(ids) for key, ids in document.aliases.items()},
        texts=tuple(document.texts),
        mentions=tuple(document.mentions),
        restrictions=document.restrictions,
    )
