"""Reads coverage's JSON report: each part has the form that we know, or it is an error that says so."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from pytest_failhard.model import GateError

FORMAT = 3
UNSUPPORTED = "install a supported coverage"


def parsed(outfile: Path, wanted: set[str]) -> Mapping[str, object]:
    """Return the part of each file by its absolute path; raises GateError where a wanted one is missing."""
    try:
        report = json.loads(outfile.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise GateError(f"coverage's JSON report cannot be read: {error}") from None
    if not isinstance(report, dict) or table(report, "meta").get("format") != FORMAT:
        raise GateError(f"coverage's JSON report is not of format {FORMAT}; install a coverage that is")
    found = table(report, "files")
    lost = sorted(Path(name).name for name in wanted - set(found))
    if lost:
        raise GateError(f"coverage did not report {', '.join(lost)}; see its version and these files")
    return found


def table(of: Mapping[str, object], key: str | Path) -> Mapping[str, object]:
    """Return a part that has parts itself."""
    value = of.get(str(key))
    if not isinstance(value, dict):
        raise GateError(f"coverage's JSON report lacks {Path(key).name}; {UNSUPPORTED}")
    return value


def numbers(of: Mapping[str, object], key: str) -> frozenset[int]:
    """Return a part that is a list of lines."""
    value = of.get(key)
    if not isinstance(value, list) or not all(isinstance(item, int) for item in value):
        raise GateError(f"coverage's JSON report lacks {key}; {UNSUPPORTED}")
    return frozenset(value)


def pairs(of: Mapping[str, object], key: str) -> frozenset[tuple[int, int]]:
    """Return a part that is a list of ways from one line to another."""
    match of.get(key):
        case list(found) if all(type(each) is list and [*map(type, each)] == [int, int] for each in found):
            return frozenset((start, end) for start, end in found)
    raise GateError(f"coverage's JSON report lacks {key}; {UNSUPPORTED}")
