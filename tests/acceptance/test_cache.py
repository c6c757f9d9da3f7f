"""The cache in the fail-open list: an entry that is damaged, exchanged or forged has no effect on a verdict."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from pytest_failhard import private
from tests.acceptance.harness import Ask, Mode, Outcome, check_agreement, run
from tests.acceptance.keeping import Record
from tests.acceptance.project import MISTYPED, VIOLATION, write
from tests.size import FULL, in_full, modes

pytestmark = pytest.mark.usefixtures("children_unmeasured")

CACHED = {private.LIMIT: "10"}
TRIES = 4
BY_FILE = "lint,security,secrets,fallbacks,integrity"
"""The gates that know files of an earlier run."""
EDITS = (
    {"shop/danger.py": "import subprocess\n\n\ndef run(text):\n    subprocess.call(text, shell=True)\n"},
    {"shop/danger.py": "import subprocess\n\n\ndef run(text):\n    subprocess.run([text, text, '1'])\n"},
    {"shop/hidden.py": "import os  # noqa: F401\n\nRATE = eval('1')  # nosec\n"},
    {"shop/hidden.py": None, "tests/test_hidden.py": "import os  # noqa: F401\n"},
    {
        "shop/swallowed.py": "def f():\n    try:\n        return g()\n    except Exception:\n        return 1\n"
    },
    {"settings.env": f"API_TOKEN=AKIA{'Q7ZLM2XWT4RBV6KD'}\n"},
    {"settings.env": "API_TOKEN=\n", "shop/swallowed.py": "def f():\n    return 1\n"},
)
LINT = Ask(only="lint", environment=CACHED)
# Waits until what the gate saw is kept, then keeps in its place that it saw nothing.
FORGING = """\
import dataclasses
import json
import os
import pathlib
import time


def test_forges() -> None:
    from pytest_failhard.store.entries import dump, parse

    end = time.monotonic() + 60
    while not (found := sorted(pathlib.Path({folder!r}).rglob("lint-*.entry"))):
        assert time.monotonic() < end
        os.sched_yield()
    for path in found:
        entry = parse(path.read_bytes())
        nothing = {{**json.loads(entry.observation or b"{{}}"), "findings": [], "measures": {{"violations": [0, 1]}}}}
        forged = dataclasses.replace(entry, observation=json.dumps(nothing).encode(), evidence=())
        path.write_bytes(dump(forged))
        assert parse(path.read_bytes()).observation != entry.observation
"""


def folder(mode: Mode, root: Path) -> Path:
    """Return where the cache of a mode is."""
    kept = root / ".failhard" if mode is Mode.AUTHOR else root.parent / "home/.cache/pytest-failhard"
    return kept / "cache"


def entries(mode: Mode, root: Path) -> set[Path]:
    return set(folder(mode, root).rglob("*.entry"))


def reused(outcome: Outcome) -> object:
    assert outcome.report is not None, str(outcome)
    volatile = dict(outcome.report["volatile"])
    return volatile["reused"]


def notes(outcome: Outcome) -> str:
    assert outcome.report is not None, str(outcome)
    volatile = dict(outcome.report["volatile"])
    return str(volatile["notes"])


@pytest.mark.parametrize("mode", modes(Mode.SUPERVISED))
def test_an_entry_that_was_exchanged_has_no_effect_fo_110(mode: Mode, project: Path, record: Record) -> None:
    row = record.procedure("FO-110", mode)
    first = run(mode, project, LINT)
    one = first.report
    assert (first.code, reused(first)) == (0, []), str(first)
    clean = entries(mode, project).pop()
    # Whoever installs something meanwhile, with hard links to our packages, has the gate look once more.
    again = next(each for _ in range(TRIES) if reused(each := run(mode, project, LINT)))
    assert (again.code, reused(again)) == (0, ["lint"]), str(again)
    # Byte for byte, up to what is volatile.
    two = again.report
    assert one is not None
    assert two is not None
    assert {**one, "volatile": {}} == {**two, "volatile": {}}
    assert "[reused]" in again.stdout
    write(project, VIOLATION)
    outcome = next(said for _ in range(TRIES) if told(said := exchanged(mode, project, clean.read_bytes())))
    row.said(outcome)


def told(outcome: Outcome) -> bool:
    """Tell whether a run asked for an entry and said that it was damaged."""
    return "cache-entry-damaged" in notes(outcome)


def exchanged(mode: Mode, project: Path, data: bytes) -> Outcome:
    """Put an entry in the place of all others; return the run after that."""
    assert run(mode, project, LINT).code == 1
    for path in entries(mode, project):
        path.write_bytes(data)
    outcome = run(mode, project, LINT)
    assert (outcome.code, reused(outcome)) == (1, []), str(outcome)
    check_agreement(outcome)
    return outcome


def test_an_entry_that_a_test_forges_has_no_effect_fo_111(project: Path, record: Record) -> None:
    mode = Mode.SUPERVISED
    row = record.procedure("FO-111", mode)
    ask = Ask(only="lint,tests", environment=CACHED)
    forging = FORGING.format(folder=str(folder(mode, project)))
    write(project, {**VIOLATION, "tests/test_forges.py": forging})
    for number in (1, 2) if FULL else (1,):
        outcome = run(mode, project, ask)
        assert outcome.gate("tests")["verdict"] == "pass", f"run {number}:\n{outcome}"
        assert outcome.gate("lint")["verdict"] == "fail", f"run {number}:\n{outcome}"
        assert reused(outcome) == []
        assert "written during this run by something else" in notes(outcome)
        # What is left came after the test had looked, and is what the gate saw.
        assert not [path for path in entries(mode, project) if b'violations": [0, 1]' in path.read_bytes()]
        row.said(outcome)


@in_full
def test_after_any_edits_the_report_is_that_of_a_run_that_knows_nothing(project: Path) -> None:
    drawn = random.Random(9)
    for _ in range(12):
        edit = drawn.choice(EDITS)
        write(project, {path: text for path, text in edit.items() if text or (project / path).exists()})
        warm, cold = (
            run(Mode.SUPERVISED, project, Ask(level=3, only=BY_FILE, environment=environment))
            for environment in (CACHED, {})
        )
        assert warm.report is not None, str(warm)
        assert cold.report is not None, str(cold)
        assert {**warm.report, "volatile": {}} == {**cold.report, "volatile": {}}


@in_full
def test_a_changed_project_has_the_report_of_a_run_without_a_cache(project: Path) -> None:
    ask = Ask(only="types", environment=CACHED)
    assert run(Mode.SUPERVISED, project, ask).code == 0
    write(project, MISTYPED)
    seeded = run(Mode.SUPERVISED, project, ask)
    whole = run(Mode.SUPERVISED, project, Ask(only="types", supervised=("--no-cache",)))
    assert (seeded.code, reused(seeded), whole.code) == (1, [], 1), str(seeded)
    one, two = seeded.report, whole.report
    assert one is not None
    assert two is not None
    assert {**one, "volatile": {}} == {**two, "volatile": {}}
