"""Reads `failhard: allow` comments: what is let through at one place, by whom, why, and until when."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from pytest_failhard.source.suppressions import reason_in

if TYPE_CHECKING:
    from pytest_failhard.source.module import Module

SUSPECT = re.compile(rb"#\s*failhard\s*:", re.IGNORECASE)
COMMENT = re.compile(r"#\s*failhard\s*:(?P<rest>.*)", re.IGNORECASE)
FORM = re.compile(r"#\s*failhard: allow\[(?P<rules>[^\]]*)\]\s*(?P<fields>.*)")
FIELD = re.compile(r'(?P<name>[a-z]+)=(?:"(?P<quoted>[^"]*)"|(?P<plain>[^\s"]+))(?:\s+|$)')
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
KNOWN = ("owner", "reason", "until", "ref")
NEEDED = ("owner", "reason", "until")


@dataclass(frozen=True, kw_only=True, order=True)
class Allow:
    """One comment, and the lines `first` to `last` of the findings that it speaks of.

    `flaws` says all that is wrong with the text alone; then the fields are those that could be read.
    """

    path: str
    line: int
    first: int
    last: int
    rules: tuple[str, ...]
    owner: str
    reason: str
    until: date | None
    ref: str
    flaws: tuple[str, ...]
    text: str


def of_module(module: Module) -> tuple[Allow, ...]:
    """Return the comments of a file in the order of their lines; their words alone are judged here."""
    if not SUSPECT.search(module.data):
        return ()
    spans = _spans(module)
    return tuple(
        _allow(module.path, comment.line, match[0], spans.get(comment.line, comment.line))
        for comment in module.comments
        if (match := COMMENT.search(comment.text))
    )


def _spans(module: Module) -> Mapping[int, int]:
    """Return the line of each `def` and `class` -> the last line of its body."""
    spans: dict[int, int] = {}
    for kind in (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef):
        spans.update({node.lineno: node.end_lineno or node.lineno for node in module.nodes(kind)})
    return spans


def _allow(path: str, line: int, text: str, last: int) -> Allow:
    match = FORM.fullmatch(text.strip())
    fields, flaws = _fields(match["fields"]) if match else ({}, ["it is not `failhard: allow[RULE] ...`"])
    rules = tuple(each.strip() for each in match["rules"].split(",")) if match else ()
    if match:
        flaws += _problems(rules, fields)
    return Allow(
        path=path,
        line=line,
        first=line,
        last=last,
        rules=rules,
        owner=fields.get("owner", ""),
        reason=fields.get("reason", ""),
        until=_day(fields.get("until", "")),
        ref=fields.get("ref", ""),
        flaws=tuple(flaws),
        text=" ".join(text.split()),
    )


def _fields(text: str) -> tuple[dict[str, str], list[str]]:
    fields: dict[str, str] = {}
    flaws: list[str] = []
    place = 0
    while match := FIELD.match(text, place):
        name = match["name"]
        if name in fields or name not in KNOWN:
            flaws.append(f"{name}= is given twice or unknown")
        fields[name] = (match["quoted"] or match["plain"] or "").strip()
        place = match.end()
    if text[place:].strip():
        flaws.append(f"`{text[place:].strip()}` cannot be read")
    return fields, flaws


def _problems(rules: tuple[str, ...], fields: Mapping[str, str]) -> Iterator[str]:
    if not all(rules):
        yield "it names no rule"
    yield from (f"{name}= is missing" for name in NEEDED if not fields.get(name))
    if fields.get("reason") and not reason_in(fields["reason"], rules):
        yield "reason= must say why in two telling words and ten characters or more"
    if fields.get("until") and _day(fields["until"]) is None:
        yield f"until={fields['until']} is no day as YYYY-MM-DD"


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if DAY.fullmatch(text) else None
    except ValueError:
        return None
