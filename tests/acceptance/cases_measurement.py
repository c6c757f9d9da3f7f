"""Cases of the fail-open list: measurement and arithmetic, and runs in which nothing ran."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.case import Case
from tests.acceptance.harness import Ask, Expected, Mode
from tests.acceptance.project import (
    FIRST,
    SECOND,
    UNTESTED,
    VIOLATION,
    Files,
    commit,
    configured,
    git,
    measured,
    pytest_options,
)

COVERAGE = Ask(only="coverage")
LINT = Ask(only="lint")
TESTS = Ask(only="tests")
TYPES = Ask(only="types")
SECURITY = Ask(only="security", level=2)
LEVEL_3 = Ask(only="coverage", level=3)
LEVEL_4 = Ask(only="coverage", level=4)
EMPTY_PYTEST: Files = {"tests/test_prices.py": None, "tests/test_discount.py": None}
# `addopts` as a project has it that wants no coverage.
NO_COV = 'addopts = ["--no-cov"]'
TAIL = '''

def rounded(total: int) -> int:
    """Return whole euros."""
    return total // 100
'''
CHANGED: Files = {"shop/prices.py": f"{SECOND['shop/prices.py']!s}{TAIL}"}
CHANGED_TESTED: Files = {
    **CHANGED,
    "tests/test_rounded.py": "from shop.prices import rounded\n\n\n"
    "def test_rounded() -> None:\n    assert rounded(250) == 2\n",
}
PRAGMA: Files = {
    "shop/prices.py": f"{SECOND['shop/prices.py']!s}{TAIL}".replace(
        "def rounded(total: int) -> int:", "def rounded(total: int) -> int:  # pragma: no cover"
    )
}
UNTRACKED: Files = {"shop/new.py": "def rounded(total: int) -> int:\n    return total // 100\n"}
HALF: Files = {
    "shop/prices.py": f"{SECOND['shop/prices.py']!s}{TAIL}"
    + "".join(f"\n\ndef one_{n}() -> int:\n    return {n}\n" for n in range(2)),
    "tests/test_rounded.py": CHANGED_TESTED["tests/test_rounded.py"],
}
_ASKING = """\
from __future__ import annotations

import json
import urllib.error
import urllib.request


def test_answer(llm_server, llm_faults) -> None:
    llm_faults.on(model=MODEL).fail("server_error").first(1)
    asked = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}).encode()
    url = llm_server.base_url("openai") + "/chat/completions"
    try:
        urllib.request.urlopen(url, asked).close()
    except urllib.error.HTTPError as error:
        error.close()
        assert error.code == 500
"""


def _asking(model: str) -> Files:
    """Return a test that asks gpt-4o while requests for `model` fail."""
    return {"tests/test_answer.py": _ASKING.replace("MODEL", f'"{model}"')}


def _first_commit(root: Path) -> None:
    git(root, "checkout", "--quiet", "--orphan", "fresh")
    commit(root)


def _shallow(root: Path) -> None:
    """Leave HEAD without its parent, as a CI checkout of depth 1 does."""
    head = git(root, "rev-parse", "HEAD").strip()
    (root / ".git" / "shallow").write_text(f"{head}\n")


def _dangling(root: Path) -> None:
    (root / "shop" / "gone.py").symlink_to("nowhere.py")


def _source(folder: str) -> Files:
    text = str(FIRST["pyproject.toml"]).replace('["shop"]', f'["{folder}"]')
    return {"pyproject.toml": text, "empty/README": "Code will follow.\n"}


CASES = (
    Case(
        id="FO-01",
        gate="coverage",
        author=Expected.FAIL,
        supervised=Expected.FAIL,
        phrase="line_percent 79.74 < 80",
        files=measured(232, 47),
        twin=measured(500, 100),
        ask=LEVEL_3,
        workers=True,
    ),
    Case(
        id="FO-01",
        name="one statement below the floor",
        gate="coverage",
        author=Expected.FAIL,
        supervised=Expected.FAIL,
        phrase="line_percent 79.80 < 80",
        files=measured(500, 101),
        twin=measured(500, 99),
        ask=LEVEL_3,
    ),
    Case(
        id="FO-03",
        gate="coverage",
        author=Expected.FAIL,
        supervised=Expected.FAIL,
        phrase="line_percent",
        files={**pytest_options(NO_COV), **UNTESTED},
        twin=pytest_options(NO_COV),
        ask=COVERAGE,
        workers=True,
    ),
    Case(
        id="FO-03",
        name="PYTEST_ADDOPTS",
        gate="coverage",
        author=Expected.FAIL,
        supervised=Expected.FAIL,
        phrase="line_percent",
        files=UNTESTED,
        ask=Ask(only="coverage", environment={"PYTEST_ADDOPTS": "--no-cov"}),
    ),
    Case(
        id="FO-04",
        gate="coverage",
        author=Expected.FAIL,
        supervised=Expected.FAIL,
        phrase="line_percent",
        files=UNTESTED,
        ask=Ask(only="coverage", author=("--cov-fail-under=1",)),
    ),
    Case(
        id="FO-04",
        name="the measuring is stopped by the tests",
        gate="coverage",
        author=Expected.ERROR,
        supervised=Expected.ERROR,
        phrase="coverage data",
        files={
            "tests/conftest.py": "import sys\n\n\ndef pytest_sessionstart():\n    sys.settrace(None)\n",
            **UNTESTED,
        },
        twin={},
        ask=COVERAGE,
    ),
    Case(
        id="FO-05",
        gate="coverage",
        author=Expected.ERROR,
        supervised=Expected.ERROR,
        phrase="no executable statement",
        files={
            "shop/prices.py": '"""Nothing yet."""\n',
            "tests/test_prices.py": "import shop.prices\n\n\ndef test_doc() -> None:\n"
            "    assert shop.prices.__doc__\n",
            "tests/test_discount.py": None,
        },
        ask=COVERAGE,
    ),
    Case(
        id="FO-05",
        name="the project empties the denominator",
        gate="coverage",
        author=Expected.FAIL,
        supervised=Expected.FAIL,
        phrase="line_percent",
        files={
            **configured(
                '[tool.coverage.run]\nomit = ["*"]\nsource = ["tests"]\n'
                '[tool.coverage.report]\nexclude_lines = ["."]\nfail_under = 1\n'
            ),
            **UNTESTED,
        },
        ask=COVERAGE,
    ),
    Case(
        id="FO-06",
        gate="coverage",
        author=Expected.FAIL,
        supervised=Expected.FAIL,
        phrase="changed_line_percent",
        files=UNTRACKED,
        twin={
            **UNTRACKED,
            "tests/test_new.py": "from shop.new import rounded\n\n\n"
            "def test_rounded() -> None:\n    assert rounded(250) == 2\n",
        },
        ask=LEVEL_4,
    ),
    Case(
        id="FO-06",
        name="pragma",
        gate="coverage",
        author=Expected.FAIL,
        supervised=Expected.FAIL,
        phrase="changed_line_percent",
        files=PRAGMA,
        twin=CHANGED_TESTED,
        ask=LEVEL_4,
    ),
    Case(
        id="FO-07",
        gate="coverage",
        author=Expected.FAIL,
        supervised=Expected.FAIL,
        phrase="changed_line_percent",
        files=HALF,
        twin={
            **HALF,
            "tests/test_ones.py": "from shop.prices import one_0, one_1\n\n\n"
            "def test_ones() -> None:\n    assert one_0() + one_1() == 1\n",
        },
        ask=LEVEL_4,
    ),
    Case(
        id="FO-08",
        gate="coverage",
        author=Expected.FAIL,
        supervised=Expected.FAIL,
        phrase="changed_line_percent",
        files=CHANGED,
        change=commit,
        twin=CHANGED_TESTED,
        twin_change=commit,
        ask=LEVEL_4,
    ),
    Case(
        id="FO-09",
        gate="lint",
        author=Expected.FAIL,
        supervised=Expected.FAIL,
        phrase="unused",
        rule="F401",
        files=VIOLATION,
        change=_first_commit,
        twin={},
        twin_change=_first_commit,
        ask=LINT,
    ),
    Case(
        id="FO-14",
        gate="tests",
        author=Expected.ERROR,
        supervised=Expected.ERROR,
        phrase="executed",
        files={
            "tests/conftest.py": "import pytest\n\n\n@pytest.fixture(autouse=True)\n"
            "def server() -> None:\n    raise OSError('no server')\n"
        },
        ask=TESTS,
        workers=True,
    ),
    Case(
        id="FO-16",
        gate="lint",
        author=Expected.ERROR,
        supervised=Expected.ERROR,
        phrase="no product files",
        files=_source("empty"),
        ask=LINT,
    ),
    Case(
        id="FO-16",
        name="types",
        gate="types",
        author=Expected.ERROR,
        supervised=Expected.ERROR,
        phrase="no product files",
        files=_source("empty"),
        ask=TYPES,
    ),
    Case(
        id="FO-16",
        name="security",
        gate="security",
        author=Expected.ERROR,
        supervised=Expected.ERROR,
        phrase="no product files",
        files=_source("empty"),
        ask=SECURITY,
    ),
    Case(
        id="FO-16",
        name="wrong path",
        gate="lint",
        author=Expected.REFUSE,
        supervised=Expected.REFUSE,
        phrase="nowhere: no such file or folder",
        files=_source("nowhere"),
        ask=LINT,
    ),
    *(
        Case(
            id="FO-17",
            name="" if gate == "security" else gate,
            gate=gate,
            author=Expected.ERROR,
            supervised=Expected.ERROR,
            phrase="shop/broken.py:1: does not parse",
            files={"shop/broken.py": "def broken(:\n"},
            ask=Ask(only=gate, level=level),
        )
        for gate, level in (("security", 2), ("lint", 1), ("types", 1), ("coverage", 1))
    ),
    *(
        Case(
            id="FO-18",
            name="" if gate == "lint" else gate,
            gate=gate,
            author=Expected.ERROR,
            supervised=Expected.ERROR,
            phrase="shop/gone.py: cannot be read",
            change=_dangling,
            ask=Ask(only=gate, level=level),
        )
        for gate, level in (("lint", 1), ("types", 1), ("security", 2), ("coverage", 1))
    ),
    Case(
        id="FO-19",
        gate="lint",
        author=Expected.REFUSE,
        supervised=Expected.REFUSE,
        phrase="lnit",
        ask=Ask(only="lnit"),
        always=True,
    ),
    Case(
        id="FO-19",
        name="table of an unknown gate",
        gate="lint",
        author=Expected.REFUSE,
        supervised=Expected.REFUSE,
        phrase="[tool.failhard.lnit]",
        files=configured("[tool.failhard.lnit]\nselect = []\n"),
        ask=LINT,
    ),
    Case(
        id="FO-20",
        gate="types",
        author=Expected.ERROR,
        supervised=Expected.ERROR,
        phrase=".venv/bin/python",
        files=configured("", failhard='python = ".venv/bin/python"\n'),
        ask=TYPES,
    ),
    Case(
        id="FO-22",
        gate="tests",
        author=Expected.ERROR,
        supervised=Expected.ERROR,
        phrase="no-test-executed",
        phrases={Mode.SUPERVISED: "no test"},
        files={**EMPTY_PYTEST, "tests/README.md": "Tests will follow.\n"},
        ask=TESTS,
        workers=True,
    ),
    Case(
        id="FO-22",
        name="a plugin raises testscollected",
        gate="tests",
        author=Expected.ERROR,
        supervised=Expected.ERROR,
        phrase="no-test-executed",
        phrases={Mode.SUPERVISED: "no test"},
        files={
            **EMPTY_PYTEST,
            "tests/conftest.py": "import pytest\n\n\n"
            "def pytest_collection_finish(session):\n    session.testscollected = 9\n",
        },
        ask=TESTS,
    ),
    Case(
        id="FO-23",
        gate="tests",
        author=Expected.ERROR,
        supervised=Expected.ERROR,
        phrase="executed",
        files={
            **EMPTY_PYTEST,
            "tests/test_skipped.py": "import pytest\n\npytestmark = pytest.mark.skip(reason='later')\n\n\n"
            "def test_one() -> None:\n    assert 'one'.upper() == 'ONE'\n",
        },
        ask=TESTS,
        workers=True,
    ),
    Case(
        id="FO-23",
        name="importorskip",
        gate="tests",
        author=Expected.ERROR,
        supervised=Expected.ERROR,
        phrase="",
        files={
            **EMPTY_PYTEST,
            "tests/test_skipped.py": "import pytest\n\npytest.importorskip('there_is_no_such_module')\n\n\n"
            "def test_one() -> None:\n    assert 'one'.upper() == 'ONE'\n",
        },
        ask=TESTS,
    ),
    Case(
        id="FO-25",
        gate="lint",
        author=Expected.REFUSE,
        supervised=Expected.REFUSE,
        phrase="level",
        files={"pyproject.toml": str(FIRST["pyproject.toml"]).replace("level = 1\n", "")},
        ask=Ask(level=None, only="lint"),
        always=True,
    ),
    Case(
        id="FO-26",
        gate="tests",
        author=Expected.FAIL,
        supervised=Expected.FAIL,
        phrase="never fired",
        files=_asking("gpt-5"),
        twin=_asking("gpt-4o"),
        ask=TESTS,
    ),
    Case(
        id="FO-136",
        gate="coverage",
        author=Expected.ERROR,
        supervised=Expected.ERROR,
        phrase="no-merge-base",
        change=_shallow,
        ask=LEVEL_4,
    ),
)
