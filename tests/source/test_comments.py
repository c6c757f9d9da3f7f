"""The comments that are found without a tokenizer are those that the tokenizer finds."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_failhard.model import GateError
from pytest_failhard.source.comments import Comment, comments, scanned, tokenized
from tests.size import FULL

PACKAGE = Path(__file__).parents[2] / "pytest_failhard"
PIECES = (
    *("# one\n", "x = 1  # two\n", "s = '#'\n", 's = "# no"  # yes\n', "s = '''\n# no\n''' # yes\n"),
    *('s = """a "" # no\n"""\n', "r = r'\\'  # no'\n", "s = 'a\\\n# no'\n", "f = f'{x} # no'  # yes\n"),
    *(
        "t = ('a'  # yes\n     'b')\n",
        "b = b'#' # yes\n",
        "s = '\\\\'  # yes\n",
        "# '\n",
        '# """\n',
        "\f# odd\n",
    ),
    *("if x:\n    # deep\n    pass\n", "y = 1; # yes\n", "z = x \\\n  + 1  # yes\n", "''''a'''  # yes\n"),
)


@given(st.lists(st.sampled_from(PIECES), max_size=8), st.sampled_from(["\n", "\r\n"]))
def test_they_are_those_of_the_tokenizer(pieces: list[str], end: str) -> None:
    text = "".join(pieces)
    data = text.replace("\n", end).encode()
    assert scanned(data, ast.parse(data)) == tokenized(data)


def test_they_are_those_of_the_tokenizer_in_real_source() -> None:
    # In the size of CI each eighth file.
    sources = [path.read_bytes() for path in sorted(PACKAGE.rglob("*.py"))[:: 1 if FULL else 8]]
    assert [data for data in sources if scanned(data, ast.parse(data)) != tokenized(data)] == []


def test_the_encoding_of_the_file_counts() -> None:
    data = "# coding: latin-1\nx = 'ä'  # ö\n".encode("latin-1")
    assert scanned(data, ast.parse(data)) == (
        Comment(line=1, text="# coding: latin-1"),
        Comment(line=2, text="# ö"),
    )


def test_a_file_that_cannot_be_tokenized_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = (\n# open\n")
    with pytest.raises(GateError, match="its comments cannot be read"):
        comments(tmp_path, "a.py")
