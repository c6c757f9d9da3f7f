"""The variables that lead a process to our server, with canaries for keys and nothing real left."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pytest_failhard.llm.canaries import KEYS, Canaries
from pytest_failhard.llm.providers import load

BASE_URL = "base_url"
PROXY = "proxy"
REROUTE = "reroute"
LAYERS = frozenset({BASE_URL, PROXY, REROUTE})
BY_PROXY = frozenset({BASE_URL, PROXY})
BY_HOOK = BY_PROXY | {REROUTE}
"""Hooked Python takes no notice of the proxy, which holds back all that is not Python."""

NO_PROXY = "127.0.0.1,localhost,::1,invalid"
"""What no proxy is asked for; names under `.invalid` fail where they are looked up."""
_PROXIES = frozenset({"HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy", "all_proxy"})
NO_PROXIES = ("NO_PROXY", "no_proxy")
_CA_FILES = frozenset(
    {"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"}
)
NODE_GUARD = "guard.cjs"
"""The file in the folder of the hooks that Node loads first."""
_JOINTS = {"PYTHONPATH": os.pathsep, "NODE_OPTIONS": " "}
_NODE_PROXY = "NODE_USE_ENV_PROXY"
_URL = re.compile(r"https?://(?:127\.0\.0\.1:[0-9]+|[a-z0-9.-]+\.invalid(?::[0-9]+)?)")


class TrafficError(Exception):
    """The variables asked for cannot lead anywhere; the message says why and what to give."""


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Variables to set and variables to take away; a name is never in both.

    `ahead` goes before what its variables hold already: paths and options of which the first come first.
    """

    set: Mapping[str, str]
    unset: frozenset[str]
    ahead: Mapping[str, str] = field(default_factory=dict)

    def apply(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return an environment with these changes made."""
        kept = {name: value for name, value in environ.items() if name not in self.unset}
        return self.hooked(kept | dict(self.set))

    def beside(self, declared: Mapping[str, str]) -> dict[str, str]:
        """Return what to set beside declared variables: a usual setting of a provider gives way to them."""
        return {
            name: value
            for name, value in self.set.items()
            if name not in load().settings or name not in declared
        }

    def hooked(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return an environment with nothing changed but what goes ahead."""
        joined = {
            name: _JOINTS[name].join(filter(None, (value, environ.get(name))))
            for name, value in self.ahead.items()
        }
        return {**environ, **joined}


@functools.cache
def key_variables() -> frozenset[str]:
    """Return every variable in which a real credential of a provider could stand."""
    return frozenset(KEYS) | load().keys | load().removed


def variables(
    server_url: str,
    canaries: Canaries,
    *,
    layers: frozenset[str],
    proxy_url: str = "",
    ca_file: Path | None = None,
    sitecustomize: Path | None = None,
    missing_key: bool = False,
) -> Environment:
    """Return what leads a process to `server_url` through these layers.

    `server_url` is `http(s)://127.0.0.1:PORT` without a path; for a DNS fault its host may be a name
    under `.invalid`. `proxy_url` is needed for the layer `proxy`; `sitecustomize` is the folder that
    `reroute.sitecustomize` made, for a child under the layer `reroute`, or `reroute.guards` for any other:
    without one, nothing holds a child that takes no notice of the rest. `missing_key` takes all keys away.
    Every other known variable for a key, a base URL, a proxy or a CA file is taken away.

    Raises TrafficError for an unknown layer, a URL that is no such one, a missing `proxy_url`.
    """
    _check(server_url, layers, proxy_url)
    given = {
        **load().settings,
        **dict.fromkeys(NO_PROXIES, NO_PROXY),
        **({} if missing_key else canaries.keys),
        **(_base_urls(server_url) if BASE_URL in layers else {}),
        **(_proxy(proxy_url) if PROXY in layers else {}),
        **(dict.fromkeys(_CA_FILES, str(ca_file)) if ca_file else {}),
    }
    known = key_variables() | set(canaries.keys) | _PROXIES | _CA_FILES | {_NODE_PROXY}
    urls = {each.variable for each in load().base_urls}
    ahead = _hooks(sitecustomize) if sitecustomize else {}
    return Environment(set=given, unset=(known | urls) - set(given), ahead=ahead)


def _check(server_url: str, layers: frozenset[str], proxy_url: str) -> None:
    if unknown := sorted(layers - LAYERS):
        raise TrafficError(f"unknown layer {', '.join(unknown)}; known: {', '.join(sorted(LAYERS))}")
    if not _usable(server_url):
        raise TrafficError(f"server_url {server_url!r} is not http://127.0.0.1:PORT; give the listener's URL")
    if PROXY in layers and not _usable(proxy_url):
        raise TrafficError(f"proxy_url {proxy_url!r} is not http://127.0.0.1:PORT; the layer proxy needs it")


def _usable(url: str) -> bool:
    # Not localhost, which may be ::1 first, where nobody listens.
    return _URL.fullmatch(url) is not None


def _base_urls(server_url: str) -> dict[str, str]:
    return {each.variable: server_url + each.suffix for each in load().base_urls}


def _proxy(proxy_url: str) -> dict[str, str]:
    # Node reads proxy variables only when told to, from version 24 on.
    return {**dict.fromkeys(_PROXIES, proxy_url), _NODE_PROXY: "1"}


def _hooks(folder: Path) -> dict[str, str]:
    # In NODE_OPTIONS double quotes hold a path with blanks together; within them a backslash escapes.
    path = str(folder / NODE_GUARD).replace("\\", "\\\\").replace('"', '\\"')
    return {"PYTHONPATH": str(folder), "NODE_OPTIONS": f'--require "{path}"'}
