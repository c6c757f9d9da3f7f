"""Systems outside the test's own code: commands, applications, callables, and children of the test."""

from __future__ import annotations

import pytest

from tests.llm.inner import prepare, run

pytest_plugins = ["pytester"]

MAIN = """
import json, os, sys, urllib.error, urllib.request

def ask():
    request = urllib.request.Request(
        os.environ["OPENAI_BASE_URL"] + "/chat/completions",
        json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}]}).encode(),
        {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"], "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.load(answer)["choices"][0]["message"]["content"]

try:
    print(ask())
except (OSError, ValueError, KeyError) as error:
    if "--lazy" in sys.argv:
        print("all is well")
    else:
        sys.exit(f"the provider failed: {error!r}")
"""


def test_a_command_is_judged_by_what_the_fault_demands(pytester: pytest.Pytester) -> None:
    prepare(
        pytester,
        """
        import errno, pathlib, subprocess

        HERE = pathlib.Path(__file__).parent
        FAULTS = ["invalid_key", "server_error", "refused", "dns_failure", "missing_key", "rst_before"]

        def test_healthy(llm_faults, llm_system):
            outcome = llm_system(["python", "main.py"], cwd=HERE)
            assert outcome.ok, outcome
            assert llm_faults.provider.canaries.tail in outcome.result

        def test_env(llm_faults, llm_env):
            done = subprocess.run([sys.executable, "main.py"], cwd=HERE, env=llm_env, capture_output=True, text=True)
            assert llm_faults.provider.canaries.text in done.stdout
            assert llm_env["HTTPS_PROXY"].startswith("http://127.0.0.1:")

        def test_env_follows(llm_faults, llm_env):
            assert "OPENAI_API_KEY" in llm_env
            llm_faults.fail("missing_key")
            assert "OPENAI_API_KEY" not in llm_env

        @pytest.mark.parametrize("fault", FAULTS)
        def test_right(llm_faults, llm_system, fault):
            llm_faults.fail(fault)
            llm_faults.judge(llm_system([sys.executable, "main.py"], cwd=HERE))

        @pytest.mark.parametrize("fault", ["server_error", "refused"])
        def test_wrong(llm_faults, llm_system, fault):
            llm_faults.fail(fault)
            llm_faults.judge(llm_system([sys.executable, "main.py", "--lazy"], cwd=HERE))

        def test_wrong_hang(llm_faults, llm_system):
            llm_faults.fail("server_error")
            llm_system([sys.executable, "main.py"], cwd=HERE)
            hung = llm_system([sys.executable, "-c", "import sys; sys.stdin.read(); input()"], stdin=b"")
            assert hung.ended and hung.code == 1
            slow = llm_system.__class__(**{**vars(llm_system), "deadline": 0.3})
            hung = slow([sys.executable, "-c", "import threading; threading.Event().wait()"])
            assert not hung.ended and hung.code is None
            llm_faults.judge(hung)

        def test_shell_strings(llm_system):
            with pytest.raises(TypeError, match="not as a shell string"):
                llm_system("python main.py")

        def test_wrong_egress(llm_faults, llm_env):
            probe = (
                "import os, socket; host, port = os.environ['HTTPS_PROXY'][7:].split(':'); "
                "s = socket.create_connection((host, int(port))); s.sendall(b'CONNECT evil.example:443 HTTP/1.1\\\\r\\\\nHost: evil.example\\\\r\\\\n\\\\r\\\\n'); "
                "print(s.recv(99))"
            )
            done = subprocess.run([sys.executable, "-c", probe], env=llm_env, capture_output=True, text=True)
            assert "403" in done.stdout, done

        def test_wrong_egress_past_the_proxy(llm_env):
            probe = "import socket; print(socket.socket().connect_ex(('192.0.2.1', 443)))"
            done = subprocess.run([sys.executable, "-c", probe], env=llm_env, capture_output=True, text=True)
            assert done.stdout == f"{errno.ENETUNREACH}\\n", done
        """,
        main=MAIN,
    )
    done = run(pytester)
    done.assert_outcomes(passed=12, failed=3, errors=3)
    done.stdout.fnmatch_lines_random(
        [
            "E*silent-fallback: *test_wrong[[]server_error[]]*",
            "E*silent-fallback: *test_wrong[[]refused[]]*",
            "E*hang: *test_wrong_hang*",
            "a connection to evil.example:443 was refused*",
            "a connection to 192.0.2.1:443 was refused*",
            "fault 'refused' (rule r1) never fired*",
        ]
    )


def test_applications_and_callables(pytester: pytest.Pytester) -> None:
    prepare(
        pytester,
        """
        import json

        ERROR = json.dumps({"error": {"type": "llm_unavailable", "code": "llm_upstream"}}).encode()

        def wsgi(environ, start_response):
            assert environ["REQUEST_METHOD"] == "POST" and environ["QUERY_STRING"] == "a=1"
            assert json.load(environ["wsgi.input"]) == {"text": "x"} and environ["HTTP_X_ID"] == "7"
            try:
                body, status = app.ask_once().encode(), "200 OK"
            except Exception as error:
                body, status = ERROR.replace(b"upstream", str(error).encode()[:40]), "503 Service Unavailable"
            start_response(status, [("content-type", "text/plain")])
            return Closing([body])

        class Closing(list):
            closed = 0
            def close(self):
                Closing.closed += 1

        async def asgi(scope, receive, send):
            assert (scope["method"], scope["path"], scope["query_string"]) == ("POST", "/ask", b"a=1")
            message = await receive()
            assert json.loads(message["body"]) == {"text": "x"} and (b"x-id", b"7") in scope["headers"]
            assert (await receive())["type"] == "http.disconnect"
            try:
                body, status = (await app.ask_async(max_retries=0)).encode(), 200
            except Exception as error:
                body, status = ERROR.replace(b"upstream", str(error).encode()[:40]), 503
            await send({"type": "http.response.start", "status": status, "headers": [(b"a", b"b")]})
            await send({"type": "http.response.body", "body": body[:9], "more_body": True})
            await send({"type": "http.response.body", "body": body[9:]})

        class Object:
            async def __call__(self, scope, receive, send):
                await asgi(scope, receive, send)

        def lazy(environ, start_response):
            start_response("200 OK", [])
            return [app.lazy().encode()]

        def broken(environ, start_response):
            raise RuntimeError("broken")

        def post(system, application):
            return system.request(application, "POST", "/ask?a=1", json={"text": "x"}, headers={"X-Id": "7"})

        @pytest.mark.parametrize("application", [wsgi, asgi, Object()], ids=["wsgi", "asgi", "object"])
        def test_right(llm_faults, llm_system, application):
            healthy = post(llm_system, application)
            assert healthy.ok and healthy.code == 200
            assert healthy.result == llm_faults.provider.canaries.text
            llm_faults.fail("server_error")
            failed = post(llm_system, application)
            assert not failed.ok and failed.code == 503
            llm_faults.judge(failed)

        def test_closes():
            assert Closing.closed == 2

        def test_wrong_lazy(llm_faults, llm_system):
            llm_faults.fail("server_error")
            llm_faults.judge(post(llm_system, lazy))

        def test_broken(llm_system):
            outcome = post(llm_system, broken)
            assert not outcome.ok and outcome.chain[0].text == "broken"

        @pytest.mark.parametrize("ask", [app.ask, app.ask_async], ids=["sync", "async"])
        def test_callable(llm_faults, llm_system, ask):
            assert llm_faults.provider.canaries.text == llm_system(ask, "x").result
            llm_faults.fail("invalid_key")
            llm_faults.judge(llm_system(ask, text="y"))

        def test_wrong_callable(llm_faults, llm_system):
            llm_faults.fail("invalid_key")
            llm_faults.judge(llm_system(app.lazy))

        def test_wrong_unexercised(llm_faults, llm_system):
            llm_faults.fail("invalid_key")
            llm_faults.judge(llm_system(lambda: 1 / 0))
        """,
    )
    done = run(pytester)
    done.assert_outcomes(passed=7, failed=3, errors=1)
    done.stdout.fnmatch_lines_random(
        [
            "E*silent-fallback: *test_wrong_lazy*",
            "E*silent-fallback: *test_wrong_callable*",
            "E*VerdictError*injection-not-exercised*never fired in 0 requests*",
        ]
    )
