"""Nothing leaves loopback, and what tried is on record."""

from __future__ import annotations

import concurrent.futures
import errno
import functools
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import permutations
from pathlib import Path

import pytest

from pytest_failhard.llm.providers import load
from pytest_failhard.llm.traffic.egress import EgressError, Guard, is_loopback
from tests.llm.loopback import Loopback

OUTSIDE = "192.0.2.1"  # TEST-NET-1: nobody is there


@contextmanager
def guarded(guard: Guard) -> Iterator[Guard]:
    """Guard this process for a while."""
    undo = guard.install()
    try:
        yield guard
    finally:
        undo()


def _connect() -> None:
    with socket.socket() as sock:
        sock.connect((OUTSIDE, 443))


def _connect_ipv6() -> None:
    with socket.socket(socket.AF_INET6) as sock:
        sock.connect(("2001:db8::1", 443, 0, 0))


def _datagram() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.sendto(b"?", (OUTSIDE, 53))


def _create_connection() -> None:
    socket.create_connection(("api.openai.com", 443))


def _reverse() -> None:
    socket.gethostbyaddr(OUTSIDE)


def _message() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.sendmsg([b"?"], (), 0, (OUTSIDE, 53))


REFUSED: dict[str, tuple[Callable[[], object], tuple[str, int]]] = {
    "connect": (_connect, (OUTSIDE, 443)),
    "connect-ipv6": (_connect_ipv6, ("2001:db8::1", 443)),
    "sendto": (_datagram, (OUTSIDE, 53)),
    "sendmsg": (_message, (OUTSIDE, 53)),
    "getnameinfo": (lambda: socket.getnameinfo((OUTSIDE, 80), 0), (OUTSIDE, 80)),
    "gethostbyaddr": (_reverse, (OUTSIDE, 0)),
    "create_connection": (_create_connection, ("api.openai.com", 443)),
    "service": (lambda: socket.getaddrinfo("api.openai.com", "https"), ("api.openai.com", 443)),
    "bytes": (lambda: socket.getaddrinfo(b"API.openai.com.", b"80"), ("api.openai.com", 80)),
    "odd-service": (lambda: socket.getaddrinfo("example.org", "gopher"), ("example.org", 0)),
    "by-name": (lambda: socket.getaddrinfo(host="example.org", port=None), ("example.org", 0)),
    "gethostbyname": (lambda: socket.gethostbyname("example.org"), ("example.org", 0)),
    "gethostbyname_ex": (lambda: socket.gethostbyname_ex("example.org"), ("example.org", 0)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_leaves_loopback_is_refused_and_recorded(name: str) -> None:
    call, attempt = REFUSED[name]
    with guarded(Guard()) as guard, pytest.raises(EgressError) as caught:
        call()
    assert caught.value.errno == errno.ENETUNREACH
    assert guard.attempts == (attempt,)


def test_an_address_is_written_out_without_a_resolver() -> None:
    with guarded(Guard()) as guard:
        flags = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
        assert socket.getnameinfo((OUTSIDE, 80), flags) == (OUTSIDE, "80")
    assert guard.attempts == ()


def test_the_name_of_the_machine_is_loopback() -> None:
    with guarded(Guard()) as guard:
        assert socket.gethostbyname(socket.gethostname()) == "127.0.0.1"
        found = socket.getaddrinfo(socket.gethostname().upper(), 80, type=socket.SOCK_STREAM)
    assert [entry[4] for entry in found] == [("127.0.0.1", 80)]
    assert guard.attempts == ()


def test_a_connection_attempt_by_code_is_told_by_code() -> None:
    with guarded(Guard()) as guard, socket.socket() as sock:
        assert sock.connect_ex((OUTSIDE, 443)) == errno.ENETUNREACH
    assert guard.attempts == ((OUTSIDE, 443),)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", ""])
def test_loopback_is_free(host: str) -> None:
    with Loopback() as server, guarded(Guard()) as guard:
        assert socket.getaddrinfo(host or None, server.port)
        with socket.socket() as sock:
            sock.connect((host if host == "localhost" else "127.0.0.1", server.port))
    assert guard.attempts == ()


@pytest.mark.parametrize(
    ("host", "free"),
    [
        ("::ffff:127.0.0.1", True),
        ("::ffff:192.0.2.1", False),
        ("fe80::1%lo", False),
        ("::1%lo", True),
        ("shop.localhost", True),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
    ],
)
def test_only_loopback_is_loopback(host: str, free: bool) -> None:
    assert is_loopback(host) is free


@pytest.mark.parametrize("host", ["::1", "0.0.0.0", "::", "127.0.0.1"])
def test_looking_up_this_machine_is_free(host: str) -> None:
    with guarded(Guard()) as guard:
        assert socket.getaddrinfo(host, 80)
    assert guard.attempts == ()


def test_datagrams_on_loopback_are_free() -> None:
    with (
        guarded(Guard()),
        socket.socket(type=socket.SOCK_DGRAM) as there,
        socket.socket(type=socket.SOCK_DGRAM) as sock,
    ):
        there.bind(("127.0.0.1", 0))
        assert sock.sendto(b"a", there.getsockname()) == 1
        assert sock.sendto(b"b", 0, there.getsockname()) == 1
        sock.connect(there.getsockname())
        assert there.recv(1) + there.recv(1) == b"ab"


def test_unix_sockets_are_free(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with (
        guarded(Guard()) as guard,
        socket.socket(socket.AF_UNIX) as server,
        socket.socket(socket.AF_UNIX) as client,
    ):
        server.bind(path)
        server.listen()
        client.connect(path)
    assert guard.attempts == ()


def test_a_mistake_is_the_sockets_own_to_report() -> None:
    with guarded(Guard()) as guard, socket.socket() as sock:
        with pytest.raises(TypeError):
            sock.sendto(b"a")  # type: ignore[call-overload]  # called with too little on purpose
        with pytest.raises(TypeError):
            sock.connect(("127.0.0.1",))
    assert guard.attempts == ()


def test_to_aim_a_datagram_socket_is_refused_and_is_no_attempt_to_leave() -> None:
    with guarded(Guard()) as guard, socket.socket(type=socket.SOCK_DGRAM) as sock:
        with pytest.raises(EgressError):
            sock.connect((OUTSIDE, 58162))
        assert sock.connect_ex((OUTSIDE, 58162)) == errno.ENETUNREACH
    assert guard.attempts == ()


def test_an_allowed_host_passes() -> None:
    with guarded(Guard(["198.51.100.*"])) as guard, socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.connect_ex(("198.51.100.7", 443))  # sends nothing: these are datagrams
        with pytest.raises(EgressError):
            _connect()
    assert guard.attempts == ((OUTSIDE, 443),)


@pytest.mark.parametrize(
    "look_up",
    [
        lambda: socket.getaddrinfo("192.0.2.7", 9),
        lambda: socket.gethostbyname("192.0.2.7"),
        lambda: socket.gethostbyname_ex("192.0.2.7"),
    ],
    ids=["getaddrinfo", "gethostbyname", "gethostbyname_ex"],
)
def test_what_an_allowed_name_resolves_to_is_allowed(look_up: Callable[[], object]) -> None:
    # An address stands for a name here, so that no resolver is asked.
    guard = Guard(["192.0.2.7"])
    with guarded(guard), socket.socket(type=socket.SOCK_DGRAM) as sock:
        look_up()
        assert sock.connect_ex(("192.0.2.7", 9)) in {0, errno.ENETUNREACH}
    assert guard.attempts == ()


def test_a_guard_for_some_hosts_lets_the_others_pass() -> None:
    guard = Guard(only=load().hosts)
    with guarded(guard), socket.socket(type=socket.SOCK_DGRAM) as sock:
        with pytest.raises(EgressError, match=r"api\.anthropic\.com:443"):
            socket.getaddrinfo("api.anthropic.com", 443)
        sock.connect_ex((OUTSIDE, 9))
    assert guard.attempts == (("api.anthropic.com", 443),)


def test_each_refusal_is_reported_as_it_happens() -> None:
    told: list[tuple[str, int]] = []
    with guarded(Guard(report=lambda host, port: told.append((host, port)))), pytest.raises(EgressError):
        _connect()
    assert told == [(OUTSIDE, 443)]


def test_threads_lose_no_attempt() -> None:
    with guarded(Guard()) as guard, concurrent.futures.ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(_connect) for _ in range(200)]
        assert {type(call.exception()) for call in calls} == {EgressError}
    assert guard.attempts == ((OUTSIDE, 443),) * 200


def test_undo_leaves_sockets_as_they_were() -> None:
    before = _sockets()
    undo = Guard().install()
    assert "connect" in vars(socket.socket)
    undo()
    assert _sockets() == before
    assert not {"connect", "connect_ex", "sendto"} & set(vars(socket.socket))


def _sockets() -> list[object]:
    own = [vars(socket.socket).get(name) for name in ("connect", "connect_ex", "sendto", "sendmsg")]
    by_name = [socket.getaddrinfo, socket.gethostbyname, socket.gethostbyname_ex, socket.gethostbyaddr]
    return [*by_name, socket.getnameinfo, *own]


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_several_guards_end_in_any_order_and_each_when_it_is_told(order: tuple[int, ...]) -> None:
    before = _sockets()
    guards = [Guard(), Guard(), Guard()]
    undos = [guard.install() for guard in guards]
    there = [2, 1, 0]  # The last one installed is asked first.
    for number in order:
        undos[number]()
        there.remove(number)
        seen = [len(guard.attempts) for guard in guards]
        if there:
            with pytest.raises(EgressError):
                _connect()
        counts = [len(guard.attempts) - old for guard, old in zip(guards, seen, strict=True)]
        assert counts == [int(there[:1] == [each]) for each in range(3)]
    assert _sockets() == before


def test_a_wrapper_of_someone_else_stays_and_what_it_wraps_lets_everything_pass() -> None:
    before = _sockets()
    guard = Guard()
    with pytest.MonkeyPatch.context() as patch:
        undo = guard.install()
        ours = vars(socket.socket)["connect"]

        @functools.wraps(ours)
        def theirs(sock: socket.socket, address: object) -> object:
            return ours(sock, address)

        patch.setattr(socket.socket, "connect", theirs)
        undo()
        assert vars(socket.socket)["connect"] is theirs
        with socket.socket(type=socket.SOCK_DGRAM) as sock, suppress(OSError):
            sock.connect((OUTSIDE, 9))  # sends nothing: these are datagrams
        assert guard.attempts == ()
    # What they put back is ours, inert: the next guard that ends takes it along.
    Guard().install()()
    assert _sockets() == before
