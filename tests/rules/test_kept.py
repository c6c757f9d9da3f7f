"""What is computed of a file is computed once, and goes with the file."""

from __future__ import annotations

import ast
import gc
import weakref

from pytest_failhard.rules.handlings import handlings
from pytest_failhard.rules.kept import once
from pytest_failhard.source.module import Module

SOURCE = "try:\n    f()\nexcept Exception:\n    pass\n"


def parsed() -> Module:
    return Module("app/service.py", "product", SOURCE.encode(), ast.parse(SOURCE))


def test_it_is_computed_once_for_each_file() -> None:
    seen: list[Module] = []

    @once
    def paths(module: Module) -> str:
        seen.append(module)
        return module.path

    first, second = parsed(), parsed()
    assert [paths(each) for each in (first, second, first)] == ["app/service.py"] * 3
    assert seen == [first, second]


def test_nothing_of_a_file_outlives_it() -> None:
    module = parsed()
    handler = weakref.ref(handlings(module)[0])
    del module
    gc.collect()
    assert handler() is None
