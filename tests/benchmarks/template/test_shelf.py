"""Both shelves keep what they are given."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from benchmarks.template.gadget.reading import ReadingError
from benchmarks.template.gadget.records import Gadget, State
from benchmarks.template.gadget.shelf import InFiles, InMemory, Shelf, UnknownGadgetError, changed, counts

ONE = Gadget(number=1, name="one", price=Decimal(1))
TEN = Gadget(number=10, name="ten", price=Decimal(10))


@pytest.fixture(params=["memory", "files"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Shelf:
    return InMemory() if request.param == "memory" else InFiles(tmp_path / "shelf")


def test_what_was_put_is_there(shelf: Shelf) -> None:
    for each in (TEN, ONE):
        shelf.put(each)
    assert list(map(str, (each.number for each in shelf.all()))) == ["1", "10"]
    assert shelf.get(10).name == "ten"


def test_what_was_not_put_is_unknown(shelf: Shelf) -> None:
    with pytest.raises(UnknownGadgetError, match="3"):
        shelf.get(3)


def test_a_change_is_kept(shelf: Shelf) -> None:
    shelf.put(ONE)
    moved = changed(shelf, 1, lambda each: each.moved(State.STORED))
    assert moved.state is State.STORED
    assert counts(shelf) == {**dict.fromkeys(State, 0), State.STORED: 1}


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    shelf = InFiles(tmp_path)
    (tmp_path / "5.json").write_text("{}", "utf-8")
    with pytest.raises(ReadingError, match=r"5\.json: KeyError"):
        shelf.get(5)
