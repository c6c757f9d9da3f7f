"""The walk over trees: nothing that Python's own walk sees is lost, and names are found in order."""

from __future__ import annotations

import ast

import pytest

from pytest_failhard.source.module import Module, docstring, own_nodes, walk
from pytest_failhard.source.tree import children, traversed

SOURCE = '''
"""Text."""
from __future__ import annotations
import os as system, sys
from a.b import c as d
async def f(a, /, b: int = 1, *c, d, e=None, **g) -> str:
    """Says."""
    global h
    async with x as y, z:
        await w
    async for i in j:
        yield i
    else:
        return
    nonlocal_ = lambda k, *l: (yield from k)
@dec(1, key=2, **more)
class C(B, metaclass=M):
    n: int
    n += 1
    del n, o[1:2, ::3], p.q
    try:
        raise E from None
    except (A, B) as error:
        pass
    finally:
        assert not r, f"{s!r:>{t}} {u}"
match v:
    case {"k": 1, **rest} | [1, *others] | P(2, q=None) if w:
        x = {**y, "z": [*a, b], True: {c for c in d if e}}
    case None | "s" | _:
        while f(g := 1) < 2 <= 3 and not h or -i:
            continue
'''
NEVER = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)


def module(source: str) -> Module:
    return Module("app/a.py", "product", source.encode(), ast.parse(source))


def test_the_children_of_all_nodes_are_those_that_python_sees() -> None:
    tree = ast.parse(SOURCE)
    for node in ast.walk(tree):
        seen = [each for each in ast.iter_child_nodes(node) if not isinstance(each, NEVER)]
        assert children(node) == seen


def test_a_traversal_has_every_node_once_with_its_parent_and_outer_ones_first() -> None:
    tree = ast.parse(SOURCE)
    buckets, parents = traversed(tree)
    expected = [each for each in ast.walk(tree) if not isinstance(each, NEVER)]
    assert list(walk(tree)) == expected
    assert sum(map(len, buckets.values())) == len(expected) == len(parents) + 1
    for kind, bucket in buckets.items():
        assert bucket == [each for each in expected if type(each) is kind]
    assert all(child in children(parent) for child, parent in parents.items())


def test_own_statements_are_those_that_run_with_a_body() -> None:
    source = """
def f():
    if a:
        return 1
    try:
        g(lambda: 2)
    except E:
        def inner():
            return 3
        return 4
    match b:
        case 1:
            return 5
"""
    function = ast.parse(source).body[0]
    returned = [node.value for node in own_nodes(function, ast.Return)]
    assert [value.value for value in returned if isinstance(value, ast.Constant)] == [1, 4, 5]
    assert len(list(own_nodes(function, ast.Return, ast.Call))) == 4


def test_calls_are_found_by_name_in_the_order_of_the_file() -> None:
    read = module("a.get(1)\npop(2)\nx[0](3)\nget(4)\nput(5)\n")
    assert [call.lineno for call in read.calls.of(("pop", "get"))] == [1, 2, 4]
    assert [call.lineno for call in read.calls.where(lambda name: name.startswith("p"))] == [2, 5]
    assert list(read.calls.of(("absent",))) == []
    assert set(read.calls) == {"get", "pop", "put"}


def test_assignments_are_found_by_their_first_target() -> None:
    read = module("host = self.port = 1\nself.host: str = 2\n(a, b) = 3, 4\n")
    assert [each.lineno for each in read.assigned.of(("host", "port"))] == [1]
    assert [each.lineno for each in read.annotated.of(("host",))] == [2]


@pytest.mark.parametrize(
    "source",
    [
        *(
            "import requests",
            "from requests import get",
            "x.requests",
            "f(requests=1)",
            "requests_session = 1",
        ),
        # A letter that Python takes for another.
        "\uff52equests",
    ],
)
def test_a_word_is_mentioned_by_any_name(source: str) -> None:
    assert module(source).mentions(("httpx", "requests"))


@pytest.mark.parametrize("source", ["'requests'", "# requests", "x = 1"])
def test_a_word_in_a_text_is_not_mentioned(source: str) -> None:
    assert not module(source).mentions(("requests",))


def test_marks_hold_what_can_be_a_comment() -> None:
    assert module("a = 1  # One # Two\nb = '#Three'\nc = 2\n").marks == b"# one # two\n#three'"


def test_a_docstring_is_the_text_that_a_body_begins_with() -> None:
    bodies = ["'said'", "b'said'", "1", "pass", "f'said'"]
    functions = [ast.parse(f"def f():\n    {body}").body[0] for body in bodies]
    found = [docstring(each) for each in functions if isinstance(each, ast.FunctionDef)]
    assert found == ["said", None, None, None, None]


def test_a_name_that_a_function_declares_global_is_bound_in_the_module() -> None:
    read = module("def f():\n    global token\n    token = 1\nprint(token)\n")
    name = read.names.of(("token",))[-1]
    assert ast.unparse(read.value(name)) == "1"
