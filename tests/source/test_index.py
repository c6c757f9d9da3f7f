"""The facts of files joined: bases, subclasses, overrides, uses and imports across modules."""

from __future__ import annotations

import ast
import sys
import textwrap
from dataclasses import replace
from types import FrameType

import pytest

from pytest_failhard.source.files import role
from pytest_failhard.source.index import FileFacts, Index, facts
from pytest_failhard.source.module import Module


def _facts(path: str, text: str) -> FileFacts:
    data = textwrap.dedent(text).encode()
    return facts(Module(path, role(path), data, ast.parse(data)))


def _index(files: dict[str, str]) -> Index:
    return Index([_facts(path, text) for path, text in files.items()])


BASE = "class Base:\n    def run(self):\n        raise NotImplementedError\n"


class TestBases:
    @pytest.mark.parametrize(
        "importing",
        [
            "from app.base import Base\nclass Leaf(Base): pass\n",
            "from .base import Base\nclass Leaf(Base): pass\n",
            "from app import base\nclass Leaf(base.Base): pass\n",
            "import app.base\nclass Leaf(app.base.Base): pass\n",
            "from app.base import Base as B\nclass Leaf(B): pass\n",
            "from app.base import *\nclass Leaf(Base): pass\n",
            "from app.base import Base\nclass Leaf(Base[int]): pass\n",
            "from app.base import Base\nParent = Base\nclass Leaf(Parent): pass\n",
            "from app.base import Base\nLeaf = type('Leaf', (Base,), {'name': 'leaf'})\n",
        ],
        ids=["absolute", "relative", "module", "dotted", "alias", "star", "generic", "renamed", "made"],
    )
    def test_a_base_is_found_however_it_is_named(self, importing: str) -> None:
        index = _index({"app/base.py": BASE, "app/leaf.py": importing})
        leaf = index.classes["app.leaf.Leaf"]
        assert [each.dotted for each in index.bases(leaf)] == ["app.base.Base"]
        assert not index.has_external_base(leaf)
        assert list(index.subclasses(index.classes["app.base.Base"])) == [leaf]

    def test_a_base_is_found_through_a_re_export(self) -> None:
        index = _index(
            {
                "app/__init__.py": "from app.base import Base\n",
                "app/base.py": BASE,
                "app/leaf.py": "from app import Base\nclass Leaf(Base): pass\n",
            }
        )
        assert [each.name for each in index.bases(index.classes["app.leaf.Leaf"])] == ["Base"]

    def test_re_exports_that_go_round_end(self) -> None:
        index = _index(
            {
                "a.py": "from b import Base\nfrom b import *\nclass Leaf(Base, Other): pass\n",
                "b.py": "from a import Base\nfrom a import *\n",
            }
        )
        assert index.has_external_base(index.classes["a.Leaf"])

    def test_the_root_of_the_imports_may_lie_deeper(self) -> None:
        index = _index(
            {
                "backend/app/base.py": BASE,
                "backend/app/leaf.py": "from app.base import Base\nclass Leaf(Base): pass\n",
            }
        )
        assert not index.has_external_base(index.classes["backend.app.leaf.Leaf"])

    def test_the_nearest_of_two_classes_with_one_name_is_the_base(self) -> None:
        leaf = "from app.base import Base\nclass Leaf(Base): pass\n"
        index = _index(
            {
                "one/app/base.py": BASE,
                "one/app/leaf.py": leaf,
                "two/app/base.py": BASE,
                "two/app/leaf.py": leaf,
            }
        )
        for root in ("one", "two"):
            found = list(index.bases(index.classes[f"{root}.app.leaf.Leaf"]))
            assert [each.dotted for each in found] == [f"{root}.app.base.Base"]

    def test_a_tail_decides_where_nothing_nearer_does(self) -> None:
        index = _index(
            {
                "libs/core/app/base.py": BASE,
                "service/leaf.py": "from app.base import Base\nclass Leaf(Base): pass\n",
            }
        )
        assert not index.has_external_base(index.classes["service.leaf.Leaf"])

    def test_a_name_of_the_same_file_is_no_class_of_another(self) -> None:
        index = _index({"a.py": "class Base: pass\n", "b.py": "class Leaf(Base): pass\n"})
        assert list(index.bases(index.classes["b.Leaf"])) == []

    def test_bases_in_a_circle_end(self) -> None:
        index = _index(
            {
                "a.py": "from b import B\nclass A(B):\n    def f(self): pass\n",
                "b.py": "from a import A\nclass B(A): pass\n",
            }
        )
        a, b = index.classes["a.A"], index.classes["b.B"]
        assert list(index.bases(a)) == [b]
        assert list(index.subclasses(a)) == [b]
        assert not index.is_overridden(a, "f")

    @pytest.mark.parametrize("base", ["BaseModel", "make()", "Base, Generic[T], mixins.Loud"])
    def test_a_base_from_elsewhere_is_seen_through_the_chain(self, base: str) -> None:
        index = _index(
            {
                "a.py": f"from other import BaseModel\n{BASE}class Middle({base}): pass\n",
                "b.py": "from a import Middle\nclass Leaf(Middle): pass\n",
            }
        )
        assert index.has_external_base(index.classes["b.Leaf"])

    def test_what_brings_no_method_is_no_base_from_elsewhere(self) -> None:
        index = _index(
            {
                "a.py": (
                    "import abc\nfrom typing import Generic, Protocol\n"
                    "class P(Protocol): pass\nclass A(P, abc.ABC, Generic[T], object): pass\n"
                )
            }
        )
        assert not index.has_external_base(index.classes["a.A"])

    def test_a_mixin_comes_before_the_base_behind_it(self) -> None:
        index = _index({"a.py": f"{BASE}class Mixin: pass\nclass Leaf(Mixin, Base): pass\n"})
        assert [each.name for each in index.bases(index.classes["a.Leaf"])] == ["Mixin", "Base"]


class TestMethods:
    TEXT = """
        from abc import abstractmethod
        class Base:
            "A base."
            name = "base"
            size: int = 3
            later: int
            answer = lambda self: None
            work = lambda self: self.name
            def fails(self):
                "Must be given."
                raise NotImplementedError("fails")
            def refuses(self): raise ValueError
            def nothing(self): ...
            def told(self): "Only that."
            def returns(self): return {"a": [], "b": (1, {2})}
            def hands_on(self, x): return super().hands_on(x)
            async def waits(self): return await super().waits()
            def works(self): return self.name
            def acts(self): self.name = "b"
            @abstractmethod
            def declared(self): ...
            @property
            def shown(self): return 1
            if size:
                def sometimes(self): pass
        """

    def test_what_methods_do_is_told(self) -> None:
        base = _index({"a.py": self.TEXT}).classes["a.Base"]
        assert base.raising == {"fails"}
        assert base.trivial >= {"nothing", "told", "returns", "hands_on", "waits", "sometimes", "answer"}
        assert not base.trivial & {"works", "acts", "work", "fails", "refuses"}
        assert base.abstract == {"declared"}
        assert base.properties == {"shown"}
        assert base.attributes == {"name", "size"}
        assert {"answer", "work", "sometimes"} <= base.methods
        assert base.lines["fails"] == 10

    def test_a_class_that_is_made_has_the_methods_of_its_table(self) -> None:
        made = "Leaf = type('Leaf', (), {'run': lambda self: None, 'work': lambda s: s.x, 'name': 'n', **more})\n"
        leaf = _index({"a.py": made}).classes["a.Leaf"]
        assert leaf.methods == {"run", "work"}
        assert leaf.trivial == {"run"}
        assert leaf.attributes == {"name"}

    @pytest.mark.parametrize("call", ["type(name, bases, names)", "type('X', bases, {})", "type(x)"])
    def test_a_class_made_of_what_is_computed_is_unknown(self, call: str) -> None:
        assert not _index({"a.py": f"made = {call}\n"}).classes

    def test_an_override_is_found_however_far_below(self) -> None:
        index = _index(
            {
                "a.py": "class A:\n    def f(self): pass\n    def g(self): pass\n",
                "b.py": "from a import A\nclass B(A): pass\n",
                "c.py": "from b import B\nclass C(B):\n    def f(self): return 1\n",
            }
        )
        top = index.classes["a.A"]
        assert index.is_overridden(top, "f")
        assert not index.is_overridden(top, "g")


class TestUses:
    @pytest.mark.parametrize(
        ("text", "is_used"),
        [
            ("def other(): return make()", True),
            ("other = [make]", True),
            ("def other(x: Annotated[int, Depends(make)]): pass", True),
            ("other = thing.make", True),
            ("def make(): return make()", False),
            ("class make:\n    def f(self): return make", False),
            ("if __name__ == '__main__':\n    make()", False),
            ("def other(x: make) -> make: pass", False),
            ("async def other(x: 'make') -> list[make]: pass", False),
            ("other: make.inner = 1", False),
            ("make = 1", False),
        ],
    )
    def test_a_name_is_used_outside_of_what_defines_it(self, text: str, is_used: bool) -> None:
        assert ("make" in _index({"a.py": text}).referenced) == is_used

    def test_uses_in_tests_do_not_count(self) -> None:
        assert "make" not in _index({"tests/test_a.py": "make()"}).referenced


class TestImports:
    def test_who_imports_a_file_is_known(self) -> None:
        index = _index(
            {
                "app/main.py": "from examples.doubles import Fake\n",
                "examples/doubles.py": "class Fake: pass\n",
                "examples/other.py": "import examples.other\n",
            }
        )
        assert index.importer("examples/doubles.py") == "app/main.py"
        assert index.importer("examples/other.py") == ""
        assert index.importer("absent.py") == ""

    @pytest.mark.parametrize(
        ("dotted", "found"),
        [("responses", "backend/responses.py"), ("app.views", "backend/app/views.py"), ("faker", None)],
    )
    def test_an_absolute_import_is_looked_up_in_the_folders_above(
        self, dotted: str, found: str | None
    ) -> None:
        index = _index({"backend/responses.py": "", "backend/app/views.py": "", "faker2.py": ""})
        known = index.find_module(dotted, "backend/app/views.py")
        assert (known.path if known else None) == found

    def test_lines_of_code_are_counted_without_blanks_and_comments(self) -> None:
        known = _facts("a.py", "# why\n\nx = 1  # one\n")
        assert (known.code_lines, known.module, known.role) == (1, "a", "product")


def _calls(count: int) -> int:
    """Return how many calls it takes to join files whose classes are all called alike."""
    one = _facts("p0/base.py", "class Base:\n    def run(self): pass\n")
    leaf = _facts("p0/leaf.py", "from base import Base\nclass Leaf(Base):\n    def run(self): pass\n")
    files = [_renamed(each, number) for number in range(count) for each in (one, leaf)]
    # These find no base near them: all their look-ups go by the tail of the name.
    files += [_renamed(leaf, count + number) for number in range(count)]
    calls = 0

    def count_call(frame: FrameType, event: str, thing: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    sys.setprofile(count_call)
    try:
        index = Index(files)
        for known in index.classes.values():
            index.is_overridden(known, "run")
            index.has_external_base(known)
    finally:
        sys.setprofile(None)
    return calls


def _renamed(known: FileFacts, number: int) -> FileFacts:
    module = known.module.replace("p0", f"p{number}")
    return replace(
        known,
        path=known.path.replace("p0", f"p{number}"),
        module=module,
        classes=tuple(replace(each, module=module) for each in known.classes),
    )


def test_the_work_grows_with_the_files_not_with_their_square() -> None:
    assert _calls(800) < 4.2 * _calls(200)
