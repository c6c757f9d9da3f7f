"""Advisories from and to documents in the OSV format (https://ossf.github.io/osv-schema/)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from pytest_failhard.distributions.advisories.records import Advisory, End, Span

ECOSYSTEM = "PyPI"
SUMMARY = 160
"""Characters of a summary; it is never shown, only kept."""
SCHEMA_VERSION = "1.6.0"
ENDS = {"fixed": End.FIXED, "last_affected": End.LAST_AFFECTED, "limit": End.LIMIT}
ORDER = ("fixed", "introduced", "last_affected", "limit")
"""Of events at one version, which is told first."""

Event = tuple[str, str]


def read(document: object) -> Iterator[tuple[str, Advisory]]:
    """Yield the canonical name and the advisory for each Python package that a document speaks of.

    Raises ValueError where it does not have the shape of the format.
    """
    record = _table(document, "record")
    affected: dict[str, list[Mapping[str, object]]] = {}
    for entry in _tables(record.get("affected"), "affected"):
        package = _table(entry.get("package", {}), "package")
        if package.get("ecosystem") == ECOSYSTEM:
            affected.setdefault(canonicalize_name(_text(package, "name")), []).append(entry)
    for name, entries in affected.items():
        yield name, _advisory(record, entries)


def _advisory(record: Mapping[str, object], entries: list[Mapping[str, object]]) -> Advisory:
    ranges = [each for entry in entries for each in _tables(entry.get("ranges"), "ranges")]
    severities = [each for table in (record, *entries) for each in _tables(table.get("severity"), "severity")]
    return Advisory(
        id=_text(record, "id"),
        aliases=_texts(record.get("aliases"), "aliases"),
        spans=tuple(
            span
            for each in ranges
            if each.get("type") == "ECOSYSTEM"
            for span in spans(_events(each.get("events")))
        ),
        versions=tuple(text for entry in entries for text in _texts(entry.get("versions"), "versions")),
        vectors=tuple(
            dict.fromkeys(_text(each, "score") for each in severities if each.get("type") == "CVSS_V3")
        ),
        published=_optional(record, "published"),
        withdrawn=_optional(record, "withdrawn"),
        summary=" ".join((_optional(record, "summary") or _optional(record, "details")).split())[:SUMMARY],
    )


def modified(document: object) -> datetime | None:
    """Return when a record was last changed, None where it does not say. Raises ValueError."""
    return moment(_optional(_table(document, "record"), "modified"))


def moment(text: str) -> datetime | None:
    """Return a moment in UTC, None for a text that is none: real records have the year 1 as `1-01-01`."""
    try:
        when = datetime.fromisoformat(text)
        return (when if when.tzinfo is not None else when.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def spans(events: list[Event]) -> Iterator[Span]:
    """Yield the affected spans of one range, read from its events in the order of the versions."""
    if any(_version(value) is None for _, value in events):
        # Their order cannot be known: nothing but doubt can come of such a span.
        yield Span(introduced="0", upper=" ".join(f"{kind} {value}" for kind, value in events))
        return
    if events and not any(kind == "introduced" for kind, _ in events):
        yield Span(introduced="0", upper="no introduced event")
        return
    opened: str | None = None
    for kind, value in sorted(events, key=_place):
        if kind == "introduced":
            opened = opened if opened is not None else value
        elif opened is not None:
            yield Span(introduced=opened, upper=value, end=ENDS[kind])
            opened = None
    if opened is not None:
        yield Span(introduced=opened, upper=None)


def _place(event: Event) -> tuple[bool, Version, int]:
    kind, value = event
    return value != "0", Version(value), ORDER.index(kind)


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


def _events(value: object) -> list[Event]:
    events = []
    for each in _tables(value, "events"):
        # An empty event stands in real records.
        for kind, text in each.items():
            if kind not in ORDER or not isinstance(text, str):
                raise ValueError(f"the event {kind!r}: {text!r} is none of {', '.join(ORDER)}")
            events.append((kind, text))
    return events


def served(advisory: Advisory, name: str) -> dict[str, object]:
    """Return a record in a form that no reader drops: a known schema, the name as asked, times in `Z`."""
    published = moment(advisory.published)
    events = [event for span in advisory.spans for event in _told(span)]
    return {
        "schema_version": SCHEMA_VERSION,
        "id": advisory.id,
        "aliases": [*advisory.aliases],
        "summary": advisory.summary or advisory.id,
        **({"published": published.strftime("%Y-%m-%dT%H:%M:%SZ")} if published is not None else {}),
        "affected": [
            {
                "package": {"name": name, "ecosystem": ECOSYSTEM},
                "ranges": [{"type": "ECOSYSTEM", "events": events or [{"introduced": "0"}]}],
            }
        ],
    }


def _told(span: Span) -> Iterator[dict[str, str]]:
    if _version(span.introduced) is not None:
        yield {"introduced": span.introduced}
    if span.upper is not None and span.end is not End.LIMIT and _version(span.upper) is not None:
        yield {"fixed" if span.end is End.FIXED else "last_affected": span.upper}


def _table(value: object, what: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise ValueError(f"{what} is {type(value).__name__}, not a table")
    return value


def _tables(value: object, what: str) -> list[Mapping[str, object]]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError(f"{what} is {type(value).__name__}, not a list")
    return [_table(each, what) for each in value]


def _text(table: Mapping[str, object], key: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{key} is {value!r}, not a text")
    return value


def _optional(table: Mapping[str, object], key: str) -> str:
    return _text(table, key) if table.get(key) else ""


def _texts(value: object, what: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError(f"{what} is {value!r:.80}, not a list of texts")
    return tuple(value)
