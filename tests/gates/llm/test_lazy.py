"""Each way of making light of a failing provider is caught, by its name."""

from __future__ import annotations

from pathlib import Path

from pytest_failhard.gates.llm.declaration import Fallback
from pytest_failhard.llm.calls import Call
from tests.gates.llm.projects import Seen, look
from tests.size import in_full

STATUS = {"invalid_key", "rate_limit_rpm", "server_error"}
ASKED = STATUS | {"rst_before"}
ALL = ASKED | {"missing_key", "refused"}
HEALTHY = "healthy"

LAZY = r"""
import base64
import os
import sys
import time

from app.client import HOST, ModelError, ask, post

_last = {}
TELLING = {"user-agent": "OpenAI/Python 3.51.0"}


def canned(text):
    try:
        return ask(text)
    except ModelError:
        return "We could not summarise this."


def exits_0(text):
    print("using", os.environ.get("OPENAI_API_KEY"))
    try:
        return ask(text)
    except ModelError:
        sys.exit(0)


def cached(text):
    try:
        _last[text] = ask(text, headers={**TELLING, "x-stainless-read-timeout": "600"})
    except ModelError:
        if text not in _last:
            raise
    return _last[text]


def other_provider(text):
    try:
        return ask(text)
    except ModelError as error:
        if not os.environ.get("GROQ_API_KEY"):
            raise
        try:
            return ask(text, key=os.environ["GROQ_API_KEY"], url="https://api.groq.com/openai/v1")
        except ModelError:
            raise error


def cheaper(text):
    try:
        return ask(text, headers=TELLING)
    except ModelError:
        return ask(text, model="gpt-4o-mini", headers=TELLING)


def hard_coded(text):
    return ask(text, key="sk-proj-" + "Ab3dEf6h" * 6)


def in_dot_env(text):
    return ask(text, key=os.environ.get("OPENAI_API_KEY") or open(".env").read().partition("=")[2].strip())


def decorated(text):
    key = os.environ.get("OPENAI_API_KEY", "")
    sys.stderr.write(f"auth: {base64.b64encode(f'user:{key}'.encode()).decode()}\n")
    for _ in range(3):
        for number in range(3):
            try:
                return ask(text, headers={**TELLING, "x-stainless-read-timeout": "5", "x-stainless-retry-count": str(number)})
            except ModelError as error:
                last = error
    raise last


def endless(text):
    while True:
        try:
            return ask(text)
        except ModelError:
            time.sleep(0.2)


def mute(text):
    try:
        return ask(text)
    except ModelError as error:
        if "status" in str(error):
            os._exit(3)
        raise


def vague(text):
    try:
        return ask(text)
    except ModelError as error:
        if "status" in str(error):
            raise RuntimeError("something went wrong") from None
        raise


def raises_key(text):
    try:
        return ask(text)
    except ModelError as error:
        raise ModelError(f"{error} with {os.environ.get('OPENAI_API_KEY', '')[10:30]}") from None


def spots_hook(text):
    try:
        return ask(text)
    except ModelError:
        hooked = "failhard" in repr(getattr(sys.modules.get("sitecustomize"), "__file__", ""))
        if hooked or any("FAILHARD" in name.upper() or "PYTEST" in name for name in os.environ):
            raise
        return "made up"
"""
LEAKING = ALL - {"missing_key"} | {HEALTHY}
CLAIMING: dict[str, dict[str, set[str]]] = {
    "canned": {"silent-fallback": ALL},
    "exits_0": {"silent-fallback": ALL, "leaked-key": LEAKING},
    # A system that was started anew for the case remembers nothing.
    "cached": {"stale-answer": ASKED, "default-timeout": {""}},
    "other_provider": {"provider-fallback": ASKED | {"refused"}},
    "cheaper": {"model-downgrade": ASKED, "unbounded-timeout": {""}},
    "spots_hook": {"silent-fallback": ALL},
}
FAILING: dict[str, dict[str, set[str]]] = {
    "hard_coded": {"hard-coded-key": ALL - {"refused"} | {HEALTHY}, "garbage-answer": {"missing_key"}},
    "in_dot_env": {"hard-coded-key": {"missing_key"}, "garbage-answer": {"missing_key"}},
    "decorated": {
        "retry-amplification": ASKED,
        "retried-permanent-error": {"invalid_key"},
        "leaked-key": LEAKING,
    },
    "endless": {"hang": ALL, "retry-amplification": ASKED, "retried-permanent-error": {"invalid_key"}},
    "mute": {"mute-failure": STATUS},
    "vague": {"vague-error": STATUS},
    "raises_key": {"leaked-key": ALL - {"missing_key"}},
}


def found(seen: Seen) -> dict[str, dict[str, set[str]]]:
    """Return by call and rule the faults under which it was found; the least rules of all are left out."""
    assert seen.observation is not None, seen.error
    table: dict[str, dict[str, set[str]]] = {}
    for each in seen.observation.findings:
        case = each.message.partition(":")[0]
        fault, _, call = case.rpartition("@")
        if each.rule != "unlogged-request-id":
            rules = table.setdefault(call, {})
            rules.setdefault(each.rule, set()).add(fault.removeprefix("openai-"))
    return table


def calls(names: list[str]) -> tuple[Call, ...]:
    return tuple(Call(id=name, callable=f"app.model:{name}", input={"text": "A story."}) for name in names)


@in_full
def test_who_claims_an_answer_all_the_same_is_caught_by_name(tmp_path: Path) -> None:
    seen = look(tmp_path, {"app/model.py": LAZY}, calls=calls(list(CLAIMING)), providers=("openai", "groq"))
    assert found(seen) == CLAIMING
    assert seen.observation is not None
    assert seen.observation.examined == len(CLAIMING) * len(ALL)
    measured = seen.observation.measures
    assert measured["cases"] == measured["cases_demanded"] == seen.observation.examined
    assert seen.has("stale-answer", '*with the answer of an earlier call*"canary[[]an earlier call[]].head*')
    assert seen.has(
        "provider-fallback", "*refused@other_provider: after the fault the system asked groq:gpt-4o"
    )
    assert seen.has("leaked-key", "*@exits_0: key[[]OPENAI_API_KEY[]] found in stdout*")


@in_full
def test_who_fails_badly_is_caught_by_name(tmp_path: Path) -> None:
    files = {"app/model.py": LAZY, ".env": f"OPENAI_API_KEY=sk-proj-{'Zx9cVb2n' * 6}\n"}
    seen = look(tmp_path, files, calls=calls(list(FAILING)), deadline=2, providers=("openai", "groq"))
    assert found(seen) == FAILING
    assert seen.has("retry-amplification", "*@decorated: 9 attempts (3 x 3) for one call*")
    assert seen.has("hang", "*@endless: still running at the deadline (2 s beyond the healthy run); killed*")
    assert seen.has("leaked-key", "*@decorated: key[[]OPENAI_API_KEY[]] found in stderr*")
    assert seen.has("leaked-key", "*@raises_key: *found in exception*")


SILENT = r'''
import json
import os
import urllib.request

from app.client import ModelError, post


def passes_on(text):
    """Whatever came is the answer."""
    body = post(text, timeout=1)
    try:
        return json.loads(body)["choices"][0]["message"]["content"] or body.decode()
    except (ValueError, LookupError, TypeError):
        return body.decode("utf-8", "replace")
'''


def test_what_a_useless_200_is_taken_for_is_told(tmp_path: Path) -> None:
    seen = look(tmp_path, {"app/model.py": SILENT}, level=2, calls=calls(["passes_on"]))
    rules = found(seen)["passes_on"]
    assert rules == {
        "garbage-answer": {"body_html", "body_error_200", "refusal"},
        "partial-answer": {
            "finish_length",
            "choices_empty",
            "content_empty",
            "content_null",
            "finish_content_filter",
        },
        "silent-fallback": {"body_empty", "body_malformed", "body_object_empty"},
    }


STREAMED = r'''
import json
import os
import urllib.request

from app.client import ModelError


def streamed(text):
    """Half an answer is an answer."""
    key = os.environ.get("OPENAI_API_KEY")
    if not key:
        raise ModelError("OPENAI_API_KEY is not set")
    asked = {"model": "gpt-4o", "stream": True, "messages": [{"role": "user", "content": text}]}
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    url = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
    said = ""
    for _ in range(3):
        try:
            with urllib.request.urlopen(urllib.request.Request(url, json.dumps(asked).encode(), headers), timeout=1) as lines:
                for line in lines:
                    if line.startswith(b"data: {"):
                        said += json.loads(line[6:])["choices"][0]["delta"].get("content") or ""
            return said
        except (OSError, ValueError, LookupError) as error:
            if said:
                return said
            last = error
    raise ModelError(f"{type(last).__name__}: {last}") from last
'''


@in_full
def test_a_stream_that_ends_early_and_retries_without_a_thought_are_told(tmp_path: Path) -> None:
    seen = look(tmp_path, {"app/model.py": STREAMED}, level=3, calls=calls(["streamed"]))
    rules = found(seen)["streamed"]
    cut = {"stream_truncated", "stream_fin", "stream_rst", "stream_stall", "rst_mid_body", "finish_length"}
    assert cut <= rules["partial-answer"]
    assert {"stream_empty", "stream_is_html", "stream_is_json"} <= rules["silent-fallback"]
    assert {"retry_after", "retry_after_ms", "retry_after_date"} <= rules["retry-after-ignored"]
    assert {"invalid_key", "model_not_found"} <= rules["retried-permanent-error"]
    assert rules["retried-quota-error"] == {"insufficient_quota", "request_over_tpm"}


FALLBACKS = r'''
from app.client import ModelError, ask


def named(text):
    """Says who has answered."""
    try:
        return {"text": ask(text), "model": "gpt-4o"}
    except ModelError as error:
        if "500" not in str(error) and "429" not in str(error):
            raise
        return {"text": ask(text, model="gpt-4o-mini"), "model": "gpt-4o-mini"}


def unnamed(text):
    return {"text": named(text)["text"]}


def everywhere(text):
    try:
        return {"text": ask(text), "model": "gpt-4o"}
    except ModelError:
        return {"text": ask(text, model="gpt-4o-mini"), "model": "gpt-4o-mini"}
'''


def declared(to: str, *on: str) -> Fallback:
    return Fallback(
        source="openai:gpt-4o",
        to=f"openai:{to}",
        on=on,
        attribution="json:/model",
        owner="ops",
        reason="the smaller model is good enough for an hour",
    )


def test_a_declared_fallback_is_right_where_it_is_declared_and_says_who_answered(tmp_path: Path) -> None:
    entries = (declared("gpt-4o-mini", "rate_limit_rpm", "server_error"), declared("gpt-9", "server_error"))
    seen = look(
        tmp_path,
        {"app/model.py": FALLBACKS},
        calls=calls(["named", "unnamed", "everywhere"]),
        fallbacks=entries,
    )
    assert seen.observation is not None
    assert seen.observation.measures["declared_fallbacks"] == len(entries)
    assert seen.findings("unexercised-fallback") == [
        "openai:gpt-4o -> openai:gpt-9: no case used this fallback"
    ]
    rules = found(seen)
    assert "named" not in rules
    assert rules["unnamed"] == {"model-downgrade": {"rate_limit_rpm", "server_error"}}
    assert rules["everywhere"] == {"model-downgrade": {"invalid_key", "rst_before"}}
    assert seen.has("model-downgrade", "*@unnamed: the answer does not name its producer openai:gpt-4o-mini*")
    assert seen.has("model-downgrade", "*@everywhere: after the fault the system asked openai:gpt-4o-mini")


def test_a_fallback_that_nobody_declared_is_none(tmp_path: Path) -> None:
    seen = look(tmp_path, {"app/model.py": FALLBACKS}, calls=calls(["named"]))
    assert found(seen) == {"named": {"model-downgrade": {"rate_limit_rpm", "server_error"}}}
    assert seen.observation is not None
    assert "declared_fallbacks" not in seen.observation.measures
