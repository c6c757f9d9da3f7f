"""Fetches an archive of advisories."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request

SECONDS = 60.0
"""How long a server may say nothing."""
MOST_BYTES = 2 * 1024 * 1024 * 1024


class DownloadError(Exception):
    """Nothing was fetched; the message names the remedy."""


def is_address(text: str) -> bool:
    """Tell whether a text is a URL that can be fetched."""
    return text.startswith(("https://", "http://"))


def fetch(url: str) -> bytes:
    """Return what a server answers, through the proxy that the environment names. Raises DownloadError."""
    try:
        with _opener().open(url, timeout=SECONDS) as response:
            data: bytes = response.read(MOST_BYTES + 1)
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        raise DownloadError(
            f"could not fetch {url}: {error}; name a file that was fetched elsewhere, or set HTTPS_PROXY"
        ) from None
    if len(data) > MOST_BYTES:
        raise DownloadError(f"{url}: more than {MOST_BYTES} bytes; name another source")
    return data


def _opener() -> urllib.request.OpenerDirector:
    """Return what opens web addresses and nothing else: no file, no FTP."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
    ):
        opener.add_handler(handler)
    return opener
