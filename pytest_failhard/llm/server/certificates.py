"""Certificates for loopback TLS: an authority per run, and leaves of it."""

from __future__ import annotations

import ssl
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_failhard.llm.server.errors import MissingExtraError

if TYPE_CHECKING:
    import trustme

LOOPBACK: Final = "127.0.0.1"
INSTALL: Final = "pip install 'pytest-failhard[tls]'"
EXPIRED: Final = datetime(2020, 1, 1, tzinfo=UTC)
OTHER_HOST: Final = "api.example.com"
"""The name in the leaf with which the fault `tls_hostname` answers."""


class Authority:
    """A certificate authority that lives as long as this object; its private key never leaves the memory."""

    def __init__(self, root: trustme.CA, ca_file: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._contexts: dict[tuple[str, bool], ssl.SSLContext] = {}
        self.ca_file = ca_file
        """The certificate that a client must trust: for `SSL_CERT_FILE` and its like."""

    @classmethod
    def create(cls, folder: Path) -> Authority:
        """Make one and write its certificate into `folder`; about 1 ms.

        Raises MissingExtraError without the extra `tls`.
        """
        try:
            import trustme
        except ImportError as error:
            raise MissingExtraError(f"TLS faults and the proxy need trustme: {INSTALL}") from error
        root = trustme.CA(organization_name="Test Authority")
        ca_file = folder / "ca.pem"
        root.cert_pem.write_to_path(ca_file)
        return cls(root, ca_file)

    def context(self, host: str, expired: bool = False) -> ssl.SSLContext:
        """Return what a server needs to answer as `host`, a name or an address; made once each.

        An `expired` one was valid until 2020. Never offers HTTP/2.
        """
        with self._lock:
            if (host, expired) not in self._contexts:
                self._contexts[host, expired] = self._issue(host, expired)
            return self._contexts[host, expired]

    def of_trap(self, trap: str) -> ssl.SSLContext:
        """Return the certificate of `tls_untrusted`, `tls_expired` or `tls_hostname` on 127.0.0.1."""
        host = OTHER_HOST if trap == "tls_hostname" else LOOPBACK
        return self.context(host, expired=trap == "tls_expired")

    def _issue(self, host: str, expired: bool) -> ssl.SSLContext:
        leaf = self._root.issue_cert(host, not_after=EXPIRED if expired else None)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # OpenSSL reads keys from files only: trustme hands over the leaf's in one of mode 600 under the
        # system's temporary folder and removes it at once.
        leaf.configure_cert(context)
        return context
