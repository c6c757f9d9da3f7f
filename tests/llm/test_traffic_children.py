"""Python children that know nothing of us reach loopback and no further."""

from __future__ import annotations

import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import pytest
import requests

from pytest_failhard.llm.canaries import Canaries
from pytest_failhard.llm.providers import load
from pytest_failhard.llm.request import ORIGIN_HEADER
from pytest_failhard.llm.traffic import child, reroute
from pytest_failhard.llm.traffic.egress import EgressError
from pytest_failhard.llm.traffic.environment import key_variables, variables
from pytest_failhard.llm.traffic.reroute import Reported, RerouteError, netloc, reported, sitecustomize
from tests.llm.loopback import TEXT, Loopback
from tests.size import without

HERE = Path(sys.executable)
OPENAI_2 = Path(sys.prefix) / "openai2" / "bin" / "python"
ASK = "[{'role': 'user', 'content': 'hi'}]"
URL = "https://api.openai.com/v1/chat/completions"
BODY = f"{{'model': 'm', 'messages': {ASK}}}"
CHOICE = "['choices'][0]['message']['content']"

OPENAI_SYNC = f"""
import openai
with openai.OpenAI(base_url='https://api.openai.com/v1', max_retries=0) as client:
    print(client.chat.completions.create(model='m', messages={ASK}).choices[0].message.content)
"""
OPENAI_ASYNC = f"""
import asyncio, openai
async def ask():
    async with openai.AsyncOpenAI(base_url='https://api.openai.com/v1', max_retries=0) as client:
        answer = await client.chat.completions.create(model='m', messages={ASK})
    print(answer.choices[0].message.content)
asyncio.run(ask())
"""
AIOHTTP = f"""
import asyncio, aiohttp
async def ask():
    async with aiohttp.ClientSession() as session, session.post('{URL}', json={BODY}) as answer:
        print((await answer.json()){CHOICE})
asyncio.run(ask())
"""
REROUTED: Mapping[str, tuple[Path, str, str]] = {
    "openai-3": (HERE, OPENAI_SYNC, "api.openai.com"),
    "openai-3-async": (HERE, OPENAI_ASYNC, "api.openai.com"),
    "openai-3-module": (
        HERE,
        f"import openai; print(openai.chat.completions.create(model='m', messages={ASK}).choices[0].message.content)",
        "api.openai.com",
    ),
    "anthropic": (
        HERE,
        f"""
import anthropic
with anthropic.Anthropic(base_url='https://api.anthropic.com', max_retries=0) as client:
    print(client.messages.create(model='m', max_tokens=9, messages={ASK}).content[0].text)
""",
        "api.anthropic.com",
    ),
    "google-genai": (
        HERE,
        """
from google import genai
with genai.Client() as client:
    print(client.models.generate_content(model='gemini-2.5-flash', contents='hi').text)
""",
        "generativelanguage.googleapis.com",
    ),
    "mistralai": (
        HERE,
        f"""
import os
from mistralai.client import Mistral
with Mistral(api_key=os.environ['MISTRAL_API_KEY']) as client:
    print(client.chat.complete(model='m', messages={ASK}).choices[0].message.content)
""",
        "api.mistral.ai",
    ),
    "boto3": (
        HERE,
        """
import boto3
client = boto3.client('bedrock-runtime')
answer = client.converse(modelId='m', messages=[{'role': 'user', 'content': [{'text': 'hi'}]}])
print(answer['output']['message']['content'][0]['text'])
""",
        "bedrock-runtime.us-east-1.amazonaws.com",
    ),
    "requests": (
        HERE,
        f"import requests; print(requests.post('{URL}', json={BODY}).json(){CHOICE})",
        "api.openai.com",
    ),
    "urllib3": (
        HERE,
        f"import urllib3; print(urllib3.PoolManager().request('POST', '{URL}', json={BODY}).json(){CHOICE})",
        "api.openai.com",
    ),
    "httpx": (
        HERE,
        f"import httpx; print(httpx.post('{URL}', json={BODY}).json(){CHOICE})",
        "api.openai.com",
    ),
    "httpx2": (
        HERE,
        f"import httpx2; print(httpx2.post('{URL}', json={BODY}).json(){CHOICE})",
        "api.openai.com",
    ),
    "aiohttp": (HERE, AIOHTTP, "api.openai.com"),
    "openai-2": (OPENAI_2, OPENAI_SYNC, "api.openai.com"),
    "openai-2-async": (OPENAI_2, OPENAI_ASYNC, "api.openai.com"),
    "litellm": (
        OPENAI_2,
        f"""
import litellm
print(litellm.completion('openai/m', messages={ASK}, max_retries=0).choices[0].message.content)
""",
        "api.openai.com",
    ),
    "litellm-async": (
        OPENAI_2,
        f"""
import asyncio, litellm
async def ask():
    answer = await litellm.acompletion('openai/m', messages={ASK}, max_retries=0)
    print(answer.choices[0].message.content)
asyncio.run(ask())
""",
        "api.openai.com",
    ),
    "langchain-openai": (
        OPENAI_2,
        "from langchain_openai import ChatOpenAI; print(ChatOpenAI(model='m', max_retries=0).invoke('hi').content)",
        "api.openai.com",
    ),
}
BASE_URL: Mapping[str, tuple[Path, str, str]] = {
    "openai-3": (
        HERE,
        OPENAI_SYNC.replace("base_url='https://api.openai.com/v1', ", ""),
        "/v1/chat/completions",
    ),
    "anthropic": (
        HERE,
        REROUTED["anthropic"][1].replace("base_url='https://api.anthropic.com', ", ""),
        "/v1/messages",
    ),
    "google-genai": (HERE, REROUTED["google-genai"][1], "/v1/models/gemini-2.5-flash:generateContent"),
    "boto3": (HERE, REROUTED["boto3"][1], "/model/m/converse"),
    "openai-2": (
        OPENAI_2,
        OPENAI_SYNC.replace("base_url='https://api.openai.com/v1', ", ""),
        "/v1/chat/completions",
    ),
    "litellm": (OPENAI_2, REROUTED["litellm"][1], "/v1/chat/completions"),
    "langchain-openai": (OPENAI_2, REROUTED["langchain-openai"][1], "/v1/chat/completions"),
}


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    """A provider on loopback."""
    with Loopback() as server:
        yield server


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Return a function that runs a script in an environment built from nothing."""
    home = tmp_path / "home"
    home.mkdir()

    def start(
        code: str,
        environment: Mapping[str, str],
        *options: str,
        python: Path = HERE,
    ) -> subprocess.CompletedProcess[str]:
        scrubbed = {"PATH": "/usr/bin:/bin", "HOME": str(home), "LANG": "C.UTF-8", **environment}
        arguments = [str(python), *options, "-c", code]
        return subprocess.run(
            arguments, env=scrubbed, cwd=home, capture_output=True, text=True, timeout=120, check=False
        )

    return start


def _environment(server: Loopback, hook: Path | None, *layers: str) -> dict[str, str]:
    real = {name: f"sk-real-{name}" for name in key_variables()}
    found = variables(server.url, Canaries.draw("A"), layers=frozenset(layers), sitecustomize=hook)
    return found.apply(real)


# Of one SDK in several versions and ways, CI imports the newest and its way to wait.
HEAVY = ("litellm", "openai-2", "anthropic", "langchain-openai", "google-genai")
"""To import one takes a second or more; the matrix of the SDKs asks all of them by their base URL."""
MORE = ("litellm", "litellm-async", "langchain-openai", "openai-2-async", "openai-3-module")


@pytest.mark.parametrize("name", without(REROUTED, *MORE, "openai-2", "anthropic"))
def test_a_child_with_its_host_in_the_code_reaches_loopback(
    loopback: Loopback, run: Run, tmp_path: Path, name: str
) -> None:
    python, code, host = REROUTED[name]
    hook = sitecustomize(tmp_path, loopback.port, load().hosts)
    ended = run(code, _environment(loopback, hook, "reroute"), python=python)
    assert (ended.stdout.strip(), ended.returncode) == (TEXT, 0), ended.stderr
    (seen,) = loopback.seen
    assert seen.origin == host
    assert "sk-real-" not in seen.wire
    assert reported(hook) == Reported(processes=1, egress=(), errors=())


@pytest.mark.parametrize("name", without(BASE_URL, *HEAVY))
def test_a_child_reaches_loopback_by_its_base_url(loopback: Loopback, run: Run, name: str) -> None:
    python, code, path = BASE_URL[name]
    ended = run(code, _environment(loopback, None, "base_url"), python=python)
    assert (ended.stdout.strip(), ended.returncode) == (TEXT, 0), ended.stderr
    (seen,) = loopback.seen
    assert (seen.target, seen.origin) == (path, "")
    assert "sk-real-" not in seen.wire


def test_what_is_not_rerouted_does_not_leave_either(loopback: Loopback, run: Run, tmp_path: Path) -> None:
    hook = sitecustomize(tmp_path, loopback.port, load().hosts)
    code = f"import urllib.request; urllib.request.urlopen('{URL}')"
    ended = run(code, _environment(loopback, hook, "reroute"))
    assert "Network is unreachable: api.openai.com:443" in ended.stderr
    assert loopback.seen == []
    assert reported(hook).egress == (("api.openai.com", 443),)


MISSED = {
    "urllib": "import sys, urllib.request; urllib.request.urlopen(sys.argv[1]).close()",
    "curl": "import subprocess, sys; subprocess.run(['curl', '-sSo', '/dev/null', sys.argv[1]], check=True)",
    "requests": "import sys, requests; requests.get(sys.argv[1])",
}


@pytest.mark.parametrize(("name", "hits"), [("urllib", [1, 0]), ("curl", [1, 0]), ("requests", [0, 1])])
def test_the_reroute_misses_what_it_is_said_to_miss(
    loopback: Loopback, run: Run, tmp_path: Path, name: str, hits: list[int]
) -> None:
    with Loopback() as configured:
        hook = sitecustomize(tmp_path, loopback.port, [netloc(configured.url)])
        code = MISSED[name].replace("sys.argv[1]", repr(f"{configured.url}/v1/models"))
        assert run(code, _environment(loopback, hook, "reroute")).returncode == 0
    assert [len(server.seen) for server in (configured, loopback)] == hits


@pytest.mark.parametrize("option", ["-I", "-E", "-S"])
def test_a_child_that_never_ran_the_hook_is_known_by_its_silence(
    loopback: Loopback, run: Run, tmp_path: Path, option: str
) -> None:
    hook = sitecustomize(tmp_path, loopback.port, load().hosts)
    assert run("print(1)", _environment(loopback, hook, "reroute"), option).stdout == "1\n"
    assert reported(hook) == Reported(processes=0, egress=(), errors=())


def test_children_of_children_are_rerouted_and_counted(loopback: Loopback, run: Run, tmp_path: Path) -> None:
    hook = sitecustomize(tmp_path, loopback.port, load().hosts)
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {OPENAI_SYNC!r}], check=True)"
    ended = run(code, _environment(loopback, hook, "reroute"))
    assert ended.stdout.strip() == TEXT, ended.stderr
    assert reported(hook).processes == 2


def test_an_unknown_name_fails_as_one_and_is_no_egress(loopback: Loopback, run: Run, tmp_path: Path) -> None:
    hook = sitecustomize(tmp_path, 80, load().hosts, host="api.openai.invalid")
    ended = run(OPENAI_SYNC, _environment(loopback, hook, "reroute"))
    assert "[Errno -2] Name or service not known" in ended.stderr
    assert "APIConnectionError" in ended.stderr
    assert reported(hook) == Reported(processes=1, egress=(), errors=())


def test_an_allowed_host_is_not_held_back(loopback: Loopback, run: Run, tmp_path: Path) -> None:
    hook = sitecustomize(tmp_path, loopback.port, load().hosts, ["192.0.2.*"])
    code = "import socket; socket.socket(type=socket.SOCK_DGRAM).connect_ex(('192.0.2.1', 9))"
    assert run(code, _environment(loopback, hook, "reroute")).returncode == 0
    assert reported(hook).egress == ()


def test_a_hook_in_a_folder_with_two_names_runs_once(loopback: Loopback, run: Run, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    hook = sitecustomize(tmp_path / "link", loopback.port, load().hosts)
    assert run("print(1)", _environment(loopback, hook, "reroute")).stdout == "1\n"
    assert reported(hook).processes == 1


def test_the_sitecustomize_of_the_environment_runs_after_ours(
    loopback: Loopback, run: Run, tmp_path: Path
) -> None:
    hook = sitecustomize(tmp_path, loopback.port, load().hosts)
    other = tmp_path / "other"
    other.mkdir()
    other.joinpath("sitecustomize.py").write_text("print('theirs', __file__)")
    environment = _environment(loopback, hook, "reroute")
    environment["PYTHONPATH"] += f":{other}"
    ended = run(f"import sitecustomize; print(sitecustomize.__file__){OPENAI_SYNC}", environment)
    theirs = str(other / "sitecustomize.py")
    assert ended.stdout.splitlines() == [f"theirs {theirs}", theirs, TEXT]


def test_a_library_of_another_shape_ends_the_import(loopback: Loopback, run: Run, tmp_path: Path) -> None:
    hook = sitecustomize(tmp_path, loopback.port, load().hosts)
    (tmp_path / "home" / "httpx.py").write_text("__version__ = '9.9'")
    code = "try:\n    import httpx\nexcept ImportError:\n    print('passed over')"
    ended = run(code, _environment(loopback, hook, "reroute"))
    assert ended.returncode == 1
    assert "RerouteError: httpx 9.9 has no HTTPTransport.handle_request" in ended.stderr
    (error,) = reported(hook).errors
    assert error.startswith("httpx 9.9 has no HTTPTransport")


def test_a_child_of_which_nothing_can_be_noted_does_not_run(
    loopback: Loopback, run: Run, tmp_path: Path
) -> None:
    hook = sitecustomize(tmp_path, loopback.port, load().hosts)
    (hook / "record").mkdir()
    ended = run("print('ran')", _environment(loopback, hook, "reroute"))
    assert (ended.stdout, ended.returncode) == ("", 1)
    assert "Is a directory" in ended.stderr


def test_the_child_sees_nothing_of_who_judges_it(loopback: Loopback, run: Run, tmp_path: Path) -> None:
    hook = sitecustomize(tmp_path, loopback.port, load().hosts)
    code = "import os, sys, httpx2; print([*sys.modules], sorted(os.environ), sys.path)"
    ended = run(code, _environment(loopback, hook, "reroute"))
    text = ended.stdout.replace(sys.prefix, "").replace(str(tmp_path), "").replace("__editable__", "")
    assert not [word for word in text.split() if "failhard" in word and "pytest_failhard" not in word]
    assert "pytest_failhard.llm" not in text


def test_each_sitecustomize_stands_alone_in_a_folder_with_a_random_name(tmp_path: Path) -> None:
    first, second = (sitecustomize(tmp_path, 1, load().hosts) for _ in range(2))
    assert first != second
    assert {each.name for each in first.iterdir()} == {"sitecustomize.py", "guard.cjs"}
    text = first.joinpath("sitecustomize.py").read_text()
    assert "pytest_failhard" not in text
    assert ORIGIN_HEADER in text


@pytest.mark.parametrize("line", ["{", "3", "[]", '["egress", "a"]', '["egress", "a", "b"]'])
def test_a_damaged_record_is_an_error(tmp_path: Path, line: str) -> None:
    hook = sitecustomize(tmp_path, 1, load().hosts)
    (hook / "record").write_text(f'["process", 1]\n{line}\n')
    with pytest.raises(RerouteError, match="damaged"):
        reported(hook)


@pytest.fixture
def taken_back(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Callable[[], None]]]:
    """What a test collects here is called at its end: it plays the child in this process."""
    monkeypatch.setitem(sys.modules, "sitecustomize", ModuleType("sitecustomize"))
    collected: list[Callable[[], None]] = []
    yield collected
    for each in collected:
        each()


def _started(server: Loopback, folder: Path, *allow: str) -> Callable[[], None]:
    target = ("127.0.0.1", server.port, "http")
    return child.start(target, load().hosts, ORIGIN_HEADER, allow, str(folder), str(folder / "record"))


def test_a_start_engages_and_notes_what_is_refused(
    loopback: Loopback, tmp_path: Path, taken_back: list[Callable[[], None]]
) -> None:
    taken_back.append(_started(loopback, tmp_path))
    assert requests.post(URL, json={}, timeout=9).status_code == 200
    with pytest.raises(EgressError):
        socket.create_connection(("example.org", 443))
    assert reported(tmp_path) == Reported(processes=1, egress=(("example.org", 443),), errors=())


def test_a_start_runs_the_sitecustomize_that_it_stands_before(
    loopback: Loopback, tmp_path: Path, taken_back: list[Callable[[], None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for folder in (ours, theirs):
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(f"name = {folder.name!r}")
    monkeypatch.setattr(sys, "path", [str(ours), str(theirs), *sys.path])
    taken_back.append(_started(loopback, ours))
    assert vars(sys.modules["sitecustomize"])["name"] == "theirs"


def test_a_start_without_another_sitecustomize_stays_alone(
    loopback: Loopback, tmp_path: Path, taken_back: list[Callable[[], None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sys.modules["sitecustomize"]
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    (tmp_path / "sitecustomize.py").write_text("raise AssertionError('ours ran twice')")
    taken_back.append(_started(loopback, tmp_path))
    assert sys.modules["sitecustomize"] is before


def test_a_start_ends_the_process_where_a_library_has_another_shape(
    loopback: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "httpx", ModuleType("httpx"))
    with pytest.raises(SystemExit, match=r"httpx \(version unknown\) has no HTTPTransport"):
        _started(loopback, tmp_path)
    (error,) = reported(tmp_path).errors
    assert error.startswith("httpx (version unknown) has no")


def test_several_threads_may_make_one_at_once(tmp_path: Path) -> None:
    reroute._joined.cache_clear()
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: sitecustomize(tmp_path, 9, ("api.openai.com",)), range(8)))
    assert len(set(made)) == 8
    assert len({(folder / "sitecustomize.py").stat().st_size for folder in made}) == 1


def test_a_child_takes_no_notice_of_a_proxy(
    loopback: Loopback, tmp_path: Path, taken_back: list[Callable[[], None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    undo = _started(loopback, tmp_path)
    taken_back.append(undo)
    assert urllib.request.getproxies() == {}
    assert requests.post(URL, json={}, timeout=9).status_code == 200
    undo()
    assert urllib.request.getproxies()["https"] == "http://127.0.0.1:9"
