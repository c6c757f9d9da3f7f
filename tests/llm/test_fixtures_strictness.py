"""What is checked when a test with the provider ends, and what may be turned off; settings and markers."""

from __future__ import annotations

import pytest

from tests.llm.inner import LIGHT, prepare, run, run_apart
from tests.size import FULL, some

pytestmark = pytest.mark.usefixtures("children_unmeasured")

pytest_plugins = ["pytester"]


def test_each_check_is_an_error_unless_the_test_turns_it_off(pytester: pytest.Pytester) -> None:
    prepare(
        pytester,
        """
        import socket, urllib.error, urllib.request

        def unfired(faults):
            faults.on(route="/embeddings").fail("server_error")
            app.ask()

        def unknown(faults):
            app.ask()
            with pytest.raises(urllib.error.HTTPError):
                urllib.request.urlopen(f"{faults.provider.url}/v1/foo", data=b"{}", timeout=5).close()

        def leaves(faults):
            app.ask()
            with pytest.raises(OSError):
                socket.create_connection(("192.0.2.1", 443), timeout=0.05)

        def foreign(faults):
            app.ask(api_key="sk-proj-" + "x" * 40)

        def garbage(faults):
            with socket.create_connection(("127.0.0.1", faults.provider.port)) as client:
                client.sendall(b"no request\\r\\n\\r\\n")
                assert client.recv(99).startswith(b"HTTP/1.1 400")

        def elsewhere(faults):
            faults.fail("server_error")
            with pytest.raises(OSError):
                urllib.request.urlopen("http://127.0.0.1:9/v1/chat/completions", timeout=1)

        EVERY = [unfired, unknown, garbage, leaves, foreign, elsewhere]

        @pytest.mark.parametrize("do", EVERY, ids=lambda do: do.__name__)
        def test_on(llm_faults, do):
            do(llm_faults)

        OFF = {
            "unfired": "all_fired", "elsewhere": "all_fired", "unknown": "all_expected", "garbage": "all_expected",
            "leaves": "block_network", "foreign": "canary_key",
        }

        @pytest.mark.parametrize("do", [
            pytest.param(do, marks=pytest.mark.failhard_fault_strict(**{OFF[do.__name__]: False}))
            for do in EVERY
        ], ids=lambda do: do.__name__)
        def test_off(llm_faults, do):
            do(llm_faults)
        """,
    )
    done = run(pytester, "--junitxml=report.xml")
    done.assert_outcomes(passed=12, errors=6)
    done.stdout.fnmatch_lines_random(
        [
            "fault 'server_error' (rule r1) never fired: 0 requests on /embeddings. Seen: 1 on /chat/completions. *",
            "*. Is the client built before the fixture, or pointed elsewhere? Layers tried: base_url, reroute",
            "request POST /v1/foo has no dialect: add the provider to [[]tool.failhard.llm[]] or answer it with *",
            "a connection to 192.0.2.1:443 was refused: *",
            "bad-request: *: the request could not be answered",
            "attempt 1 presented a key that is not this test's: *",
            "fault 'server_error' (rule r1) never fired: 0 requests. Seen: nothing. *",
        ]
    )
    report = pytester.path.joinpath("report.xml").read_text()
    for check in ("all_fired", "all_expected", "block_network", "canary_key"):
        assert f'name="failhard_llm_not_checked" value="{check}"' in report


def test_clients_built_before_the_fixture_are_led_here_too(pytester: pytest.Pytester) -> None:
    prepare(
        pytester,
        """
        import early

        FAULTS = ["rst_before", "refused", "dns_failure", "connect_timeout", "server_error"]
        TLS = ["tls_untrusted", "tls_expired", "tls_hostname", "tls_plaintext", "tls_reset", "tls_hang"]

        @pytest.mark.parametrize("fault", [*FAULTS, *TLS])
        @pytest.mark.failhard_fault_strict(canary_key=False)
        def test_early(llm_faults, fault):
            llm_faults.fail(fault)
            with llm_faults.expect_fails_hard():
                early.ask()

        @pytest.mark.parametrize("fault", [*FAULTS, *TLS])
        def test_own(llm_faults, fault):
            llm_faults.fail(fault)
            with llm_faults.expect_fails_hard():
                app.ask_once(timeout=0.2)

        def test_timing(llm_faults):
            made = llm_faults.fail("refused").always()
            with pytest.raises(Exception, match="holds for all, always, alone"):
                made.first(1)
            with llm_faults.expect_fails_hard():
                app.ask_once()

        def test_trust(llm_faults):
            llm_faults.fail("tls_hostname")
            with pytest.raises(Exception) as raised:
                app.ask_once()
            texts, error = [], raised.value
            while error is not None:
                texts.append(str(error))
                error = error.__cause__ or error.__context__
            assert "ostname mismatch" in " ".join(texts) or "not valid for" in " ".join(texts), texts
        """,
        early="""
        from openai import OpenAI

        CLIENT = OpenAI(api_key="sk-test", max_retries=0, timeout=0.2)

        def ask():
            CLIENT.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}])
        """,
    )
    run(pytester).assert_outcomes(passed=24)


def test_a_missing_key_is_missing_and_one_from_elsewhere_is_told(pytester: pytest.Pytester) -> None:
    prepare(
        pytester,
        """
        @pytest.mark.failhard_fault("missing_key")
        def test_missing(llm_faults):
            assert "OPENAI_API_KEY" not in os.environ
            with llm_faults.expect_fails_hard():
                app.ask()

        def test_wrong_other(llm_faults):
            key = os.environ["OPENAI_API_KEY"]
            llm_faults.fail("missing_key")
            app.ask(api_key=key)
        """,
    )
    done = run(pytester)
    done.assert_outcomes(passed=2, errors=1)
    done.stdout.fnmatch_lines(["attempt 1 presented a key although none is set: find its source"])


SETTINGS = """
def test_settings(failhard_llm_config, llm_faults):
    assert (failhard_llm_config.deadline, failhard_llm_config.max_attempts) == (7.0, 2)
    assert failhard_llm_config.egress_allow == ("vault.example.org",)
    assert (llm_faults.deadline, llm_faults.max_attempts) == (7.0, 2)
    llm_faults.fail("server_error").first(2)
    with pytest.raises(AssertionError, match="retry-amplification|attempts"):
        with llm_faults.expect_recovers() as seen:
            seen.result = app.ask()
"""
TABLE = """
[tool.failhard.llm]
deadline = {deadline}
max_attempts = 2
providers = ["openai"]
egress_allow = [{{host = "vault.example.org", reason = "secrets"}}]
"""


def test_settings_come_from_the_table_the_option_or_the_project(pytester: pytest.Pytester) -> None:
    prepare(pytester, SETTINGS, TABLE.format(deadline=7))
    run(pytester).assert_outcomes(passed=1)
    prepare(pytester, SETTINGS, TABLE.format(deadline=30))
    run(pytester, "--failhard-llm-deadline=7").assert_outcomes(passed=1)
    override = """
    from pytest_failhard.llm.settings import FixtureSettings

    @pytest.fixture(scope="session")
    def failhard_llm_config():
        return FixtureSettings(deadline=7, max_attempts=2, egress_allow=("vault.example.org",))
    """
    prepare(pytester, SETTINGS, conftest=f"import pytest\n{override}".replace("\n    ", "\n"))
    run(pytester).assert_outcomes(passed=1)


SEVERAL = '[tool.failhard.llm]\ndeadline = inf\nmax_attempts = 0\negress_allow = [{host = "x"}]'


@pytest.mark.parametrize(
    ("table", "text"),
    [
        *(
            [
                ('[tool.failhard.llm]\ndeadline = "soon"', "deadline: must be a number of seconds above 0 (it is 'soon')"),
                ("[tool.failhard.llm]\ndeadline = true", "deadline: must be a number of seconds above 0 (it is True)"),
            ]
            if FULL
            else []
        ),
        (SEVERAL, "deadline: must be a number of seconds above 0 (it is inf)|max_attempts: must be a whole number from 1 on (it is 0)|egress_allow: must be a list of tables with host and reason"),
        ("[tool.failhard.llm]\ndedline = 3", "dedline: unknown key; did you mean deadline?"),
        ("[tool.failhard]\nllm = 3", "llm must be a table (it is 3)"),
        ("[tool.failhard.llm", "pyproject.toml: "),
    ],
)  # fmt: skip
def test_a_malformed_table_is_a_usage_error(pytester: pytest.Pytester, table: str, text: str) -> None:
    prepare(pytester, "def test_one(llm_faults): ...")
    # The configuration of pytest stands apart, so that ours can be broken.
    pytester.path.joinpath("pyproject.toml").write_text(table)
    done = run(
        pytester, "-p", "no:asyncio", "-c", "/dev/null", "--rootdir", str(pytester.path), "-o", "pythonpath=."
    )
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert all(each in done.stderr.str() for each in text.split("|")), done.stderr.str()


MISTAKES = """
@pytest.mark.failhard_fault("rate_limt")
def test_one(llm_faults): ...

@pytest.mark.failhard_fault("server_error", fist=1)
def test_two(llm_faults): ...

@pytest.mark.failhard_fault("server_error")
def test_three(): ...

@pytest.mark.failhard_fault_strict(all_fire=False)
def test_four(llm_faults): ...

@pytest.mark.failhard_fault("refused", first=1)
def test_five(llm_faults): ...

@pytest.mark.failhard_fault("server_error", "timeout")
def test_six(llm_faults): ...

@pytest.mark.failhard_fault_matrix("permanet", exclude=("missing_key",), levle=1)
def test_seven(llm_faults): ...

@pytest.mark.failhard_fault_matrix("silent", level=1)
def test_eight(llm_faults): ...
"""
TOLD = [
    "*test_one: failhard_fault: unknown LLM fault 'rate_limt'*",
    "*test_two: failhard_fault: fist: unknown keyword; did you mean first?*",
    "*test_three: add the fixture llm_faults: without it no request meets a fault",
    "*test_four: failhard_fault_strict: all_fire: unknown keyword*",
    "*test_five: failhard_fault: refused acts on the connection, where no request is seen*",
    "*test_six: failhard_fault takes one fault; stack the marker for more",
    "*test_seven: failhard_fault_matrix: levle: unknown keyword; did you mean level?; exclude: must be*permanet*",
    "*test_eight: failhard_fault_matrix: no fault of silent is left at level 1 for openai",
]


SPREAD = some({"plain": (), "two-workers": ("-n", "2")}, "plain")


@pytest.mark.parametrize("arguments", SPREAD.values(), ids=SPREAD.keys())
def test_mistakes_in_markers_are_usage_errors_all_at_once(
    pytester: pytest.Pytester, arguments: tuple[str, ...]
) -> None:
    prepare(pytester, MISTAKES, app=LIGHT)
    done = run_apart(pytester, *arguments) if arguments else run(pytester)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines_random(TOLD)


def test_a_matrix_runs_once_a_fault_with_stable_ids_also_in_two_workers(pytester: pytest.Pytester) -> None:
    prepare(
        pytester,
        """
        @pytest.mark.failhard_fault_matrix(
            "permanent", "server_error", level=1, exclude=[("missing_key", "built at import")]
        )
        def test_matrix(llm_faults):
            with llm_faults.expect_fails_hard():
                app.ask_once()

        @pytest.mark.failhard_fault_matrix("content_empty")
        def test_wrong(llm_faults):
            with llm_faults.expect_fails_hard() as seen:
                seen.result = app.lazy()

        def test_unmarked(llm_faults, failhard_llm_case):
            assert failhard_llm_case is None
        """,
        app=LIGHT,
    )
    plain = run(pytester, "-v", "-k", "not wrong")
    plain.stdout.fnmatch_lines(
        [
            "failhard: left out of the fault matrix of test_matrix: openai-missing_key: built at import",
            "test_app.py::test_matrix[[]openai-invalid_key[]] PASSED*",
            "test_app.py::test_matrix[[]openai-server_error[]] PASSED*",
        ]
    )
    both = run_apart(pytester, "-n", "2")
    both.assert_outcomes(passed=3, failed=1)
    assert plain.parseoutcomes()["passed"] == 3
    assert both.ret == pytest.ExitCode.TESTS_FAILED


def test_a_provider_of_the_project_s_own_is_checked_the_same(pytester: pytest.Pytester) -> None:
    prepare(
        pytester,
        """
        from pytest_failhard.llm.local import LocalProvider

        @pytest.fixture(scope="session")
        def llm_server():
            local = LocalProvider(seed=0)
            yield local
            local.close()

        def test_unfired(llm_faults):
            llm_faults.fail("server_error")
        """,
    )
    done = run(pytester)
    done.assert_outcomes(passed=1, errors=1)
    done.stdout.fnmatch_lines(["fault 'server_error' (rule r1) never fired: *"])
