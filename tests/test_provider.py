"""Tests of the model stand-in: every start is led to it, and a route that never asks it is an error."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pytest_failhard.model import GateError
from tests.gates.system.staged import stage

APP = """
import http.client, json, os, socket, sys, time, urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

def ask(): HOW

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"ok"
        if self.path.startswith("/ask"):
            began = time.monotonic()
            body = json.dumps({"answer": ask(), "seconds": time.monotonic() - began}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)
    def do_POST(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"id": "7"}')
    def log_message(self, *_): pass

ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
BODY = '{"model": "m", "messages": [{"role": "user", "content": "hi"}]}'
BY_VARIABLE = f"""
    request = urllib.request.Request(os.environ["OPENAI_BASE_URL"] + "/chat/completions", {BODY.encode()!r},
        {{"Content-Type": "application/json", "Authorization": "Bearer " + os.environ["MY_KEY"]}})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["choices"][0]["message"]["content"]
"""
HARD_WIRED = f"""
    import urllib3
    answer = urllib3.request("POST", "https://api.openai.com/v1/chat/completions", json={BODY})
    return answer.json()["choices"][0]["message"]["content"]
"""
GUESSED = "return 'billing'"
ROUTES = [
    {"id": "make", "method": "POST", "path": "/items", "capture": {"item": "id"}},
    {"id": "ask", "path": "/ask/${item}", "needs": ["llm"]},
]
TABLE = {"routes": ROUTES, "secrets": [{"name": "MY_KEY", "provider": True}]}
LLM = {"calls": [{"id": "question", "route": "ask", "answers": "answers.yaml"}]}


def test_every_start_is_led_to_it_and_each_route_is_counted(tmp_path: Path) -> None:
    with stage(tmp_path, APP.replace("HOW", BY_VARIABLE), TABLE, llm=LLM) as made:
        assert made.model is not None
        with made.instance("a test") as instance:
            assert made.model.hits == {"ask": 1}
            route = made.system.route("ask")
            assert route is not None
            instance.send(made.system.routes[0] if made.system.routes else route, within=5)
            answer = instance.send(route, within=5)
            assert b"goes before" in answer.body
            made.model.delay(0.1)
            assert instance.send(route, within=5).seconds > 0.1
            assert made.model.asked == 3
        assert "OPENAI_API_KEY" not in made.prepare().variables


def test_what_is_hard_wired_is_led_by_hooks(tmp_path: Path) -> None:
    table = {**TABLE, "start": [sys.executable, "app.py"]}
    with stage(tmp_path, APP.replace("HOW", HARD_WIRED), table, llm=LLM) as made, made.instance("a test"):
        assert made.model is not None
        assert made.model.hits == {"ask": 1}
        assert not made.model.further()


def test_a_route_that_never_asks_it_is_an_error(tmp_path: Path) -> None:
    with (
        stage(tmp_path, APP.replace("HOW", GUESSED), TABLE, llm=LLM) as made,
        pytest.raises(GateError, match="llm-not-used: ask: needs the model by declaration"),
        made.instance("a test"),
    ):
        pass  # pragma: no cover  # it is never ready


@pytest.mark.parametrize(
    ("llm", "reason"),
    [
        ({}, "no-call-declared: ask: "),
        ({"calls": [{"id": "q", "route": "other"}]}, "no-call-declared: ask: "),
        ({"calls": [{"id": "q", "route": "ask", "answer": "x"}]}, r"calls\[0\]\.answer"),
        ({"calls": [{"id": "q", "route": "ask", "answers": "none.yaml"}]}, "cannot-run: .*none.yaml"),
    ],
)
def test_a_call_that_cannot_be_used_is_an_error(tmp_path: Path, llm: dict[str, object], reason: str) -> None:
    with pytest.raises(GateError, match=reason), stage(tmp_path, "", TABLE, llm=llm):
        pass  # pragma: no cover  # it is never open


def test_no_model_stands_in_where_none_is_needed(tmp_path: Path) -> None:
    with stage(tmp_path, "") as made:
        assert made.model is None


def test_answers_for_all_requests_come_after_those_for_some(tmp_path: Path) -> None:
    some = 'schema: failhard-llm-answers/1\nanswers:\n  - match: hi\n    text: "for hi {{canary}}"\n'
    llm = {"calls": [*LLM["calls"], {"id": "more", "route": "ask", "answers": "some.yaml"}]}
    with (
        stage(tmp_path, APP.replace("HOW", BY_VARIABLE), TABLE, llm=llm, files={"some.yaml": some}) as made,
        made.instance("a test") as instance,
    ):
        routes = made.system.routes or ()
        instance.send(routes[0], within=5)
        assert b"for hi" in instance.send(routes[1], within=5).body
