"""Validation that meets nothing is named, and a test that meets the product, somehow, never is."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.rules.support import hits, subs

PRODUCT = {"shop/__init__.py": "", "shop/pool.py": "def acquire(): ...\n"}
TEST, PROGRAM = "tests/test_validation.py", "validation_suite.py"
ALONE = "def test_it():\n    assert sorted([2, 1]) == [1, 2]\n"
FLASK = """
from flask import Flask

def application():
    app = Flask(__name__)

    @app.get("/health")
    def health():
        return "ok"

    return app
"""
ASKED = """
def test_load():
    client = application().test_client()
    assert client.get("/health").status_code == 200
"""
SLEEP = "import time\n\ndef check_database():\n    time.sleep(0.01){then}\n\nif __name__ == '__main__':\n    check_database()\n"
READ = "from pathlib import Path\n\ndef test_main():\n    text = Path('main.py').read_text()\n"


def found(code: str, text: str, path: str = TEST, more: Mapping[str, str] | None = None) -> list[str]:
    """Return what a rule says of a file in a project with product code."""
    return subs({**PRODUCT, **(more or {}), path: text}, code)


class TestNoContact:
    @pytest.mark.parametrize(
        "text",
        [
            pytest.param(ALONE, id="alone"),
            pytest.param("import subprocess\n" + ALONE, id="unused-module"),
            pytest.param(FLASK + ASKED, id="own-app"),
            pytest.param("from tests.helper import double\n" + ALONE, id="helper"),
            pytest.param("def test_it(number):\n    assert number\n", id="fixture-of-own-kind"),
            pytest.param(
                "import pytest\n\n@pytest.mark.parametrize('n, m', [(1, 2)])\ndef test_it(n, m):\n    assert n < m\n",
                id="parametrized",
            ),
        ],
    )
    def test_alone(self, text: str) -> None:
        helpers = {"tests/helper.py": "import math\n", "tests/conftest.py": "import pytest\n"}
        assert found("FV1", text, more=helpers) == [""]

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("from shop.pool import acquire\n" + ALONE, id="product"),
            pytest.param("from shop import pool\n" + ALONE, id="package"),
            pytest.param("import unknown_client\n" + ALONE, id="package-of-others"),
            pytest.param("def test_it(plugged):\n    assert plugged\n", id="fixture-of-a-plugin"),
            pytest.param(
                "import subprocess\n\ndef test_it():\n    assert subprocess.run(['shop']).returncode == 0\n",
                id="process",
            ),
            pytest.param("def test_it():\n    assert eval('1 + 1') == 2\n", id="eval"),
            pytest.param("def test_it():\n    assert open('README.md').read()\n", id="reads"),
            pytest.param(
                "import requests\n\ndef test_it():\n    assert requests.get('http://localhost:8000/').ok\n",
                id="address",
            ),
            pytest.param("from tests.meeting import double\n" + ALONE, id="helper-that-meets"),
            pytest.param("from tests.first import a\n" + ALONE, id="helpers-in-a-circle"),
            pytest.param("X = 1\n", id="no-checks"),
            pytest.param(
                "import unittest\nfrom shop_client import Client\n\nclass TestIt(unittest.TestCase):\n"
                "    def setUp(self):\n        self.client = Client()\n\n"
                "    def test_it(self):\n        self.assertTrue(self.client.ok())\n",
                id="set-up",
            ),
        ],
    )
    def test_met(self, text: str) -> None:
        helpers = {
            "tests/meeting.py": "import shop.pool\n",
            "tests/first.py": "from tests.second import b\n",
            "tests/second.py": "from tests.first import a\nimport shop\n",
        }
        assert found("FV1", text, more=helpers) == []

    def test_fixture_of_a_conftest_that_meets(self) -> None:
        text = "def test_it(pool):\n    assert pool\n"
        assert found("FV1", text, more={"tests/conftest.py": "import shop.pool\n"}) == []

    @pytest.mark.parametrize(
        "path", ["examples/test_x.py", "tests/fixtures/test_x.py", "doc/en/tests/test_x.py"]
    )
    def test_what_is_shown_judges_nothing(self, path: str) -> None:
        assert found("FV1", ALONE, path) == []

    @pytest.mark.parametrize(
        "path", ["validate_production.py", "scripts/verify_all.py", "smoke.py", "load_test.py", "e2e.py"]
    )
    def test_program_named_for_it(self, path: str) -> None:
        text = "def check_it():\n    assert 2 > 1\n\ncheck_it()\n"
        assert found("FV1", text, path) == [""]

    @pytest.mark.parametrize("path", ["shop/validators.py", "shop/upload.py", "shop/verify.py", "run.py"])
    def test_module_of_such_a_name_that_runs_nothing(self, path: str) -> None:
        assert found("FV1", "def check_it():\n    assert 2 > 1\n", path) == []

    def test_program_of_another_name_is_none(self) -> None:
        assert (
            found(
                "FV1",
                "def check_it():\n    assert 2 > 1\n\nif __name__ == '__main__':\n    check_it()\n",
                "run.py",
            )
            == []
        )


class TestOwnApp:
    @pytest.mark.parametrize(
        "text",
        [
            pytest.param(FLASK + ASKED, id="in-a-helper"),
            pytest.param(
                "from flask import Flask\n\napp = Flask('x')\n" + ASKED.replace("application()", "app"),
                id="module",
            ),
            pytest.param(
                "import threading, urllib.request\nfrom http.server import HTTPServer\n\ndef test_load():\n"
                "    server = HTTPServer(('', 0), None)\n    threading.Thread(target=server.serve_forever).start()\n"
                "    assert urllib.request.urlopen('http://localhost').status == 200\n",
                id="http.server",
            ),
            pytest.param(
                "import httpx\nimport fastapi\n\nasync def test_load():\n    app = fastapi.FastAPI()\n"
                "    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as session:\n"
                "        assert (await session.get('/')).status_code == 404\n",
                id="attribute",
            ),
        ],
    )
    def test_asks_itself(self, text: str) -> None:
        assert found("FV2", text) == [""]

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param(
                FLASK
                + ASKED.replace("application()", "mounted(application())").replace(
                    "def test", "from shop.pool import mounted\n\ndef test"
                ),
                id="extension",
            ),
            pytest.param(FLASK + "\ndef test_made():\n    assert application()\n", id="asks-nothing"),
            pytest.param(
                FLASK + "from shop.pool import acquire\n\ndef test_stand_in():\n    application()\n"
                "    assert acquire().get('/')\n",
                id="stand-in",
            ),
            pytest.param(
                "from shop.pool import app\n\ndef test_it():\n    assert app.test_client().get('/')\n",
                id="product",
            ),
        ],
    )
    def test_asks_the_product(self, text: str) -> None:
        assert found("FV2", text) == []


class TestLiteralVerdict:
    @pytest.mark.parametrize(
        "body",
        [
            pytest.param("stats = {'a': 1}\n    assert stats['a'] == 1", id="dict"),
            pytest.param("n = 2\n    m = n\n    assert m * 2 == 4", id="passed-on"),
            pytest.param("x = []\n    x.append(1)\n    assert len(x) == 1", id="filled"),
            pytest.param("for n, m in [(1, 2)]:\n        assert n < m", id="loop"),
            pytest.param("d = {}\n    d['a'] = 1\n    assert d.get('a') == 1", id="item"),
            pytest.param("n = 1\n    n += 1\n    assert f'{n}' == '2'", id="f-string"),
            pytest.param("n = [i for i in range(3)]\n    assert sum(n) == 3", id="comprehension"),
            pytest.param("x = 1\n    assert isinstance(x, (int, float))", id="isinstance"),
        ],
    )
    def test_written(self, body: str) -> None:
        assert found("FV3", f"def test_it():\n    {body}\n") == ["asserted"]

    def test_unittest(self) -> None:
        text = "class TestIt:\n    def test_it(self):\n        n = 1\n        self.assertEqual(n, 1)\n"
        assert found("FV3", text) == ["asserted"]

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("def test_it():\n    assert True\n", id="constant"),
            pytest.param("def test_it():\n    n = made()\n    assert n == 1\n", id="call"),
            pytest.param("def test_it():\n    x = []\n    fill(x)\n    assert x == []\n", id="handed-out"),
            pytest.param("def test_it():\n    x = []\n    fill(into=x)\n    assert x == []\n", id="keyword"),
            pytest.param(
                "def test_it():\n    x = []\n    x.sort()\n    x.pop()\n    assert x == []\n", id="method"
            ),
            pytest.param(
                "def test_it():\n    x = []\n    def f():\n        x.append(1)\n    f()\n    assert x == [1]\n",
                id="inner",
            ),
            pytest.param(
                "def test_it():\n    n = 0\n    def f():\n        nonlocal n\n        n = 1\n    f()\n    assert n == 1\n",
                id="nonlocal",
            ),
            pytest.param("N = 0\n\ndef test_it():\n    global N\n    assert N == 0\n", id="global"),
            pytest.param("def test_it(n):\n    assert n == 1\n", id="parameter"),
            pytest.param("def test_it():\n    with opened() as n:\n        assert n == 1\n", id="with"),
            pytest.param(
                "def test_it():\n    x = {}\n    x['a'] = made()\n    assert x['a'] == 1\n",
                id="item-of-a-call",
            ),
            pytest.param("def test_it():\n    x = {'a': 1}\n    del x\n    assert x\n", id="deleted"),
            pytest.param(
                "from shop.pool import acquire\n\ndef test_it():\n    n = 1\n    acquire()\n    assert n == 1\n",
                id="did-not-raise",
            ),
            pytest.param(
                "import pytest\n\ndef test_it():\n    n = 1\n    with pytest.raises(ValueError):\n        int('x')\n    assert n\n",
                id="raises",
            ),
            pytest.param(
                "def sum(x):\n    return x\n\ndef test_it():\n    n = [1]\n    assert sum(n) == 1\n",
                id="own-sum",
            ),
            pytest.param(
                "async def test_it():\n    async for n in [1]:\n        assert n == 1\n", id="async-for"
            ),
        ],
    )
    def test_not_written(self, text: str) -> None:
        assert found("FV3", text) == []

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("passed = 4\ntotal = 4\nprint(f'success rate: {passed / total:.0%}')\n", ["printed"]),
            ("def main():\n    passed = 4\n    print('passed', passed)\n\nmain()\n", ["printed"]),
            ("print('success rate: 100 %')\n", []),
            ("passed = made()\nprint(f'passed: {passed}')\n", []),
            ("passed = 4\nprint(f'hello {passed}')\n", []),
        ],
    )
    def test_printed(self, text: str, said: list[str]) -> None:
        assert found("FV3", text, PROGRAM) == said


class TestSleepAsWork:
    @pytest.mark.parametrize(
        "then",
        [
            "\n    return True",
            "\n    print('database: PASS')",
            "\n    log.info('done')\n    results.append(('database', True))",
            "\n    results.append({'name': 'database', 'passed': True})",
            "\n    elapsed = 0.1\n    if elapsed < 1:\n        print('✅ healthy')",
            "\n    elapsed = time.monotonic()\n    assert elapsed < 1",
            "\n    return {'status': 'healthy'}",
        ],
    )
    def test_success(self, then: str) -> None:
        text = SLEEP.format(then=then)
        assert found("FV4", text, PROGRAM) == ["silent"]
        assert found("FV4", text.replace("0.01)", "0.01)  # simulated work"), PROGRAM) == ["simulated"]

    @pytest.mark.parametrize(
        "then",
        [
            "\n    return ask()",
            "\n    ask()\n    return True",
            "\n    x = ask()\n    print('PASS')",
            "",
            "\n    assert ask()",
            "\n    if ask():\n        return True",
            "\n    raise ValueError",
            "\n    return",
        ],
    )
    def test_work_comes_after(self, then: str) -> None:
        assert found("FV4", SLEEP.format(then=then), PROGRAM) == []

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param(
                "import time\nfrom shop.pool import acquire\n\ndef test_it():\n    acquire()\n    time.sleep(1)\n    assert 1 == 1\n",
                id="product",
            ),
            pytest.param(
                "import asyncio\n\nasync def test_it(pool):\n    async def slow():\n        await asyncio.sleep(1)\n        return True\n    assert await pool(slow)\n",
                id="played-service",
            ),
            pytest.param(
                "import time\n\ndef test_it(n):\n    time.sleep(n)\n    print('ok')\n", id="worked-out"
            ),
            pytest.param(
                "import time\n\ndef test_it():\n    while True:\n        time.sleep(1)\n    print('ok')\n",
                id="looks",
            ),
            pytest.param("import time\n\ntime.sleep(1)\nprint('ok')\n", id="module"),
            pytest.param(
                "from naps import sleep\n\ndef test_it():\n    sleep(1)\n    print('ok')\n",
                id="another-sleep",
            ),
        ],
    )
    def test_exempt(self, text: str) -> None:
        assert found("FV4", text) == []

    def test_product_code_is_no_check(self) -> None:
        assert (
            found("FV4", SLEEP.format(then="\n    return True").partition("if __")[0], "shop/work.py") == []
        )


class TestLiteralMeasurement:
    @pytest.mark.parametrize(
        ("text", "path", "said"),
        [
            ("def test_it():\n    query_time = 0.02\n    assert query_time < 0.1\n", TEST, ["compared"]),
            (
                "def test_it():\n    pool_stats: dict = {'used': 3}\n    ok = pool_stats['used'] < 9\n    assert ok\n",
                TEST,
                ["compared"],
            ),
            ("before_score = 4\nprint(f'{before_score / 15:.1%}')\n", PROGRAM, ["shown"]),
            ("import json\n\nbaseline = {'p95': -1}\nprint(json.dumps(baseline))\n", PROGRAM, ["shown"]),
            ("score = 0.5\ndef test_it():\n    assert made(score).score == score\n", TEST, []),
            ("def test_it():\n    timeout_rate = 1\n    assert timeout_rate < 2\n", TEST, []),
            ("RATE = 4\nprint(RATE)\n", PROGRAM, []),
            ("def test_it():\n    score = 0\n    score += made()\n    assert score < 2\n", TEST, []),
            ("score = made()\nprint(score)\n", PROGRAM, []),
            ("score = 4\nif made():\n    print('x')\nscore\n", PROGRAM, []),
            ("a = b = score = 4\nprint(score)\n", PROGRAM, []),
            ("score = 4\nmade(score)\n", PROGRAM, []),
            ("score = 4\nscore.real.bit_length()\n", PROGRAM, []),
            ("def test_it():\n    before = False\n    assert before == False\n", TEST, []),
        ],
    )
    def test_measured(self, text: str, path: str, said: list[str]) -> None:
        assert found("FV5", text, path) == said


class TestKeywordEvidence:
    @pytest.mark.parametrize(
        "text",
        [
            pytest.param(READ + "    assert 'flask' in text\n    assert 'app.run' not in text\n", id="words"),
            pytest.param(READ + "    for word in ['a', 'b']:\n        assert word in text\n", id="loop"),
            pytest.param(
                "import pytest\n\n@pytest.fixture\ndef text():\n    with open('Dockerfile') as f:\n        return f.read()\n\n"
                "def test_it(text):\n    assert 'USER' in text\n    assert 'HEALTHCHECK' in text\n",
                id="fixture",
            ),
        ],
    )
    def test_words_decide(self, text: str) -> None:
        assert found("FV6", text) == [""]

    def test_program_that_counts_words(self) -> None:
        text = (
            READ.replace("test_main", "check_main")
            + "    n = 0\n    if 'a' in text:\n        n += 1\n    if 'b' in text:\n        n += 1\n    return n\n\ncheck_main()\n"
        )
        assert found("FV6", text, PROGRAM) == [""]

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param(READ + "    assert 'flask' in text\n", id="one-word"),
            pytest.param(
                (READ + "    assert 'a' in text\n    assert 'b' in text\n").replace("main.py", "README.md"),
                id="prose",
            ),
            pytest.param(
                READ + "    assert 'a' in text\n    assert 'b' in text\n    assert len(text) == 3\n",
                id="looks-further",
            ),
            pytest.param(
                READ
                + "    import ast\n    ast.parse(text)\n    assert 'a' in text\n    assert 'b' in text\n",
                id="parsed",
            ),
            pytest.param(
                READ
                + "    from shop.pool import acquire\n    acquire()\n    assert 'a' in text\n    assert 'b' in text\n",
                id="product",
            ),
            pytest.param(READ + "    assert 'a' in 'abc'\n    assert 'b' in 'abc'\n", id="literals"),
            pytest.param(
                READ.replace("read_text()", "name")
                + "    assert 'a' in text\n    assert 'b' in text\n    open.read\n",
                id="not-read",
            ),
        ],
    )
    def test_exempt(self, text: str) -> None:
        assert found("FV6", text) == []


class TestStructureOnly:
    HEAD = "import inspect\nimport shop.pool\nfrom shop.pool import Base, Store\n\n"

    @pytest.mark.parametrize(
        ("body", "said"),
        [
            ("assert hasattr(Store, 'save')", ["exists"]),
            ("store = Store()\n    assert hasattr(store, 'save') and hasattr(store, 'load')", ["exists"]),
            ("assert all(hasattr(shop.pool, name) for name in ['a', 'b'])", ["exists"]),
            ("assert callable(getattr(Store, 'save'))", ["exists"]),
            ("assert callable(Store.save)", ["exists"]),
            ("assert Store.save is not Base.save", ["overridden"]),
            ("assert len(inspect.getsource(Store.save)) > 50", ["length"]),
            ("text = inspect.getsource(Store)\n    assert len(text) >= 50", ["length"]),
            ("assert hasattr(Store, 'save')\n    assert Store().save() == 1", []),
            ("assert not hasattr(Store, 'save')", []),
            ("assert hasattr(Store().save(), 'text')", []),
            ("assert hasattr(Store, '__version__')", []),
            ("assert hasattr(Store, 'save') or Store().load()", []),
            ("x = Store()\n    y = Store()\n    assert x.data is not y.data\n    hasattr", []),
            ("assert len(Store().getall()) > 5\n    hasattr", []),
            ("assert Store() is not None\n    hasattr", []),
            ("assert hasattr(Store)", []),
            ("if hasattr(Store, 'x'):\n        raise ValueError", []),
            ("assert callable(Store)\n    hasattr", []),
            ("assert hasattr(found, 'x')", []),
            ("hasattr(Store, 'x')", []),
        ],
    )
    def test_structure(self, body: str, said: list[str]) -> None:
        assert found("FV7", f"{self.HEAD}def test_it():\n    {body}\n") == said

    def test_class_that_says_it_of_itself(self) -> None:
        text = "class TestIt:\n    def test_it(self):\n        assert hasattr(self.store, 'save')\n"
        assert found("FV7", text) == ["exists"]


def test_a_name_is_told_in_the_message() -> None:
    (hit,) = hits({**PRODUCT, TEST: "def test_it():\n    n = 1\n    assert n == 1\n"}, "FV3")
    assert (hit.message, hit.line) == ("test_it asserts what was written into it", 3)
