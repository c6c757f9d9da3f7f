"""A result file proves the run, and only whole, unaltered and ours."""

from __future__ import annotations

import dataclasses
import json
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_failhard import model, records

NONCE = "0f" * 16
texts = st.text(max_size=12)
lists = st.lists(texts, max_size=3).map(tuple)
test_records = st.builds(
    model.TestRecord,
    nodeid=texts,
    when=texts,
    outcome=texts,
    raised=texts,
    reason=texts,
    xfail=st.booleans(),
    xfail_strict=st.booleans(),
    path=texts,
    line=st.integers(),
    seconds=st.floats(allow_nan=False, allow_infinity=False),
    message=texts,
    markers=texts,
)
runs = st.builds(
    model.TestRun,
    collected=lists,
    selected=lists,
    deselected=lists,
    records=st.lists(test_records, max_size=4).map(tuple),
    hooks=st.lists(st.builds(model.ProjectHook, hook=texts, path=texts, line=st.integers()), max_size=2).map(
        tuple
    ),
    lost_workers=lists,
    exit_status=st.integers(),
    interrupted=st.booleans(),
    inipath=texts,
    arguments=lists,
    environment_options=texts,
    coverage_data=st.none() | st.sampled_from([Path("/a/b"), Path("c d")]),
)


def a_run() -> model.TestRun:
    return model.TestRun(
        collected=("t.py::test_a", "t.py::test_b"),
        selected=("t.py::test_a",),
        deselected=("t.py::test_b",),
        records=(
            model.TestRecord(nodeid="t.py::test_a", when="setup", outcome="passed", raised=""),
            model.TestRecord(nodeid="t.py::test_a", when="call", outcome="failed", raised="AssertionError"),
        ),
        hooks=(model.ProjectHook(hook="pytest_sessionfinish", path="conftest.py", line=3),),
        lost_workers=("gw0",),
        exit_status=1,
        interrupted=False,
        inipath="/x/pytest.ini",
        arguments=("-q",),
        environment_options="",
        coverage_data=None,
    )


@given(run=runs)
def test_a_sealed_run_is_read_back_unchanged(run: model.TestRun) -> None:
    assert records.read(records.seal(run, NONCE), NONCE) == run


@given(run=runs, data=st.data())
def test_records_that_were_read_while_they_were_written_are_those_that_are_read_at_the_end(
    run: model.TestRun, data: st.DataObject
) -> None:
    sealed = records.seal(run, NONCE)
    with tempfile.NamedTemporaryFile() as stream:
        ahead = records.Ahead(Path(stream.name))
        ahead.look()
        for end in sorted(data.draw(st.lists(st.integers(min_value=0, max_value=len(sealed)), max_size=4))):
            stream.write(sealed[stream.tell() : end])
            stream.flush()
            ahead.look()
    assert set(ahead.known) <= set(records.to_lines(run, NONCE)[1:-2])
    assert records.read(sealed, NONCE, ahead.known) == run
    # What is known stands for what a line says, never for the line.
    with pytest.raises(records.RecordsError):
        records.read(sealed.replace(b'"kind"', b'"king"', 2), NONCE, ahead.known)


def test_what_is_no_record_is_not_read_ahead_and_what_is_not_there_is_no_error(tmp_path: Path) -> None:
    ahead = records.Ahead(tmp_path / "result.jsonl")
    ahead.look()
    (tmp_path / "result.jsonl").write_bytes(
        b'nonsense\n[]\n{"kind":"record"}\n{"kind":"final"}\n{"kind":"rec'
    )
    ahead.look()
    assert ahead.known == {}


@given(record=test_records)
def test_a_record_is_written_as_json_writes_it(record: model.TestRecord) -> None:
    (_, line, *_) = records.to_lines(dataclasses.replace(a_run(), records=(record,)), NONCE)
    written = json.dumps({"kind": "record", **vars(record)}, sort_keys=True, separators=(",", ":"))
    assert line.decode() == f"{written}\n"


@given(run=runs, data=st.data())
def test_any_truncation_is_refused(run: model.TestRun, data: st.DataObject) -> None:
    sealed = records.seal(run, NONCE)
    end = data.draw(st.integers(min_value=0, max_value=len(sealed) - 1))
    with pytest.raises(records.RecordsError):
        records.read(sealed[:end], NONCE)


@given(run=runs, data=st.data())
def test_any_flipped_bit_is_refused(run: model.TestRun, data: st.DataObject) -> None:
    sealed = bytearray(records.seal(run, NONCE))
    place = data.draw(st.integers(min_value=0, max_value=len(sealed) - 1))
    sealed[place] ^= 1 << data.draw(st.integers(min_value=0, max_value=7))
    with pytest.raises(records.RecordsError):
        records.read(bytes(sealed), NONCE)


@given(run=runs, data=st.data())
def test_a_line_removed_doubled_or_moved_is_refused(run: model.TestRun, data: st.DataObject) -> None:
    lines = records.to_lines(run, NONCE)
    place = st.integers(min_value=0, max_value=len(lines) - 1)
    one, other = data.draw(place), data.draw(place)
    moved = [*lines[:one], *lines[one + 1 :]]
    moved.insert(other, lines[one])
    for changed in ([*lines[:one], *lines[one + 1 :]], [*lines, lines[one]], moved):
        if changed != lines:
            with pytest.raises(records.RecordsError):
                records.read(b"".join(changed), NONCE)


@given(run=runs, nonce=texts.filter(lambda nonce: nonce != NONCE))
def test_a_foreign_nonce_is_refused(run: model.TestRun, nonce: str) -> None:
    with pytest.raises(records.RecordsError, match="foreign"):
        records.read(records.seal(run, nonce), NONCE)


def resealed(*lines: bytes) -> bytes:
    """Seal lines as a forger who knows the nonce would."""
    chain = ""
    for line in lines:
        chain = records._chain(chain, line)
    return b"".join([*lines, records._final(NONCE, len(lines), chain)])


AGAIN = "run the tests again with `failhard check`"
LINES = records.to_lines(a_run(), NONCE)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", f"the result of the tests is missing: the process wrote nothing; {AGAIN}"),
        (b"".join(LINES)[:-1], f"the result of the tests is cut short in its last line; {AGAIN}"),
        (b"".join(LINES[:-1]), f"the result of the tests is cut short: 4 lines, none final; {AGAIN}"),
        (b"".join([*LINES, LINES[1]]), f"line 6 of the result of the tests stands after the end; {AGAIN}"),
        (
            b"".join([LINES[0], *LINES[2:]]),
            f"the result of the tests has 3 lines, its end says 4; {AGAIN}",
        ),
        (
            b"".join([LINES[0], LINES[2], LINES[1], *LINES[3:]]),
            f"the result of the tests was altered: its lines do not match the chain at its end; {AGAIN}",
        ),
        (b'{"chain": nonsense\n', f"line 1 of the result of the tests is no JSON; {AGAIN}"),
        (resealed(b"[]\n"), f"line 1 of the result of the tests is no object; {AGAIN}"),
        (
            resealed(*LINES[1:-1]),
            f"the result of the tests has no failhard-result/1 manifest, records and facts; {AGAIN}",
        ),
        (
            resealed(LINES[0], LINES[1].replace(b'"xfail":false', b'"xfail":0'), LINES[3]),
            f"line 2 of the result of the tests: xfail is absent or of a wrong type; {AGAIN}",
        ),
        (
            resealed(LINES[0], LINES[1].replace(b'"xfail"', b'"xfaul"'), LINES[3]),
            f"line 2 of the result of the tests: a field is absent or of a wrong type; {AGAIN}",
        ),
        (
            resealed(LINES[0], LINES[3].replace(b'"conftest.py"', b"1")),
            f"line 2 of the result of the tests: hooks is absent or of a wrong type; {AGAIN}",
        ),
        (
            resealed(LINES[0], LINES[3].replace(b'["gw0"]', b"[0]")),
            f"line 2 of the result of the tests: lost_workers is absent or of a wrong type; {AGAIN}",
        ),
        (
            resealed(LINES[0].replace(b'["t.py::test_a"]', b"1"), LINES[3]),
            f"line 1 of the result of the tests: selected is absent or of a wrong type; {AGAIN}",
        ),
        (
            resealed(LINES[0], LINES[3].replace(b'"interrupted":false', b'"interrupted":0')),
            f"line 2 of the result of the tests: interrupted is absent or of a wrong type; {AGAIN}",
        ),
        (
            resealed(LINES[0], LINES[3].replace(b'"coverage_data":null', b'"coverage_data":1')),
            "line 2 of the result of the tests: later or coverage_data is absent or of a wrong type; "
            + AGAIN,
        ),
    ],
)
def test_the_refusal_says_what_is_wrong(data: bytes, message: str) -> None:
    with pytest.raises(records.RecordsError) as caught:
        records.read(data, NONCE)
    assert str(caught.value) == message


def test_the_writer_appends_what_read_accepts(tmp_path: Path) -> None:
    path = tmp_path / "result.jsonl"
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    run = a_run()
    writer = records.RecordWriter(descriptor, NONCE)
    writer.manifest(run.collected[:1], run.selected, ())
    assert path.read_bytes().count(b"\n") == 1
    for record in run.records:
        writer.record(record)
    with pytest.raises(records.RecordsError, match="cut short"):
        records.read(path.read_bytes(), NONCE)
    writer.finish(run)
    assert records.read(path.read_bytes(), NONCE) == run
    with pytest.raises(records.RecordsError, match="sealed"):
        writer.record(run.records[0])
    os.close(descriptor)


def test_what_waits_to_be_written_is_bounded_and_comes_in_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "result.jsonl"
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    run = a_run()
    writer = records.RecordWriter(descriptor, NONCE)
    writer.manifest(run.collected, run.selected, run.deselected)
    record = dataclasses.replace(run.records[0], message="m" * 1000)
    size, missing = path.stat().st_size, 0
    for _ in range(200):
        writer.record(record)
        missing += len(records.to_lines(dataclasses.replace(run, records=(record,)), NONCE)[1])
        assert size + missing - path.stat().st_size <= records.FLUSH_BYTES
        assert path.read_bytes().endswith(b"\n")
    whole = dataclasses.replace(run, records=(record,) * 200)
    writer.finish(whole)
    assert records.read(path.read_bytes(), NONCE) == whole
    os.close(descriptor)


def test_the_writer_refuses_ids_that_vanish_after_the_manifest(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path / "result.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    writer = records.RecordWriter(descriptor, NONCE)
    writer.manifest(("t.py::test_gone",), (), ())
    with pytest.raises(records.RecordsError, match="collected node ids changed"):
        writer.finish(a_run())
    os.close(descriptor)
