"""The fixtures and markers with which a project's own tests meet failures, each right and wrong."""

from __future__ import annotations

import pytest

from tests.llm.inner import LIGHT, prepare, run, run_apart

pytest_plugins = ["pytester"]


def test_what_a_healthy_provider_is_for(pytester: pytest.Pytester) -> None:
    prepare(
        pytester,
        """
        def test_uses(llm_faults):
            llm_faults.assert_uses_llm(app.ask)
            assert [call.shape for call in llm_faults.calls] == ["1"]
            assert llm_faults.attempts[0].layer == "base_url"

        def test_reroutes(llm_faults):
            llm_faults.assert_uses_llm(lambda: app.ask(base_url=app.REAL))
            assert llm_faults.attempts[0].layer == "reroute"
            assert llm_faults.attempts[0].origin == "api.openai.com"

        def test_server(llm_server, llm_faults):
            assert str(llm_server.port) in llm_server.base_url()
            assert os.environ["OPENAI_BASE_URL"] == llm_server.base_url("openai")
            assert llm_server.ca_file.read_text().startswith("-----BEGIN")

        def test_answers(llm_faults):
            llm_faults.on(model="gpt-4o").answer(text="as told")
            llm_faults.on(model="gpt-4o-mini").answer(json={"a": 1})
            assert app.ask() == "as told"
            assert app.ask(model="gpt-4o-mini") == '{"a": 1}'

        def test_wrong_mock_mode(llm_faults):
            llm_faults.assert_uses_llm(lambda: app.ask() and "canned")

        def test_wrong_no_request(llm_faults):
            llm_faults.assert_uses_llm(lambda: "canned")

        def test_restores():
            assert not {"OPENAI_BASE_URL", "OPENAI_API_KEY"} & set(os.environ)
        """,
    )
    done = run(pytester)
    done.assert_outcomes(passed=5, failed=2)
    done.stdout.fnmatch_lines(["*test_wrong_mock_mode: llm-not-used*"])
    done.stdout.fnmatch_lines(["*test_wrong_no_request: injection-not-exercised*"])


PRESETS = """
@pytest.mark.parametrize("name", [
    "llm_invalid_key", "llm_network_error", "llm_rate_limited", "llm_timeout", "llm_server_error",
    "llm_malformed", "llm_empty",
])
@pytest.mark.parametrize("ask", [app.ask_once, app.lazy])
def test_preset(request, name, ask):
    faults = request.getfixturevalue(name)
    with faults.expect_fails_hard() as seen:
        seen.result = ask(**({"timeout": 0.2} if ask is app.ask_once else {}))

def test_stream(llm_truncated_stream):
    with llm_truncated_stream.expect_fails_hard():
        app.ask_stream()
"""


def test_each_preset_passes_the_honest_and_fails_the_lazy(pytester: pytest.Pytester) -> None:
    prepare(pytester, PRESETS)
    done = run(pytester, "-rA")
    done.assert_outcomes(passed=8, failed=7)
    text = done.stdout.str()
    assert text.count("E       AssertionError: silent-fallback: ") == 7, text
    assert "attempt 1: invalid_key (r1)" in text


def test_recovery(pytester: pytest.Pytester) -> None:
    prepare(
        pytester,
        """
        @pytest.mark.failhard_fault("rate_limit_rpm", first=2)
        def test_recovers(llm_faults):
            with llm_faults.expect_recovers(max_attempts=3) as seen:
                seen.result = app.ask()
            assert [attempt.status for attempt in llm_faults.calls[0].attempts] == [429, 429, 200]
            llm_faults.assert_has_timeout(1)

        @pytest.mark.failhard_fault("server_error", model="gpt-*", first=1)
        @pytest.mark.failhard_fault("unavailable", model="o1", first=1)
        def test_stacked(llm_faults):
            for model in ("gpt-4o", "o1"):
                with llm_faults.expect_recovers() as seen:
                    seen.result = app.ask(model=model)
            assert [call.attempts[0].fault for call in llm_faults.calls] == ["server_error", "unavailable"]

        def test_sequence(llm_faults):
            llm_faults.sequence("server_error", "ok", "unavailable")
            llm_faults.assert_uses_llm(app.ask)
            assert [attempt.fault for attempt in llm_faults.attempts] == ["server_error", ""]
            assert app.ask() == llm_faults.provider.canaries.text

        def test_moments(llm_faults):
            llm_faults.fail("server_error", max=1).every(2)
            app.ask_once("1")
            with llm_faults.expect_fails_hard():
                app.ask_once("2")
            app.ask_once("3"), app.ask_once("4"), app.ask_once("5")
            assert [bool(attempt.fault) for attempt in llm_faults.attempts] == [False, True, False, False, False]

        @pytest.mark.parametrize("moment, value", [("nth", 1), ("p", 1.0), ("every", 1), ("always", None)])
        def test_timing(llm_faults, moment, value):
            made = llm_faults.on(model="gpt-*").fail("server_error", first=3)
            getattr(made, moment)(*([] if value is None else [value]))
            with llm_faults.expect_fails_hard():
                app.ask_once()

        @pytest.mark.failhard_fault("server_error", first=1)
        def test_wrong_gives_up(llm_faults):
            with llm_faults.expect_recovers() as seen:
                seen.result = app.ask_once()

        @pytest.mark.failhard_fault("rate_limit_rpm", first=2)
        def test_wrong_too_often(llm_faults):
            with llm_faults.expect_recovers(max_attempts=2) as seen:
                seen.result = app.ask()

        @pytest.mark.failhard_fault("server_error", first=1)
        def test_wrong_unassigned(llm_faults):
            with llm_faults.expect_recovers():
                app.ask()
        """,
    )
    done = run(pytester)
    done.assert_outcomes(passed=8, failed=3)
    done.stdout.fnmatch_lines_random(
        [
            "*AssertionError: not-recovered*test_wrong_gives_up*",
            "*AssertionError: retry-amplification: *test_wrong_too_often: 3 attempts for one call*",
            "*test_wrong_unassigned: assign the system's answer to `result`*",
        ]
    )


def test_a_hang_ends_and_what_is_not_the_systems_passes_through(pytester: pytest.Pytester) -> None:
    prepare(
        pytester,
        """
        import asyncio, threading, time

        @pytest.mark.failhard_fault("read_timeout")
        def test_wrong_hang(llm_faults):
            with llm_faults.expect_fails_hard(within=0.7):
                app.ask_once(timeout=60)

        @pytest.mark.failhard_fault("read_timeout")
        async def test_wrong_hang_async(llm_faults):
            with llm_faults.expect_fails_hard(within=0.7):
                await app.ask_async(timeout=60)

        @pytest.mark.failhard_fault("read_timeout")
        async def test_wrong_stubborn(llm_faults):
            with llm_faults.expect_fails_hard(within=0.7):
                try:
                    await app.ask_async(timeout=60)
                except asyncio.CancelledError:
                    threading.Event().wait(60)

        def test_wrong_late_in_a_thread(llm_server_error):
            raised = []
            def work():
                try:
                    with llm_server_error.expect_fails_hard(within=0.001):
                        app.ask_once()
                except AssertionError as error:
                    raised.append(error)
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
            raise raised[0]

        def test_wrong_assertion(llm_server_error):
            with pytest.raises(ZeroDivisionError):
                with llm_server_error.expect_fails_hard():
                    assert app.lazy() == "right"

        def test_outcomes_of_pytest(llm_server_error):
            app.lazy()
            with llm_server_error.expect_fails_hard():
                pytest.xfail("known")

        async def test_async(llm_faults):
            llm_faults.fail("rate_limit_rpm").first(1)
            with llm_faults.expect_recovers() as seen:
                seen.result = await app.ask_async()

        def test_threads(llm_faults):
            llm_faults.fail("server_error").p(0.5)
            found = []
            threads = [threading.Thread(target=lambda n=n: found.append(app.lazy(str(n)))) for n in range(12)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            failed = sum(bool(attempt.fault) for attempt in llm_faults.attempts)
            assert found.count("all is well") == failed
            assert 0 < failed < 12
            assert sum(llm_faults.provider.canaries.tail in answer for answer in found) == 12 - failed
        """,
    )
    done = run(pytester)
    done.assert_outcomes(passed=2, failed=5, xfailed=1)
    text = done.stdout.str()
    for name in ("hang", "hang_async", "stubborn", "late_in_a_thread"):
        assert f"AssertionError: hang: test_app.py::test_wrong_{name}: still running at the deadline" in text
    assert "AssertionError: assert 'all is well' == 'right'" in text


def test_ctrl_c_passes_through(pytester: pytest.Pytester) -> None:
    prepare(
        pytester,
        """
        def test_stops(llm_server_error):
            with llm_server_error.expect_fails_hard():
                raise KeyboardInterrupt
        """,
        app=LIGHT,
    )
    assert run_apart(pytester).ret == pytest.ExitCode.INTERRUPTED


def test_outcomes_and_assertions(pytester: pytest.Pytester) -> None:
    prepare(
        pytester,
        """
        class Breaker:
            failed = 0
            def ask(self):
                if self.failed >= 3:
                    raise RuntimeError("the circuit to openai is open")
                self.failed += 1
                return app.ask_once()

        def test_outcome_right(llm_faults):
            for number in range(8):
                llm_faults.fail("server_error").p(0.5) if number == 0 else None
                with llm_faults.outcome() as seen:
                    seen.result = app.ask_once(str(number))

        def test_circuit(llm_faults):
            llm_faults.fail("unavailable")
            llm_faults.assert_circuit_opens(Breaker().ask)

        def test_no_retry(llm_invalid_key):
            with llm_invalid_key.expect_fails_hard():
                app.ask()
            llm_invalid_key.assert_no_retry_on("invalid_key")

        def test_no_leak(llm_faults):
            llm_faults.assert_no_secret_leak("nothing", llm_faults.provider.canaries.text)

        def test_budget(llm_faults):
            llm_faults.assert_uses_llm(app.ask)
            with llm_faults.outcome() as seen:
                seen.result = app.ask()
            seen.raised, seen.result = ValueError("budget of 2 requests spent"), None
            llm_faults.assert_within_budget(seen, requests=2)

        def test_wrong_lazy(llm_server_error):
            with llm_server_error.outcome() as seen:
                seen.result = app.lazy()

        def test_wrong_own_bug(llm_faults):
            with llm_faults.outcome():
                app.ask(), 1 / 0

        def test_wrong_healthy(llm_faults):
            with llm_faults.expect_fails_hard():
                app.ask(), 1 / 0

        def test_wrong_circuit(llm_faults):
            llm_faults.fail("unavailable")
            llm_faults.assert_circuit_opens(app.ask_once, after=2)

        def test_wrong_circuit_of_nothing(llm_faults):
            llm_faults.assert_circuit_opens(lambda: 1 / 0)

        def test_wrong_circuit_of_success(llm_faults):
            llm_faults.assert_circuit_opens(app.ask)

        @pytest.mark.failhard_fault("server_error", first=1)
        def test_wrong_retry(llm_faults):
            app.ask()
            llm_faults.assert_no_retry_on("server_error")

        def test_wrong_retry_of_nothing(llm_faults):
            app.ask()
            llm_faults.assert_no_retry_on("server_error")

        def test_wrong_timeout(llm_faults):
            app.ask(timeout=900)
            llm_faults.assert_has_timeout()

        def test_wrong_timeout_of_nothing(llm_faults):
            llm_faults.assert_has_timeout()

        def test_wrong_leak(llm_faults):
            llm_faults.assert_no_secret_leak("ok", "line\\n" + os.environ["OPENAI_API_KEY"])

        def test_wrong_budget(llm_faults):
            with llm_faults.outcome() as seen:
                seen.result = app.ask()
            app.ask()
            llm_faults.assert_within_budget(seen, requests=1)

        @pytest.mark.parametrize("use", [
            lambda faults: faults.assert_no_secret_leak(),
            lambda faults: faults.assert_no_retry_on(),
            lambda faults: faults.assert_within_budget(None),
        ])
        def test_empty_demands(llm_faults, use):
            with pytest.raises(TypeError):
                use(llm_faults)
        """,
    )
    done = run(pytester)
    done.assert_outcomes(passed=8, failed=12)
    done.stdout.fnmatch_lines_random(
        [
            "*test_wrong_lazy: answered without the whole text of the provider",
            "*test_wrong_own_bug: failed although no request met a fault",
            "*test_wrong_healthy: no fault is set: name one with llm_faults.fail() or a marker",
            "*test_wrong_circuit: missing-circuit-breaker: a provider that keeps failing was asked again",
            "*test_wrong_circuit_of_nothing: injection-not-exercised*",
            "*test_wrong_circuit_of_success: a call succeeded that had to fail*",
            "*test_wrong_retry: a request that met 'server_error' was sent 2 times",
            "*test_wrong_retry_of_nothing: injection-not-exercised: no request met 'server_error'",
            "*AssertionError: default-timeout: *test_wrong_timeout*",
            "*test_wrong_timeout_of_nothing: injection-not-exercised*",
            "*AssertionError: leaked-key: *text 2, line 2*",
            "*AssertionError: budget-overrun: *test_wrong_budget*",
        ]
    )
