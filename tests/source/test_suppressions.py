"""Every form in which a file tells a tool to look away is read, and nothing that only looks like one."""

from __future__ import annotations

import ast
from textwrap import dedent

import pytest

from pytest_failhard.source.module import Module
from pytest_failhard.source.suppressions import Suppression, of_bytes


def read(text: str, role: str = "product") -> list[Suppression]:
    data = dedent(text).encode()
    return list(Module("app/a.py", role, data, ast.parse(data)).suppressions)


def only(text: str, role: str = "product") -> Suppression:
    found = read(text, role)
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize(
    ("comment", "kind", "rules"),
    [
        ("# noqa", "ruff", ()),
        ("#noqa", "ruff", ()),
        ("# NOQA", "ruff", ()),
        ("# noqa:E501,W291", "ruff", ("E501", "W291")),
        ("# noqa: E501 W291", "ruff", ("E501", "W291")),
        ("# NoQA : F401", "ruff", ("F401",)),
        ("# ruff: ignore[F401]", "ruff", ("F401",)),
        ("# ruff: ignore[unused-import] the plug-in registers itself", "ruff", ("unused-import",)),
        ("# isort: skip", "formatter", ()),
        ("# fmt: skip", "formatter", ()),
        ("# yapf: disable", "formatter", ()),
        ("# type: ignore", "mypy", ()),
        ("#type:ignore", "mypy", ()),
        ("# type: ignore[arg-type, misc]", "mypy", ("arg-type", "misc")),
        ("# pyright: ignore", "pyright", ()),
        ("# pyright: ignore[reportAny]", "pyright", ("reportAny",)),
        ("# pylint: disable=broad-except", "pylint", ("broad-except",)),
        ("# pylint: disable=all", "pylint", ()),
        ("# pylint: disable-next=broad-except,fixme", "pylint", ("broad-except", "fixme")),
        ("# nosec", "bandit", ()),
        ("# nosec B501,B113", "bandit", ("B501", "B113")),
        ("# nosec: B501", "bandit", ("B501",)),
        ("# nosemgrep", "semgrep", ()),
        ("# nosemgrep: python.lang.security", "semgrep", ("python.lang.security",)),
        ("# NOSONAR", "sonar", ()),
        ("# pragma: no cover", "coverage", ()),
        ("# PRAGMA NO COVER", "coverage", ()),
        ("# pragma: no branch", "coverage", ()),
        ("# pragma: no mutate", "mutation", ()),
        ("# pragma: no mutate: block", "mutation", ()),
        ("# trunk-ignore(ruff/E501): a long address", "trunk", ("ruff/E501",)),
        ("# qlty-ignore: ruff/E501", "trunk", ("ruff/E501",)),
        ("# pragma: allowlist secret", "secrets", ()),
        ("# gitleaks:allow", "secrets", ()),
    ],
)
def test_a_form_behind_code(comment: str, kind: str, rules: tuple[str, ...]) -> None:
    found = only(f"def total(rows):\n    return sum(rows)  {comment}\n")
    assert (found.kind, found.rules, found.scope) == (kind, rules, "line")
    assert (found.line, found.where, found.flaw) == (2, "total", "")


@pytest.mark.parametrize(
    ("comment", "kind"),
    [
        ("# flake8: noqa", "ruff"),
        ("# ruff: noqa", "ruff"),
        ("# ruff: noqa: F401", "ruff"),
        ("# ruff: file-ignore[F401]", "ruff"),
        ("# ruff: disable[F401]", "ruff"),
        ("# isort: skip_file", "formatter"),
        ("# isort: off", "formatter"),
        ("# fmt: off", "formatter"),
        ("# type: ignore", "mypy"),
        ("# mypy: ignore-errors", "mypy"),
        ("# mypy: disable-error-code=misc", "mypy"),
        ("# mypy: allow-untyped-defs", "mypy"),
        ("# pyright: basic", "pyright"),
        ("# pyright: reportAny=false", "pyright"),
        ("# pylint: skip-file", "pylint"),
        ("# pylint: disable=fixme", "pylint"),
        ("# pragma: no mutate start", "mutation"),
        ("# trunk-ignore-all(ruff)", "trunk"),
        ("# trunk-ignore-begin(ruff)", "trunk"),
        ("# jscpd:ignore-start", "duplication"),
    ],
)
def test_a_form_for_the_whole_file(comment: str, kind: str) -> None:
    found = only(f"{comment}\nx = 1\n")
    assert (found.kind, found.scope, found.blanket) == (kind, "file", True)


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        ("# ruff: disable[F401]", "# ruff: enable[F401]"),
        ("# fmt: off", "# fmt: on"),
        ("# isort: off", "# isort: on"),
        ("# yapf: disable", "# yapf: enable"),
        ("# pylint: disable=fixme", "# pylint: enable=fixme"),
        ("# pragma: no mutate start", "# pragma: no mutate end"),
        ("# trunk-ignore-begin(ruff)", "# trunk-ignore-end(ruff)"),
        ("# jscpd:ignore-start", "# jscpd:ignore-end"),
    ],
)
def test_a_range_that_ends_is_a_block(begin: str, end: str) -> None:
    found = only(f"x = 1\n{begin}\ny = 2\n{end}\n")
    assert (found.scope, found.blanket) == ("block", False)


@pytest.mark.parametrize(
    "text",
    [
        'x = "# noqa"\n',
        '"""Write `# type: ignore` nowhere."""\n',
        "x = 1  # pyright: strict\n",
        "x = 1  # the linter ignores this, see the manual\n",
        "x = 1  # pylint: enable=all\n",
        "x = 1  # We removed the import and its # type: ignore\n",
        "skip = disable = 1\n",
        "x = 1  # mypy: ignore-errors=false\n",
    ],
)
def test_what_only_looks_like_one(text: str) -> None:
    assert read(text) == []


def test_two_tools_in_one_comment_are_two() -> None:
    found = read("x = f()  # type: ignore[misc]  # noqa: E501 the address cannot be split\n")
    assert [(each.kind, each.reason) for each in found] == [
        ("mypy", "the address cannot be split"),
        ("ruff", "the address cannot be split"),
    ]
    found = read("x = f()  # type: ignore[misc]  the stub is older  # noqa: E501\n")
    assert [(each.kind, each.reason) for each in found] == [("mypy", "the stub is older"), ("ruff", "")]


def test_one_inside_a_continued_line() -> None:
    assert only("x = (\n    1,  # noqa\n    2,\n)\n").line == 2


@pytest.mark.parametrize(
    "comment",
    ["# noqa: XYZZY1", "# noqa: ", "# noqa:E", "# type: ignore[]", "# nosec: x"],
)
def test_one_that_nobody_can_read_is_blanket(comment: str) -> None:
    assert only(f"x = 1  {comment}\n").blanket


@pytest.mark.parametrize(
    "text",
    [
        "# noqa: E501 the address cannot be split",
        "# noqa: E501  -- the address cannot be split",
        "# noqa: E501 # the address cannot be split",
        "# type: ignore[arg-type]  # stub lacks the overload, #123",
        "# pragma: no cover  -- only on Windows, see #88",
    ],
)
def test_a_reason_behind_it(text: str) -> None:
    assert only(f"x = 1  {text}\n").reason


def test_a_reason_on_the_line_above() -> None:
    assert only("# The stub of the vendor lacks the overload.\nx = 1  # type: ignore[misc]\n").reason
    assert not only("y = 2  # The stub of the vendor lacks it.\nx = 1  # type: ignore[misc]\n").reason


@pytest.mark.parametrize(
    "filler",
    [
        *["", "ok", "fix later", "needed", "see above", "ignore", "needed for now", "false positive"],
        *["E501 E501 E501", "please ignore this warning", "arg-type error", "todo fix this later"],
    ],
)
def test_words_that_say_nothing_are_no_reason(filler: str) -> None:
    assert not only(f"x = 1  # type: ignore[arg-type] {filler}\n").reason


def test_what_switches_types_off_in_code() -> None:
    found = read(
        """
        import typing
        from typing import Any as Whatever, cast, no_type_check

        @no_type_check
        def f(x: Whatever) -> None:
            y: typing.Any = cast(Whatever, x)

        @typing.no_type_check_decorator
        class A:
            z: int = 1
        """
    )
    assert [(each.kind, each.name, each.where) for each in found] == [
        ("mypy", "no_type_check", "f"),
        ("any", ": Any", "f"),
        ("any", ": Any", "f"),
        ("any", "cast(Any, ...)", "f"),
        ("mypy", "no_type_check", "A"),
    ]
    assert [each.blanket for each in found if each.kind == "mypy"] == [True, True]


def test_what_keeps_tests_from_running() -> None:
    text = """
        import unittest, warnings
        import pytest
        from pytest import mark

        collect_ignore = ["x.py"]
        pytestmark = pytest.mark.skipif(True, reason="the port is taken on this machine")

        @mark.xfail
        def test_a():
            pytest.skip("no network here today")

        @pytest.mark.filterwarnings("ignore::DeprecationWarning")
        @pytest.mark.filterwarnings("error")
        @unittest.skip
        def test_b():
            pytest.importorskip("numpy")
            warnings.simplefilter("ignore")
            warnings.simplefilter(action="error")

        class TestC:
            __test__ = False
        """
    found = read(text, "test")
    assert {each.kind for each in found} == {"pytest"}
    assert [each.name for each in found] == [
        "collect_ignore",
        "pytest.mark.skipif",
        "pytest.mark.xfail",
        "pytest.skip",
        "pytest.mark.filterwarnings",
        "unittest.skip",
        "pytest.importorskip",
        "warnings.simplefilter",
        "__test__",
    ]
    assert [each.name for each in found if each.reason] == ["pytest.mark.skipif", "pytest.skip"]
    assert read(text) == []


def test_the_comments_of_a_stub() -> None:
    found = of_bytes("app/a.pyi", b"def f(x): ...  # type: ignore\n")
    assert [(each.path, each.line, each.blanket) for each in found] == [("app/a.pyi", 1, True)]
    assert of_bytes("app/a.pyi", b"def f(x: int) -> int: ...\n") == ()
