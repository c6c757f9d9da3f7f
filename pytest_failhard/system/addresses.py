"""Reads where a dependency is out of its URL or DSN, and writes another place into it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

PORTS = {
    "amqp": 5672,
    "bolt": 7687,
    "clickhouse": 9000,
    "etcd": 2379,
    "http": 80,
    "kafka": 9092,
    "mariadb": 3306,
    "memcached": 11211,
    "mongodb": 27017,
    "mqtt": 1883,
    "mysql": 3306,
    "nats": 4222,
    "neo4j": 7687,
    "postgres": 5432,
    "postgresql": 5432,
    "redis": 6379,
    "smtp": 25,
}
"""The ports that clients take where a URL says none: as registered, or as the server's manual says."""
OVER_TLS = frozenset({"amqps", "bolt+s", "https", "mongodb+srv", "mqtts", "neo4j+s", "rediss", "smtps"})
"""Clients compare the certificate with the host: behind another address they refuse."""
_HOST_PORT = re.compile(r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\]):(?P<port>\d{1,5})")
_KEYWORD = re.compile(r"(?P<name>host|hostaddr|port)\s*=\s*(?P<value>'[^']*'|\S+)")
_LIBPQ_PORT = 5432


class AddressError(Exception):
    """The text names no one place that can be reached over TCP, or none that could be another one."""


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a dependency is, and the text that says so."""

    text: str
    host: str
    port: int

    def moved(self, host: str, port: int) -> str:
        """Return the text with another host and port, and all else as it is."""
        if "://" in self.text:
            parts = urlsplit(self.text)
            user, at, _ = parts.netloc.rpartition("@")
            return urlunsplit(parts._replace(netloc=f"{user}{at}{host}:{port}"))
        if _HOST_PORT.fullmatch(self.text):
            return f"{host}:{port}"
        rest = " ".join(_KEYWORD.sub("", self.text).split())
        return f"host={host} port={port} {rest}".strip()


def read(text: str) -> Address:
    """Return the place that a URL, a `host:port` or a DSN of keywords names. Raises AddressError."""
    if "://" in text:
        return _of_url(text)
    if match := _HOST_PORT.fullmatch(text):
        return Address(text=text, host=match["host"].strip("[]"), port=int(match["port"]))
    keywords = {match["name"]: match["value"].strip("'") for match in _KEYWORD.finditer(text)}
    host = keywords.get("hostaddr") or keywords.get("host", "")
    if not host or host.startswith("/") or "," in host:
        raise AddressError("it names no one host and port; write scheme://host:port")
    return Address(text=text, host=host, port=_number(keywords.get("port", str(_LIBPQ_PORT))))


def _of_url(text: str) -> Address:
    parts = urlsplit(text)
    # SQLAlchemy names its driver behind the scheme.
    scheme = parts.scheme if parts.scheme in OVER_TLS else parts.scheme.partition("+")[0]
    if scheme in OVER_TLS:
        raise AddressError(f"{scheme} checks the certificate of its host; provide one without TLS")
    if not parts.hostname or "," in parts.netloc:
        raise AddressError("it names no one host; a socket file or several hosts cannot be stood between")
    try:
        port = parts.port or PORTS.get(scheme)
    except ValueError:
        port = None
    if port is None:
        raise AddressError("it names no port; write it behind the host")
    return Address(text=text, host=parts.hostname, port=port)


def _number(text: str) -> int:
    if not text.isdecimal():
        raise AddressError("its port is no number")
    return int(text)
