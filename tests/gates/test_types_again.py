"""Tests of what the gate `types` takes from an earlier run: never more than what still holds."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import sqlite3
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_failhard.gates.types import TypesGate, TypesSettings, memory, tree
from pytest_failhard.gates.types.facts import Facts
from pytest_failhard.model import GateError, Memory, Observation, Settings
from pytest_failhard.source import files
from tests.conftest import Script
from tests.size import in_full, some
from tests.support import FakeTools, gate_run, observe, write

STRICT = TypesSettings(flags=["--strict"])
NUMBER = "def give() -> int:\n    return 10\n"
TEXT = "def give() -> str:\n    return ''\n"
USER = "from app.giving import give\n\nnumber: int = give()\n"
Seen = Observation | str


@dataclass(kw_only=True)
class Runs:
    """Runs of the gate over one project, each with what the one before left."""

    root: Path
    source: tuple[str, ...] = ("app",)
    kept: Memory = field(default_factory=Memory)
    number: int = 0
    reread: frozenset[str] = frozenset()
    """The modules that mypy looked at in the last run, as it tells by their times."""

    def run(self, options: TypesSettings = STRICT) -> Observation:
        """Run the gate with what was left; what it leaves is for the next run."""
        files.look_up.cache_clear()
        files.parsed.cache_clear()
        self.number += 1
        gate = TypesGate()
        scratch = self.root.parent / f"run-{self.number}"
        run = gate_run(self.root, gate, scratch=scratch, settings=options, source=self.source)
        run.memory.earlier = self.kept.left
        self.kept = Memory(left=self.kept.left)
        observation = observe(run, gate)
        self.kept.left = run.memory.left or self.kept.left
        lines = (scratch / "finished.txt").read_text().splitlines()
        self.reread = frozenset(name for name, _, spent in map(_split, lines) if spent != "0")
        shutil.rmtree(scratch)
        return observation

    def seen(self, options: TypesSettings = STRICT) -> Seen:
        """Return the observation, or the error's text."""
        try:
            return self.run(options)
        except GateError as error:
            return f"error: {str(error).partition(':')[0]}"

    def cold(self, options: TypesSettings = STRICT) -> Seen:
        """Return what a run sees that knows of none before."""
        return Runs(root=self.root, source=self.source, number=self.number + 10_000).seen(options)

    def write(self, changed: Mapping[str, str]) -> None:
        """Write files, all in the same second of long ago."""
        write(self.root, changed)
        for path in changed:
            os.utime(self.root / path, (1_000_000_000, 1_000_000_000))


def _split(line: str) -> tuple[str, str, str]:
    return line.rpartition(" ")


def rules(observation: Observation) -> list[tuple[str, str, int]]:
    return [(finding.rule, finding.path, finding.line) for finding in observation.findings]


@dataclass(frozen=True, kw_only=True)
class First:
    """What the first run over the usual project saw, looked at and left."""

    seen: Observation
    reread: frozenset[str]
    left: bytes | None


USUAL = {"app/__init__.py": "", "app/giving.py": NUMBER, "app/user.py": USER, "app/odd.py": "x: int = ''\n"}


@pytest.fixture(scope="session")
def first(tmp_path_factory: pytest.TempPathFactory) -> First:
    made = Runs(root=tmp_path_factory.mktemp("first") / "p")
    made.write(USUAL)
    return First(seen=made.run(), reread=made.reread, left=made.kept.left)


@pytest.fixture
def runs(tmp_path: Path, first: First) -> Runs:
    """Return the usual project after its first run, in another place."""
    made = Runs(root=tmp_path / "p", kept=Memory(left=first.left))
    made.write(USUAL)
    return made


def test_only_what_changed_is_looked_at_and_the_answer_is_that_of_a_first_run(
    runs: Runs, first: First
) -> None:
    assert rules(first.seen) == [("assignment", "app/odd.py", 1)]
    assert {"app.odd", "app.user", "builtins"} <= first.reread
    assert runs.run() == first.seen
    assert not runs.reread & {"app.odd", "app.user", "app.giving", "builtins"}
    runs.write({"app/giving.py": NUMBER.replace("1", "2")})
    assert runs.run() == first.seen
    assert runs.reread & {"app.odd", "app.user", "app.giving", "builtins"} == {"app.giving"}


def test_other_bytes_of_the_same_size_and_second_are_seen_in_who_uses_them(runs: Runs) -> None:
    wrong = [("assignment", "app/odd.py", 1), ("assignment", "app/user.py", 3)]
    assert len(TEXT) == len(NUMBER)
    # mypy by itself takes it for the file that it knows.
    runs.write({"app/giving.py": TEXT})
    assert rules(runs.run()) == wrong
    runs.write({"app/giving.py": NUMBER})
    assert rules(runs.run()) == wrong[:1]
    runs.write({"app/odd.py": "x: int = 42\n"})
    assert rules(runs.run()) == []


STEPS: list[tuple[dict[str, str | None], list[tuple[str, str, int]]]] = [
    # Gone, and there again as a folder: whoever imports it is judged anew.
    ({"app/giving.py": None}, [("import-not-found", "app/user.py", 1)]),
    ({"app/giving/__init__.py": TEXT}, [("assignment", "app/user.py", 3)]),
    ({"app/giving/__init__.py": None, "app/giving.py": NUMBER}, []),
    # Renamed, with a second user of the old name that mypy has no reason to read again.
    (
        {"app/late.py": "from app import late_giving\n\nnumber: int = late_giving.give()\n"},
        [("attr-defined", "app/late.py", 1)],
    ),
    ({"app/late_giving.py": TEXT}, [("assignment", "app/late.py", 3)]),
    ({"app/late_giving.py": None, "app/late.py": None}, []),
    # A stub beside a file that the product only imports.
    ({"more/help.py": NUMBER, "app/user.py": "import more.help\n\nnumber: int = more.help.give()\n"}, []),
    ({"more/help.pyi": "def give() -> str: ...\n"}, [("assignment", "app/user.py", 3)]),
    ({"more/help.pyi": None}, []),
    # A file of the project that hides an installed package.
    (
        {"app/user.py": "from click import nobody_has_this as n\n\nnumber: int = n\n"},
        [("assignment", "app/user.py", 3)],
    ),
    ({"click.py": "nobody_has_this = 1\n"}, []),
]


def test_what_appears_and_goes_changes_the_files_that_name_it(runs: Runs) -> None:
    runs.write({"app/odd.py": ""})
    for changed, expected in STEPS:
        for path in [path for path, text in changed.items() if text is None]:
            (runs.root / path).unlink()
            if not any((runs.root / path).parent.iterdir()):
                (runs.root / path).parent.rmdir()
        runs.write({path: text for path, text in changed.items() if text is not None})
        assert rules(runs.run()) == expected, changed


def test_a_file_that_moves_to_another_root_is_judged_there(runs: Runs) -> None:
    runs.source = ("one/app", "two/lib")
    runs.write({"one/app/__init__.py": "", "one/app/user.py": "from lib.a import give\n\nx: int = give()\n"})
    runs.write({"two/lib/__init__.py": "", "two/lib/a.py": NUMBER, "one/lib/old.py": ""})
    assert rules(runs.run()) == []
    (runs.root / "two/lib/a.py").rename(runs.root / "two/lib/b.py")
    runs.write({"two/lib/__init__.py": "from lib.b import give as give\n"})
    assert rules(runs.run()) == [("import-not-found", "one/app/user.py", 1)]
    shutil.move(runs.root / "two", runs.root / "three")
    runs.source = ("one/app", "three/lib")
    runs.write({"one/app/user.py": "from lib import give\n\nx: int = give()\n"})
    assert rules(runs.run()) == []


def test_other_settings_begin_anew_and_so_does_a_project_with_a_linked_folder(runs: Runs) -> None:
    runs.write({"app/odd.py": "def bare(x):\n    return x\n"})
    assert rules(runs.run()) == [("no-untyped-def", "app/odd.py", 1)]
    assert rules(runs.run(TypesSettings())) == []
    assert "builtins" in runs.reread
    (runs.root / "app" / "linked").symlink_to(runs.root / "app", target_is_directory=True)
    before = runs.kept.left
    assert rules(runs.run()) == [("no-untyped-def", "app/odd.py", 1)]
    assert ("builtins" in runs.reread, runs.kept.left is before) == (True, True)


def packed(stores: Mapping[str, bytes], terms: tuple[str, ...] = ()) -> bytes:
    return memory.dump(memory.Memory(terms=terms, stores=stores))


WHOLE = memory.Memory(
    terms=("mypy 1", "."),
    tree=tree.Tree(files={"a.py": "1"}, folders=frozenset({"b"})),
    sources={"a.py": "1"},
    facts={
        "a.py": Facts(imports=("os",), untyped=1, suppressions=2, unchecked=((3, "# mypy: ignore-errors"),))
    },
    stores={"3.11/cache.0.db": b"one", "3.11/cache.1.db": b"two"},
)


def test_what_was_left_is_what_is_read() -> None:
    assert memory.load(memory.dump(WHOLE)) == WHOLE
    assert memory.load(None) == memory.Memory()
    large = dataclasses.replace(WHOLE, stores={"3.11/cache.db": bytes(memory.LIMIT_BYTES + 1)})
    assert memory.load(memory.dump(large)) == dataclasses.replace(WHOLE, terms=(), stores={})


@given(st.data())
def test_damaged_bytes_are_nothing_or_nothing_worse(data: st.DataObject) -> None:
    whole = memory.dump(WHOLE)
    assert memory.load(whole[: data.draw(st.integers(0, len(whole) - 1))]) == memory.Memory()
    flipped = bytearray(whole)
    flipped[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert all("/cache" in name for name in memory.load(bytes(flipped)).stores)
    assert memory.load(data.draw(st.binary())) == memory.Memory()
    assert memory.load(whole.replace(b'"mypy 1"', b"12345678")) == memory.Memory()


@pytest.mark.parametrize(
    "name",
    [
        "../cache.db",
        "/3.11/cache.db",
        "3.11/../cache.db",
        "3.11/cache.db/x",
        "3.11/mypy.ini",
        "roots/0/app/a.py",
    ],
)
def test_a_name_that_is_no_database_is_not_written(name: str) -> None:
    assert memory.load(packed({name: b"x"})) == memory.Memory()


def database(rows: Mapping[str, bytes], table: str = "files2") -> bytes:
    with closing(sqlite3.connect(":memory:")) as made:
        made.execute(f"CREATE TABLE {table} (path TEXT UNIQUE NOT NULL, mtime REAL, data BLOB)")
        made.executemany(f"INSERT INTO {table} VALUES (?, 1.0, ?)", rows.items())
        made.commit()
        return made.serialize()


DAMAGED = {
    "no database": b"no database",
    "another table": database({}, "other"),
    "crash": database({"app/odd.meta.ff": b"\0"}),
}


@pytest.mark.parametrize("damaged", some(DAMAGED, "no database", "crash").values())
def test_a_cache_that_mypy_cannot_use_costs_only_time(runs: Runs, first: First, damaged: bytes) -> None:
    left = memory.load(runs.kept.left)
    name = min(left.stores)
    stores = {name: damaged} if b"odd" not in damaged else dict.fromkeys(left.stores, damaged)
    runs.kept.left = memory.dump(memory.Memory(**{**vars(left), "stores": stores}))
    assert runs.run() == first.seen


Step = tuple[str, object]
LISTED: Step = ("write", ["finished.txt", b"app.a 1\n".hex()])


def stored(cache: bytes) -> Step:
    return "write", ["cache/3.11/cache.db", cache.hex()]


def scripted(root: Path, tools: FakeTools, earlier: bytes | None = None, seconds: float = 60) -> str:
    """Return the error of the gate on a mypy that follows a script."""
    gate = TypesGate()
    run = gate_run(root, gate, executable=tools.executable, packages=tools.packages, seconds=seconds)
    run.memory.earlier = earlier
    with pytest.raises(GateError) as raised:
        gate.observe(run)
    assert run.memory.left is None
    return str(raised.value)


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([LISTED], "mypy did not note that it read 1 of 1 files as they are, first app/a.py"),
        ([LISTED, stored(database({"app/a.meta.ff": b"0" * 40}))], "mypy did not note that it read 1 of 1"),
        ([LISTED, stored(b"no database")], "mypy left an unreadable cache: cache.db"),
        ([("write", ["finished.txt", b"app 1\n".hex()])], "mypy did not check 1 of 1 modules, first app.a"),
        ([], "mypy left no list of modules, so it did not finish"),
    ],
    ids=["no notes", "other bytes", "unreadable", "another module", "no list"],
)
def test_a_mypy_that_proves_nothing_is_an_error(
    tmp_path: Path, script: Script, steps: list[Step], said: str
) -> None:
    root = write(tmp_path / "p", {"app/a.py": NUMBER})
    tools = script(("out", b"\n".hex()), *steps, ("exit", 0))
    assert scripted(root, tools).startswith(said)


def test_an_error_elsewhere_is_an_error_of_the_gate(tmp_path: Path, script: Script) -> None:
    root = write(tmp_path / "p", {"app/a.py": NUMBER})
    digest = hashlib.sha1(NUMBER.encode(), usedforsecurity=False).hexdigest().encode()
    usual = {"line": 1, "column": 0, "message": "m", "hint": None, "code": "misc", "severity": "error"}
    out = json.dumps({"file": "roots/9/a.py", **usual}).encode() + b"\n"
    noted = stored(database({"app/a.meta.ff": digest}))
    tools = script(("out", out.hex()), LISTED, noted, ("exit", 1))
    assert scripted(root, tools) == "mypy reports roots/9/a.py, which is not in the project"
    with pytest.raises(GateError, match="types: settings are Settings, not TypesSettings"):
        TypesGate().observe(gate_run(root, TypesGate(), settings=Settings()))


def test_a_mypy_that_uses_up_the_time_is_not_started_again(tmp_path: Path, script: Script) -> None:
    root = write(tmp_path / "p", {"app/a.py": NUMBER})
    left = packed({"3.11/cache.db": database({})}, ("mypy 99.0", sys.executable, ".", "with"))
    assert "raise the rule's timeout" in scripted(root, script(("hang", 0)), left, seconds=0.5)


def test_a_folder_is_listed_once_and_one_that_is_not_there_not_at_all(runs: Runs) -> None:
    before = tree.look(runs.root, ["."], {})
    assert tree.look(runs.root, [".", "app"], {}) == before
    runs.write({"app/__pycache__/user.pyc": "", "app/notes.txt": "", "no-name/a.py": ""})
    assert tree.look(runs.root, ["."], {}) == before
    assert tree.look(runs.root, ["absent"], {}) is None
    assert before is not None
    odd = tree.Tree(files={**before.files, "app/\udcff.py": "1"}, folders=before.folders)
    assert tree.compared(runs.root, odd, before).touched == {"app/\udcff.py"}


def test_a_source_that_cannot_be_read_is_an_error(runs: Runs) -> None:
    (runs.root / "app" / "gone.py").symlink_to("nowhere.py")
    with pytest.raises(GateError, match=r"unreadable-source: app/gone.py: cannot be read"):
        runs.run()


def test_functions_without_annotations_are_counted_where_mypy_counts_them(runs: Runs) -> None:
    code = """
import sys
def bare(x):
    def within(y): ...
def commented(x):
    # type: (int) -> int
    return x
def typed(*x: int): ...
class A:
    def __init__(self): ...
    async def told(self) -> None: ...
    if sys.version_info > (3,):
        def one(self, *, y=1, **z: int): ...
    else:
        def other(self, y, /): ...
try:
    def tried(): ...
except ImportError:
    def tried(): ...
match 1:
    case 1:
        def matched(): ...
"""
    runs.write({"app/odd.py": code})
    assert runs.run().measures["untyped_defs"] == 6


CONTENTS = [
    "",
    "def f(x: int) -> int:\n    return x\n",
    "def f(x: str) -> str:\n    return x\n",
    "class C:\n    y: int = 1\n\n    def m(self) -> int:\n        return self.y\n",
    "class C:\n    y: str = ''\n\n    def m(self) -> str:\n        return self.y\n",
    "from app.a import f\n\nx: int = f(1)\n",
    "from app import a\n\nz: int = a.f(1)\n",
    "from app.a import *\nfrom app.b import *\n",
    "from app.b import C as D\n\n\nclass E(D):\n    def m(self) -> int:\n        return 1\n",
    "import app.sub.d\n\nq: int = app.sub.d.f(2)\n",
    "from . import b\n\nw = b.C().y + 1\n",
    "def __getattr__(name: str) -> int: ...\n",
    "from app import sub as s\n\nv: int = s.f(1)  # type: ignore[attr-defined]\n",
    "import absent_x\nimport top\n\nx = top.f('')\n",
    "from app.a import f as f\nfrom app.b import C as C\n",
    "from typing import Final\n\nX: Final = 3\n",
    "from typing import Literal\n\nfrom app.a import X\n\nk: Literal[3] = X\n",
    "from app.b import E\n\nn: int = E().m() + E().y\n",
    "import app.a as a\n\n\ndef g():\n    return a.f(1)\n\n\nC = a\n",
    "def broken(:\n",
]
PATHS = [
    *("app/__init__.py", "app/a.py", "app/b.py", "app/sub/__init__.py", "app/sub/d.py", "app/a.pyi"),
    *("top.py", "top.pyi", "top/__init__.py", "app/a/__init__.py"),
]
EDITS = st.lists(
    st.tuples(st.sampled_from(PATHS), st.one_of(st.none(), st.sampled_from(CONTENTS))), max_size=3
)


@in_full
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(st.lists(EDITS, min_size=2, max_size=5))
def test_after_any_edits_it_sees_what_a_first_run_sees(
    tmp_path_factory: pytest.TempPathFactory, edits: list[list[tuple[str, str | None]]]
) -> None:
    runs = Runs(root=tmp_path_factory.mktemp("edits") / "p")
    runs.write({"app/a.py": CONTENTS[1], "app/b.py": CONTENTS[5], "app/keep.py": ""})
    for step in edits:
        for path, text in step:
            if text is not None:
                runs.write({path: text})
            elif (runs.root / path).exists():
                (runs.root / path).unlink()
        assert runs.seen() == runs.cold()
