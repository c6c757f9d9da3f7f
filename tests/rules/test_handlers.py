"""How wide a handler is, and whether it fails."""

from __future__ import annotations

import ast

import pytest

from pytest_failhard.rules.handlers import caught, is_broad, is_log_call, raises
from pytest_failhard.source.module import Module

PRELUDE = (
    "import sys, os, typer, pytest\nE = Exception\nBOTH = (ValueError, E)\nLOOP = (LOOP2,)\nLOOP2 = (LOOP,)\n"
)


def parsed(source: str) -> Module:
    text = PRELUDE + source
    return Module("app/service.py", "product", text.encode(), ast.parse(text))


def handler(module: Module) -> ast.ExceptHandler:
    return module.nodes(ast.ExceptHandler)[0]


CAUGHT = {
    "": ("BaseException",),
    "ValueError": ("ValueError",),
    "(ValueError, OSError)": ("ValueError", "OSError"),
    "E": ("Exception",),
    "BOTH": ("ValueError", "Exception"),
    "(*BOTH, OSError)": ("ValueError", "Exception", "OSError"),
    "BOTH + (OSError,)": ("ValueError", "Exception", "OSError"),
    "builtins.Exception": ("Exception",),
    "app.Exception": ("app.Exception",),
    "LOOP": (),
    "kinds()": ("",),
}


@pytest.mark.parametrize(("clause", "expected"), CAUGHT.items(), ids=[each or "bare" for each in CAUGHT])
def test_names_are_seen_through_aliases_and_tuples(clause: str, expected: tuple[str, ...]) -> None:
    module = parsed(f"try: f()\nexcept {clause}: g()\n")
    assert caught(module, handler(module).type) == expected


@pytest.mark.parametrize(
    "clause", ["", "Exception", "E", "BOTH", "(KeyError, TypeError, ValueError, OSError, IndexError)"]
)
def test_everything_is_caught_by_name_or_by_enumeration(clause: str) -> None:
    module = parsed(f"try: f()\nexcept {clause}: g()\n")
    assert is_broad(module, handler(module).type)


@pytest.mark.parametrize(
    "clause", ["ValueError", "app.Exception", "(KeyError, KeyError, KeyError, KeyError, KeyError)"]
)
def test_narrow_types_are_not_everything(clause: str) -> None:
    module = parsed(f"try: f()\nexcept {clause}: g()\n")
    assert not is_broad(module, handler(module).type)


FAILING = [
    *(
        "raise",
        "raise X from e",
        "if x: raise",
        "for x in y:\n        raise",
        "sys.exit(1)",
        "sys.exit('no')",
    ),
    *("exit(2)", "os._exit(3)", "os.abort()", "abort(500)", "typer.Exit(code=1)", "pytest.fail('x')"),
    *(
        "self.fail('x')",
        "future.set_exception(e)",
        "always()",
        "await always()",
        "return always()",
        "never()",
    ),
    *("if not TYPE_CHECKING:\n        raise", "if False:\n        pass\n    else:\n        raise", "leave()"),
]
CALM = [
    *("pass", "sys.exit()", "sys.exit(0)", "exit(None)", "sys.exit(code=0)", "if False:\n        raise"),
    *(
        "if 0:\n        raise",
        "if TYPE_CHECKING:\n        raise",
        "def f():\n        raise",
        "lambda: exit(1)",
    ),
    *("class X:\n        raise", "sometimes()", "unknown()", "x = always()", "twice()", "log.exception(e)"),
]
HELPERS = (
    "def always():\n    log('no')\n    raise SystemExit(2)\n"
    "def never() -> typing.NoReturn:\n    stop()\n"
    "def leave():\n    print('x')\n    sys.exit(2)\n"
    "def sometimes():\n    if x:\n        return\n    raise X\n"
    "def twice():\n    raise X\ndef twice():\n    return\n"
)


def body(statement: str) -> tuple[Module, list[ast.stmt]]:
    module = parsed(f"async def run():\n  try:\n    f()\n  except E as e:\n    {statement}\n{HELPERS}")
    return module, handler(module).body


@pytest.mark.parametrize("statement", FAILING)
def test_a_body_that_can_fail(statement: str) -> None:
    assert raises(*body(statement))


@pytest.mark.parametrize("statement", CALM)
def test_a_body_that_cannot_fail(statement: str) -> None:
    assert not raises(*body(statement))


@pytest.mark.parametrize(
    "statement", ["log.error(e)", "print(e)", "await log.info(e)", "traceback.print_exc()"]
)
def test_a_statement_that_only_logs(statement: str) -> None:
    assert is_log_call(body(statement)[1][0])


@pytest.mark.parametrize("statement", ["x = log.error(e)", "return print(e)", "report(e)", "e"])
def test_a_statement_that_does_more(statement: str) -> None:
    assert not is_log_call(body(statement)[1][0])
