"""The result of a test run: what each phase of each test did, sealed so that it cannot be cut short."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import operator
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from pytest_failhard.model import ProjectHook, TestRecord, TestRun

SCHEMA = "failhard-result/1"
AGAIN = "run the tests again with `failhard check`"
LIST_FIELDS = ("collected", "selected", "deselected")
FACT_FIELDS = {
    "hooks": list,
    "lost_workers": list,
    "exit_status": int,
    "interrupted": bool,
    "inipath": str,
    "arguments": list,
    "environment_options": str,
}
RECORD_FIELDS: Mapping[str, type] = {
    field.name: {"str": str, "bool": bool, "int": int, "float": float}[str(field.type)]
    for field in dataclasses.fields(TestRecord)
}

_WRITTEN: Mapping[type, Callable[..., str]] = {
    str: json.encoder.encode_basestring_ascii,
    bool: {True: "true", False: "false"}.__getitem__,
    int: int.__repr__,
    float: float.__repr__,
}
_SORTED = sorted(RECORD_FIELDS)
_VALUES = operator.attrgetter(*_SORTED)
_WRITERS = tuple(_WRITTEN[RECORD_FIELDS[name]] for name in _SORTED)
_RECORD = '{"kind":"record",' + ",".join(f'"{name}":%s' for name in _SORTED) + "}\n"
NOTHING_KNOWN: Mapping[bytes, TestRecord] = MappingProxyType({})
FLUSH_BYTES = 64 * 1024
"""So much is kept back until it is written; a run that is cut short proves nothing, however much is there."""

Json = bool | int | float | str | list["Json"] | dict[str, "Json"] | None


class RecordsError(Exception):
    """A result file does not prove what the tests did: missing, cut short, altered or foreign."""


# One for all lines: `json.dumps` would make one for each.
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def _line(kind: str, body: Mapping[str, object]) -> bytes:
    return _ENCODER.encode({"kind": kind, **body}).encode("ascii") + b"\n"


def _record_line(record: TestRecord) -> bytes:
    # As `_line` would write it. There are three records a test, and where it is measured each call of a
    # function that is written in Python costs: here is none.
    return (_RECORD % tuple(map(operator.call, _WRITERS, _VALUES(record)))).encode("ascii")


def _chain(link: str, line: bytes) -> str:
    return hashlib.sha256(link.encode() + line).hexdigest()


def _final(nonce: str, count: int, chain: str) -> bytes:
    return _line("final", {"nonce": nonce, "count": count, "chain": chain})


class RecordWriter:
    """Appends the lines of a result to a file descriptor, many of them with one system call."""

    def __init__(self, descriptor: int, nonce: str) -> None:
        self._descriptor = descriptor
        self._nonce = nonce
        self._chain = ""
        self._count = 0
        self._waiting = bytearray()
        self._manifest: dict[str, tuple[str, ...]] = {}
        self.started = False
        self.finished = False

    def manifest(self, collected: Iterable[str], selected: Iterable[str], deselected: Iterable[str]) -> None:
        """Write the node ids known now; what is learnt later goes into the facts."""
        known = (tuple(collected), tuple(selected), tuple(deselected))
        self._manifest = dict(zip(LIST_FIELDS, known, strict=True))
        self.started = True
        self._append(_line("manifest", {"schema": SCHEMA, **self._manifest}))
        self._flush()

    def record(self, record: TestRecord) -> None:
        """Write one record."""
        self._append(_record_line(record))

    def finish(self, run: TestRun) -> None:
        """Write the facts of the run and the seal; nothing may follow."""
        later: dict[str, list[str]] = {}
        for name, now in zip(LIST_FIELDS, (run.collected, run.selected, run.deselected), strict=True):
            known = self._manifest[name]
            if now[: len(known)] != known:
                raise RecordsError(f"the {name} node ids changed after the manifest was written")
            later[name] = list(now[len(known) :])
        self._append(_line("facts", {"later": later, **_facts(run)}))
        self._append(_final(self._nonce, self._count, self._chain))
        self._flush()
        self.finished = True

    def _append(self, line: bytes) -> None:
        if self.finished:
            raise RecordsError("the result is sealed: nothing can be added to it")
        self._chain = _chain(self._chain, line)
        self._count += 1
        self._waiting += line
        if len(self._waiting) >= FLUSH_BYTES:
            self._flush()

    def _flush(self) -> None:
        rest = bytes(self._waiting)
        self._waiting.clear()
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]


def _facts(run: TestRun) -> dict[str, object]:
    facts: dict[str, object] = {
        name: value for name, value in vars(run).items() if name in FACT_FIELDS and name != "hooks"
    }
    facts["hooks"] = [dataclasses.astuple(hook) for hook in run.hooks]
    facts["coverage_data"] = None if run.coverage_data is None else str(run.coverage_data)
    return facts


def to_lines(run: TestRun, nonce: str) -> list[bytes]:
    """Return the lines of a finished run, sealed with the nonce."""
    ids = {name: list(vars(run)[name]) for name in LIST_FIELDS}
    lines = [_line("manifest", {"schema": SCHEMA, **ids})]
    lines += [_record_line(record) for record in run.records]
    lines.append(_line("facts", {"later": {name: [] for name in LIST_FIELDS}, **_facts(run)}))
    chain = ""
    for line in lines:
        chain = _chain(chain, line)
    return [*lines, _final(nonce, len(lines), chain)]


class Ahead:
    """Reads the records of a result while the tests write it: at their end most of them are known.

    A record says the same wherever its line stands, so each is known by its line. What the file proves is
    asked of the whole file, at its end.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = 0
        self.known: dict[bytes, TestRecord] = {}

    def look(self) -> None:
        """Read what was added; a file that cannot be read, and a line that is no record, are left alone."""
        try:
            with self._path.open("rb") as stream:
                stream.seek(self._at)
                data = stream.read()
        except OSError:
            return
        whole = data[: data.rfind(b"\n") + 1]
        self._at += len(whole)
        for line in whole.splitlines(keepends=True):
            with contextlib.suppress(RecordsError):
                entry = _object(0, line)
                if entry.get("kind") == "record":
                    self.known[line] = _record(0, entry)


def seal(run: TestRun, nonce: str) -> bytes:
    """Return the whole result file of a finished run."""
    return b"".join(to_lines(run, nonce))


def read(data: bytes, nonce: str, known: Mapping[bytes, TestRecord] = NOTHING_KNOWN) -> TestRun:
    """Return the run that a result file proves; raises RecordsError if it proves none.

    `known` are records by their lines, as `Ahead` read them.
    """
    if not data:
        raise RecordsError(f"the result of the tests is missing: the process wrote nothing; {AGAIN}")
    if not data.endswith(b"\n"):
        raise RecordsError(f"the result of the tests is cut short in its last line; {AGAIN}")
    return from_lines(data.splitlines(keepends=True), nonce, known)


def is_sealed(data: bytes, nonce: str) -> bool:
    """Tell whether a result file is whole, unaltered and of this run."""
    try:
        _check_seal(data.splitlines(keepends=True), nonce)
    except RecordsError:
        return False
    return True


def from_lines(
    lines: Iterable[bytes], nonce: str, known: Mapping[bytes, TestRecord] = NOTHING_KNOWN
) -> TestRun:
    """Return the run that the lines of a result file prove; raises RecordsError if they prove none."""
    every = list(lines)
    _check_seal(every, nonce)
    left = [(number, line) for number, line in enumerate(every[:-1], 1) if line not in known]
    parsed = dict(zip((number for number, _ in left), _objects(left), strict=True))
    kinds = [
        "record" if line in known else parsed[number].get("kind") for number, line in enumerate(every[:-1], 1)
    ]
    if kinds != ["manifest", *["record"] * (len(kinds) - 2), "facts"] or parsed[1].get("schema") != SCHEMA:
        raise RecordsError(f"the result of the tests has no {SCHEMA} manifest, records and facts; {AGAIN}")
    records = tuple(
        known[line] if line in known else _record(number, parsed[number])
        for number, line in enumerate(every[1:-2], 2)
    )
    return _run(parsed[1], records, parsed[len(kinds)])


def _check_seal(lines: list[bytes], nonce: str) -> None:
    finals = [number for number, line in enumerate(lines, 1) if line.startswith(b'{"chain":')]
    if not finals:
        raise RecordsError(f"the result of the tests is cut short: {len(lines)} lines, none final; {AGAIN}")
    if finals[0] != len(lines):
        raise RecordsError(f"line {finals[0] + 1} of the result of the tests stands after the end; {AGAIN}")
    chain = ""
    for line in lines[:-1]:
        chain = _chain(chain, line)
    # Compared as bytes: whatever else the last line could say, it does not say.
    if lines[-1] != _final(nonce, len(lines) - 1, chain):
        raise RecordsError(_mismatch(_object(len(lines), lines[-1]), nonce, len(lines) - 1))


def _mismatch(final: Mapping[str, Json], nonce: str, count: int) -> str:
    if final.get("nonce") != nonce:
        return f"the result of the tests is a foreign one: its nonce is not that of this run; {AGAIN}"
    if final.get("count") != count:
        return f"the result of the tests has {count} lines, its end says {final.get('count')}; {AGAIN}"
    return f"the result of the tests was altered: its lines do not match the chain at its end; {AGAIN}"


def _objects(lines: list[tuple[int, bytes]]) -> list[dict[str, Json]]:
    # All at once takes half as long; where that cannot be what the lines say, each is asked for itself.
    with contextlib.suppress(ValueError, RecursionError):
        values = json.loads(b"[%b]" % b",".join(line for _, line in lines))
        if len(values) == len(lines) and all(isinstance(value, dict) for value in values):
            return list(values)
    return [_object(number, line) for number, line in lines]


def _object(number: int, line: bytes) -> dict[str, Json]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        raise RecordsError(f"line {number} of the result of the tests is no JSON; {AGAIN}") from None
    if not isinstance(value, dict):
        raise RecordsError(f"line {number} of the result of the tests is no object; {AGAIN}")
    return value


def _malformed(number: int, name: str) -> RecordsError:
    return RecordsError(
        f"line {number} of the result of the tests: {name} is absent or of a wrong type; {AGAIN}"
    )


def _record(number: int, entry: Mapping[str, Json]) -> TestRecord:
    fields = {name: value for name, value in entry.items() if name != "kind"}
    if fields.keys() != RECORD_FIELDS.keys():
        raise _malformed(number, "a field")
    for name, value in fields.items():
        if type(value) is not RECORD_FIELDS[name]:
            raise _malformed(number, name)
    # Checked field by field above, which a type checker cannot follow.
    return TestRecord(**fields)  # type: ignore[arg-type]


def _texts(value: Json, number: int, name: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise _malformed(number, name)
    texts = tuple(item for item in value if isinstance(item, str))
    if len(texts) != len(value):
        raise _malformed(number, name)
    return texts


def _hook(value: Json, number: int) -> ProjectHook:
    match value:
        case [str(hook), str(path), int(line)]:
            return ProjectHook(hook=hook, path=path, line=line)
    raise _malformed(number, "hooks")


def _run(manifest: Mapping[str, Json], records: tuple[TestRecord, ...], facts: Mapping[str, Json]) -> TestRun:
    number = len(records) + 2
    later = facts.get("later")
    folder = facts.get("coverage_data")
    for name, kind in FACT_FIELDS.items():
        if type(facts.get(name)) is not kind:
            raise _malformed(number, name)
    if not isinstance(later, dict) or not isinstance(folder, str | None):
        raise _malformed(number, "later or coverage_data")
    collected, selected, deselected = (
        _texts(manifest.get(name), 1, name) + _texts(later.get(name), number, name) for name in LIST_FIELDS
    )
    hooks = facts["hooks"]
    status = facts["exit_status"]
    # Repeated for the type checker alone.
    if not isinstance(hooks, list) or not isinstance(status, int):
        raise _malformed(number, "hooks")
    return TestRun(
        collected=collected,
        selected=selected,
        deselected=deselected,
        records=records,
        hooks=tuple(_hook(hook, number) for hook in hooks),
        lost_workers=_texts(facts["lost_workers"], number, "lost_workers"),
        exit_status=status,
        interrupted=facts["interrupted"] is True,
        inipath=str(facts["inipath"]),
        arguments=_texts(facts["arguments"], number, "arguments"),
        environment_options=str(facts["environment_options"]),
        coverage_data=None if folder is None else Path(folder),
    )
