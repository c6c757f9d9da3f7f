"""Every recipe from the client's side of a raw socket: errno, end of file, or how many bytes."""

from __future__ import annotations

import errno
import gzip
import ssl
import sys
from pathlib import Path

import pytest

from pytest_failhard.llm.operations import Drip, Fin, Hang, Operation, Repeat, Rst, Send, Sleep
from pytest_failhard.llm.server import CannotRunError, Server, ServerError, traps
from pytest_failhard.llm.server.certificates import OTHER_HOST, Authority
from tests.llm.canned import GET, HEALTHY, Canned, connect, is_reset, read, read_all

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n"
HELLO = b"\x16\x03\x01\x00\x05hello"


def exchange(server: Server, *operations: Operation) -> tuple[bytes, int, Canned]:
    """Return what a client read, the errno of the read that failed (0: end of file), and the handler."""
    handler = Canned(operations)
    data = b""
    with connect(server.open(handler).port) as client:
        client.sendall(GET)
        try:
            while more := client.recv(65536):
                data += more
        except ConnectionResetError as error:
            return data, error.errno or -1, handler
    return data, 0, handler


def test_fin_before_an_answer_is_an_empty_read(server: Server) -> None:
    data, failure, handler = exchange(server, Fin())
    assert (data, failure) == (b"", 0)
    ending = handler.ending()
    assert (ending.close, ending.bytes_sent, ending.first_byte) == ("server-fin", 0, None)


def test_rst_before_an_answer_is_errno_104(server: Server) -> None:
    data, failure, handler = exchange(server, Rst())
    assert (data, failure) == (b"", errno.ECONNRESET)
    assert handler.ending().close == "server-rst"


def test_rst_in_the_middle_of_a_body_comes_after_its_bytes(server: Server) -> None:
    data, failure, handler = exchange(server, Send(data=HEAD + bytes(50)), Sleep(seconds=0.05), Rst())
    assert (data, failure) == (HEAD + bytes(50), errno.ECONNRESET)
    ending = handler.ending()
    assert (ending.close, ending.bytes_sent) == ("server-rst", len(HEAD) + 50)


def test_a_short_body_is_short(server: Server) -> None:
    data, failure, _ = exchange(server, Send(data=HEAD + bytes(60)), Fin())
    assert failure == 0
    assert len(data) - len(HEAD) == 60


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTX/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\ntext",
    ],
)
def test_broken_bytes_arrive_as_they_are(server: Server, raw: bytes) -> None:
    data, failure, _ = exchange(server, Send(data=raw), Fin())
    assert (data, failure) == (raw, 0)
    with pytest.raises(gzip.BadGzipFile):
        gzip.decompress(data[-4:])


def test_a_hang_says_nothing_until_the_client_gives_up(server: Server) -> None:
    handler = Canned((Hang(),))
    with connect(server.open(handler).port, timeout=0.05) as client:
        client.sendall(GET)
        with pytest.raises(TimeoutError):
            client.recv(1)
    ending = handler.ending()
    assert (ending.close, ending.bytes_sent) == ("client-fin", 0)
    assert ending.peer_closed == ending.ended


def test_a_drip_comes_in_pieces_with_pauses(server: Server) -> None:
    handler = Canned((Drip(data=HEALTHY, size=4, every=0.002),))
    with connect(server.open(handler).port) as client:
        client.sendall(GET)
        assert read(client, len(HEALTHY)) == HEALTHY
    ending = handler.ending()
    pauses = -(-len(HEALTHY) // 4) - 1
    assert ending.first_byte is not None
    assert ending.ended - ending.first_byte >= pauses * 0.002 * 0.9
    assert (ending.close, ending.bytes_sent) == ("keep-alive", len(HEALTHY))


def test_a_drip_never_runs_ahead_of_a_reader_that_is_slow(server: Server) -> None:
    size = 32 * 1024 * 1024
    handler = Canned((Drip(data=bytes(size), size=1024 * 1024, every=0),))
    with connect(server.open(handler).port) as client:
        client.sendall(GET)
        assert len(read(client, size)) == size
    assert handler.ending().bytes_sent == size


def test_a_drip_stops_where_the_peer_goes(server: Server) -> None:
    handler = Canned((Drip(data=bytes(1000), size=1, every=0.002),))
    with connect(server.open(handler).port) as client:
        client.sendall(GET)
        read(client, 3)
    ending = handler.ending()
    assert ending.close.startswith("client")
    assert 3 <= ending.bytes_sent < 1000


def test_a_repeat_goes_on_until_the_peer_goes(server: Server) -> None:
    handler = Canned((Send(data=b"begin\n"), Repeat(data=b": keep\n\n", every=0.001)))
    with connect(server.open(handler).port) as client:
        client.sendall(GET)
        assert read(client, 6 + 8 * 20) == b"begin\n" + b": keep\n\n" * 20
    ending = handler.ending()
    assert ending.close.startswith("client")
    assert ending.bytes_sent >= 6 + 8 * 20


def test_a_repeat_never_runs_ahead_of_a_reader_that_is_slow(server: Server) -> None:
    piece = bytes(1024 * 1024)
    handler = Canned((Repeat(data=piece, every=0),))
    with connect(server.open(handler).port) as client:
        client.sendall(GET)
        assert len(read(client, 20 * len(piece))) == 20 * len(piece)
    assert handler.ending().bytes_sent < 60 * len(piece)


def test_a_sleep_lets_the_bytes_before_it_leave(server: Server) -> None:
    handler = Canned((Send(data=b"first"), Sleep(seconds=0.02), Send(data=b"second"), Fin()))
    with connect(server.open(handler).port) as client:
        client.sendall(GET)
        assert client.recv(65536) == b"first"
        assert read_all(client) == b"second"
    ending = handler.ending()
    assert ending.first_byte is not None
    assert ending.ended - ending.first_byte >= 0.018


def test_refused_is_errno_111_for_as_long_as_the_port_is_open(server: Server) -> None:
    handler = Canned()
    listener = server.open(handler, trap="refused")
    for _ in range(2):
        with pytest.raises(ConnectionRefusedError) as refused:
            connect(listener.port)
        assert refused.value.errno == errno.ECONNREFUSED
    with pytest.raises(OSError, match="Address already in use"):
        server.open(handler, port=listener.port)
    listener.close()
    server.open(handler, port=listener.port)
    assert listener.url == f"http://127.0.0.1:{listener.port}"
    assert listener.connections == 0


def test_a_connect_times_out_on_a_full_accept_queue(server: Server) -> None:
    listener = server.open(Canned(), trap="connect_timeout")
    for _ in range(2):
        with pytest.raises(TimeoutError):
            connect(listener.port, timeout=0.1)
    assert listener.connections == 0


def test_a_connect_timeout_cannot_run_elsewhere(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(CannotRunError, match="cannot run on this platform"):
        server.open(Canned(), trap="connect_timeout")


def test_the_name_that_does_not_resolve_has_no_port(server: Server) -> None:
    listener = server.open(Canned(), trap="dns_failure")
    assert (listener.url, listener.port, listener.connections) == ("http://api.openai.invalid", 0, 0)
    listener.close()


def test_plain_text_answers_a_handshake_at_once(server: Server) -> None:
    handler = Canned()
    listener = server.open(handler, trap="tls_plaintext")
    assert listener.url.startswith("https://")
    with connect(listener.port) as client:
        client.sendall(HELLO)
        head, _, body = read_all(client).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"content-length: %d" % len(body) in head
    context = ssl.create_default_context()
    with (
        connect(listener.port) as client,
        pytest.raises(ssl.SSLError, match=r"WRONG_VERSION_NUMBER|wrong version"),
    ):
        context.wrap_socket(client, server_hostname="127.0.0.1")
    assert handler.refusal() == ("connection", "tls_plaintext")
    assert listener.connections == 2


def test_a_handshake_is_reset_after_5_bytes(server: Server) -> None:
    handler = Canned()
    listener = server.open(handler, trap="tls_reset")
    with connect(listener.port) as client:
        client.sendall(HELLO[:4])
        client.sendall(HELLO[4:])
        with pytest.raises(ConnectionResetError) as reset:
            client.recv(1)
    assert reset.value.errno == errno.ECONNRESET
    assert handler.refusal() == ("connection", "tls_reset")


def test_a_handshake_hangs(server: Server) -> None:
    handler = Canned()
    listener = server.open(handler, trap="tls_hang")
    context = ssl.create_default_context()
    with connect(listener.port, timeout=0.1) as client, pytest.raises(TimeoutError):
        context.wrap_socket(client, server_hostname="127.0.0.1")
    with connect(listener.port) as client:
        assert [handler.refusal(), handler.refusal()] == [("connection", "tls_hang")] * 2
        listener.close()
        assert client.recv(1) == b""
    assert listener.connections == 2


def trusting(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority.ca_file))


CERTIFICATES = {
    "tls_untrusted": ("127.0.0.1", False, "unable to get (local )?issuer certificate"),
    "tls_expired": ("127.0.0.1", True, "certificate has expired"),
    "tls_hostname": (OTHER_HOST, False, "IP address mismatch"),
}


@pytest.mark.parametrize("trap", sorted(CERTIFICATES))
def test_a_certificate_is_not_believed(server: Server, tmp_path: Path, trap: str) -> None:
    host, expired, message = CERTIFICATES[trap]
    authority = Authority.create(tmp_path)
    handler = Canned()
    listener = server.open(handler, trap=trap, tls=authority.context(host, expired=expired))
    context = ssl.create_default_context() if trap == "tls_untrusted" else trusting(authority)
    with connect(listener.port) as client, pytest.raises(ssl.SSLCertVerificationError, match=message):
        context.wrap_socket(client, server_hostname="127.0.0.1")
    what, detail = handler.refusal()
    assert what == "tls"
    assert "ALERT" in detail or detail == "ConnectionResetError"
    assert (listener.connections, handler.arrivals) == (1, [])


def test_who_does_not_look_at_the_certificate_gets_an_answer(server: Server, tmp_path: Path) -> None:
    handler = Canned()
    context = Authority.create(tmp_path).context("127.0.0.1", expired=True)
    careless = ssl.create_default_context()
    careless.check_hostname, careless.verify_mode = False, ssl.CERT_NONE
    listener = server.open(handler, trap="tls_expired", tls=context)
    with connect(listener.port) as plain, careless.wrap_socket(plain) as client:
        client.sendall(GET)
        assert read(client, len(HEALTHY)) == HEALTHY
    assert handler.ending().close == "keep-alive"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_scripts_run_inside_tls_as_well(server: Server, tmp_path: Path, version: ssl.TLSVersion) -> None:
    authority = Authority.create(tmp_path)
    context = trusting(authority)
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2", "http/1.1"])
    size = 4 * 1024 * 1024
    handler = Canned((Send(data=HEAD + bytes(size)), Sleep(seconds=0.01), Fin()))
    listener = server.open(handler, tls=authority.context("127.0.0.1"))
    with connect(listener.port) as plain, context.wrap_socket(plain, server_hostname="127.0.0.1") as client:
        assert client.selected_alpn_protocol() is None
        client.sendall(GET)
        assert len(read_all(client)) == len(HEAD) + size
    ending = handler.ending()
    assert (ending.close, ending.bytes_sent) == ("server-fin", len(HEAD) + size)
    assert handler.arrivals[0].request.path == "/v1/models"


def test_what_is_no_request_gets_400_inside_tls_as_well(server: Server, tmp_path: Path) -> None:
    authority = Authority.create(tmp_path)
    listener = server.open(Canned(), tls=authority.context("127.0.0.1"))
    with (
        connect(listener.port) as plain,
        trusting(authority).wrap_socket(plain, server_hostname="127.0.0.1") as client,
    ):
        client.sendall(b"no http\r\n\r\n")
        assert read_all(client).startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_a_reset_inside_tls_is_a_reset(server: Server, tmp_path: Path) -> None:
    authority = Authority.create(tmp_path)
    listener = server.open(Canned((Rst(),)), tls=authority.context("127.0.0.1"))
    with (
        connect(listener.port) as plain,
        trusting(authority).wrap_socket(plain, server_hostname="127.0.0.1") as client,
    ):
        client.sendall(GET)
        assert is_reset(client)


def test_leaving_inside_tls_is_seen(server: Server, tmp_path: Path) -> None:
    authority = Authority.create(tmp_path)
    handler = Canned((Send(data=b"x"), Hang()))
    listener = server.open(handler, tls=authority.context("127.0.0.1"))
    with (
        connect(listener.port) as plain,
        trusting(authority).wrap_socket(plain, server_hostname="127.0.0.1") as client,
    ):
        client.sendall(GET)
        assert read(client, 1) == b"x"
    assert handler.ending().close == "client-fin"


def test_closing_a_port_drops_a_handshake_and_a_session(server: Server, tmp_path: Path) -> None:
    authority = Authority.create(tmp_path)
    listener = server.open(Canned((Hang(),)), tls=authority.context("127.0.0.1"))
    with (
        connect(listener.port) as silent,
        connect(listener.port) as plain,
        trusting(authority).wrap_socket(plain, server_hostname="127.0.0.1") as client,
    ):
        client.sendall(GET)
        listener.close()
        assert silent.recv(1) == b""
        assert plain.fileno() == -1


def test_a_handshake_that_breaks_off_is_told(server: Server, tmp_path: Path) -> None:
    handler = Canned()
    listener = server.open(handler, tls=Authority.create(tmp_path).context("127.0.0.1"))
    with connect(listener.port) as client:
        client.sendall(GET)
        read_all(client)
    assert handler.refusal() == ("tls", "HTTP_REQUEST")
    connect(listener.port).close()
    assert handler.refusal()[0] == "tls"


def test_a_trap_that_is_not_known_or_lacks_its_certificate_is_an_error(server: Server) -> None:
    with pytest.raises(
        ServerError, match="unknown trap 'tls_sideways'; there are connect_timeout, dns_failure"
    ):
        server.open(Canned(), trap="tls_sideways")
    with pytest.raises(ServerError, match="tls_expired is made of a certificate; give one in `tls`"):
        server.open(Canned(), trap="tls_expired")
    assert len(traps.TRAPS) == 9


def test_small_writes_are_not_held_back(server: Server) -> None:
    """With Nagle's algorithm each of these would wait for a delayed acknowledgement, about 40 ms."""
    writes: list[Operation] = [Send(data=b"x"), Sleep(seconds=0)] * 200
    data, _, handler = exchange(server, *writes, Fin())
    assert data == b"x" * 200
    assert (ended := handler.ending()).first_byte is not None
    assert ended.ended - ended.first_byte < 200 * 0.04
