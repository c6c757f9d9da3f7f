"""Comments found beside the strings of a file are those that the tokens tell."""

from __future__ import annotations

import ast
import io
import tokenize

import pytest

from pytest_failhard.source.comments import beside
from pytest_failhard.source.module import Module

TEXTS = [
    "x = 1  # one\n# two\n",
    "x = '# no'  # yes\n",
    "x = '#' + \"#\"  # yes '#'\n",
    "x = f'#{y}' f\"{'#'}\"  # yes\n",
    "x = '''\n# no\n'''  # yes\n",
    "def f():\n    '''# no\n    # no\n    '''  # yes # more\n",
    "x = f'''\n# {y['#']} {z!r:>{w}}\n#'''  # yes\n",
    "x = b'''\n#\n'''\ny = rb'#'  # yes\n",
    "é = 'ä#'  # ü\n",
    "x = ('a'  # one\n     'b')  # two\n",
    "x = '''a''' '''\n#'''  # yes\n",
    "x = 'a\\\n# no'  # yes\n",
    "x = 1\r\n# two\r\n",
    "match x:\n    case '#':  # yes\n        pass\n",
    "# -*- coding: latin-1 -*-\nx = 1  # yes\n",
    "x = 1\n",
]


@pytest.mark.parametrize("text", TEXTS)
def test_the_comments_of_a_file_are_those_of_its_tokens(text: str) -> None:
    data = text.encode()
    expected = [
        (token.start[0], token.string)
        for token in tokenize.tokenize(io.BytesIO(data).readline)
        if token.type == tokenize.COMMENT
    ]
    module = Module("app/a.py", "product", data, ast.parse(data))
    assert [(each.line, each.text) for each in module.comments] == expected


@pytest.mark.parametrize(
    "data",
    [
        b"# coding: latin-1\n",
        b"\xef\xbb\xbfx = 1  # one\n",
        b"x = ('a'  # one\n 'b')\n",
        b"x = '''a''' '''\n#'''",
    ],
    ids=["cookie", "mark", "joined", "joined-blocks"],
)
def test_where_strings_do_not_tell_nothing_is_claimed(data: bytes) -> None:
    texts = [each for each in ast.walk(ast.parse(data)) if isinstance(each, ast.Constant)]
    assert beside(data, texts) is None
