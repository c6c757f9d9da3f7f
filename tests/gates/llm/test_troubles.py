"""What keeps the matrix from being run is an error with its reason; nothing stays behind."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from pytest_failhard.gates.llm.declaration import Circuit
from pytest_failhard.llm.calls import Call
from tests.gates.llm.projects import LIBRARY, ROUTE, SERVICE, WEB, look

CIRCUIT = Circuit(after=5, cooldown=30)


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """State that no process and no thread outlives a test."""
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    # A test elsewhere, of a run that nobody closes, may have left one that ends by itself.
    threads = set(threading.enumerate())
    yield
    left = [each for each in psutil.Process().children(recursive=True) if each.pid not in before]
    assert [each for each in left if each.status() != psutil.STATUS_ZOMBIE] == []
    assert [
        each.name for each in set(threading.enumerate()) - threads if each.name.startswith("failhard")
    ] == []


CANNED = "def summarise(text):\n    return 'always the same'\n"
MOCKED = """
from app.client import ask


def summarise(text):
    ask(text)
    return "always the same"
"""
CACHED_FOR_EVER = """
import pathlib

from app.client import ask


def summarise(text):
    kept = pathlib.Path("cache.txt")
    if not kept.exists():
        kept.write_text(ask(text))
    return kept.read_text()
"""
UNKNOWN = """
import os
import urllib.error
import urllib.request

from app.client import ask


def summarise(text):
    try:
        urllib.request.urlopen(os.environ["OPENAI_BASE_URL"] + "/assistants", b"{}", 5)
    except urllib.error.HTTPError as error:
        error.close()
    return ask(text)
"""
OTHER_PATH = """
import json
import os
import urllib.request


def summarise(text):
    url = os.environ["OPENAI_BASE_URL"] + "/assistants"
    with urllib.request.urlopen(urllib.request.Request(url, b"{}"), timeout=5) as answer:
        return answer.read().decode()
"""
FAILING = """
from app.client import ask


def summarise(text):
    ask(text)
    raise LookupError("no such prompt: summary")
"""
DYING = """
import os
import signal

from app.client import ask


def summarise(text):
    ask(text)
    os.kill(os.getpid(), signal.SIGKILL)
"""
BABBLING = """
import os
import sys

from app.client import ask


def summarise(text):
    os.write(int(sys.argv[1]), b"hello\\n")
    return ask(text)
"""
HANGING = """
import subprocess
import sys
import time


def summarise(text):
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    while True:
        time.sleep(600)
"""
MUTE_ON_REFUSAL = """
import os

from app.client import ask


def summarise(text):
    try:
        return ask(text)
    except Exception:
        os._exit(1)
"""


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (CANNED, "injection-not-exercised: sum: a healthy run sent no LLM request to the provider"),
        (
            MOCKED,
            "llm-not-used: healthy@sum: the output of a healthy run does not hold the provider's answer",
        ),
        (FAILING, "llm-not-used: healthy@sum: a healthy run failed: LookupError: no such prompt: summary"),
        (DYING, "llm-not-used: healthy@sum: a healthy run failed: no text"),
        (OTHER_PATH, "injection-not-exercised: sum: * (base_url and proxy: unknown "),
        (BABBLING, "cannot-run: sum: child.py: unreadable answer b'hello"),
        ("import nothing_such\n", "ModuleNotFoundError: No module named 'nothing_such'"),
        ("def other():\n    ...\n", "has no attribute 'summarise'"),
        (MUTE_ON_REFUSAL, "injection-not-exercised: openai-refused@sum: no request and no text show"),
    ],
)
def test_a_system_that_proves_nothing_is_an_error(tmp_path: Path, code: str, said: str) -> None:
    seen = look(tmp_path, {"app/model.py": code})
    first, _, last = said.partition("*")
    assert first in seen.error
    assert last in seen.error
    assert "Traceback" not in seen.error


def test_one_answer_kept_for_ever_is_stale(tmp_path: Path) -> None:
    seen = look(tmp_path, {"app/model.py": CACHED_FOR_EVER})
    assert "injection-not-exercised: openai-server_error@sum: fault 'server_error' never fired" in seen.error
    assert "also found: stale-answer: healthy@sum: the second healthy run gave the answer" in seen.error


def test_a_request_to_a_path_that_nobody_knows_is_an_error(tmp_path: Path) -> None:
    seen = look(tmp_path, {"app/model.py": UNKNOWN})
    assert "unknown-route: openai-invalid_key@sum: request POST /v1/assistants has no dialect" in seen.error


def test_a_healthy_call_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_failhard.gates.llm.healthy.HEALTHY_SECONDS", 1.0)
    seen = look(tmp_path, {"app/model.py": HANGING})
    assert "injection-not-exercised: sum" in seen.error


@pytest.mark.parametrize("argv", [("no-such-command",), ("./no-such-file",)])
def test_a_command_that_is_not_there_is_an_error(tmp_path: Path, argv: tuple[str, ...]) -> None:
    seen = look(tmp_path, call=Call(id="sum", command=argv))
    assert seen.error.startswith("cannot-run: sum: ")
    assert argv[0].removeprefix("./") in seen.error


def test_an_interpreter_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    seen = look(tmp_path, interpreter=tmp_path / "none" / "python")
    assert "cannot be started" in seen.error


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise SystemExit('no configuration')\n", "cannot-run: sum: the system ended with exit code 1"),
        ("import time\ntime.sleep(600)\n", "cannot-run: sum: the system is not ready after 1 seconds"),
    ],
)
def test_a_service_that_never_gets_ready_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, said: str
) -> None:
    monkeypatch.setattr("pytest_failhard.gates.llm.drivers.service.READY_SECONDS", 1.0)
    seen = look(tmp_path, {"pyproject.toml": WEB, "app/web.py": code}, call=ROUTE)
    assert seen.error.startswith(said)


@pytest.mark.parametrize(
    ("answers", "said"),
    [("schema: nothing\n", "answers.yaml"), ("- [", "answers.yaml"), ("", "answers.yaml")],
)
def test_scripted_answers_that_cannot_be_read_are_an_error(tmp_path: Path, answers: str, said: str) -> None:
    call = Call(id="sum", callable="app.model:summarise", input={"text": "x"}, answers="answers.yaml")
    seen = look(tmp_path, {"answers.yaml": answers}, call=call)
    assert seen.error.startswith("cannot-run: sum: ")
    assert said in seen.error


def test_scripted_answers_that_are_not_there_are_an_error(tmp_path: Path) -> None:
    call = Call(id="sum", callable="app.model:summarise", input={"text": "x"}, answers="none.yaml")
    seen = look(tmp_path, call=call)
    assert seen.error.startswith("cannot-run: sum: ")
    assert "none.yaml" in seen.error


def test_what_the_machine_lacks_is_told_before_any_case_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "trustme", None)
    monkeypatch.setattr("pytest_failhard.llm.server.traps.sys", SimpleNamespace(platform="darwin"))
    seen = look(tmp_path, level=4, circuit=CIRCUIT, deadline=3)
    lines = seen.error.splitlines()
    assert lines.pop(0).startswith("cannot-run: openai-connect_timeout@sum: cannot run on this platform")
    assert lines == [
        f"cannot-run: {fault}: pip install 'pytest-failhard[tls]'"
        for fault in ("tls_expired", "tls_hostname", "tls_untrusted")
    ]
    asked = {json.loads(line).get("case") for line in seen.kept["attempts.jsonl"].splitlines()}
    assert asked - {None} == {"A@sum", "B@sum"}


def test_without_the_extra_tls_the_first_level_is_run_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "trustme", None)
    seen = look(tmp_path)
    assert seen.observation is not None, seen.error
    assert seen.rules <= {"unlogged-request-id"}


FEW_STARTS = """
import os
import sys

from app import client

started = COUNT
with open(started, "a") as stream:
    stream.write("x")
if os.path.getsize(started) > 2:
    sys.exit("no more licences")
"""


def test_a_second_system_that_does_not_start_is_an_error(tmp_path: Path) -> None:
    code = FEW_STARTS.replace("COUNT", repr(str(tmp_path / "count")))
    code += SERVICE.replace("NEEDS_KEY", "False").replace("ON_ERROR", "502")
    seen = look(tmp_path, {"pyproject.toml": WEB, "app/web.py": code}, call=ROUTE)
    assert "cannot-run: sum: the system ended with exit code 1" in seen.error
    assert "no more licences" in seen.error


DAMAGING = """
import json
import os
import pathlib
import sitecustomize
import requests

from app.client import HOST, ModelError, content


def summarise(text):
    record = pathlib.Path(os.environ["PYTHONPATH"]) / "record" if "PYTHONPATH" in os.environ else None
    with requests.Session() as session:
        session.trust_env = False
        headers = {"authorization": "Bearer " + os.environ.get("OPENAI_API_KEY", "")}
        data = {"model": "gpt-4o", "messages": [{"role": "user", "content": text}]}
        answer = session.post(HOST + "/chat/completions", json=data, headers=headers, timeout=5)
    record.write_text("{")
    return content(answer.text)
"""


def test_a_record_that_the_system_damages_is_an_error(tmp_path: Path) -> None:
    seen = look(tmp_path, {"app/model.py": DAMAGING})
    assert seen.error.startswith("cannot-run: ")
    assert "is damaged" in seen.error


def test_several_calls_that_cannot_be_judged_are_all_told(tmp_path: Path) -> None:
    calls = (Call(id="gone", callable="app.model:gone"), LIBRARY, Call(id="none", callable="app.no:none"))
    seen = look(tmp_path, calls=calls)
    assert [line.partition(": a healthy")[0] for line in seen.error.splitlines()] == [
        "injection-not-exercised: gone",
        "injection-not-exercised: none",
    ]
