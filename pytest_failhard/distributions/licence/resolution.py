"""Decides which licence a distribution is under, or says why nobody can tell."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pytest_failhard.distributions import spdx
from pytest_failhard.distributions.licence import statements, texts
from pytest_failhard.distributions.licence.statements import Field, Raw, Statements, UndeterminedError
from pytest_failhard.distributions.licence.tables import tables
from pytest_failhard.distributions.licence.texts import Means, Text

if TYPE_CHECKING:
    from pytest_failhard.distributions.installed import Distribution
    from pytest_failhard.model import Clarification

_SUFFIX = re.compile(r"(?:-only|-or-later|\+)$")


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """The licence of a distribution: `expression` is canonical, and empty where it is undetermined.

    `source` is `License-Expression`, `License`, `classifier`, `text` or `clarification`; `reason` says why it
    is undetermined. `families` are those of copyleft that the expression, or else what it may be, belongs to.
    `lapsed` are the clarifications of it without effect, each with the reason.
    """

    name: str
    version: str
    expression: str
    source: str = ""
    reason: str = ""
    families: tuple[str, ...] = ()
    raw: Raw
    texts: tuple[Text, ...] = ()
    clarification: Clarification | None = None
    lapsed: tuple[tuple[Clarification, str], ...] = ()


def resolve(
    distribution: Distribution,
    allowlist: spdx.Allowlist,
    clarifications: Iterable[Clarification] = (),
) -> Resolved:
    """Return the licence of a distribution, by metadata and texts, then by a clarification that fits.

    The allowlist decides nothing but whether several licences, joined by nobody knows what, are harmless
    together. Raises GateError for a licence file that cannot be read.
    """
    found = _determined(distribution, allowlist)
    lapsed: list[tuple[Clarification, str]] = []
    for meant in clarifications:
        if meant.package == distribution.name:
            why = _lapsed(meant, distribution, found)
            if why:
                lapsed.append((meant, why))
            else:
                found = _clarified(found, meant)
    return replace(found, lapsed=tuple(lapsed))


def _determined(distribution: Distribution, allowlist: spdx.Allowlist) -> Resolved:
    raw = statements.raw(distribution)
    found = texts.read(distribution)
    blank = Resolved(
        name=distribution.name, version=distribution.version, expression="", raw=raw, texts=found
    )
    try:
        if raw.expressions:
            expression, source = _expression(raw), "License-Expression"
        else:
            expression, source = _stated(statements.read(raw, found), allowlist)
    except UndeterminedError as error:
        return replace(blank, reason=str(error), families=_families(statements.hints(raw, found)))
    return replace(blank, expression=expression, source=source, families=_families(spdx.terms(expression)))


def _clarified(found: Resolved, meant: Clarification) -> Resolved:
    expression = spdx.canonical(meant.expression)
    return replace(
        found,
        expression=expression,
        source="clarification",
        reason="",
        families=_families(spdx.terms(expression)),
        clarification=meant,
    )


def _expression(raw: Raw) -> str:
    if len(set(raw.expressions)) > 1:
        raise UndeterminedError("License-Expression stands there more than once")
    try:
        return spdx.canonical(raw.expressions[0])
    except spdx.ExpressionError as error:
        raise UndeterminedError(f"License-Expression is not valid: {error}") from None


def _stated(stated: Statements, allowlist: spdx.Allowlist) -> tuple[str, str]:
    if stated.restrictions:
        raise UndeterminedError(f"a text takes rights away again: {', '.join(stated.restrictions)}")
    if stated.field.expression:
        expression, source = stated.field.expression, "License"
        _agree(stated.field, stated.classifiers)
    elif stated.field.licences:
        _agree(stated.field, stated.classifiers)
        source = "License"
        expression = _joined(_settled(stated.field.licences, stated), allowlist)
    elif stated.classifiers:
        source = "classifier"
        expression = _joined(_settled(stated.classifiers, stated), allowlist)
    else:
        return _joined([_alone(each) for each in _all_texts(stated.texts)], allowlist), "text"
    _contradicted(expression, stated.texts)
    return expression, source


def _agree(field: Field, classifiers: Iterable[Means]) -> None:
    """Raise UndeterminedError for a classifier that names what the field does not."""
    named = (
        [{*_bare(spdx.terms(field.expression))}]
        if field.expression
        else [_bare(each) for each in field.licences]
    )
    for means in classifiers:
        if not any(_bare(means) & each for each in named):
            raise UndeterminedError(
                f"the field License and a classifier ({_listed(means)}) contradict each other"
            )


def _settled(several: Iterable[Means], stated: Statements) -> Iterator[str]:
    """Yield what statements mean; the licence texts tell where one can mean several."""
    for means in several:
        yield from means if len(means) == 1 else _told(means, stated)


def _told(means: Means, stated: Statements) -> set[str]:
    texts = (each for text in stated.texts for each in (*text.licences, *text.mentioned))
    told = {means & each for each in texts} - {frozenset()}
    told = told or {means & each for each in stated.classifiers} - {frozenset(), means}
    clear = {identifier for each in told if len(each) == 1 for identifier in each}
    if len(clear) != len(told) or not told:
        raise UndeterminedError(f"it says {_listed(means)}, and no licence text tells which")
    return clear


def _all_texts(found: Iterable[Text]) -> list[Means]:
    licences = [each for text in found for each in text.licences]
    unknown = [text.path for text in found if not text.licences]
    if unknown:
        raise UndeterminedError(
            f"no field and no classifier names a licence, and {unknown[0]} is no known text"
        )
    if not licences:
        raise UndeterminedError("no field, no classifier and no text names a licence")
    return licences


def _alone(means: Means) -> str:
    if len(means) > 1:
        raise UndeterminedError(f"the text is that of {_listed(means)}; nothing says which")
    return next(iter(means))


def _joined(identifiers: Iterable[str], allowlist: spdx.Allowlist) -> str:
    several = sorted(set(identifiers))
    if len(several) > 1 and not all(allowlist.holds(each) for each in several):
        raise UndeterminedError(
            f"{', '.join(several)} are named, and nothing says whether all or one of them"
        )
    return " AND ".join(several)


def _contradicted(expression: str, found: Iterable[Text]) -> None:
    """Raise UndeterminedError where licence texts are known and none is of a licence of the expression."""
    known = [each for text in found for each in text.licences]
    named = _bare(spdx.terms(expression))
    if known and not any(_bare(each) & named for each in known):
        other = _listed(known[0])
        raise UndeterminedError(f"the metadata says {expression}, the licence text is that of {other}")


def _bare(identifiers: Iterable[str]) -> set[str]:
    """Return licences without their exceptions, and without which later versions count."""
    return {_SUFFIX.sub("", each.partition(" WITH ")[0]).lower() for each in identifiers}


def _families(identifiers: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({tables().family(each) for each in identifiers} - {""}))


def _listed(means: Means) -> str:
    return " or ".join(sorted(means))


def _lapsed(meant: Clarification, distribution: Distribution, found: Resolved) -> str:
    """Return why a clarification has no effect, empty where it has."""
    if meant.version != distribution.version:
        return f"it is of version {meant.version}, installed is {distribution.version}"
    if found.expression:
        return f"the licence is determined, it is {found.expression}: only a waiver lets it through"
    for path, sha256 in meant.files:
        file = distribution.folder / path
        if not file.is_file():
            return f"there is no file {path} in its .dist-info"
        if hashlib.sha256(file.read_bytes()).hexdigest() != sha256:
            return f"{path} is another text than the one that was read"
    return ""
