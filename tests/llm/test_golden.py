"""Every fault of an answer, in every dialect, has the bytes that were reviewed.

After a change that is meant: `python -m tests.llm.golden`, and review the difference.
"""

from __future__ import annotations

import pytest

from pytest_failhard.llm import samples
from tests.llm import golden


@pytest.mark.parametrize("dialect", samples.PLACES)
def test_the_bytes_are_the_reviewed_ones(dialect: str) -> None:
    reviewed = (golden.FOLDER / f"{dialect}.txt").read_text(encoding="utf-8")

    assert golden.rendered(dialect) == reviewed
