"""Cases of the fail-open list: forging from inside the process, and tests spread over workers."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.case import Case
from tests.acceptance.harness import Ask, Expected, Mode
from tests.acceptance.project import FAILING, UNTESTED, Files
from tests.size import FULL

TESTS = Ask(only="tests")
WORKERS = Ask(only="tests", tests=("-n", "2"))
AT_ONCE = Ask(only="tests", tests=("-n", "2", "--max-worker-restart=0"))
"""Without the eight workers that xdist starts in the place of lost ones."""
PASSING = "\n\ndef test_fine() -> None:\n    assert 'fine'.upper() == 'FINE'\n"

# Ends the calling process from outside, which no scan of the tests can know.
KILL_PARENT = """\
import subprocess
import sys


def crash() -> None:
    code = "import os, signal; os.kill(os.getppid(), signal.SIGKILL)"
    subprocess.run([sys.executable, "-c", code], check=False)
"""


def _test(body: str, head: str = "") -> Files:
    return {**FAILING, "tests/test_forging.py": f"{head}def test_forging() -> None:\n    {body}\n"}


def _conftest(text: str) -> Files:
    return {**FAILING, "tests/conftest.py": text}


def _forger(
    identity: str,
    files: Files,
    supervised: Expected,
    phrase: str,
    *,
    name: str = "",
    author: Expected | None = Expected.FAIL,
    author_phrase: str = "",
    workers: bool = True,
    author_code: int | None = None,
    ask: Ask = TESTS,
    rule: str = "",
) -> Case:
    return Case(
        id=identity,
        name=name,
        gate="tests",
        author=author,
        supervised=supervised,
        phrase=phrase,
        phrases={Mode.AUTHOR: author_phrase} if author_phrase else {},
        files=files,
        ask=ask,
        workers=workers,
        author_code=author_code,
        rule=rule,
    )


def _without(files: Files, *names: str) -> Files:
    return {name: content for name, content in files.items() if name not in names}


WRAPPER = "import pytest\n\n\n@pytest.hookimpl(wrapper=True, tryfirst=True)\n"
FORGED_REPORT = f"""{WRAPPER}def pytest_runtest_makereport(item, call):
    report = yield
    report.outcome = "passed"
    return report
"""
RESULT_WRITER = """\
import os
import stat

for name in os.listdir("/proc/self/fd"):
    try:
        if stat.S_ISREG(os.fstat(int(name)).st_mode):
            os.write(int(name), b'{"kind": "end", "nonce": "0000", "count": 0}\\n')
    except OSError:
        continue
"""
UNREGISTER = """\
import pytest

import pytest_failhard.judge
from pytest_failhard.model import Result, Verdict


def lenient(rule, observation, waivers, today):
    return Result(gate=rule.gate, verdict=Verdict.PASS, because=("all is well",), examined=1)


pytest_failhard.judge.judge = lenient


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    manager = session.config.pluginmanager
    for name, plugin in manager.list_name_plugin():
        if name.startswith(PREFIX) and plugin is not None:
            manager.unregister(plugin)
"""
OUTSIDE_EVIL = """\
def discount(total: int, percent: int) -> int:
    return 1
"""


def _shadow_package(root: Path) -> None:
    """A package outside the tree that makes a wrong product look right."""
    folder = root.parent / "evil" / "shop"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "prices.py").write_text(OUTSIDE_EVIL)


def _stale_coverage(root: Path) -> None:
    (root / ".coverage").write_bytes(b"SQLite format 3\0 of another commit")


CASES = (
    _forger(
        "FO-51",
        _test("os._exit(0)", "import os\n\n\n"),
        Expected.MISSING,
        "verdict-missing",
        author=Expected.REFUSE,
        author_phrase="os._exit",
        workers=False,
    ),
    _forger(
        "FO-52",
        {**FAILING, "tests/test_forging.py": f"import os\n\nos._exit(0)\n{PASSING}"},
        Expected.MISSING,
        "verdict-missing",
        author=Expected.REFUSE,
        author_phrase="os._exit",
        workers=False,
    ),
    _forger(
        "FO-53",
        _conftest("import os\n\n\ndef pytest_unconfigure() -> None:\n    os._exit(0)\n"),
        Expected.FAIL,
        "test_red",
        author=Expected.REFUSE,
        author_phrase="os._exit",
        rule="exit-code-forged",
        workers=False,
    ),
    _forger(
        "FO-54",
        _conftest("import atexit\nimport os\n\natexit.register(lambda: os._exit(0))\n"),
        Expected.FAIL,
        "test_red",
        author=Expected.REFUSE,
        author_phrase="atexit.register",
        rule="exit-code-forged",
        workers=False,
    ),
    _forger(
        "FO-55",
        _conftest(
            "import pytest\n\n\ndef pytest_sessionfinish() -> None:\n    pytest.exit('done', returncode=0)\n"
        ),
        Expected.FAIL,
        "test_red",
        author=Expected.REFUSE,
        author_phrase="pytest.exit",
        rule="exit-code-forged",
    ),
    _forger(
        "FO-55",
        _test("pytest.exit('done', returncode=0)", "import pytest\n\n\n"),
        Expected.ERROR,
        "",
        name="in a test",
        author=Expected.REFUSE,
        author_phrase="pytest.exit",
    ),
    _forger("FO-56", _test("sys.exit(0)", "import sys\n\n\n"), Expected.FAIL, "test_red"),
    _forger(
        "FO-56",
        {**FAILING, "tests/test_forging.py": f"import sys\n\nsys.exit(0)\n{PASSING}"},
        Expected.ERROR,
        "",
        name="at import",
        author=Expected.REFUSE,
        author_phrase="sys.exit",
    ),
    _forger(
        "FO-57",
        _conftest("def pytest_sessionfinish(session):\n    session.exitstatus = 0\n"),
        Expected.FAIL,
        "test_red",
    ),
    _forger(
        "FO-58",
        _conftest(
            "import pytest\n\nSESSIONS: list[pytest.Session] = []\n\n\n"
            "def pytest_sessionstart(session):\n    SESSIONS.append(session)\n\n\n"
            "def pytest_unconfigure():\n    SESSIONS[0].exitstatus = 0\n"
        ),
        Expected.FAIL,
        "test_red",
    ),
    _forger(
        "FO-59",
        _conftest(
            f"{WRAPPER}def pytest_runtestloop(session):\n    result = yield\n"
            "    session.testsfailed = 0\n    return result\n"
        ),
        Expected.FAIL,
        "test_red",
    ),
    _forger("FO-60", _conftest(FORGED_REPORT), Expected.FAIL, "test_red"),
    _forger(
        "FO-61",
        _conftest("def pytest_pyfunc_call():\n    return True\n"),
        Expected.FAIL,
        "pytest_pyfunc_call",
    ),
    _forger(
        "FO-62",
        _conftest(
            "def pytest_collection_modifyitems(items):\n"
            "    items[:] = [item for item in items if 'red' not in item.name]\n"
        ),
        Expected.FAIL,
        "test_red",
    ),
    _forger(
        "FO-63",
        _conftest(
            "def pytest_ignore_collect(collection_path):\n"
            "    return True if 'red' in collection_path.name else None\n"
        ),
        Expected.FAIL,
        "tests/test_red.py",
    ),
    _forger(
        "FO-63",
        {**FAILING, "conftest.py": 'collect_ignore_glob = ["*red*"]\n'},
        Expected.FAIL,
        "tests/test_red.py",
        name="collect_ignore_glob",
    ),
    _forger(
        "FO-64",
        _conftest(
            "import pytest\n\npytest.TestReport.failed = property(lambda self: False)\n"
            "pytest.TestReport.passed = property(lambda self: True)\n"
        ),
        Expected.FAIL,
        "test_red",
    ),
    _forger(
        "FO-66",
        {"tests/test_returns.py": "def test_returns():\n    return len('red') == 4\n"},
        Expected.FAIL,
        "test_returns",
    ),
    _forger(
        "FO-67",
        {
            "tests/test_known.py": "import pytest\n\n\n@pytest.mark.xfail(reason='a known defect of ours')\n"
            "def test_known() -> None:\n    assert round(2.5) == 3\n"
        },
        Expected.FAIL,
        "test_known",
    ),
    _forger(
        "FO-68",
        {"tests/test_later.py": "async def test_later() -> None:\n    assert len('red') == 3\n"},
        Expected.FAIL,
        "test_later",
    ),
    _forger(
        "FO-71",
        _conftest(UNREGISTER.replace("PREFIX", '"failhard-enforcer"')),
        Expected.FAIL,
        "test_red",
        author=None,
        workers=False,
    ),
    _forger(
        "FO-71",
        _conftest(UNREGISTER.replace("PREFIX", '"failhard-"')),
        Expected.MISSING,
        "verdict-missing",
        name="what records is unregistered",
        author=None,
        workers=False,
    ),
    _forger(
        "FO-72", _conftest(RESULT_WRITER), Expected.MISSING, "verdict-missing", author=None, workers=False
    ),
    _forger(
        "FO-72",
        _conftest(
            "import pathlib\n\nfolder = pathlib.Path('.failhard')\nfolder.mkdir(exist_ok=True)\n"
            'for name in ("report.json", "verdict.json"):\n'
            '    (folder / name).write_text(\'{"verdict": "pass", "complete": true}\')\n'
        ),
        Expected.FAIL,
        "test_red",
        name="a report in place",
        workers=False,
    ),
    Case(
        id="FO-108",
        gate="tests",
        author=None,
        supervised=Expected.MISSING,
        phrase="verdict-missing",
        files={
            "tests/crash.py": KILL_PARENT,
            "tests/__init__.py": "",
            "tests/test_crash.py": "from tests.crash import crash\n\n\n"
            "def test_crash() -> None:\n    crash()\n",
        },
        ask=TESTS,
    ),
    Case(
        id="FO-119",
        gate="tests",
        author=Expected.ERROR,
        supervised=Expected.ERROR,
        phrase="worker",
        files={
            "tests/crash.py": KILL_PARENT,
            "tests/__init__.py": "",
            "tests/test_crash.py": "from tests.crash import crash\n\n\n"
            "def test_crash() -> None:\n    crash()\n",
        },
        twin={
            "tests/crash.py": KILL_PARENT,
            "tests/__init__.py": "",
            "tests/test_crash.py": "from tests.crash import crash\n\n\n"
            "def test_crash() -> None:\n    assert crash\n",
        },
        ask=WORKERS,
        twin_ask=WORKERS,
    ),
    Case(
        id="FO-119",
        name="coverage",
        gate="coverage",
        author=Expected.ERROR,
        supervised=Expected.ERROR,
        phrase="died",
        files={
            "tests/crash.py": KILL_PARENT,
            "tests/__init__.py": "",
            "tests/test_crash.py": "from tests.crash import crash\n\n\n"
            "def test_crash() -> None:\n    crash()\n",
        },
        ask=Ask(only="coverage", tests=("-n", "2")),
    ),
    Case(
        id="FO-120",
        gate="tests",
        author=Expected.ERROR,
        supervised=Expected.ERROR,
        phrase="",
        files={
            "conftest.py": f"import os\n{KILL_PARENT}\n\n"
            "if 'PYTEST_XDIST_WORKER' in os.environ:\n    crash()\n"
        },
        ask=WORKERS if FULL else AT_ONCE,
    ),
    Case(
        id="FO-121",
        gate="tests",
        author=Expected.ERROR,
        supervised=Expected.ERROR,
        phrase="",
        files={
            "tests/test_leave.py": "import pytest\n\nCALLS = {'leave': pytest.exit}\n\n\n"
            "def test_leave() -> None:\n    CALLS['leave']('done', returncode=0)\n"
        },
        ask=WORKERS,
        author_code=3,
    ),
    Case(
        id="FO-122",
        gate="tests",
        author=Expected.FAIL,
        supervised=Expected.FAIL,
        phrase="test_red",
        files=_conftest(FORGED_REPORT),
        ask=WORKERS,
        twin={},
        twin_ask=WORKERS,
    ),
    Case(
        id="FO-123",
        gate="tests",
        author=None,
        supervised=Expected.FAIL,
        phrase="test_wrong",
        files={
            "tests/test_wrong.py": "from shop.prices import discount\n\n\n"
            "def test_wrong() -> None:\n    assert discount(200, 10) == 1\n"
        },
        change=_shadow_package,
        ask=Ask(
            only="tests", tests=("-n", "2"), environment={"PYTHONPATH": "{root}/../evil"}, python=("-B",)
        ),
        twin={},
        twin_ask=WORKERS,
    ),
    Case(
        id="FO-125",
        gate="coverage",
        author=Expected.ERROR,
        supervised=Expected.ERROR,
        phrase="tree-changed",
        files={
            "tests/test_writes.py": "import pathlib\n\n\ndef test_writes() -> None:\n"
            "    path = pathlib.Path('shop/prices.py')\n"
            "    assert path.write_text(path.read_text() + '\\nLATE = 1\\n') > 1\n"
        },
        ask=Ask(only="coverage"),
        workers=True,
    ),
    Case(
        id="FO-125",
        name="data of another commit",
        gate="coverage",
        author=Expected.FAIL,
        supervised=Expected.FAIL,
        phrase="line_percent",
        files=UNTESTED,
        change=_stale_coverage,
        ask=Ask(only="coverage"),
    ),
)
