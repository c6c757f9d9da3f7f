"""Tells the lines of a log apart: JSON or not, the application's or the server's own; finds telling words."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

PHRASES = (
    r"\bcontinuing\b",
    r"\bfalling back\b",
    r"\busing default",
    r"\bmock",
    r"\bsample data\b",
    r"\bsimulat",
    r"\bdegraded\b",
    r"\bskipping validation\b",
)
"""What software says that goes on without what it needs."""
SHOWN = {pattern: pattern.replace(r"\b", "") for pattern in PHRASES}
NEVER_AWAITED, NESTED_LOOP = "never awaited", "event loop is already running"
FAILED = frozenset({"ERROR", "CRITICAL", "FATAL"})
APPLICATION = "the application"

_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
SERVERS = {
    "gunicorn": re.compile(r"\[\d{4}-\d\d-\d\d [\d:]+ [+-]\d{4}\] \[\d+\] \[[A-Z]+\] .*"),
    "uvicorn": re.compile(
        r"(?:INFO|WARNING|ERROR|DEBUG|CRITICAL): {2,5}(?:Started|Waiting for|Application (?:startup|shutdown)"
        r"|Uvicorn |Shutting down|Finished|Will watch|Stopping|Child process|Terminated child|ASGI "
        r"|Invalid HTTP|connection "
        r'|\S+:\d+ - ")[^\n]*'
    ),
    "werkzeug": re.compile(r" \* .*|WARNING: This is a development server\..*|Press CTRL\+C to quit"),
    "an access log": re.compile(
        r'\S+ \S+ \S+ \[\d+/\w+/\d{4}[: ][\d:]+(?: [+-]\d{4})?\] "[^"]*" \d{3} \S+.*'
    ),
}
_STATUS = (
    re.compile(r'" (\d{3})\b'),
    re.compile(r'"status(?:_code)?": ?"?(\d{3})\b'),
)
_LEVEL = re.compile(r"\b(ERROR|CRITICAL|FATAL)\b")


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of a log. `by` is the application, or the server whose form it has; `document` its JSON."""

    text: str
    by: str
    document: dict[str, object] | None = field(default=None, compare=False)

    @property
    def is_json(self) -> bool:
        """Whether it is one JSON object."""
        return self.document is not None

    @property
    def is_error(self) -> bool:
        """Whether its level says that something failed."""
        if self.document is None:
            return _LEVEL.search(self.text) is not None
        level = next(
            (self.document[name] for name in ("level", "levelname", "severity") if name in self.document), ""
        )
        return str(level).upper() in FAILED

    @property
    def status(self) -> int | None:
        """The status of an answer that it tells of."""
        found = next((match for pattern in _STATUS if (match := pattern.search(self.text))), None)
        return None if found is None else int(found[1])


def lines(log: str) -> tuple[Line, ...]:
    """Return the lines of a log that are not blank, without their colours."""
    return tuple(_line(text) for text in _COLOUR.sub("", log).splitlines() if text.strip())


def _line(text: str) -> Line:
    if text.lstrip().startswith("{"):
        try:
            document: object = json.loads(text)
        except (ValueError, RecursionError):
            document = None
        if isinstance(document, dict):
            return Line(text=text, by=APPLICATION, document=document)
    by = next((name for name, form in SERVERS.items() if form.fullmatch(text)), APPLICATION)
    return Line(text=text, by=by)


def telling(
    listed: Sequence[Line], phrases: Collection[str], failed: Collection[str]
) -> Iterator[tuple[str, Line]]:
    """Yield each phrase with each line that has it, but for errors that the caller was told of.

    `failed` are the ids of requests that were not answered with success.
    """
    patterns = {phrase: re.compile(phrase, re.IGNORECASE) for phrase in phrases}
    for place, line in enumerate(listed):
        for phrase, pattern in patterns.items():
            if pattern.search(line.text) and not (line.is_error and _was_told(listed, place, failed)):
                yield phrase, line


def _was_told(listed: Sequence[Line], place: int, failed: Collection[str]) -> bool:
    """Tell whether an error precedes an answer that says so: the request's own, else the next one told of."""
    if any(identity in listed[place].text for identity in failed):
        return True
    following = (line.status for line in listed[place:])
    status = next((status for status in following if status is not None), None)
    return status is not None and not 200 <= status < 300
