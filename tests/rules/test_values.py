"""What kind of made-up value an expression is, and whether a value carries an error."""

from __future__ import annotations

import ast
import textwrap

import pytest

from pytest_failhard.rules.values import carries_error, literal
from pytest_failhard.source.module import Module


def returned(source: str) -> tuple[Module, ast.expr | None]:
    """Return the file and the value of its first return."""
    text = textwrap.dedent(source)
    module = Module("app/service.py", "product", text.encode(), ast.parse(text))
    return module, module.nodes(ast.Return)[0].value


def kind(expression: str, before: str = "", behind: str = "") -> str:
    body = textwrap.indent(f"{before}\nreturn {expression}", "    ")
    module, value = returned(f"import copy, asyncio\ndef f(self, given):\n{body}\n{behind}")
    return literal(module, value)


KINDS = {
    "": "none",
    "None": "none",
    "True": "true",
    "not None": "true",
    "not 'x'": "false",
    "not [1]": "false",
    "not not True": "true",
    "False": "false",
    "''": "empty",
    "b''": "empty",
    "0": "empty",
    "0.0": "empty",
    "-0": "empty",
    "[]": "empty",
    "()": "empty",
    "{}": "empty",
    "dict()": "empty",
    "list()": "empty",
    "set()": "empty",
    "tuple()": "empty",
    "str()": "empty",
    "OrderedDict()": "empty",
    "collections.defaultdict()": "empty",
    "pd.DataFrame()": "empty",
    "1": "const",
    "-1": "const",
    "'text'": "const",
    "f'text'": "const",
    "[1]": "data",
    "(None, [])": "data",
    "{1, 2}": "data",
    "{'a': {'b': [1]}}": "data",
    "{key(): 1}": "data",
    "dict(a=1)": "data",
    "(x := [])": "empty",
    "{}.copy()": "empty",
    "{'a': 1}.copy()": "data",
    "copy.copy([])": "empty",
    "copy.deepcopy({'a': 1})": "data",
    "list([1])": "data",
    "[] * 3": "empty",
    "[0] * size": "data",
    "[] if given else {}": "empty",
    "None or []": "empty",
    "None and []": "empty",
    "(lambda: {})()": "empty",
    "locals().get('x')": "none",
    "locals().get('x', 1)": "const",
    "vars().get('x', [])": "empty",
    "Result.ok([])": "empty",
    "Success(1)": "const",
    "asyncio.sleep(0, [])": "empty",
    "asyncio.sleep(0, result=[1])": "data",
    "asyncio.sleep(1)": "none",
}
OTHERS = [
    *("given", "f'{given}'", "[given]", "{'a': given}", "{**given}", "[*given]", "...", "given.x", "-given"),
    *("compute()", "dict(given)", "dict(a=given)", "given.copy()", "copy.copy(given)", "[] + given"),
    *("given if given else []", "given or []", "given.get('x')", "vars(given).get('x')", "Result.ok(given)"),
    *("Result.ok([], 1)", "(lambda: given)()", "not given", "globals().get", "await given"),
]


@pytest.mark.parametrize(("expression", "expected"), KINDS.items(), ids=[each or "bare" for each in KINDS])
def test_literals_have_a_kind(expression: str, expected: str) -> None:
    assert kind(expression) == expected


@pytest.mark.parametrize("expression", OTHERS)
def test_what_is_computed_has_none(expression: str) -> None:
    source = f"import copy\nasync def f(self, given):\n    return {expression}\n"
    assert literal(*returned(source)) == ""


def test_a_local_name_bound_once_is_what_is_bound_to_it() -> None:
    assert kind("rows", before="rows = []") == "empty"
    assert kind("rows", before="rows = []; rows = load()") == ""


def test_a_module_name_bound_once_is_what_is_bound_to_it() -> None:
    assert kind("NOTHING", behind="NOTHING = {'a': 1}") == "data"


ONE_HOP = {
    "function": ("nothing()", "def nothing():\n    return []\n", "empty"),
    "with a docstring": ("nothing()", "def nothing():\n    'Nothing.'\n    return []\n", "empty"),
    "method": ("self.nothing()", "def nothing(self):\n    return {'a': 1}\n", "data"),
    "class method": ("cls.nothing()", "def nothing(cls):\n    return None\n", "none"),
    "of another object": ("given.nothing()", "def nothing(self):\n    return []\n", ""),
    "of two functions": ("nothing()", "def nothing():\n    return []\ndef nothing():\n    return 1\n", ""),
    "that computes": ("nothing()", "def nothing():\n    x = 1\n    return x\n", ""),
    "that returns nothing": ("nothing()", "def nothing():\n    stop()\n", ""),
    "endless": ("nothing()", "def nothing():\n    return nothing()\n", ""),
    "two hops": ("a()", "def a():\n    return b()\ndef b():\n    return []\n", "empty"),
}


@pytest.mark.parametrize(("expression", "behind", "expected"), ONE_HOP.values(), ids=ONE_HOP)
def test_a_call_is_what_the_function_always_returns(expression: str, behind: str, expected: str) -> None:
    assert kind(expression, behind=behind) == expected


@pytest.mark.parametrize("expression", ["[[[[[[1]]]]]]", "[] * 1 * 1 * 1 * 1 * 1 * 1"])
def test_values_are_not_looked_into_for_ever(expression: str) -> None:
    assert kind(expression) == ""


ERRORS = [
    "e",
    "str(e)",
    "{'x': repr(e)}",
    "'request failed'",
    "{'error': 1}",
    "('Exception', 1)",
    "f'invalid {x}'",
]
SILENT = ["", "[]", "{'error': None}", "{'error': ''}", "{'failed': False}", "'terror'", "{**given}", "other"]


@pytest.mark.parametrize("expression", ERRORS)
def test_a_value_may_carry_the_error(expression: str) -> None:
    module, value = returned(f"def f():\n    return {expression}\n")
    assert carries_error(module, value, "e")


@pytest.mark.parametrize("expression", SILENT)
def test_a_value_may_carry_none(expression: str) -> None:
    module, value = returned(f"def f():\n    return {expression}\n")
    assert not carries_error(module, value, "e")


def test_a_name_says_nothing_where_no_error_is_bound() -> None:
    assert not carries_error(*returned("def f():\n    return e\n"), None)
