"""The worker over real projects: what is served, in which order, and what it tells of what went wrong."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_failhard.gates.performance.serve.channel import GONE
from pytest_failhard.gates.performance.trees import copy_worker
from pytest_failhard.gates.performance.trees.configuring import WORKER
from tests.gates.performance.driving import BENCHMARK, CODSPEED, Driven, Message, ended, worker
from tests.support import measuring, write

PRODUCT = {
    "app/__init__.py": "",
    "app/work.py": """\
import os
import subprocess
import sys
import threading
import time


def total(count):
    return sum(square(number) for number in range(count))


def square(number):
    return number * number


def processors():
    return os.sched_getaffinity(0)


def burn():
    end = time.thread_time_ns() + 1_000_000
    while time.thread_time_ns() < end:
        pass


def in_a_thread():
    thread = threading.Thread(target=burn)
    thread.start()
    thread.join()


def in_a_child():
    code = "import time\\nwhile time.process_time() < 0.02: pass"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True)


def wait():
    time.sleep(0.02)


async def later():
    return 1


def one_by_one():
    yield 1


async def one_by_one_later():
    yield 1
""",
}
SHAPES = """\
import sqlite3
import pytest

from app import work

EARLY = sqlite3.connect(":memory:")
EVENTS = []


@pytest.fixture(scope="module")
def count():
    EVENTS.append("module")
    return 10


@pytest.fixture
def twice(count):
    EVENTS.append("function")
    return 2 * count


def test_plain(benchmark):
    assert benchmark(work.total, 10) == 285


def test_ordinary():
    EVENTS.append("ordinary")


@pytest.mark.parametrize("size", [3, 4], ids=["few", "more [odd::id]"])
def test_sizes(benchmark, size):
    assert benchmark(work.total, count=size) in {5, 14}


class TestGrouped:
    def test_method(self, benchmark, twice):
        assert benchmark(work.total, twice) == 2470


def test_pedantic(benchmark, count):
    assert benchmark.pedantic(work.total, args=(count,), rounds=3, iterations=5) == 285


def test_pedantic_arguments_are_made_before(benchmark):
    events = []

    def make():
        events.append("setup")
        return ([],), {"value": 1}

    def use(fresh, value):
        events.append("call")
        fresh.append(value)
        return fresh

    assert benchmark.pedantic(use, setup=make) == [1]
    text = ",".join(events)
    assert "setup,setup,setup,call,call,call" in text, text


def test_pedantic_state_is_prepared_for_each_call(benchmark):
    state = []
    assert benchmark.pedantic(state.append, args=(1,), setup=state.clear) is None
    assert state == [1]


def test_pedantic_is_torn_down_after_each_call(benchmark):
    taken = set()

    def take(name):
        assert name not in taken
        taken.add(name)

    benchmark.pedantic(take, args=("a",), teardown=taken.remove)
    assert not taken


def test_a_statement(benchmark):
    late = sqlite3.connect(":memory:")
    assert benchmark(lambda: [each.execute("SELECT 1").fetchone() for each in (EARLY, late)]) == [(1,), (1,)]


@pytest.mark.asyncio
async def test_in_a_loop(benchmark):
    assert benchmark(work.total, 5) == 30


def test_woven(benchmark_weave):
    benchmark_weave("app.work.square")
    assert work.square(3) == 9


def test_the_statistics_are_there(benchmark):
    benchmark(work.total, 5)
    assert benchmark.stats.stats.rounds >= 1


def test_the_module_fixture_was_made_once():
    assert EVENTS == ["module", "function"]
"""
# Stands for the package of this name, of which pytest-benchmark's weave uses no more.
ASPECTLIB = """\
import importlib


class weave:
    def __init__(self, target, aspect):
        module, _, name = target.rpartition(".")
        self.place = importlib.import_module(module), name
        self.before = getattr(*self.place)
        setattr(*self.place, aspect(self.before))

    def rollback(self):
        setattr(*self.place, self.before)
"""
TROUBLE = """\
import asyncio
import pytest

from app import work


def test_wrong(benchmark):
    assert benchmark(work.total, 10) == 0


def test_raises(benchmark):
    benchmark(work.total, "ten")


def test_once(benchmark):
    left = [1]
    benchmark(left.pop)


def test_once_while_measured(benchmark):
    left = [1] * 30
    benchmark.pedantic(left.pop, setup=lambda: None)


def test_missing(benchmark):
    benchmark(work.newer)


@pytest.mark.skip(reason="not now")
def test_skipped(benchmark):
    benchmark(work.total, 10)


@pytest.fixture
def broken():
    raise OSError("no disk")


def test_broken_fixture(benchmark, broken):
    benchmark(work.total, 10)


def test_unused(benchmark):
    assert work.total(3) == 5


def test_used_twice(benchmark, failhard_benchmark):
    benchmark(work.total, 3)
    failhard_benchmark(work.total, 3)


def test_coroutine(benchmark):
    assert asyncio.run(benchmark(work.later)) == 1


def test_generator(benchmark):
    assert list(benchmark(work.one_by_one)) == [1]


def test_asynchronous_generator(benchmark):
    assert benchmark(work.one_by_one_later)


def test_taken_out(benchmark):
    benchmark(work.total, 3)
"""
CLOCKS = f"""\
import pytest

from app import work

EVERYWHERE = {os.sched_getaffinity(0)}


def test_thread(failhard_benchmark):
    failhard_benchmark(work.in_a_thread)


def test_child(failhard_benchmark):
    failhard_benchmark(work.in_a_child)


def test_wait(failhard_benchmark):
    failhard_benchmark(work.wait)


@pytest.mark.failhard_perf(pin=False, clock=("wall",), budget_ms=5, max_regression=0.05)
def test_everywhere(failhard_benchmark):
    failhard_benchmark(work.burn)
    assert work.processors() == EVERYWHERE


def test_pinned_again(failhard_benchmark):
    failhard_benchmark(work.burn)
    assert len(work.processors()) == 1
"""
HOME, MEASURED = min(os.sched_getaffinity(0)), max(os.sched_getaffinity(0))
PLACES = f"""\
import threading

from app import work


def test_where(failhard_benchmark):
    end, places = threading.Event(), []
    other = threading.Thread(target=end.wait)
    other.start()
    assert work.processors() == {{{HOME}}}
    failhard_benchmark(lambda: places.append(work.processors()))
    # The first call and the last are not timed.
    assert places[0] == places[-1] == work.processors() == {{{HOME}}}
    assert len(places) > 4
    assert all(place == {{{MEASURED}}} for place in places[1:-1])
    end.set()
    other.join()
"""
CROWDED = """\
import gc

from app import work

HEAP = [[] for _ in range(100_000)]


def test_heap(failhard_benchmark):
    own = [[] for _ in range(1000)]
    assert failhard_benchmark(lambda: 1000 < len(gc.get_objects()) < 50_000)
    assert len(own) == 1000
"""
ALONE = """\
import sys


def pytest_sessionfinish():
    assert not any(name.partition(".")[0] == "pytest_failhard" for name in sys.modules)
"""
SPEED = """\
from app import work


def test_plain(codspeed_benchmark):
    assert codspeed_benchmark(work.total, 10) == 285


def test_pedantic(codspeed_benchmark):
    assert codspeed_benchmark.pedantic(work.total, setup=lambda: ((10,), {})) == 285


def test_used_twice(codspeed_benchmark):
    codspeed_benchmark(work.total, 10)
    codspeed_benchmark(work.total, 10)
"""
STORE = """\
from sqlite3 import connect

EARLY = connect(":memory:")
CLOSED = connect(":memory:")
CLOSED.close()


def fill(connection):
    with connection:
        connection.executemany("INSERT INTO t VALUES (?)", [(1,), (2,)])
    return connection.execute("SELECT count(*) FROM t").fetchone()


def prepared(connection):
    connection.execute("CREATE TABLE t (a)")
    return connection
"""
COUNTS = """\
import pytest
import sqlalchemy

from app import store, work


def test_functions(benchmark):
    benchmark(work.total, 5)


def test_thread(benchmark):
    benchmark(work.in_a_thread)


def test_nothing_of_the_product(benchmark):
    benchmark(lambda: sum(range(10)))


def test_early_connection(benchmark):
    benchmark(store.fill, store.prepared(store.EARLY))


def test_own_connection(benchmark):
    benchmark(store.fill, store.prepared(store.connect(":memory:")))


def test_engine(benchmark):
    def ask():
        sqlalchemy.engine.Engine("postgresql").execute("SELECT 1")
        sqlalchemy.engine.Engine("sqlite").execute("SELECT 1")

    benchmark(ask)


def test_unsteady(benchmark):
    sizes = iter(range(1000))
    benchmark(lambda: work.total(next(sizes)))


def test_memory(benchmark):
    benchmark.pedantic(lambda: len(bytearray(1_000_000)), setup=lambda: None)
"""
# Stands for the package of this name: an engine tells its listeners of each statement.
SQLALCHEMY = {
    "sqlalchemy/__init__.py": "from sqlalchemy import engine, event\n",
    "sqlalchemy/event.py": """\
LISTENERS = []


def contains(target, name, listener):
    return (target, name, listener) in LISTENERS


def listen(target, name, listener):
    LISTENERS.append((target, name, listener))
""",
    "sqlalchemy/engine.py": """\
from types import SimpleNamespace

from sqlalchemy import event


class Engine:
    def __init__(self, dialect):
        self.connection = SimpleNamespace(dialect=SimpleNamespace(name=dialect))

    def execute(self, statement):
        for target, name, listener in event.LISTENERS:
            assert target is Engine and name == "before_cursor_execute"
            listener(self.connection, None, statement, (), None, False)
""",
}
UNMARKED = """\
def test_works(failhard_benchmark):
    failhard_benchmark(sum, [1, 2])
"""
MISMARKED = """\
import pytest


@pytest.mark.failhard_perf(max_regresion=0.1)
def test_marked(failhard_benchmark):
    failhard_benchmark(sum, [1, 2])
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write(tmp_path / "project", PRODUCT)


def run_all(driven: Driven, ids: list[str]) -> dict[str, Message]:
    """Run everything, one batch of three calls each; return what each id was done with."""
    driven.send(run=ids)
    done: dict[str, Message] = {}
    while len(done) < len(ids):
        message = driven.receive()
        assert message is not None, driven.log
        if "ready" in message:
            driven.send(go=3, inject=None)
        elif "batch" in message:
            driven.send(stop=True)
        else:
            done[str(message["done"])] = message
    assert list(done) == ids
    return done


def short(done: Mapping[str, Message]) -> dict[str, Message]:
    return {name.rpartition("::")[2]: message for name, message in done.items()}


def test_every_shape_of_a_benchmark_is_served(project: Path) -> None:
    write(project, {"test_shapes.py": SHAPES, "aspectlib.py": ASPECTLIB})
    options = ("-p", "pytest_asyncio.plugin", "--benchmark-json=out.json")
    with worker(project, *BENCHMARK, *options) as driven:
        ids = driven.collected()
        assert ids[:4] == [
            "test_shapes.py::test_plain",
            "test_shapes.py::test_sizes[few]",
            "test_shapes.py::test_sizes[more [odd::id]]",
            "test_shapes.py::TestGrouped::test_method",
        ]
        done = run_all(driven, ids)
        proof = driven.finish()
    assert {name: each["error"] for name, each in done.items() if each["error"]} == {}
    assert all(
        each["measured"] and each["outcome"] == "passed" and each["peak_rss"] for each in done.values()
    )
    # What pytest-benchmark writes is whole: one round each, of as many iterations as a batch had calls.
    written = json.loads((project / "out.json").read_bytes())
    assert [each["fullname"] for each in written["benchmarks"]] == ids
    assert {(each["stats"]["rounds"], each["stats"]["iterations"]) for each in written["benchmarks"]} == {
        (1, 3)
    }
    assert proof["modules"]


def test_what_went_wrong_is_told(project: Path) -> None:
    hook = "def pytest_collection_modifyitems(items):\n    del items[-1]\n"
    write(project, {"test_trouble.py": TROUBLE, "conftest.py": hook})
    with worker(project, *BENCHMARK) as driven:
        ids = driven.collected()
        done = short(run_all(driven, ids))
        driven.finish()
    outcomes = {name: (each["outcome"], each["phase"], each["measured"]) for name, each in done.items()}
    assert outcomes == {
        "test_wrong": ("failed", "call", True),
        "test_raises": ("failed", "call", False),
        "test_once": ("failed", "call", False),
        "test_once_while_measured": ("failed", "call", False),
        "test_missing": ("failed", "call", False),
        "test_skipped": ("skipped", "setup", False),
        "test_broken_fixture": ("failed", "setup", False),
        "test_unused": ("passed", "call", False),
        "test_used_twice": ("failed", "call", True),
        "test_coroutine": ("passed", "call", False),
        "test_generator": ("passed", "call", False),
        "test_asynchronous_generator": ("passed", "call", False),
        "test_taken_out": ("skipped", "collect", False),
    }
    errors = {name: each["error"] for name, each in done.items() if isinstance(each["error"], dict)}
    assert {name: error["type"] for name, error in errors.items()} == {
        "test_wrong": "AssertionError",
        "test_raises": "TypeError",
        "test_once": "IndexError",
        "test_once_while_measured": "IndexError",
        "test_missing": "AttributeError",
        "test_skipped": "Skipped",
        "test_broken_fixture": "OSError",
        "test_used_twice": "UsedTwiceError",
        "test_taken_out": "LookupError",
    }
    assert [name for name, each in done.items() if each["repeat"]] == [
        "test_once",
        "test_once_while_measured",
    ]
    assert errors["test_once"]["message"] == "the target cannot be repeated, give setup=: pop from empty list"
    missing = errors["test_missing"]
    assert (missing["name"], missing["owner"]) == ("newer", "app.work")
    assert {name: each["lazy"] for name, each in done.items() if each["lazy"]} == {
        "test_coroutine": "coroutine",
        "test_generator": "generator",
        "test_asynchronous_generator": "async generator",
    }


def test_clocks_of_a_thread_of_a_child_and_of_waiting(project: Path) -> None:
    write(project, {"test_clocks.py": CLOCKS})
    cpus = sorted(os.sched_getaffinity(0))
    with worker(project, cpu=str(cpus[-1])) as driven:
        hello = driven.about("hello")
        assert (hello["affinity"], hello["plugin"]) == ([cpus[-1]], "failhard_benchmark")
        assert ("sys.gettrace" in str(hello["traced"])) == bool(measuring())
        lines = driven.expect("collected")["collected"]
        assert isinstance(lines, list)
        assert lines[-2] == {
            "id": "test_clocks.py::test_everywhere",
            "path": "test_clocks.py",
            "max_regression": "0.05",
            "budget_ms": "5",
            "pin": False,
            "clock": ["wall"],
        }
        driven.send(run=[each["id"] for each in lines])
        taken = {}
        for each in lines:
            (taken[each["id"].partition("::")[2]],) = driven.measure(2)
            assert driven.expect("done")["error"] is None, driven.log
        driven.finish()
    # Another processor may be used by one alone, and then it is over.
    unknown = [name for name, batch in taken.items() if batch["adj"] is None]
    assert unknown == ["test_thread", "test_child", "test_everywhere"]
    thread, child, waiting, everywhere, _ = (numbers(batch) for batch in taken.values())
    assert thread["cpu"] >= 2_000_000
    assert child["children"] > child["cpu"]
    assert waiting["adj"] > waiting["cpu"]
    assert everywhere["cpu"] >= 2_000_000


def test_it_starts_at_home_and_comes_to_be_measured_with_all_its_threads(project: Path) -> None:
    write(project, {"test_places.py": PLACES})
    with worker(project, cpu=str(MEASURED), environment={"FAILHARD_HOME": f"{HOME:05d}"}) as driven:
        assert driven.about("hello")["affinity"] == [HOME]
        driven.expect("collected")
        driven.send(run=["test_places.py::test_where"])
        assert driven.expect("ready")["affinity"] == [MEASURED]
        driven.send(go=1, inject=None)
        driven.expect("batch")
        driven.send(stop=True)
        assert driven.expect("done")["error"] is None
        assert driven.finish()["affinity"] == [MEASURED]


def test_what_imports_made_is_looked_through_by_no_collection(project: Path) -> None:
    write(project, {"test_crowded.py": CROWDED})
    with worker(project) as driven:
        driven.send(run=driven.collected())
        driven.measure(1)
        assert driven.expect("done")["error"] is None
        driven.finish()


def numbers(batch: Message) -> dict[str, int]:
    assert list(batch) == ["wall", "cpu", "children", "delay", "adj"]
    return {name: value for name, value in batch.items() if isinstance(value, int)}


def test_codspeed_is_served(project: Path) -> None:
    write(project, {"test_speed.py": SPEED})
    with worker(project, *CODSPEED) as driven:
        hello = driven.about("hello")
        assert str(hello["plugin"]).startswith("pytest-codspeed ")
        lines = driven.expect("collected")["collected"]
        assert isinstance(lines, list)
        done = short(run_all(driven, [each["id"] for each in lines]))
        driven.finish()
    outcomes = {name: (each["outcome"], each["measured"]) for name, each in done.items()}
    assert outcomes == {
        "test_plain": ("passed", True),
        "test_pedantic": ("passed", True),
        "test_used_twice": ("failed", True),
    }


def test_one_call_is_counted(project: Path) -> None:
    write(project, {"test_counts.py": COUNTS, "app/store.py": STORE, **SQLALCHEMY})
    with worker(project, *BENCHMARK) as driven:
        ids = driven.collected()
        driven.send(count=ids)
        counted = {}
        for name in ids:
            message = driven.expect("counted")
            counted[name.rpartition("::")[2]] = message
            assert driven.expect("done")["error"] is None, driven.log
        driven.finish()
    assert counted["test_functions"]["functions"] == {
        "app/work.py::square": 5,
        "app/work.py::total": 1,
        "app/work.py::total.<locals>.<genexpr>": 6,
    }
    assert counted["test_thread"]["functions"] == {"app/work.py::burn": 1, "app/work.py::in_a_thread": 1}
    assert counted["test_nothing_of_the_product"]["functions"] == {}
    statements = {name: message["sql"] for name, message in counted.items() if message["sql"]}
    # BEGIN, two INSERT, COMMIT, SELECT, whoever opened the connection, and when.
    assert statements == {"test_early_connection": 5, "test_own_connection": 5, "test_engine": 1}
    assert [name for name, message in counted.items() if not message["steady"]] == ["test_unsteady"]
    memory = counted["test_memory"]["memory"]
    assert isinstance(memory, int)
    assert 1_000_000 < memory < 1_010_000
    opcodes = {message["opcodes"] is None for message in counted.values()}
    assert opcodes == {sys.version_info < (3, 12)}


def test_what_cannot_be_collected_is_told_and_the_rest_is_served(project: Path) -> None:
    write(project, {"test_broken.py": "from app import newer\n", "test_works.py": UNMARKED})
    write(project, {"test_unfinished.py": "def test(:\n", "sub/test_attribute.py": "import app\napp.newer\n"})
    write(project, {"test_marked.py": MISMARKED})
    with worker(project) as driven:
        driven.expect("hello")
        message = driven.expect("collected")
        lines, errors = message["collected"], message["errors"]
        assert isinstance(lines, list)
        assert isinstance(errors, list)
        assert [each["id"] for each in lines] == ["test_marked.py::test_marked", "test_works.py::test_works"]
        told = {each["file"]: (each["type"], each["name"], each["owner"]) for each in errors}
        run_all(driven, ["test_works.py::test_works"])
        proof = driven.finish()
    assert told == {
        "test_broken.py": ("ImportError", "app", "app"),
        "test_unfinished.py": ("SyntaxError", "", ""),
        "sub/test_attribute.py": ("AttributeError", "newer", "app"),
        "test_marked.py": ("UsageError", "", ""),
    }
    assert "test_marked: failhard_perf: has no max_regresion" in str(errors)
    harness = proof["harness"]
    assert isinstance(harness, dict)
    assert {"test_marked.py", "test_works.py"} <= harness.keys()


def test_a_conftest_that_cannot_be_imported_is_told(project: Path) -> None:
    write(project, {"conftest.py": "import app.newer\n", "test_works.py": UNMARKED})
    with worker(project) as driven:
        driven.expect("hello")
        message = driven.expect("collected")
        driven.send(stop=True)
        driven.finish()
        assert ended(driven) == pytest.ExitCode.USAGE_ERROR
    errors = message["errors"]
    assert isinstance(errors, list)
    told = [(each["file"], each["type"], each["name"], each["owner"]) for each in errors]
    assert (message["collected"], told) == ([], [("conftest.py", "ModuleNotFoundError", "app.newer", "")])


def test_the_proof_shows_which_code_ran(project: Path) -> None:
    helper = {"helpers.py": "", "conftest.py": "import helpers\n", "test_works.py": UNMARKED}
    other = write(project.parent / "other", {"apple/__init__.py": "", "lib-2.0.dist-info/METADATA": ""})
    write(project, {**helper, "sub/conftest.py": "", "sub/test_more.py": "import app, apple\n" + UNMARKED})
    write(project, {"own-1.0.egg-info/PKG-INFO": ""})
    roots = {"PYTHONPATH": f"{project}:{other}"}
    with worker(project, "--import-mode=importlib", product=("app", "apple"), environment=roots) as driven:
        hello = driven.about("hello")
        driven.expect("collected")
        driven.send(stop=True)
        proof = driven.finish()
    empty = hashlib.sha256(b"").hexdigest()
    modules, harness = proof["modules"], proof["harness"]
    assert isinstance(modules, dict)
    assert isinstance(harness, dict)
    assert modules["app"] == ["app/__init__.py", empty]
    assert modules["apple"] == [str(other / "apple" / "__init__.py"), empty]
    assert modules["helpers"] == ["helpers.py", empty]
    assert set(harness) == {
        "helpers.py",
        "conftest.py",
        "sub/conftest.py",
        "test_works.py",
        "sub/test_more.py",
    }
    assert proof["seed"] == hello["seed"] == "7"
    assert "safe_path=True" in str(proof["flags"])
    path = proof["path"]
    assert isinstance(path, list)
    assert path[:2] == [str(project), str(other)]


def test_nobody_is_left_to_measure_for(project: Path) -> None:
    write(project, {"test_works.py": UNMARKED})
    with worker(project) as waiting:
        waiting.send(run=waiting.collected())
        waiting.expect("ready")
        waiting.leave()
        assert ended(waiting) == GONE


def test_nobody_is_left_to_tell(project: Path) -> None:
    write(project, {"test_works.py": UNMARKED})
    with worker(project) as writing:
        writing.collected()
        writing.deafen()
        writing.send(run=["test_works.py::test_works"])
        assert ended(writing) == GONE


def test_a_plugin_of_another_shape_is_refused(project: Path) -> None:
    fixture = "class BenchmarkFixture:\n    def _raw(self, function, *args): pass\n"
    write(project, {"pytest_benchmark/__init__.py": "", "pytest_benchmark/fixture.py": fixture})
    write(
        project,
        {"pytest_benchmark/plugin.py": "import pytest_benchmark.fixture\n", "test_works.py": UNMARKED},
    )
    metadata = "Metadata-Version: 2.1\nName: pytest-benchmark\nVersion: 5.9\n"
    write(project, {"pytest_benchmark-5.9.dist-info/METADATA": metadata})
    with worker(project, "-p", "pytest_benchmark.plugin") as driven:
        hello = driven.about("hello")
        assert driven.receive() is None
        assert ended(driven) == pytest.ExitCode.USAGE_ERROR
        assert "benchmark-plugin-unsupported" in driven.log
    unsupported = "pytest-benchmark 5.9: _raw of its fixture has other parameters"
    assert (hello["plugin"], hello["unsupported"]) == ("failhard_benchmark", unsupported)


def test_a_copy_stands_alone_and_names_who_watches_every_step(project: Path) -> None:
    copy_worker(project.parent / "serve")
    watching = "import sys\nsys.setprofile(lambda *_: None)\n"
    write(project, {"test_works.py": UNMARKED, "conftest.py": watching + ALONE})
    roots = {"PYTHONPATH": f"{project}:{project.parent / 'serve'}"}
    with worker(project, plugin=WORKER, environment=roots) as driven:
        assert "sys.getprofile" in str(driven.about("hello")["traced"])
        driven.expect("collected")
        driven.send(run=["test_works.py::test_works"])
        assert "sys.getprofile" in str(driven.expect("ready")["traced"])
        driven.send(stop=True)
        assert driven.expect("done")["error"] is None
        driven.finish()
        assert ended(driven) == 0, driven.log
