"""`failhard llm-server` as clients, a judge and a shell see it."""

from __future__ import annotations

import http.client
import json
import os
import shlex
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_failhard.cli.llm_server import command
from pytest_failhard.llm import ledger
from tests.size import FULL

BODY = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}]})
PATIENCE = 30.0


@dataclass(frozen=True)
class Ready:
    """A server that is ready."""

    line: str

    @property
    def document(self) -> dict[str, object]:
        found = json.loads(self.line)
        assert isinstance(found, dict)
        return found

    def port(self, name: str = "port") -> int:
        found = self.document[name]
        assert isinstance(found, int)
        return found

    @property
    def env(self) -> dict[str, str]:
        found = self.document["env"]
        assert isinstance(found, dict)
        return found

    def ask(self, method: str, path: str, body: object = None, token: str | None = None) -> tuple[int, bytes]:
        """Ask the control port."""
        sent = str(self.document["control_token"]) if token is None else token
        return request(
            self.port("control_port"),
            method,
            path,
            None if body is None else json.dumps(body),
            {"authorization": f"Bearer {sent}"},
        )

    def call(self) -> int:
        """Call the LLM; return the status."""
        headers = {"authorization": f"Bearer {self.env['OPENAI_API_KEY']}"}
        return request(self.port(), "POST", "/v1/chat/completions", BODY, headers)[0]


def request(
    port: int, method: str, path: str, body: str | None, headers: dict[str, str]
) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


Client = Callable[[Ready], object]


class Runner:
    """Runs the command in this process while a client talks to it from another thread."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.rest = ""

    def __call__(self, client: Client, *arguments: str, stop: bool = True) -> int:
        """Return the exit status."""

        def talk() -> None:
            with os.fdopen(receiving, encoding="utf-8") as stdout:
                line = stdout.readline()
                if line:
                    ready = Ready(line)
                    try:
                        client(ready)
                    finally:
                        if stop:
                            ready.ask("POST", "/stop")
                self.rest = stdout.read()

        receiving, sending = os.pipe()
        with ThreadPoolExecutor(1) as pool:
            talking = pool.submit(talk)
            with self._monkeypatch.context() as patch, os.fdopen(sending, "w", buffering=1) as stdout:
                patch.setattr(sys, "stdout", stdout)
                with pytest.raises(SystemExit) as ended:
                    command.main(arguments, standalone_mode=False)
            talking.result(PATIENCE)
        return int(str(ended.value.code))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Runner:
    return Runner(monkeypatch)


def nothing(_: Ready) -> None:
    """A client that asks for nothing."""


def test_the_first_line_says_where_everything_is(run: Runner) -> None:
    def client(ready: Ready) -> None:
        document = ready.document
        assert sorted(document) == ["control_port", "control_token", "env", "port", "proxy_port", "ready"]
        assert (document["ready"], document["proxy_port"]) == (True, None)
        assert ready.env["OPENAI_BASE_URL"] == f"http://127.0.0.1:{ready.port()}/v1"
        assert ready.call() == 200

    assert run(client) == 0
    assert run.rest == ""


def test_a_fault_is_met_by_every_call(run: Runner) -> None:
    def client(ready: Ready) -> None:
        assert [ready.call(), ready.call()] == [429, 429]

    assert run(client, "--fault", "rate_limit_rpm(hint_ms=5)") == 0


def test_rules_say_when_a_fault_is_met(run: Runner) -> None:
    def client(ready: Ready) -> None:
        assert [ready.call(), ready.call(), ready.call()] == [200, 401, 200]

    assert run(client, "--inject-failures", "kinds=invalid_key,nth=2", "--seed", "7") == 0


def test_a_fault_of_the_connection_takes_the_port(run: Runner) -> None:
    def client(ready: Ready) -> None:
        with pytest.raises(ConnectionRefusedError):
            ready.call()

    assert run(client, "--fault", "refused") == 0


def test_a_missing_key_is_not_in_the_variables(run: Runner) -> None:
    def client(ready: Ready) -> None:
        assert "OPENAI_API_KEY" not in ready.env
        assert "OPENAI_BASE_URL" in ready.env

    assert run(client, "--fault", "missing_key") == 0


def test_the_control_port_needs_the_token(run: Runner) -> None:
    def client(ready: Ready) -> None:
        for path in ("/ledger", "/stop", "/verdict"):
            assert ready.ask("GET", path, token="guess")[0] == 401
        assert ready.ask("GET", "/ledger", token="gu\xe9ss")[0] == 401
        status, body = ready.ask("GET", "/nothing")
        assert (status, json.loads(body)["error"]) == (
            404,
            "unknown: GET /nothing; there are POST /case, GET /ledger, GET /verdict, POST /verdict, POST /stop",
        )
        assert request(ready.port(), "GET", "/ledger", None, {})[0] == 404
        with socket.create_connection(("127.0.0.1", ready.port("control_port")), PATIENCE) as odd:
            odd.sendall(b"no http\r\n\r\n")
            assert odd.recv(100).startswith(b"HTTP/1.1 400 ")

    assert run(client) == 0


def test_a_case_begins_anew_and_the_keys_stay(run: Runner, tmp_path: Path) -> None:
    kept = tmp_path / "ledger.jsonl"
    kept.write_text("of another run")

    def client(ready: Ready) -> None:
        assert ready.call() == 200
        status, body = ready.ask("POST", "/case", {"id": "checkout", "rules": "kinds=server_error,first=1"})
        assert status == 200
        begun = json.loads(body)
        assert (begun["case"], begun["rules"]) == ("checkout", 1)
        assert sorted(begun["canary"]) == ["head", "middle", "number", "poison", "tail"]
        assert [ready.call(), ready.call()] == [500, 200]
        record = ledger.read(ready.ask("GET", "/ledger")[1])
        assert [(each.case, each.status) for each in record.attempts] == [
            ("checkout", 500),
            ("checkout", 200),
        ]
        assert {each.key for each in record.attempts} == {"key[OPENAI_API_KEY]"}

    assert run(client, "--ledger", str(kept)) == 0
    lines = kept.read_bytes().splitlines(keepends=True)
    first, second = ledger.read(b"".join(lines[:2])), ledger.read(b"".join(lines[2:]))
    assert (first.case, len(first.attempts), second.case, len(second.attempts)) == (
        "llm-server",
        1,
        "checkout",
        2,
    )


@pytest.mark.parametrize(
    ("case", "mistake"),
    [
        ({"id": "a", "rules": "kinds=rate_limt"}, "rule 1: unknown LLM fault 'rate_limt'"),
        ({"rules": ""}, "a case needs an id"),
        ({"id": "a", "fault": "x"}, "unknown key fault; there are call, id, rules"),
    ],
)
def test_a_case_that_cannot_be_is_refused(run: Runner, case: object, mistake: str) -> None:
    def client(ready: Ready) -> None:
        status, body = ready.ask("POST", "/case", case)
        assert status == 400
        assert mistake in json.loads(body)["error"]

    assert run(client) == 0


def test_a_verdict_is_given_on_what_is_told_and_recorded(run: Runner) -> None:
    def client(ready: Ready) -> None:
        def verdict(told: dict[str, object]) -> dict[str, object]:
            found = json.loads(ready.ask("POST", "/verdict", told)[1])
            assert isinstance(found, dict)
            return found

        unproven = json.loads(ready.ask("GET", "/verdict?expect=fails_hard&code=1&stderr=x")[1])
        assert unproven["verdict"] == "error"
        assert unproven["because"].startswith("injection-not-exercised: ")
        assert ready.call() == 401
        good = json.loads(ready.ask("GET", "/verdict?expect=fails_hard&code=1&stderr=401+invalid_api_key")[1])
        assert good == {"case": "llm-server", "findings": [], "verdict": "pass"}
        bad = verdict({"expect": "fails_hard", "code": 0, "stdout": "a canned answer", "result": "canned"})
        assert bad["verdict"] == "fail"
        findings = bad["findings"]
        assert isinstance(findings, list)
        assert [each["rule"] for each in findings] == ["silent-fallback"]
        assert verdict({"form": "route", "code": 200, "body": "{}", "result": "canned"})["verdict"] == "fail"
        assert ready.ask("GET", "/verdict?expect=miracles")[0] == 400
        for wrong in ({"code": [1]}, {"coed": 1}, [1], {}):
            assert ready.ask("POST", "/verdict", wrong)[0] == 400

    assert run(client, "--fault", "invalid_key") == 0


def test_without_a_fault_and_a_request_there_is_no_verdict(run: Runner) -> None:
    def client(ready: Ready) -> None:
        found = json.loads(ready.ask("GET", "/verdict?expect=succeeds&code=0")[1])
        assert found["because"] == "injection-not-exercised: llm-server: no request arrived"

    assert run(client) == 0


def test_a_trap_is_the_fault_of_the_verdict(run: Runner) -> None:
    def client(ready: Ready) -> None:
        told = "expect=case&code=1&stderr=connection+refused+(errno+111)"
        assert json.loads(ready.ask("GET", f"/verdict?{told}")[1])["verdict"] == "pass"

    assert run(client, "--fault", "refused") == 0


def test_the_proxy_is_trusted_by_the_certificate_that_is_written(run: Runner, tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"

    def client(ready: Ready) -> None:
        assert ready.env["HTTPS_PROXY"] == f"http://127.0.0.1:{ready.port('proxy_port')}"
        with socket.create_connection(("127.0.0.1", ready.port("proxy_port")), PATIENCE) as plain:
            plain.sendall(b"CONNECT api.anthropic.com:443 HTTP/1.1\r\nhost: x\r\n\r\n")
            assert plain.recv(1000).startswith(b"HTTP/1.1 200 ")
            context = ssl.create_default_context(cafile=str(ca))
            with context.wrap_socket(plain, server_hostname="api.anthropic.com") as client:
                assert client.version() is not None

    assert run(client, "--proxy", "--ca-out", str(ca)) == 0


def test_without_certificates_the_proxy_says_that_it_only_guards(
    run: Runner, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "trustme", None)
    assert run(nothing, "--proxy") == 0
    assert "refuses every tunnel, for want of certificates: pip install" in capsys.readouterr().err
    assert run(nothing, "--ca-out", str(tmp_path / "ca.pem")) == 3
    assert capsys.readouterr().err == (
        "failhard: TLS faults and the proxy need trustme: pip install 'pytest-failhard[tls]'\n"
    )


def test_a_fixed_delay_stands_before_every_answer(run: Runner) -> None:
    def client(ready: Ready) -> None:
        assert ready.call() == 200
        record = ledger.read(ready.ask("GET", "/ledger")[1])
        times = record.attempts[0].times
        assert times.first_byte is not None
        assert times.first_byte - times.body >= 0.045

    assert run(client, "--delay", "0.05") == 0


def test_answers_are_as_they_are_written(run: Runner, tmp_path: Path) -> None:
    script = tmp_path / "answers.yaml"
    script.write_text('schema: failhard-llm-answers/1\nanswers:\n  - text: "written {{canary}}"\n')

    def client(ready: Ready) -> None:
        headers = {"authorization": "Bearer x"}
        assert b"written " in request(ready.port(), "POST", "/v1/chat/completions", BODY, headers)[1]

    assert run(client, "--answers", str(script)) == 0


def test_the_variables_are_written_for_a_shell(run: Runner) -> None:
    assert run(nothing, "--env", "sh") == 0
    lines = run.rest.splitlines()
    assert any(line.startswith("export OPENAI_BASE_URL=http://127.0.0.1:") for line in lines)
    assert all(len(shlex.split(line)) == 2 for line in lines[:-1])
    assert lines[-1].startswith("unset ")
    assert "HTTPS_PROXY" in lines[-1].split()


def test_the_variables_are_written_as_json_to_the_ready_file(run: Runner, tmp_path: Path) -> None:
    target = tmp_path / "env.json"

    def client(ready: Ready) -> None:
        assert ready.ask("GET", "/ledger")[0] == 200

    assert run(client, "--env", "json", "--ready-file", str(target)) == 0
    found = json.loads(target.read_text())
    assert found["OPENAI_BASE_URL"].startswith("http://127.0.0.1:")
    assert found["HTTPS_PROXY"] is None
    assert run.rest == ""
    assert [path.name for path in tmp_path.iterdir()] == ["env.json"]


def test_the_ready_file_holds_the_first_line(run: Runner, tmp_path: Path) -> None:
    target = tmp_path / "ready.json"
    seen: list[str] = []
    assert run(lambda ready: seen.append(ready.line), "--ready-file", str(target)) == 0
    assert target.read_text() == seen[0]


def test_the_variables_are_added_for_github_actions(
    run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "github"
    target.write_text("BEFORE=1\n")
    monkeypatch.setenv("GITHUB_ENV", str(target))
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    assert run(nothing, "--env", "github") == 0
    lines = target.read_text().splitlines()
    assert lines[0] == "BEFORE=1"
    assert "HTTPS_PROXY=" in lines
    assert any(line.startswith("OPENAI_BASE_URL=http://127.0.0.1:") for line in lines)


def test_a_time_without_a_request_is_a_failure(run: Runner, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(nothing, "--for", "0.01", stop=False) == 1
    assert capsys.readouterr().err == (
        "failhard: no request came within 0.01 seconds: is the client led to this port?\n"
    )


def test_a_time_with_a_request_is_none(run: Runner, tmp_path: Path) -> None:
    kept = tmp_path / "ledger.jsonl"

    def client(ready: Ready) -> None:
        assert ready.call() == 200

    assert run(client, "--for", "1.5", "--ledger", str(kept), stop=False) == 0
    assert len(ledger.read(kept.read_bytes()).attempts) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--fault", "rate_limt_rpm"], "rule 1: unknown LLM fault 'rate_limt_rpm'"),
        (["--fault", "refused", "--fault", "rate_limit_rpm"], "rule 1: kinds: refused acts before"),
        (["--fault", "server_error", "--inject-failures", "p=1"], "--fault and --inject-failures exclude"),
        (["--inject-failures", "p=2;kind=x"], "rule 1: p must be above 0 and at most 1 (it is 2)"),
        (["--host", "localhost"], "--host localhost: not an IPv4 address; give one of this machine's"),
        (["--env", "github"], "--env github: GITHUB_ENV is not set; this is no step of GitHub Actions"),
    ],
)
def test_wrong_use_is_said_before_anything_is_opened(
    run: Runner,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.delenv("GITHUB_ENV", raising=False)
    assert run(nothing, *arguments) == 2
    assert capsys.readouterr().err.startswith(f"failhard: {said}")


def test_a_script_of_answers_that_is_wrong_is_wrong_use(
    run: Runner, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    script = tmp_path / "answers.yaml"
    script.write_text('schema: failhard-llm-answers/1\nanswers:\n  - text: "no placeholder"\n')
    assert run(nothing, "--answers", str(script)) == 2
    assert "holds no canary" in capsys.readouterr().err


def test_what_cannot_be_opened_is_a_failure(run: Runner, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert run(nothing, "--port", str(taken.getsockname()[1])) == 3
    assert "Address already in use" in capsys.readouterr().err


def test_another_address_is_named_in_a_warning(run: Runner, capsys: pytest.CaptureFixture[str]) -> None:
    def client(ready: Ready) -> None:
        assert ready.env["OPENAI_BASE_URL"] == f"http://127.0.0.1:{ready.port()}/v1"
        assert ready.call() == 200

    assert run(client, "--host", "0.0.0.0") == 0
    assert capsys.readouterr().err.startswith("failhard: --host 0.0.0.0: whoever reaches this address")


def test_the_handlers_of_signals_before_are_back_when_it_has_ended(run: Runner) -> None:
    before = signal.getsignal(signal.SIGTERM)

    def client(ready: Ready) -> None:
        assert ready.call() == 200

    assert run(client) == 0
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("number", [signal.SIGTERM, *([signal.SIGINT] if FULL else [])])
def test_a_signal_flushes_the_record_and_ends_well(tmp_path: Path, number: int) -> None:
    """As a process, with an answer under way that the signal cuts off."""
    kept = tmp_path / "ledger.jsonl"
    argv = [sys.executable, "-m", "pytest_failhard", "llm-server", "--ledger", str(kept)]
    with subprocess.Popen([*argv, "--fault", "read_timeout"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        watchdog = threading.Timer(PATIENCE, process.kill)
        watchdog.start()
        ready = Ready(process.stdout.readline())
        with socket.create_connection(("127.0.0.1", ready.port()), PATIENCE) as client:
            client.sendall(
                b"POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\n"
                b"content-length: %d\r\n\r\n" % len(BODY)
            )
            assert client.recv(100).startswith(b"HTTP/1.1 100 ")
            client.sendall(BODY.encode())
            # Answered on the same thread, after the request that hangs.
            assert ready.ask("GET", "/ledger")[0] == 200
            process.send_signal(number)
            assert client.recv(1) == b""
        assert process.wait(PATIENCE) == 0
        watchdog.cancel()
    attempts = ledger.read(kept.read_bytes()).attempts
    assert [(each.fault, each.close) for each in attempts] == [("read_timeout", "stopped")]
