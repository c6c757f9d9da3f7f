"""The proxy: tunnels that it ends itself, requests in plain HTTP, and hosts that it does not go to."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest

from pytest_failhard.llm.operations import Fin, Hang, Rst, Send
from pytest_failhard.llm.server import Server
from pytest_failhard.llm.server.certificates import Authority
from tests.llm.canned import GET, HEALTHY, PATIENCE, Canned, connect, is_reset, read, read_all

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
FORBIDDEN = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


def provider(host: str) -> bool:
    return host == "api.openai.com"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.create(tmp_path)


def tunnel(port: int, host: str = "api.openai.com") -> socket.socket:
    """Return a client at the mouth of a tunnel."""
    client = connect(port)
    client.sendall(b"CONNECT %b:443 HTTP/1.1\r\nhost: %b:443\r\n\r\n" % (host.encode(), host.encode()))
    assert read(client, len(ESTABLISHED)) == ESTABLISHED
    return client


def enter(authority: Authority, plain: socket.socket, host: str = "api.openai.com") -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=str(authority.ca_file))
    return context.wrap_socket(plain, server_hostname=host)


def test_a_tunnel_ends_here_in_the_name_of_the_host(server: Server, authority: Authority) -> None:
    handler = Canned()
    proxy = server.open_proxy(handler, hosts=provider, authority=authority)
    with tunnel(proxy.port) as plain, enter(authority, plain) as client:
        for _ in range(2):
            client.sendall(GET)
            assert read(client, len(HEALTHY)) == HEALTHY
    assert [(each.layer, each.request.origin) for each in handler.arrivals] == [
        ("proxy", "api.openai.com")
    ] * 2
    assert [each.connection for each in handler.arrivals] == [1, 1]
    assert handler.ending().close == "keep-alive"
    assert proxy.connections == 1
    assert proxy.url == f"http://127.0.0.1:{proxy.port}"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_request_that_comes_with_the_handshake_is_answered(
    server: Server, authority: Authority, version: ssl.TLSVersion
) -> None:
    """The last flight of a handshake and the first request may share a segment."""
    proxy = server.open_proxy(Canned((Send(data=HEALTHY), Fin())), hosts=provider, authority=authority)
    context = ssl.create_default_context(cafile=str(authority.ca_file))
    context.minimum_version = context.maximum_version = version
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    secure = context.wrap_bio(incoming, outgoing, server_hostname="api.openai.com")
    with tunnel(proxy.port) as plain:
        while True:
            try:
                secure.do_handshake()
                break
            except ssl.SSLWantReadError:
                if outgoing.pending:
                    plain.sendall(outgoing.read())
                incoming.write(plain.recv(65536))
        secure.write(GET)
        plain.sendall(outgoing.read())
        incoming.write(read_until_closed(plain))
        assert secure.read(65536) == HEALTHY


def read_until_closed(plain: socket.socket) -> bytes:
    """Return what comes until the server says goodbye; it closes once it has been answered."""
    plain.settimeout(PATIENCE)
    data = plain.recv(65536)
    plain.shutdown(socket.SHUT_WR)
    return data + read_all(plain)


@pytest.mark.parametrize("with_authority", [True, False])
def test_a_host_outside_is_refused_and_told(
    server: Server, authority: Authority, with_authority: bool
) -> None:
    handler = Canned()
    host = b"evil.example" if with_authority else b"api.openai.com"
    proxy = server.open_proxy(handler, hosts=provider, authority=authority if with_authority else None)
    with connect(proxy.port) as client:
        client.sendall(b"CONNECT %b:443 HTTP/1.1\r\nhost: x\r\n\r\n" % host)
        assert read_all(client) == FORBIDDEN
    assert handler.refusal() == ("egress", host.decode() + ":443")
    assert not handler.arrivals


def test_a_name_may_end_with_a_dot_or_be_in_capitals(server: Server, authority: Authority) -> None:
    handler = Canned()
    proxy = server.open_proxy(handler, hosts=provider, authority=authority)
    with tunnel(proxy.port, "API.OpenAI.com.") as plain, enter(authority, plain) as client:
        client.sendall(GET)
        assert read(client, len(HEALTHY)) == HEALTHY
    assert handler.arrivals[0].request.origin == "api.openai.com"


def test_plain_http_goes_through_as_well(server: Server) -> None:
    handler = Canned()
    proxy = server.open_proxy(handler, hosts=provider, authority=None)
    with connect(proxy.port) as client:
        client.sendall(GET.replace(b"/v1/models", b"http://api.openai.com:80/v1/models?x=1"))
        assert read(client, len(HEALTHY)) == HEALTHY
        client.sendall(GET.replace(b"/v1/models", b"http://api.openai.com"))
        assert read(client, len(HEALTHY)) == HEALTHY
        client.sendall(GET)
        assert read(client, len(HEALTHY)) == HEALTHY
    seen = [(each.request.target, each.request.origin, each.layer) for each in handler.arrivals]
    assert seen == [
        ("/v1/models?x=1", "api.openai.com", "proxy"),
        ("/", "api.openai.com", "proxy"),
        ("/v1/models", "", "proxy"),
    ]


@pytest.mark.parametrize(
    ("url", "where"),
    [
        (b"http://evil.example/x", "evil.example:80"),
        (b"http://evil.example:8080/x", "evil.example:8080"),
        (b"https://evil.example/", "evil.example:443"),
    ],
)
def test_plain_http_outside_is_refused(server: Server, url: bytes, where: str) -> None:
    handler = Canned()
    proxy = server.open_proxy(handler, hosts=provider, authority=None)
    with connect(proxy.port) as client:
        client.sendall(b"GET %b HTTP/1.1\r\nhost: h\r\n\r\n" % url)
        assert read_all(client) == FORBIDDEN
    assert handler.refusal() == ("egress", where)


@pytest.mark.parametrize(
    "target",
    [
        b"CONNECT api.openai.com:port",
        b"CONNECT [::1",
        b"CONNECT :443",
        b"GET http://[::1/",
        b"GET http://h:port/",
    ],
)
def test_a_target_that_names_no_host_is_refused(server: Server, authority: Authority, target: bytes) -> None:
    handler = Canned()
    proxy = server.open_proxy(handler, hosts=provider, authority=authority)
    with connect(proxy.port) as client:
        client.sendall(b"%b HTTP/1.1\r\nhost: x\r\n\r\n" % target)
        assert read_all(client) == BAD_REQUEST
    assert handler.refusal() == ("bad-request", "illegal target")


BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


def test_who_does_not_trust_the_authority_breaks_off(server: Server, authority: Authority) -> None:
    handler = Canned()
    proxy = server.open_proxy(handler, hosts=provider, authority=authority)
    with tunnel(proxy.port) as plain, pytest.raises(ssl.SSLCertVerificationError):
        ssl.create_default_context().wrap_socket(plain, server_hostname="api.openai.com")
    assert handler.refusal()[0] == "tls"


def test_who_leaves_before_the_handshake_leaves_nothing_behind(server: Server, authority: Authority) -> None:
    """Each client resets at once, so that some are gone before the tunnel is open and some while it opens."""
    handler = Canned()
    proxy = server.open_proxy(handler, hosts=provider, authority=authority)
    for number in range(50):
        with connect(proxy.port) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.sendall(b"CONNECT api.openai.com:443 HTTP/1.1\r\nhost: x\r\n\r\n")
            if number % 2:
                client.recv(1)
    proxy.close()
    told = {handler.refused.get_nowait()[0] for _ in range(handler.refused.qsize())}
    assert told <= {"tls"}


def test_faults_act_inside_a_tunnel(server: Server, authority: Authority) -> None:
    handler = Canned((Rst(),))
    proxy = server.open_proxy(handler, hosts=provider, authority=authority)
    with tunnel(proxy.port) as plain, enter(authority, plain) as client:
        client.sendall(GET)
        assert is_reset(client)
    assert handler.ending().close == "server-rst"


def test_closing_the_proxy_closes_its_tunnels(server: Server, authority: Authority) -> None:
    handler = Canned((Send(data=b"x"), Hang()))
    proxy = server.open_proxy(handler, hosts=provider, authority=authority)
    with tunnel(proxy.port) as waiting, tunnel(proxy.port) as plain, enter(authority, plain) as client:
        client.sendall(GET)
        assert read(client, 1) == b"x"
        proxy.close()
        assert handler.ending().close == "stopped"
        assert waiting.recv(1) == b""
