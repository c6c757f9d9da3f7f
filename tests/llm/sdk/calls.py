"""Makes calls and says what came of them; as a program, a JSON line in and one out for each, in any order."""

from __future__ import annotations

import importlib
import json
import sys
import threading
import warnings
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import IO, Protocol

from pytest_failhard.llm.traffic.egress import Guard
from tests.llm.sdk.job import Caught, Job, Outcome, Words, raised

MODULES: Mapping[str, str] = {
    "openai-3": "openai_calls",
    "openai-2": "openai_calls",
    "anthropic": "anthropic_calls",
    "google-genai": "gemini_calls",
    "boto3": "bedrock_calls",
    "litellm": "other_calls",
    "langchain-openai": "other_calls",
    "mistralai": "other_calls",
    "requests": "plain_calls",
    "aiohttp": "plain_calls",
    "urllib": "plain_calls",
    "curl": "plain_calls",
    "node": "plain_calls",
}
"""Where the calls of each client are; its SDK is imported with them."""
THREADS = 16


class Calls(Protocol):
    """A module of calls."""

    def call(self, job: Job) -> str:
        """Make the call and return a summary of what it returned."""


def prepare(sdk: str) -> None:
    """Import an SDK with our calls of it; of what Python warns in its source is not our concern."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module(f"tests.llm.sdk.{MODULES[sdk]}")


def perform(job: Job) -> Outcome:
    """Make the call; whatever it raises is part of the outcome."""
    calls: Calls = importlib.import_module(f"tests.llm.sdk.{MODULES[job.sdk]}")
    result = ""
    with Caught() as caught:
        result = calls.call(job)
    return Outcome(result=result) if caught.error is None else raised(caught.error)


@dataclass(frozen=True, kw_only=True)
class Program:
    """Answers the calls of another process. What it tried to reach outside loopback goes with each answer."""

    output: IO[str]
    guard: Guard
    lock: threading.Lock

    def answer(self, line: str) -> None:
        """Make the call that a line describes."""
        number, fields = json.loads(line)
        outcome = asdict(perform(Job(**{**fields, "words": Words(**fields["words"])})))
        with self.lock:
            self.output.write(json.dumps([number, outcome, self.guard.attempts]) + "\n")
            self.output.flush()


def main() -> None:
    """Answer each line until the input ends; what SDKs print goes to standard error."""
    warnings.simplefilter("ignore")
    # openai 2.54 looks for it among the modules, also while another thread still imports it.
    importlib.import_module("httpx2")
    guard = Guard()
    guard.install()
    program = Program(output=sys.stdout, guard=guard, lock=threading.Lock())
    sys.stdout = sys.stderr
    with ThreadPoolExecutor(THREADS) as threads:
        for line in sys.stdin:
            threads.submit(program.answer, line)


if __name__ == "__main__":
    main()
