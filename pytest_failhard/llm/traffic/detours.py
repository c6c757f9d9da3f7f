"""Decides which requests go to loopback instead, and says so to the server. Self-contained."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pytest_failhard.llm.traffic.egress import is_loopback, matches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Target = tuple[str, int] | tuple[str, int, str]

_PORTS = {"https": 443, "wss": 443}


def target_of(url: str) -> tuple[str, int, str]:
    """Return host (in lower case), port and scheme of a URL, with the scheme's port where none is given."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 80), parts.scheme


def netloc(url: str) -> str:
    """Return host:port of a URL, as `hosts` of a configured base URL takes it."""
    host, port, _ = target_of(url)
    return f"{host}:{port}"


class Detour:
    """Where one request goes instead. `headers` tell the server the host that was meant.

    They are empty where that was on loopback, too: a request to our own server that a trap is to take.
    """

    def __init__(self, scheme: str, host: str, port: int, headers: dict[str, str]) -> None:
        self.scheme = scheme
        self.host = host
        self.port = port
        self.headers = headers

    @property
    def key(self) -> tuple[str, str, int]:
        """What tells its target from another one."""
        return self.scheme, self.host, self.port


class Detours:
    """Says for each request whether it goes elsewhere.

    `target` is asked once a request: host, port, and the scheme where it is not `http`. `hosts` are globs
    of hosts or of host:port; on loopback only an exact host:port counts. `header` is the name
    of the header that keeps the host that was meant.
    """

    def __init__(self, target: Callable[[], Target], hosts: Iterable[str], header: str) -> None:
        self._target = target
        self._hosts = tuple(host.lower() for host in hosts)
        self._header = header

    def of(self, scheme: str, host: str, port: int | None) -> Detour | None:
        """Return the detour of a request, None where it goes its own way."""
        name = host.lower().rstrip(".")
        place = f"{name}:{port or _PORTS.get(scheme, 80)}"
        here = is_loopback(name)
        if not (place in self._hosts if here else matches(place, self._hosts) or matches(name, self._hosts)):
            return None
        to_host, to_port, *rest = self._target()
        if place == f"{to_host}:{to_port}":
            return None
        headers = {} if here else {"host": name if port is None else place, self._header: name}
        return Detour(str(rest[0]) if rest else "http", str(to_host), int(to_port), headers)
