"""Makes one call and says what came of it; as a program, one JSON line in and one out for each call."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Protocol

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


class Calls(Protocol):
    """A module of calls."""

    def call(self, job: Job) -> str:
        """Make the call and return a summary of what it returned."""


@contextlib.contextmanager
def variables(job: Job) -> Iterator[None]:
    """Give this process the variables of a call for as long as it lasts."""
    before = dict(os.environ)
    for name in job.unset:
        os.environ.pop(name, None)
    os.environ.update(job.set)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def perform(job: Job) -> Outcome:
    """Make the call; whatever it raises is part of the outcome."""
    calls: Calls = importlib.import_module(f"tests.llm.sdk.{MODULES[job.sdk]}")
    result = ""
    with Caught() as caught:
        result = calls.call(job)
    return Outcome(result=result) if caught.error is None else raised(caught.error)


def job_from(line: str) -> Job:
    """Read a call from a line."""
    fields = json.loads(line)
    return Job(**{**fields, "words": Words(**fields["words"])})


def main() -> None:
    """Answer each line until the input ends; what SDKs print goes to standard error."""
    output, sys.stdout = sys.stdout, sys.stderr
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        job = job_from(line)
        with variables(job):
            outcome = perform(job)
        output.write(json.dumps(asdict(outcome)) + "\n")
        output.flush()


if __name__ == "__main__":
    main()
