"""Cases on one server: what each kind of fault becomes, and where the variables lead."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_failhard.llm import catalogue
from pytest_failhard.llm.schedule import Kind, ScheduleError
from pytest_failhard.llm.server import MissingExtraError
from pytest_failhard.llm.session import Injection, LlmSession, OpenCase
from tests.llm.canned import connect, read_all

BODY = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}]}).encode()
CALL = (
    b"POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\nconnection: close\r\n"
    b"content-length: %d\r\n\r\n%b" % (len(BODY), BODY)
)


HEALTHY = """
import sys
from pathlib import Path
from pytest_failhard.llm import catalogue
from pytest_failhard.llm.control import Control
from pytest_failhard.llm.session import LlmSession

with LlmSession(folder=Path(sys.argv[1])) as session, session.open("a") as case:
    Control(router=case.router, stop=print, finished=print)
    case.environment()
names = ("pytest_failhard.llm.verdicts", "pytest_failhard.llm.prices", "pytest_failhard.model")
print(catalogue.load.cache_info().misses, *(name for name in names if name in sys.modules))
"""


@pytest.fixture
def session(tmp_path: Path) -> Iterator[LlmSession]:
    with LlmSession(folder=tmp_path) as opened:
        yield opened


def injection(fault: str) -> Injection:
    return Injection.of(Kind(fault=fault), catalogue.load())


def ask(case: OpenCase) -> bytes:
    with connect(case.listener.port) as client:
        client.sendall(CALL)
        return read_all(client)


def test_a_case_answers_in_its_own_words_and_keeps_its_own_record(session: LlmSession) -> None:
    with session.open("a") as first, session.open("b", injection("rate_limit_rpm")) as second:
        healthy, failed = ask(first), ask(second)
    assert healthy.startswith(b"HTTP/1.1 200 ")
    assert first.router.canaries.tail.encode() in healthy
    assert failed.startswith(b"HTTP/1.1 429 ")
    assert [(each.case, each.fault) for each in first.ledger.attempts] == [("a", "")]
    assert [(each.case, each.fault) for each in second.ledger.attempts] == [("b", "rate_limit_rpm")]
    with pytest.raises(ConnectionRefusedError):
        connect(first.listener.port)


def test_a_key_of_another_case_is_known(session: LlmSession) -> None:
    first, second = session.open("a"), session.open("b")
    key = first.router.canaries.keys["OPENAI_API_KEY"]
    with connect(second.listener.port) as client:
        client.sendall(CALL.replace(b"host: h", b"host: h\r\nauthorization: Bearer " + key.encode()))
        read_all(client)
    second.close()
    assert second.ledger.attempts[0].key != "foreign"


TRAPS = sorted(each.id for each in catalogue.load().faults.values() if each.stage == "connection")


@pytest.mark.parametrize("fault", TRAPS)
def test_every_fault_of_the_connection_has_its_trap(session: LlmSession, fault: str) -> None:
    case = session.open("a", injection(fault))
    assert case.injection.trap == case.injection.fault == fault
    variables = case.environment().set
    assert variables["OPENAI_BASE_URL"] == f"{case.listener.url}/v1"
    assert ("SSL_CERT_FILE" in variables) == (fault in {"tls_expired", "tls_hostname"})
    host, port, scheme = case.target
    assert (scheme == "https") == fault.startswith("tls_")
    assert (host, port) == (
        ("api.openai.invalid", 80) if fault == "dns_failure" else ("127.0.0.1", case.listener.port)
    )


def test_a_missing_key_is_missing(session: LlmSession) -> None:
    case = session.open("a", injection("missing_key"))
    found = case.environment()
    assert "OPENAI_API_KEY" in found.unset
    assert case.injection.fault == "missing_key"


def test_a_trap_that_the_server_does_not_know_is_an_error() -> None:
    known = catalogue.load()
    odd = known.find("refused")
    forms = {name: catalogue.Form(verified="u", recipe="sideways") for name in odd.dialects}
    fault = catalogue.Fault(
        id="odd", kind="network", level=1, oracle="fail", summary="x", stage="connection", dialects=forms
    )
    fake = catalogue.Catalogue(version=1, sha256="", faults={"odd": fault})
    with pytest.raises(ScheduleError, match="odd: the server has no trap 'sideways'"):
        Injection.of(Kind(fault="odd"), fake)


def test_the_proxy_answers_in_the_name_of_providers_only(session: LlmSession) -> None:
    case = session.open("a", proxy=True)
    assert case.proxy is not None
    variables = case.environment(case.layers).set
    assert variables["HTTPS_PROXY"] == case.proxy.url
    with connect(case.proxy.port) as plain:
        plain.sendall(b"CONNECT api.openai.com:443 HTTP/1.1\r\nhost: x\r\n\r\n")
        assert plain.recv(65536).startswith(b"HTTP/1.1 200 ")
        context = ssl.create_default_context(cafile=variables["SSL_CERT_FILE"])
        with context.wrap_socket(plain, server_hostname="api.openai.com") as client:
            client.sendall(CALL)
            assert read_all(client).startswith(b"HTTP/1.1 200 ")
    refused(case.proxy.port, b"example.com:443")
    case.close()
    assert [(each.layer, each.origin) for each in case.ledger.attempts] == [("proxy", "api.openai.com")]
    assert [(each.what, each.detail) for each in case.ledger.refusals] == [("egress", "example.com:443")]


def refused(port: int, where: bytes) -> None:
    with connect(port) as client:
        client.sendall(b"CONNECT %b HTTP/1.1\r\nhost: x\r\n\r\n" % where)
        assert read_all(client).startswith(b"HTTP/1.1 403 ")


def test_without_the_extra_the_proxy_only_guards(
    session: LlmSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "trustme", None)
    case = session.open("a", proxy=True)
    assert case.proxy is not None
    assert case.ca_file is None
    refused(case.proxy.port, b"api.openai.com:443")
    with pytest.raises(MissingExtraError):
        session.open("b", injection("tls_expired"))


def test_another_address_stands_in_the_variables(tmp_path: Path) -> None:
    with LlmSession(folder=tmp_path, host="127.0.0.2") as session:
        case = session.open("a")
        assert case.environment().set["OPENAI_BASE_URL"] == f"http://127.0.0.1:{case.listener.port}/v1"
    with LlmSession(folder=tmp_path, host="0.0.0.0") as session:
        case = session.open("a")
        assert case.environment().set["OPENAI_BASE_URL"] == f"http://127.0.0.1:{case.listener.port}/v1"
    there = replace(case, host="10.0.0.7", listener=replace(case.listener, url="http://10.0.0.7:99"))
    assert there.environment().set["OPENAI_BASE_URL"] == "http://10.0.0.7:99/v1"


def test_a_port_in_use_is_an_error(session: LlmSession) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="Address already in use"):
            session.open("a", port=taken.getsockname()[1])


def test_a_healthy_provider_waits_for_neither_faults_nor_verdicts(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", HEALTHY, str(tmp_path)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0"]
