"""Tiny real projects that call a model, and what the gate says about them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from pytest_failhard.gates.llm import LlmGate
from pytest_failhard.gates.llm.declaration import LlmSettings
from pytest_failhard.llm.calls import Call
from pytest_failhard.model import GateError, Observation
from tests.support import Kept, gate_run, observe, write

SYSTEM = """\
[project]
name = "app"
version = "1"

[tool.failhard.system]
kind = "library"
secrets = [{ name = "OPENAI_API_KEY", shape = "sk-*", provider = true }]
"""
CLIENT = '''
"""Talks to the model by the standard library alone: it starts in a tenth of the time of an SDK."""

import http.client
import json
import os
import urllib.error
import urllib.request

HOST = "https://api.openai.com/v1"


class ModelError(Exception):
    """The model gave no answer."""


def post(text, model="gpt-4o", key=None, url=None, timeout=5, headers={}):
    """Return the body of an answer, whatever it is."""
    key = key or os.environ.get("OPENAI_API_KEY")
    if not key:
        raise ModelError("OPENAI_API_KEY is not set")
    data = json.dumps({"model": model, "messages": [{"role": "user", "content": text}]}).encode()
    given = {"authorization": f"Bearer {key}", "content-type": "application/json", **headers}
    url = (url or os.environ.get("OPENAI_BASE_URL", HOST)) + "/chat/completions"
    request = urllib.request.Request(url, data, given)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            return response.read()
    except urllib.error.HTTPError as error:
        with error:
            raise ModelError(f"status {error.code}: {error.read().decode()[:300]}") from error
    except (OSError, http.client.HTTPException) as error:
        raise ModelError(f"{type(error).__name__}: {error}") from error


def content(body):
    """Return the text of an answer that is complete."""
    try:
        [choice] = json.loads(body)["choices"]
        text = choice["message"]["content"]
    except (ValueError, LookupError, TypeError) as error:
        raise ModelError(f"unexpected answer, no content: {error!r}") from error
    if choice["finish_reason"] != "stop" or not isinstance(text, str) or not text.strip():
        raise ModelError("incomplete or empty content, finish_reason is not stop")
    return text


def ask(text, **options):
    """Return what the model says."""
    return content(post(text, **options))
'''
HONEST = '''
from app.client import ask


def summarise(text):
    """Return a summary."""
    return ask(text)
'''
USUAL = {"pyproject.toml": SYSTEM, "app/client.py": CLIENT, "app/model.py": HONEST}
WEB = """\
[project]
name = "app"
version = "1"

[tool.failhard.system]
kind = "http"
start = ["python", "-m", "app.web"]
port_env = "PORT"
ready = "/health"
secrets = [{ name = "OPENAI_API_KEY", shape = "sk-*", provider = true }]

[[tool.failhard.system.routes]]
id = "ask"
method = "POST"
path = "/ask"
body = { text = "hi" }
needs = ["llm"]
"""
SERVICE = """
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from app.client import ModelError, ask

if NEEDS_KEY and not os.environ.get("OPENAI_API_KEY"):
    sys.exit("OPENAI_API_KEY is not set")


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.say(200, {"ready": True})

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        try:
            self.say(200, {"summary": ask("A story.")})
        except ModelError as error:
            self.say(ON_ERROR, {"error": {"type": "llm_unavailable", "message": str(error)}})

    def say(self, status, answer):
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
ROUTE = Call(id="sum", route="ask")
LIBRARY = Call(id="sum", callable="app.model:summarise", input={"text": "A long story."})


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the gate said: an observation, or an error."""

    observation: Observation | None
    error: str
    kept: Mapping[str, bytes]
    rules: frozenset[str] = field(default=frozenset())

    def findings(self, rule: str) -> list[str]:
        """Return the messages of a rule's findings."""
        found = self.observation.findings if self.observation else ()
        return [finding.message for finding in found if finding.rule == rule]

    @property
    def messages(self) -> str:
        """All that was found, a finding a line."""
        found = self.observation.findings if self.observation else ()
        return "\n".join(f"{finding.rule} {finding.message}" for finding in found) or self.error

    def has(self, rule: str, message: str) -> bool:
        """Tell whether a rule's finding says this, a glob."""
        return any(fnmatchcase(each, message) for each in self.findings(rule))


def project(tmp_path: Path, files: Mapping[str, str] = {}, usual: Mapping[str, str] = USUAL) -> Path:
    """Write a project of the usual files, unless told otherwise one whose `app.model:summarise` asks."""
    return write(tmp_path / "p", {"app/__init__.py": "", **usual, **files})


def look(
    tmp_path: Path,
    files: Mapping[str, str] = {},
    *,
    call: Call = LIBRARY,
    level: int = 1,
    interpreter: Path = Path(sys.executable),
    **settings: object,
) -> Seen:
    """Let the gate look at a project, and state what holds of every look.

    Nothing that it started is left, and nothing that it wrote holds a canary key.
    """
    gate = LlmGate()
    kept = Kept()
    given: dict[str, object] = {"providers": ("openai",), "calls": (call,), "deadline": 8, **settings}
    run = gate_run(
        project(tmp_path, files),
        gate,
        settings=LlmSettings(**given),  # type: ignore[arg-type]  # as a project writes them
        level=level,
        keep=kept,
        interpreter=interpreter,
    )
    try:
        seen = observe(run, gate)
    except GateError as error:
        return Seen(observation=None, error=str(error), kept=kept.files)
    finally:
        run.close()
    rules = frozenset(finding.rule for finding in seen.findings)
    return Seen(observation=seen, error="", kept=kept.files, rules=rules)
