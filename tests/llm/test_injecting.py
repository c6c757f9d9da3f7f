"""`--inject-failures`: the same requests fail in every order, and a run that injected nothing fails."""

from __future__ import annotations

import json
import os
import socket
from fractions import Fraction
from itertools import accumulate
from math import comb
from pathlib import Path

import pytest

from tests.acceptance.project import git
from tests.llm.inner import LIGHT, prepare, run, run_apart
from tests.size import in_full, some
from tests.test_plugin import run as run_project

pytestmark = pytest.mark.usefixtures("children_unmeasured")

pytest_plugins = ["pytester"]

CALLS, TESTS = 2000, 40
P = Fraction(1, 20)
MANY = f"""
import http.client, json, pathlib
from urllib.parse import urlsplit

@pytest.mark.parametrize("part", range({TESTS}))
def test_part(part):
    failed = []
    link = http.client.HTTPConnection(urlsplit(os.environ["OPENAI_BASE_URL"]).netloc)
    for number in range(part, {CALLS}, {TESTS}):
        body = {{"model": "m", "messages": [{{"role": "user", "content": f"question {{number}}"}}]}}
        link.request("POST", "/v1/chat/completions", json.dumps(body))
        answer = link.getresponse()
        answer.read()
        if answer.status == 500:
            failed.append(number)
    link.close()
    pathlib.Path(os.environ["OUT"], str(part)).write_text(json.dumps(failed))
"""
SPEC = "p=0.05,kinds=server_error"
SHUFFLED = ("-p", "randomly", "-p", "no:cacheprovider", "--randomly-seed=7")


def interval(calls: int, p: Fraction, sure: Fraction) -> range:
    """Return the central interval of a binomial distribution that holds at least this share, exactly."""
    weights = (comb(calls, k) * p**k * (1 - p) ** (calls - k) for k in range(calls + 1))
    beyond = (1 - sure) / 2
    sums = list(accumulate(weights))
    low = next(k for k, below in enumerate(sums) if below > beyond)
    return range(low, next(k for k, below in enumerate(sums) if below >= 1 - beyond) + 1)


def failed(folder: Path) -> frozenset[int]:
    """Return the numbers of the calls that failed in a run; all parts must have run."""
    parts = sorted(folder.iterdir())
    assert len(parts) == TESTS
    return frozenset(number for part in parts for number in json.loads(part.read_text()))


def test_the_interval_is_that_of_the_binomial_distribution() -> None:
    assert interval(2, Fraction(1, 2), Fraction(1, 2)) == range(1, 2)
    assert interval(10, Fraction(1, 2), Fraction(9, 10)) == range(2, 9)


@in_full
def test_the_same_calls_fail_in_every_order_and_number_of_workers(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(pytester, MANY, app=LIGHT)
    sets: list[frozenset[int]] = []
    for arguments in ((), SHUFFLED, ("-n", "2")):
        out = pytester.mkdir(f"out{len(sets)}")
        monkeypatch.setenv("OUT", str(out))
        options = ("--inject-failures", SPEC, *arguments)
        done = run_apart(pytester, *options) if "-n" in arguments else run(pytester, *options)
        done.assert_outcomes(passed=TESTS)
        sets.append(failed(out))
        done.stdout.fnmatch_lines([f"i1 server_error: {len(sets[-1])} of {CALLS} requests (*"])
    assert len(set(sets)) == 1
    assert len(sets[0]) in interval(CALLS, P, Fraction(99, 100))
    run(pytester, "--inject-failures", SPEC, "--failhard-seed=1", "-k", "[1] or [2] or [3]")
    assert failed(out) != sets[0]


SPREAD = some({"plain": (), "two-workers": ("-n", "2")}, "plain")


@pytest.mark.parametrize("arguments", SPREAD.values(), ids=SPREAD.keys())
def test_mistakes_are_usage_errors_all_at_once(pytester: pytest.Pytester, arguments: tuple[str, ...]) -> None:
    prepare(pytester, "def test_never(): raise SystemExit('must not run')", app=LIGHT)
    specs = {
        "kidns=all;kinds=rate_limt;kinds=transientt": (
            "rule 1: unknown key kidns; did you mean kinds?",
            "rule 2: unknown LLM fault 'rate_limt': did you mean 'rate_limit_rpm'? failhard llm-faults lists all",
            "rule 3: unknown LLM fault 'transientt': did you mean 'transient'? failhard llm-faults lists all",
        ),
        "kinds=rate_limit_rpm(hint_m=2),p=2": (
            "rule 1: kinds: rate_limit_rpm: unknown parameter hint_m; did you mean hint_ms?",
            "rule 1: p must be above 0 and at most 1 (it is 2)",
        ),
        "": ("--inject-failures is empty: give rules, as in --inject-failures *",),
        "kinds=refused": (
            "rule 1: kinds: refused acts before there is a request to answer: use the marker *",
        ),
    }
    for spec, told in specs.items():
        options = (f"--inject-failures={spec}", *arguments)
        done = run_apart(pytester, *options) if arguments and spec == "" else run(pytester, *options)
        assert done.ret == pytest.ExitCode.USAGE_ERROR
        done.stderr.fnmatch_lines([f"*--inject-failures: {text}" if spec else f"*{text}" for text in told])


FEW = """
def test_calls():
    for number in range(12):
        app.ask_once(str(number))

def test_nothing(): ...
"""


@pytest.mark.parametrize("arguments", [(), ("-n", "2")], ids=["plain", "two-workers"])
def test_a_run_in_which_nothing_fired_fails_and_says_why(
    pytester: pytest.Pytester, arguments: tuple[str, ...]
) -> None:
    prepare(pytester, FEW, app=LIGHT)
    options = ("--inject-failures=p=0.0001", "-q", *arguments)
    done = run_apart(pytester, *options) if arguments else run(pytester, *options)
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    done.assert_outcomes(passed=2)
    done.stdout.fnmatch_lines(
        [
            "seed 0: --failhard-seed=0 injects the same",
            "i1 *: 0 of 12 requests (0.00 %)",
            "error: no-fire: p=0.0001 fired 0 times in 12 calls: make at least 69075 calls or raise p",
        ]
    )


def test_a_run_without_a_call_or_a_test_fails_too(pytester: pytest.Pytester) -> None:
    prepare(pytester, "def test_nothing(): ...")
    for arguments in ((), ("-k", "missing")):
        done = run(pytester, "--inject-failures=kinds=network", *arguments)
        assert done.ret == pytest.ExitCode.TESTS_FAILED
        done.stdout.fnmatch_lines(
            ["error: no-fire: no request met a fault, 0 could have: *without a mock of their own"]
        )


def test_what_a_failing_test_met_is_in_its_report(pytester: pytest.Pytester) -> None:
    prepare(
        pytester,
        """
        @pytest.fixture
        def summary():
            return app.ask_once("setup") if "setup" in os.environ.get("PYTEST_CURRENT_TEST", "") else None

        def test_calls():
            app.ask_once()

        def test_setup(summary): ...

        def test_outcome(llm_faults):
            with llm_faults.outcome() as seen:
                seen.result = app.ask_once()
            assert seen.raised is not None

        def test_wrong_outcome(llm_faults):
            with llm_faults.outcome() as seen:
                seen.result = app.lazy()

        def test_own_rules_come_first(llm_faults):
            llm_faults.fail("rate_limit_rpm").first(1)
            with llm_faults.expect_recovers() as seen:
                seen.result = app.ask(model="gpt-4o", base_url=app.REAL)
            assert [attempt.fault for attempt in llm_faults.attempts] == ["rate_limit_rpm", ""]
            llm_faults.fail("refused")
            with llm_faults.expect_fails_hard():
                app.ask_once()
        """,
    )
    done = run(pytester, "--inject-failures", "kinds=server_error,model=gpt-*", "-v")
    done.assert_outcomes(passed=2, failed=2, errors=1)
    done.stdout.fnmatch_lines(["failhard: injecting LLM failures, --failhard-seed=0"])
    text = done.stdout.str()
    assert text.count("- LLM faults met -") == 3, text
    assert text.count("attempt 1: server_error (i1)") == 3
    done.stdout.fnmatch_lines(["i1 server_error: 4 of 4 requests (100.00 %)", "  server_error: 4"])


def test_a_groups_faults_before_an_answer_are_left_out(pytester: pytest.Pytester) -> None:
    prepare(
        pytester,
        """
        def test_network():
            for number in range(20):
                with pytest.raises(Exception):
                    app.ask_once(str(number), timeout=0.2)
        """,
    )
    done = run(pytester, "--inject-failures=kinds=network")
    done.assert_outcomes(passed=1)
    assert "refused" not in done.stdout.str()
    done.stdout.fnmatch_lines(["i1 *rst_before*: 20 of 20 requests (100.00 %)"])


def test_it_works_together_with_a_level(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    calls = """
import http.client
import json
import os
from urllib.parse import urlsplit


def test_calls() -> None:
    link = http.client.HTTPConnection(urlsplit(os.environ["OPENAI_BASE_URL"]).netloc)
    link.request("POST", "/v1/chat/completions", json.dumps({"model": "m", "messages": []}))
    assert link.getresponse().status == 500
    link.close()
"""
    statuses, texts = [], []
    for model in ("m", "none"):
        shop.joinpath("tests/test_calls.py").write_text(calls if model == "m" else "")
        git(shop, "add", "-A")
        git(shop, "commit", "-q", "-m", model)
        spec = f"kinds=server_error,model={model}"
        done = run_project(
            shop, "-q", "--failhard-level=1", "--failhard-only=tests", "--inject-failures", spec
        )
        statuses.append(done.returncode)
        texts.append(done.stdout)
    assert statuses == [0, 1], texts
    assert "i1 server_error: 1 of 1 requests (100.00 %)" in texts[0]
    assert "failhard: pass" in texts[0]
    assert "error: no-fire: no request met a fault" in texts[1]
    assert "failhard: error" in texts[1]


def test_a_project_says_which_requests_are_the_same(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = """
    import json, pathlib, secrets

    def test_calls():
        answers = [app.lazy(f"{secrets.token_hex(3)} question {number}") for number in range(40)]
        failed = [number for number, answer in enumerate(answers) if answer == "all is well"]
        pathlib.Path(os.environ["OUT"]).write_text(json.dumps(failed))
    """
    conftest = """
    import re
    import pytest

    @pytest.fixture(scope="session")
    def failhard_llm_normalise():
        return lambda body, canaries: re.sub(rb"[0-9a-f]{6} question", b"question", body)
    """
    sets: list[str] = []
    for override in (conftest, conftest, "", ""):
        prepare(pytester, text, app=LIGHT, conftest=override)
        out = pytester.path / f"out{len(sets)}"
        monkeypatch.setenv("OUT", str(out))
        run(pytester, "--inject-failures=p=0.5,kinds=server_error").assert_outcomes(passed=1)
        sets.append(out.read_text())
    assert sets[0] == sets[1]
    assert sets[2] != sets[3]


START = """
import pytest

def pytest_sessionstart(): raise pytest.UsageError("no start")
"""
FINISH = """
def pytest_sessionfinish(): raise ValueError("no end")
"""


@pytest.mark.parametrize(
    ("conftest", "code"),
    [(START, pytest.ExitCode.USAGE_ERROR), (FINISH, pytest.ExitCode.INTERNAL_ERROR)],
    ids=["start", "finish"],
)
def test_a_session_that_breaks_off_leaves_this_process_as_it_was(
    pytester: pytest.Pytester, conftest: str, code: pytest.ExitCode
) -> None:
    before = (dict(os.environ), vars(socket.socket).get("connect"), socket.getaddrinfo)
    prepare(pytester, FEW, app=LIGHT, conftest=conftest)
    assert run(pytester, "--inject-failures=kinds=server_error").ret == code
    assert (dict(os.environ), vars(socket.socket).get("connect"), socket.getaddrinfo) == before
