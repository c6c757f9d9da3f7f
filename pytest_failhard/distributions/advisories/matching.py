"""Whether an advisory affects a version, by the evaluation that the OSV schema describes."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from packaging.version import InvalidVersion, Version

from pytest_failhard.distributions.advisories.records import Advisory, Database, End, Span, ordered


class Effect(enum.Enum):
    """What an advisory means for a version."""

    NONE = "none"
    AFFECTED = "affected"
    UNKNOWN = "unknown"
    """It speaks of the package in a way that cannot be evaluated: never clean."""


@dataclass(frozen=True, kw_only=True)
class Issue:
    """One vulnerability of one package: all advisories that share a name, together.

    `ids` begins with the best known one; `fixes` are the versions said to mend it, in order.
    """

    ids: tuple[str, ...]
    fixes: tuple[str, ...] = ()
    vectors: tuple[str, ...] = ()
    summary: str = ""


@dataclass(frozen=True, kw_only=True)
class Matched:
    """What a database says of one version of a package."""

    advisories: tuple[Advisory, ...] = ()
    unknown: tuple[Advisory, ...] = ()


@lru_cache(maxsize=65536)
def parsed(text: str) -> Version | None:
    """Return a version, None for what is none that PEP 440 knows."""
    try:
        return Version(text)
    except InvalidVersion:
        return None


def match(database: Database, name: str, version: str) -> Matched:
    """Return the advisories that affect a version of a package (canonical name), and those that may."""
    effects = [(advisory, effect(advisory, version)) for advisory in database.of(name)]
    return Matched(
        advisories=tuple(each for each, found in effects if found is Effect.AFFECTED),
        unknown=tuple(each for each, found in effects if found is Effect.UNKNOWN),
    )


def effect(advisory: Advisory, version: str) -> Effect:
    """Return what an advisory means for an installed version.

    A local version (`1.0+cu121`) is affected where it or its public part is: it sorts above the latter,
    and an upper bound or a list that names the public version would miss it.
    """
    if advisory.withdrawn:
        return Effect.NONE
    if version in advisory.versions:
        return Effect.AFFECTED
    installed = parsed(version)
    if installed is None:
        return Effect.UNKNOWN
    forms = (installed,) if installed.local is None else (installed, Version(installed.public))
    if any(is_listed(form, advisory.spans) for form in forms):
        return Effect.AFFECTED
    if any(parsed(text) in forms for text in advisory.versions):
        return Effect.AFFECTED
    return Effect.UNKNOWN if _is_vague(advisory) else Effect.NONE


def is_listed(version: Version, spans: Iterable[Span]) -> bool:
    """Tell whether a version lies in one of the spans; one that cannot be read holds no version."""
    return any(_inside(version, span) for span in spans)


def _inside(version: Version, span: Span) -> bool:
    if not _is_usable(span):
        return False
    # "0" is the beginning of all: pre-releases of version 0 lie above it too.
    lower = None if span.introduced == "0" else parsed(span.introduced)
    upper = None if span.upper is None else parsed(span.upper)
    if lower is not None and version < lower:
        return False
    if upper is None:
        return True
    return version <= upper if span.end is End.LAST_AFFECTED else version < upper


def _is_usable(span: Span) -> bool:
    readable = parsed(span.introduced) is not None and (span.upper is None or parsed(span.upper) is not None)
    return readable and span.end is not End.LIMIT


def _is_vague(advisory: Advisory) -> bool:
    """Tell whether it says nothing that can be evaluated, or something beside that cannot."""
    silent = not advisory.spans and not advisory.versions
    return silent or not all(map(_is_usable, advisory.spans))


def issues(advisories: Iterable[Advisory]) -> tuple[Issue, ...]:
    """Return one issue for each class of advisories that share an id."""
    return merged(
        Issue(
            ids=ordered(each.ids),
            fixes=tuple(span.upper for span in each.spans if span.upper is not None and _mends(span)),
            vectors=each.vectors,
            summary=each.summary,
        )
        for each in advisories
    )


def _mends(span: Span) -> bool:
    return span.end is End.FIXED and _is_usable(span)


def merged(found: Iterable[Issue]) -> tuple[Issue, ...]:
    """Return the issues with those joined that share an id, directly or through others."""
    classes: list[Issue] = []
    for issue in found:
        same = [each for each in classes if {*each.ids} & {*issue.ids}]
        classes = [each for each in classes if each not in same]
        classes.append(_joined([*same, issue]))
    return tuple(sorted(classes, key=lambda each: each.ids))


def _joined(found: list[Issue]) -> Issue:
    fixes = {text for each in found for text in each.fixes}
    return Issue(
        ids=ordered({name for each in found for name in each.ids}),
        fixes=tuple(
            sorted(fixes, key=lambda text: (parsed(text) is None, parsed(text) or Version("0"), text))
        ),
        vectors=tuple(dict.fromkeys(vector for each in found for vector in each.vectors)),
        summary=next((each.summary for each in found if each.summary), ""),
    )
