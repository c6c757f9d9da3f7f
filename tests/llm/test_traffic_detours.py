"""Where a rerouted request goes is decided at the request, and undone without a trace."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import os
import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import aiohttp
import aiohttp.client
import httpx
import httpx2
import openai
import pytest
import requests
import trustme
import urllib3
import urllib3.connectionpool

from pytest_failhard.llm.canaries import Canaries
from pytest_failhard.llm.providers import load
from pytest_failhard.llm.traffic.egress import Guard
from pytest_failhard.llm.traffic.environment import key_variables, variables
from pytest_failhard.llm.traffic.reroute import RerouteError, install, netloc, target_of
from tests.llm.loopback import TEXT, Loopback

CHAT = "https://api.openai.com/v1/chat/completions"
BODY = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
PATCHED: tuple[tuple[ModuleType, str, str], ...] = (
    (httpx, "HTTPTransport", "handle_request"),
    (httpx, "AsyncHTTPTransport", "handle_async_request"),
    (httpx2, "HTTPTransport", "handle_request"),
    (httpx2, "AsyncHTTPTransport", "handle_async_request"),
    (urllib3.connectionpool, "HTTPConnectionPool", "urlopen"),
    (urllib3.connectionpool, "HTTPSConnectionPool", "urlopen"),
    (aiohttp.client, "ClientSession", "_request"),
    (socket, "socket", "connect"),
    (socket, "socket", "connect_ex"),
    (socket, "socket", "sendto"),
)


def _patched() -> list[object]:
    own = [vars(getattr(module, name)).get(attribute) for module, name, attribute in PATCHED]
    return [*own, socket.getaddrinfo, socket.gethostbyname, socket.gethostbyname_ex, list(sys.meta_path)]


@dataclass
class Switch:
    """A target that the test moves."""

    place: tuple[str, int] | tuple[str, int, str] = ("127.0.0.1", 9)
    hosts: list[str] = field(default_factory=lambda: list(load().hosts))

    def __call__(self) -> tuple[str, int] | tuple[str, int, str]:
        """Return where requests go now."""
        return self.place


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    """A provider on loopback."""
    with Loopback() as server:
        yield server


@pytest.fixture
def other() -> Iterator[Loopback]:
    """Another one, as a trap would be."""
    with Loopback() as server:
        yield server


def _aiohttp_get(url: str, **options: str) -> int:
    async def get() -> int:
        async with aiohttp.ClientSession() as session, session.get(url, headers=options or None) as answer:
            return answer.status

    return asyncio.run(get())


def _httpx2_get(url: str) -> int:
    async def get() -> int:
        async with httpx2.AsyncClient(trust_env=False) as client:
            return (await client.get(url)).status_code

    return asyncio.run(get())


def _requests_get(url: str) -> int:
    with requests.Session() as session:
        return session.get(url, timeout=9).status_code


GETS = {
    "httpx": lambda url: httpx.get(url).status_code,
    "httpx2": _httpx2_get,
    "requests": _requests_get,
    "aiohttp": _aiohttp_get,
}


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://127.0.0.1:8111", ("127.0.0.1", 8111, "http")),
        ("https://LLM.corp.example/v1", ("llm.corp.example", 443, "https")),
        ("http://api.openai.invalid", ("api.openai.invalid", 80, "http")),
    ],
)
def test_a_url_is_a_target(url: str, target: tuple[str, int, str]) -> None:
    assert target_of(url) == target


def test_undo_leaves_every_class_as_it_was() -> None:
    before = _patched()
    undo = install(lambda: ("127.0.0.1", 9), load().hosts, Guard())
    during = _patched()
    assert all(old is not new for old, new in zip(before, during, strict=True))
    undo()
    after = _patched()
    assert after.pop() == before.pop()
    assert all(old is new for old, new in zip(before, after, strict=True))
    undo()
    assert _patched()[:-1] == before


def test_a_patched_method_looks_like_the_one_it_stands_for() -> None:
    undo = install(lambda: ("127.0.0.1", 9), load().hosts, Guard())
    try:
        assert httpx2.HTTPTransport.handle_request.__qualname__ == "HTTPTransport.handle_request"
        assert asyncio.iscoroutinefunction(httpx2.AsyncHTTPTransport.handle_async_request)
    finally:
        undo()


def test_a_client_built_before_is_led_to_each_new_target(loopback: Loopback, other: Loopback) -> None:
    client = openai.OpenAI(api_key="k", base_url="https://api.openai.com/v1", max_retries=0)
    switch = Switch(("127.0.0.1", loopback.port))
    undo = install(switch, switch.hosts, Guard())
    try:
        with client:
            client.models.list()
            switch.place = ("127.0.0.1", other.port)
            client.models.list()
    finally:
        undo()
    assert [len(server.seen) for server in (loopback, other)] == [1, 1]


@pytest.mark.parametrize("name", GETS)
def test_a_request_to_our_own_server_follows_the_target(
    loopback: Loopback, other: Loopback, name: str
) -> None:
    switch = Switch(("127.0.0.1", loopback.port), hosts=[netloc(loopback.url)])
    undo = install(switch, switch.hosts, Guard())
    try:
        assert GETS[name](f"{loopback.url}/v1/models?limit=2") == 200
        switch.place = ("127.0.0.1", other.port)
        assert GETS[name](f"{loopback.url}/v1/models?limit=2") == 200
    finally:
        undo()
    (first,), (second,) = loopback.seen, other.seen
    assert first.target == second.target == "/v1/models?limit=2"
    # It came by its base URL, so no origin says otherwise.
    assert first.origin == second.origin == ""


@pytest.mark.parametrize("name", GETS)
def test_any_other_request_to_loopback_is_left_alone(loopback: Loopback, other: Loopback, name: str) -> None:
    undo = install(lambda: ("127.0.0.1", other.port), ["*", netloc(other.url)], Guard())
    try:
        assert GETS[name](f"{loopback.url}/health") == 200
    finally:
        undo()
    assert [len(server.seen) for server in (loopback, other)] == [1, 0]


@pytest.mark.parametrize("name", GETS)
@pytest.mark.parametrize(
    ("base_url", "host"),
    [
        ("https://llm.corp.example/openai", "llm.corp.example"),
        ("http://llm.corp.example/openai", "llm.corp.example"),
        ("https://LLM.corp.example:8443/openai", "llm.corp.example:8443"),
    ],
)
def test_a_configured_base_url_is_rerouted(loopback: Loopback, name: str, base_url: str, host: str) -> None:
    undo = install(lambda: ("127.0.0.1", loopback.port), [netloc(base_url)], Guard())
    try:
        assert GETS[name](f"{base_url}/v1/models") == 200
    finally:
        undo()
    (seen,) = loopback.seen
    assert (seen.target, seen.origin, seen.headers["host"]) == ("/openai/v1/models", "llm.corp.example", host)


def test_another_port_of_a_configured_host_is_not_it() -> None:
    guard = Guard()
    undo = install(lambda: ("127.0.0.1", 9), ["llm.corp.example:8443"], guard)
    try:
        with pytest.raises(httpx.ConnectError):
            httpx.get("https://llm.corp.example/v1/models")
    finally:
        undo()
    assert guard.attempts == (("llm.corp.example", 443),)


@pytest.mark.parametrize("name", GETS)
def test_a_redirect_stays_on_loopback(loopback: Loopback, name: str) -> None:
    undo = install(lambda: ("127.0.0.1", loopback.port), load().hosts, Guard())
    try:
        if name.startswith("httpx"):
            assert GETS[name]("https://api.openai.com/v1/redirect") == 307
        else:
            assert GETS[name]("https://api.openai.com/v1/redirect") == 200
    finally:
        undo()
    assert {seen.origin for seen in loopback.seen} == {"api.openai.com"}


def test_a_redirect_is_followed_from_the_host_that_was_meant(loopback: Loopback) -> None:
    undo = install(lambda: ("127.0.0.1", loopback.port), load().hosts, Guard())
    try:
        answer = httpx.get("https://api.openai.com/v1/redirect", follow_redirects=True)
    finally:
        undo()
    assert str(answer.url) == CHAT
    assert [seen.target for seen in loopback.seen] == ["/v1/redirect", "/v1/chat/completions"]


def test_a_host_header_of_the_client_is_kept(loopback: Loopback) -> None:
    undo = install(lambda: ("127.0.0.1", loopback.port), load().hosts, Guard())
    try:
        requests.get(CHAT, headers={"Host": "mine.example"}, timeout=9)
        httpx.get(CHAT, headers={"Host": "mine.example"})
        _aiohttp_get(CHAT, Host="mine.example")
    finally:
        undo()
    assert [seen.headers["host"] for seen in loopback.seen] == ["mine.example"] * 3


def test_a_forwarding_proxy_is_passed_by(loopback: Loopback) -> None:
    undo = install(lambda: ("127.0.0.1", loopback.port), ["llm.corp.example"], Guard())
    try:
        proxies = {"http": "http://192.0.2.1:3128"}
        answer = requests.get("http://llm.corp.example/v1/models?limit=2", proxies=proxies, timeout=9)
    finally:
        undo()
    assert answer.status_code == 200
    assert [(seen.target, seen.origin) for seen in loopback.seen] == [
        ("/v1/models?limit=2", "llm.corp.example")
    ]


@pytest.fixture
def authority() -> trustme.CA:
    """An authority that nobody trusts."""
    return trustme.CA()


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[Loopback]:
    """A provider on loopback behind TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with Loopback(tls=context) as server:
        yield server


def test_a_target_behind_tls_is_verified_as_the_client_would(
    secure: Loopback, authority: trustme.CA, tmp_path: Path
) -> None:
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    undo = install(lambda: ("127.0.0.1", secure.port, "https"), load().hosts, Guard())
    try:
        with pytest.raises(requests.exceptions.SSLError, match="certificate verify failed"):
            requests.post(CHAT, json=BODY, timeout=9)
        with pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx2.post(CHAT, json=BODY)
        with requests.Session() as session:
            answer = session.post(CHAT, json=BODY, verify=str(ca_file), timeout=9)
        trusting = ssl.create_default_context(cafile=str(ca_file))
        assert httpx2.post(CHAT, json=BODY, verify=trusting).status_code == 200
    finally:
        undo()
    assert answer.json()["choices"][0]["message"]["content"] == TEXT
    assert [seen.origin for seen in secure.seen] == ["api.openai.com"] * 2


@pytest.mark.parametrize("name", GETS)
def test_a_name_that_does_not_resolve_is_asked_of_no_resolver(name: str) -> None:
    guard = Guard()
    undo = install(lambda: target_of("http://api.openai.invalid"), load().hosts, guard)
    try:
        with pytest.raises((OSError, httpx.ConnectError, httpx2.ConnectError)) as caught:
            GETS[name](CHAT)
    finally:
        undo()
    links: list[BaseException] = [caught.value]
    for link in links:
        links += [each for each in (link.__cause__, link.__context__) if each and each not in links]
    assert next(link.errno for link in links if isinstance(link, socket.gaierror)) == -2
    assert guard.attempts == ()


def test_a_library_of_another_shape_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    strange = ModuleType("httpx")
    vars(strange)["__version__"] = "9.9"
    monkeypatch.setitem(sys.modules, "httpx", strange)
    before = _patched()
    with pytest.raises(RerouteError, match=r"httpx 9\.9 has no HTTPTransport\.handle_request"):
        install(lambda: ("127.0.0.1", 9), load().hosts, Guard())
    assert _patched() == before


def test_an_alias_of_a_patched_module_is_patched_once(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "httpx", httpx2)
    original = httpx2.HTTPTransport.handle_request
    undo = install(lambda: ("127.0.0.1", loopback.port), load().hosts, Guard())
    assert vars(httpx2.HTTPTransport.handle_request)["__wrapped__"] is original
    undo()
    assert httpx2.HTTPTransport.handle_request is original


def test_a_module_imported_later_is_patched(
    loopback: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A module of the test's own under the library's name: importing the real one anew would split it.
    (tmp_path / "httpx.py").write_text(
        "__version__ = '1'\n"
        "class HTTPTransport:\n    def handle_request(self, request): return request\n"
        "class AsyncHTTPTransport:\n    async def handle_async_request(self, request): return request\n"
    )
    monkeypatch.delitem(sys.modules, "httpx")
    monkeypatch.syspath_prepend(str(tmp_path))
    undo = install(lambda: ("127.0.0.1", loopback.port), load().hosts, Guard())
    try:
        late = importlib.import_module("httpx")
        request = httpx2.Request("GET", CHAT)
        assert late.HTTPTransport().handle_request(request).url == f"{loopback.url}/v1/chat/completions"
        assert late.__spec__
        assert late.__loader__ is late.__spec__.loader
        assert isinstance(late.__loader__, SourceFileLoader)
    finally:
        undo()
        sys.modules.pop("httpx", None)
    assert late.HTTPTransport().handle_request(request) is request


def test_a_module_that_is_only_looked_up_looks_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "httpx")
    undo = install(lambda: ("127.0.0.1", 9), load().hosts, Guard())
    try:
        found = importlib.util.find_spec("httpx")
        assert found is not None
        assert found.loader is not None
        assert found.loader.is_package("httpx")  # type: ignore[attr-defined]  # a source loader has it
    finally:
        undo()


def test_a_module_of_another_shape_fails_when_it_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "httpx.py").write_text("")
    monkeypatch.delitem(sys.modules, "httpx")
    monkeypatch.syspath_prepend(str(tmp_path))
    undo = install(lambda: ("127.0.0.1", 9), load().hosts, Guard())
    try:
        with pytest.raises(RerouteError, match=r"httpx \(version unknown\) has no HTTPTransport"):
            importlib.import_module("httpx")
    finally:
        undo()
        sys.modules.pop("httpx", None)


def test_a_module_that_is_nowhere_stays_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "httpx")
    monkeypatch.setattr(sys, "path", [])
    undo = install(lambda: ("127.0.0.1", 9), load().hosts, Guard())
    try:
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module("httpx")
    finally:
        undo()


@pytest.mark.parametrize("first", ["inner", "outer"])
@pytest.mark.parametrize("get", GETS.values(), ids=GETS)
def test_two_at_once_are_undone_in_either_order(
    get: Callable[[str], int], first: str, loopback: Loopback, other: Loopback
) -> None:
    before = _patched()
    outer = install(lambda: ("127.0.0.1", loopback.port), load().hosts, Guard())
    inner = install(lambda: ("127.0.0.1", other.port), load().hosts, Guard())
    assert get(CHAT) == 200
    (inner if first == "inner" else outer)()
    assert get(CHAT) == 200
    (outer if first == "inner" else inner)()
    assert [len(server.seen) for server in (loopback, other)] == ([1, 1] if first == "inner" else [0, 2])
    assert _patched() == before


def test_a_real_key_of_the_developer_never_reaches_the_wire(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in key_variables():
        monkeypatch.setenv(name, f"sk-real-{name}")
    found = variables(loopback.url, Canaries.draw("A"), layers=frozenset({"base_url", "reroute"}))
    for name in found.unset:
        monkeypatch.delenv(name, raising=False)
    for name, value in found.set.items():
        monkeypatch.setenv(name, value)
    assert not [name for name, value in os.environ.items() if "sk-real-" in value]
    undo = install(lambda: ("127.0.0.1", loopback.port), load().hosts, Guard())
    try:
        with openai.OpenAI(max_retries=0) as client:
            client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])
    finally:
        undo()
    (seen,) = loopback.seen
    assert "sk-real-" not in seen.wire
    assert seen.headers["authorization"] == f"Bearer {found.set['OPENAI_API_KEY']}"
    assert seen.origin == ""
