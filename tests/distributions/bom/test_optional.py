"""Modules that a library can do without."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from pytest_failhard.distributions.bom.optional import without


def test_one_module_is_not_found_and_others_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unwanted, wanted = names = [f"wanted_by_{who}" for who in ("none", "all")]
    for name in names:
        (tmp_path / f"{name}.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    before = list(sys.meta_path)
    with without(unwanted):
        with pytest.raises(ModuleNotFoundError, match=f"{unwanted} is left out"):
            importlib.import_module(unwanted)
        assert importlib.import_module(wanted)
    assert sys.meta_path == before
    assert importlib.import_module(unwanted)
