"""Finds in answers what belongs in a log alone: traces, texts of exceptions, source paths, SQL, versions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

PYTHON_TEXTS = (
    "can only concatenate str",
    "division by zero",
    "invalid literal for int() with base",
    "list index out of range",
    "maximum recursion depth exceeded",
    "NoneType' object",
    "no such table",
    "object has no attribute",
    "object is not subscriptable",
    "SQLite objects created in a thread",
    "string indices must be integers",
    "unexpected keyword argument",
    "UNIQUE constraint failed",
    "unsupported operand type",
)
"""What Python and its databases say in exceptions, and nobody says to a caller."""

_TRACEBACK = re.compile(r"Traceback \(most recent call last\)|File \"[^\"\n]+\", line \d")
_EXCEPTION = re.compile(
    r"\b(?:[a-z_]\w*\.)*[A-Z]\w*(?:Error|Exception)(?:: \S|\((?:['\"]|\d))|sqlalchemy\.exc|\bpsycopg"
)
_TEXTS = re.compile("|".join(map(re.escape, PYTHON_TEXTS)))
_SOURCE = re.compile(r"(?:/[\w.+-]+)+/[\w-]+\.py\b|/site-packages/")
_SQL = re.compile(
    r"\bSELECT\b[^<>]{1,400}?\bFROM\b"
    # Small letters alone could be prose.
    r"|\b(?i:select\b[^<>]{1,400}?\bfrom\s+\S+\s+where\b|insert into\s[^<>]{1,400}?\bvalues\s*\()",
    re.DOTALL,
)
_ENTITIES = {"&#39;": "'", "&#x27;": "'", "&quot;": '"', "&#34;": '"', "&lt;": "<", "&gt;": ">", '\\"': '"'}
_VERSION = re.compile(r"\d+\.\d+")
VERSIONED = ("server", "x-powered-by")
"""The headers in which servers and frameworks name themselves."""


def traces(text: str, folders: Iterable[str]) -> tuple[str, ...]:
    """Return what of a system's inside a text shows, by slug; `folders` are where the system runs."""
    for entity, plain in _ENTITIES.items():
        text = text.replace(entity, plain)
    shown = {
        "traceback": _TRACEBACK.search(text),
        "exception-text": _EXCEPTION.search(text) or _TEXTS.search(text),
        "source-path": _SOURCE.search(text) or any(folder in text for folder in folders),
        "sql": _SQL.search(text),
    }
    return tuple(slug for slug, match in shown.items() if match)


def versions(headers: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """Return the headers that name a version."""
    return {name: value for name, value in headers if name.lower() in VERSIONED and _VERSION.search(value)}
