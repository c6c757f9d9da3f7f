"""Reads what the metadata of a distribution states about its licence, without deciding anything."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pytest_failhard.distributions import spdx
from pytest_failhard.distributions.installed import Distribution
from pytest_failhard.distributions.licence import texts
from pytest_failhard.distributions.licence.tables import plain, tables
from pytest_failhard.distributions.licence.texts import Means, Text

MAX_FIELD_CHARACTERS = 120
"""A longer field, or one of several lines, holds the text of a licence and not its name."""
_PREFIX = "License :: "


class UndeterminedError(Exception):
    """What the metadata states cannot be understood; the message says what."""


@dataclass(frozen=True, kw_only=True)
class Raw:
    """The fields as METADATA spells them: what a tool of another's must have read as well."""

    expressions: tuple[str, ...]
    fields: tuple[str, ...]
    classifiers: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Field:
    """What the field `License` says: an expression, or licences that it names; neither where it is silent."""

    expression: str = ""
    licences: tuple[Means, ...] = ()
    restrictions: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Statements:
    """All that a distribution says beside `License-Expression`."""

    field: Field
    classifiers: tuple[Means, ...]
    texts: tuple[Text, ...]

    @property
    def restrictions(self) -> tuple[str, ...]:
        """What takes rights away, in the field or in a text."""
        return tuple(
            sorted({*self.field.restrictions, *(name for text in self.texts for name in text.restrictions)})
        )


def raw(distribution: Distribution) -> Raw:
    """Return the fields about the licence."""
    return Raw(
        expressions=distribution.all("License-Expression"),
        fields=distribution.all("License"),
        classifiers=tuple(each for each in distribution.all("Classifier") if each.startswith("License")),
    )


def read(stated: Raw, found: tuple[Text, ...]) -> Statements:
    """Return what fields, classifiers and texts say; raises UndeterminedError."""
    return Statements(field=_field(stated.fields), classifiers=_classifiers(stated.classifiers), texts=found)


def hints(stated: Raw, found: Iterable[Text]) -> frozenset[str]:
    """Return every identifier that something may mean, where nobody can tell what it all means."""
    means = [tables().classifiers.get(each.removeprefix(_PREFIX), frozenset()) for each in stated.classifiers]
    means += [tables().aliases.get(plain(each), frozenset()) for each in stated.fields]
    means += [each for text in found for each in text.licences]
    return frozenset().union(*means)


def _field(values: Iterable[str]) -> Field:
    telling = sorted({value.strip() for value in values if plain(value) not in tables().silent_fields})
    if len(telling) > 1:
        raise UndeterminedError(f"the field License stands there {len(telling)} times, each time otherwise")
    if not telling:
        return Field()
    value = telling[0]
    return _name(value) if len(value) <= MAX_FIELD_CHARACTERS and "\n" not in value else _text(value)


def _name(value: str) -> Field:
    try:
        return Field(expression=spdx.canonical(value))
    except spdx.ExpressionError:
        means = tables().aliases.get(plain(value))
    if means is None:
        raise UndeterminedError(
            f"the field License says {value!r}, which is no SPDX expression and no known name"
        )
    return Field(expression=next(iter(means))) if len(means) == 1 else Field(licences=(means,))


def _text(value: str) -> Field:
    known = texts.text("License", value.encode())
    if not known.licences:
        raise UndeterminedError(
            f"the field License holds a text that is not known: {value.strip()[:60]!r}..."
        )
    return Field(licences=known.licences, restrictions=known.restrictions)


def _classifiers(values: Iterable[str]) -> tuple[Means, ...]:
    found: list[Means] = []
    for value in values:
        name = value.removeprefix(_PREFIX)
        if name in tables().silent_classifiers:
            continue
        means = tables().classifiers.get(name)
        if means is None:
            raise UndeterminedError(f"the classifier {value!r} names no licence that SPDX knows")
        found.append(means)
    return tuple(dict.fromkeys(found))
