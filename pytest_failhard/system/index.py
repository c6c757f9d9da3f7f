"""What whoever runs us has set for package indexes: for the installer alone, shown without credentials."""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HANDED = "FAILHARD_OPERATOR_"
"""So begins the name under which a place of theirs reaches a process of ours whose own places are fresh."""
_PLACES = ("HOME", "PATH", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")
_PREFIXES = ("PIP_", "UV_")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_NETWORK = frozenset(
    {"SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NETRC", "XDG_CONFIG_DIRS"}
    | {*_PROXIES, *map(str.upper, _PROXIES)}
)
_SETTINGS = frozenset(
    {"index-url", "extra-index-url", "no-index", "find-links", "trusted-host", "cert", "client-cert", "proxy"}
    | {"timeout", "default-timeout", "retries", "keyring-provider", "cache-dir", "no-cache-dir", "no-binary"}
    | {"only-binary", "prefer-binary", "uploaded-prior-to", "use-feature"}
)
"""What of pip's configuration says where packages come from; the rest could change what is installed."""
_SECTIONS = ("global", "install", ":env:")
"""From the weakest to the strongest, as pip reads them for `install`."""
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+(?=@)")
_OFF = frozenset({"", "0", "false", "no", "off"})


@dataclass(frozen=True, kw_only=True)
class Operator:
    """Whoever runs us: their variables for indexes and networks, and their folders."""

    variables: Mapping[str, str]
    home: Path
    path: str
    cache: Path
    configuration: Mapping[str, str]
    """The variables by which their configuration files are found."""

    @property
    def network(self) -> dict[str, str]:
        """Return the variables that no single installer owns: proxies, certificates."""
        return {name: value for name, value in self.variables.items() if not name.startswith(_PREFIXES)}


@dataclass(frozen=True, kw_only=True)
class Index:
    """The settings that hold for an installation, by pip's names."""

    settings: Mapping[str, str]

    @property
    def is_off(self) -> bool:
        """Tell whether nothing but the named folders is asked."""
        return self.settings.get("no-index", "").lower() not in _OFF

    @property
    def folders(self) -> tuple[str, ...]:
        """Return the folders and pages that are searched beside the indexes."""
        return tuple(self.settings.get("find-links", "").split())

    @property
    def variables(self) -> dict[str, str]:
        """Return the settings as pip reads them from its environment."""
        return {f"PIP_{name.upper().replace('-', '_')}": value for name, value in self.settings.items()}

    @property
    def shown(self) -> dict[str, str]:
        """Return the settings without credentials."""
        return {name: without_credentials(self.settings[name]) for name in sorted(self.settings)}


def without_credentials(text: str) -> str:
    """Return a text with what stands before the `@` of an address made unreadable."""
    return _CREDENTIALS.sub("***", text)


def handed_on(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what a process of ours with a fresh environment must be told of whoever runs us."""
    named = {name: value for name, value in environ.items() if _is_theirs(name)}
    places = {f"{HANDED}{name}": environ[name] for name in _PLACES if name in environ}
    return {f"{HANDED}HOME": str(Path.home()), **named, **places}


def operator(environ: Mapping[str, str]) -> Operator:
    """Return whoever runs us, by what was handed on; without that, by the environment itself."""
    prefix = HANDED if f"{HANDED}HOME" in environ else ""
    places = {name: environ[f"{prefix}{name}"] for name in _PLACES if f"{prefix}{name}" in environ}
    home = Path(places["HOME"]) if "HOME" in places else Path.home()
    usual = home / "Library" / "Caches" if sys.platform == "darwin" else home / ".cache"
    finding = {"HOME": str(home)}
    if "XDG_CONFIG_HOME" in places:
        finding["XDG_CONFIG_HOME"] = places["XDG_CONFIG_HOME"]
    return Operator(
        variables={name: value for name, value in environ.items() if _is_theirs(name)},
        home=home,
        path=places.get("PATH", os.defpath),
        cache=Path(places["XDG_CACHE_HOME"]) if places.get("XDG_CACHE_HOME") else usual,
        configuration=finding,
    )


def _is_theirs(name: str) -> bool:
    return name.startswith(_PREFIXES) or name in _NETWORK


def parse(listed: str, folder: Path) -> Index:
    """Return the settings in what `pip config list` printed; a relative folder is one below `folder`."""
    found: dict[str, dict[str, str]] = {section: {} for section in _SECTIONS}
    for line in listed.splitlines():
        key, equals, value = line.partition("=")
        section, _, name = key.rpartition(".")
        if equals and section in found and name in _SETTINGS:
            found[section][name] = str(ast.literal_eval(value))
    settings = {name: value for section in _SECTIONS for name, value in found[section].items()}
    if "find-links" in settings:
        places = (_placed(place, folder) for place in settings["find-links"].split())
        settings["find-links"] = " ".join(places)
    return Index(settings=settings)


def _placed(place: str, folder: Path) -> str:
    return place if "://" in place else str(folder / Path(place).expanduser())
