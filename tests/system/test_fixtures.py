"""Tests of the fixture `failhard_system`, in the test run of a project."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.support import WITHOUT_OTHERS

pytest_plugins = ["pytester"]

SERVER = """
import os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/health":
            body = b"ok"
        elif self.path == "/greeting":
            body = os.environ.get("GREETING", "hello").encode()
        else:
            body = os.environ["TOKEN"].encode()
        print("asked for", self.path, flush=True)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_request(self, *_): pass

if "BROKEN" in os.environ:
    sys.exit("BROKEN is set")
ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
DECLARED = f"""
[tool.failhard.system]
kind = "http"
start = [{sys.executable!r}, "-I", "-S", "server.py"]
port_env = "PORT"
ready = "/health"
logs = "stdout"
secrets = [{{ name = "TOKEN" }}]
[[tool.failhard.system.routes]]
id = "greeting"
path = "/greeting"
"""
TESTS = """
import os
import urllib.request
from urllib.error import URLError
import pytest
from pytest_failhard.model import GateError

def ask(system, path):
    with urllib.request.urlopen(system.base_url + path, timeout=10) as answer:
        return answer.read().decode()

def test_it_runs_with_an_environment_of_its_own(failhard_system, monkeypatch):
    monkeypatch.setenv("GREETING", "not for it")
    assert ask(failhard_system, "/greeting") == "hello"
    assert ask(failhard_system, "/token") == failhard_system.env["TOKEN"]
    assert failhard_system.base_url.endswith(":" + failhard_system.env["PORT"])
    assert "PYTEST_CURRENT_TEST" not in failhard_system.env
    assert failhard_system.logs().splitlines()[-1] == "asked for /token"

def test_it_is_the_same_for_all_tests(failhard_system):
    assert "asked for /token" in failhard_system.logs()

def test_it_starts_anew(failhard_system):
    token = failhard_system.env["TOKEN"]
    failhard_system.restart(GREETING="moin", LANG=None)
    assert ask(failhard_system, "/greeting") == "moin"
    assert "asked for /token" not in failhard_system.logs()
    assert (failhard_system.env["TOKEN"], "LANG" in failhard_system.env) == (token, False)
    failhard_system.restart()
    assert ask(failhard_system, "/greeting") == "hello"

def test_it_is_killed_and_brought_back(failhard_system):
    failhard_system.kill()
    with pytest.raises(URLError):
        ask(failhard_system, "/greeting")
    with pytest.raises(GateError, match="exit code 1, before it was ready; its last words: BROKEN is set"):
        failhard_system.restart(BROKEN="1")
    failhard_system.restart()
    assert ask(failhard_system, "/greeting") == "hello"

@pytest.mark.parametrize("rps", [None, 50])
def test_it_serves_under_load(failhard_system, rps):
    with failhard_system.under(concurrency=2, seconds=0.2, rps=rps) as load:
        assert ask(failhard_system, "/greeting") == "hello"
    assert load.load.requests > 0
    assert load.load.success_rate == 1
"""


def run(pytester: pytest.Pytester, *options: str) -> pytest.RunResult:
    return pytester.runpytest_inprocess(*WITHOUT_OTHERS, "-p", "no:xdist", *options)


def test_a_project_tests_its_running_system(pytester: pytest.Pytester) -> None:
    pytester.makepyprojecttoml(DECLARED)
    pytester.makepyfile(server=SERVER, test_system=TESTS)
    run(pytester).assert_outcomes(passed=6)


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ("", "*no system is declared: write *tool.failhard.system* into pyproject.toml*"),
        (
            '[tool.failhard.system]\nkind = "library"\nsecrets = []',
            "*a system of kind library starts nothing: test it by importing it*",
        ),
        ('[tool.failhard.system]\nkind = "htp"', "*pyproject.toml: *tool.failhard.system* kind*"),
        ('[tool.failhard]\ninterpreter = "python"', "*failhard_system: *interpreter*"),
        (DECLARED.replace("server.py", "absent.py"), "*exit code 2, before it was ready; *absent.py*"),
    ],
    ids=["nothing declared", "a library", "a mistake", "another mistake", "not ready"],
)
def test_what_cannot_be_started_is_an_error_with_the_remedy(
    pytester: pytest.Pytester, declared: str, said: str
) -> None:
    pytester.makepyprojecttoml(declared)
    pytester.makepyfile("def test_it(failhard_system): pass")
    result = run(pytester)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([said])


def test_every_example_of_the_page_runs(pytester: pytest.Pytester) -> None:
    page = (Path(__file__).parents[2] / "docs" / "running-system.md").read_text("utf-8")
    examples = re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    assert len(examples) == 3
    code = "import sys\nimport pytest\nfrom pytest_failhard.model import GateError\n" + "\n".join(examples)
    code = code.replace('"/opt/shop/venv/bin/python"', "sys.executable").replace("seconds=2", "seconds=0.2")
    refusing = "if not os.environ.get('API_KEY'): sys.exit('API_KEY is not set')\n"
    pytester.makepyprojecttoml(DECLARED.replace('{ name = "TOKEN" }', '{ name = "API_KEY" }'))
    pytester.makepyfile(server=SERVER.replace('if "BROKEN"', f'{refusing}if "BROKEN"'), test_page=code)
    run(pytester).assert_outcomes(passed=3)


def test_what_has_no_port_has_no_url(pytester: pytest.Pytester) -> None:
    pytester.makepyprojecttoml(
        f"""
[tool.failhard.system]
kind = "job"
secrets = []
outputs = ["made"]
start = [{sys.executable!r}, "-I", "-S", "-c", "open('made', 'w')"]
"""
    )
    pytester.makepyfile(
        """
import pytest
from pytest_failhard.model import GateError

def test_it(failhard_system):
    assert failhard_system.logs() == ""
    with pytest.raises(GateError, match="a system of kind job has no URL"):
        failhard_system.base_url
"""
    )
    run(pytester).assert_outcomes(passed=1)
