"""What reached the server: one HTTP request, whatever it is for."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

ORIGIN_HEADER = "x-failhard-origin"
"""The real host, where the reroute hook sent the request here."""


@dataclass(frozen=True)
class Request:
    """A request with its whole body. Header names are in lower case, in the order of arrival."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    origin: str = ""
    """The host that the client meant, where it is known (proxy, reroute); empty for a base URL."""

    @functools.cached_property
    def path(self) -> str:
        """The path, without the query."""
        return urlsplit(self.target).path

    @functools.cached_property
    def query(self) -> dict[str, str]:
        """The query's first value for each name."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.target).query).items()}

    def header(self, name: str) -> str | None:
        """Return the first header of a name, given in lower case."""
        return self._first.get(name)

    @functools.cached_property
    def _first(self) -> dict[str, str]:
        return dict(reversed(self.headers))

    @functools.cached_property
    def json(self) -> dict[str, object]:
        """The body as a JSON object; anything else is an empty one."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}


@dataclass(frozen=True, kw_only=True)
class Route:
    """What a request asks for. `kind` says how it is treated.

    `name` is the suffix by which it was recognised (`/chat/completions`). `kind` is `call` (an LLM call,
    to which faults apply), `catalogue` (`/models`: always healthy, never counted), `noise` (answered 404,
    listed) or `unknown` (answered 404, an error of the case).
    """

    dialect: str
    name: str
    kind: str
    model: str = ""
    stream: bool = False
