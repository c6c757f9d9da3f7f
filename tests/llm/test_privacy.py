"""Nothing leaves the machine, no real key is ever sent, and the record holds neither keys nor prompts."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pytest_failhard.llm.canaries import KEYS, Canaries
from pytest_failhard.llm.handler import Arrival, Exchange
from pytest_failhard.llm.ledger import lines
from pytest_failhard.llm.providers import load
from pytest_failhard.llm.request import Request
from pytest_failhard.llm.router import Router
from pytest_failhard.llm.schedule import Kind, Rule
from pytest_failhard.llm.server import Server
from pytest_failhard.llm.traffic.egress import Guard
from pytest_failhard.llm.traffic.environment import BASE_URL, REROUTE, key_variables, variables
from pytest_failhard.llm.traffic.reroute import install, reported, sitecustomize
from tests.size import without

PROMPT = "the merger with Northwind is secret"
FAILS = (Rule(id="r1", kinds=(Kind(fault="invalid_key"),)),)
OPENAI2 = Path(sys.prefix) / "openai2" / "bin" / "python"
HERE = Path(sys.executable)

ASK = f"[{{'role': 'user', 'content': {PROMPT!r}}}]"
OPENAI = f"""
import openai
with openai.OpenAI() as client:
    print(client.chat.completions.create(model='gpt-4o-mini', messages={ASK}).choices[0].message.content)
"""
AZURE = f"""
import openai
with openai.AzureOpenAI() as client:
    print(client.chat.completions.create(model='gpt-4o-mini', messages={ASK}).choices[0].message.content)
"""
ANTHROPIC = f"""
import anthropic
with anthropic.Anthropic() as client:
    print(client.messages.create(model='claude', max_tokens=9, messages={ASK}).content[0].text)
"""
GEMINI = f"""
import warnings
warnings.simplefilter('ignore')
from google import genai
with genai.Client() as client:
    print(client.models.generate_content(model='gemini', contents={PROMPT!r}).text)
"""
BEDROCK = f"""
import boto3
client = boto3.client('bedrock-runtime')
asked = [{{'role': 'user', 'content': [{{'text': {PROMPT!r}}}]}}]
print(client.converse(modelId='m', messages=asked)['output']['message']['content'][0]['text'])
client.close()
"""
REQUESTS = f"""
import os, requests
headers = {{'authorization': 'Bearer ' + os.environ['OPENAI_API_KEY']}}
body = {{'model': 'gpt-4o-mini', 'messages': {ASK}}}
answer = requests.post('https://api.openai.com/v1/chat/completions', json=body, headers=headers, timeout=10)
print(answer.json()['choices'][0]['message']['content'])
"""
LITELLM = f"""
import litellm
print(litellm.completion(model='openai/gpt-4o-mini', messages={ASK}).choices[0].message.content)
"""
PROGRAMS: Mapping[str, tuple[Path, str, str]] = {
    "openai-3": (HERE, OPENAI, "OPENAI_API_KEY"),
    "openai-2": (OPENAI2, OPENAI, "OPENAI_API_KEY"),
    "azure": (HERE, AZURE, "AZURE_OPENAI_API_KEY"),
    "anthropic": (HERE, ANTHROPIC, "ANTHROPIC_API_KEY"),
    "gemini": (HERE, GEMINI, "GOOGLE_API_KEY"),
    "bedrock": (HERE, BEDROCK, "AWS_ACCESS_KEY_ID"),
    "hard-coded host": (HERE, REQUESTS, "OPENAI_API_KEY"),
    "litellm": (OPENAI2, LITELLM, "OPENAI_API_KEY"),
}
"""Programs that find key and address as a project would: interpreter, code, and the key they present."""


@dataclass
class Watched:
    """A router that keeps every request as it came, which the router itself never does."""

    router: Router
    requests: list[Request] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, arrival: Arrival) -> Exchange:
        """Keep it and have it answered."""
        with self.lock:
            self.requests.append(arrival.request)
        return self.router.answer(arrival)

    def refuse(self, what: str, detail: str) -> None:
        """Pass it on."""
        self.router.refuse(what, detail)

    @property
    def received(self) -> str:
        """All that arrived, as one text."""
        parts = (f"{each.method} {each.target} {each.headers} {each.body!r}" for each in self.requests)
        return "\n".join(parts)


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """Keys as a developer has them, in every variable where one could be."""
    drawn = Canaries.draw("planted").keys
    found = {
        name: drawn.get(name, f"real-{name.lower()}-{drawn['MISTRAL_API_KEY']}") for name in key_variables()
    }
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    return found


@pytest.fixture
def canaries() -> Canaries:
    """Those of the case."""
    return Canaries.draw("A")


@pytest.fixture
def watched(canaries: Canaries) -> Watched:
    """A healthy provider under watch."""
    return Watched(Router("privacy", seed=0, rules=(), canaries=canaries))


@pytest.fixture
def guard() -> Iterator[Guard]:
    """Keep this process on loopback."""
    guard = Guard()
    undo = guard.install()
    yield guard
    undo()


def secrets(canaries: Canaries, planted: Mapping[str, str]) -> Sequence[str]:
    """Return what must not be in any record."""
    words = (canaries.head, canaries.middle, canaries.tail, canaries.poison, canaries.text)
    return (*words, *canaries.keys.values(), *planted.values(), PROMPT, "Northwind")


def run(python: Path, program: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a program as a child."""
    assert python.exists(), f"{python} is missing: run `make environment`"
    return subprocess.run(
        (str(python), "-c", program),
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("name", without(PROGRAMS, "litellm", "openai-2", "anthropic", "gemini"))
def test_a_child_presents_the_canary_and_never_the_parents_key(
    name: str,
    planted: Mapping[str, str],
    canaries: Canaries,
    watched: Watched,
    server: Server,
    tmp_path: Path,
) -> None:
    python, program, key = PROGRAMS[name]
    with server.open(watched) as listener:
        folder = sitecustomize(tmp_path, listener.port, load().hosts)
        given = variables(listener.url, canaries, layers=frozenset({BASE_URL, REROUTE}), sitecustomize=folder)
        environment = {**given.apply(os.environ), "HOME": str(tmp_path)}
        done = run(python, program, environment)
    assert (done.returncode, done.stdout.strip()) == (0, canaries.text), done.stderr
    assert {attempt.key for attempt in watched.router.ledger.attempts} == {f"key[{key}]"}
    assert [value for value in planted.values() if value in watched.received] == []
    assert reported(folder).egress == ()
    record = lines(watched.router.ledger).decode()
    assert [secret for secret in secrets(canaries, planted) if secret in record] == []


def test_the_child_of_an_environment_with_every_key_sees_none_of_them(
    planted: Mapping[str, str], canaries: Canaries
) -> None:
    given = variables("http://127.0.0.1:9", canaries, layers=frozenset({BASE_URL})).apply(os.environ)
    assert set(KEYS) <= set(planted)
    assert [name for name, value in given.items() if value in planted.values()] == []


def test_without_keys_no_request_is_made_and_no_real_key_takes_their_place(
    planted: Mapping[str, str], canaries: Canaries, watched: Watched, server: Server, tmp_path: Path
) -> None:
    with server.open(watched) as listener:
        given = variables(listener.url, canaries, layers=frozenset({BASE_URL}), missing_key=True)
        done = run(HERE, OPENAI, {**given.apply(os.environ), "HOME": str(tmp_path)})
    assert done.returncode == 1
    assert "OPENAI_API_KEY" in done.stderr
    assert watched.requests == []


def test_a_client_that_nobody_led_to_loopback_reaches_nothing(
    planted: Mapping[str, str], guard: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    import openai

    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(openai.APIConnectionError), openai.OpenAI(max_retries=0) as client:
        client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": PROMPT}])
    assert guard.attempts == (("api.openai.com", 443),)


def test_a_child_that_nobody_led_to_loopback_reaches_nothing(
    planted: Mapping[str, str], canaries: Canaries, watched: Watched, server: Server, tmp_path: Path
) -> None:
    with server.open(watched) as listener:
        folder = sitecustomize(tmp_path, listener.port, hosts=())
        given = variables(listener.url, canaries, layers=frozenset({REROUTE}), sitecustomize=folder)
        done = run(HERE, REQUESTS, given.apply(os.environ))
    assert done.returncode == 1
    assert reported(folder).egress == (("api.openai.com", 443),)
    assert watched.requests == []


def test_a_key_that_is_written_in_the_code_stays_on_the_machine_and_out_of_the_record(
    planted: Mapping[str, str], canaries: Canaries, watched: Watched, server: Server
) -> None:
    import openai

    guard = Guard()
    with server.open(watched) as listener:
        undo = install(lambda: ("127.0.0.1", listener.port), load().hosts, guard)
        try:
            with openai.OpenAI(
                api_key=planted["OPENAI_API_KEY"], base_url="https://api.openai.com/v1"
            ) as client:
                client.chat.completions.create(
                    model="gpt-4o-mini", messages=[{"role": "user", "content": PROMPT}]
                )
        finally:
            undo()
    (attempt,) = watched.router.ledger.attempts
    assert (attempt.key, len(attempt.foreign_key_sha256)) == ("foreign", 64)
    assert guard.attempts == ()
    record = lines(watched.router.ledger).decode()
    assert [secret for secret in secrets(canaries, planted) if secret in record] == []


def test_a_fault_that_repeats_the_key_leaves_it_out_of_the_record(
    planted: Mapping[str, str], canaries: Canaries, server: Server
) -> None:
    import openai

    router = Router("privacy", seed=0, rules=FAILS, canaries=canaries)
    with server.open(router) as listener:
        key = canaries.keys["OPENAI_API_KEY"]
        with (
            openai.OpenAI(api_key=key, base_url=f"{listener.url}/v1") as client,
            pytest.raises(openai.AuthenticationError) as caught,
        ):
            client.chat.completions.create(
                model="gpt-4o-mini", messages=[{"role": "user", "content": PROMPT}]
            )
    assert key not in str(caught.value)
    assert key[:6] in str(caught.value)
    record = lines(router.ledger).decode()
    assert [secret for secret in secrets(canaries, planted) if secret in record] == []
