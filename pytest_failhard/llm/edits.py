"""Edits of a healthy event stream: what is cut, put in, doubled, delayed or wrongly framed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from pytest_failhard.llm.catalogue import Json
from pytest_failhard.llm.content import at
from pytest_failhard.llm.dialects import eventstream
from pytest_failhard.llm.dialects.base import Event, compact
from pytest_failhard.llm.http1 import chunk
from pytest_failhard.llm.operations import Fin, Hang, Repeat, Rst, Send, Sleep
from pytest_failhard.llm.recipes import SETTLE_SECONDS
from pytest_failhard.llm.replies import WireError
from pytest_failhard.llm.streams import DELTAS, END, Step, Stream, fields, first_delta, without

SPLIT_SECONDS = 0.02
BEAT_SECONDS, BEATS = 0.3, 3
NO_UTF8 = b"\xff\xfe"
_SHORT_LENGTH = 5
_DONE = frozenset({"done"})


def edit(name: str, stream: Stream) -> list[Step]:
    """Return the steps of an edited stream. Raises WireError for a name that is no edit."""
    if name not in _EDITS:
        raise WireError(f"{name!r} is no edit of a stream; known: {', '.join(sorted(_EDITS))}")
    return _EDITS[name](stream)


# Streams that end too early, or never.


def _truncated(stream: Stream) -> list[Step]:
    return [*stream.framing.chunks(stream.begun), END]


def _empty(_stream: Stream) -> list[Step]:
    return [END]


def _fin(stream: Stream) -> list[Step]:
    return [*stream.framing.chunks(stream.begun), Fin()]


def _rst(stream: Stream) -> list[Step]:
    return [*stream.framing.chunks(stream.begun), Sleep(seconds=SETTLE_SECONDS), Rst()]


def _stall(stream: Stream) -> list[Step]:
    events = stream.events()
    return [*stream.framing.chunks(events[: first_delta(events) + 1]), Hang()]


def _keepalive_forever(stream: Stream) -> list[Step]:
    return [Repeat(data=chunk(_beat(stream)), every=stream.number("every", BEAT_SECONDS))]


def _beat(stream: Stream) -> bytes:
    text = stream.text("")
    return _raw_event(text) if text else stream.framing.heartbeat


def _raw_event(text: str) -> bytes:
    """Return an event, or a comment, that is given line by line."""
    return f"{text}\n\n".encode()


def _last_unterminated(stream: Stream) -> list[Step]:
    events = [each for each in stream.events() if each.part not in {"finish", "usage", "done"}]
    *before, last = stream.framing.chunks(events)
    return [*before, last.rstrip(b"\n"), END]


def _cut_frame(stream: Stream) -> list[Step]:
    *before, last = stream.framing.chunks(stream.begun)
    return [*before, last[: len(last) // 2], END]


# Something else in the place of the rest.


def _instead(stream: Stream, rest: Sequence[Step]) -> list[Step]:
    return [*stream.framing.chunks(stream.begun), *rest]


def _error_object(stream: Stream) -> list[Step]:
    return _instead(stream, [_encoded(stream, Event(part="other", data=_failure(stream))), END])


def _encoded(stream: Stream, event: Event) -> bytes:
    return stream.framing.between + stream.framing.encode(event)


def _failure(stream: Stream) -> Json:
    message = f"The server had an error while processing your request: {stream.context.canaries.poison}"
    return stream.given(stream.dialect.error(stream.context, 200, message))


def _error_event(stream: Stream) -> list[Step]:
    if stream.framing.media_type == eventstream.MEDIA_TYPE:
        return _instead(stream, [_error_frame(stream), END])
    event = Event(part="other", name="error", data=_numbered(stream, _failure(stream)))
    return _instead(stream, [_encoded(stream, event), END])


def _error_frame(stream: Stream) -> bytes:
    """Return an exception frame, or an error frame where the parameter `error` names its code."""
    failure = _failure(stream)
    code = stream.values.get("error")
    if isinstance(code, str):
        return eventstream.error(code, str(at(failure, "message")))
    name = stream.values.get("exception") or "modelStreamErrorException"
    return eventstream.exception(str(name), compact(failure).encode())


def _bad_json(stream: Stream) -> list[Step]:
    return _raw_instead(stream, '{"id": "c1", "choices": [')


def _not_object(stream: Stream) -> list[Step]:
    return _raw_instead(stream, "42")


def _raw_instead(stream: Stream, default: str) -> list[Step]:
    """Put a text where the data of the next event is due, under that event's name, and end as if healthy."""
    name = stream.begun[-1].name if stream.begun else ""
    event = Event(part="other", name=name, raw=stream.text(default))
    return _instead(stream, [_encoded(stream, event), *_ending(stream)])


def _ending(stream: Stream) -> list[Step]:
    return [*(_encoded(stream, each) for each in stream.ended), END]


def _bad_utf8(stream: Stream) -> list[Step]:
    poison = stream.context.canaries.poison
    poisoned = replace(stream.context, content=replace(stream.context.content, text=poison, tool_calls=()))
    event = next(each for each in stream.events(poisoned) if each.part == "text")
    data = _encoded(stream, event).replace(poison.encode(), poison.encode() + NO_UTF8)
    return _instead(stream, [data, *_ending(stream)])


def _bad_chunk(stream: Stream) -> list[Step]:
    """Announce fewer bytes than follow: the parser finds text where the chunk's end is due."""
    *before, last = stream.framing.chunks(stream.begun)
    return [*before, Send(data=f"{_SHORT_LENGTH:x}\r\n".encode() + last + b"\r\n"), END, Fin()]


def _bad_crc(stream: Stream) -> list[Step]:
    *before, last = stream.framing.chunks(stream.begun)
    return [*before, eventstream.with_bad_checksum(last), END]


def _failed(stream: Stream) -> list[Step]:
    return _responded(stream, "failed", {"output": [], "usage": None, "error": _failure(stream)})


def _incomplete(stream: Stream) -> list[Step]:
    details = stream.given({"reason": "max_output_tokens"})
    return _responded(stream, "incomplete", {"incomplete_details": details})


def _responded(stream: Stream, status: str, changes: Mapping[str, Json]) -> list[Step]:
    """End a Responses stream in another way than completed."""
    cut = fields(stream.dialect.body(stream.context.cut))
    response: Json = {**cut, "status": status, **changes}
    name = f"response.{status}"
    event = Event(part="finish", name=name, data=_numbered(stream, {"type": name, "response": response}))
    return _instead(stream, [_encoded(stream, event), END])


def _numbered(stream: Stream, data: Json) -> Json:
    """Return an event's data with the number that follows, where the dialect numbers its events."""
    last = fields(stream.begun[-1].data) if stream.begun else {}
    number = last.get("sequence_number")
    return {**fields(data), "sequence_number": number + 1} if isinstance(number, int) else data


# Complete streams with other content or another end.


def _finished(finish: str) -> Callable[[Stream], list[Step]]:
    def cut(stream: Stream) -> list[Step]:
        content = replace(stream.context.cut.content, finish=finish)
        return stream.whole(stream.events(replace(stream.context, content=content)))

    return cut


def _tool_cut(stream: Stream) -> list[Step]:
    return stream.whole(stream.events(stream.context.cut))


def _tool_garbage(stream: Stream) -> list[Step]:
    garbage = stream.text(f"}}{{ {stream.context.canaries.poison}")
    calls = [replace(each, arguments=garbage) for each in stream.context.content.tool_calls]
    content = replace(stream.context.content, tool_calls=tuple(calls))
    return stream.whole(stream.events(replace(stream.context, content=content)))


def _no_done(stream: Stream) -> list[Step]:
    return stream.whole(without(stream.events(), _DONE))


def _done_first(stream: Stream) -> list[Step]:
    events = stream.events()
    done = [each for each in events if each.part == "done"]
    return stream.whole([*done, *without(events, _DONE)])


def _no_message_start(stream: Stream) -> list[Step]:
    return stream.whole(stream.events()[1:])


def _duplicate(stream: Stream) -> list[Step]:
    return stream.whole([each for one in stream.events() for each in [one] * _times(one)])


def _times(event: Event) -> int:
    return 2 if event.part in DELTAS else 1


def _missing_index(stream: Stream) -> list[Step]:
    return stream.whole([replace(each, data=_unindexed(each.data)) for each in stream.events()])


def _unindexed(data: Json) -> Json:
    listed: list[Json] = [
        {name: value for name, value in fields(choice).items() if name != "index"}
        for choice in _choices(data)
    ]
    return {**fields(data), "choices": listed} if listed else data


def _choices(data: Json) -> list[Json]:
    listed = fields(data).get("choices")
    return listed if isinstance(listed, list) else []


def _interleaved(stream: Stream) -> list[Step]:
    events = stream.events()
    deltas = [each for each in events if each.part in DELTAS]
    by_choice: dict[object, list[Event]] = {}
    for each in deltas:
        by_choice.setdefault(at(each.data, "choices", 0, "index"), []).append(each)
    mixed = [each for group in zip(*by_choice.values(), strict=False) for each in group]
    first = first_delta(events)
    return stream.whole([*events[:first], *mixed, *without(events[first:], DELTAS)])


def _empty_choices(stream: Stream) -> list[Step]:
    """Put in a chunk without choices: in the middle, or as the event that the parameter `at` says."""
    events = stream.events()
    bare: Json = {**fields(events[0].data), "choices": []}
    place = int(stream.number("at", first_delta(events) + 1))
    extra = Event(part="other", data=stream.given(bare))
    return stream.whole([*events[:place], extra, *events[place:]])


def _unknown_event(stream: Stream) -> list[Step]:
    """Put in a second event that no client knows: a raw one, or one named by the parameter `event`."""
    name = str(stream.values.get("event") or "zzz")
    extra = Event(part="other", name=name, data=stream.given({"type": name}))
    data = _raw_event(stream.text("")) if stream.form.text else _encoded(stream, extra)
    first, *rest = stream.whole(stream.events())
    return [first, data, *rest]


# Complete streams that come in another way.


def _keepalive(stream: Stream) -> list[Step]:
    steps = stream.whole(stream.events())
    for _ in range(int(stream.number("count", BEATS))):
        steps = [_beat(stream), Sleep(seconds=stream.number("every", BEAT_SECONDS)), *steps]
    return steps


def _crlf(stream: Stream) -> list[Step]:
    steps = stream.whole(stream.events())
    return [each.replace(b"\n", b"\r\n") if isinstance(each, bytes) else each for each in steps]


def _split(stream: Stream) -> list[Step]:
    steps = stream.whole(stream.events())
    place = min(first_delta(stream.events()), len(steps) - 1)
    event = steps[place]
    if not isinstance(event, bytes):
        return steps
    half = len(event) // 2
    pause = Sleep(seconds=SPLIT_SECONDS)
    return [*steps[:place], event[:half], pause, event[half:], *steps[place + 1 :]]


_EDITS: Mapping[str, Callable[[Stream], list[Step]]] = {
    "truncated": _truncated,
    "empty": _empty,
    "fin": _fin,
    "rst": _rst,
    "stall": _stall,
    "keepalive_forever": _keepalive_forever,
    "last_unterminated": _last_unterminated,
    "cut_frame": _cut_frame,
    "error_object": _error_object,
    "error_event": _error_event,
    "error": _error_event,
    "bad_json": _bad_json,
    "not_object": _not_object,
    "bad_utf8": _bad_utf8,
    "bad_chunk": _bad_chunk,
    "bad_crc": _bad_crc,
    "failed": _failed,
    "incomplete": _incomplete,
    "finish_length": _finished("length"),
    "finish_filter": _finished("content_filter"),
    "tool_cut": _tool_cut,
    "tool_garbage": _tool_garbage,
    "no_done": _no_done,
    "done_first": _done_first,
    "no_message_start": _no_message_start,
    "duplicate": _duplicate,
    "missing_index": _missing_index,
    "interleaved": _interleaved,
    "empty_choices": _empty_choices,
    "unknown_event": _unknown_event,
    "keepalive": _keepalive,
    "crlf": _crlf,
    "split": _split,
}
WHOLE = frozenset({"is_json", "is_html", "error_array"})
"""Edits that are no stream at all: the form's body is answered instead."""
NAMES = frozenset(_EDITS) | WHOLE
"""All edits."""
