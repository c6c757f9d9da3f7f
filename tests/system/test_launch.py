"""Tests of a system that is started, asked and ended: over real sockets."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from pytest_failhard.gates.lint import LintGate
from pytest_failhard.model import GateError
from pytest_failhard.run import GateRun
from pytest_failhard.system import ask
from pytest_failhard.system.ask import Answer
from pytest_failhard.system.declaration import Route, System
from pytest_failhard.system.launch import Instance, LaunchError, Reason, free_port, launch, ports, redacted
from tests.support import gate_run

SERVER = """
import json, os, signal, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/health":
            self.answer(200, b"ok")
        elif self.path == "/hang":
            time.sleep(600)
        elif self.path == "/drip":
            self.send_response(200)
            self.end_headers()
            while True:
                self.wfile.write(b"x")
                time.sleep(0.05)
        elif self.path == "/die":
            os._exit(9)
        else:
            self.answer(404, self.path.encode())

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        print("asked", flush=True)
        heard = {"id": 7, "items": [{"name": "n"}], "body": body.decode(), "auth": self.headers["Authorization"],
                 "type": self.headers["Content-Type"]}
        self.answer(201, json.dumps(heard).encode())

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("X-Served", "yes")
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, *_): pass

sys.stderr.write("starting\\n")
server = ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler)
server.daemon_threads = True
def stop(*_): os._exit(0)
if "DEAF" not in os.environ: signal.signal(signal.SIGTERM, stop)
else: signal.signal(signal.SIGTERM, signal.SIG_IGN)
server.serve_forever()
"""
HANG = Route(id="hang", path="/hang")
CREATE = Route(
    id="create",
    method="POST",
    path="/items/${n}",
    headers={"Authorization": "Bearer ${secret:TOKEN}"},
    body={"title": "t-${n}", "deep": [{"token": "${secret:TOKEN}"}], "number": 1.5},
    expect=(201,),
    capture={"item": "id", "name": "items.0.name", "absent": "items.1.name"},
)
SHOW = Route(id="show", path="/items/${item}/${name}")


def declared(code: str = SERVER, **more: object) -> System:
    start = (sys.executable, "-I", "-c", code)
    # The caller names fields of a system.
    return System(kind="http", start=start, port_env="PORT", ready="/health", secrets=(), grace_s=1, **more)  # type: ignore[arg-type]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[GateRun]:
    made = gate_run(tmp_path, LintGate(), scratch=tmp_path / "scratch")
    yield made
    made.close()


def started(run: GateRun, system: System, within: float = 30, **environment: str) -> Instance:
    secrets = {"TOKEN": "s3cret"}
    return launch(run, system, cwd=run.root, environment=environment, secrets=secrets, within=within)


def test_a_ready_system_answers_and_ends_when_it_is_asked_to(run: GateRun) -> None:
    instance = started(run, declared())
    first = instance.send(CREATE, within=30)
    assert (first.ended, first.status, ("X-Served", "yes") in first.headers) == (True, 201, True)
    assert b'"title\\": \\"t-1\\", \\"deep\\": [{\\"token\\": \\"s3cret\\"}], \\"number\\": 1.5' in first.body
    assert b'"auth": "Bearer s3cret", "type": "application/json"' in first.body
    second = instance.send(SHOW, within=30)
    assert (second.status, second.body) == (404, b"/items/7/n")
    assert (instance.process.stdout, instance.process.stderr) == ("asked\n", "starting\n")
    logs = {
        where: Instance(declared(logs=where), instance.process, 1, {})
        for where in ("stdout", "stderr", "both")
    }
    assert [each.log("out", "err") for each in logs.values()] == ["out", "err", "outerr"]
    assert instance.stop() == 0


def test_a_body_in_text_is_sent_as_it_is(run: GateRun) -> None:
    route = Route(id="raw", method="POST", path="/x", body="q=${n}", headers={"Content-Type": "text/x"})
    answer = started(run, declared()).send(route, within=30)
    assert b'"body": "q=1", "auth": null, "type": "text/x"' in answer.body


@pytest.mark.parametrize("path", ["/hang", "/drip"])
def test_an_answer_that_does_not_end_is_given_up(run: GateRun, path: str) -> None:
    answer = started(run, declared()).send(Route(id="slow", path=path), within=0.5)
    assert not answer.ended
    assert answer.seconds >= 0.5


def test_a_connection_without_an_answer_says_how_it_ended(run: GateRun) -> None:
    instance = started(run, declared())
    answer = instance.send(Route(id="die", path="/die"), within=30)
    assert (answer.ended, answer.status, answer.headers) == (True, None, ())
    assert answer.body.startswith(b"RemoteDisconnected: ")
    assert instance.process.wait(30) == 9
    refused = instance.send(HANG, within=30)
    assert (refused.ended, refused.status) == (True, None)
    assert b"ConnectionRefusedError" in refused.body


def test_what_no_answer_gave_cannot_be_sent(run: GateRun) -> None:
    with pytest.raises(GateError, match=r"\$\{item\}: no answer had it"):
        started(run, declared()).send(SHOW, within=30)


def test_a_system_that_is_deaf_to_the_signal_is_killed(run: GateRun) -> None:
    instance = started(run, declared(), DEAF="1")
    assert instance.stop() is None
    assert not psutil.pid_exists(instance.process.pid) or instance.process.poll() is not None


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            "import sys; sys.exit('no OPENAI_API_KEY')",
            r"ended with exit code 1, before it was ready; its last words: no OPENAI",
        ),
        ("import os; os._exit(3)", r"ended with exit code 3, before it was ready; it wrote nothing"),
        (
            "import time; print('up', flush=True); time.sleep(600)",
            (
                r"not ready after 1 seconds: GET /health on the port in PORT is not answered with 200; "
                r"it listens on no port; its last words: up"
            ),
        ),
    ],
)
def test_a_system_that_does_not_become_ready_says_why(run: GateRun, code: str, said: str) -> None:
    with pytest.raises(LaunchError, match=said):
        started(run, declared(code), within=1 if "sleep" in code else 30)
    run.close()


def test_a_system_that_listens_elsewhere_is_told_where(run: GateRun) -> None:
    port = free_port()
    code = SERVER.replace('int(os.environ["PORT"])', str(port))
    with pytest.raises(LaunchError, match=rf"it listens on \[{port}\]"):
        started(run, declared(code), within=2)


def test_an_answer_of_a_stranger_does_not_count(run: GateRun, monkeypatch: pytest.MonkeyPatch) -> None:
    stranger = started(run, declared())
    monkeypatch.setattr("pytest_failhard.system.launch.free_port", lambda: stranger.port)
    with pytest.raises(LaunchError, match="another process than the system answers"):
        started(run, declared("import time; time.sleep(600)"))


def test_a_port_that_was_taken_is_exchanged_once(run: GateRun, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ports = [taken.getsockname()[1], free_port()]
        monkeypatch.setattr("pytest_failhard.system.launch.free_port", lambda: ports.pop(0))
        assert started(run, declared()).port not in ports
        ports += [taken.getsockname()[1]] * 2
        with pytest.raises(LaunchError, match="Address already in use") as caught:
            started(run, declared())
    assert caught.value.port_taken


def test_one_that_answers_and_ends_at_once_has_ended(run: GateRun) -> None:
    code = """
import os, socket
door = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
client, _ = door.accept()
client.recv(4096)
door.close()
client.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n")
os._exit(7)
"""
    with pytest.raises(LaunchError) as caught:
        started(run, declared(code))
    assert (caught.value.reason, caught.value.code) == (Reason.EXITED, 7)


def test_its_last_words_are_text_without_secrets(run: GateRun) -> None:
    code = "import os, sys; sys.stderr.buffer.write(b'\\xff key s3cret'); sys.stderr.flush(); os._exit(3)"
    with pytest.raises(LaunchError, match=r"its last words: .* key <TOKEN>$") as caught:
        started(run, declared(code))
    assert caught.value.words == "\N{REPLACEMENT CHARACTER} key <TOKEN>"
    assert redacted("a b c", {"SHORT": "b"}) == "a b c"


def test_one_that_writes_too_much_is_ended(tmp_path: Path) -> None:
    made = replace(gate_run(tmp_path, LintGate(), scratch=tmp_path / "scratch"), output_cap=10_000)
    with pytest.raises(GateError, match="more than 10000 bytes of output"):
        started(made, declared("while True: print('x' * 1000)"))
    made.close()
    assert (made.scratch / "process-1.stdout").stat().st_size > 10_000


def test_one_that_writes_too_much_later_is_seen_at_the_next_look(tmp_path: Path) -> None:
    made = replace(gate_run(tmp_path, LintGate(), scratch=tmp_path / "scratch"), output_cap=10_000)
    instance = started(made, declared(SERVER.replace('print("asked"', 'print("x" * 20_000')))
    instance.send(CREATE, within=30)
    with pytest.raises(GateError, match="more than 10000 bytes of output"):
        instance.process.poll()
    made.close()


def test_of_a_process_that_is_gone_no_port_is_known() -> None:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen()
        assert door.getsockname()[1] in ports([os.getpid(), 2**22 + 1])
    assert ports([2**22 + 1]) == frozenset()


def test_a_library_starts_nothing(run: GateRun) -> None:
    with pytest.raises(LaunchError, match="kind library starts nothing"):
        started(run, System(kind="library", secrets=()))


def test_what_cannot_be_started_is_an_error(run: GateRun) -> None:
    with pytest.raises(LaunchError, match="lacks start, port_env, ready, secrets; nothing starts without"):
        started(run, System(kind="http"))


def test_an_answer_that_is_no_json_gives_nothing() -> None:
    answer = Answer(ended=True, status=200, headers=(), body=b"<html>", seconds=0)
    assert ask.captured(CREATE, answer) == {}
    assert ask.wanted(CREATE) == {"n", "secret:TOKEN"}
