"""The rules about tests that prove nothing: what each finds under whatever form, and what it leaves alone."""

from __future__ import annotations

import textwrap

import pytest

from tests.rules.support import hits, subs

PATH = "tests/test_a.py"


def found(code: str, source: str, path: str = PATH, **options: object) -> list[str]:
    """Return the subs that a rule finds in one test file."""
    given = {name: value for name, value in options.items() if isinstance(value, bool | list)}
    return subs({path: source}, code, given)


def body(text: str) -> str:
    """Return a test whose body is a text."""
    return "def test_a(x, f, client):\n" + textwrap.indent(textwrap.dedent(text).strip() + "\n", "    ")


class TestEmptyTest:
    @pytest.mark.parametrize(
        ("text", "sub"),
        [
            pytest.param("pass", "empty", id="pass"),
            pytest.param("...", "empty", id="dots"),
            pytest.param('"""It works."""', "empty", id="docstring"),
            pytest.param("1", "empty", id="constant"),
            pytest.param("return", "empty", id="bare-return"),
            pytest.param("if client.get() != 1:\n    return False\nreturn True", "returns-bool", id="bool"),
            pytest.param("return x == 1", "returns-bool", id="comparison"),
            pytest.param("return not x", "returns-bool", id="negation"),
            pytest.param("return x and f", "returns-bool", id="conjunction"),
            pytest.param('print("ok")', "no-assert", id="print"),
            pytest.param("x == 1", "no-assert", id="bare-comparison"),
            pytest.param("return f()", "no-assert", id="returns-something"),
            pytest.param("def inner():\n    assert x\nf()", "no-assert", id="nested-never-called"),
            pytest.param("class Inner:\n    assert x\nf()", "no-assert", id="nested-class"),
            pytest.param("f()\nif False:\n    assert x", "no-assert", id="if-false"),
            pytest.param("f()\nif not True:\n    assert x", "no-assert", id="if-not-true"),
            pytest.param("f()\nif True:\n    f()\nelse:\n    assert x", "no-assert", id="else-of-true"),
            pytest.param("f()\nif TYPE_CHECKING:\n    assert x", "no-assert", id="type-checking"),
            pytest.param("f()\nwhile 0:\n    assert x", "no-assert", id="while-0"),
            pytest.param("f()\nfor each in []:\n    assert each", "no-assert", id="for-nothing"),
            pytest.param("f()\nreturn\nassert x", "no-assert", id="after-return"),
        ],
    )
    def test_a_test_that_checks_nothing_is_found(self, text: str, sub: str) -> None:
        assert found("FH601", body(text)) == [sub]

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("assert x", id="assert"),
            pytest.param("raise OSError", id="raise"),
            pytest.param("with pytest.raises(OSError):\n    f()", id="raises"),
            pytest.param("pytest.fail('no')", id="fail"),
            pytest.param("client.get().raise_for_status()", id="raise_for_status"),
            pytest.param("check_order(x)", id="check"),
            pytest.param("llm_faults.judge(x)", id="judge"),
            pytest.param("f.assert_called_once()", id="mock"),
            pytest.param("subprocess.run(['x'], check=True)", id="checked-process"),
            pytest.param("def inner():\n    assert x\nf(inner)", id="nested-and-used"),
            pytest.param("@client.get('/')\ndef inner():\n    assert x", id="nested-and-decorated"),
            pytest.param("for each in (1, 2):\n    assert each != x", id="loop"),
            pytest.param("f(lambda: expect(x))", id="lambda"),
        ],
    )
    def test_a_check_of_any_kind_counts(self, text: str) -> None:
        assert found("FH601", body(text)) == []

    @pytest.mark.parametrize(
        "source",
        [
            pytest.param("import pytest\n@pytest.fixture\ndef test_user():\n    return 1\n", id="fixture"),
            pytest.param("@app.get('/test')\ndef test_page():\n    return 1\n", id="route"),
            pytest.param("def test_a(httpx_mock, app):\n    app.call()\n", id="asserting-fixture"),
            pytest.param("def test_a(pytester):\n    pytester.runpytest()\n", id="pytester"),
            pytest.param("class Thing:\n    def test_a(self):\n        pass\n", id="no-test-class"),
            pytest.param(
                "class TestPlan:\n    def __init__(self, x):\n        self.x = x\n    def test_a(self):\n        pass\n",
                id="class-with-init",
            ),
            pytest.param("def outer():\n    def test_a():\n        pass\n    return test_a\n", id="nested"),
            pytest.param("def same(x):\n    assert x\ndef test_a():\n    same(1)\n", id="helper"),
            pytest.param(
                "def same(x):\n    assert x\ndef both(x):\n    same(x)\ndef test_a():\n    both(1)\n",
                id="helper-of-a-helper",
            ),
            pytest.param(
                "def test_a(x):\n    assert x\ndef test_b(x):\n    test_a(x + 1)\n", id="calls-another-test"
            ),
            pytest.param(
                "class TestA:\n    def same(self, x):\n        assert x\n    def test_a(self):\n        self.same(1)\n",
                id="method",
            ),
            pytest.param(
                "import pytest\n@pytest.fixture\ndef app():\n    yield 1\n    assert closed()\n"
                "def test_a(app):\n    app.call()\n",
                id="fixture-that-asserts-at-its-end",
            ),
            pytest.param(
                "import pytest\n@pytest.fixture\ndef same():\n    def inner(x):\n        assert x\n    return inner\n"
                "def test_a(same):\n    same(1)\n",
                id="fixture-that-hands-out-an-assertion",
            ),
        ],
    )
    def test_what_is_no_test_or_asserts_elsewhere_is_left_alone(self, source: str) -> None:
        assert found("FH601", source) == []

    def test_a_helper_of_another_test_file_counts(self) -> None:
        files: dict[str, str | bytes] = {
            "tests/helpers.py": "def same(x):\n    assert x\n",
            "tests/test_a.py": "from tests import helpers\ndef test_a():\n    helpers.same(1)\n",
            "tests/test_b.py": "def test_b(client):\n    client.same(1)\n",
        }
        assert [hit.path for hit in hits(files, "FH601")] == ["tests/test_b.py"]

    @pytest.mark.parametrize(
        "source",
        [
            pytest.param(
                "import unittest\nclass Orders(unittest.TestCase):\n    def test_a(self):\n        pass\n",
                id="unittest",
            ),
            pytest.param("class TestA:\n    async def test_a(self):\n        pass\n", id="class"),
            pytest.param("if True:\n    def test_a():\n        pass\n", id="under-a-condition"),
            pytest.param(
                "import pytest\n@pytest.fixture\ndef app():\n    assert 1 + f()\n    yield 1\n"
                "def test_a(app):\n    app.call()\n",
                id="fixture-that-asserts-at-its-start",
            ),
        ],
    )
    def test_every_form_of_a_test_is_seen(self, source: str) -> None:
        assert len(found("FH601", source)) == 1

    @pytest.mark.parametrize(
        ("path", "options", "seen"),
        [
            pytest.param("scripts/test_connection.py", {}, False, id="script-by-hand"),
            pytest.param("tests/tools/test_a.py", {}, True, id="tests-of-tools"),
            pytest.param("tests/helpers.py", {}, False, id="no-test-file"),
            pytest.param("tests/check_a.py", {"python_files": ["check_*.py"]}, True, id="python_files"),
            pytest.param("test_a.py", {"test_roots": ["tests"]}, False, id="outside-testpaths"),
            pytest.param("tests/test_a.py", {"test_roots": ["tests"]}, True, id="below-testpaths"),
            pytest.param("ci/tests/test_a.py", {"test_roots": ["ci/tests"]}, True, id="root-among-scripts"),
            pytest.param("app/test_a.py", {}, True, id="beside-the-product"),
        ],
    )
    def test_only_what_pytest_collects_counts(
        self, path: str, options: dict[str, list[str]], seen: bool
    ) -> None:
        assert bool(found("FH601", "def test_a():\n    pass\n", path, **options)) is seen


class TestTautologicalAssertion:
    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("assert True", id="true"),
            pytest.param("assert 1", id="one"),
            pytest.param('assert "it works"', id="text"),
            pytest.param('assert f"it works {x}"', id="f-string"),
            pytest.param("assert not False", id="not-false"),
            pytest.param("assert not []", id="not-empty"),
            pytest.param("assert not (not True)", id="not-not"),
            pytest.param("assert x or True", id="or-true"),
            pytest.param("assert True and 1", id="and"),
            pytest.param("assert x or not x", id="either"),
            pytest.param("assert x is None or x is not None", id="none-or-not"),
            pytest.param("assert (y := 3)", id="walrus"),
            pytest.param("assert True if x else 1", id="conditional"),
            pytest.param("assert len(x) >= 0", id="len"),
            pytest.param("assert 0 <= len(x)", id="len-turned"),
            pytest.param("assert len(x) > -1", id="len-above-minus-one"),
            pytest.param("assert x in (True, False)", id="true-or-false"),
            pytest.param("assert x in [False, True]", id="true-or-false-list"),
            pytest.param("assert 1 == 1", id="constants"),
            pytest.param("assert 1 + 1 == 2", id="arithmetic"),
            pytest.param("assert [1] == [1]", id="displays"),
            pytest.param("assert -1 < 0", id="negative"),
            pytest.param("assert x == x", id="itself"),
            pytest.param("assert x is x", id="is-itself"),
            pytest.param("assert client.return_value == client.return_value", id="mock"),
            pytest.param('assert "" in x', id="empty-text"),
            pytest.param("assert isinstance(x, object)", id="object"),
            pytest.param("assert isinstance(x, (int, object))", id="object-in-a-tuple"),
            pytest.param("assert [x]", id="list"),
            pytest.param('assert (x == 1, "message")', id="tuple"),
            pytest.param('assert {"a": x}', id="dict"),
            pytest.param("assert any([True, x])", id="any"),
            pytest.param("assert all([True, 1])", id="all"),
            pytest.param("assert bool(1)", id="bool"),
            pytest.param("assert lambda: x", id="lambda"),
            pytest.param("assert (each for each in x)", id="generator"),
            pytest.param("result = True\nassert result", id="name"),
            pytest.param("ok = 1\nif x:\n    ok = 'yes'\nassert ok", id="name-bound-twice"),
            pytest.param("self.assertTrue(True)", id="assertTrue"),
            pytest.param("self.assert_(1)", id="assert_"),
            pytest.param("self.assertFalse(None)", id="assertFalse"),
            pytest.param("self.assertEqual(1, 1)", id="assertEqual"),
            pytest.param("self.assertEqual(x, x)", id="assertEqual-itself"),
            pytest.param('self.assertIn("", x)', id="assertIn"),
            pytest.param("self.assertIsInstance(x, object)", id="assertIsInstance"),
            pytest.param("self.assertIsNotNone(3)", id="assertIsNotNone"),
            pytest.param("self.assertGreaterEqual(len(x), 0)", id="assertGreaterEqual"),
            pytest.param("try:\n    f()\nexcept OSError:\n    assert True", id="in-a-handler"),
        ],
    )
    def test_what_always_holds_is_found(self, text: str) -> None:
        assert len(found("FH602", body(text))) == 1

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("assert x", id="name"),
            pytest.param("assert x == 1", id="value"),
            pytest.param("assert False", id="false"),
            pytest.param("assert not x", id="not"),
            pytest.param("assert x in {True, False}", id="type-check"),
            pytest.param("assert x in (True, 2)", id="one-of"),
            pytest.param("assert x or f", id="or"),
            pytest.param("assert 1 if x else 0", id="conditional"),
            pytest.param("assert len(x) > 0", id="len"),
            pytest.param("assert len(x) == 0", id="len-is-0"),
            pytest.param("assert f() == f()", id="two-calls"),
            pytest.param("assert x.y is x.y", id="kept-value"),
            pytest.param("assert x[f()] == x[f()]", id="two-lookups"),
            pytest.param("assert x == x\nassert x != f", id="equality"),
            pytest.param("self.assertEqual(x, x)\nself.assertNotEqual(x, f)", id="assertNotEqual"),
            pytest.param("assert isinstance(x, int)", id="type"),
            pytest.param("assert any([f, x])", id="any"),
            pytest.param("assert [*x]", id="unpacked"),
            pytest.param("assert {**x}", id="unpacked-dict"),
            pytest.param('assert f"{x}"', id="f-string"),
            pytest.param("ok = True\nok = f()\nassert ok", id="name-bound-to-a-call"),
            pytest.param("ok = True\nfor ok in x:\n    f()\nassert ok", id="name-of-a-loop"),
            pytest.param(
                "ok = True\ndef inner():\n    nonlocal ok\n    ok = False\nf(inner)\nassert ok", id="nonlocal"
            ),
            pytest.param("self.assertTrue(x)", id="assertTrue"),
            pytest.param("self.assertTrue()", id="assertTrue-of-nothing"),
            pytest.param("self.assertEqual(x, 1)", id="assertEqual"),
            pytest.param("self.assertGreaterEqual(len(x), 1)", id="assertGreaterEqual"),
            pytest.param("self.assertRegex(x, '.')", id="assertRegex"),
            pytest.param("assert " + "bool(" * 9 + "1" + ")" * 9, id="too-deep"),
            pytest.param("assert_ok(True, 1)", id="helper"),
        ],
    )
    def test_what_can_fail_is_left_alone(self, text: str) -> None:
        assert found("FH602", body(text)) == []

    @pytest.mark.parametrize(
        "source",
        [
            pytest.param(
                "from _pytest.assertion import rewrite\ndef test_a():\n    assert 1 == 1\n", id="rewriter"
            ),
            pytest.param("READY = True\ndef test_a():\n    assert READY\n", id="constant-of-the-file"),
            pytest.param("def test_equality():\n    x = f()\n    assert x == x\n", id="name-of-the-test"),
        ],
    )
    def test_what_has_a_purpose_is_left_alone(self, source: str) -> None:
        assert found("FH602", source) == []


SKIP = "import unittest\nimport pytest\n"


class TestUnexplainedSkip:
    @pytest.mark.parametrize(
        ("source", "sub"),
        [
            pytest.param("@pytest.mark.skip\ndef test_a(): pass", "skip-no-reason", id="bare-mark"),
            pytest.param("@pytest.mark.skip()\ndef test_a(): pass", "skip-no-reason", id="mark"),
            pytest.param("@pytest.mark.skip(reason='')\ndef test_a(): pass", "skip-no-reason", id="empty"),
            pytest.param("@pytest.mark.skip(reason='skip')\ndef test_a(): pass", "skip-no-reason", id="word"),
            pytest.param("@pytest.mark.skip(reason=None)\ndef test_a(): pass", "skip-no-reason", id="none"),
            pytest.param("@unittest.skip\ndef test_a(): pass", "skip-no-reason", id="unittest-bare"),
            pytest.param("@unittest.skip('')\ndef test_a(): pass", "skip-no-reason", id="unittest"),
            pytest.param("def test_a():\n    pytest.skip()", "skip-no-reason", id="call"),
            pytest.param("def test_a(self):\n    self.skipTest('wip')", "skip-no-reason", id="skipTest"),
            pytest.param("def test_a():\n    raise unittest.SkipTest", "skip-no-reason", id="SkipTest"),
            pytest.param("def test_a():\n    raise unittest.SkipTest('wip')", "skip-no-reason", id="SkipTest-word"),
            pytest.param(
                "@pytest.mark.parametrize('x', [pytest.param(1, marks=pytest.mark.skip)])\ndef test_a(x): pass",
                "skip-no-reason",
                id="param",
            ),
            pytest.param("WHY = 'wip'\n@pytest.mark.skip(reason=WHY)\ndef test_a(): pass", "skip-no-reason", id="short-constant"),
            pytest.param("slow = pytest.mark.skip\n@slow\ndef test_a(): pass", "skip-no-reason", id="alias"),
            pytest.param("slow = pytest.mark.skip\n@slow(reason='x')\ndef test_a(): pass", "skip-no-reason", id="called-alias"),
            pytest.param("from pytest import skip\ndef test_a():\n    skip()", "skip-no-reason", id="imported"),
            pytest.param("if f():\n    pytest.skip('x', allow_module_level=True)", "skip-no-reason", id="module-condition"),
            pytest.param(
                "pytest.skip('needs PostgreSQL, #12', allow_module_level=True)", "module-skip", id="module"
            ),
            pytest.param("raise unittest.SkipTest('needs PostgreSQL')", "module-skip", id="module-SkipTest"),
            pytest.param("pytestmark = pytest.mark.skip", "module-skip", id="pytestmark"),
            pytest.param("pytestmark = [pytest.mark.skip(reason='needs a rewrite')]", "module-skip", id="pytestmark-list"),
            pytest.param("class TestA:\n    pytestmark = pytest.mark.skip", "module-skip", id="pytestmark-in-a-class"),
            pytest.param("__test__ = False\ndef test_a():\n    assert f()", "module-skip", id="__test__"),
            pytest.param(
                "class TestA:\n    __test__ = False\n    def test_a(self):\n        assert f()",
                "module-skip",
                id="__test__-of-a-class",
            ),
            pytest.param("@pytest.mark.xfail\ndef test_a(): pass", "xfail-nonstrict", id="xfail"),
            pytest.param("@pytest.mark.xfail(reason='see #1')\ndef test_a(): pass", "xfail-nonstrict", id="xfail-call"),
            pytest.param("@pytest.mark.xfail(strict=False)\ndef test_a(): pass", "xfail-nonstrict", id="xfail-lax"),
            pytest.param("@unittest.expectedFailure\ndef test_a(): pass", "xfail-nonstrict", id="expectedFailure"),
            pytest.param("def test_a():\n    pytest.xfail('see #1')", "xfail-nonstrict", id="xfail-in-the-body"),
        ],
    )  # fmt: skip
    def test_a_skip_that_does_not_say_why_is_found(self, source: str, sub: str) -> None:
        assert found("FH603", SKIP + source + "\n") == [sub]

    @pytest.mark.parametrize(
        "source",
        [
            pytest.param("@pytest.mark.skip(reason='needs PostgreSQL, #12')\ndef test_a(): pass", id="reason"),
            pytest.param("@pytest.mark.skip('needs PostgreSQL, #12')\ndef test_a(): pass", id="by-position"),
            pytest.param("WHY = 'needs PostgreSQL'\n@pytest.mark.skip(reason=WHY)\ndef test_a(): pass", id="constant"),
            pytest.param("@pytest.mark.skip(reason=why())\ndef test_a(): pass", id="worked-out"),
            pytest.param("from a import WHY\n@pytest.mark.skip(reason=WHY)\ndef test_a(): pass", id="elsewhere"),
            pytest.param("slow = pytest.mark.skip(reason='needs a day')\n@slow\ndef test_a(): pass", id="alias"),
            pytest.param("@unittest.skip('needs PostgreSQL')\ndef test_a(): pass", id="unittest"),
            pytest.param("if f():\n    pytest.skip('needs Windows', allow_module_level=True)", id="condition"),
            pytest.param("def test_a():\n    pytest.importorskip('numpy')", id="importorskip"),
            pytest.param("def test_a():\n    pytest.importorskip(NAME)", id="importorskip-of-a-name"),
            pytest.param("@pytest.mark.xfail(strict=True, reason='see #1')\ndef test_a(): pass", id="strict"),
            pytest.param("class TestThing:\n    __test__ = False\n    x = 1", id="no-tests-in-it"),
            pytest.param("__test__ = False\ndef helper(): pass", id="no-tests-in-the-file"),
            pytest.param("def f():\n    __test__ = False\ndef test_a(): assert f()", id="local-name"),
            pytest.param(
                "from app import test_rows\ntest_rows.__test__ = False\ndef test_a():\n    assert f()",
                id="what-looks-like-a-test",
            ),
            pytest.param("__test__ = {}\ndef test_a(): assert f()", id="doctests"),
            pytest.param("def test_a():\n    with pytest.raises(unittest.SkipTest):\n        f()", id="expected"),
            pytest.param(
                "class TestBase:\n    __test__ = False\n    def test_a(self):\n        assert f()\n"
                "class TestOne(TestBase):\n    __test__ = True",
                id="base-class",
            ),
            pytest.param("x.skip(1)\ny.xfail", id="other-skips"),
        ],
    )  # fmt: skip
    def test_a_skip_with_a_reason_is_left_alone(self, source: str) -> None:
        assert found("FH603", SKIP + source + "\n") == []

    def test_a_module_of_the_project_is_no_optional_library(self) -> None:
        files: dict[str, str | bytes] = {
            "app/core.py": "x = 1\n",
            "tests/test_a.py": "import pytest\ncore = pytest.importorskip('app.core')\n",
            "tests/test_b.py": "import pytest\ndef test_b():\n    pytest.importorskip('app.core')\n",
        }
        assert subs(files, "FH603") == ["module-skip", "skip-no-reason"]

    @pytest.mark.parametrize(("mark", "lax"), [("xfail", False), ("xfail(strict=False)", True)])
    def test_where_pytest_takes_all_for_strict_only_what_says_otherwise_counts(
        self, mark: str, lax: bool
    ) -> None:
        source = f"{SKIP}@pytest.mark.{mark}\ndef test_a(): pass\n"
        assert bool(found("FH603", source, xfail_strict=True)) is lax


KEY = 'import os\nimport unittest\nimport pytest\nKEY = os.getenv("OPENAI_API_KEY")\n'


class TestCredentialConditionalSkip:
    @pytest.mark.parametrize(
        "source",
        [
            pytest.param("@pytest.mark.skipif(not os.getenv('OPENAI_API_KEY'), reason='no key')\ndef test_a(): f()", id="skipif"),
            pytest.param("@pytest.mark.skipif(not KEY, reason='no key')\ndef test_a(): f()", id="through-a-name"),
            pytest.param("@pytest.mark.skipif(condition=not KEY, reason='no key')\ndef test_a(): f()", id="by-name"),
            pytest.param("@unittest.skipUnless(os.environ.get('SECRET_TOKEN'), 'no key')\ndef test_a(): f()", id="skipUnless"),
            pytest.param("@unittest.skipIf('ANTHROPIC_API_KEY' not in os.environ, 'no key')\ndef test_a(): f()", id="skipIf"),
            pytest.param("@pytest.mark.skipif(not os.getenv('RUN_LLM'), reason='no')\ndef test_a(): f()", id="llm"),
            pytest.param("@pytest.mark.skipif(not settings.openai_api_key, reason='no')\ndef test_a(): f()", id="setting"),
            pytest.param("live = pytest.mark.skipif(not KEY, reason='no key')", id="marker-alias"),
            pytest.param("def has():\n    return bool(KEY)\n@pytest.mark.skipif(not has(), reason='no')\ndef test_a(): f()", id="through-a-function"),
            pytest.param("@pytest.mark.skipif(not has('OPENAI_API_KEY'), reason='no')\ndef test_a(): f()", id="told-by-text"),
            pytest.param("def test_a():\n    if not KEY:\n        pytest.skip('no key')\n    f()", id="call"),
            pytest.param("def test_a():\n    if os.environ['API_TOKEN'] == '':\n        raise unittest.SkipTest('x')", id="raise"),
            pytest.param("def test_a(self):\n    if not KEY:\n        self.skipTest('no key')", id="skipTest"),
            pytest.param("def test_a():\n    if not KEY:\n        return\n    f()", id="return-at-the-top"),
            pytest.param("def test_a():\n    if KEY:\n        f()\n    else:\n        pytest.skip('no key')", id="else"),
            pytest.param("@pytest.fixture(autouse=True)\ndef key():\n    if not KEY:\n        pytest.skip('no key')", id="autouse-fixture"),
            pytest.param("if not KEY:\n    pytestmark = pytest.mark.skip(reason='no key')", id="pytestmark"),
        ],
    )  # fmt: skip
    def test_a_test_that_hangs_on_a_key_is_found(self, source: str) -> None:
        assert len(found("FH604", KEY + source + "\n")) == 1

    def test_a_key_in_a_module_of_that_name_is_found(self) -> None:
        source = (
            "import secrets\ndef test_a():\n    if not secrets.OPENAI_API_KEY:\n        return\n    f()\n"
        )
        assert len(found("FH604", source)) == 1

    def test_a_fixture_of_a_conftest_is_found(self) -> None:
        source = "@pytest.fixture(autouse=True)\ndef key():\n    if not KEY:\n        pytest.skip('no key')\n"
        assert len(found("FH604", KEY + source, "tests/conftest.py")) == 1

    @pytest.mark.parametrize(
        "source",
        [
            pytest.param("@pytest.mark.skipif(not HAS_OPENAI, reason='not installed')\ndef test_a(): f()", id="library"),
            pytest.param("@pytest.mark.skipif(find_spec('openai') is None, reason='no')\ndef test_a(): f()", id="find_spec"),
            pytest.param("try:\n    import openai\nexcept ImportError:\n    openai = None\n@pytest.mark.skipif(openai is None, reason='no')\ndef test_a(): f()", id="import"),
            pytest.param("@pytest.mark.skipif(sys.platform == 'win32', reason='no')\ndef test_a(): f()", id="platform"),
            pytest.param("@pytest.mark.skipif(os.getenv('CI'), reason='no')\ndef test_a(): f()", id="ci"),
            pytest.param("def test_a():\n    if not KEY:\n        f()", id="no-skip"),
            pytest.param("def helper():\n    if not KEY:\n        return\n    f()", id="no-test"),
            pytest.param("@pytest.mark.skipif(max_tokens_per_call > 3, reason='no')\ndef test_a(): f()", id="no-credential"),
            pytest.param("import secrets\n@pytest.fixture\ndef run():\n    return Run(secrets.token_hex(16))\ndef test_a(run):\n    done = run.ended()\n    if not done:\n        return\n    f()", id="a-drawn-token"),
            pytest.param("GATES = ('lint', 'secrets')\ndef test_a():\n    done = run(GATES)\n    if not done:\n        return\n    f()", id="a-word"),
        ],
    )  # fmt: skip
    def test_a_skip_for_another_reason_is_left_alone(self, source: str) -> None:
        assert found("FH604", KEY + source + "\n") == []


SWALLOW = "import contextlib\nimport pytest\nfrom contextlib import suppress\n"


class TestSwallowedTestFailure:
    @pytest.mark.parametrize(
        ("text", "sub"),
        [
            pytest.param("try:\n    assert f()\nexcept Exception:\n    pass", "swallow", id="pass"),
            pytest.param("try:\n    assert f()\nexcept:\n    print('skipped')", "swallow", id="bare"),
            pytest.param("try:\n    assert f()\nexcept AssertionError:\n    ...", "swallow", id="AssertionError"),
            pytest.param("try:\n    f()\nexcept Exception as e:\n    pytest.skip(str(e))", "skip", id="skip"),
            pytest.param("try:\n    f()\nexcept Exception as e:\n    raise unittest.SkipTest(e)", "skip", id="SkipTest"),
            pytest.param("try:\n    f()\nexcept Exception:\n    assert True", "swallow", id="constant-assert"),
            pytest.param("try:\n    f()\nexcept Exception as e:\n    if x:\n        log.info(e)\n    return", "swallow", id="if"),
            pytest.param("try:\n    f()\nexcept Exception:\n    import traceback\n    await_ = 0 if 0 else traceback.print_exc()\nf()", "", id="assignment"),
            pytest.param("try:\n    f()\nexcept Exception:\n    import traceback\n    traceback.print_exc()", "swallow", id="traceback"),
            pytest.param("try:\n    assert f()\nexcept Exception:\n    pass\nassert x", "swallow", id="assert-on-something-else"),
            pytest.param("try:\n    with self.subTest():\n        assert f()\nexcept Exception:\n    pass", "swallow", id="subTest"),
            pytest.param("with suppress(Exception):\n    assert f()", "swallow", id="suppress"),
            pytest.param("with contextlib.suppress(AssertionError):\n    assert f()", "swallow", id="suppress-assertion"),
            pytest.param("try:\n    assert f()\nfinally:\n    return", "swallow", id="return-in-finally"),
            pytest.param("try:\n    assert f()\nfinally:\n    if x:\n        return", "swallow", id="return-deep-in-finally"),
            pytest.param(
                "for _ in range(3):\n    try:\n        assert f()\n        break\n    except AssertionError:\n        time.sleep(1)",
                "swallow",
                id="retry-loop",
            ),
            pytest.param("try:\n    f()\n    assert False\nexcept Exception:\n    pass", "swallow", id="assert-false-inside"),
        ],
    )  # fmt: skip
    def test_a_test_that_catches_its_own_failure_is_found(self, text: str, sub: str) -> None:
        assert found("FH605", SWALLOW + body(text)) == ([sub] if sub else [])

    @pytest.mark.parametrize(
        "source",
        [
            pytest.param(
                "@pytest.fixture(autouse=True)\ndef calm():\n    try:\n        yield\n    except Exception:\n        pass\n",
                id="fixture",
            ),
            pytest.param(
                "def calm(test):\n    def inner(*args):\n        try:\n            test(*args)\n"
                "        except Exception:\n            pass\n    return inner\n@calm\ndef test_a(f):\n    assert f()\n",
                id="decorator",
            ),
            pytest.param("from contextlib import nullcontext as raises\n", id="nullcontext-imported"),
            pytest.param("pytest.raises = contextlib.nullcontext\n", id="nullcontext-assigned"),
            pytest.param(
                "async def test_a(f):\n    try:\n        assert await f()\n    except* Exception:\n        pass\n",
                id="group",
            ),
        ],
    )
    def test_what_catches_for_a_test_is_found(self, source: str) -> None:
        assert found("FH605", SWALLOW + source) == ["swallow"]

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("try:\n    f()\nexcept ValueError:\n    pass", id="narrow"),
            pytest.param("try:\n    f()\nexcept Exception:\n    raise", id="raises"),
            pytest.param("try:\n    f()\nexcept Exception as e:\n    pytest.fail(str(e))", id="fails"),
            pytest.param("try:\n    f()\nexcept Exception as e:\n    assert 'x' in str(e)", id="asserts"),
            pytest.param("try:\n    client.close()\n    print('closed')\nexcept Exception:\n    pass", id="cleanup"),
            pytest.param("try:\n    await client.aclose()\nexcept Exception:\n    pass", id="awaited-cleanup"),
            pytest.param("try:\n    for each in x:\n        each.unlink()\nexcept Exception:\n    pass", id="cleanup-loop"),
            pytest.param("with suppress(Exception):\n    client.kill()", id="suppressed-cleanup"),
            pytest.param("try:\n    y = f()\nexcept Exception:\n    pass\nassert y", id="bound-and-asserted"),
            pytest.param("try:\n    client.call()\nexcept Exception:\n    pass\nassert client.calls == 1", id="used-and-asserted"),
            pytest.param("try:\n    client.call()\nexcept Exception:\n    pass\nstats = client.stats()\nassert stats == 1", id="derived-and-asserted"),
            pytest.param("try:\n    f()\nexcept Exception as e:\n    caught = e\nassert caught", id="kept"),
            pytest.param("try:\n    f()\nexcept Exception:\n    pass\nelse:\n    pytest.fail('no error')", id="else-fails"),
            pytest.param("try:\n    f()\n    pytest.fail('no error')\nexcept Exception:\n    pass", id="fail-inside"),
            pytest.param("try:\n    raise OSError\nexcept Exception:\n    log.exception('x')", id="raises-itself"),
            pytest.param("try:\n    with client:\n        raise OSError\nexcept Exception:\n    pass", id="raises-itself-inside"),
            pytest.param("n = 0\nfor each in x:\n    try:\n        assert each\n        n += 1\n    except Exception:\n        print(each)\nassert n > 3", id="counted"),
            pytest.param("@client.wrap\ndef inner():\n    f()\ntry:\n    inner()\nexcept Exception:\n    pass\nassert client.calls", id="decorated-inner"),
            pytest.param("try:\n    f()\nfinally:\n    client.close()", id="finally"),
            pytest.param("def inner():\n    try:\n        f()\n    except Exception:\n        pass\nassert inner() is None", id="nested-function"),
            pytest.param("for _ in range(3):\n    try:\n        f()\n    except Exception:\n        client.reset()\n", id="handler-that-acts"),
            pytest.param("expectation = contextlib.nullcontext()\nwith expectation:\n    f()", id="nullcontext"),
            pytest.param("with suppress(KeyError):\n    f()", id="narrow-suppress"),
        ],
    )  # fmt: skip
    def test_what_is_asserted_or_cleaned_up_is_left_alone(self, text: str) -> None:
        assert found("FH605", SWALLOW + "async " + body(text)) == []

    def test_other_functions_may_catch(self) -> None:
        source = "def helper(f):\n    try:\n        f()\n    except Exception:\n        pass\n"
        wrapper = "def outer(f):\n    def inner():\n        try:\n            f()\n        except Exception:\n            pass\n    return inner\n"
        fixture = "@pytest.fixture\ndef app():\n    try:\n        f()\n    except Exception:\n        pass\n"
        assert found("FH605", SWALLOW + source + wrapper + fixture) == []

    def test_a_catch_of_everything_swallows_pytest_fail_too(self) -> None:
        text = "try:\n    f()\n    pytest.fail('no error')\nexcept BaseException:\n    pass"
        assert found("FH605", SWALLOW + body(text)) == ["swallow"]

    @pytest.mark.xfail(strict=True, reason="a decorator in another file is not followed")
    def test_a_decorator_of_another_file_is_found(self) -> None:
        files: dict[str, str | bytes] = {
            "tests/calm.py": "def calm(test):\n    def inner():\n        try:\n            test()\n"
            "        except Exception:\n            pass\n    return inner\n",
            "tests/test_a.py": "from tests.calm import calm\n@calm\ndef test_a():\n    assert f()\n",
        }
        assert hits(files, "FH605")


class TestBroadRaises:
    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("with pytest.raises(Exception):\n    f()", id="raises"),
            pytest.param("with raises(BaseException):\n    f()", id="imported"),
            pytest.param("pytest.raises(Exception, f)", id="call"),
            pytest.param("with self.assertRaises(Exception):\n    f()", id="assertRaises"),
            pytest.param("with self.assertRaisesRegex(Exception, '.*'):\n    f()", id="assertRaisesRegex"),
            pytest.param("E = Exception\nwith pytest.raises(E):\n    f()", id="alias"),
            pytest.param("with pytest.raises((ValueError, Exception)):\n    f()", id="tuple"),
            pytest.param("with pytest.raises(Exception, match='.*'):\n    f()", id="match-anything"),
            pytest.param("with pytest.raises(Exception, match=''):\n    f()", id="match-nothing"),
            pytest.param("with pytest.raises(Exception, match='x'):\n    f()\n    f()", id="two-statements"),
            pytest.param("with pytest.raises(expected_exception=Exception):\n    f()", id="by-name"),
            pytest.param("with pytest.raises(Exception) as excinfo:\n    f()", id="bound-and-not-read"),
        ],
    )
    def test_what_takes_any_exception_is_found(self, text: str) -> None:
        assert len(found("FH606", "import pytest\nfrom pytest import raises\n" + body(text))) == 1

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("with pytest.raises(ValueError):\n    f()", id="narrow"),
            pytest.param("with pytest.raises(Exception, match='API_KEY'):\n    f()", id="match"),
            pytest.param("with pytest.raises(Exception, match=x):\n    f()", id="match-a-name"),
            pytest.param("with pytest.raises(Exception, check=lambda e: e.code):\n    f()", id="check"),
            pytest.param(
                "with self.assertRaisesRegex(Exception, 'API_KEY'):\n    f()", id="assertRaisesRegex"
            ),
            pytest.param("with pytest.RaisesGroup(ValueError):\n    f()", id="group"),
            pytest.param(
                "with pytest.raises(Exception) as e:\n    f()\nassert 'x' in str(e.value)", id="read"
            ),
            pytest.param("e = pytest.raises(Exception, f)\nassert e.value.code", id="assigned"),
            pytest.param("with pytest.raises(Exception):\n    with client:\n        raise OSError", id="own"),
            pytest.param("with pytest.raises():\n    f()", id="nothing"),
            pytest.param(
                "f.side_effect = Exception('x')\nwith pytest.raises(Exception):\n    f()", id="made-here"
            ),
        ],
    )
    def test_what_says_more_is_left_alone(self, text: str) -> None:
        assert found("FH606", "import pytest\n" + body(text)) == []

    def test_outside_a_function_it_is_found_too(self) -> None:
        assert len(found("FH606", "import pytest\nwith pytest.raises(Exception) as e:\n    f()\n")) == 1


class TestWorksWithoutKeyTest:
    @pytest.mark.parametrize(
        "source",
        [
            pytest.param("def test_works_without_api_key(app):\n    assert app.ask() == 'x'", id="without"),
            pytest.param("def test_no_openai(app):\n    app.ask()", id="no-openai"),
            pytest.param("def test_mock_mode(app):\n    assert app.ask()", id="mock-mode"),
            pytest.param("def test_llm_fallback(app):\n    assert app.ask()", id="fallback"),
            pytest.param("def test_llm_unavailable(app):\n    assert app.ask()", id="unavailable"),
            pytest.param("def test_ask(app, monkeypatch):\n    monkeypatch.delenv('OPENAI_API_KEY')\n    assert app.ask() == 'x'", id="delenv"),
            pytest.param("def test_ask(app, monkeypatch):\n    monkeypatch.setenv('OPENAI_API_KEY', '')\n    assert app.ask() == 'x'", id="setenv-empty"),
            pytest.param("import os\ndef test_ask(app):\n    os.environ.pop('OPENAI_API_KEY', None)\n    assert app.ask() == 'x'", id="pop"),
            pytest.param("import os\ndef test_ask(app):\n    del os.environ['OPENAI_API_KEY']\n    assert app.ask() == 'x'", id="del"),
            pytest.param("import pytest\n@pytest.mark.parametrize('api_key', [None, ''])\ndef test_ask(app, api_key):\n    assert app.ask(api_key) == 'x'", id="parameter"),
        ],
    )  # fmt: skip
    def test_a_test_that_wants_an_answer_is_found(self, source: str) -> None:
        assert len(found("FH607", source + "\n")) == 1

    @pytest.mark.parametrize(
        "source",
        [
            pytest.param("def test_fails_without_api_key(app):\n    app.ask()", id="name"),
            pytest.param("import pytest\ndef test_without_api_key(app):\n    with pytest.raises(OSError):\n        app.ask()", id="raises"),
            pytest.param("def test_without_api_key(app):\n    assert app.get('/').status_code == 401", id="status"),
            pytest.param("def test_without_api_key(app):\n    assert app.run().exit_code == 2", id="exit"),
            pytest.param("def test_without_api_key(app):\n    assert 'API_KEY is missing' in app.ask()", id="message"),
            pytest.param("def test_mock_model(model):\n    assert model.ask() == 'x'", id="model"),
            pytest.param("def test_fallback_to_available(model):\n    assert model.ask() == 'x'", id="available"),
            pytest.param("def test_ask(app, monkeypatch):\n    monkeypatch.delenv('OPENAI_API_KEY')\n    assert app.key is None", id="no-value"),
            pytest.param("def test_ask(app, monkeypatch):\n    monkeypatch.delenv('OPENAI_API_KEY')\n    assert not app.ready", id="not"),
            pytest.param("def test_ask(app, monkeypatch):\n    monkeypatch.delenv('OPENAI_API_KEY')\n    assert app(api_key='k').ask() == 'x'", id="other-key"),
            pytest.param("def test_ask(app, monkeypatch):\n    monkeypatch.delenv('OPENAI_API_KEY')\n    monkeypatch.setenv('OTHER_KEY', 'k')\n    assert app.ask() == 'x'", id="other-variable"),
            pytest.param("def test_ask(app, monkeypatch):\n    monkeypatch.delenv('LANG')\n    assert app.ask() == 'x'", id="other"),
            pytest.param("def test_ask(app, monkeypatch):\n    monkeypatch.delenv('OPENAI_API_KEY')\n    app.ask()", id="no-check"),
            pytest.param("import pytest\n@pytest.mark.parametrize('api_key', ['k', None])\ndef test_ask(app, api_key):\n    assert app.ask(api_key) == 'x'", id="some-key"),
            pytest.param("import pytest\n@pytest.mark.parametrize('name', [None])\ndef test_ask(app, name):\n    assert app.ask(name) == 'x'", id="other-parameter"),
        ],
    )  # fmt: skip
    def test_a_test_of_the_failure_is_left_alone(self, source: str) -> None:
        assert found("FH607", source + "\n") == []
