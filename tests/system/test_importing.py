"""Tests of what a start imports, and of what an interpreter answers in a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_failhard.gates.lint import LintGate
from pytest_failhard.model import GateError
from pytest_failhard.run import GateRun
from pytest_failhard.system import importing, start_target
from pytest_failhard.system.importing import Raised
from pytest_failhard.system.start_target import Target
from tests.support import gate_run, write

GUARDED = "if __name__ == '__main__':\n    raise SystemExit(3)\n"
TREE = {
    "main.py": f"import os\n{GUARDED}",
    "work.py": "raise SystemExit('this module works when it is imported')\n",
    "pkg/__init__.py": "",
    "pkg/__main__.py": "",
    "pkg/tool.py": GUARDED,
    "src/app.py": "app = 1\n",
}


@pytest.mark.parametrize(
    ("start", "target"),
    [
        (["gunicorn", "-w", "2", "wsgi:app"], Target(shown="wsgi:app", module="wsgi", attribute="app")),
        (["uvicorn", "--factory", "a.b:make"], Target(shown="a.b:make", module="a.b", attribute="make")),
        (["gunicorn", "wsgi:make(x=1)"], Target(shown="wsgi:make(x=1)", module="wsgi", attribute="make")),
        (
            ["python", "-m", "uvicorn", "--app-dir", "src", "app:app"],
            Target(shown="app:app", module="app", attribute="app", roots=("src", ".")),
        ),
        (
            ["gunicorn", "--chdir=src", "app:app"],
            Target(shown="app:app", module="app", attribute="app", roots=("src", ".")),
        ),
        (["/usr/bin/python3.11", "-X", "utf8", "-u", "main.py"], Target(shown="main.py", script="main.py")),
        (["python", "-m", "pkg"], Target(shown="pkg", module="pkg")),
        (["python", "-m", "pkg.tool", "--now"], Target(shown="pkg.tool", module="pkg.tool")),
        (["./bin/serve", "--fast"], Target(shown="serve", command="serve", roots=())),
        (["gunicorn", "--config", "gunicorn.conf.py"], None),
        (["python", "work.py"], None),
        (["python", "-m", "work"], None),
        (["python", "-m"], None),
        (["python", "-c", "import main"], None),
        (["python"], None),
        ([], None),
    ],
)
def test_the_target_of_a_start_is_read_from_it(
    tmp_path: Path, start: list[str], target: Target | None
) -> None:
    assert start_target.read(start, write(tmp_path, TREE)) == target


@pytest.fixture
def run(tmp_path: Path) -> Iterator[GateRun]:
    made = gate_run(tmp_path / "project", LintGate(), scratch=tmp_path / "scratch")
    yield made
    made.close()


PYTHON = Path(sys.executable)


def shown(target: Target) -> str:
    return f"{target.module}:{target.attribute}" if target.module else target.script or target.command


def test_each_module_is_there_or_it_is_said_how_much_of_it_is_not(tmp_path: Path, run: GateRun) -> None:
    own = {
        "own/__init__.py": "raise SystemExit('nothing of the system is run')\n",
        "own/part.py": "",
        "spread/deep/leaf.py": "",
        "declaration_of_mine.py": "",
    }
    there = ["own", "own.part", "spread.deep.leaf", "declaration_of_mine", "os.path", "xml.etree.ElementTree"]
    there += ["coverage.exceptions", "sys"]
    absent = {
        "own.other": "own.other",
        "own.part.deeper": "own.part.deeper",
        "spread.none.leaf": "spread.none",
        "declaration": "declaration",  # a neighbour of the child, and no module of the system
        "nobody.has.it": "nobody",
        "os.nothing": "os.nothing",
    }
    roots = [write(tmp_path / "tree", own)]
    assert importing.missing(run, PYTHON, roots, [*there, *absent]) == absent


def test_an_interpreter_that_cannot_answer_is_an_error(tmp_path: Path, run: GateRun) -> None:
    broken = write(tmp_path, {"python": "#!/bin/sh\necho no >&2\nexit 7\n"}) / "python"
    broken.chmod(0o755)
    with pytest.raises(GateError, match="exit code 7: no"):
        importing.missing(run, broken, (), ["os"])


STARTS = {
    "fine.py": "import json\napp = 1\nif __name__ == '__main__':\n    raise SystemExit(1)\n",
    "undefined.py": "import helper\nhelper.call(lambda: title)\n",
    "helper.py": "def call(function):\n    return function()\n",
    "leaves.py": "import sys\nsys.exit('no configuration')\n",
    "needs.py": "import not_here.deep\n",
    "speaks.py": "class OddError(Exception):\n    name = 'a secret'\n\n\nraise OddError('x')\n",
    "dies.py": "import os\nos._exit(9)\n",
    "stays.py": "import threading\nthreading.Event().wait()\n",
    "thread.py": "import threading\nthreading.Thread(target=threading.Event().wait).start()\napp = 1\n",
    "env.py": "import os\nif os.environ['TOKEN'] != 'x':\n    raise ValueError\n",
}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (Target(shown="", module="fine", attribute="app"), None),
        (Target(shown="", script="fine.py"), None),
        (Target(shown="", module="env"), None),
        (Target(shown="", module="thread", attribute="app"), None),
        (Target(shown="", command="no-such-command-anywhere", roots=()), None),
        (Target(shown="", command="coverage", roots=()), None),
        (
            Target(shown="", module="fine", attribute="application"),
            Raised(type="AttributeError", name="application"),
        ),
        (
            Target(shown="", script="undefined.py"),
            Raised(type="NameError", name="title", path="undefined.py", line=2),
        ),
        (Target(shown="", module="leaves"), Raised(type="SystemExit", path="leaves.py", line=2)),
        (
            Target(shown="", module="needs"),
            Raised(type="ModuleNotFoundError", name="not_here", path="needs.py", line=1),
        ),
        (Target(shown="", module="speaks"), Raised(type="OddError", path="speaks.py", line=5)),
        (Target(shown="", module="dies"), Raised(type="exit code 9")),
        (Target(shown="", module="stays"), Raised(type="no end")),
    ],
    ids=lambda value: shown(value) if isinstance(value, Target) else "",
)
def test_what_an_import_raises_is_named_with_its_line(
    tmp_path: Path, run: GateRun, target: Target, expected: Raised | None
) -> None:
    tree = write(tmp_path / "tree", STARTS)
    seconds = 0.5 if target.module == "stays" else 60.0
    raised = importing.start(run, PYTHON, tree, target, roots=(), environment={"TOKEN": "x"}, seconds=seconds)
    # What it wrote is evidence, not judgement.
    found = raised and Raised(type=raised.type, name=raised.name, path=raised.path, line=raised.line)
    assert found == expected
    assert not (tree / "__pycache__").exists()
