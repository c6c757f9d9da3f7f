"""An honest project has no finding, in whichever form it is called, and every case is run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_failhard.gates.llm import matrix
from pytest_failhard.gates.llm.declaration import Circuit, Egress
from pytest_failhard.llm.calls import Call
from pytest_failhard.llm.ledger import read
from tests.gates.llm.projects import ROUTE, SERVICE, WEB, look
from tests.size import in_full

FAULTS = ("invalid_key", "missing_key", "rate_limit_rpm", "refused", "rst_before", "server_error")
JOB = """
import pathlib
import sys

from app.client import ModelError, ask

try:
    said = ask("A story.")
except ModelError as error:
    sys.exit(f"no summary: {error}")
pathlib.Path("out.txt").write_text(said)
"""
WRITES_FIRST = """
import pathlib
import sys

from app.client import ModelError, ask

pathlib.Path("out.txt").write_text("Summary of the story: ")
try:
    said = ask("A story.")
except ModelError as error:
    sys.exit(f"no summary: {error}")
pathlib.Path("out.txt").write_text(said)
"""
RESILIENT = '''
"""Does all that is asked for at the highest level but the breaker."""

import email.utils
import http.client
import json
import os
import random
import signal
import time
import urllib.error
import urllib.request

from app.client import ModelError, content

LONGEST = 3


class LateError(Exception):
    """The whole call has taken too long."""


def late(*_):
    raise LateError("deadline exceeded: timed out")


def summarise(text):
    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, 7)
    try:
        return asked(text)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def asked(text):
    key = os.environ.get("OPENAI_API_KEY")
    if not key:
        raise ModelError("OPENAI_API_KEY is not set")
    data = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": text}]}).encode()
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    url = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
    for number in range(3):
        wait = 0.05 * 2**number * random.uniform(0.5, 1)
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=2) as answer:
                return content(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                said = error.read().decode("utf-8", "replace")
                last = ModelError(f"status {error.code} ({error.headers.get('x-request-id')}): {said[:300]}")
            hint = hinted(error.headers)
            again = "infinite" in str(error) or error.code in (408, 409, 429) or error.code >= 500
            if not again or "quota" in said or "too large" in said or (hint or 0) > LONGEST:
                raise last from error
            wait = wait if hint is None else hint + 0.02
        except (OSError, http.client.HTTPException) as error:
            last = ModelError(f"{type(error).__name__}: {error!r}")
            if "certificate" in str(error).lower():
                raise last from error
        except ModelError as error:
            last = error
        time.sleep(wait)
    raise last


def hinted(headers):
    if headers.get("retry-after-ms"):
        return float(headers["retry-after-ms"]) / 1000
    after = headers.get("retry-after")
    if after is None:
        return None
    if after.isdigit():
        return float(after) or None
    return max(0.0, email.utils.parsedate_to_datetime(after).timestamp() - time.time())
'''
TELEMETRY = """
import socket
import urllib.request

from app.client import ask


def summarise(text):
    for host in ("telemetry.example", "vault.example"):
        try:
            urllib.request.urlopen(f"https://{host}/", timeout=5).close()
        except OSError:
            pass
    for host in ("192.0.2.1", "api.openai.com"):
        socket.socket().connect_ex((host, 443))
    return ask(text)
"""


def test_an_honest_callable_has_no_finding_and_every_case_is_run_and_recorded(tmp_path: Path) -> None:
    seen = look(tmp_path)
    assert seen.observation is not None, seen.error
    assert seen.rules <= {"unlogged-request-id"}
    assert seen.observation.examined == len(FAULTS)
    assert seen.observation.measures["cases_demanded"] == len(FAULTS)
    assert seen.observation.tool.startswith("pytest-failhard ")
    kept = json.loads(seen.kept["matrix.json"])
    assert kept["calls"]["sum"] == {
        "cases": [f"openai-{fault}@sum" for fault in FAULTS],
        "dialects": ["openai"],
        "features": [],
        "layers": ["base_url", "proxy"],
        "left_out": {},
        "series": {},
    }
    lines = seen.kept["attempts.jsonl"].splitlines(keepends=True)
    cases = {json.loads(line)["case"] for line in lines}
    assert cases == {"A@sum", "B@sum", "warm@sum", *(f"openai-{fault}@sum" for fault in FAULTS)}
    assert b"sk-proj-" not in seen.kept["attempts.jsonl"]
    one = [line for line in lines if json.loads(line)["case"] == "openai-server_error@sum"]
    assert [attempt.fault for attempt in read(b"".join(one)).attempts] == ["server_error"]


def test_an_honest_command_has_no_finding(tmp_path: Path) -> None:
    call = Call(id="sum", command=("python", "-m", "app.job"), result="file:out.txt")
    seen = look(tmp_path, {"app/job.py": JOB}, call=call)
    assert seen.observation is not None, seen.error
    assert seen.rules <= {"unlogged-request-id"}, seen.messages
    assert seen.observation.examined == len(FAULTS)


def test_a_result_that_is_written_all_the_same_is_a_fallback(tmp_path: Path) -> None:
    call = Call(id="sum", command=("python", "-m", "app.job"), result="file:out.txt")
    seen = look(tmp_path, {"app/job.py": WRITES_FIRST}, call=call)
    assert len(seen.findings("silent-fallback")) == len(FAULTS)
    assert seen.has("silent-fallback", "*failed with exit 1 and all the same wrote its result out.txt")


@pytest.mark.parametrize("needs_key", [False, True])
def test_an_honest_route_has_no_finding_be_it_that_it_does_not_start_without_a_key(
    tmp_path: Path, needs_key: bool
) -> None:
    code = SERVICE.replace("NEEDS_KEY", str(needs_key)).replace("ON_ERROR", "502")
    call = Call(id="sum", route="ask", result="json:/summary")
    seen = look(tmp_path, {"pyproject.toml": WEB, "app/web.py": code}, call=call)
    assert seen.observation is not None, seen.error
    assert seen.rules <= {"unlogged-request-id"}, seen.messages
    assert seen.observation.examined == len(FAULTS)


def test_a_route_that_says_200_and_one_that_says_400_are_found(tmp_path: Path) -> None:
    code = SERVICE.replace("NEEDS_KEY", "False").replace("ON_ERROR", "200")
    seen = look(tmp_path / "a", {"pyproject.toml": WEB, "app/web.py": code}, call=ROUTE)
    assert len(seen.findings("silent-fallback")) == len(FAULTS)
    code = SERVICE.replace("NEEDS_KEY", "False").replace("ON_ERROR", "400")
    seen = look(tmp_path / "b", {"pyproject.toml": WEB, "app/web.py": code}, call=ROUTE)
    assert seen.rules - {"unlogged-request-id"} == {"untyped-error"}
    assert len(seen.findings("untyped-error")) == len(FAULTS)


@in_full
def test_a_resilient_callable_lacks_but_a_circuit_breaker_at_the_fourth_level(tmp_path: Path) -> None:
    seen = look(tmp_path, {"app/model.py": RESILIENT}, level=4, circuit=Circuit(after=5, cooldown=30))
    assert seen.observation is not None, seen.error
    assert seen.rules == {"missing-circuit-breaker"}
    kept = json.loads(seen.kept["matrix.json"])["calls"]["sum"]
    tls = {each for each in kept["cases"] if "-tls_" in each}
    assert len(tls) >= 5
    assert {f"{each}#once" for each in kept["cases"] if "server_error" in each} & set(kept["cases"])
    assert seen.observation.examined == len(kept["cases"])
    assert seen.observation.measures["attempts_max"] == 3
    assert all(reason.startswith(("needs ", "has no wire form")) for reason in kept["left_out"].values())


def test_who_reaches_for_another_host_is_told_unless_it_is_declared(tmp_path: Path) -> None:
    allowed = (Egress(host="vault.example", reason="secrets are read there"),)
    seen = look(tmp_path, {"app/model.py": TELEMETRY}, egress_allow=allowed)
    assert seen.rules - {"unlogged-request-id"} == {"egress", "provider-fallback"}, seen.messages
    assert {each.partition(": ")[2] for each in seen.findings("egress")} == {
        "the system tried to reach 192.0.2.1, telemetry.example"
    }
    assert {each.partition(": ")[2] for each in seen.findings("provider-fallback")} == {
        "the system tried to reach api.openai.com"
    }


OPENAI = """
import os

import openai


def ask(text, retries):
    client = openai.OpenAI(timeout=5, max_retries=retries)
    answer = client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": text}])
    if not answer.choices or answer.choices[0].finish_reason != "stop":
        raise ValueError("unexpected or incomplete content")
    return answer.choices[0].message.content


def decorated(text):
    for _ in range(3):
        try:
            return ask(text, 2)
        except openai.OpenAIError as error:
            last = error
    raise last
"""


@in_full
def test_retries_around_those_of_an_sdk_are_counted(tmp_path: Path) -> None:
    call = Call(id="sum", callable="app.model:decorated", input={"text": "A story."})
    seen = look(tmp_path, {"app/model.py": OPENAI}, call=call)
    assert seen.observation is not None, seen.error
    assert seen.has("retry-amplification", "openai-server_error@sum: 9 attempts (3 x 3) for one call*")
    assert seen.has("retried-permanent-error", "openai-invalid_key@sum: *")


def test_more_systems_at_once_than_cases_are_not_started() -> None:
    callable_ = Call(id="sum", callable="app.model:summarise")
    assert 1 <= matrix._slots(ROUTE) <= matrix.SERVICES
    assert matrix._slots(ROUTE) <= matrix._slots(callable_) <= matrix.OTHERS
