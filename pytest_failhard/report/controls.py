"""Which controls of the OpenSSF OSPS Baseline a pass is evidence for: data, and one condition."""

from __future__ import annotations

import functools
import importlib.resources
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_failhard.model import Verdict

if TYPE_CHECKING:
    from pytest_failhard.model import Result


@dataclass(frozen=True, kw_only=True)
class Control:
    """One requirement of a version of the baseline, and which part of it a pass covers, in words."""

    baseline: str
    id: str
    part: str


def shown_by(result: Result) -> tuple[Control, ...]:
    """Return what a result is evidence for: nothing unless the gate looked, passed, and forgave nothing."""
    clean = result.verdict is Verdict.PASS and result.applies and not (result.waived or result.baselined)
    return known().get(result.gate, ()) if clean else ()


@functools.cache
def known() -> Mapping[str, tuple[Control, ...]]:
    """Return the controls by gate id; a gate that proves nothing of any is not in it."""
    text = importlib.resources.files("pytest_failhard.report").joinpath("controls.toml").read_text("utf-8")
    document = tomllib.loads(text)
    baseline = document["baseline"]
    return {
        gate: tuple(Control(baseline=baseline, id=entry["id"], part=entry["part"]) for entry in entries)
        for gate, entries in document.items()
        if isinstance(entries, list)
    }
