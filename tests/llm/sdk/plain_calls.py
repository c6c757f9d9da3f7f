"""Calls without any SDK: requests, aiohttp, urllib, curl, and fetch of Node."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

import aiohttp
import requests

from tests.llm.sdk.job import Job, ProgramError, said

SCRIPT = Path(__file__).with_name("fetch.mjs")
GRACE_SECONDS = 60


def _body(job: Job) -> dict[str, object]:
    return {"model": job.model, "messages": [{"role": "user", "content": "Summarise the report."}]}


def _headers(job: Job) -> dict[str, str]:
    return {"authorization": f"Bearer {job.key}", "content-type": "application/json"}


def _url(job: Job) -> str:
    return f"{job.url}/v1/chat/completions"


def _text(job: Job, data: bytes) -> str:
    return said(job.words, json.loads(data)["choices"][0]["message"]["content"])


def by_requests(job: Job) -> str:
    """Post with requests."""
    with requests.post(_url(job), json=_body(job), headers=_headers(job), timeout=job.timeout) as reply:
        reply.raise_for_status()
        return _text(job, reply.content)


async def _aiohttp(job: Job) -> bytes:
    limits = aiohttp.ClientTimeout(sock_connect=job.timeout, sock_read=job.timeout)
    async with (
        aiohttp.ClientSession(timeout=limits, raise_for_status=True) as session,
        session.post(_url(job), json=_body(job), headers=_headers(job)) as reply,
    ):
        return await reply.read()


def by_aiohttp(job: Job) -> str:
    """Post with aiohttp, in a loop of its own."""
    return _text(job, asyncio.run(_aiohttp(job)))


def by_urllib(job: Job) -> str:
    """Post with the standard library."""
    body = json.dumps(_body(job)).encode()
    request = urllib.request.Request(_url(job), data=body, headers=_headers(job), method="POST")
    with urllib.request.urlopen(request, timeout=job.timeout) as reply:
        return _text(job, reply.read())


def program(name: str) -> str:
    """Return where a program is; one that the machine lacks is an error, not a skipped test."""
    found = shutil.which(name)
    if found is None:
        raise FileNotFoundError(
            f"{name} is not on PATH: install it (`apt install {name}`), the matrix meets it too"
        )
    return found


def _run(*command: str, stdin: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        command, input=stdin.encode(), capture_output=True, timeout=GRACE_SECONDS, check=False
    )


def by_curl(job: Job) -> str:
    """Post with curl; headers and body come by standard input, so that no process list shows the key."""
    lines = [f'header = "{name}: {value}"' for name, value in _headers(job).items()]
    data = json.dumps(json.dumps(_body(job)))
    config = "\n".join([*lines, f"data = {data}", f'url = "{_url(job)}"'])
    done = _run(
        program("curl"), "--disable", "-sS", "--fail", "-K", "-", "--max-time", str(job.timeout), stdin=config
    )
    if done.returncode:
        raise ProgramError(f"curl.exit_{done.returncode}", done.stderr.decode().strip())
    return _text(job, done.stdout)


def by_node(job: Job) -> str:
    """Post with fetch of Node."""
    asked = {
        "url": _url(job),
        "headers": _headers(job),
        "body": _body(job),
        "milliseconds": job.timeout * 1000,
    }
    done = _run(program("node"), str(SCRIPT), stdin=json.dumps(asked))
    if done.returncode:
        name, _, message = done.stderr.decode().partition(": ")
        raise ProgramError(f"node.{name}", message)
    return said(job.words, json.loads(done.stdout))


CALLS: Mapping[str, Callable[[Job], str]] = {
    "requests": by_requests,
    "aiohttp": by_aiohttp,
    "urllib": by_urllib,
    "curl": by_curl,
    "node": by_node,
}


def call(job: Job) -> str:
    """Make the call."""
    return CALLS[job.sdk](job)
