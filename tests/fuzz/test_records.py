"""What our own runs leave and read again: an error or the whole of it, and never a greener one.

Known limits: a whole entry taken out of an observation, a report or a record of calls shows by the digest that
the report has of it, not by what reads it.
"""

from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path
from types import MappingProxyType

import pytest

from pytest_failhard import history, quarantine, records, store
from pytest_failhard.distributions import target
from pytest_failhard.distributions.attest import inputs, origin
from pytest_failhard.distributions.attest.statement import Subject
from pytest_failhard.fleet import summary
from pytest_failhard.judge import judge
from pytest_failhard.llm import ledger
from pytest_failhard.model import Observation, Rule, Severity, Verdict
from pytest_failhard.report import document, migration, models, observation, waivers
from pytest_failhard.report.html import reading
from pytest_failhard.store.journal import JournalError, opened
from tests.fuzz.mutations import Reader, fuzz
from tests.llm.requests_made import ATTEMPT
from tests.report.samples import LONG_LINE, REPORT, WAIVER
from tests.report.test_migration import FIRST_REPORT
from tests.test_records import NONCE, a_run

RED = Observation(tool="ruff 1", examined=3, findings=(LONG_LINE,), measures=MappingProxyType({"errors": 1}))
RULE = Rule(gate="lint", fail_at=Severity.LOW, timeout=9, at_most={"errors": 0})


class Drawn(reading.Loose):
    """As a chart reads a figure."""

    value: reading.Figure


REPORT_DATA = document.render(REPORT)


def _observed(data: bytes, _folder: Path) -> Verdict:
    return judge(RULE, observation.load(data), (), date(2026, 11, 20)).verdict


def _sealed(data: bytes, _folder: Path) -> object:
    read, is_sealed = migration.load(data)
    return (read.verdict, is_sealed)


def _is_no_forged_pass(result: object) -> bool:
    """A report that says otherwise than the sample has another digest than its bytes."""
    return isinstance(result, tuple) and (result[0] == REPORT.verdict.value or not result[1])


def _raised(data: bytes, _folder: Path) -> object:
    return migration.back(migration.up(document.parsed(data)))


def _called() -> bytes:
    made = ledger.Ledger("case")
    made.add(ATTEMPT)
    made.refuse("tls", "handshake")
    return ledger.lines(made)


def _ran(data: bytes, folder: Path) -> object:
    (folder / "history.jsonl").write_bytes(data)
    with opened(folder, "history") as journal:
        return history.read(journal).entries


def _quarantined(data: bytes, folder: Path) -> object:
    (folder / "quarantine.jsonl").write_bytes(data)
    with opened(folder, "quarantine") as journal:
        return quarantine.read(journal).entries


def _inputs() -> bytes:
    return inputs.dump(
        inputs.Inputs(
            version="1",
            origin=origin.of({}, remote="", ref="", commit="c" * 40, is_clean=True, manifest="m"),
            subjects=(Subject(name="a", path="dist/a.whl", sha256="0" * 64),),
            materials=({"uri": "pkg:pypi/a@1"},),
        )
    )


TARGET = json.dumps(
    {
        "paths": ["/a"],
        "markers": dict.fromkeys(target.MARKERS, "x"),
        "standard": ["os"],
        "prefix": "/a",
        "abi": "",
    }
).encode()
RUN_LINE = (
    b'{"schema": "failhard-history/1", "kind": "run", "at": "2026-11-20T10:00:00Z", "commit": "'
    + b"c" * 40
    + b'", "dirty": false, "tree": "'
    + b"a" * 64
    + b'", "packages": "", "level": 2, "policy": "", "rules": {}, '
    b'"complete": true, "verdict": "fail", "report": "", "gates": {"lint": {"verdict": "fail"}}}\n'
)
KEPT = (
    Reader(
        name="the result of the tests",
        read=lambda data, _: records.read(data, NONCE),
        sample=records.seal(a_run(), NONCE),
        refuses=(records.RecordsError,),
        holds=lambda run: run == a_run(),
    ),
    Reader(
        name="a line of the result of the tests",
        read=lambda data, _: records._record(1, records._object(1, data)),
        sample=records.to_lines(a_run(), NONCE)[1],
        refuses=(records.RecordsError,),
    ),
    Reader(
        name="an observation",
        read=_observed,
        sample=observation.dump(RED),
    ),
    Reader(
        name="waivers of a run",
        read=lambda data, _: waivers.load(data),
        sample=waivers.dump([WAIVER]),
    ),
    Reader(
        name="a report",
        read=_sealed,
        sample=REPORT_DATA,
        refuses=(document.DocumentError,),
        holds=_is_no_forged_pass,
        found=(
            REPORT_DATA.replace(b'"shop"', b'"\\ud800"'),
            REPORT_DATA.replace(b'"seed": 0', b'"seed": 1e400'),
        ),
    ),
    Reader(
        name="a report brought up and back",
        read=_raised,
        sample=FIRST_REPORT.read_bytes(),
        refuses=(document.DocumentError,),
    ),
    Reader(
        name="the models of a run",
        read=lambda data, _: models.named(data),
        sample=b'{"models": ["openai:m"]}',
    ),
    Reader(
        name="drawn evidence",
        read=lambda data, _: (reading.whole(Drawn, data), reading.lines(Drawn, data)),
        sample=b'{"value": "1.5"}',
        refuses=(reading.UnreadableError,),
    ),
    Reader(name="the history", read=_ran, sample=RUN_LINE * 2, refuses=(JournalError,)),
    Reader(name="the quarantine", read=_quarantined, sample=b"{}\n", refuses=(JournalError,)),
    Reader(
        name="the lock of a report folder",
        read=lambda data, _: store._live_owner(data),
        sample=b'{"pid": %d, "started": 1.0}' % os.getpid(),
        refuses=(),
    ),
    Reader(
        name="what an interpreter says of itself",
        read=lambda data, _: target.parsed(data),
        sample=TARGET,
        refuses=(ValueError,),
        found=(b"[" * 20_000,),
    ),
    Reader(
        name="a record of model calls",
        read=lambda data, _: ledger.read(data),
        sample=_called(),
        refuses=(ledger.LedgerError,),
    ),
    Reader(name="inputs of a provenance", read=lambda data, _: inputs.load(data), sample=_inputs()),
    Reader(
        name="a summary of several projects",
        read=lambda data, _: summary.durations(data),
        sample=b'{"volatile": {"seconds": {"a": 1.5}}}',
        refuses=(),
    ),
)


@pytest.mark.parametrize("reader", KEPT, ids=str)
def test_what_a_run_left_is_read_or_refused(reader: Reader, tmp_path_factory: pytest.TempPathFactory) -> None:
    fuzz(reader, tmp_path_factory.mktemp("fuzz"))
