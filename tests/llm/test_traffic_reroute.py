"""Requests of real clients in this process reach loopback, whatever host they were meant for."""

from __future__ import annotations

import asyncio
import concurrent.futures
import importlib
import socket
from collections.abc import Callable, Iterator
from types import ModuleType

import aiohttp
import aiohttp.client
import httpx
import httpx2
import openai
import pytest
import requests
import urllib3
import urllib3.connectionpool

from pytest_failhard.llm.canaries import KEYS
from pytest_failhard.llm.providers import load
from pytest_failhard.llm.traffic.egress import Guard
from pytest_failhard.llm.traffic.reroute import install
from tests.llm.loopback import TEXT, Loopback

OPENAI = "https://api.openai.com/v1"
ASK = [{"role": "user", "content": "hi"}]
BODY = {"model": "gpt-4o", "messages": ASK}
PATCHED: tuple[tuple[ModuleType, str, str], ...] = (
    (httpx, "HTTPTransport", "handle_request"),
    (httpx, "AsyncHTTPTransport", "handle_async_request"),
    (httpx2, "HTTPTransport", "handle_request"),
    (httpx2, "AsyncHTTPTransport", "handle_async_request"),
    (urllib3.connectionpool, "HTTPConnectionPool", "urlopen"),
    (urllib3.connectionpool, "HTTPSConnectionPool", "urlopen"),
    (aiohttp.client, "ClientSession", "_request"),
    (socket, "socket", "connect"),
    (socket, "socket", "connect_ex"),
    (socket, "socket", "sendto"),
)


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    """A provider on loopback."""
    with Loopback() as server:
        yield server


@pytest.fixture
def rerouted(loopback: Loopback) -> Iterator[Loopback]:
    """The same, where all requests for providers go."""
    undo = install(lambda: ("127.0.0.1", loopback.port), load().hosts, Guard())
    yield loopback
    undo()


def _openai() -> str | None:
    with openai.OpenAI(api_key="k", base_url=OPENAI, max_retries=0) as client:
        answer = client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "hi"}])
    return answer.choices[0].message.content


def _openai_async() -> str | None:
    async def ask() -> str | None:
        async with openai.AsyncOpenAI(api_key="k", base_url=OPENAI, max_retries=0) as client:
            answer = await client.chat.completions.create(
                model="gpt-4o", messages=[{"role": "user", "content": "hi"}]
            )
        return answer.choices[0].message.content

    return asyncio.run(ask())


def _anthropic() -> str:
    import anthropic  # each worker collects this file, one uses it: this takes seconds

    with anthropic.Anthropic(api_key="k", base_url="https://api.anthropic.com", max_retries=0) as client:
        answer = client.messages.create(
            model="claude", max_tokens=9, messages=[{"role": "user", "content": "hi"}]
        )
    block = answer.content[0]
    assert block.type == "text"
    return block.text


def _genai() -> str | None:
    from google import genai  # its source warns when it is compiled

    with genai.Client(api_key="k") as client:
        return client.models.generate_content(model="gemini-2.5-flash", contents="hi").text


def _mistral() -> object:
    from mistralai.client import Mistral

    with Mistral(api_key="k") as client:
        answer = client.chat.complete(model="m", messages=[{"role": "user", "content": "hi"}])
    return answer.choices[0].message.content if answer.choices[0].message else None


def _bedrock() -> object:
    client = importlib.import_module("boto3").client(
        "bedrock-runtime",
        region_name="us-east-1",
        aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"](),
        aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"](),
    )
    answer = client.converse(modelId="m", messages=[{"role": "user", "content": [{"text": "hi"}]}])
    client.close()
    return answer["output"]["message"]["content"][0]["text"]


def _chat(answer: object) -> object:
    """Return the text of a chat answer."""
    assert isinstance(answer, dict)
    return answer["choices"][0]["message"]["content"]


def _requests() -> object:
    with requests.Session() as session:
        return _chat(session.post(f"{OPENAI}/chat/completions", json=BODY, timeout=9).json())


def _urllib3() -> object:
    with urllib3.PoolManager() as manager:
        return _chat(manager.request("POST", f"{OPENAI}/chat/completions", json=BODY).json())


def _httpx() -> object:
    with httpx.Client() as client:
        return _chat(client.post(f"{OPENAI}/chat/completions", json=BODY).json())


def _httpx2_async() -> object:
    async def ask() -> object:
        async with httpx2.AsyncClient() as client:
            return _chat((await client.post(f"{OPENAI}/chat/completions", json=BODY)).json())

    return asyncio.run(ask())


def _aiohttp() -> object:
    async def ask() -> object:
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{OPENAI}/chat/completions", json=BODY, proxy="http://192.0.2.1:3128") as answer,
        ):
            return _chat(await answer.json())

    return asyncio.run(ask())


def _aiohttp_base_url() -> object:
    async def ask() -> object:
        async with (
            aiohttp.ClientSession("https://api.openai.com/v1/") as session,
            session.post("chat/completions", json=BODY, headers={"x-mine": "1"}) as answer,
        ):
            return _chat(await answer.json())

    return asyncio.run(ask())


CLIENTS: dict[str, tuple[Callable[[], object], str]] = {
    "openai": (_openai, "api.openai.com"),
    "openai-async": (_openai_async, "api.openai.com"),
    "anthropic": (_anthropic, "api.anthropic.com"),
    "google-genai": (_genai, "generativelanguage.googleapis.com"),
    "mistralai": (_mistral, "api.mistral.ai"),
    "boto3": (_bedrock, "bedrock-runtime.us-east-1.amazonaws.com"),
    "requests": (_requests, "api.openai.com"),
    "urllib3": (_urllib3, "api.openai.com"),
    "httpx": (_httpx, "api.openai.com"),
    "httpx2-async": (_httpx2_async, "api.openai.com"),
    "aiohttp": (_aiohttp, "api.openai.com"),
    "aiohttp-base-url": (_aiohttp_base_url, "api.openai.com"),
}


@pytest.mark.filterwarnings("ignore:invalid escape sequence:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:invalid escape sequence:SyntaxWarning")
@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_with_its_host_in_the_code_reaches_loopback(rerouted: Loopback, name: str) -> None:
    call, host = CLIENTS[name]
    assert call() == TEXT
    (seen,) = rerouted.seen
    assert seen.origin == host
    assert seen.headers["host"] == host


def test_a_client_in_a_thread_is_rerouted(rerouted: Loopback) -> None:
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(_requests) for _ in range(8)] + [pool.submit(_openai_async) for _ in range(4)]
        assert {answer.result() for answer in answers} == {TEXT}
    assert len(rerouted.seen) == 12
