"""Answers that a project writes itself, for systems that need real content."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pytest_failhard.llm.canaries import Canaries
from pytest_failhard.llm.content import Content
from pytest_failhard.llm.request import Request, Route

SCHEMA = "failhard-llm-answers/1"


class AnswersError(Exception):
    """No healthy answer can be made, or a script is malformed: one line a mistake."""


@dataclass(frozen=True, kw_only=True)
class Answers:
    """A script of answers."""

    @classmethod
    def load(cls, path: Path) -> Answers:
        """Read a script."""
        raise AnswersError(f"{path}: scripted answers are not supported yet")

    def content(self, request: Request, route: Route, canaries: Canaries) -> Content | None:
        """Return the answer of the first rule that matches."""
        return None
