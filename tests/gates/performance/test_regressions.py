"""Each shape of a slowdown that some way of measuring overlooks, and what only looks like one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from pytest_failhard.gates.performance.settings import PerformanceSettings
from pytest_failhard.model import GateError, Severity
from tests.gates.performance.test_gate import BASE, CORE, FILE, QUICK, TESTS, observed, rules
from tests.size import in_full

SETTINGS = replace(QUICK, rounds=PerformanceSettings().rounds, max_seconds=120)
WORK = """

def work(steps={steps}):
    return sum(number * number for number in range(steps))
"""
WAITING = """import time


def work():
    time.sleep({wait})
    return sum(range(3000))
"""
SOME = """CALLS = [0]


def work():
    CALLS[0] += 1
    return sum(number * number for number in range(40000 * (10 if CALLS[0] % 10 == {which} else 1)))
"""
LISTED = """

def work():
    made = {made}
    return len(made)
"""
LOCKED = """import threading
import time

LOCK = threading.Lock()


def hold(taken):
    with LOCK:
        taken.set()
        time.sleep({held})


def work():
    taken = threading.Event()
    holder = threading.Thread(target=hold, args=(taken,))
    holder.start()
    taken.wait()
    with LOCK:
        holder.join()
        return sum(range(30000))
"""
CHILD = """import subprocess
import sys


def work():
    code = "sum(number for number in range({steps}))"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True)
    return 1
"""
THREADED = """import threading


def count():
    sum(number * number for number in range({steps}))


def work():
    thread = threading.Thread(target=count)
    thread.start()
    thread.join()
    return 1
"""
GROWING = """SEEN = []


def work():
    SEEN.extend(range(1000))
    return sum(SEEN)
"""
FOUND = frozenset({"perf-regression test_work"})
NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Change:
    """What `app/core.py` is at the base and at head, with what else differs, and what is found."""

    base: str
    head: str
    found: frozenset[str]
    before: Mapping[str, str] = field(default_factory=dict)
    after: Mapping[str, str] = field(default_factory=dict)


STEADY = WORK.format(steps=20000)
MARKED = TESTS.replace("def test", "import pytest\n@pytest.mark.failhard_perf(max_regression=0.05)\ndef test")
CHANGES = {
    "30 % more work": Change(base=STEADY, head=WORK.format(steps=26000), found=FOUND),
    "5 % more work": Change(base=STEADY, head=WORK.format(steps=21000), found=NOTHING),
    "12 % under a limit of its own of 5 %": Change(
        base=STEADY, head=WORK.format(steps=22400), found=FOUND, before={FILE: MARKED}
    ),
    "waits longer": Change(base=WAITING.format(wait=0.002), head=WAITING.format(wait=0.003), found=FOUND),
    "waits longer for a lock": Change(
        base=LOCKED.format(held=0.002), head=LOCKED.format(held=0.004), found=FOUND
    ),
    "some calls": Change(base=SOME.format(which=-1), head=SOME.format(which=0), found=FOUND),
    "in a child process": Change(
        base=CHILD.format(steps=200_000), head=CHILD.format(steps=900_000), found=FOUND
    ),
    "in a thread": Change(base=THREADED.format(steps=20000), head=THREADED.format(steps=40000), found=FOUND),
    "more memory": Change(
        base=LISTED.format(made="[0] * 100_000"),
        head=LISTED.format(made="[0] * 100_000 + [0] * 300_000"),
        found=frozenset({"memory-regression test_work"}),
    ),
    "a slow import": Change(
        base=STEADY,
        head=STEADY,
        after={"app/__init__.py": "BUSY = sum(number for number in range(2_000_000))\n"},
        found=frozenset({"perf-regression import:app"}),
    ),
    "an import that became slower": Change(
        base=STEADY,
        head=STEADY,
        before={"app/__init__.py": "BUSY = sum(number for number in range(2_000_000))\n"},
        after={"app/__init__.py": "BUSY = sum(number for number in range(6_000_000))\n"},
        found=frozenset({"perf-regression import:app"}),
    ),
    "the benchmark does more, the product does not": Change(
        base=STEADY,
        head=f"{STEADY}\nMORE = 1\n",
        after={FILE: TESTS.replace("(core.work)", "(core.work, 90000)")},
        found=NOTHING,
    ),
    "deselected by its name": Change(
        base=STEADY,
        head=WORK.format(steps=60000),
        before={"pyproject.toml": f'{BASE["pyproject.toml"]!s}addopts = "-k nothing"\n'},
        found=FOUND,
    ),
}


@in_full
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_what_is_slower_is_found_and_nothing_else(tmp_path: Path, change: Change) -> None:
    seen = observed(
        tmp_path / "app",
        {**BASE, "app/core.py": change.base, **change.before},
        {"app/core.py": change.head, **change.after},
        settings=SETTINGS,
    )

    found = {rule for rule, severity in rules(seen).items() if severity >= Severity.MEDIUM}
    assert change.found <= found if change.found else not found


@in_full
@pytest.mark.parametrize(
    ("files", "problem"),
    [
        pytest.param({"app/core.py": GROWING}, "drifting-benchmark: ", id="stateful"),
        pytest.param(
            {FILE: f"import numpy_of_nobody\n{TESTS}"}, "cannot be collected: ", id="a package is missing"
        ),
        pytest.param(
            {
                "app/core.py": "async def work():\n    return 1\n",
                FILE: TESTS.replace(
                    "assert failhard_benchmark(core.work) > 0", "failhard_benchmark(core.work)"
                ),
            },
            "not-measured: (.|\n)*lazy",
            id="never awaited",
        ),
    ],
)
def test_what_measures_nothing_is_an_error(tmp_path: Path, files: Mapping[str, str], problem: str) -> None:
    with pytest.raises(GateError, match=problem):
        observed(
            tmp_path / "app",
            {**BASE, "app/core.py": CORE.format(steps=2000), **files},
            {"app/core.py": f"{files.get('app/core.py', CORE.format(steps=2000))}\nX = 1\n"},
            settings=SETTINGS,
        )
