"""The ways in which a report can be printed, apart from what prints it: pytest asks before it loads that."""

from __future__ import annotations

TEXT, AGENT, GITHUB = "text", "agent", "github"
FORMATS = (TEXT, AGENT, GITHUB)
