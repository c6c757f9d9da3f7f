"""The providers as typed data: their hosts, and the names by which SDKs find them."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from importlib import resources
from typing import ClassVar, Literal

from pytest_failhard.strict import suggestion

SCHEMA = "failhard-providers/1"
FILE = "providers.yaml"


class ProvidersError(Exception):
    """The list of providers is malformed; the message names every mistake with its place."""


@dataclass(frozen=True, kw_only=True)
class BaseUrl:
    """A variable in which an SDK looks for a base URL.

    `suffix` is what stands behind `http://host:port`. `verified` is `m` (measured) or `s` (source read).
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = {"extra": "forbid"}

    variable: str
    suffix: str
    verified: Literal["m", "s"]


@dataclass(frozen=True, kw_only=True)
class Provider:
    """One provider. `hosts` are globs in lower case.

    `keys` are variables that are set to canaries, `removed` those that could carry a real credential and
    for which no canary is needed, `settings` what its SDKs need beside them. `imports` are module names,
    `distributions` normalised distribution names.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = {"extra": "forbid"}

    id: str
    hosts: tuple[str, ...] = ()
    base_urls: tuple[BaseUrl, ...] = ()
    keys: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    imports: tuple[str, ...] = ()
    distributions: tuple[str, ...] = ()

    def answers_at(self, host: str) -> bool:
        """Tell whether a host is one of its own; case and a final dot do not matter."""
        name = host.lower().rstrip(".")
        return any(fnmatchcase(name, glob) for glob in self.hosts)


@dataclass(frozen=True, kw_only=True)
class Providers:
    """All of them."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = {"extra": "forbid"}

    schema: Literal["failhard-providers/1"]
    providers: tuple[Provider, ...]

    @property
    def hosts(self) -> tuple[str, ...]:
        """The globs of all hosts."""
        return tuple(host for each in self.providers for host in each.hosts)

    @property
    def base_urls(self) -> tuple[BaseUrl, ...]:
        """All variables for base URLs."""
        return tuple(base_url for each in self.providers for base_url in each.base_urls)

    @property
    def keys(self) -> frozenset[str]:
        """The variables that are set to canaries."""
        return frozenset(key for each in self.providers for key in each.keys)

    @property
    def removed(self) -> frozenset[str]:
        """The variables that could carry a real credential and get no canary."""
        return frozenset(name for each in self.providers for name in each.removed)

    @property
    def settings(self) -> Mapping[str, str]:
        """What SDKs need beside base URLs and keys."""
        return {name: value for each in self.providers for name, value in each.settings.items()}

    def of(self, name: str) -> Provider:
        """Return the provider of an id; raises ProvidersError with the nearest match."""
        found = {each.id: each for each in self.providers}
        if name not in found:
            raise ProvidersError(f"unknown provider {name!r}{suggestion(name, found)}")
        return found[name]

    def of_host(self, host: str) -> Provider | None:
        """Return the provider that answers at a host, None where nobody does."""
        return next((each for each in self.providers if each.answers_at(host)), None)


@functools.cache
def load() -> Providers:
    """Return the shipped list."""
    from pytest_failhard.strict import read_shipped_yaml

    data = resources.files("pytest_failhard.llm").joinpath(FILE).read_bytes()
    return _providers(read_shipped_yaml(data), FILE)


def parse(data: bytes, where: str) -> Providers:
    """Return the list in a document.

    Raises ProvidersError with every mistake: what cannot be read, a key that is unknown or of another
    type, an id or a variable that stands twice, a host that is not in lower case.
    """
    from pytest_failhard.strict import StrictError, read_yaml

    try:
        document = read_yaml(data, where)
    except StrictError as error:
        raise ProvidersError(str(error)) from None
    return _providers(document, where)


def _providers(document: object, where: str) -> Providers:
    from pydantic import TypeAdapter, ValidationError

    from pytest_failhard.strict import mistakes

    try:
        found = TypeAdapter(Providers).validate_python(document)
    except ValidationError as error:
        raise ProvidersError("\n".join(mistakes(error, f"{where}: ", _fields()))) from None
    wrong = [*_twice(found), *(f"host {host!r} is not in lower case" for host in found.hosts if _upper(host))]
    if wrong:
        raise ProvidersError("\n".join(f"{where}: {each}" for each in wrong))
    return found


def _fields() -> Collection[str]:
    return {one.name for each in (Providers, Provider, BaseUrl) for one in fields(each)}


def _upper(host: str) -> bool:
    return host != host.lower()


def _twice(found: Providers) -> Iterable[str]:
    variables = Counter(
        name
        for each in found.providers
        for name in (*(url.variable for url in each.base_urls), *each.keys, *each.removed, *each.settings)
    )
    ids = Counter(each.id for each in found.providers)
    for name, count in (variables + ids).items():
        if count > 1:
            yield f"{name} stands {count} times; keep one"
