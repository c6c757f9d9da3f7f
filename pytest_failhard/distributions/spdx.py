"""Evaluates SPDX licence expressions against an allowlist, and names what it refuses."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from pytest_failhard.distributions.licence.tables import tables

MAX_CHARACTERS = 2000
"""Far above every expression in use, far below what nesting could exhaust."""
_GNU = re.compile(r"((?:A|L)?GPL|GFDL)-[0-9.]+(\+?)")
_HOLLOW = re.compile(r"\bLicenseRef-(?=[\s()]|$)|\bWITH\s+\S+\s+WITH\b", re.IGNORECASE)
"""A reference to nothing, and two exceptions of one licence: packaging before 26.3 takes them."""
_TOKEN = re.compile(r"[()]|[^()\s]+")


class ExpressionError(ValueError):
    """A text is no SPDX licence expression; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Allowlist:
    """What may be used: canonical terms (`X`, `X+`, `X WITH E`), and exceptions to an allowed licence."""

    terms: frozenset[str] = frozenset()
    exceptions: frozenset[str] = frozenset()
    is_open: bool = False
    """Whether every term is held: for whoever lists licences and allows none."""

    @classmethod
    def of(cls, licences: Iterable[str], exceptions: Iterable[str] = ()) -> Allowlist:
        """Return the allowlist of these; raises ExpressionError for what is no single term or exception."""
        listed = [canonical(licence) for licence in licences]
        # An exception is known only where it stands, beside a licence.
        beside = [canonical(f"MIT WITH {exception}") for exception in exceptions]
        combined = [each for each in (*listed, *beside) if len(terms(each)) != 1 or "(" in each]
        if combined:
            raise ExpressionError(f"{combined[0]!r} is more than one licence; list each by itself")
        names = (each.partition(" WITH ")[2] for each in beside)
        return cls(terms=frozenset(map(str.lower, listed)), exceptions=frozenset(map(str.lower, names)))

    def holds(self, term: str) -> bool:
        """Tell whether a canonical term is allowed."""
        if self.is_open:
            return True
        given = term.lower()
        licence, _, exception = given.partition(" with ")
        if given in self.terms or (exception and exception not in self.exceptions):
            return given in self.terms
        return licence in self.terms or (licence.endswith("+") and licence[:-1] in self.terms)


def canonical(text: str) -> str:
    """Return an expression in the spelling of the SPDX list, deprecated identifiers as what replaced them.

    Raises ExpressionError.
    """
    if len(text) > MAX_CHARACTERS:
        raise ExpressionError(f"longer than {MAX_CHARACTERS} characters")
    try:
        spelt = canonicalize_license_expression(text)
        rewritten = " ".join(_current(token) for token in _TOKEN.findall(spelt))
        # Again: what replaced a token may be more than one, and not fit where it stood.
        final = canonicalize_license_expression(rewritten)
    except InvalidLicenseExpression as error:
        raise ExpressionError(str(error)) from None
    if _HOLLOW.search(final):
        raise ExpressionError(f"Invalid license expression: {text!r}")
    return final


def terms(expression: str) -> tuple[str, ...]:
    """Return the terms of a canonical expression in their order: `X`, `X+`, `X WITH E`."""
    bare = re.sub(r"[()]", " ", expression)
    return tuple(" ".join(part.split()) for part in re.split(r"\s(?:AND|OR)\s", bare))


def refused(expression: str, allowlist: Allowlist) -> frozenset[str]:
    """Return the terms for which a canonical expression is not allowed; none where it is."""
    return _either(deque(_TOKEN.findall(expression)), allowlist)


def allows(expression: str, allowlist: Allowlist) -> bool:
    """Tell whether a canonical expression is allowed."""
    return not refused(expression, allowlist)


def _either(tokens: deque[str], allowlist: Allowlist) -> frozenset[str]:
    sides = [_all(tokens, allowlist)]
    while tokens and tokens[0] == "OR":
        tokens.popleft()
        sides.append(_all(tokens, allowlist))
    return frozenset().union(*sides) if all(sides) else frozenset()


def _all(tokens: deque[str], allowlist: Allowlist) -> frozenset[str]:
    found = _one(tokens, allowlist)
    while tokens and tokens[0] == "AND":
        tokens.popleft()
        found |= _one(tokens, allowlist)
    return found


def _one(tokens: deque[str], allowlist: Allowlist) -> frozenset[str]:
    term = tokens.popleft()
    if term == "(":
        found = _either(tokens, allowlist)
        tokens.popleft()
        return found
    if tokens and tokens[0] == "WITH":
        tokens.popleft()
        term = f"{term} WITH {tokens.popleft()}"
    return frozenset() if allowlist.holds(term) else frozenset({term})


def _current(token: str) -> str:
    gnu = _GNU.fullmatch(token)
    if gnu is not None:
        return f"{token.removesuffix('+')}-{'or-later' if gnu[2] else 'only'}"
    return tables().deprecated.get(token.lower(), token)
