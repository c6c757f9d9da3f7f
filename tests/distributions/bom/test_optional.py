"""Modules that a library can do without."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from pytest_failhard.distributions.bom.optional import without


def test_one_module_is_not_found_and_others_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("wanted_by_none", "wanted_by_all"):
        (tmp_path / f"{name}.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    before = list(sys.meta_path)
    with without("wanted_by_none"):
        with pytest.raises(ModuleNotFoundError, match="wanted_by_none is left out"):
            importlib.import_module("wanted_by_none")
        assert importlib.import_module("wanted_by_all")
    assert sys.meta_path == before
    assert importlib.import_module("wanted_by_none")
