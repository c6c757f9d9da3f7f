"""Imports that are known from an earlier run are those that would be read now."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_failhard.distributions import imports
from pytest_failhard.distributions.imports import Import
from pytest_failhard.distributions.known_imports import KnownImports
from pytest_failhard.gates.dependencies import DependenciesGate
from pytest_failhard.model import GateError, Memory
from pytest_failhard.source import files
from pytest_failhard.source.files import SourceFile
from tests.distributions.fake_site import MARKERS
from tests.size import FULL
from tests.support import gate_run, write

APP, TEST = SourceFile(path="app.py", role="product"), SourceFile(path="test_app.py", role="test")
CODE = """\
import sys, a.b
from c import d, e
from g import *
if TYPE_CHECKING:
    import f
try:
    import h
except ImportError:
    import i
if sys.platform == "win32":
    import j
__import__("k.l")
"""


def read(root: Path, memory: Memory, *asked: SourceFile, **markers: str) -> tuple[Import, ...]:
    """Read as a process of its own does."""
    files.parsed.cache_clear()
    known = KnownImports(gate_run(root, DependenciesGate(), memory=memory), {**MARKERS, **markers})
    found = known.read(asked)
    known.leave()
    return found


def later(memory: Memory) -> Memory:
    return Memory(earlier=memory.left or memory.earlier)


def plainly(root: Path, *asked: SourceFile, **markers: str) -> tuple[Import, ...]:
    files.parsed.cache_clear()
    return imports.read(root, asked, {**MARKERS, **markers})


def test_all_that_an_import_is_comes_back(tmp_path: Path) -> None:
    write(tmp_path, {"app.py": CODE, "test_app.py": "import a\n"})
    memory = Memory()
    first = read(tmp_path, memory, APP, TEST)
    assert first == plainly(tmp_path, APP, TEST)
    assert {each.asked for each in first} == {"sys", "a.b", "c.d", "c.e", "g", "f", "h", "i", "k.l", "a"}
    known = later(memory)
    # Nothing is parsed: a tree that is not there could not be.
    assert read(tmp_path, known, APP, TEST) == first
    assert files.parsed.cache_info().misses == 0
    assert known.left is None


def test_a_file_is_known_by_its_bytes_its_path_and_its_role_and_by_the_target(tmp_path: Path) -> None:
    write(tmp_path, {"app.py": CODE})
    memory = Memory()
    read(tmp_path, memory, APP)
    known = later(memory)
    state = (tmp_path / "app.py").stat()
    write(tmp_path, {"app.py": CODE.replace("import h", "import z"), "moved.py": CODE})
    os.utime(tmp_path / "app.py", ns=(state.st_atime_ns, state.st_mtime_ns))
    assert "z" in {each.asked for each in read(tmp_path, known, APP)}
    moved = SourceFile(path="moved.py", role="product")
    assert {each.path for each in read(tmp_path, later(memory), moved)} == {"moved.py"}
    other = SourceFile(path="app.py", role="script")
    assert {each.role for each in read(tmp_path, later(memory), other)} == {"script"}
    assert "j" in {each.asked for each in read(tmp_path, later(memory), APP, sys_platform="win32")}
    # What is gone is not carried on.
    shrunk = later(memory)
    assert read(tmp_path, shrunk) == ()
    write(tmp_path, {"app.py": "x = (\n"})
    with pytest.raises(GateError, match=r"unreadable-source: app.py:1: does not parse"):
        read(tmp_path, later(shrunk), APP)


def test_what_cannot_be_read_or_parsed_is_said_and_not_left(tmp_path: Path) -> None:
    write(tmp_path, {"app.py": CODE, "test_app.py": "x = (\n"})
    gone = SourceFile(path="gone.py", role="product")
    memory = Memory()
    read(tmp_path, memory, APP)
    known = KnownImports(gate_run(tmp_path, DependenciesGate(), memory=later(memory)), MARKERS)
    assert known.readable([APP, TEST, gone]) == (APP,)
    with pytest.raises(GateError, match=r"gone.py: cannot be read: No such file.*; test_app.py:1: does not"):
        known.read([APP, gone, TEST])
    files.parsed.cache_clear()
    write(tmp_path, {"test_app.py": ""})
    fresh = KnownImports(gate_run(tmp_path, DependenciesGate()), MARKERS)
    assert fresh.readable([APP, TEST, gone]) == (APP, TEST)


TREES = st.lists(
    st.dictionaries(
        st.sampled_from(["app.py", "test_app.py"]), st.sampled_from([CODE, "", "import q\n", "import r\n"])
    ),
    min_size=2,
    max_size=5,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100 if FULL else 8)
@given(trees=TREES)
def test_whatever_came_before_what_is_read_is_what_stands_there(
    trees: list[dict[str, str]], tmp_path: Path
) -> None:
    memory = Memory()
    for tree in trees:
        write(tmp_path, tree)
        asked = [each for each in (APP, TEST) if each.path in tree]
        assert read(tmp_path, memory, *asked) == plainly(tmp_path, *asked)
        memory = later(memory)
