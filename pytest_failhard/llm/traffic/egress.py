"""Keeps the sockets of a process on loopback and takes note of what tried to leave. Self-contained."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from pytest_failhard.llm.traffic.patching import Patches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType

    from pytest_failhard.llm.traffic.patching import Function

_SERVICES = {"http": 80, "https": 443}
_BY_NAME = ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr")


class EgressError(OSError):
    """A connection or a look-up outside loopback was refused. To a client it is a network out of reach."""


def is_loopback(host: str) -> bool:
    """Tell whether a host, given in lower case, is this machine and no other, without asking a resolver."""
    from ipaddress import ip_address

    if host in {"", "localhost"} or host.endswith(".localhost"):
        return True
    try:
        address = ip_address(host.partition("%")[0].strip("[]"))
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_unspecified)


def is_own(host: str) -> bool:
    """Tell whether a host, given in lower case, is the name by which this machine goes."""
    from socket import gethostname

    return host != "" and host == gethostname().lower()


def matches(host: str, globs: Iterable[str]) -> bool:
    """Tell whether a host, given in lower case, matches one of the globs."""
    from fnmatch import fnmatchcase

    return any(fnmatchcase(host, glob) for glob in globs)


class Guard:
    """Refuses connections and look-ups outside loopback, and records them. Any thread may use it.

    `allow` are globs of hosts that pass. With `only`, hosts that match none of its globs pass, too.
    `report` is called with the host and the port (0 where none was given) of each refusal.
    Names under `.invalid` do not resolve, that of the machine is loopback, and no resolver is asked for
    either. UNIX sockets always pass.
    """

    def __init__(
        self,
        allow: Iterable[str] = (),
        *,
        only: Iterable[str] = (),
        report: Callable[[str, int], None] | None = None,
    ) -> None:
        self._allow = tuple(host.lower() for host in allow)
        self._only = tuple(host.lower() for host in only)
        self._report = report
        self._attempts: list[tuple[str, int]] = []
        self._resolved: set[str] = set()

    @property
    def attempts(self) -> tuple[tuple[str, int], ...]:
        """Host and port of everything that was refused, in order."""
        return tuple(self._attempts)

    def install(self) -> Callable[[], None]:
        """Guard this process from now on; return what ends it."""
        import socket

        patches = Patches()
        self.patch(patches, socket)
        return patches.undo

    def patch(self, patches: Patches, module: ModuleType) -> None:
        """Guard the functions of the module `socket`."""
        for name in _BY_NAME:
            patches.wrap(module, name, self._lookup)
        patches.wrap(module, "getnameinfo", self._reverse)
        patches.wrap(module, "socket.connect", self._connect)
        patches.wrap(module, "socket.connect_ex", self._connect_ex)
        patches.wrap(module, "socket.sendto", self._sendto)
        patches.wrap(module, "socket.sendmsg", self._sendmsg)

    def _lookup(self, original: Function) -> Function:
        def lookup(host: object, port: object = None, *rest: object, **options: object) -> object:
            name = _text(host)
            if is_own(name):
                host = name = "127.0.0.1"
            self._check_name(name, port)
            given = (host, port, *rest) if original.__name__ == "getaddrinfo" else (host,)
            found = original(*given, **options)
            if matches(name, self._allow):
                self._resolved.update(_addresses(found))
            return found

        return lookup

    def _reverse(self, original: Function) -> Function:
        from socket import NI_NUMERICHOST

        def getnameinfo(address: object, flags: int) -> object:
            if not flags & NI_NUMERICHOST:
                self._check(address)
            return original(address, flags)

        return getnameinfo

    def _connect(self, original: Function) -> Function:
        def connect(sock: object, address: object) -> object:
            self._check(address, told=not _only_aims(sock))
            return original(sock, address)

        return connect

    def _connect_ex(self, original: Function) -> Function:
        def connect_ex(sock: object, address: object) -> object:
            try:
                self._check(address, told=not _only_aims(sock))
            except EgressError as error:
                return error.errno
            return original(sock, address)

        return connect_ex

    def _sendto(self, original: Function) -> Function:
        def sendto(sock: object, data: object, *flags_and_address: object) -> object:
            if flags_and_address:
                self._check(flags_and_address[-1])
            return original(sock, data, *flags_and_address)

        return sendto

    def _sendmsg(self, original: Function) -> Function:
        def sendmsg(sock: object, buffers: object, *rest: object) -> object:
            # Ancillary data, flags, address.
            for address in rest[2:]:
                self._check(address)
            return original(sock, buffers, *rest)

        return sendmsg

    def _check_name(self, name: str, port: object) -> None:
        if name.endswith(".invalid"):
            from socket import EAI_NONAME, gaierror

            raise gaierror(EAI_NONAME, "Name or service not known")
        self._check((name, port))

    def _check(self, address: object, *, told: bool = True) -> None:
        # Anything but a tuple is the address of a UNIX socket, or a mistake that the socket itself reports.
        if not isinstance(address, tuple) or len(address) < 2:
            return
        host, port = _text(address[0]), _number(address[1])
        if self._passes(host):
            return
        if told:
            self._attempts.append((host, port))
            if self._report:
                self._report(host, port)
        raise EgressError(errno.ENETUNREACH, f"{os.strerror(errno.ENETUNREACH)}: {host}:{port}")

    def _passes(self, host: str) -> bool:
        if is_loopback(host) or host in self._resolved or matches(host, self._allow):
            return True
        return bool(self._only) and not matches(host, self._only)


def _only_aims(sock: object) -> bool:
    """Tell whether a socket is for datagrams: connecting it sends nothing, servers learn their address so."""
    from socket import SOCK_DGRAM

    return getattr(sock, "type", None) == SOCK_DGRAM


def _text(host: object) -> str:
    """Return a host as sockets take it (text, bytes, nothing) in lower case and without a final dot."""
    text = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host or "")
    return text.lower().rstrip(".")


def _number(port: object) -> int:
    text = port.decode("ascii", "replace") if isinstance(port, bytes) else str(port)
    return int(text) if text.isdecimal() else _SERVICES.get(text, 0)


def _addresses(found: object) -> Iterable[str]:
    """Return the addresses in what one of the look-up functions returned."""
    if isinstance(found, str):
        return [found]
    if isinstance(found, tuple):  # gethostbyname_ex: name, aliases, addresses
        return found[2]  # type: ignore[no-any-return]  # what is found is untyped
    return [entry[4][0] for entry in found] if isinstance(found, list) else []
