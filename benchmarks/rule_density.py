"""Counts what the static rules find in a thousand lines of generated and of hand-written projects."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from pytest_failhard.model import LEVELS, Severity
from pytest_failhard.policy import shipped_text
from pytest_failhard.rules.findings import settle
from pytest_failhard.rules.scan import Scan, scan
from pytest_failhard.source.files import (
    SourceFile,
    default_source,
    default_tests,
    pyproject,
    read,
    role,
    walk,
)
from pytest_failhard.source.metadata import metadata

GATES = ("fallbacks", "tests", "integrity")
TEST_GATE = "tests"
THOUSAND = 1000


@dataclass(kw_only=True)
class Sums:
    """Lines and hits of some projects; `errors` are findings of severity high, by level."""

    projects: list[str] = field(default_factory=list)
    product_lines: int = 0
    test_lines: int = 0
    unreadable: int = 0
    hits: Counter[str] = field(default_factory=Counter)
    errors: dict[int, Counter[str]] = field(default_factory=lambda: {level: Counter() for level in LEVELS})


def main() -> None:
    """Print, for each group of folders, hits and errors of each rule with their density."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--generated", nargs="*", type=Path, default=[], help="folders of generated projects")
    parser.add_argument(
        "--controls", nargs="*", type=Path, default=[], help="folders of hand-written projects"
    )
    given = parser.parse_args()
    groups = {"generated": given.generated, "controls": given.controls}
    figures = {name: _figures(_counted(folders)) for name, folders in groups.items()}
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")


def _counted(folders: Iterable[Path]) -> Sums:
    sums = Sums()
    for folder in folders:
        found = _scanned(folder)
        sums.projects.append(folder.name)
        sums.unreadable += len(found.unreadable)
        lines = Counter[str]()
        for facts in found.index.files:
            lines[facts.role] += facts.code_lines
        sums.product_lines += lines["product"]
        sums.test_lines += lines["test"]
        for gate in GATES:
            sums.hits.update(hit.rule for hit in settle(found, gate, {}, {}).hits)
            for level in LEVELS:
                sums.errors[level].update(_errors(found, gate, level))
    return sums


def _scanned(folder: Path) -> Scan:
    """Return the scan of a project as it lies there; where no product can be told, roles go by the paths."""
    source = default_source(folder, pyproject(folder))
    project = read(folder, source, default_tests(folder)) if source else None
    known = {file.path: file for file in project.files} if project else {}
    files = [known.get(path, SourceFile(path=path, role=role(path))) for path in walk(folder)]
    return scan(folder, files, metadata(folder))


def _errors(found: Scan, gate: str, level: int) -> Iterable[str]:
    rule = yaml.safe_load(shipped_text(level))["gates"][gate]
    severity = rule["options"]["severity"]["value"]
    return (
        each.rule for each in settle(found, gate, severity, {}).findings if each.severity is Severity.HIGH
    )


def _figures(sums: Sums) -> Mapping[str, object]:
    return {
        "projects": sorted(sums.projects),
        "product_lines": sums.product_lines,
        "test_lines": sums.test_lines,
        "unreadable_files": sums.unreadable,
        "hits": {rule: [count, _density(sums, rule, count)] for rule, count in sorted(sums.hits.items())},
        "errors_per_kloc": {
            str(level): round(_share(errors.values(), sums.product_lines + sums.test_lines), 3)
            for level, errors in sums.errors.items()
        },
        "errors": {str(level): dict(sorted(errors.items())) for level, errors in sums.errors.items()},
    }


def _density(sums: Sums, rule: str, count: int) -> float:
    """Return hits in a thousand lines of the code that the rule reads: tests for FH6xx, else product."""
    lines = sums.test_lines if rule.startswith("FH6") else sums.product_lines
    return round(_share([count], lines), 3)


def _share(counts: Iterable[int], lines: int) -> float:
    return THOUSAND * sum(counts) / lines if lines else 0.0


if __name__ == "__main__":
    main()
