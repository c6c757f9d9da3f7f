"""The compact form of advisories, `failhard-advisories/1`: gzip JSON with what matching needs, no more."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pytest_failhard.distributions.advisories.matching import is_listed, parsed
from pytest_failhard.distributions.advisories.osv import moment
from pytest_failhard.distributions.advisories.records import Advisory, Database, End, Span

MAGIC = b"\x1f\x8b"
INFLATED_BYTES = 512 * 1024 * 1024
"""The most that a file may unpack to; the whole public database is far below."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Record(_Strict):
    id: Annotated[str, Field(min_length=1)]
    aliases: list[str] = []
    ranges: list[Annotated[list[str | int | None], Field(min_length=3, max_length=3)]]
    versions: list[str] = []
    severity: list[str] = []
    withdrawn: str | None = None
    published: str | None = None
    summary: str = ""


class _Document(_Strict):
    form: Literal["failhard-advisories/1"] = Field(alias="schema")
    source: str
    as_of: str
    licence: str
    records: int
    packages: int
    vulns: dict[str, list[_Record]]


def recognises(data: bytes) -> bool:
    """Tell whether the bytes are gzip."""
    return data.startswith(MAGIC)


def read(data: bytes) -> Database:
    """Return what a file in the compact form holds; raises ValueError where it is none."""
    try:
        document = _Document.model_validate_json(_inflated(data))
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"damaged gzip: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"{'.'.join(map(str, first['loc'])) or 'document'}: {first['msg']}") from None
    as_of = moment(document.as_of)
    if as_of is None:
        raise ValueError(f"as_of: {document.as_of!r} is no moment")
    return Database(
        packages={name: tuple(map(_advisory, records)) for name, records in document.vulns.items()},
        as_of=as_of,
        sha256=hashlib.sha256(data).hexdigest(),
        source=document.source,
        licence=document.licence,
        records=document.records,
    )


def _inflated(data: bytes) -> bytes:
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
        content = stream.read(INFLATED_BYTES + 1)
    if len(content) > INFLATED_BYTES:
        raise ValueError(f"it unpacks to more than {INFLATED_BYTES} bytes")
    return content


def _advisory(record: _Record) -> Advisory:
    return Advisory(
        id=record.id,
        aliases=tuple(record.aliases),
        spans=tuple(map(_span, record.ranges)),
        versions=tuple(record.versions),
        vectors=tuple(record.severity),
        published=record.published or "",
        withdrawn=record.withdrawn or "",
        summary=record.summary,
    )


def _span(values: list[str | int | None]) -> Span:
    match values:
        case [str(introduced), str() | None as upper, int(end)]:
            return Span(introduced=introduced, upper=upper, end=End(end))
        case _:
            raise ValueError(f"the range {values!r} is not [introduced, upper or null, 0 | 1 | 2]")


def write(database: Database) -> bytes:
    """Return a database in the compact form, the same bytes for the same content."""
    vulns = {
        name: [_record(advisory) for advisory in sorted(advisories, key=lambda each: each.id)]
        for name, advisories in database.packages.items()
    }
    document = {
        "schema": "failhard-advisories/1",
        "source": database.source,
        "as_of": database.as_of.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "licence": database.licence,
        "records": database.records,
        "packages": len(vulns),
        "vulns": vulns,
    }
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return gzip.compress(text.encode(), mtime=0)


def _record(advisory: Advisory) -> Mapping[str, object]:
    kept = _missed(advisory)
    more: dict[str, object] = {"versions": kept} if kept else {}
    if advisory.vectors:
        more["severity"] = [*advisory.vectors]
    if advisory.withdrawn:
        more["withdrawn"] = advisory.withdrawn
    return {
        "id": advisory.id,
        "aliases": [*advisory.aliases],
        "ranges": [[span.introduced, span.upper, int(span.end)] for span in advisory.spans],
        "published": advisory.published or None,
        "summary": advisory.summary,
        **more,
    }


def _missed(advisory: Advisory) -> list[str]:
    """Return the listed versions that the ranges do not say: the others would double the file."""
    return [
        text
        for text in advisory.versions
        if (version := parsed(text)) is None or not is_listed(version, advisory.spans)
    ]
