"""Makes bytes that no tool wrote, out of those of one that did, and holds a reader against them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from pytest_failhard.model import GateError
from tests.size import FULL

EXAMPLES = 1_000 if FULL else 12
DEEP = 100_000 if FULL else 20_000
"""Far beyond the recursion limit, and what a child of ours could be handed in a moment."""
SHALLOW = 1_200
"""Beyond the recursion limit of what is written in Python, which takes its time for each level."""
PLACES = st.integers(0, 1 << 16)
TOKEN = re.compile(rb'"(?:[^"\\\n]|\\.)*"|[\w.+-]+')
TOKENS = (
    *(b"", b"null", b"true", b"{}", b"[]", b'""', b"-1", b"0", b"NaN", b"-Infinity", b"1e400", b"0.1"),
    *(b"9" * 5_000, b"9" * 30, b'"\\ud800"', b'"\\u0000"', b'"' + b"x" * 5_000 + b'"', b'"\xc3\xa9\xff"'),
    *(
        b"[" * 30,
        b"'",
        b'"',
        b"1979-05-27T07:32:00",
        b"0001-01-01T00:00:00+14:00",
        b"&a [*a]",
        b"!!python/name:x",
    ),
    *(b"[[x]]", b"$(x)", b"%(x)s", b"../../x", b"http://[", b"x" * 200 + b"!"),
)
PIECES = (
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\r\n",
    b"\r",
    b"\t",
    b"\x0c",
    b"\xe2\x80\xa8",
    b"\xed\xa0\x80",
    b"\\",
    b"[" * 100,
)
VALUES: tuple[object, ...] = (
    *(None, True, False, 0, -1, 1 << 80, 0.5, float("nan"), float("inf"), "", "\0", "\ud800", "x" * 3_000),
    *(
        [],
        {},
        [[]],
        [{}],
        [None],
        {"": None},
        [["a", 1]],
        "1",
        "0001-01-01T00:00:00+14:00",
        "http://[",
        ["x"],
    ),
)

Change = Callable[[bytes, int, int], bytes]


def _truncated(data: bytes, first: int, _second: int) -> bytes:
    return data[: first % (len(data) + 1)]


def _cut(data: bytes, first: int, second: int) -> bytes:
    start = first % (len(data) + 1)
    return data[:start] + data[start + 1 + second % 40 :]


def _flipped(data: bytes, first: int, second: int) -> bytes:
    place = first % max(1, len(data))
    return (
        data[:place] + bytes(each ^ (1 << second % 8) for each in data[place : place + 1]) + data[place + 1 :]
    )


def _inserted(data: bytes, first: int, second: int) -> bytes:
    place = first % (len(data) + 1)
    return data[:place] + PIECES[second % len(PIECES)] + data[place:]


def _repeated(data: bytes, first: int, second: int) -> bytes:
    start = first % (len(data) + 1)
    return data[:start] + data[start : start + 1 + second % 200] * 2 + data[start:]


def _token(data: bytes, first: int, second: int) -> bytes:
    found = [*TOKEN.finditer(data)]
    if not found:
        return TOKENS[second % len(TOKENS)]
    match = found[first % len(found)]
    return data[: match.start()] + TOKENS[second % len(TOKENS)] + data[match.end() :]


def _lines(data: bytes, first: int, second: int) -> bytes:
    lines = data.splitlines(keepends=True) or [b""]
    taken = lines.pop(first % len(lines))
    if second % 3:
        lines[second % (len(lines) + 1) : 0] = [taken] * (second % 3)
    return b"".join(lines)


def _carriage(data: bytes, _first: int, _second: int) -> bytes:
    return data.replace(b"\n", b"\r\n")


def _swapped(data: bytes, first: int, second: int) -> bytes:
    """Put another value at a place of a JSON document, or of one of several JSON lines; or take it out."""
    lines = data.split(b"\n")
    whole = _document(data)
    if whole is not None:
        return _changed(whole, first, second)
    number = second % len(lines)
    line = _document(lines[number])
    if line is None:
        return _token(data, first, second)
    return b"\n".join([*lines[:number], _changed(line, first, first // 7), *lines[number + 1 :]])


def _document(data: bytes) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _changed(document: object, first: int, second: int) -> bytes:
    spots = [*_spots(document)]
    if not spots:
        return json.dumps(VALUES[second % len(VALUES)]).encode()
    holder, key = spots[first % len(spots)]
    if second % 5 == 0:
        del holder[key]  # type: ignore[attr-defined]  # a dict or a list, each with its own key
    else:
        holder[key] = VALUES[second % len(VALUES)]  # type: ignore[index]  # as above
    return json.dumps(document).encode()


def _spots(value: object) -> Iterator[tuple[object, object]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in [*pairs]:
        yield value, key
        yield from _spots(each)


CHANGES: tuple[Change, ...] = (
    *(_swapped, _token, _swapped, _token, _truncated, _cut, _flipped),
    *(_inserted, _repeated, _lines, _carriage),
)
"""Twice what stays well-formed: nothing else comes behind the first parser."""


def extremes(sample: bytes) -> tuple[bytes, ...]:
    """Return what every reader meets once: empty, binary, without end, of the wrong kind."""
    return (
        *(
            b"",
            b"\0",
            b"\xff\xfe\0",
            b"\xef\xbb\xbf" + sample,
            sample + b"\0",
            b"null",
            b"[]",
            b"{}",
            b"0",
            b'""',
        ),
        *(
            b"NaN",
            b"1e400",
            b"9" * 5_000,
            b"[" * SHALLOW,
            b'{"a":' * SHALLOW,
            b"a = " + b"[" * SHALLOW,
            b"x" * 20_000,
        ),
        *(b"a = " + b"9" * 5_000, b"- " * SHALLOW, b'"\\ud800"', sample * 2, sample.replace(b"\n", b"\r\n")),
    )


def mutated(sample: bytes) -> st.SearchStrategy[bytes]:
    """Return a sample with one to three things changed, or what has nothing to do with it."""

    def applied(steps: list[tuple[Change, int, int]]) -> bytes:
        data = sample
        for change, first, second in steps:
            data = change(data, first, second)
        return data

    step = st.tuples(st.sampled_from(CHANGES), PLACES, PLACES)
    changed = st.lists(step, min_size=1, max_size=3).map(applied)
    text = st.text(max_size=80).map(lambda each: each.encode("utf-8", "surrogatepass"))
    return changed | changed | changed | st.binary(max_size=80) | text


@dataclass(frozen=True, kw_only=True)
class Reader:
    """What reads bytes, and what it may answer.

    `read` gets the bytes and a folder; all that it yields must have been taken. `sample` is what it reads
    without complaint. `refuses` are the errors that it documents. `holds` tells whether what was read from
    a changed sample may stand; by default all may. `found` are documents that it once ended on.
    """

    name: str
    read: Callable[[bytes, Path], object]
    sample: bytes
    refuses: tuple[type[Exception], ...] = (GateError,)
    holds: Callable[[object], bool] = lambda _result: True
    found: tuple[bytes, ...] = ()

    def __str__(self) -> str:
        return self.name


def _refused(reader: Reader, data: bytes, folder: Path) -> str | None:
    """Return why the reader refuses, None where it reads; raises AssertionError for what may not stand."""
    try:
        result = reader.read(data, folder)
    except reader.refuses as error:
        return str(error)
    assert reader.holds(result), f"{reader}: {data[:300]!r} was read as {result!r:.300}"
    return None


def fuzz(reader: Reader, folder: Path) -> None:
    """Raise AssertionError, or what the reader raised, for bytes that it neither reads nor refuses."""
    assert reader.holds(reader.read(reader.sample, folder)), f"{reader}: does not read its own sample"

    def meet(data: bytes) -> None:
        words = _refused(reader, data, folder)
        assert words is None or words.strip(), f"{reader}: refuses {data[:300]!r} without a word"

    for data in extremes(reader.sample):
        meet(data)
    test = settings(max_examples=EXAMPLES, database=None, derandomize=not FULL)(
        given(mutated(reader.sample))(meet)
    )
    for data in reader.found:
        test = example(data)(test)
    test()
