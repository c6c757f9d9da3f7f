"""What forges a verdict or silences a tool is flagged in each of its spellings; honest code is not."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from pytest_failhard.rules.gaming.shadowed import shadows
from pytest_failhard.rules.scan import scan_project
from pytest_failhard.rules.tree import Tree
from pytest_failhard.rules.unit import Hit
from pytest_failhard.source.index import Index
from pytest_failhard.source.listing import python_files
from pytest_failhard.source.metadata import Metadata
from tests.rules.support import hits, scanned, subs
from tests.support import write

CONFTEST = "tests/conftest.py"
TEST = "tests/test_a.py"
PRODUCT = "app/service.py"

PLUGIN = Metadata(is_pytest_plugin=True)


def hits_of(files: dict[str, str], code: str, metadata: Metadata) -> list[Hit]:
    """Return what one rule says of files of a project that says this of itself."""
    scan = scanned(files)
    index = Index(scan.index.files, metadata)
    mine = [hit for hit in scan.hits if hit.code == code]
    return list(scan.rules[code].settle(mine, index, {}))


BLANKET = {
    "capitals": "x = 1  # NOQA",
    "no blank": "x = 1  #noqa",
    "colon without code": "x = 1  # noqa:",
    "no such code": "x = 1  # noqa: XYZZY123",
    "types": "x = 1  # type: ignore",
    "bandit": "x = 1  # nosec",
    "all of pylint": "x = 1  # pylint: disable=all",
    "file of pylint": "# pylint: skip-file",
    "file of mypy": "# mypy: ignore-errors",
    "file of ruff": "# ruff: noqa",
    "file of flake8": "# flake8: noqa",
    "codes for a file": "# ruff: noqa: E501",
    "file-ignore": "# ruff: file-ignore[E501]",
    "no end": "x = 1\n# ruff: disable[E501]\ny = 2",
    "no type check": "import typing\n\n\n@typing.no_type_check\ndef f(x): ...",
    "first line": "# type: ignore\nx = 1",
    "continued line": "x = [\n    1,  # noqa\n]",
    "semgrep": "x = 1  # nosemgrep",
}


@pytest.mark.parametrize("source", BLANKET.values(), ids=BLANKET)
def test_fh701_flags(source: str) -> None:
    assert len(hits(source + "\n", "FH701")) == 1


SPECIFIC = {
    "with reason": "x = 1  # type: ignore[misc]  -- the stub is too old, #12",
    "without": "x = 1  # noqa: E501",
    "ended range": "# ruff: disable[E501]\nx = 1\n# ruff: enable[E501]",
    "text": 'x = "# noqa"',
    "a skip has its own rule": "import pytest\n\n\n@pytest.mark.skip\ndef test_a(): ...",
    "Any is no suppression": "import typing\n\nx: typing.Any = 1",
}


@pytest.mark.parametrize("source", SPECIFIC.values(), ids=SPECIFIC)
def test_fh701_is_silent(source: str) -> None:
    assert hits({TEST: source + "\n"}, "FH701") == []


UNREASONED = {
    "bare": "x = 1  # noqa: E501",
    "coverage": "if x:  # pragma: no cover\n    pass",
    "branch": "while x:  # pragma: no branch\n    pass",
    "the name again": "x = 1  # type: ignore[arg-type] arg type",
    "fix later": "x = 1  # noqa: E501 fix later",
    "ok": "x = 1  # noqa: E501 ok",
    "ignore": "x = 1  # nosec B404 ignore",
    "needed": "x = 1  # noqa: E501 this is needed",
    "see above": "x = 1  # noqa: E501 see above",
}


@pytest.mark.parametrize("source", UNREASONED.values(), ids=UNREASONED)
def test_fh702_flags(source: str) -> None:
    assert len(hits(source + "\n", "FH702")) == 1


REASONED = {
    "behind": "x = 1  # pragma: no cover  -- only on Windows, see #88",
    "above": "# The vendor's stub lacks the overload.\nx = 1  # type: ignore[misc]",
    "a formatter": "x = 1  # fmt: skip",
    "blanket is the other rule": "x = 1  # noqa",
    "structural": "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    import os",
}


@pytest.mark.parametrize("source", REASONED.values(), ids=REASONED)
def test_fh702_is_silent(source: str) -> None:
    assert hits(source + "\n", "FH702") == []


HOOK = "import os, sys\nimport pytest\n\n\n@pytest.hookimpl(wrapper=True)\ndef pytest_runtest_makereport(item, call):\n    report = yield\n    {}\n    return report\n"
ITEMS = "import pytest\n\n\ndef pytest_collection_modifyitems(session, config, items):\n    {}\n"
FORGED = {
    "outcome": HOOK.format("report.outcome = 'passed'"),
    "wasxfail": HOOK.format("report.wasxfail = 'x'"),
    "setattr": HOOK.format("setattr(report, 'outcome', 'passed')"),
    "dict": HOOK.format("report.__dict__['outcome'] = 'passed'"),
    "update": HOOK.format("report.__dict__.update(outcome='passed')"),
    "object": HOOK.format("object.__setattr__(report, 'outcome', 'passed')"),
    "force_result": HOOK.format("outcome.force_result(None)"),
    "exit": HOOK.format("os._exit(0)"),
    "items replaced": ITEMS.format("items[:] = items[:1]"),
    "items deleted": ITEMS.format("del items[0]"),
    "items removed": ITEMS.format("items.remove(items[0])"),
    "items under another name": ITEMS.format("kept = items\n    kept.clear()"),
    "items of the session": ITEMS.format("session.items = []"),
    "deselected": ITEMS.format("config.hook.pytest_deselected(items=items)"),
    "logreport": "def pytest_runtest_logreport(report):\n    report.outcome = 'passed'\n",
    "sessionfinish": "def pytest_sessionfinish(session, exitstatus):\n    session.exitstatus = 0\n",
    "runtestloop": "def pytest_runtestloop(session):\n    yield\n    session.testsfailed = 0\n",
    "unconfigure": "import os\n\n\ndef pytest_unconfigure(config):\n    os._exit(0)\n",
    "pyfunc_call": "def pytest_pyfunc_call(pyfuncitem):\n    return True\n",
    "ignore_collect": "def pytest_ignore_collect(path):\n    return True\n",
    "cmdline_main": "def pytest_cmdline_main(config):\n    return 0\n",
    "another name": "import pytest\n\n\n@pytest.hookimpl(specname='pytest_runtest_logreport')\ndef quiet(report):\n    report.outcome = 'passed'\n",
    "plugin class": "class Quiet:\n    def pytest_runtest_logreport(self, report):\n        report.outcome = 'passed'\n\n\ndef pytest_configure(config):\n    config.pluginmanager.register(Quiet())\n",
    "assigned": "def quiet(report):\n    report.outcome = 'passed'\n\n\npytest_runtest_logreport = quiet\n",
    "lambda": "pytest_pyfunc_call = lambda pyfuncitem: True\n",
    "set": "def quiet(report):\n    report.outcome = 'passed'\n\n\nsetattr(plugin, 'pytest_runtest_logreport', quiet)\n",
    "type": "def quiet(report):\n    report.outcome = 'passed'\n\n\nPlugin = type('P', (), {'pytest_runtest_logreport': quiet})\n",
}


@pytest.mark.parametrize("source", FORGED.values(), ids=FORGED)
@pytest.mark.parametrize("path", [CONFTEST, "app/hooks.py"])
def test_fh703_flags(source: str, path: str) -> None:
    assert subs({path: source}, "FH703") == ["outcome"]


@pytest.mark.parametrize(
    "marker",
    [
        "item.add_marker(pytest.mark.skip)",
        "item.add_marker(pytest.mark.xfail(reason='x', strict=False))",
        "mark = pytest.mark.skip(reason='slow')\n        item.add_marker(mark)",
        "item.add_marker('skip')",
    ],
)
def test_fh703_flags_marks_by_which_tests_do_not_run(marker: str) -> None:
    source = ITEMS.format(f"for item in items:\n        {marker}")
    assert subs({CONFTEST: source}, "FH703") == ["collection-skip"]


HONEST_HOOKS = {
    "marker": ITEMS.format("for item in items:\n        item.add_marker(pytest.mark.slow)"),
    "sections": HOOK.format("report.sections.append(('a', 'b'))"),
    "properties": HOOK.format("report.user_properties.append(('a', 'b'))"),
    "sort": ITEMS.format("items.sort(key=str)"),
    "sorted": ITEMS.format("items[:] = sorted(items, key=str)"),
    "another hook": "def pytest_addoption(parser):\n    parser.outcome = 1\n",
    "no hook": "def finish(report):\n    report.outcome = 'passed'\n",
    "hookimpl of another": "import pytest\n\n\n@pytest.hookimpl(specname='pytest_addoption')\ndef f(parser):\n    parser.outcome = 1\n",
}


@pytest.mark.parametrize("source", HONEST_HOOKS.values(), ids=HONEST_HOOKS)
def test_fh703_is_silent(source: str) -> None:
    assert hits({CONFTEST: source}, "FH703") == []


def test_fh703_leaves_the_product_of_a_plugin_alone() -> None:
    files = {"app/hooks.py": FORGED["logreport"], CONFTEST: FORGED["logreport"]}
    assert [hit.path for hit in hits_of(files, "FH703", PLUGIN)] == [CONFTEST]


COMPARED = {
    "eq": "class R(int):\n    def __eq__(self, other):\n        return True",
    "ne": "class R:\n    def __ne__(self, other):\n        return False",
    "lt": "class R:\n    def __lt__(self, other):\n        return True",
    "contains": "class R:\n    def __contains__(self, other):\n        return True",
    "bool": "class R(list):\n    def __bool__(self):\n        return True",
    "lambda": "class R:\n    __eq__ = lambda *a: True",
    "or": "class R:\n    def __eq__(self, other):\n        return True or self.x == other",
    "and": "class R:\n    def __eq__(self, other):\n        return False and self.x == other",
    "not": "class R:\n    def __eq__(self, other):\n        return not False",
    "two ways": "class R:\n    def __eq__(self, other):\n        if other:\n            return True\n        return True",
    "total_ordering": "import functools\n\n\n@functools.total_ordering\nclass R:\n    def __le__(self, other):\n        return True",
    "class": "class R:\n    __class__ = int",
    "class property": "class R:\n    @property\n    def __class__(self):\n        return int",
    "getattr": "class R:\n    def __getattr__(self, name):\n        return lambda *a, **k: None",
    "mock": "from unittest.mock import MagicMock\n\n\nclass R(MagicMock):\n    pass",
}


@pytest.mark.parametrize("source", COMPARED.values(), ids=COMPARED)
def test_fh704_flags(source: str) -> None:
    assert len(hits(source + "\n", "FH704")) == 1


HONEST_COMPARISONS = {
    "fields": "class R:\n    def __eq__(self, other):\n        return self.x == other.x",
    "NotImplemented": "class R:\n    def __eq__(self, other):\n        return NotImplemented",
    "sentinel": "class Missing:\n    def __bool__(self):\n        return False",
    "two answers": "class R:\n    def __eq__(self, other):\n        if other is self:\n            return True\n        return False",
    "raises": "class R:\n    def __lt__(self, other):\n        raise TypeError",
    "another class attribute": "class R:\n    kind = int\n    R.x = int",
    "no method": "def __eq__(a, b):\n    return True",
    "getattr that looks": "class R:\n    def __getattr__(self, name):\n        return getattr(self.x, name)",
    "getattr that refuses": "class R:\n    def __getattr__(self, name):\n        if name == 'a':\n            return lambda: None\n        raise AttributeError(name)",
    "getattr without an answer": "class R:\n    def __getattr__(self, name):\n        print(name)",
    "other lambda": "class R:\n    key = lambda *a: True",
    "or of fields": "class R:\n    def __eq__(self, other):\n        return self.x == other or self.y == other",
}


@pytest.mark.parametrize("source", HONEST_COMPARISONS.values(), ids=HONEST_COMPARISONS)
def test_fh704_is_silent(source: str) -> None:
    assert hits(source + "\n", "FH704") == []


def test_fh704_leaves_wildcards_and_mocks_of_tests_alone() -> None:
    source = "from unittest.mock import Mock\n\n\nclass AnyText(str):\n    def __eq__(self, other):\n        return True\n\n\nclass M(Mock):\n    pass\n"
    assert hits({TEST: source}, "FH704") == []
    assert len(hits({PRODUCT: source}, "FH704")) == 2


@pytest.mark.parametrize(("form", "found"), [("eq", 1), ("bool", 0), ("class", 0), ("class property", 0)])
def test_fh704_takes_of_a_test_what_makes_its_assertions_pass(form: str, found: int) -> None:
    assert len(hits({TEST: COMPARED[form] + "\n"}, "FH704")) == found


EXITS = {
    "exit": "import os\n\n\ndef test_a():\n    os._exit(0)",
    "at import": "import os\n\nos._exit(0)",
    "pytest.exit": "import pytest\n\n\ndef test_a():\n    pytest.exit('x', returncode=0)",
    "atexit": "import atexit, os\n\natexit.register(os._exit, 0)",
    "kill": "import os\n\n\ndef test_a():\n    os.kill(os.getpid(), 9)",
    "signal": "import signal\n\n\ndef test_a():\n    signal.raise_signal(9)",
    "sys.exit": "import sys\n\nsys.exit()",
    "quit": "quit(0)",
    "SystemExit": "raise SystemExit",
    "dict": "import os\n\nos.__dict__['_exit'](0)",
    "getattr": "import os\n\ngetattr(os, '_e' + 'xit')(0)",
    "ctypes": "import ctypes\n\nctypes.CDLL(None)._exit(0)",
    "ctypes alias": "import ctypes\n\nlibc = ctypes.CDLL(None)\nlibc.exit(0)",
    "pythonapi": "import ctypes\n\nctypes.pythonapi.Py_Exit(0)",
    "faulthandler": "import faulthandler\n\nfaulthandler._sigsegv()",
    "timer": "import os, threading\n\nthreading.Timer(1, os._exit, [0]).start()",
    "thread": "import os\nfrom threading import Thread\n\n\ndef end():\n    os.abort\n\n\nThread(target=end).start()",
}


@pytest.mark.parametrize("source", EXITS.values(), ids=EXITS)
def test_fh705_flags(source: str) -> None:
    assert len(hits({TEST: source + "\n"}, "FH705")) == 1


HONEST_EXITS = {
    "main": "import sys\n\nif __name__ == '__main__':\n    sys.exit(0)",
    "subprocess": "import subprocess, sys\n\n\ndef test_a():\n    subprocess.run([sys.executable, '-c', 'import os; os._exit(0)'])",
    "failure": "import sys\n\nif x:\n    sys.exit(1)",
    "message": "raise SystemExit('Python 3.11 is needed')",
    "abort": "import pytest\n\n\ndef test_a():\n    pytest.exit('x', returncode=1)",
    "a function": "import sys\n\n\ndef main():\n    sys.exit(0)",
    "a timer of another kind": "import threading\n\nthreading.Timer(1, print).start()",
    "ctypes of another kind": "import ctypes\n\nctypes.CDLL(None).getpid()",
}


@pytest.mark.parametrize("source", HONEST_EXITS.values(), ids=HONEST_EXITS)
def test_fh705_is_silent(source: str) -> None:
    assert hits({TEST: source + "\n"}, "FH705") == []


def test_fh705_looks_at_the_import_alone_where_no_test_stands() -> None:
    worker = "import os\n\n\ndef worker():\n    os._exit(0)\n"
    assert hits({PRODUCT: worker}, "FH705") == []
    assert len(hits({PRODUCT: worker + "\n\nworker(os._exit(0))\n"}, "FH705")) == 1
    script = "import sys\n\nsys.exit(0)\n"
    assert hits({"scripts/a.py": script, "examples/a.py": script}, "FH705") == []
    assert len(hits({PRODUCT: script, "scripts/b.py": "import os\n\nos._exit(0)\n"}, "FH705")) == 2


DETECTED = {
    "variable": "import os\n\nif os.environ.get('PYTEST_CURRENT_TEST'):\n    x = 1",
    "getenv": "import os\n\nif os.getenv('CI'):\n    x = 1",
    "key": "from os import environ\n\nx = environ['GITHUB_ACTIONS']",
    "in": "import os\n\nx = 'PYTEST_VERSION' in os.environ",
    "built name": "import os\n\nNAME = 'PYTEST_' + 'VERSION'\nx = os.getenv(NAME)",
    "ours": "import os\n\nx = os.getenv('FAILHARD_LEVEL')",
    "kept under another name": "import os\n\nx['MODE'] = os.getenv('CI')",
    "handed on and used": "import os\n\nif os.getenv('CI'):\n    x['CI'] = y\n    z = 1",
    "handed on or not": "import os\n\nif os.getenv('CI'):\n    x['CI'] = y\nelse:\n    z = 1",
    "changed": "import os\n\nx['CI'] = os.getenv('CI') == 'true'",
    "a constant": "import os\n\nif 'CI' in os.environ:\n    x['CI'] = 'no'",
    "in a dict": "import os\n\nx = {'MODE': os.getenv('CI')}",
    "modules": "import sys\n\nx = 'pytest' in sys.modules",
    "not in": "import sys\n\nx = 'unittest.case' not in sys.modules",
    "argv": "import sys\n\nx = 'pytest' in sys.argv[0]",
    "argv equals": "import os, sys\n\nx = os.path.basename(sys.argv[0]) == 'pytest'",
    "called": "import sys\n\nx = getattr(sys, '_called_from_test', False)",
    "called attribute": "import sys\n\nx = sys._called_from_test",
    "builtins": "import builtins\n\nx = hasattr(builtins, 'IN_TEST')",
    "find_spec": "import importlib.util\n\nx = importlib.util.find_spec('pytest') is not None",
    "stack": "import inspect\n\n\ndef f():\n    return any('test_' in each.function for each in inspect.stack())",
    "frame": "import sys\n\n\ndef f():\n    return sys._getframe(1).f_code.co_name.startswith('test_')",
    "files": "def f():\n    return open('tests/test_a.py').read()",
    "path": "from pathlib import Path\n\nx = Path('tests/expected.json')",
}


@pytest.mark.parametrize("source", DETECTED.values(), ids=DETECTED)
def test_fh706_flags(source: str) -> None:
    assert len(hits(source + "\n", "FH706")) == 1


UNDETECTED = {
    "other variable": "import os\n\nx = os.environ['HOME'] + os.getenv('API_URL')",
    "assigned": "import os\n\nos.environ['CI'] = '1'",
    "handed on": "import os\n\nx['CI'] = os.environ['CI']",
    "handed on in a dict": "import os\n\nx = {**y, 'CI': os.getenv('CI', '')}",
    "handed on if set": "import os\n\nif (ci := os.environ.get('CI')) is not None:\n    x['CI'] = ci",
    "handed on if in": "import os\n\nif 'CI' in os.environ:\n    x['CI'] = os.environ['CI']",
    "other module": "import sys\n\nx = 'numpy' in sys.modules",
    "computed module": "import sys\n\nx = name in sys.modules  # pytest",
    "other dict": "x = 'pytest' in config.tools",
    "hasattr": "x = hasattr(thing, 'in_test')",
    "hasattr of sys": "import sys\n\nx = hasattr(sys, 'frozen')",
    "one argument": "x = getattr(sys)",
    "other spec": "import importlib.util\n\nx = importlib.util.find_spec('numpy')",
    "main": "import sys\n\nif __name__ == '__main__':\n    print('pytest' in sys.modules)",
    "no stack": "def f(name):\n    return name.startswith('test_') or 'test_' in name",
    "other file": "x = open('data/a.json')  # not tests/",
    "chained": "import sys\n\nx = 1 < len(sys.argv) < 3  # pytest",
    "computed name": "import os\n\nx = os.getenv(name)  # pytest",
}


@pytest.mark.parametrize("source", UNDETECTED.values(), ids=UNDETECTED)
def test_fh706_is_silent(source: str) -> None:
    assert hits(source + "\n", "FH706") == []


def test_fh706_is_about_products_that_are_no_plugin() -> None:
    assert hits({TEST: DETECTED["modules"]}, "FH706") == []
    assert hits_of({PRODUCT: DETECTED["modules"]}, "FH706", PLUGIN) == []
    assert hits_of({PRODUCT: DETECTED["variable"]}, "FH706", Metadata(distribution="pytest")) == []


PATCHED = {
    "clock": "import time\n\ntime.perf_counter = lambda: 0.0",
    "alias": "import time as t\n\nt.sleep = print",
    "from": "from time import sleep\nimport subprocess as s\n\ns.run = print",
    "tuple": "import time\n\ntime.time, x = print, 1",
    "builtin": "import builtins\n\nbuiltins.open = print",
    "__builtins__": "__builtins__['open'] = print",
    "__builtins__ attribute": "__builtins__.open = print  # sys",
    "exit": "import sys\n\nsys.exit = print",
    "_exit": "import os\n\nos._exit = print",
    "report": "import pytest\n\npytest.TestReport.failed = False",
    "report inside": "from _pytest.reports import TestReport\n\nTestReport.failed = property(lambda self: False)",
    "case": "import unittest\n\nunittest.TestCase.assertEqual = print",
    "setattr": "import time\n\nsetattr(time, 'sle' + 'ep', print)",
    "delattr": "import time\n\ndelattr(time, 'sleep')",
    "del": "import time\n\ndel time.sleep",
    "annotated": "import time\n\ntime.sleep: object = print",
    "augmented": "import time\n\ntime.sleep += 1",
    "dict": "import time\n\ntime.__dict__['sleep'] = print",
    "vars": "import time\n\nvars(time)['sleep'] = print",
    "modules": "import sys\n\nsys.modules['time'] = fake",
    "finder": "import sys\n\nsys.meta_path.insert(0, finder)",
    "finders": "import sys\n\nsys.meta_path = []",
    "gc": "import gc, pytest\n\ngc.get_referents(pytest.TestReport.__dict__)[0]['failed'] = False",
    "reload": "import importlib, time\n\nimportlib.reload(time)",
    "patch": "from unittest import mock\n\nmock.patch('time.sleep').start()",
    "patch object": "import time\nfrom unittest.mock import patch\n\np = patch.object(time, 'sleep')\np.start()",
    "in a test": "import time\n\n\ndef test_a():\n    time.sleep = print",
    "session": "import time\nimport pytest\n\n\n@pytest.fixture(scope='session', autouse=True)\ndef fast():\n    time.sleep = print",
    "type": "import time\n\ntype(time).__setattr__(time, 'sleep', print)",
}


@pytest.mark.parametrize("source", PATCHED.values(), ids=PATCHED)
def test_fh709_flags(source: str) -> None:
    assert len(hits({CONFTEST: source + "\n"}, "FH709")) == 1


UNPATCHED = {
    "monkeypatch": "import time\n\n\ndef test_a(monkeypatch):\n    monkeypatch.setattr(time, 'sleep', print)",
    "mock": "from unittest import mock\n\n\ndef test_a():\n    with mock.patch('time.sleep'):\n        pass",
    "fixture": "import time\nimport pytest\n\n\n@pytest.fixture\ndef fast():\n    before = time.sleep\n    time.sleep = print\n    yield\n    time.sleep = before",
    "fixture of a module": "import time\nimport pytest\n\n\n@pytest.fixture(scope='module')\ndef fast():\n    def swap():\n        time.sleep = print\n    swap()",
    "restored": "import time\n\n\ndef test_a():\n    before = time.sleep\n    try:\n        time.sleep = print\n    finally:\n        time.sleep = before",
    "display hook": "import builtins\n\nbuiltins._ = print",
    "private name": "import pytest\n\npytest._started = True",
    "same": "import pytest\n\npytest.mark.slow = pytest.mark.slow",
    "variable": "def f(time):\n    time.sleep = 3",
    "own class": "class time:\n    pass\n\n\ntime.sleep = 3",
    "other module": "import sys\n\nsys.modules['fake'] = x",
    "other list": "import sys\n\nsys.argv.insert(0, 'x')",
    "a thread": "import threading\n\nthreading.Thread(target=print).start()  # sys",
    "other patch": "from unittest import mock\n\nmock.patch('app.send').start()  # sys",
    "annotation": "import time\n\nx.time: int",
    "other key": "import time\n\nx['time'] = 1\nx()['time'] = 2",
    "three": "import time\n\nsetattr(time)\nx.setattr(time, 'sleep', 1)",
}


@pytest.mark.parametrize("source", UNPATCHED.values(), ids=UNPATCHED)
def test_fh709_is_silent(source: str) -> None:
    assert hits({CONFTEST: source + "\n"}, "FH709") == []


def test_fh709_leaves_the_tool_itself_and_import_hooks_of_products_alone() -> None:
    source = "import pytest\n\npytest.TestReport.failed = False\n"
    assert hits_of({PRODUCT: source}, "FH709", Metadata(distribution="pytest")) == []
    assert len(hits_of({PRODUCT: source}, "FH709", Metadata(distribution="shop"))) == 1
    hook = "import sys\n\n\ndef install():\n    sys.meta_path.insert(0, finder)\n"
    assert hits({PRODUCT: hook}, "FH709") == []
    assert len(hits({PRODUCT: hook + "\n\nsys.meta_path.append(finder)\n"}, "FH709")) == 1


def shadowed(tmp_path: Path, *paths: str, distribution: str = "shop") -> list[tuple[str, str]]:
    files = dict.fromkeys(("app/__init__.py", "app/a.py", *paths), "")
    root = write(tmp_path / "p", {**files, "pyproject.toml": f'[project]\nname = "{distribution}"\n'})
    listing = python_files(root, ("app",), ())
    tree = Tree(
        root=root,
        files=listing.files,
        scan=scan_project(root, ("app",), ()),
        base=None,
        base_missing="",
        interpreter=Path("python"),
        source=("app",),
        test_roots=("tests",),
        nested=listing.nested,
    )
    return [(hit.path, hit.sub) for hit in shadows(tree)]


@pytest.mark.parametrize(
    ("path", "sub"),
    [
        ("ruff.py", "shadowed-tool"),
        ("mypy.py", "shadowed-tool"),
        ("bandit/__init__.py", "shadowed-tool"),
        ("src/pip_audit.py", "shadowed-tool"),
        ("tests/pytest_cov/__init__.py", "shadowed-tool"),
        ("pytest_asyncio.py", "shadowed-tool"),
        ("pytest_failhard/__init__.py", "shadowed-tool"),
        ("tools/coverage.py", "shadowed-tool"),
        ("sitecustomize.py", "shadowed-tool"),
        ("lib/usercustomize.py", "shadowed-tool"),
        ("anything.pth", "shadowed-tool"),
        ("json.py", "shadowed-library"),
        ("src/logging/__init__.py", "shadowed-library"),
        ("tests/random.py", "shadowed-library"),
    ],
)
def test_fh709_flags_what_stands_in_the_way(tmp_path: Path, path: str, sub: str) -> None:
    assert shadowed(tmp_path, path) == [(path, sub)]


@pytest.mark.parametrize(
    "path",
    [
        "app/ruff.py",
        "app/json.py",
        "app/coverage/__init__.py",
        "notes/json.py",
        "test/__init__.py",
        "sys.py",
        "__init__.py",
    ],
)
def test_fh709_leaves_what_cannot_be_taken_for_it(tmp_path: Path, path: str) -> None:
    assert shadowed(tmp_path, path) == []


def test_fh709_leaves_the_tool_itself(tmp_path: Path) -> None:
    assert shadowed(tmp_path, "coverage/__init__.py", distribution="coverage") == []


def test_two_equal_places_have_two_fingerprints() -> None:
    source = dedent(
        """
        import os

        os._exit(0)
        os._exit(0)
        """
    )
    assert len({hit.canonical for hit in hits({TEST: source}, "FH705")}) == 2
