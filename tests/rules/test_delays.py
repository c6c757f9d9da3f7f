"""Tests that wait by the clock or try again, and imports from elsewhere: what is flagged, what is not."""

from __future__ import annotations

import pytest

from tests.rules.support import subs

TESTS = "tests/unit/test_a.py"
AT_FILE = "import os, sys\nfrom pathlib import Path\n"

ELSEWHERE = {
    "absolute": ("sys.path.insert(0, '/opt/lib')", "absolute"),
    "windows": (r"sys.path.append('C:\\lib')", "absolute"),
    "home": ("sys.path.append(str(Path.home() / 'lib'))", "absolute"),
    "expanduser": ("sys.path.append(os.path.expanduser('~/lib'))", "absolute"),
    "tilde": ("sys.path.append('~/lib')", "absolute"),
    "a named folder": ("LIB = '/opt/lib'\nsys.path.insert(0, LIB)", "absolute"),
    "joined to a root": ("sys.path.append(os.path.join('/opt', 'lib'))", "absolute"),
    "an absolute part": ("sys.path.append(os.path.join(os.getcwd(), '/opt/lib'))", ""),
    "above a machine's root": ("sys.path.append('/..')", "absolute"),
    "extend": ("sys.path.extend(['/opt/lib'])", "absolute"),
    "sum": ("sys.path += ['/opt/lib']", "absolute"),
    "assigned": ("sys.path = ['/opt/lib'] + sys.path", "absolute"),
    "an entry": ("sys.path[0] = '/opt/lib'", "absolute"),
    "a slice": ("sys.path[:0] = ['/opt/lib']", "absolute"),
    "addsitedir": ("import site\nsite.addsitedir('/opt/lib')", "absolute"),
    "from sys": ("from sys import path\npath.append('/opt/lib')", "absolute"),
    "dirname": ("sys.path.append(os.path.join(os.path.dirname(__file__), '../../../x'))", "outside"),
    "dirname thrice": (
        "from os.path import dirname\nup = dirname(os.path.abspath(__file__))\nsys.path.append(dirname(dirname(dirname(up))))",
        "outside",
    ),
    "added text": ("sys.path.append(os.path.dirname(__file__) + '/../../../x')", "outside"),
    "parents": ("sys.path.insert(0, str(Path(__file__).resolve().parents[3]))", "outside"),
    "parent": ("sys.path.insert(0, str(Path(__file__).parent.parent.parent.parent / 'x'))", "outside"),
    "joinpath": ("sys.path.insert(0, str(Path(__file__).parent.joinpath('../../..', 'x')))", "outside"),
    "relative": ("sys.path.insert(0, '../../..')", "outside"),
}
INSIDE = {
    "the root": "sys.path.insert(0, str(Path(__file__).parent.parent.parent))",
    "a folder": "sys.path.append(os.path.join(os.path.dirname(__file__), '..', '..', 'app'))",
    "there and back": "sys.path.append(os.path.join(os.path.dirname(__file__), '../../app/..'))",
    "relative": "sys.path.insert(0, '../..')",
    "the folder": "sys.path.insert(0, '')",
    "computed": "sys.path.insert(0, os.environ['LIB'])",
    "a computed part": "sys.path.append(os.path.join(os.path.dirname(__file__), name))",
    "a computed sum": "sys.path.append(os.path.dirname(__file__) + name)",
    "a computed quotient": "sys.path.append(Path(__file__).parent / name)",
    "a glued name": "sys.path.append(os.path.dirname(__file__) + '_x')",
    "parents of a variable": "sys.path.append(Path(__file__).parents[depth])",
    "parents of nothing": "sys.path.append(parents[0])",
    "another attribute": "sys.path.append(Path(__file__).name)",
    "a call without arguments": "sys.path.append(dirname())",
    "another call": "sys.path.append(find('/opt/lib'))",
    "a number": "sys.path.append(3)",
    "another list": "names.append('/opt/lib')",
    "names for itself": "a = b\nb = a\nsys.path.append(a)",
    "a comprehension": "sys.path += [str(each) for each in found]",
}


@pytest.mark.parametrize("form", ELSEWHERE)
def test_an_import_from_elsewhere_is_found(form: str) -> None:
    source, sub = ELSEWHERE[form]
    assert subs({TESTS: AT_FILE + source}, "path-insertion") == ([sub] if sub else [])


@pytest.mark.parametrize("form", INSIDE)
def test_an_import_from_the_project_is_left_alone(form: str) -> None:
    assert subs({TESTS: AT_FILE + INSIDE[form]}, "path-insertion") == []


def test_a_file_without_a_path_is_not_looked_at() -> None:
    assert subs({TESTS: "x = '/opt/lib'\n"}, "path-insertion") == []


AGAIN = {
    "mark": "import pytest\n@pytest.mark.flaky(reruns=3)\ndef test_a(): ...",
    "bare mark": "import pytest\n@pytest.mark.flaky\ndef test_a(): ...",
    "retries": "import pytest\n@pytest.mark.flaky(retries=2, delay=1)\ndef test_a(): ...",
    "one more run": "import pytest\n@pytest.mark.flaky(reruns=1)\ndef test_a(): ...",
    "position": "import pytest\n@pytest.mark.flaky(2)\ndef test_a(): ...",
    "flaky": "from flaky import flaky\n@flaky(max_runs=3)\ndef test_a(): ...",
    "alias": "from flaky import flaky as unstable\n@unstable\ndef test_a(): ...",
    "pytestmark": "import pytest\npytestmark = [pytest.mark.flaky(reruns=3)]",
    "class": "import pytest\n@pytest.mark.flaky(reruns=3)\nclass TestA: ...",
    "param": "import pytest\nP = pytest.param(1, marks=pytest.mark.flaky(reruns=3))",
}
NOT_AGAIN = {
    "no rerun": "import pytest\n@pytest.mark.flaky(reruns=0)\ndef test_a(): ...",
    "one run": "from flaky import flaky\n@flaky(max_runs=1)\ndef test_a(): ...",
    "no rerun by position": "import pytest\n@pytest.mark.flaky(0)\ndef test_a(): ...",
    "a part of it": "import pytest\nname = pytest.mark.flaky.name",
    "another flaky": "def test_a(flaky):\n    flaky = flaky + 1",
    "words": "# a flaky test\ndef test_a(): ...",
    "none of it": "def test_a(): ...",
}


@pytest.mark.parametrize("form", AGAIN)
def test_a_test_that_is_run_again_is_found(form: str) -> None:
    assert subs({TESTS: AGAIN[form]}, "rerun-test") == [""]


@pytest.mark.parametrize("form", NOT_AGAIN)
def test_a_test_that_is_run_once_is_left_alone(form: str) -> None:
    assert subs({TESTS: NOT_AGAIN[form]}, "rerun-test") == []


WAITS = {
    "test": "import time\ndef test_a():\n    time.sleep(2)",
    "fixture": "import pytest, time\n@pytest.fixture\ndef server():\n    time.sleep(0.5)\n    yield",
    "alias": "from time import sleep as wait\ndef test_a():\n    wait(1)",
    "coroutine": "import asyncio\nasync def test_a():\n    await asyncio.sleep(0.1)",
    "constant": "import time\nDELAY = 3\ndef test_a():\n    time.sleep(DELAY)",
    "in a branch": "import time\ndef test_a(x):\n    if x:\n        with x:\n            time.sleep(2)",
    "method": "import time\nclass TestA:\n    def test_a(self):\n        time.sleep(2)",
}
DOES_NOT_WAIT = {
    "zero": "import asyncio\nasync def test_a():\n    await asyncio.sleep(0)",
    "poll": "import time\ndef test_a(x):\n    while not x.ready():\n        time.sleep(0.1)",
    "poll with a limit": "import time\ndef test_a(x):\n    for _ in range(9):\n        if x():\n            break\n        time.sleep(1)",
    "slow service": "import time\ndef test_a():\n    def serve():\n        time.sleep(2)\n    assert serve",
    "lambda": "import time\ndef test_a(x):\n    x.reply = lambda: time.sleep(2)",
    "helper": "import time\ndef serve():\n    time.sleep(2)",
    "module": "import time\ntime.sleep(2)",
    "computed": "import time\ndef test_a(x):\n    time.sleep(x)",
    "nothing": "import time\ndef test_a():\n    time.sleep()",
    "another": "def test_a(x):\n    x.sleep(2)\n    nap(2)",
    "none": "def test_a():\n    assert 1",
}


@pytest.mark.parametrize("form", WAITS)
def test_a_test_that_sleeps_is_found(form: str) -> None:
    assert subs({TESTS: WAITS[form]}, "sleeping-test") == [""]


@pytest.mark.parametrize("form", DOES_NOT_WAIT)
def test_a_test_that_does_not_sleep_is_left_alone(form: str) -> None:
    assert subs({TESTS: DOES_NOT_WAIT[form]}, "sleeping-test") == []
