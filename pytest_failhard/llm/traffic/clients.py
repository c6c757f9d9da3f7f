"""Leads the requests of Python's HTTP clients to loopback, as real bytes. Self-contained."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pytest_failhard.llm.traffic.patching import Imports, Patches, RerouteError, attribute

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from types import ModuleType
    from typing import Any

    from pytest_failhard.llm.traffic.detours import Detour, Detours
    from pytest_failhard.llm.traffic.egress import Guard
    from pytest_failhard.llm.traffic.patching import Function

# What an HTTPS pool of urllib3 knows of TLS: it holds for the pool that stands in for it, too.
_TLS = (
    "key_file",
    "cert_file",
    "cert_reqs",
    "key_password",
    "ca_certs",
    "ca_cert_dir",
    "ssl_version",
    "assert_hostname",
    "assert_fingerprint",
)


def engage(
    detours: Detours, guard: Guard, failed: Callable[[RerouteError], None] | None = None
) -> Callable[[], None]:
    """Patch all client libraries and the sockets of this process; return what undoes it.

    `failed` is told of each RerouteError, also of one that the importing code catches.

    Raises RerouteError, at once or out of a later import, for a library of another shape.
    """
    patches = Patches()
    clients = Clients(detours, patches)
    imports = Imports(
        {
            "socket": lambda module: guard.patch(patches, module),
            "httpx": clients.httpx,
            "httpx2": clients.httpx,
            "urllib3.connectionpool": clients.urllib3,
            "aiohttp.client": clients.aiohttp,
        },
        failed,
    )

    def undo() -> None:
        imports.stop()
        patches.undo()
        clients.close()

    try:
        imports.start()
    except RerouteError:
        undo()
        raise
    return undo


class Clients:
    """The patches on client libraries: each method acts on one module of theirs, once it is imported."""

    def __init__(self, detours: Detours, patches: Patches) -> None:
        self._detours = detours
        self._patches = patches
        self._pools: list[Pools] = []

    def httpx(self, module: ModuleType) -> None:
        """Patch httpx or httpx2: every client of theirs sends through one of two transports."""

        def sync(original: Function) -> Function:
            def handle_request(transport: object, request: Any) -> object:
                return original(transport, self._httpx(request))

            return handle_request

        def asynchronous(original: Callable[..., Awaitable[object]]) -> Function:
            async def handle_async_request(transport: object, request: Any) -> object:
                return await original(transport, self._httpx(request))

            return handle_async_request

        self._patches.wrap(module, "HTTPTransport.handle_request", sync)
        self._patches.wrap(module, "AsyncHTTPTransport.handle_async_request", asynchronous)

    def _httpx(self, request: Any) -> object:
        """Return a copy for elsewhere: the client and its caller go on seeing their own request."""
        url = request.url
        detour = self._detours.of(url.scheme, url.host, url.port)
        if detour is None:
            return request
        headers = request.headers.copy()
        headers.update(without_host(detour.headers, headers))
        there = url.copy_with(scheme=detour.scheme, host=detour.host, port=detour.port)
        options = {"stream": request.stream, "extensions": request.extensions}
        return type(request)(request.method, there, headers=headers, **options)

    def aiohttp(self, module: ModuleType) -> None:
        """Patch aiohttp.client."""

        def wrapper(original: Callable[..., Awaitable[object]]) -> Function:
            async def _request(session: Any, method: str, str_or_url: object, **options: Any) -> object:
                url = build_url(session, str_or_url)
                detour = self._detours.of(url.scheme, url.host or "", url.explicit_port)
                if detour is None:
                    return await original(session, method, str_or_url, **options)
                headers = type(session.headers)(options.pop("headers", None) or ())
                headers.update(without_host(detour.headers, headers))
                direct = {name: given for name, given in options.items() if not name.startswith("proxy")}
                there = url.with_scheme(detour.scheme).with_host(detour.host).with_port(detour.port)
                return await original(session, method, there, headers=headers, **direct)

            return _request

        build_url: Callable[..., Any] = attribute(module, "ClientSession._build_url")
        self._patches.wrap(module, "ClientSession._request", wrapper)

    def urllib3(self, module: ModuleType) -> None:
        """Patch urllib3.connectionpool, and with it requests and botocore."""
        pools = Pools(module)
        self._pools.append(pools)

        def wrapper(original: Function) -> Function:
            def urlopen(
                pool: Any,
                method: str,
                url: str,
                body: object = None,
                headers: Any = None,
                *rest: object,
                **options: object,
            ) -> object:
                scheme, host, port, target = destination(pool, url)
                detour = self._detours.of(scheme, host, port)
                if detour is None:
                    return original(pool, method, url, body, headers, *rest, **options)
                given = dict(pool.headers if headers is None else headers)
                given.update(without_host(detour.headers, given))
                return pools.of(pool, detour).urlopen(method, target, body, given, *rest, **options)

            return urlopen

        # The inheriting class first, so that what it wraps is not wrapped already.
        self._patches.wrap(module, "HTTPSConnectionPool.urlopen", wrapper)
        self._patches.wrap(module, "HTTPConnectionPool.urlopen", wrapper)

    def close(self) -> None:
        """Close the connections to loopback that are held for urllib3."""
        for pools in self._pools:
            pools.close()


def without_host(added: Mapping[str, str], given: Mapping[str, str]) -> Mapping[str, str]:
    """Return the headers to add: a Host only where the client gives none."""
    if any(name.lower() == "host" for name in given):
        return {name: value for name, value in added.items() if name != "host"}
    return added


def destination(pool: Any, url: str) -> tuple[str, str, int | None, str]:
    """Return scheme, host, port and path of a request, also of one through a proxy that forwards it."""
    if "://" not in url:
        usual = pool.port == pool.ConnectionCls.default_port
        return pool.scheme, pool.host, None if usual else pool.port, url
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port, parts._replace(scheme="", netloc="").geturl()


class Pools:
    """The pools of urllib3 to loopback: one for each pool of a client and each target."""

    def __init__(self, module: Any) -> None:
        from threading import Lock
        from weakref import WeakKeyDictionary

        self._module = module
        self._lock = Lock()
        self._known: WeakKeyDictionary[Any, dict[tuple[str, str, int], Any]] = WeakKeyDictionary()

    def of(self, pool: Any, detour: Detour) -> Any:
        """Return the pool that stands in for a client's, with its time-outs and its trust."""
        with self._lock:
            known = self._known.setdefault(pool, {})
            if detour.key not in known:
                known[detour.key] = self._built(pool, detour)
            return known[detour.key]

    def _built(self, pool: Any, detour: Detour) -> Any:
        options = {"timeout": pool.timeout, "retries": pool.retries, "maxsize": 10}
        if detour.scheme == "http":
            return self._module.HTTPConnectionPool(detour.host, detour.port, **options)
        trust = {name: getattr(pool, name) for name in _TLS if hasattr(pool, name)}
        context = pool.conn_kw.get("ssl_context")
        return self._module.HTTPSConnectionPool(
            detour.host, detour.port, ssl_context=context, **trust, **options
        )

    def close(self) -> None:
        """Close all idle connections."""
        with self._lock:
            for pools in self._known.values():
                for pool in pools.values():
                    pool.close()
