"""Tests of R2: what starts and stays, and each way in which a system does not."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_failhard.gates.system import starting
from pytest_failhard.gates.system.seen import Seen
from pytest_failhard.gates.system.settings import SystemSettings
from pytest_failhard.gates.system.starting import Limits
from pytest_failhard.model import GateError
from pytest_failhard.system.launch import LaunchError
from tests.gates.system.staged import stage
from tests.support import Kept

SERVER = """
import os, signal, socket, sys, threading, time
def serve(port, status=200):
    door = socket.socket()
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    door.bind(("127.0.0.1", port))
    door.listen()
    while True:
        client, _ = door.accept()
        client.recv(4096)
        client.sendall(b"HTTP/1.1 %d OK\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n" % status)
        client.close()
"""
SERVES = f"{SERVER}\nserve(int(os.environ['PORT']))"
QUICK = Limits(ready=0.6, steady=0.05, left=0.3)
WORKER: Mapping[str, object] = {"kind": "worker", "ready_log": "^up$", "port_env": None, "ready": None}
JOB: Mapping[str, object] = {"kind": "job", "outputs": ["out/*.csv"], "port_env": None, "ready": None}
SLEEPS = "import time\nprint('\\x1b[32mup\\x1b[0m', flush=True)\ntime.sleep(600)"


def check(
    tmp_path: Path,
    app: str,
    table: Mapping[str, object] | None = None,
    *,
    starts: int = 1,
    limits: Limits = QUICK,
    kept: Kept | None = None,
    files: dict[str, str] | None = None,
) -> Seen:
    with stage(tmp_path, app, table, parts=("R2",), kept=kept, files=files) as made:
        made.settings = SystemSettings(enforce=("R2",), starts=starts)
        seen = starting.check(made, limits)
        after = starting.untouched(made)
        return replace(seen, findings=(*seen.findings, *after.findings))


def rules(seen: Seen) -> list[str]:
    return [each.rule for each in seen.findings]


def test_a_system_that_starts_each_time_is_right(tmp_path: Path) -> None:
    kept = Kept()
    seen = check(tmp_path, SERVES, starts=3, kept=kept, limits=replace(QUICK, ready=30))
    assert (rules(seen), seen.examined, seen.proved) == ([], 3, {"S2": True})
    assert (seen.measures["starts"], seen.measures["processes_left"]) == (3, 0)
    assert 0 < seen.measures["ready_seconds"] < 30
    assert seen.volatile == {"ready_seconds"}
    assert [start["retries"] for start in json.loads(kept.files["starts.json"])] == [0, 0, 0]
    assert sorted(kept.files) == ["start-1.log", "start-2.log", "start-3.log", "starts.json"]


@pytest.mark.parametrize(
    ("app", "said"),
    [
        ("import sys; sys.exit(3)", "with exit code 3 before it is ready, or soon after"),
        (
            "import os; raise ModuleNotFoundError('No module named shop')",
            "or soon after: ModuleNotFoundError: No module named shop",
        ),
        ("raise ValueError('port 8080 is bad')", "or soon after: ValueError"),
        ("import os; os.kill(os.getpid(), 9)", "with exit code -9 before"),
    ],
)
def test_one_that_ends_says_with_what(tmp_path: Path, app: str, said: str) -> None:
    seen = check(tmp_path, app, starts=3, limits=replace(QUICK, ready=30))
    assert rules(seen) == ["R2-exits"]
    assert seen.findings[0].message.endswith(said) or said in seen.findings[0].message
    # The first failure is enough.
    assert (seen.examined, seen.measures["starts"], seen.proved) == (1, 0, {"S2": False})
    assert seen.measures["ready_seconds"] == 30


def test_one_that_answers_once_and_dies_has_ended(tmp_path: Path) -> None:
    app = f"{SERVER}\nthreading.Timer(0.5, os._exit, [0]).start()\nserve(int(os.environ['PORT']))"
    seen = check(tmp_path, app, limits=Limits(ready=30, steady=30))
    assert rules(seen) == ["R2-exits"]
    # On a busy machine it may have ended before anybody asked.
    assert "exit code 0" in seen.findings[0].message
    assert seen.measures["starts"] == 0


def test_one_that_listens_elsewhere_is_told_so_without_the_number(tmp_path: Path) -> None:
    kept = Kept()
    seen = check(tmp_path, f"{SERVER}\nserve(0)", kept=kept)
    assert rules(seen) == ["R2-port-ignored", "R2-not-ready"]
    [start] = json.loads(kept.files["starts.json"])
    [port] = start["ports"]
    assert (start["reason"], start["exit_code"]) == ("not ready", None)
    assert all(str(port) not in each.message for each in seen.findings)


def test_one_that_is_never_well_is_not_ready(tmp_path: Path) -> None:
    seen = check(tmp_path, f"{SERVER}\nserve(int(os.environ['PORT']), 503)")
    assert [each.message for each in seen.findings] == [
        "the system does not become ready: GET /health is not answered with 200"
    ]


@contextlib.contextmanager
def answering(door: socket.socket, answer: bytes) -> Iterator[None]:
    """Answer every request while the context is open."""

    def serve() -> None:
        # The door is shut at the end.
        with contextlib.suppress(OSError):
            while True:
                client, _ = door.accept()
                with client:
                    client.recv(4096)
                    client.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        door.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_who_answers_must_be_the_system(tmp_path: Path) -> None:
    # The listener leaves by way of a process that is none of the system's: this one.
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        port = sock.getsockname()[1]
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        with pytest.MonkeyPatch.context() as patched, answering(sock, answer):
            patched.setattr("pytest_failhard.system.launch.free_port", lambda: port)
            seen = check(tmp_path, "import time; time.sleep(600)", limits=replace(QUICK, ready=30))
    assert rules(seen) == ["R2-foreign-listener"]


def test_a_port_that_is_taken_twice_is_an_error_of_nobody_here(tmp_path: Path) -> None:
    app = "import sys; sys.exit('OSError: Address already in use')"
    with pytest.raises(GateError, match="cannot-run: twice the port") as caught:
        check(tmp_path, app, limits=replace(QUICK, ready=30))
    assert caught.value.external


def test_what_it_started_and_left_behind_is_counted(tmp_path: Path) -> None:
    app = f"""{SERVER}
if os.fork() == 0:
    os.setsid()
    os.execve(sys.executable, [sys.executable, "-S", "-c", "import time; time.sleep(600)"], {{}})
serve(int(os.environ["PORT"]))"""
    seen = check(tmp_path, app, limits=replace(QUICK, ready=30))
    assert (seen.measures["processes_left"], rules(seen)) == (1, [])


def test_where_the_end_is_a_check_of_its_own_it_is_not_counted_here(tmp_path: Path) -> None:
    with stage(tmp_path, SERVES, parts=("R2",)) as made:
        made.settings = SystemSettings(enforce=("R2",), report=("R7/in-flight",))
        seen = starting.check(made, replace(QUICK, ready=30))
    assert "processes_left" not in seen.measures


def test_a_system_that_writes_over_itself_is_found_by_file(tmp_path: Path) -> None:
    app = f"""{SERVER}
open("state.txt", "w").write("1")
os.unlink("gone.txt")
open("new.txt", "w").close()
serve(int(os.environ["PORT"]))"""
    files = {"state.txt": "0", "gone.txt": "", "kept.txt": ""}
    seen = check(tmp_path, app, files=files, limits=replace(QUICK, ready=30))
    assert [(each.rule, each.path) for each in seen.findings] == [
        ("R2-writes-own-source", "gone.txt"),
        ("R2-writes-own-source", "state.txt"),
    ]


def test_a_worker_is_ready_when_it_says_so_and_lives_on(tmp_path: Path) -> None:
    seen = check(tmp_path, SLEEPS, WORKER, starts=2, limits=replace(QUICK, ready=30))
    assert (rules(seen), seen.measures["starts"]) == ([], 2)


@pytest.mark.parametrize(
    ("app", "rule", "said"),
    [
        ("print('up', flush=True)", "R2-exits", "with exit code 0 before it is ready, or soon after"),
        ("import time; time.sleep(600)", "R2-not-ready", "no line of its log matches ready_log"),
    ],
)
def test_a_worker_that_does_not(tmp_path: Path, app: str, rule: str, said: str) -> None:
    seen = check(tmp_path, app, WORKER, limits=replace(QUICK, steady=30))
    assert rules(seen) == [rule]
    assert said in seen.findings[0].message


WRITES = "import os; os.makedirs('out', exist_ok=True); open('out/a.csv', 'w').write(str(os.getpid()))"


def test_a_job_ends_with_its_output_each_time(tmp_path: Path) -> None:
    files = {"out/a.csv": "old"}
    seen = check(tmp_path, WRITES, JOB, starts=2, files=files, limits=replace(QUICK, ready=30))
    assert (rules(seen), seen.measures["starts"], seen.measures["processes_left"]) == ([], 2, 0)


@pytest.mark.parametrize(
    ("app", "rule", "said"),
    [
        ("pass", "R2-no-output", "the job ends with 0 and leaves nothing new that matches out/*.csv"),
        ("import sys; sys.exit(4)", "R2-exits", "it ends with exit code 4"),
        ("import time; time.sleep(600)", "R2-not-ready", "the job does not end"),
    ],
)
def test_a_job_that_does_not(tmp_path: Path, app: str, rule: str, said: str) -> None:
    limits = QUICK if "sleep" in app else replace(QUICK, ready=30)
    seen = check(tmp_path, app, JOB, files={"out/a.csv": "old"}, limits=limits)
    assert rules(seen) == [rule]
    assert said in seen.findings[0].message
    assert seen.proved == {"S2": False}


@pytest.mark.parametrize("pattern", ["/tmp/*", "../out"])
def test_an_output_outside_the_project_is_a_mistake(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(GateError, match="is not below the project"):
        check(tmp_path, "pass", {**JOB, "outputs": [pattern]}, limits=replace(QUICK, ready=30))


def test_what_is_declared_too_little_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match="lacks port_env"):
        check(tmp_path, SERVES, {"port_env": None})


def test_no_secret_is_in_the_log_of_a_start(tmp_path: Path) -> None:
    kept = Kept()
    app = "import os, sys; print('key', os.environ['TOKEN'], file=sys.stderr, flush=True)\n"
    table: dict[str, object] = {"secrets": [{"name": "TOKEN"}]}
    check(tmp_path / "a", app + SERVES, table, kept=kept, limits=replace(QUICK, ready=30))
    assert kept.files["start-1.log"] == b"key <TOKEN>\n"
    check(tmp_path / "b", app + "sys.exit(1)", table, kept=kept, limits=replace(QUICK, ready=30))
    assert kept.files["start-1.log"] == b"key <TOKEN>"
