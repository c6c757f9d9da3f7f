"""What is tried against every rule on handlers: other ways to catch everything, other ways not to fail."""

from __future__ import annotations

import textwrap

import pytest

from tests.rules.support import hits

PRELUDE = """
import builtins
import sys
import typing
from builtins import Exception as Anything
E = Exception
ERRORS = (ValueError, Exception)
MANY = (KeyError, TypeError, ValueError, OSError, RuntimeError)
"""
CLAUSES = {
    "bare": "except:",
    "base": "except BaseException:",
    "bound": "except Exception as error:",
    "tuple": "except (ValueError, Exception):",
    "alias": "except E:",
    "imported alias": "except Anything:",
    "qualified": "except builtins.Exception:",
    "named tuple": "except ERRORS:",
    "sum of tuples": "except (OSError,) + ERRORS:",
    "starred": "except (OSError, *ERRORS):",
    "enumeration": "except (KeyError, TypeError, ValueError, OSError, RuntimeError):",
    "named enumeration": "except MANY:",
}
NARROW = {
    "one": "except ValueError:",
    "four": "except (KeyError, TypeError, ValueError, OSError):",
    "own": "except app.errors.Exception:",
}
FORMS = {
    "FH101": """
        def load():
            try:
                rows = query()
            {clause}
                {before}
                rows = []
                return []
            return rows
        """,
    "FH102": """
        def load():
            try:
                query()
            {clause}
                {before}
                pass
        """,
    "FH103": """
        def load():
            try:
                query()
            {clause}
                {before}
                log.warning("no rows")
        """,
    "FH107": """
        def load():
            try:
                rows = query()
            {clause}
                {before}
                rows = []
            return render(rows)
        """,
    "FH109": """
        @app.get("/rows")
        def load():
            try:
                return query()
            {clause}
                {before}
                return {{"error": "no rows"}}
        """,
}
NEVER = {
    "if False": "if False: raise ValueError",
    "if 0": "if 0: raise ValueError",
    "if TYPE_CHECKING": "if typing.TYPE_CHECKING: raise ValueError",
    "exit without a code": "if done: sys.exit()",
    "exit 0": "if done: sys.exit(0)",
    "exit None": "if done: sys.exit(None)",
    "a function that nobody calls": "def fail(): raise ValueError",
    "a lambda": "fail = lambda: sys.exit(1)",
}
FAILS = {
    "raise": "raise",
    "raise another": "raise RuntimeError from None",
    "sometimes": "if done: raise ValueError",
    "exit 1": "sys.exit(1)",
    "exit with a text": "exit('no rows')",
    "typer": "import typer; typer.Exit(code=2)",
    "handed to a future": "future.set_exception(error)",
}


def source(code: str, clause: str, before: str = "pass") -> str:
    return PRELUDE + textwrap.dedent(FORMS[code]).format(clause=clause, before=before)


@pytest.mark.parametrize("code", FORMS)
@pytest.mark.parametrize("clause", CLAUSES.values(), ids=CLAUSES)
def test_every_way_to_catch_everything_is_seen(code: str, clause: str) -> None:
    assert hits(source(code, clause), code)


@pytest.mark.parametrize("code", ["FH102", "FH103", "FH107"])
@pytest.mark.parametrize("clause", ["except* Exception:", "except* (OSError, BaseException):"])
def test_groups_of_everything_are_seen(code: str, clause: str) -> None:
    assert hits(source(code, clause), code)


@pytest.mark.parametrize("code", FORMS)
@pytest.mark.parametrize("clause", NARROW.values(), ids=NARROW)
def test_narrow_handlers_are_left_alone(code: str, clause: str) -> None:
    assert not hits(source(code, clause), code)


@pytest.mark.parametrize("code", ["FH101", "FH107", "FH109"])
@pytest.mark.parametrize("before", NEVER.values(), ids=NEVER)
def test_what_never_fails_saves_nobody(code: str, before: str) -> None:
    assert hits(source(code, "except Exception:", before), code)


@pytest.mark.parametrize("code", ["FH101", "FH107", "FH109"])
@pytest.mark.parametrize("before", FAILS.values(), ids=FAILS)
def test_a_handler_that_fails_is_left_alone(code: str, before: str) -> None:
    assert not hits(source(code, "except Exception as error:", before), code)


@pytest.mark.parametrize("code", FORMS)
def test_an_enumeration_is_marked_as_not_measured(code: str) -> None:
    (hit,) = hits(source(code, CLAUSES["enumeration"]), code)
    assert hit.details["unmeasured"]


@pytest.mark.parametrize("code", FORMS)
def test_what_is_only_for_type_checkers_is_left_alone(code: str) -> None:
    body = textwrap.indent(source(code, "except Exception:"), "    ")
    assert not hits(f"from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n{body}", code)


@pytest.mark.parametrize("code", FORMS)
def test_a_match_arm_is_an_ordinary_body(code: str) -> None:
    body = textwrap.indent(source(code, "except Exception:"), "        ")
    assert hits(f"match mode:\n    case 1:\n{body}", code)


@pytest.mark.parametrize("code", FORMS)
def test_only_product_code_is_judged(code: str) -> None:
    text = source(code, "except Exception:")
    assert not hits({"tests/test_rows.py": text, "examples/rows.py": text, "tools/rows.py": text}, code)
