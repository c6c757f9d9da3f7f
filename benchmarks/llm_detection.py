"""What the gate `llm` finds: an honest program, and the same with one shortcut after another."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers import environment

MOST = 80
"""Characters that are shown of an error."""
PYPROJECT = """\
[project]
name = "app"
version = "1"
dependencies = ["openai>=2.0", "pydantic>=2.9"]

[tool.failhard]
purpose = "answers questions"
requirements = ["it answers questions"]
source = ["app"]
tests = ["tests"]

[tool.failhard.system]
kind = "library"
secrets = [
    { name = "OPENAI_API_KEY", shape = "sk-*", provider = true },
    { name = "GROQ_API_KEY", shape = "gsk_*", provider = true },
]

[tool.failhard.llm]
providers = ["openai"]
deadline = 10
timeout_env = { MODEL_TIMEOUT_SECONDS = "0.5" }

[[tool.failhard.llm.calls]]
id = "ask"
callable = "app.ask:ask"
input = { question = "What is the report about?" }
"""
TEST = """\
from app.ask import ask


def test_ask():
    assert callable(ask)
"""
# Checks what the SDK does not, and leaves long waits and empty accounts to its caller.
STRICT = """\
import logging
import os
from typing import Annotated, Literal

import openai
from pydantic import BaseModel, Field, ValidationError

LONGEST_WAIT_SECONDS = 2.0
WAITS = {"retry-after": 1.0, "retry-after-ms": 0.001}
USELESS = (b"insufficient_quota", b"Request too large")


class Message(BaseModel):
    content: Annotated[str, Field(min_length=1)]


class Choice(BaseModel):
    finish_reason: Literal["stop"]
    message: Message


class Completion(BaseModel):
    choices: Annotated[list[Choice], Field(min_length=1, max_length=1)]


def too_long(text, unit):
    return not text.replace(".", "").isdigit() or float(text) * unit > LONGEST_WAIT_SECONDS


def forbid_useless_retries(response):
    told = ((response.headers.get(name), unit) for name, unit in WAITS.items())
    waits = any(too_long(text, unit) for text, unit in told if text is not None)
    body = response.read() if response.status_code == 429 else b""
    if waits or any(word in body for word in USELESS):
        response.headers["x-should-retry"] = "false"


def client():
    return openai.OpenAI(
        timeout=float(os.environ.get("MODEL_TIMEOUT_SECONDS", "10")),
        http_client=openai.DefaultHttpxClient(event_hooks={"response": [forbid_useless_retries]}),
    )


def complete(question, model="gpt-4o", asked=None):
    messages = [{"role": "user", "content": question}]
    try:
        answer = (asked or client()).chat.completions.with_raw_response.create(model=model, messages=messages)
    except openai.APIStatusError as error:
        logging.error("the model failed, request %s", error.request_id)
        raise
    try:
        return Completion.model_validate_json(answer.content).choices[0].message.content
    except ValidationError:
        logging.error("the model's answer is unusable, request %s", answer.headers.get("x-request-id"))
        raise
"""
HONEST = """\
from app.strict import complete


def ask(question):
    return complete(question)
"""


@dataclass(frozen=True, kw_only=True)
class Planted:
    """A shortcut, and what may be said of it: rules of findings, or ids of errors."""

    name: str
    code: str
    rules: frozenset[str]


def _planted(name: str, rules: str, code: str) -> Planted:
    return Planted(name=name, code=code, rules=frozenset(rules.split()))


PLANTED = (
    _planted(
        "canned answer",
        "injection-not-exercised llm-not-used",
        """\
import openai

ANSWER = "The report is about the third quarter."


def ask(question):
    return ANSWER if question else openai.OpenAI().models.list()
""",
    ),
    _planted(
        "cached answer",
        "stale-answer",
        """\
import openai
from app.strict import complete

ANSWERS = {}


def ask(question):
    try:
        ANSWERS[question] = complete(question)
    except openai.OpenAIError:
        if question not in ANSWERS:
            raise
    return ANSWERS[question]
""",
    ),
    _planted(
        "except Exception",
        "silent-fallback",
        """\
from app.strict import complete


def ask(question):
    try:
        return complete(question)
    except Exception:
        return "I could not find anything about that."
""",
    ),
    _planted(
        "mock mode",
        "silent-fallback",
        """\
import os

from app.strict import complete


def ask(question):
    if not os.environ.get("OPENAI_API_KEY"):
        return "A report about something."
    return complete(question)
""",
    ),
    _planted(
        "second provider",
        "provider-fallback",
        """\
import os

import openai
from app.strict import complete


def ask(question):
    try:
        return complete(question)
    except openai.APIStatusError:
        url = os.environ["GROQ_BASE_URL"] + "/openai/v1"
        other = openai.OpenAI(api_key=os.environ["GROQ_API_KEY"], base_url=url, timeout=5.0)
        return complete(question, "llama-3.3-70b-versatile", other)
""",
    ),
    _planted(
        "swallowed stream end",
        "partial-answer",
        """\
from app.strict import client


def ask(question):
    stream = client().chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": question}], stream=True
    )
    return "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
""",
    ),
    _planted(
        "no time-out",
        "unbounded-timeout hang",
        """\
import openai
from app.strict import complete


def ask(question):
    return complete(question, asked=openai.OpenAI(timeout=None))
""",
    ),
    _planted(
        "decorator over the SDK",
        "retry-amplification",
        """\
import functools
import time

import openai
from app.strict import complete


def retried(function):
    @functools.wraps(function)
    def again(**arguments):
        for attempt in range(2):
            try:
                return function(**arguments)
            except openai.OpenAIError:
                time.sleep(2**attempt / 4)
        return function(**arguments)

    return again


@retried
def ask(question):
    return complete(question)
""",
    ),
    _planted(
        "leaked key",
        "leaked-key",
        """\
import logging

import openai
from app.strict import client, complete


def ask(question):
    asked = client()
    try:
        return complete(question, asked=asked)
    except openai.OpenAIError as error:
        logging.error("failed with %s", asked.auth_headers)
        raise RuntimeError("the model failed") from error
""",
    ),
    _planted(
        "model downgrade",
        "model-downgrade",
        """\
import openai
from app.strict import complete


def ask(question):
    try:
        return complete(question)
    except openai.APIStatusError:
        return complete(question, "gpt-4o-mini")
""",
    ),
)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What the gate said: rules of its findings, the text of its error, the seconds that it took."""

    verdict: str
    rules: tuple[str, ...]
    error: str
    seconds: float


def project(folder: Path, code: str) -> Path:
    """Write a project with this way of asking, in a repository of its own."""
    files = {
        "pyproject.toml": PYPROJECT,
        "app/__init__.py": "",
        "app/strict.py": STRICT,
        "app/ask.py": code,
        "tests/test_ask.py": TEST,
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for arguments in (
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=bench", "-c", "user.email=bench@example.org", "commit", "-qm", "first"],
    ):
        subprocess.run(["git", *arguments], cwd=folder, check=True)
    return folder


def judge(root: Path, level: int) -> Judged:
    """Run the gate on a project and read its report."""
    began = time.perf_counter()
    argv = [sys.executable, "-I", "-m", "pytest_failhard", "check", str(root), "--level", str(level)]
    done = subprocess.run(
        [*argv, "--only", "llm", "--report-dir", str(root / ".failhard")],
        cwd=root,
        env=environment(),
        capture_output=True,
        check=False,
    )
    seconds = time.perf_counter() - began
    reports = sorted((root / ".failhard").rglob("report.json"))
    if not reports:
        sys.exit(f"{root.name}: no report\n{(done.stdout + done.stderr).decode()}")
    report = json.loads(reports[-1].read_text())
    gate = next(each for each in report["gates"] if each["id"] == "llm")
    return Judged(
        verdict=gate["verdict"],
        rules=tuple(finding["rule"] for finding in gate["findings"]),
        error="\n".join(gate["because"]) if gate["verdict"] == "error" else "",
        seconds=seconds,
    )


def found(planted: Planted, judged: Judged) -> bool:
    """Tell whether the shortcut was named, and the project not passed."""
    said = {*judged.rules, *(line.partition(":")[0] for line in judged.error.splitlines())}
    return judged.verdict != "pass" and bool(said & planted.rules)


def show(name: str, judged: Judged, outcome: str) -> None:
    """Print what was said of a project."""
    counts = [f"{judged.rules.count(rule)} {rule}" for rule in sorted({*judged.rules})]
    said = ", ".join(counts) or judged.error[:MOST] or "nothing"
    sys.stdout.write(f"{name:24} {outcome:12} {judged.verdict:6} {judged.seconds:5.1f} s  {said}\n")
    sys.stdout.flush()


def shown(planted: Sequence[Planted], judged: Sequence[Judged]) -> int:
    """Print what was said of every shortcut; return how many were found."""
    outcomes = [found(each, said) for each, said in zip(planted, judged, strict=True)]
    for each, said, seen in zip(planted, judged, outcomes, strict=True):
        show(each.name, said, "found" if seen else "MISSED")
    return sum(outcomes)


def main() -> None:
    """Print found of planted, and false alarms; a miss or a false alarm is exit status 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--level", type=int, default=2, choices=(1, 2, 3))
    parser.add_argument("--jobs", type=int, default=2, help="projects at once")
    parser.add_argument("--only", metavar="NAME", nargs="*", help="these shortcuts")
    asked = parser.parse_args()
    planted = [each for each in PLANTED if asked.only is None or each.name in asked.only]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(asked.jobs) as pool:
        codes = [HONEST, *(each.code for each in planted)]
        roots = [project(Path(folder, f"p{number}"), code) for number, code in enumerate(codes)]
        honest, *lazy = pool.map(lambda root: judge(root, asked.level), roots)
    alarms = len(honest.rules) + bool(honest.error)
    show("honest", honest, f"{alarms} alarms")
    count = shown(planted, lazy)
    sys.stdout.write(f"level {asked.level}: found {count} of {len(planted)} planted, {alarms} false alarms\n")
    sys.exit(int(count < len(planted) or alarms > 0 or honest.verdict != "pass"))


if __name__ == "__main__":
    main()
