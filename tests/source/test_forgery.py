"""Code that ends or forges a test process is found, in every spelling, and honest code is not."""

from __future__ import annotations

import ast
from pathlib import Path
from textwrap import dedent

import pytest

from pytest_failhard.source import files
from pytest_failhard.source.forgery import early_scan, forced_exits, forging
from pytest_failhard.source.pytest_config import load
from tests.recording import write


def forms(text: str, *, imported_as_test: bool = True) -> list[str]:
    places = forced_exits(ast.parse(dedent(text)), "t.py", imported_as_test=imported_as_test)
    return [place.form for place in places]


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("import os\ndef test_a():\n    os._exit(0)", "os._exit"),
        ("import os as o\no._exit(1)", "os._exit"),
        ("from os import _exit as bye\ndef test_a():\n    bye(0)", "os._exit"),
        ("import os\ndef test_a():\n    getattr(os, '_exit')(0)", "os._exit"),
        ("import os\ndef test_a():\n    getattr(os, '_e' + 'xit')(0)", "os._exit"),
        ("import os\nos.__dict__['_exit'](0)", "os._exit"),
        ("import os\nvars(os)['_exit'](0)", "os._exit"),
        ("__import__('os')._exit(0)", "os._exit"),
        ("import importlib\nimportlib.import_module('os')._exit(0)", "os._exit"),
        ("import os\nbye = os._exit\ndef test_a():\n    bye(0)", "os._exit"),
        ("import os\nbye = getattr(os, '_exit')\ndef test_a():\n    bye(0)", "os._exit"),
        ("import os\nclass TestA:\n    def test_a(self):\n        (lambda: os._exit(0))()", "os._exit"),
        ("import os\nos.abort()", "os.abort"),
        ("import sys\nsys.exit()", "sys.exit at import"),
        ("import sys\nsys.exit(0)", "sys.exit at import"),
        ("from sys import exit as leave\nleave(None)", "sys.exit at import"),
        ("import sys\nclass A:\n    sys.exit()", "sys.exit at import"),
        ("import sys\nif x:\n    try:\n        sys.exit()\n    except E: pass", "sys.exit at import"),
        ("exit()", "exit at import"),
        ("quit(0)", "quit at import"),
        ("raise SystemExit", "raise SystemExit at import"),
        ("raise SystemExit(0)", "raise SystemExit at import"),
        ("import pytest\ndef test_a():\n    pytest.exit('x', returncode=0)", "pytest.exit with returncode 0"),
        ("import pytest\ndef test_a():\n    pytest.exit('x', 0)", "pytest.exit with returncode 0"),
        ("from pytest import exit as e\ne('x', returncode=0)", "pytest.exit with returncode 0"),
        ("import os, atexit\natexit.register(os._exit, 0)", "atexit.register of a function that exits"),
        (
            "import sys, atexit\ndef end():\n    sys.exit(0)\natexit.register(end)",
            "atexit.register of a function that exits",
        ),
        ("import os\ndef test_a():\n    os.kill(os.getpid(), 9)", "os.kill of its own process"),
        ("import os\ndef test_a():\n    os.killpg(os.getpgid(0), 9)", "os.killpg of its own process"),
        ("import signal\ndef test_a():\n    signal.raise_signal(9)", "signal.raise_signal"),
        ("if __name__ == '__main__':\n    pass\nelse:\n    import os\n    os._exit(0)", "os._exit"),
    ],
)
def test_code_that_ends_the_process_is_found(text: str, form: str) -> None:
    assert form in forms(text)


def test_a_registered_lambda_is_found_both_ways() -> None:
    assert forms("import os, atexit\natexit.register(lambda: os._exit(0))") == [
        *("atexit.register of a function that exits", "os._exit")
    ]


@pytest.mark.parametrize(
    "text",
    [
        "import sys\nif __name__ == '__main__':\n    sys.exit(0)",
        "import sys\ndef main():\n    sys.exit(0)",
        "import sys\nsys.exit(1)",
        "import sys\nsys.exit('no')",
        "import sys, pytest\ndef test_a():\n    with pytest.raises(SystemExit):\n        sys.exit(0)",
        "import pytest\ndef test_a():\n    pytest.exit('x', returncode=1)",
        "import pytest\ndef test_a():\n    pytest.exit('x')",
        "import atexit, shutil\natexit.register(shutil.rmtree, 'x')",
        "import atexit\ndef clean():\n    print('x')\natexit.register(clean)",
        "import os\ndef test_a(child):\n    os.kill(child.pid, 9)",
        "import subprocess as s\ndef test_a():\n    s.run(['python', '-c', 'import os; os._exit(0)'])",
        "class A:\n    def _exit(self): pass\n    def x(self):\n        self._exit()",
        "def test_a():\n    raise SystemExit(0)",
    ],
)
def test_honest_code_is_not(text: str) -> None:
    assert forms(text) == []


def test_a_product_module_counts_only_at_import() -> None:
    text = "import os\ndef worker():\n    os._exit(0)\n"
    assert forms(text, imported_as_test=False) == []
    assert forms(text + "os._exit(0)\n", imported_as_test=False) == ["os._exit"]


WRAPPER = (
    "@pytest.hookimpl(wrapper=True)\ndef hook(item, call):\n    report = yield\n    {}\n    return report\n"
)


@pytest.mark.parametrize(
    "line",
    [
        *[
            "report.outcome = 'passed'",
            "report.wasxfail = 'x'",
            "session.exitstatus = 0",
            "del report.wasxfail",
        ],
        *["session.testsfailed = 0", "session.testsfailed -= 1", "setattr(report, 'outcome', 'passed')"],
        *["report.__dict__['outcome'] = 'passed'", "vars(report)['out' + 'come'] = 'passed'"],
        *["object.__setattr__(report, 'outcome', 'passed')", "items[:] = [i for i in items if i]"],
        *["items.clear()", "items.remove(item)", "items.pop()", "del items[0]", "del items[:]"],
        *["items[:] = sorted(items)[:3]", "config.hook.pytest_deselected(items=items)", "os._exit(0)"],
        *["outcome.force_result(None)", "sys.exit(0)", "return True", "pytest.TestReport.failed = x"],
    ],
)
def test_a_hook_that_can_turn_an_outcome_forges(line: str) -> None:
    assert forging(ast.parse(WRAPPER.format(line)), 1, "pytest_runtest_makereport")


@pytest.mark.parametrize(
    "line",
    [
        *["report.sections.append(('x', 'y'))", "report.user_properties.append(('x', 'y'))"],
        *["item.add_marker(pytest.mark.slow)", "items.sort(key=str)", "items[:] = sorted(items, key=str)"],
        *["items[:] = sorted(items)", "items[:] = list(reversed(items))", "print(report.outcome)", "pass"],
    ],
)
def test_a_hook_that_only_adds_or_reorders_does_not(line: str) -> None:
    assert forging(ast.parse(WRAPPER.format(line)), 1, "pytest_runtest_makereport") == ""


@pytest.mark.parametrize(
    ("text", "forges"),
    [
        ("def hook(pyfuncitem):\n    return pyfuncitem.x()", True),
        ("def hook(pyfuncitem):\n    done = True\n    return done", True),
        ("hook = lambda pyfuncitem: True", True),
        ("def hook(pyfuncitem):\n    pyfuncitem.x()", False),
        ("def hook(pyfuncitem):\n    return None", False),
        ("def hook(pyfuncitem):\n    return (yield)", False),
    ],
)
def test_a_hook_that_answers_in_place_of_pytest_forges_fo_61(text: str, forges: bool) -> None:
    assert bool(forging(ast.parse(text), 1, "pytest_pyfunc_call")) is forges


def test_a_hook_that_is_not_where_it_says_cannot_be_read() -> None:
    assert forging(ast.parse("x = 1\n"), 7) == "its source cannot be read"


def test_the_early_scan_names_place_and_remedy(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "pytest.ini": "[pytest]\naddopts = -p evil\n",
            "evil.py": "import os\nos._exit(0)\n",
            "app/core.py": "import os\nos._exit(0)\n",
            "conftest.py": "import sys\n\nsys.exit()\n",
            "tests/test_a.py": "def test_a():\n    pass\n",
        },
    )
    project = files.read(tmp_path, ("app",), ("tests",))
    own_end = "let the test end by itself, or run the code in a subprocess"
    move = "move it into a function under `if __name__ == '__main__'`"
    assert early_scan(tmp_path, project, load(tmp_path)) == (
        f"conftest.py:3: sys.exit at import ends the test process; {move}",
        f"evil.py:2: os._exit ends the test process; {own_end}",
    )
