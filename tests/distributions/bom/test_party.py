"""Tests of who supplies a distribution, by every form in which metadata says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_failhard.distributions.bom.party import Party, creator, page, supplier
from pytest_failhard.distributions.declared import Project
from pytest_failhard.distributions.installed import Distribution


def distribution(*headers: tuple[str, str]) -> Distribution:
    return Distribution(name="a", raw_name="a", version="1", folder=Path("a.dist-info"), headers=headers)


@pytest.mark.parametrize(
    ("headers", "name", "email"),
    [
        ([("Author", "Ada Ace"), ("Author-email", "ada@x.org")], "Ada Ace", "ada@x.org"),
        ([("Author-email", "Ada Ace <ada@x.org>")], "Ada Ace", "ada@x.org"),
        ([("Author-email", '"Ace, Ada" <ada@x.org>')], "Ace, Ada", "ada@x.org"),
        ([("Author-email", "Ada <ada@x.org>, Bob <bob@x.org>")], "Ada, Bob", "ada@x.org"),
        ([("Author-email", "ada@x.org")], "ada@x.org", "ada@x.org"),
        ([("Author", "Ada\n  Ace")], "Ada Ace", ""),
        ([("Author", "UNKNOWN"), ("Author-email", "ada@x.org")], "ada@x.org", "ada@x.org"),
        ([("Author", "Ada"), ("Maintainer-email", "Bob <bob@x.org>")], "Ada", "bob@x.org"),
        ([("Maintainer", "The team"), ("Maintainer-email", "t@x.org")], "The team", "t@x.org"),
        ([("Maintainer-email", "The team <t@x.org>")], "The team", "t@x.org"),
        ([("Author", "Ada"), ("Author-email", "not an address")], "Ada", ""),
    ],
    ids=str,
)
def test_author_or_else_maintainer(headers: list[tuple[str, str]], name: str, email: str) -> None:
    assert supplier(distribution(*headers)) == Party(name=name, email=email)


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Author", "UNKNOWN"), ("Maintainer", " ")],
        [("Author-email", "")],
        [("Home-page", "https://a-company.example/"), ("Project-URL", "Source, https://x.example/a/b")],
    ],
    ids=str,
)
def test_nobody_is_named_and_a_page_is_nobody(headers: list[tuple[str, str]]) -> None:
    assert supplier(distribution(*headers)) is None


@pytest.mark.parametrize(
    ("headers", "url"),
    [
        ([("Home-page", "https://x.example/a?b#c")], "https://x.example/a?b#c"),
        (
            [("Project-URL", "Docs, https://d.example/"), ("Project-URL", "Source, https://s.example/")],
            "https://s.example/",
        ),
        ([("Project-URL", "Docs, https://d.example/")], "https://d.example/"),
        (
            [("Project-URL", "Homepage, ftp://x.example"), ("Project-URL", "Tracker, https://t.example")],
            "https://t.example",
        ),
        ([("Home-page", "https://user:word@x.example/")], ""),
        ([("Home-page", "UNKNOWN")], ""),
        ([], ""),
    ],
    ids=str,
)
def test_the_page_by_which_a_supplier_is_reached(headers: list[tuple[str, str]], url: str) -> None:
    assert page(distribution(*headers)) == url
    named = supplier(distribution(("Author", "Ada"), *headers))
    assert named is not None
    assert (named.url, named.is_reachable) == (url, bool(url))


@pytest.mark.parametrize(
    ("values", "mistake"),
    [
        ({"name": " "}, "names nobody"),
        ({"name": "Unknown"}, "names nobody"),
        ({"name": "Ada", "email": "ada"}, "no e-mail address"),
        ({"name": "Ada", "url": "x.example"}, "no http"),
        ({"name": "Ada", "url": "https://user:word@x.example"}, "no http"),
    ],
    ids=str,
)
def test_a_declared_party_must_be_one(values: dict[str, str], mistake: str) -> None:
    with pytest.raises(ValueError, match=mistake):
        Party(**values)


@pytest.mark.parametrize(
    ("project", "expected"),
    [
        (Project(authors=(("Ada", ""), ("Bob", "bob@x.org"))), Party(name="Bob", email="bob@x.org")),
        (Project(authors=(("Ada", ""),)), Party(name="Ada")),
        (Project(authors=(("", "ada@x.org"),)), Party(name="ada@x.org", email="ada@x.org")),
        (Project(maintainers=(("Ada", "no address"),)), Party(name="Ada")),
        (
            Project(authors=(("Ada", ""),), urls={"Docs": "none", "Home": "https://x.example"}),
            Party(name="Ada", url="https://x.example"),
        ),
        (Project(authors=(("", ""), ("Unknown", ""))), None),
        (Project(), None),
    ],
    ids=str,
)
def test_who_makes_the_project(project: Project, expected: Party | None) -> None:
    assert creator(project, None) == expected


def test_what_is_declared_comes_first() -> None:
    declared = Party(name="A company", url="https://company.example")
    assert creator(Project(authors=(("Ada", "ada@x.org"),)), declared) is declared
