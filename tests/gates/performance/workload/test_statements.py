"""SQL statements of a workload are counted in runs of their own, in every process, without their text."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_failhard.gates.performance.counters import Count
from pytest_failhard.gates.performance.declaration import Workload
from pytest_failhard.gates.performance.samples import Counts
from pytest_failhard.gates.performance.workload.ceilings import NO_FILE, statements
from pytest_failhard.gates.performance.workload.statements import install
from pytest_failhard.gates.performance.workload.workplace import uses_sql
from pytest_failhard.gates.performance.workloads import observe_workloads
from pytest_failhard.model import GateError
from tests.gates.performance.jobs import PROJECT, enforced, run_of, trees
from tests.support import Kept, write

JOB = """
import os, sqlite3
connection = sqlite3.connect("state.db")
connection.execute("create table items (id text)")
connection.executemany("insert into items values (?)", [(str(n),) for n in range(5)])
connection.commit()
os.makedirs("out", exist_ok=True)
with open("out/done", "w") as out:
    for (name,) in connection.execute("select id from items").fetchall():
        connection.execute("select * from items where id = ?", (name,)).fetchall()  # ONE EACH
        print(name, file=out)
"""
WORKLOAD = Workload(id="rows", kind="job", start=("python", "app.py"), items=5, done="out/done")
SETTINGS = replace(enforced(WORKLOAD), enforce=("workloads",))


def counted(folder: Path, job: str, keep: Kept | None = None) -> tuple[Count, ...]:
    found = trees(folder, {**PROJECT, "app.py": job})
    run = run_of(folder, SETTINGS, keep=keep)
    try:
        return observe_workloads(run, SETTINGS, found).counts
    finally:
        run.close()


def test_a_query_for_each_row_is_seen(tmp_path: Path) -> None:
    keep = Kept()
    (each,) = counted(tmp_path / "each", JOB, keep)
    # One to create, a BEGIN, five to insert, a COMMIT, one for all, and one for each.
    assert (each.counter, each.value) == ("sql_statements", 14)
    assert b'"sql_statements": 14' in keep.files["workloads/rows.jsonl"]
    once = "\n".join(line for line in JOB.splitlines() if "ONE EACH" not in line)
    assert counted(tmp_path / "once", once)[0].value == 9


def test_what_nobody_says_twice_alike_is_an_error(tmp_path: Path) -> None:
    drawn = JOB.replace("range(5)", "range(5 + os.getpid() % 1000)").replace("fetchall():", "fetchmany(5):")
    with pytest.raises(GateError, match="counter-not-deterministic: workload rows: sql_statements"):
        counted(tmp_path, drawn)


def test_it_counts_until_it_is_undone(tmp_path: Path) -> None:
    path = tmp_path / "count"
    undo = install(str(path))
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("select 1")
    finally:
        connection.close()
        undo()
    sqlite3.connect(":memory:").close()
    assert path.read_bytes() == b"."


def test_a_sitecustomize_of_the_project_still_runs(tmp_path: Path) -> None:
    source = Path(install.__code__.co_filename).read_text("utf-8")
    start = f"{source}\n\nstart({str(tmp_path / 'count')!r})\n"
    write(tmp_path, {"ours/sitecustomize.py": start, "theirs/sitecustomize.py": "print('theirs')"})
    done = subprocess.run(
        [sys.executable, "-c", "import sqlite3; sqlite3.connect(':memory:').execute('select 1')"],
        env={"PYTHONPATH": f"{tmp_path / 'ours'}:{tmp_path / 'theirs'}"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert (done.stdout, (tmp_path / "count").read_bytes()) == ("theirs\n", b".")


def test_only_who_speaks_of_a_database_is_counted(tmp_path: Path) -> None:
    assert not uses_sql(write(tmp_path / "a", PROJECT))
    assert uses_sql(write(tmp_path / "b", {"app.py": "from sqlalchemy import text"}))
    assert not uses_sql(write(tmp_path / "c", {"node_modules/a.py": "import sqlite3", "a.txt": "sqlite3"}))


def test_statements_of_benchmarks_need_no_ceiling() -> None:
    steady, unsteady = Counts(memory=0, functions={}, sql=3), Counts(memory=0, functions={}, steady=False)
    found = statements(
        {
            "tests/a.py::test_x": {"head": steady, "base": steady},
            "tests/b.py::test_y": {"head": steady},
            "tests/b.py::test_z": {"head": unsteady},
            "tests/b.py::test_gone": {"base": steady},
        },
        {"tests/a.py": "a" * 64},
    )
    assert [(each.case, each.value, each.base, each.harness, each.demanded) for each in found] == [
        ("tests/a.py::test_x", 3, 3, "a" * 64, False),
        ("tests/b.py::test_y", 3, None, NO_FILE, False),
    ]
