"""The report as GitHub workflow commands: annotations of files, within the few that are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_failhard.model import Severity
from pytest_failhard.report.rows import NO_FILE, rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_failhard.model import Report
    from pytest_failhard.report.rows import Row

MOST = 10
"""Of one kind and step so many are kept, the rest is dropped without a word."""
KINDS = {Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "notice"}
# The sign of all escapes first.
_IN_MESSAGE = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_IN_PROPERTY = {**_IN_MESSAGE, ":": "%3A", ",": "%2C"}


def render(report: Report) -> str:
    """Return one command a line, the worst first; the last says how many were left out."""
    shown: list[str] = []
    left = 0
    counts = dict.fromkeys(KINDS.values(), 0)
    # One place is kept for the line that says what was left out.
    most = {kind: MOST - (kind == "notice") for kind in counts}
    for row in rows(report):
        kind = KINDS[row.severity]
        if counts[kind] < most[kind]:
            counts[kind] += 1
            shown.append(_command(kind, row))
        else:
            left += 1
    total = sum(counts.values()) + left
    if left:
        text = f"{sum(counts.values())} of {total} findings are annotated; the report has all of them"
        shown.append(f"::notice title=failhard::{_escaped(text, _IN_MESSAGE)}")
    return "\n".join(shown)


def quoted(text: str) -> str:
    """Return text of which no line is a command, whatever a path or a message of the project holds.

    The runner takes `::` at the begin of a line, and the older `##[` anywhere in it.
    """
    lines = text.replace("##[", "# #[").splitlines()
    return "\n".join(f"| {line}" if line.lstrip().startswith("::") else line for line in lines)


def _command(kind: str, row: Row) -> str:
    properties = {
        "file": row.path or NO_FILE,
        "line": str(max(row.line, 1)),
        "title": f"failhard {row.gate}: {row.rule}",
    }
    named = ",".join(f"{name}={_escaped(value, _IN_PROPERTY)}" for name, value in properties.items())
    text = f"{row.message} (fix: {row.fix})" if row.fix else row.message
    return f"::{kind} {named}::{_escaped(text, _IN_MESSAGE)}"


def _escaped(text: str, table: Mapping[str, str]) -> str:
    for character, escape in table.items():
        text = text.replace(character, escape)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
