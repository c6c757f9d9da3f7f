"""The manifest holds what pytest must collect, and nothing that it might not."""

from __future__ import annotations

import ast
from pathlib import Path
from textwrap import dedent

import pytest

from pytest_failhard.model import GateError
from pytest_failhard.source import files
from pytest_failhard.source.by_file import ByFile
from pytest_failhard.source.manifest import KIND, Patterns, ids, is_collected, manifest
from tests.recording import record, write


def found(text: str, patterns: Patterns | None = None) -> list[str]:
    tree = ast.parse(dedent(text))
    return [name.removeprefix("t.py::") for name in ids(tree, "t.py", patterns or Patterns())]


COUNTED = """
    import unittest
    from unittest import TestCase, mock
    from unittest import mock as m
    import unittest as u
    import pytest
    from pytest import mark
    from hypothesis import given, strategies as st

    slow = pytest.mark.slow
    needs = mark.skipif(True, reason="needs it here")

    def test_plain(): pass
    async def test_async(): pass
    def testless(): pass
    def test_again(): assert 0
    def test_again(): assert 1

    @pytest.mark.parametrize("a", [1])
    @slow
    @needs
    @mark.usefixtures("tmp_path")
    def test_marked(a): pass

    @mock.patch("os.getcwd")
    @m.patch.object(ast, "x")
    def test_patched(a): pass

    @given(st.integers())
    def test_given(x): pass

    def test_with_generator_inside(): assert all(x for x in [1])

    class TestPlain:
        def test_method(self): pass
        @staticmethod
        def test_unknown_to_us(): pass
        def helper(self): pass

    class Base:
        def test_inherited(self): pass

    class TestChild(Base):
        def test_own(self): pass

    class TestObject(object):
        def test_own(self): pass

    class AnyName(unittest.TestCase):
        @unittest.skip("because it is late")
        def test_unit(self): pass

    class Imported(TestCase):
        def test_unit(self): pass

    class Aliased(u.IsolatedAsyncioTestCase):
        async def test_unit(self): pass
    """
EXPECTED = [
    *("test_plain", "test_async", "testless", "test_again", "test_marked", "test_patched", "test_given"),
    *("test_with_generator_inside", "TestPlain::test_method", "TestChild::test_own", "TestObject::test_own"),
    *("AnyName::test_unit", "Imported::test_unit", "Aliased::test_unit"),
]


def test_what_pytest_must_collect_is_counted() -> None:
    assert found(COUNTED) == EXPECTED


@pytest.mark.parametrize(
    "text",
    [
        "if True:\n    def test_a(): pass",
        "try:\n    def test_a(): pass\nexcept E: pass",
        "def test_a(): pass\ndel test_a",
        "def test_a(): pass\nif x:\n    del test_a",
        "def test_a(): pass\ntest_a = None",
        "def test_a(): pass\nif x:\n    def test_a(): pass",
        "def test_a(): pass\nfor test_a in []: pass",
        "def test_a(): pass\nfrom x import test_a",
        "def test_a(): pass\nimport test_a.b",
        "def test_a(): pass\ntry: pass\nexcept E as test_a: pass",
        "def test_a(): pass\ndef f():\n    global test_a\n    test_a = None",
        "def test_a(): pass\ntest_a.__test__ = False",
        "__test__ = False\ndef test_a(): pass",
        "@pytest.fixture\ndef test_a(): pass",
        "@pytest.fixture()\nasync def test_a(): pass",
        "@contextlib.contextmanager\ndef test_a(): pass",
        "@app.command()\ndef test_a(): pass",
        "@hide\ndef test_a(): pass",
        "def test_a():\n    yield 1",
        "def a(): pass",
        "class A:\n    def test_a(self): pass",
        "class TestA:\n    def __init__(self): pass\n    def test_a(self): pass",
        "class TestA:\n    def __new__(cls): pass\n    def test_a(self): pass",
        "class TestA:\n    __test__ = False\n    def test_a(self): pass",
        "@dataclass\nclass TestA:\n    def test_a(self): pass",
        "class TestA(Mixin):\n    def test_a(self): pass",
        "class TestA(abc.ABC):\n    def test_a(self): pass",
        "class TestA(metaclass=M):\n    def test_a(self): pass",
        "class TestA:\n    @property\n    def test_a(self): pass",
        "class TestA:\n    def test_a(self): pass\n    test_a = None",
        "class TestA:\n    def test_a(self): pass\nTestA.__test__ = False",
        "class TestA(TestA):\n    def test_a(self): pass",
        "class B:\n    def __init__(self): pass\nclass TestA(B):\n    def test_a(self): pass",
        "class TestCase: pass\nclass A(TestCase):\n    def test_a(self): pass",
        "from unittest import *\nclass A(TestCase):\n    @expand([1])\n    def test_a(self): pass",
        "import unittest as u\nclass A(u.TestCase):\n    @expand([1])\n    def test_a(self): pass",
        "class TestA:\n    class TestInner:\n        def test_a(self): pass",
    ],
)
def test_what_pytest_might_not_collect_is_not_counted(text: str) -> None:
    assert found(text) == []


def test_patterns_are_prefixes_or_globs() -> None:
    text = "def check_a(): pass\ndef it_is(): pass\nclass CheckA:\n    def check_b(self): pass"
    assert found(text, Patterns(functions=("check", "it_*"), classes=("Check*",))) == [
        *("check_a", "it_is", "CheckA::check_b")
    ]


@pytest.mark.parametrize(
    ("path", "collected"),
    [
        *[("tests/test_a.py", True), ("tests/a_test.py", True), ("tests/a.py", False)],
        *[("tests/conftest.py", False), ("tests/build/test_a.py", False), ("tests/.x/test_a.py", False)],
    ],
)
def test_files_are_taken_by_name(path: str, collected: bool) -> None:
    assert is_collected(path, Patterns()) is collected


def test_the_manifest_of_a_tree(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "app/core.py": "x = 1\n",
            "app/test_core.py": "def test_core(): pass\n",
            "tests/test_a.py": "def test_a(): pass\n",
            "tests/test_empty.py": "",
            "tests/helpers.py": "def test_no(): pass\n",
        },
    )
    project = files.read(tmp_path, ("app",), ("tests",))
    whole = {"app/test_core.py": ("app/test_core.py::test_core",)}
    below = {"tests/test_a.py": ("tests/test_a.py::test_a",), "tests/test_empty.py": ()}
    assert manifest(project) == whole | below
    assert manifest(project, below=["tests"]) == below


def test_what_is_known_of_a_file_holds_while_its_bytes_do(tmp_path: Path) -> None:
    texts = {"tests/test_a.py": "def test_a(): pass\n", "tests/test_empty.py": ""}
    write(tmp_path, texts)
    project = files.read(tmp_path, (), ("tests",))
    first = ByFile(KIND)
    assert manifest(project, known=first) == manifest(project)
    told = ByFile(KIND)
    for path, text in texts.items():
        told.keep(path, text.encode(), [f"{path}::test_told"])
    known = {path: (f"{path}::test_told",) for path in texts}
    assert manifest(project, known=ByFile(KIND, told.dump())) == known
    write(tmp_path, {"tests/test_a.py": "def test_b(): pass\n"})
    second = ByFile(KIND, first.dump())
    assert manifest(project, known=second) == {
        "tests/test_a.py": ("tests/test_a.py::test_b",),
        "tests/test_empty.py": (),
    }
    again = ByFile(KIND)
    manifest(project, known=again)
    assert again.dump() == second.dump()


def test_a_file_that_is_gone_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, {"tests/test_a.py": "def test_a(): pass\n"})
    project = files.read(tmp_path, (), ("tests",))
    (tmp_path / "tests/test_a.py").unlink()
    with pytest.raises(GateError, match=r"tests/test_a\.py: cannot be read: No such file"):
        manifest(project)


def test_a_file_that_does_not_parse_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, {"tests/test_a.py": "def test_a(:\n"})
    with pytest.raises(GateError, match=r"tests/test_a\.py:1: does not parse"):
        manifest(files.read(tmp_path, (), ("tests",)))


def test_pytest_collects_all_that_is_counted(tmp_path: Path) -> None:
    text = dedent(COUNTED).replace("m.patch.object(ast", "m.patch.object(u").replace('"x")', '"main")')
    done = record(tmp_path, {"t_test.py": text}, "--collect-only")
    wanted = {f"t_test.py::{name}" for name in EXPECTED}
    assert wanted <= {nodeid.partition("[")[0] for nodeid in done.run.collected}
