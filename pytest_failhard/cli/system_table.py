"""Derives the table that declares the system, for a project that has none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_failhard.model import GateError

if TYPE_CHECKING:
    from pytest_failhard.source import Project

HEADER = "[tool.failhard.system]"
OPEN = re.compile(r"# (check|fill in):")


@dataclass(frozen=True, kw_only=True)
class SystemTable:
    """The table as text, its kind, how many places a person has to look at, and what could not be read.

    `model` says where the product uses a language model, in words; empty where it does not.
    """

    text: str
    kind: str
    open: int
    problems: tuple[str, ...]
    model: str


def derive(root: Path, source: Sequence[str], tests: Sequence[str]) -> SystemTable | None:
    """Return the table; None where the roots are not there, so that nothing could be derived."""
    # It parses the whole product: nobody else who runs the command pays for that.
    from pytest_failhard.gates.system import derived
    from pytest_failhard.source import read
    from pytest_failhard.system.derive.proposal import propose, table

    try:
        project = read(root, tuple(source), tuple(tests))
    except GateError:
        return None
    found = derived.derive(project)
    proposal = propose(found)
    text = table(proposal)
    return SystemTable(
        text=text,
        kind=proposal.kind,
        open=len(OPEN.findall(text)),
        problems=found.problems,
        model=_model(project),
    )


def _model(project: Project) -> str:
    from pytest_failhard.gates.llm import applies

    try:
        found = applies.uses(project)
    except GateError:
        return ""  # a file that does not parse: it stands among the problems
    return f"{found[0].what} ({found[0].path}:{found[0].line})" if found else ""
