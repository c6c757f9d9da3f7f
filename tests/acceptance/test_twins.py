"""Twins: what is laid out is the project under its real names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.acceptance.twins import lay_out

if TYPE_CHECKING:
    from pathlib import Path


def test_files_have_their_real_names(tmp_path: Path) -> None:
    folder = lay_out("comments_only", tmp_path / "project")

    assert sorted(place.name for place in folder.iterdir()) == ["Dockerfile", "main.py", "requirements.txt"]


def test_name_nobody_has_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no twin is called 'other'; there are .*comments_only"):
        lay_out("other", tmp_path)
