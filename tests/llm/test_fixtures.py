"""The fixtures, markers and options with which a project's own tests meet failures."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

SYSTEM = """
import os
from openai import OpenAI

def ask(text="hi", **options):
    client = OpenAI(timeout=2, **options)
    answer = client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": text}])
    return answer.choices[0].message.content

def lazy(text="hi"):
    try:
        return ask(text)
    except Exception:
        return "all is well"
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makepyfile(app=SYSTEM)
    pytester.makeini("[pytest]\npythonpath = .\n")
    return pytester


def run(project: pytest.Pytester, text: str, *arguments: str) -> pytest.RunResult:
    project.makepyfile(test_app=f"import pytest, app, os\n\n{text}")
    return project.runpytest_subprocess("-p", "no:randomly", "-p", "no:cacheprovider", *arguments)


def test_a_healthy_provider_answers_with_this_tests_words(project: pytest.Pytester) -> None:
    text = """
def test_healthy(llm_faults):
    llm_faults.assert_uses_llm(app.ask)
    assert [call.shape for call in llm_faults.calls] == ["1"]
    assert llm_faults.attempts[0].layer in {"base_url", "reroute"}
"""
    run(project, text).assert_outcomes(passed=1)


def test_a_system_that_fails_hard_passes_and_a_lazy_one_fails(project: pytest.Pytester) -> None:
    text = """
@pytest.mark.failhard_fault("invalid_key")
def test_hard(llm_faults):
    with llm_faults.expect_fails_hard(within=10):
        app.ask()

@pytest.mark.failhard_fault("invalid_key")
def test_lazy(llm_faults):
    with llm_faults.expect_fails_hard(within=10) as seen:
        seen.result = app.lazy()
"""
    done = run(project, text)
    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines(["*AssertionError: silent-fallback: *test_lazy*", "*LLM faults met*"])
    done.stdout.fnmatch_lines(["*attempt 1: invalid_key (r1)*"])


def test_a_retry_recovers(project: pytest.Pytester) -> None:
    text = """
@pytest.mark.failhard_fault("rate_limit_rpm", first=2)
def test_recovers(llm_faults):
    with llm_faults.expect_recovers(max_attempts=3) as seen:
        seen.result = app.ask()
    assert seen.raised is None
    assert [attempt.status for attempt in llm_faults.calls[0].attempts] == [429, 429, 200]
    llm_faults.assert_has_timeout(10)
"""
    run(project, text).assert_outcomes(passed=1)


def test_a_matrix_runs_once_a_fault_with_stable_ids(project: pytest.Pytester) -> None:
    text = """
@pytest.mark.failhard_fault_matrix("permanent", level=1, exclude=("missing_key", "built at import"))
def test_matrix(llm_faults):
    with llm_faults.expect_fails_hard():
        app.ask()
"""
    done = run(project, text, "-v")
    done.assert_outcomes(passed=1)
    done.stdout.fnmatch_lines(
        ["failhard: left out of the fault matrix of test_matrix: openai-missing_key: built at import"]
    )
    done.stdout.fnmatch_lines(["test_app.py::test_matrix[[]openai-invalid_key[]] PASSED*"])


def test_a_fault_that_never_fired_is_an_error_of_the_test(project: pytest.Pytester) -> None:
    text = """
@pytest.mark.failhard_fault("server_error", route="/embeddings")
def test_silent(llm_faults):
    app.ask()
"""
    done = run(project, text)
    done.assert_outcomes(passed=1, errors=1)
    done.stdout.fnmatch_lines(["*fault 'server_error' (rule r1) never fired*Seen: 1 on /chat/completions*"])


def test_a_key_from_elsewhere_is_an_error_of_the_test(project: pytest.Pytester) -> None:
    text = """
def test_key(llm_faults):
    app.ask(api_key="sk-proj-" + "x" * 40)

@pytest.mark.failhard_fault_strict(canary_key=False)
def test_key_allowed(llm_faults):
    app.ask(api_key="sk-proj-" + "x" * 40)
"""
    done = run(project, text)
    done.assert_outcomes(passed=2, errors=1)
    done.stdout.fnmatch_lines(["*attempt 1 presented a key that is not this test's*"])


def test_a_socket_that_leaves_the_machine_is_an_error_of_the_test(project: pytest.Pytester) -> None:
    text = """
import socket

def test_leaves(llm_faults):
    app.ask()
    with pytest.raises(OSError):
        socket.create_connection(("192.0.2.1", 443), timeout=1)
"""
    done = run(project, text)
    done.assert_outcomes(passed=1, errors=1)
    done.stdout.fnmatch_lines(["*a connection to 192.0.2.1:443 was refused*"])


def test_clients_built_at_import_are_led_to_the_provider_too(project: pytest.Pytester) -> None:
    project.makepyfile(
        early="""
from openai import OpenAI

CLIENT = OpenAI(api_key="sk-test", max_retries=0, timeout=2)
"""
    )
    text = """
import early

@pytest.mark.parametrize("fault", ["rst_before", "refused", "server_error"])
@pytest.mark.failhard_fault_strict(canary_key=False)
def test_early(llm_faults, fault):
    llm_faults.fail(fault)
    with llm_faults.expect_fails_hard():
        early.CLIENT.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}])
"""
    run(project, text).assert_outcomes(passed=3)


def test_presets_and_sequences_and_told_answers(project: pytest.Pytester) -> None:
    text = """
def test_preset(llm_rate_limited):
    with llm_rate_limited.expect_fails_hard():
        app.ask(max_retries=0)

def test_sequence(llm_faults):
    llm_faults.on(model="gpt-*").sequence("server_error", "ok")
    assert llm_faults.provider.canaries.tail in app.ask()

def test_answer(llm_faults):
    llm_faults.on(model="gpt-4o").answer(text="as told")
    assert app.ask() == "as told"

def test_missing_key(llm_faults):
    llm_faults.fail("missing_key")
    assert "OPENAI_API_KEY" not in os.environ
    with llm_faults.expect_fails_hard():
        app.ask()
"""
    run(project, text).assert_outcomes(passed=4)


def test_async_tests_use_the_same_objects(project: pytest.Pytester) -> None:
    text = """
import asyncio
from openai import AsyncOpenAI

def test_async(llm_faults):
    llm_faults.fail("rate_limit_rpm").first(1)

    async def ask():
        async with AsyncOpenAI(timeout=2) as client:
            answer = await client.chat.completions.create(
                model="gpt-4o", messages=[{"role": "user", "content": "x"}]
            )
            return answer.choices[0].message.content

    with llm_faults.expect_recovers() as seen:
        seen.result = asyncio.run(ask())
"""
    run(project, text).assert_outcomes(passed=1)


def test_a_command_reaches_the_provider(project: pytest.Pytester) -> None:
    project.makepyfile(main="import app\nprint(app.ask())\n")
    text = """
import sys, pathlib

def test_command(llm_faults, llm_system):
    here = pathlib.Path(__file__).parent
    outcome = llm_system([sys.executable, "main.py"], cwd=here)
    assert outcome.ok, outcome
    assert llm_faults.provider.canaries.tail in outcome.result
    llm_faults.fail("invalid_key")
    failed = llm_system([sys.executable, "main.py"], cwd=here)
    assert not failed.ok
    assert failed.code == 1
    llm_faults.judge(failed)
"""
    run(project, text).assert_outcomes(passed=1)


def test_mistakes_in_markers_are_usage_errors_all_at_once(project: pytest.Pytester) -> None:
    text = """
@pytest.mark.failhard_fault("rate_limt")
def test_one(llm_faults): ...

@pytest.mark.failhard_fault("server_error", fist=1)
def test_two(llm_faults): ...

@pytest.mark.failhard_fault("server_error")
def test_three(): ...

@pytest.mark.failhard_fault_strict(all_fire=False)
def test_four(llm_faults): ...
"""
    done = run(project, text)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["*test_one: failhard_fault: unknown LLM fault 'rate_limt'*"])
    done.stderr.fnmatch_lines(["*test_two: failhard_fault: fist: unknown keyword; did you mean first?*"])
    done.stderr.fnmatch_lines(["*test_three: add the fixture llm_faults*"])
    done.stderr.fnmatch_lines(["*test_four: failhard_fault_strict: all_fire: unknown keyword*"])
