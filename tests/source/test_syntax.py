"""Trees are made one at a time, whatever thread asks."""

from __future__ import annotations

import ast
from concurrent.futures import ThreadPoolExecutor

import pytest

from pytest_failhard.source import syntax

DEPTH = 60
NESTED = f"x = {'[' * DEPTH}{']' * DEPTH}\n" * 20
THREADS, TIMES = 4, 20


def test_threads_get_the_tree_that_one_alone_gets() -> None:
    alone = ast.dump(ast.parse(NESTED))
    with ThreadPoolExecutor(THREADS) as pool:
        trees = [*pool.map(syntax.parsed, [NESTED] * THREADS * TIMES)]
    assert {ast.dump(tree) for tree in trees} == {alone}


def test_an_error_names_the_file_and_lets_the_next_one_go_on() -> None:
    with pytest.raises(SyntaxError) as caught:
        syntax.parsed(b"def f(:\n", "app.py")
    assert caught.value.filename == "app.py"
    assert ast.dump(syntax.parsed("x = 1\n")) == ast.dump(ast.parse("x = 1\n"))
