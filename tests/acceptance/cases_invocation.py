"""Cases of the fail-open list: escape switches, and how pytest is invoked and configured."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.case import Case
from tests.acceptance.harness import Ask, Expected, Mode, Outcome
from tests.acceptance.project import (
    DANGEROUS,
    FAILING,
    FIRST,
    SECOND,
    VIOLATION,
    Files,
    configured,
    pytest_options,
)

LINT = Ask(only="lint")
TESTS = Ask(only="tests")
NODE = "tests/test_prices.py::test_net"
OPTIONAL = {
    "shop/prices.py": str(SECOND["shop/prices.py"]),
    "tests/conftest.py": "import pytest\n\n\n@pytest.fixture\ndef basket() -> list[int]:\n    return [100]\n",
    "tests/test_basket.py": "def test_basket(basket: list[int]) -> None:\n    assert basket == [100]\n",
}
XFAILING: Files = {
    "tests/test_known.py": "import pytest\n\n\n"
    "@pytest.mark.xfail(strict=True, reason='rounding is decided next week, see the tracker')\n"
    "def test_known() -> None:\n    assert round(2.5) == 3\n"
}
FLAKY = """\
import pytest

ATTEMPTS: list[int] = []


@pytest.mark.flaky(reruns=2)
def test_sometimes() -> None:
    ATTEMPTS.append(1)
    assert len(ATTEMPTS) > 1
"""
RERUNS: Files = {
    "pyproject.toml": str(FIRST["pyproject.toml"]).replace(
        'dev = ["pytest"]', 'dev = ["pytest", "pytest-rerunfailures"]'
    )
}


def _with_options(option: str) -> Ask:
    return Ask(only="tests", environment={"PYTEST_ADDOPTS": option})


SEEN = "tests,coverage,lint,types"
"""The gate at fault, one that needs its data, and two that need no tests."""


def _all_gates_ran(outcome: Outcome) -> None:
    verdicts = {name: outcome.gate(name)["verdict"] for name in ("coverage", "lint", "types")}
    assert verdicts["lint"] == "pass", str(outcome)
    assert verdicts["types"] == "pass", str(outcome)


def _cached_failure(root: Path) -> None:
    folder = root / ".pytest_cache" / "v" / "cache"
    folder.mkdir(parents=True)
    (folder / "lastfailed").write_text(f'{{"{NODE}": true}}')


def _overrides(root: Path) -> None:
    for name in (".failhard.local.toml", "failhard.local.yaml", ".failhard/user.yaml", ".trunk/user.yaml"):
        path = root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("level = 0\nskip = true\n")
    home = root.parent / "home"
    (home / ".config" / "failhard").mkdir(parents=True)
    (home / ".config" / "failhard" / "config.toml").write_text("[gates.lint]\nfail_at = 'none'\n")


CASES = (
    Case(
        id="FO-28",
        gate="lint",
        author=Expected.FAIL,
        supervised=Expected.FAIL,
        phrase="unused",
        files=VIOLATION,
        change=_overrides,
        ask=LINT,
    ),
    *(
        Case(
            id="FO-29",
            name="" if number == 0 else option,
            gate="lint",
            author=Expected.REFUSE,
            supervised=Expected.REFUSE,
            phrase=option,
            files=VIOLATION,
            ask=Ask(only="lint", author=(f"--failhard{option}",), supervised=(f"-{option}",)),
        )
        for number, option in enumerate(("-zero-exit", "-no-error", "-skip-errored"))
    ),
    Case(
        id="FO-30",
        gate="lint",
        author=Expected.FAIL,
        supervised=Expected.FAIL,
        phrase="unused",
        rule="F401",
        files={"shop/dirty.py": "import os  # noqa\n"},
        ask=LINT,
    ),
    Case(
        id="FO-30",
        name="nosec",
        gate="security",
        author=Expected.FAIL,
        supervised=Expected.FAIL,
        phrase="shell",
        rule="B602",
        files={name: str(text).replace("=True)", "=True)  # nosec") for name, text in DANGEROUS.items()},
        ask=Ask(only="security", level=2),
    ),
    *(
        Case(
            id="FO-31",
            name=" ".join(option) if number else "",
            gate="lint",
            author=Expected.FAIL,
            supervised=Expected.FAIL,
            phrase="unused",
            files=VIOLATION,
            ask=Ask(only="lint", tests=option),
        )
        for number, option in enumerate(
            (("-m", "not lint"), ("-k", "test_net"), ("--deselect", "failhard::lint"), (NODE,))
        )
    ),
    Case(
        id="FO-32",
        gate="tests",
        author=Expected.ERROR,
        supervised=Expected.ERROR,
        phrase="not run",
        files={"tests/test_a.py": FAILING["tests/test_red.py"]},
        ask=Ask(only=SEEN, tests=("-x",)),
        twin_ask=Ask(only=SEEN, tests=("-x",)),
        workers=True,
        spread_code=2,
        also=_all_gates_ran,
    ),
    Case(
        id="FO-32",
        name="maxfail",
        gate="tests",
        author=Expected.ERROR,
        supervised=Expected.ERROR,
        phrase="not run",
        files={"tests/test_a.py": FAILING["tests/test_red.py"]},
        ask=Ask(only=SEEN, tests=("--maxfail=1",)),
        also=_all_gates_ran,
    ),
    *(
        Case(
            id="FO-35",
            name=option if number else "",
            gate="tests",
            author=Expected.REFUSE,
            supervised=Expected.REFUSE,
            phrase=option,
            files=FAILING,
            ask=Ask(tests=(option,)),
        )
        for number, option in enumerate(("--collect-only", "--co"))
    ),
    *(
        Case(
            id=identity,
            name="" if number == 0 else option,
            gate="tests",
            author=Expected.REFUSE,
            supervised=Expected.FAIL,
            phrase="test_red",
            phrases={Mode.AUTHOR: option},
            files=FAILING,
            ask=_with_options(option),
        )
        for identity, options in {
            "FO-36": ("--setup-only", "--setup-plan"),
            "FO-37": ("--fixtures", "--fixtures-per-test", "--markers", "--cache-show"),
            "FO-38": ("--help",),
        }.items()
        for number, option in enumerate(options)
    ),
    *(
        Case(
            id=identity,
            name=f"typed {option}",
            gate="tests",
            author=None,
            supervised=Expected.REFUSE,
            phrase=option,
            files=FAILING,
            ask=Ask(only="tests", tests=(option,)),
        )
        for identity, option in (
            ("FO-36", "--setup-only"),
            ("FO-37", "--markers"),
            ("FO-38", "--help"),
            ("FO-44", "-c/dev/null"),
            ("FO-45", "-pno:failhard"),
            ("FO-50", "--noconftest"),
        )
    ),
    *(
        Case(
            id="FO-39",
            name=" ".join(option) if number else "",
            gate="tests",
            author=Expected.ERROR,
            supervised=Expected.ERROR,
            phrase="",
            change=_cached_failure,
            ask=Ask(only="tests", tests=option),
            workers=number == 0,
        )
        for number, option in enumerate(
            (("-k", "test_net"), (NODE,), ("tests/test_prices.py",), ("-m", "slow"), ("--lf",))
        )
    ),
    Case(
        id="FO-40",
        gate="tests",
        author=Expected.ERROR,
        supervised=Expected.FAIL,
        phrase="test_red",
        files={**FAILING, **pytest_options('addopts = ["--deselect", "tests/test_red.py::test_red"]')},
        twin={},
        ask=TESTS,
        workers=True,
    ),
    *(
        Case(
            id="FO-41",
            name=name,
            gate="tests",
            author=Expected.ERROR,
            supervised=Expected.FAIL,
            phrase="test_red",
            files={**FAILING, **pytest_options(text)},
            ask=TESTS,
            workers=True,
        )
        for name, text in {
            "": 'addopts = ["--ignore=tests/test_red.py"]',
            "python_files": 'python_files = ["test_p*.py", "test_d*.py"]',
            "testpaths": 'testpaths = ["tests/test_prices.py", "tests/test_discount.py"]',
            "norecursedirs": 'norecursedirs = ["tests"]',
        }.items()
    ),
    Case(
        id="FO-42",
        gate="tests",
        author=Expected.ERROR,
        supervised=Expected.ERROR,
        phrase="tests/test_import.py",
        files={"tests/test_import.py": "import there_is_no_such_module\n"},
        ask=Ask(only="tests", tests=("--continue-on-collection-errors",)),
        workers=True,
    ),
    Case(
        id="FO-42",
        name="plain",
        gate="tests",
        author=Expected.ERROR,
        supervised=Expected.ERROR,
        phrase="tests/test_import.py",
        files={"tests/test_import.py": "import there_is_no_such_module\n"},
        ask=TESTS,
        author_code=2,
    ),
    *(
        Case(
            id="FO-43",
            name=name if number else "",
            gate="tests",
            author=Expected.FAIL,
            supervised=Expected.PASS,
            phrase="hides",
            rule="FH707/shadowing-pytest-config",
            files={
                **configured(""),
                name: "",
                "conftest.py": "import sys\n\nsys.path.insert(0, '.')\n",
            },
            twin={"conftest.py": "import sys\n\nsys.path.insert(0, '.')\n"},
            ask=TESTS,
        )
        for number, name in enumerate(("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini"))
    ),
    Case(
        id="FO-44",
        gate="tests",
        author=Expected.FAIL,
        supervised=Expected.PASS,
        phrase="/dev/null",
        ask=Ask(
            only="tests",
            environment={"PYTEST_ADDOPTS": "-c /dev/null --rootdir={root}", "PYTHONPATH": "{root}"},
        ),
        twin={},
    ),
    Case(
        id="FO-45",
        gate="tests",
        author=Expected.REFUSE,
        supervised=Expected.FAIL,
        phrase="test_red",
        phrases={Mode.AUTHOR: "--failhard-level"},
        files=FAILING,
        ask=_with_options("-p no:failhard"),
    ),
    Case(
        id="FO-45",
        name="autoload",
        gate="tests",
        author=Expected.REFUSE,
        supervised=Expected.FAIL,
        phrase="test_red",
        phrases={Mode.AUTHOR: "--failhard-level"},
        files=FAILING,
        ask=Ask(only="tests", environment={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}),
    ),
    Case(
        id="FO-46",
        gate="tests",
        author=Expected.FAIL,
        supervised=Expected.PASS,
        phrase="evilp",
        rule="FH707/project-plugin-in-addopts",
        files={**pytest_options('addopts = ["-p", "evilp"]'), "evilp.py": "GREETING = 'hello'\n"},
        ask=TESTS,
    ),
    Case(
        id="FO-46",
        name="PYTEST_PLUGINS",
        gate="tests",
        author=None,
        supervised=Expected.FAIL,
        phrase="test_red",
        files={
            **FAILING,
            "evil/evilp.py": "import atexit\nimport os\n\natexit.register(lambda: os._exit(0))\n",
        },
        ask=Ask(only="tests", environment={"PYTEST_PLUGINS": "evilp", "PYTHONPATH": "{root}/evil"}),
    ),
    Case(
        id="FO-47",
        gate="tests",
        author=Expected.REFUSE,
        supervised=Expected.FAIL,
        phrase="test_red",
        phrases={Mode.AUTHOR: "-O"},
        files=FAILING,
        ask=Ask(only="tests", python=("-O",)),
    ),
    Case(
        id="FO-47",
        name="PYTHONOPTIMIZE",
        gate="tests",
        author=Expected.REFUSE,
        supervised=Expected.FAIL,
        phrase="test_red",
        phrases={Mode.AUTHOR: "-O"},
        files=FAILING,
        ask=Ask(only="tests", environment={"PYTHONOPTIMIZE": "1"}),
    ),
    Case(
        id="FO-48",
        gate="tests",
        author=Expected.FAIL,
        supervised=Expected.FAIL,
        phrase="silences",
        rule="FH707/warnings-silenced",
        files=pytest_options('filterwarnings = ["ignore"]'),
        twin=pytest_options('filterwarnings = ["ignore:old:DeprecationWarning"]'),
        ask=TESTS,
    ),
    Case(
        id="FO-49",
        gate="tests",
        author=Expected.FAIL,
        supervised=Expected.FAIL,
        phrase="test_sometimes",
        files={**RERUNS, "tests/test_flaky.py": FLAKY},
        twin={**RERUNS, "tests/test_flaky.py": FLAKY.replace("> 1", "> 0")},
        ask=TESTS,
        workers=True,
    ),
    Case(
        id="FO-50",
        gate="tests",
        author=Expected.ERROR,
        supervised=Expected.PASS,
        phrase="never collected",
        ask=_with_options("-p no:python"),
    ),
    Case(
        id="FO-50",
        name="runxfail",
        gate="tests",
        author=Expected.FAIL,
        supervised=Expected.PASS,
        phrase="test_known",
        files=XFAILING,
        twin=XFAILING,
        ask=_with_options("--runxfail"),
    ),
    Case(
        id="FO-50",
        name="noconftest",
        gate="tests",
        author=Expected.FAIL,
        supervised=Expected.PASS,
        phrase="test_basket",
        files=OPTIONAL,
        twin=OPTIONAL,
        ask=_with_options("--noconftest"),
    ),
)
