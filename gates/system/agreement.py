"""Reads the declaration, and refuses to go on where one is missing or lacks what the level demands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pytest_failhard import config
from pytest_failhard.gates.system.derived import derive
from pytest_failhard.gates.system.settings import SystemSettings
from pytest_failhard.model import GateError, Run
from pytest_failhard.source import read
from pytest_failhard.system import declared
from pytest_failhard.system.declaration import EVERY_KIND, MEANINGS, OWN_KEYS, System
from pytest_failhard.system.derive.derived import Derived
from pytest_failhard.system.derive.proposal import propose, table

PROPOSAL = "declare.toml"
FILE = re.compile(r"[^\s]+\.(md|rst|txt|adoc|html|pdf|toml|ya?ml|json)|[\w.-]+(/[\w.-]+)+/?")
"""A requirement that is a path; any other is a sentence."""


def agreed(run: Run, settings: SystemSettings) -> tuple[System, Derived]:
    """Return the declared system, and what the project's files say about it.

    Raises GateError with all that is missing, and the table to paste, which is kept as evidence.
    """
    project = read(run.root, run.source, run.test_roots)
    own = config.load(run.root)
    system = declared.read(run.root)
    if system is None:
        text = table(propose(derive(project)))
        run.keep(PROPOSAL, text.encode())
        listed = "\n".join(_own(own, settings, "library"))
        raise GateError(
            "no system is declared: say in pyproject.toml what it is and how it starts "
            f"(evidence {PROPOSAL}):\n{text}{listed}".rstrip()
        )
    derived = derive(project, start=system.start, openapi=system.openapi)
    missing = system.missing_at(settings.required)
    mistakes = [
        *_own(own, settings, system.kind),
        *(f"[tool.failhard.system] {key}: missing; {MEANINGS.get(key, 'declare it')}" for key in missing),
        *_files(run.root, own),
    ]
    if missing:
        text = table(propose(derive(project)))
        run.keep(PROPOSAL, text.encode())
        mistakes.append(f"what the project's files say of it stands in the evidence {PROPOSAL}")
    if mistakes:
        raise GateError("\n".join(mistakes))
    return system, derived


def _own(own: config.ProjectConfig, settings: SystemSettings, kind: str) -> Iterator[str]:
    """Yield the keys of [tool.failhard] itself that are missing."""
    given = {"purpose": own.purpose, "requirements": own.requirements, "expected_load": own.expected_load}
    for key in OWN_KEYS:
        demanded = {f"{EVERY_KIND}.{key}", f"{kind}.{key}"}.intersection(settings.required)
        if demanded and not given[key]:
            yield f"[tool.failhard] {key}: missing; {MEANINGS[key]}"


def _files(root: Path, own: config.ProjectConfig) -> Iterator[str]:
    for named in own.requirements:
        if FILE.fullmatch(named) and not (root / named).exists():
            yield f"[tool.failhard] requirements: there is no {named}; name the file that is meant"
