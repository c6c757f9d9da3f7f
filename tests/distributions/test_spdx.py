"""Tests of the SPDX evaluator: what it reads, what it allows, and the laws that hold for every expression."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_failhard.distributions.spdx import (
    MAX_CHARACTERS,
    Allowlist,
    ExpressionError,
    allows,
    canonical,
    refused,
    terms,
)

LICENCES = ("MIT", "Apache-2.0", "Apache-2.0+", "GPL-3.0-only", "LGPL-2.1-or-later", "LicenseRef-Acme")
SINGLE = st.sampled_from([*LICENCES, "Apache-2.0 WITH LLVM-exception", "GPL-2.0-only WITH GCC-exception-2.0"])
EXPRESSIONS = st.recursive(
    SINGLE,
    lambda inner: st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(
        lambda each: f"({each[0]} {each[1]} {each[2]})"
    ),
    max_leaves=6,
)
ALLOWLISTS = st.builds(
    Allowlist.of, st.lists(SINGLE, max_size=4), st.lists(st.sampled_from(["LLVM-exception"]), max_size=1)
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mit", "MIT"),
        ("mit or apache-2.0", "MIT OR Apache-2.0"),
        ("GPL-3.0", "GPL-3.0-only"),
        ("gpl-2.0+", "GPL-2.0-or-later"),
        ("LGPL-2.1+", "LGPL-2.1-or-later"),
        ("AGPL-3.0", "AGPL-3.0-only"),
        ("GFDL-1.3+", "GFDL-1.3-or-later"),
        ("Apache-2.0+", "Apache-2.0+"),
        ("LicenseRef-X", "LicenseRef-X"),
        ("BSD-2-Clause-FreeBSD", "BSD-2-Clause"),
        ("GPL-2.0-with-classpath-exception", "GPL-2.0-only WITH Classpath-exception-2.0"),
        ("(GPL-2.0 OR (mit AND isc))", "(GPL-2.0-only OR (MIT AND ISC))"),
    ],
)
def test_an_expression_gets_the_spelling_of_the_list(text: str, expected: str) -> None:
    assert canonical(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *(
            "MIT/X11",
            "MIT; GPL-3.0",
            "MIT,Apache-2.0",
            "BSD",
            "Apache 2.0",
            "NONE",
            "NOASSERTION",
            "",
            "UNKNOWN",
        ),
        *("(MIT", "MIT)", "MIT AND", "OR MIT", "MIT WITH foo", "MIT WITH", "MIT ISC", "()", "LicenseRef-"),
        "GPL-2.0-with-classpath-exception WITH LLVM-exception",
        "(" * 500 + "MIT" + ")" * 500,
        "MIT OR " * MAX_CHARACTERS + "MIT",
    ],
)
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        canonical(text)


@pytest.mark.parametrize(
    ("expression", "allowed", "not_allowed"),
    [
        ("MIT", ["MIT"], set()),
        ("MIT AND GPL-3.0-only", ["MIT"], {"GPL-3.0-only"}),
        ("MIT OR GPL-3.0-only", ["MIT"], set()),
        ("MIT OR GPL-2.0-only", ["MIT", "GPL-2.0-only"], set()),
        ("ISC OR GPL-3.0-only", ["MIT"], {"ISC", "GPL-3.0-only"}),
        ("MIT AND (Apache-2.0 OR GPL-3.0-only)", ["MIT", "Apache-2.0"], set()),
        ("MIT OR Apache-2.0 AND GPL-3.0-only", ["MIT"], set()),
        ("(MIT OR Apache-2.0) AND GPL-3.0-only", ["MIT"], {"GPL-3.0-only"}),
        ("Apache-2.0+", ["Apache-2.0"], set()),
        ("Apache-2.0", ["Apache-2.0+"], {"Apache-2.0"}),
        ("Apache-2.0 WITH LLVM-exception", ["Apache-2.0"], set()),
        ("Apache-2.0+ WITH LLVM-exception", ["Apache-2.0"], set()),
        ("ISC WITH LLVM-exception", ["MIT"], {"ISC WITH LLVM-exception"}),
        ("MIT WITH GCC-exception-2.0", ["MIT"], {"MIT WITH GCC-exception-2.0"}),
        ("GPL-2.0-only WITH GCC-exception-2.0", ["GPL-2.0-only WITH GCC-exception-2.0"], set()),
        ("GPL-2.0-only", ["GPL-2.0-only WITH GCC-exception-2.0"], {"GPL-2.0-only"}),
        ("GPL-2.0-or-later", ["GPL-2.0-only"], {"GPL-2.0-or-later"}),
        ("LicenseRef-Acme", ["MIT"], {"LicenseRef-Acme"}),
        ("LicenseRef-Acme", ["LicenseRef-acme"], set()),
        ("LicenseRef-AND AND LicenseRef-OR", ["LicenseRef-AND"], {"LicenseRef-OR"}),
    ],
)
def test_what_is_refused_is_named(expression: str, allowed: list[str], not_allowed: set[str]) -> None:
    assert refused(canonical(expression), Allowlist.of(allowed, ["LLVM-exception"])) == not_allowed


@pytest.mark.parametrize(
    ("licences", "exceptions"),
    [
        (["MIT OR ISC"], []),
        (["(MIT)"], []),
        (["Apache 2.0"], []),
        ([], ["nothing"]),
        ([], ["LLVM-exception OR MIT"]),
    ],
)
def test_an_allowlist_lists_single_terms(licences: list[str], exceptions: list[str]) -> None:
    with pytest.raises(ExpressionError):
        Allowlist.of(licences, exceptions)


def test_the_terms_of_an_expression() -> None:
    text = "(MIT AND (Apache-2.0 WITH LLVM-exception OR LicenseRef-OR))"
    assert terms(text) == ("MIT", "Apache-2.0 WITH LLVM-exception", "LicenseRef-OR")


@given(EXPRESSIONS, EXPRESSIONS, ALLOWLISTS)
def test_or_is_any_and_and_is_all(one: str, other: str, allowlist: Allowlist) -> None:
    either, both = canonical(f"{one} OR {other}"), canonical(f"{one} AND {other}")
    first, second = (allows(canonical(each), allowlist) for each in (one, other))
    assert allows(either, allowlist) == (first or second)
    assert allows(both, allowlist) == (first and second)
    assert refused(both, allowlist) == refused(canonical(one), allowlist) | refused(
        canonical(other), allowlist
    )


@given(EXPRESSIONS, EXPRESSIONS, ALLOWLISTS)
def test_order_and_repetition_change_nothing(one: str, other: str, allowlist: Allowlist) -> None:
    for word in ("AND", "OR"):
        there, back = canonical(f"{one} {word} {other}"), canonical(f"{other} {word} {one}")
        assert refused(there, allowlist) == refused(back, allowlist)
        assert refused(canonical(f"{one} {word} {one}"), allowlist) == refused(canonical(one), allowlist)


@given(EXPRESSIONS, ALLOWLISTS, ALLOWLISTS)
def test_a_longer_allowlist_refuses_nothing_more(expression: str, small: Allowlist, more: Allowlist) -> None:
    large = Allowlist(terms=small.terms | more.terms, exceptions=small.exceptions | more.exceptions)
    text = canonical(expression)
    assert allows(text, large) or not allows(text, small)
    assert refused(text, large) <= refused(text, small)


@given(EXPRESSIONS, ALLOWLISTS)
def test_case_and_brackets_change_nothing(expression: str, allowlist: Allowlist) -> None:
    expected = refused(canonical(expression), allowlist)
    assert {each.lower() for each in refused(canonical(expression.lower()), allowlist)} == {
        each.lower() for each in expected
    }
    assert refused(canonical(f"(({expression}))"), allowlist) == expected
    assert canonical(canonical(expression)) == canonical(expression)


@given(EXPRESSIONS)
def test_what_is_refused_is_in_the_expression(expression: str) -> None:
    text = canonical(expression)
    assert refused(text, Allowlist(terms=frozenset())) == set(terms(text))
    assert allows(text, Allowlist.of(terms(text)))
