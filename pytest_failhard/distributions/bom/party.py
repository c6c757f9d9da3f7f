"""Who supplies a distribution, by its own metadata, and how that person or organisation is reached."""

from __future__ import annotations

import email.utils
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from pytest_failhard.distributions.declared import Project
    from pytest_failhard.distributions.installed import Distribution

NOBODY = frozenset({"", "unknown", "none", "n/a", "tbd", "your name", "author", "example"})
"""What build tools and templates write where no author was given, in lower case."""
ADDRESS = re.compile(r"[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+")
# A user part could hold a password.
WEB = re.compile(r"https?://[^\s<>\"{}|\\^`@/?#]+(?:[/?#][^\s<>\"{}|\\^`]*)?", re.IGNORECASE)
FIRST_URLS = ("homepage", "home", "home-page", "repository", "source", "source code", "code", "github")


@dataclass(frozen=True, kw_only=True)
class Party:
    """A person or an organisation, with an e-mail address or a page where known."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = {"extra": "forbid", "strict": True}

    name: str
    email: str = ""
    url: str = ""

    def __post_init__(self) -> None:
        """Refuse a party that is none, and a way to reach it that is none."""
        if self.name.strip().lower() in NOBODY:
            raise ValueError(f"name: {self.name!r} names nobody")
        if self.email and ADDRESS.fullmatch(self.email) is None:
            raise ValueError(f"email: {self.email!r} is no e-mail address")
        if self.url and WEB.fullmatch(self.url) is None:
            raise ValueError(f"url: {self.url!r} is no http(s) address without user and password")

    @property
    def is_reachable(self) -> bool:
        """Tell whether there is an e-mail address or a page."""
        return bool(self.email or self.url)


def supplier(distribution: Distribution) -> Party | None:
    """Return who supplies a distribution: its author, else its maintainer; None where nobody is named.

    Where metadata gives an address alone, the address is the name: it identifies one party. A page of
    the project is a way to reach the supplier and never says who that is.
    """
    for role in ("Author", "Maintainer"):
        people = [*_people(distribution.all(f"{role}-email"))]
        named = [text for text in map(_plain, distribution.all(role)) if text.lower() not in NOBODY]
        names = named or [name for name, _ in people if name]
        addresses = [address for _, address in people if address]
        if names or addresses:
            name = ", ".join(dict.fromkeys(names)) or addresses[0]
            return Party(
                name=name, email=next(iter(addresses), "") or _address(distribution), url=page(distribution)
            )
    return None


def page(distribution: Distribution) -> str:
    """Return the address of the project's page, the home page before the repository; empty without one."""
    labelled = [("homepage", url) for url in distribution.all("Home-page")]
    for entry in distribution.all("Project-URL"):
        label, _, url = entry.partition(",")
        labelled.append((label.strip().lower(), url))
    usable = [(label, url.strip()) for label, url in labelled if WEB.fullmatch(url.strip())]
    ranked = sorted(usable, key=lambda each: _rank(each[0]))
    return ranked[0][1] if ranked else ""


def _rank(label: str) -> int:
    return FIRST_URLS.index(label) if label in FIRST_URLS else len(FIRST_URLS)


def creator(project: Project, declared: Party | None) -> Party | None:
    """Return who makes the project: as declared, else the first author with an address, else the first."""
    if declared is not None:
        return declared
    url = next((url for url in project.urls.values() if WEB.fullmatch(url)), "")
    given = [
        (_plain(name), address if ADDRESS.fullmatch(address) else "")
        for name, address in (*project.authors, *project.maintainers)
    ]
    people = [
        Party(name=address if name.lower() in NOBODY else name, email=address, url=url)
        for name, address in given
        if address or name.lower() not in NOBODY
    ]
    return next((party for party in people if party.email), next(iter(people), None))


def _people(values: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield the names and addresses of `Author-email` fields; what is neither stays out."""
    for name, address in email.utils.getaddresses(list(values)):
        plain = _plain(name)
        yield (
            "" if plain.lower() in NOBODY else plain,
            address if ADDRESS.fullmatch(address) else "",
        )


def _address(distribution: Distribution) -> str:
    """Return the first address of the maintainers."""
    people = _people(distribution.all("Maintainer-email"))
    return next((address for _, address in people if address), "")


def _plain(text: str) -> str:
    return " ".join(text.split())
