"""Runs a project's tests in this process: what our tests have imported already costs nothing again."""

from __future__ import annotations

import textwrap

import openai
import pytest
import trustme

from pytest_failhard import proc
from pytest_failhard.llm import faults, glue, inprocess, local, matrices, settings, tried

LOADED = (openai, trustme, proc, faults, glue, inprocess, local, matrices, settings, tried)
"""What an inner run must find loaded: it forgets what it imports first."""

PROJECT = """
[tool.pytest]
pythonpath = ["."]
filterwarnings = ["error"]
asyncio_mode = "auto"
asyncio_default_fixture_loop_scope = "function"
"""

SYSTEM = '''
"""A system with one call, and what must not be made of it."""

import os, time
from openai import AsyncOpenAI, OpenAI

REAL = "https://api.openai.com/v1"


def ask(text="hi", model="gpt-4o", **options):
    with OpenAI(**{"timeout": 1, **options}) as client:
        answer = client.chat.completions.create(model=model, messages=[{"role": "user", "content": text}])
        if not answer.choices or answer.choices[0].finish_reason != "stop" or not answer.choices[0].message.content:
            raise ValueError(f"no content in the answer: {answer}")
        return answer.choices[0].message.content


def ask_once(text="hi", **options):
    return ask(text, max_retries=0, **options)


def ask_stream(text="hi", **options):
    with OpenAI(**{"timeout": 1, "max_retries": 0, **options}) as client:
        with client.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": text}], stream=True
        ) as chunks:
            choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
    if not choices or choices[-1].finish_reason != "stop":
        raise ValueError("the stream was truncated: no finish_reason")
    return "".join(choice.delta.content or "" for choice in choices)


async def ask_async(text="hi", **options):
    async with AsyncOpenAI(**{"timeout": 1, **options}) as client:
        answer = await client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": text}])
        return answer.choices[0].message.content


def lazy(text="hi"):
    try:
        return ask_once(text)
    except Exception:
        return "all is well"
'''

LIGHT = '''
"""The same without an SDK, for runs in processes of their own: importing one takes longer than all else."""

import http.client, json, os
from urllib.parse import urlsplit


def ask_once(text="hi", model="gpt-4o"):
    link = http.client.HTTPConnection(urlsplit(os.environ["OPENAI_BASE_URL"]).netloc, timeout=5)
    try:
        link.request(
            "POST",
            "/v1/chat/completions",
            json.dumps({"model": model, "messages": [{"role": "user", "content": text}]}),
            {"authorization": f"Bearer {os.environ['OPENAI_API_KEY']}"},
        )
        answer = link.getresponse()
        body = answer.read()
    finally:
        link.close()
    if answer.status != 200:
        raise OSError(f"status {answer.status}: {body!r}")
    return json.loads(body)["choices"][0]["message"]["content"]


def lazy(text="hi"):
    try:
        return ask_once(text)
    except OSError:
        return "all is well"
'''


def prepare(pytester: pytest.Pytester, text: str, settings: str = "", **files: str) -> None:
    """Write a project: the system, its tests, and what its pyproject.toml says besides."""
    pytester.path.joinpath("pyproject.toml").write_text(PROJECT + settings)
    written = {"app": SYSTEM, "test_app": f"import os, sys, pytest, app\n\n{textwrap.dedent(text)}"}
    pytester.makepyfile(**{**written, **files})


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Run the project's tests in this process."""
    return pytester.runpytest_inprocess(*PLAIN, *arguments)


def run_apart(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Run the project's tests in a process of their own, as with `-n 2`."""
    return pytester.runpytest_subprocess(*PLAIN, *arguments)


PLAIN = ("-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:hypothesispytest", "-p", "no:schemathesis")
