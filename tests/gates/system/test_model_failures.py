"""What the system answers while its model fails: a typed error, and never an answer as if nothing were."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_failhard.gates.system import model_failures
from pytest_failhard.gates.system.model_failures import FAULTS
from tests.gates.system.staged import stage

APP = """
import http.server
import json
import os
import urllib.request


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(200, b"up")

    def do_POST(self):
        try:
            said = self.ask()
        except Exception:
            {on_failure}
        else:
            self.answer(200, said.encode())

    def ask(self):
        body = {{"model": "gpt-test", "messages": [{{"role": "user", "content": "hello"}}]}}
        headers = {{"authorization": "Bearer " + os.environ["OPENAI_API_KEY"], "content-type": "application/json"}}
        request = urllib.request.Request(
            os.environ["OPENAI_BASE_URL"] + "/chat/completions", json.dumps(body).encode(), headers
        )
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.loads(answer.read())["choices"][0]["message"]["content"]

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
TABLE = {
    "secrets": [{"name": "OPENAI_API_KEY"}],
    "routes": [{"id": "ask", "method": "POST", "path": "/ask", "body": {"q": "x"}, "needs": ["llm"]}],
}
LLM = {"calls": [{"id": "ask", "route": "ask", "answers": "answers.yaml"}]}
TYPED = json.dumps({"error": {"type": "llm_unavailable"}})


@pytest.mark.parametrize(
    ("on_failure", "proved"),
    [
        (f"self.answer(502, {TYPED.encode()!r})", {"M1": True, "M2": True}),
        ("self.answer(500, b'Internal Server Error')", {"M1": True, "M2": False}),
        ("self.answer(200, b'a sample answer')", {"M1": False, "M2": False}),
    ],
    ids=["typed", "untyped", "sample data"],
)
def test_what_is_answered_while_the_model_fails(
    tmp_path: Path, on_failure: str, proved: dict[str, bool]
) -> None:
    with stage(tmp_path, APP.format(on_failure=on_failure), TABLE, llm=LLM) as staged:
        seen = model_failures.check(staged)
    assert (seen.examined, seen.proved) == (len(FAULTS), proved)


def test_without_a_route_that_needs_a_model_nothing_is_said(tmp_path: Path) -> None:
    with stage(tmp_path, APP.format(on_failure="raise")) as staged:
        assert model_failures.check(staged).examined == 0
