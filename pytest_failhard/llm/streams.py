"""A healthy event stream as an edit sees it: its events, its beginning, its end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pytest_failhard.llm import http1
from pytest_failhard.llm.catalogue import Form, Json
from pytest_failhard.llm.dialects import find
from pytest_failhard.llm.dialects.base import Context, Dialect, Event, Framing
from pytest_failhard.llm.operations import Operation, Send
from pytest_failhard.llm.placeholders import Values, fill, fill_json

DELTAS = frozenset({"text", "tool"})
ENDS = frozenset({"finish", "usage", "done"})

# A step is one HTTP chunk, or an operation as it is.
Step = bytes | Operation
END = Send(data=http1.LAST_CHUNK)


@dataclass(frozen=True, kw_only=True)
class Stream:
    """A stream to edit, with what the fault's form gives to put in."""

    context: Context
    form: Form
    values: Values

    @property
    def dialect(self) -> Dialect:
        """The shapes of the answer."""
        return find(self.context)

    @property
    def framing(self) -> Framing:
        """How events are written."""
        return self.dialect.framing(self.context)

    def events(self, context: Context | None = None) -> tuple[Event, ...]:
        """Return the events of a healthy answer, here or in another context."""
        chosen = context or self.context
        return self.dialect.events(chosen, self.dialect.body(chosen))

    @property
    def begun(self) -> tuple[Event, ...]:
        """The events up to the middle of the text, and nothing that ends it."""
        return without(self.events(self.context.cut), ENDS)

    @property
    def ended(self) -> tuple[Event, ...]:
        """The events with which a healthy stream ends, after its last text."""
        events = self.events()
        return events[_last_delta(events) + 1 :]

    def whole(self, events: Sequence[Event]) -> list[Step]:
        """Return events as a complete stream."""
        closing = [self.framing.closing] if self.framing.closing else []
        return [*self.framing.chunks(events), *closing, END]

    def given(self, default: Json) -> Json:
        """Return the JSON that the form gives, with its placeholders filled."""
        return default if self.form.json is None else fill_json(self.form.json, self.values)

    def text(self, default: str) -> str:
        """Return the text that the form gives."""
        return default if self.form.text is None else fill(self.form.text, self.values)

    def number(self, name: str, default: float) -> float:
        """Return a number among the fault's parameters."""
        found = self.values.get(name)
        return found if isinstance(found, (int, float)) else default


def without(events: Iterable[Event], parts: frozenset[str]) -> tuple[Event, ...]:
    """Return the events that are none of these parts."""
    return tuple(each for each in events if each.part not in parts)


def _last_delta(events: Sequence[Event]) -> int:
    return max((place for place, each in enumerate(events) if each.part in DELTAS), default=-1)


def first_delta(events: Sequence[Event]) -> int:
    """Return the place of the first text or argument, the length where there is none."""
    return next((place for place, each in enumerate(events) if each.part in DELTAS), len(events))


def fields(value: Json) -> dict[str, Json]:
    """Return a JSON object; anything else is an empty one."""
    return value if isinstance(value, dict) else {}
