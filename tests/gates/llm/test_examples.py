"""The two examples are declared, and their declarations are enough to call them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pytest_failhard import policy
from pytest_failhard.config import load, merge_settings
from pytest_failhard.gates.llm import LlmGate, agreement, applies
from pytest_failhard.gates.llm.declaration import LlmSettings
from pytest_failhard.gates.llm.drivers import driver, environment, place
from pytest_failhard.llm.verdicts.outcome import Outcome
from pytest_failhard.run import GateRun
from pytest_failhard.source import read
from tests.size import FULL
from tests.support import GATES, gate_run

EXAMPLES = Path(__file__).parents[3] / "examples"
NAMES = ("triage_service", "triage_service_lazy")


@contextmanager
def provider(status: int) -> Iterator[str]:
    """Serve one answer of a chat model for ever."""
    proposal = {"category": "billing", "priority": "high", "queue": "finance", "reason": "lobavudite"}
    message = {"role": "assistant", "content": json.dumps(proposal)}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    answer = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            body = json.dumps(answer if status == 200 else {"error": {"message": "no"}}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, *_: object) -> None:
            """Write nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def run(name: str, tmp_path: Path) -> Iterator[GateRun]:
    root = EXAMPLES / name
    rules = policy.load(3, GATES, today=date(2026, 11, 20)).rules
    rule = next(each for each in rules if each.gate == "llm")
    settings = merge_settings("llm", LlmSettings, rule, load(root, GATES).gates["llm"])
    made = gate_run(
        root,
        LlmGate(),
        settings=settings,
        source=("triage",),
        tests=("tests",),
        level=3,
        scratch=tmp_path / "scratch",
    )
    yield made
    made.close()


def called(run: GateRun, status: int) -> Outcome:
    settings = run.settings
    assert isinstance(settings, LlmSettings)
    project = read(run.root, run.source, run.test_roots)
    system = agreement.system(run, project, settings, applies.uses(project))
    where = place(
        run, system, run.scratch / "place", {"OPENAI_API_KEY": "sk-proj-0123456789abcdefghijklmnop"}
    )
    with provider(status) as url:
        changes = {"OPENAI_BASE_URL": url, "NO_PROXY": "127.0.0.1", **settings.timeout_env}
        call = settings.calls[0]
        service = driver(run, system, call, where, environment(where.prepared, changes))
        outcome = service.call(60)
        service.close()
    return outcome


@pytest.mark.parametrize("name", NAMES if FULL else NAMES[:1])
def test_a_healthy_call_carries_what_the_model_said(run: GateRun) -> None:
    outcome = called(run, 200)
    assert (outcome.ended, outcome.produced, outcome.result) == (True, True, "lobavudite")


@pytest.mark.parametrize(
    ("name", "code", "produced"),
    [*([("triage_service", 502, False)] if FULL else []), ("triage_service_lazy", 200, True)],
)
def test_a_failing_call_shows_which_is_the_honest_one(run: GateRun, code: int, produced: bool) -> None:
    outcome = called(run, 401)
    assert (outcome.code, outcome.produced) == (code, produced)
    assert ("model_refused" in outcome.streams["body"]) is not produced
