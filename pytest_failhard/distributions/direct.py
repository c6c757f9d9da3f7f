"""Holds a requirement by URL (PEP 508) against the record of what was installed (PEP 610)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", re.IGNORECASE)
"""A full commit id, SHA-1 or SHA-256; anything shorter can come to mean another."""


def fits(url: str, installed: Mapping[str, object]) -> bool:
    """Tell whether what is installed is what a URL names: the commit, the archive's hash, or the place."""
    parts = urlsplit(url)
    scheme, plus, _ = parts.scheme.partition("+")
    if plus and scheme in {"git", "hg", "bzr", "svn"}:
        return _fits_repository(parts, installed)
    wanted = _hashes(parts.fragment)
    if wanted:
        given = archive_hashes(installed)
        shared = wanted.keys() & given.keys()
        return bool(shared) and all(given[name] == wanted[name] for name in shared)
    return _place(url) == _place(str(installed.get("url", "")))


def revision(url: str) -> str:
    """Return the revision that a repository's URL names behind `@`, empty without one."""
    _, at, found = unquote(urlsplit(url).path).rpartition("@")
    return found if at else ""


def _fits_repository(parts: SplitResult, installed: Mapping[str, object]) -> bool:
    info = installed.get("vcs_info")
    if not isinstance(info, dict):
        return False
    wanted = revision(parts.geturl())
    if COMMIT.fullmatch(wanted):
        return str(info.get("commit_id", "")).lower() == wanted.lower()
    same = _place(parts.geturl().partition("+")[2], repository=True) == _place(str(installed.get("url", "")))
    return same and str(info.get("requested_revision", "")) == wanted


def _hashes(fragment: str) -> Mapping[str, str]:
    known = ("sha256", "sha384", "sha512")
    return {name: values[0].lower() for name, values in parse_qs(fragment).items() if name in known}


def archive_hashes(installed: Mapping[str, object]) -> Mapping[str, str]:
    """Return the hashes of the archive that was installed, by algorithm, in hexadecimal."""
    info = installed.get("archive_info")
    if not isinstance(info, dict):
        return {}
    hashes = info.get("hashes")
    found = dict(hashes) if isinstance(hashes, dict) else {}
    name, equals, value = str(info.get("hash", "")).partition("=")
    if equals:
        found.setdefault(name, value)
    return {str(key): str(value).lower() for key, value in found.items()}


def _place(url: str, *, repository: bool = False) -> tuple[str, str]:
    """Return host and path without what two spellings of one place differ in: user, revision, ending."""
    parts = urlsplit(url)
    path = unquote(parts.path)
    if repository and "@" in path:
        path = path.rpartition("@")[0]
    return ((parts.hostname or "").lower(), path.rstrip("/").removesuffix(".git"))
