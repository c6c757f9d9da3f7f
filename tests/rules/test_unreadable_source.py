"""FH000: a file that cannot be read is named, with what is wrong; one that is odd and readable is read."""

from __future__ import annotations

import os
import sys
import tokenize
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_failhard.rules import looking
from pytest_failhard.rules.limits import Limits
from pytest_failhard.rules.scan import Scan, scan_project, scan_sources
from pytest_failhard.source.files import SourceFile
from pytest_failhard.source.metadata import Metadata
from tests.rules.support import hits, scanned
from tests.support import write

PATH = "app/a.py"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"def f(:\n", "syntax-error: line 1: invalid syntax"),
        (b"def f():\npass\n", "syntax-error: line 2: expected an indented block"),
        (b"x = 1\0\n", "syntax-error: "),
        (b"x = '\\N{no such name}'\n", "syntax-error: line 1: (unicode error)"),
        (b"x = " + b"9" * 5000 + b"\n", "syntax-error: line 1: Exceeds the limit"),
        (b"# coding: nonsense\nx = 1\n", "undecodable: unknown encoding: nonsense"),
        (b"x = 1\ny = '\xff'\n", "undecodable: byte 11 is no UTF-8"),
        (b"# coding: utf-8\nx = '\xff'\n", "undecodable: byte 21 is no UTF-8"),
        ("# coding: ascii\nx = '\u00e9'\n".encode(), "undecodable: "),
        (b"x = " + b"(" * 300 + b")" * 300, "too-deep: "),
        (b"x = " + b"-" * 20_000 + b"1\n", "too-deep: "),
        (b"x = 1\n" * 400_000, "too-large: 2400000 bytes, more than the 2097152 that are read"),
    ],
    ids=[
        *["syntax", "indent", "null", "name", "digits", "cookie", "bytes", "bytes and cookie", "ascii"],
        *["brackets", "operators", "size"],
    ],
)
def test_what_is_wrong_is_said(data: bytes, said: str) -> None:
    (problem,) = scanned({PATH: data}).unreadable
    assert problem.startswith(f"{PATH}: {said}")


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbfx = 1\n",
        b"# coding: latin-1\nx = '\xe9'\n",
        b"x = '\\d'\n",
        b"x = [" + b"1, " * 50_000 + b"]\n",
        b"x = " + b"[" * 90 + b"]" * 90 + b"\n",
        b"".join(b" " * depth + b"if x:\n" for depth in range(90)) + b" " * 90 + b"pass\n",
        b"x = a" + b".b()" * 300 + b"\n",
        b"",
    ],
    ids=["BOM", "cookie", "odd escape", "huge literal", "deep literal", "deep blocks", "long chain", "empty"],
)
def test_what_is_odd_is_read_whatever_the_filters(data: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scan = scanned({PATH: data})
    assert (scan.unreadable, len(scan.index.files)) == ((), 1)


def test_the_path_of_a_file_says_nothing_about_its_error() -> None:
    (problem,) = scanned({"app/encoding_codec.py": b"def f(:\n"}).unreadable
    assert problem.startswith("app/encoding_codec.py: syntax-error: ")


def test_all_that_cannot_be_read_is_listed_and_the_rest_is_read() -> None:
    scan = scanned({"app/a.py": b"def f(:\n", "app/b.py": b"x = 1\n", "app/c.py": b"\0"})
    assert [problem.split(":")[0] for problem in scan.unreadable] == ["app/a.py", "app/c.py"]
    assert [facts.path for facts in scan.index.files] == ["app/b.py"]


def one(reader: Callable[[], bytes], needs: str = "", limits: Limits | None = None) -> Scan:
    return scan_sources(
        [(SourceFile(path=PATH, role="product"), reader)], Metadata(requires_python=needs), limits or Limits()
    )


@pytest.mark.parametrize(
    ("needs", "said"),
    [
        (">=3.99", "newer-grammar: line 1: invalid syntax; run under Python >= 3.99"),
        (f">={sys.version_info.major}.{sys.version_info.minor}", "syntax-error: "),
        ("", "syntax-error: "),
    ],
)
def test_a_grammar_that_is_newer_than_the_interpreter(needs: str, said: str) -> None:
    (problem,) = one(lambda: b"def f(:\n", needs).unreadable
    assert problem.startswith(f"{PATH}: {said}")


def test_the_limits_are_those_that_are_given() -> None:
    assert (
        "too-large: 6 bytes, more than the 5"
        in one(lambda: b"x = 1\n", limits=Limits(max_bytes=5)).unreadable[0]
    )
    (problem,) = one(lambda: b"x = 1\n", limits=Limits(max_seconds=-1)).unreadable
    assert problem == f"{PATH}: too-slow: its rules took more than -1 s"


@pytest.mark.parametrize("error", [RecursionError, tokenize.TokenError])
def test_a_file_on_which_a_rule_gives_up(error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    def give_up(module: object) -> None:
        raise error("too much")

    monkeypatch.setattr(looking, "facts", give_up)
    (problem,) = one(lambda: b"x = 1\n").unreadable
    assert problem.startswith((f"{PATH}: too-deep: ", f"{PATH}: syntax-error: its comments"))


def test_files_that_are_no_files(tmp_path: Path) -> None:
    root = write(tmp_path / "p", {"app/a.py": "x = 1\n", "app/secret.py": "x = 1\n"})
    (root / "app/gone.py").symlink_to("nowhere.py")
    (root / "app/round.py").symlink_to("round.py")
    (root / "app/loop").symlink_to(root / "app")
    os.mkfifo(root / "scripts.py")
    scan = scan_project(root, ("app",), ())
    assert scan.unreadable == (
        "app/gone.py: dangling-link: it points to nowhere.py, where nothing is",
        "app/round.py: dangling-link: it points to round.py, where nothing is",
        "scripts.py: unreadable: it is no regular file",
    )
    assert [facts.path for facts in scan.index.files] == ["app/a.py", "app/secret.py"]


def test_a_file_that_nobody_may_read() -> None:
    def refuse() -> bytes:
        raise PermissionError(13, "Permission denied")

    assert one(refuse).unreadable == (f"{PATH}: unreadable: Permission denied",)


@pytest.mark.parametrize("character", ["\u202a", "\u202e", "\u2066", "\u2069", "\ufeff"])
def test_text_that_shows_otherwise_than_it_runs(character: str) -> None:
    (hit,) = hits(f"x = 1\ny = 'a{character}b'\n", "FH000")
    assert (hit.rule, hit.line) == ("FH000/bidi-control", 2)
    assert f"U+{ord(character):04X}" in hit.message


def test_a_byte_order_mark_at_the_start_is_none() -> None:
    assert hits({PATH: b"\xef\xbb\xbfx = 1\n"}, "FH000") == []
    assert hits({PATH: b"x = '\\u202e \xe2\x80\x9c'\n"}, "FH000") == []


def test_the_text_is_decoded_as_python_decodes_it() -> None:
    assert len(hits({PATH: b"# coding: utf-7\nx = '+IC4-'\n"}, "FH000")) == 1
    assert hits({PATH: b"# coding: latin-1\nx = '\xe9'\n"}, "FH000") == []
