"""What was said of a file is taken again for the very same bytes under the same name, and for no others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_failhard.model import GateError
from pytest_failhard.source import files
from pytest_failhard.source.by_file import ByFile
from pytest_failhard.source.comments import comments, count
from pytest_failhard.source.readable import Readable
from tests.size import FULL
from tests.support import write

KIND = "test/1"
ANSWER = {"é\t\n": [1, "\ud800", None]}
MARK = re.compile(r"#\s*mark\b", re.IGNORECASE)


def left() -> bytes:
    by_file = ByFile(KIND)
    by_file.keep("product app/b.py", b"B = 1\n", ANSWER)
    by_file.keep("product app/a.py", b"A = 1\n", 0)
    return by_file.dump()


def test_an_answer_belongs_to_the_name_and_the_bytes() -> None:
    by_file = ByFile(KIND, left())
    assert by_file.find("product app/b.py", b"B = 1\n") == ANSWER
    assert by_file.find("product app/a.py", b"A = 1\n") == 0
    for name, data in (("product app/a.py", b"A = 2\n"), ("test app/a.py", b"A = 1\n"), ("", b"")):
        assert by_file.find(name, data) is None
    assert ByFile("test/2", left()).find("product app/a.py", b"A = 1\n") is None
    assert ByFile(KIND, None).find("product app/a.py", b"A = 1\n") is None


def test_what_is_left_is_what_was_asked_for_in_the_order_of_the_names() -> None:
    by_file = ByFile(KIND, left())
    by_file.find("product app/b.py", b"B = 1\n")
    by_file.find("product app/a.py", b"A = 2\n")
    by_file.keep("product app/a.py", b"A = 2\n", 1)
    again = ByFile(KIND)
    again.keep("product app/a.py", b"A = 2\n", 1)
    again.keep("product app/b.py", b"B = 1\n", ANSWER)
    assert by_file.dump() == again.dump()
    assert ByFile(KIND, left()).dump() == ByFile(KIND).dump()


def test_what_may_be_a_secret_is_not_left() -> None:
    by_file = ByFile(KIND)
    by_file.keep("a", b"", ["-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----"])
    by_file.keep("b", b"", "no secret")
    assert b"MIIE" not in by_file.dump()
    assert ByFile(KIND, by_file.dump()).find("b", b"") == "no secret"


@settings(max_examples=500 if FULL else 20)
@given(place=st.integers(0), bit=st.integers(0, 7), cut=st.booleans())
def test_of_damaged_bytes_nothing_is_taken(place: int, bit: int, cut: bool) -> None:
    data = bytearray(left())
    data[place % len(data)] ^= 1 << bit
    damaged = left()[: place % len(data)] if cut else bytes(data)
    by_file = ByFile(KIND, damaged)
    assert by_file.find("product app/a.py", b"A = 1\n") is None
    assert by_file.find("product app/b.py", b"B = 1\n") is None


TEXTS: dict[str, str | bytes] = {
    "plain.py": "A = 1  # mark\n# MARK: why\n#mark\n",
    "string.py": "A = '# mark'\n",
    "both.py": 'A = """\n# mark\n"""  # mark\n',
    "word.py": "# remark, marked\n",
    "none.py": "A = 1\n",
    "latin.py": b"# -*- coding: latin-1 -*-\nA = '\xe9'  # mark \xe9\n",
    "seven.py": b"# coding: utf-7\nA = 1  +ACM- mark\n",
    "returns.py": b"A = 1  # mark\rB = 2  # mark\r\n",
}


@pytest.mark.parametrize("name", TEXTS)
def test_comments_are_counted_as_the_tokenizer_sees_them(tmp_path: Path, name: str) -> None:
    write(tmp_path, TEXTS)
    assert count(tmp_path, name, MARK) == sum(
        MARK.search(each.text) is not None for each in comments(tmp_path, name)
    )


def test_a_file_whose_comments_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": b"# coding: nothing\n"})
    for path in ("a.py", "gone.py"):
        with pytest.raises(GateError, match=rf"{path}: its comments cannot be read"):
            count(tmp_path, path, MARK)


def readable(root: Path, earlier: bytes | None) -> Readable:
    """Look at a copy of nobody: what a process keeps of a tree is known by the root."""
    return Readable(files.read(root, ("app",), ()), KIND, earlier, MARK)


def test_a_known_file_is_neither_parsed_nor_counted_again(tmp_path: Path) -> None:
    one = readable(write(tmp_path / "1", {"app/a.py": "A = 1  # mark\n", "app/b.py": "B = 1\n"}), None)
    kept = one.left({"app/a.py": 7})
    assert (one.said, one.counts) == ({}, {"app/a.py": 1, "app/b.py": 0})
    two = readable(
        write(tmp_path / "2", {"app/a.py": "A = 1  # mark\n", "app/b.py": "B = 2  # mark\n"}), kept
    )
    assert (two.said, two.counts) == ({"app/a.py": 7}, {"app/a.py": 1, "app/b.py": 1})
    three = readable(write(tmp_path / "3", {"app/a.py": "A = 2\n", "app/c.py": "A = 1  # mark\n"}), kept)
    assert (three.said, three.counts) == ({}, {"app/a.py": 0, "app/c.py": 1})


def test_what_cannot_be_read_is_an_error_however_much_is_known(tmp_path: Path) -> None:
    kept = readable(write(tmp_path / "1", {"app/a.py": "A = 1\n"}), None).left({"app/a.py": 0})
    root = write(tmp_path / "2", {"app/a.py": "A = 1\n", "app/b.py": "B =\n", "app/c.py": ""})
    (root / "app/c.py").unlink()
    (root / "app/c.py").symlink_to("nowhere.py")
    with pytest.raises(GateError, match=r"app/b.py:1: does not parse.*app/c.py: cannot be read"):
        readable(root, kept)
