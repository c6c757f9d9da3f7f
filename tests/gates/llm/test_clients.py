"""Whatever client a project uses, its requests are led to us, or it is said that they are not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_failhard.gates.llm.declaration import Circuit
from pytest_failhard.llm.calls import Call
from tests.gates.llm.projects import Seen, look
from tests.size import FULL, in_full

FAULTS = {"invalid_key", "missing_key", "rate_limit_rpm", "refused", "rst_before", "server_error"}
WITHOUT_A_REQUEST = {"missing_key", "refused"}
HEAD = """
import json
import os
import subprocess

from app.client import HOST, ModelError, ask, content

URL = HOST + "/chat/completions"


def headers():
    if not os.environ.get("OPENAI_API_KEY"):
        raise ModelError("OPENAI_API_KEY is not set")
    return {"authorization": "Bearer " + os.environ["OPENAI_API_KEY"], "content-type": "application/json"}


def data(text):
    return {"model": "gpt-4o", "messages": [{"role": "user", "content": text}]}


def checked(status, body):
    if status != 200:
        raise ModelError(f"status {status}: {body[:200]}")
    return content(body)

"""
URLLIB = f"""{HEAD}
def summarise(text):
    return ask(text, url=HOST)
"""
REQUESTS = f"""{HEAD}
import requests


def summarise(text):
    answer = requests.post(URL, json=data(text), headers=headers(), timeout=5)
    return checked(answer.status_code, answer.text)
"""
REQUESTS_APART = f"""{HEAD}
import requests


def summarise(text):
    with requests.Session() as session:
        session.trust_env = False
        answer = session.post(URL, json=data(text), headers=headers(), timeout=5, proxies={{}})
    return checked(answer.status_code, answer.text)
"""
AIOHTTP = f"""{HEAD}
import aiohttp


async def summarise(text):
    given = headers()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(2)) as session:
        async with session.post(URL, json=data(text), headers=given) as answer:
            return checked(answer.status, await answer.text())
"""
CURL = f"""{HEAD}
def summarise(text):
    given = [f"-H{{name}}: {{value}}" for name, value in headers().items()]
    argv = ["curl", "-sS", "-m", "2", "--fail-with-body", *given, "-d", json.dumps(data(text)), URL]
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode:
        raise ModelError(f"{{done.stderr}} {{done.stdout[:200]}}")
    return content(done.stdout)
"""
NODE = """
async function main() {
  const key = process.env.OPENAI_API_KEY;
  if (!key) throw new Error('OPENAI_API_KEY is not set');
  const answer = await fetch(`${BASE}/chat/completions`, {
    method: 'POST',
    headers: {authorization: `Bearer ${key}`, 'content-type': 'application/json'},
    body: JSON.stringify({model: 'gpt-4o', messages: [{role: 'user', content: 'hi'}]}),
  });
  const text = await answer.text();
  if (answer.status !== 200) throw new Error(`status ${answer.status}: ${text}`);
  console.log(JSON.parse(text).choices[0].message.content);
}
main().catch((error) => { console.error(error); process.exit(1); });
"""
SCRIPT = Call(id="sum", command=("node", "app/main.js"))
CIRCUIT = Circuit(after=5, cooldown=30)
URLS_IN_CODE = {
    "urllib": (URLLIB, "proxy"),
    "requests": (REQUESTS, "proxy"),
    "curl": (CURL, "proxy"),
    "requests-apart": (REQUESTS_APART, "reroute"),
    "aiohttp": (AIOHTTP, "reroute"),
}


def records(seen: Seen) -> list[dict[str, object]]:
    return [json.loads(line) for line in seen.kept["attempts.jsonl"].splitlines()]


# In the size of CI the client that is no Python, and those that no proxy leads.
@pytest.mark.parametrize("name", URLS_IN_CODE if FULL else ["curl", "requests-apart", "aiohttp"])
def test_a_host_in_the_code_is_reached_and_each_fault_is_met(tmp_path: Path, name: str) -> None:
    code, layer = URLS_IN_CODE[name]
    seen = look(tmp_path, {"app/model.py": code})
    assert seen.rules <= {"unlogged-request-id"}, seen.messages
    assert seen.observation is not None, seen.error
    assert seen.observation.examined == len(FAULTS)
    asked = [each for each in records(seen) if each.get("kind") == "call"]
    assert {each["layer"] for each in asked} == {layer}
    met = {str(each["case"]).removeprefix("openai-").removesuffix("@sum") for each in asked if each["fault"]}
    assert met == FAULTS - WITHOUT_A_REQUEST


@in_full
@pytest.mark.parametrize("name", ["curl", "aiohttp"] if FULL else ["aiohttp"])
def test_each_broken_connection_is_met_whichever_way_the_request_goes(tmp_path: Path, name: str) -> None:
    seen = look(tmp_path, {"app/model.py": URLS_IN_CODE[name][0]}, level=4, deadline=6, circuit=CIRCUIT)
    assert seen.observation is not None, seen.error
    broken = ("refused", "dns_failure", "connect_timeout", "tls_")
    wrong = [
        each
        for each in seen.messages.splitlines()
        if each.partition("openai-")[2].startswith(broken) and "causeless-error" not in each
    ]
    assert wrong == []
    cases = json.loads(seen.kept["matrix.json"])["calls"]["sum"]["cases"]
    assert len([each for each in cases if each.startswith("openai-tls_")]) >= 5
    assert seen.observation.measures["cases"] == len(cases)


def test_a_node_script_that_reads_its_base_url_is_led_like_any_other(tmp_path: Path) -> None:
    script = NODE.replace("BASE", "process.env.OPENAI_BASE_URL")
    files = {"app/main.js": script}
    seen = look(tmp_path, files, call=SCRIPT)
    assert seen.observation is not None, seen.error
    assert seen.rules <= {"unlogged-request-id"}, seen.messages
    assert seen.observation.examined == len(FAULTS)


@pytest.mark.parametrize(
    ("host", "code", "refused"),
    [
        ("unreachable.invalid", "ENOTFOUND", "nothing"),
        ("api.openai.com", "ENETUNREACH", "api.openai.com:443"),
    ],
)
def test_a_node_script_that_takes_notice_of_nothing_is_an_error_that_names_the_layers(
    tmp_path: Path, host: str, code: str, refused: str
) -> None:
    script = NODE.replace("${BASE}", f"https://{host}/v1")
    seen = look(tmp_path, {"app/main.js": script}, call=SCRIPT)
    assert seen.error.startswith("injection-not-exercised: sum: a healthy run sent no LLM request")
    assert f"base_url and proxy: no request, refused {refused}, failed" in seen.error
    assert f"base_url and proxy and reroute: no request, refused {refused}, failed" in seen.error
    assert code in seen.error
