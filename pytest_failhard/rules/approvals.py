"""Matches fallbacks in the code with the ones that the project has declared and somebody answers for."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pytest_failhard.rules.data import swallowed as data
from pytest_failhard.rules.unit import Hit
from pytest_failhard.rules.values import literal
from pytest_failhard.source.module import Module, last_part

if TYPE_CHECKING:
    from pytest_failhard.model import Option

OPTION = "approved_fallbacks"
CODES = frozenset({"FH106", "FH204", "FH403"})
"""The rules whose hits an entry can let through."""


@dataclass(frozen=True, kw_only=True)
class Approval:
    """One entry: where the fallback stands, what it calls, on which exceptions, which field says so."""

    source: str
    to: str
    on: frozenset[str]
    attribution: str


def evidence(module: Module, body: Sequence[ast.stmt], called: ast.AST, on: Sequence[str]) -> dict[str, str]:
    """Return the details of a hit that an approval is compared with.

    `to` is what is called, `on` are the exceptions, `fields` are the names that the substitute visibly
    gives to what it returns, `canned` tells whether it does no work of its own.
    """
    name = module.text(called) if isinstance(called, ast.Constant) else last_part(called)
    found = module.functions.get(name or "", ())
    shown = [*body, *(each for each in found if len(found) == 1)]
    made = any(literal(module, call) for call in ast.walk(called) if isinstance(call, ast.Call))
    return {
        "module": module.name,
        "to": name or "",
        "on": " ".join(on),
        "fields": " ".join(sorted({field for node in shown for field in _fields(node)})),
        "canned": "yes" if made or _returns_literal(module, called) else "",
    }


def _returns_literal(module: Module, called: ast.AST) -> bool:
    if not isinstance(called, ast.Name | ast.Attribute):
        return False
    return bool(literal(module, ast.Call(func=called, args=[], keywords=[])))


def _fields(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.keyword) and each.arg:
            yield each.arg
        elif isinstance(each, ast.Dict):
            yield from (
                key.value for key in each.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)
            )
        elif isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Store):
            yield each.attr
        elif isinstance(each, ast.Subscript) and isinstance(each.ctx, ast.Store):
            yield from (
                key.value
                for key in [each.slice]
                if isinstance(key, ast.Constant) and isinstance(key.value, str)
            )


def approvals(options: Mapping[str, Option]) -> tuple[Approval, ...]:
    """Return the entries of the option; what is no table of texts has been refused before."""
    entries = options.get(OPTION)
    return (
        tuple(_approval(each) for each in entries if isinstance(each, dict))
        if isinstance(entries, list)
        else ()
    )


def _approval(entry: Mapping[str, Option]) -> Approval:
    text = {key: value if isinstance(value, str) else "" for key, value in entry.items()}
    return Approval(
        source=text.get("from", ""),
        to=text.get("to", ""),
        on=frozenset(text.get("on", "").replace(",", " ").split()),
        attribution=text.get("attribution", ""),
    )


def standing(hits: Sequence[Hit], options: Mapping[str, Option]) -> Iterator[Hit]:
    """Yield the hits that no entry lets through, and say why an entry that names one does not."""
    entries = approvals(options)
    for hit in hits:
        refusals = [_refusal(each, hit) for each in entries if _names(each, hit)]
        if not refusals:
            yield hit
        elif all(refusals):
            yield replace(hit, message=f"{hit.message}; its approval does not hold: {refusals[0]}")


def _names(entry: Approval, hit: Hit) -> bool:
    """Tell whether an entry means a hit: place and substitute by the tails of their dotted names."""
    place = f"{hit.details.get('module', '')}.{hit.qualname}"
    caught = {name.rpartition(".")[2] for name in hit.details.get("on", "").split()}
    wanted = {name.rpartition(".")[2] for name in entry.on}
    return (
        _is_tail(entry.source, place)
        and _is_tail(hit.details.get("to", ""), entry.to)
        and bool(wanted & caught)
    )


def _is_tail(tail: str, dotted: str) -> bool:
    return bool(tail) and f".{dotted}".endswith(f".{tail}")


def _refusal(entry: Approval, hit: Hit) -> str:
    """Return why a matching entry lets nothing through; empty where it does."""
    if hit.details.get("canned") or data.NEVER_APPROVED.search(entry.to):
        return f"{entry.to} does no work of the same kind"
    caught = {name.rpartition(".")[2] for name in hit.details.get("on", "").split()}
    unnamed = caught - {name.rpartition(".")[2] for name in entry.on}
    if unnamed:
        return f"it also answers {', '.join(sorted(unnamed))}"
    if entry.attribution not in hit.details.get("fields", "").split():
        return f"no field {entry.attribution or 'of attribution'} in the answer names the producer"
    return ""


def unused_approvals(hits: Sequence[Hit], options: Mapping[str, Option]) -> Iterator[Hit]:
    """Yield a hit of FH106 for each entry that means none of the hits, as they stood before any approval."""
    able = [hit for hit in hits if hit.code in CODES]
    for entry in approvals(options):
        if not any(_names(entry, hit) for hit in able):
            between = f"from {entry.source or '?'} to {entry.to or '?'}"
            yield Hit(
                path="pyproject.toml",
                line=0,
                code="FH106",
                name="named-fallback",
                sub="unmatched-approval",
                qualname=entry.source,
                message=f"the approved fallback {between} matches nothing in the code",
                fix="remove the entry, or correct `from`, `to` and `on`",
                canonical=f"{entry.source} {entry.to} {' '.join(sorted(entry.on))}",
            )
