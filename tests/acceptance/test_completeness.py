"""Each entry of the fail-open list has a case or a reason why not, each exit code occurs, each peer fact is in form."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from tests.acceptance import test_cache, test_processes, test_resuming
from tests.acceptance.cases import CASES
from tests.acceptance.harness import EXIT, Expected, Mode
from tests.acceptance.matrix import demanded, later, limits, titles, topics, unpromised
from tests.acceptance.procedures import PROCEDURES
from tests.support import GATES

HERE = Path(__file__).parent
LAST = 139
"""The list's last id; ids are never used again."""
ALL = {f"FO-{number:02}" for number in range(1, LAST + 1)}


LONGEST_TITLE = 90


def _processes() -> set[str]:
    modules = (test_cache, test_processes, test_resuming)
    names = [name for module in modules for name in vars(module) if name.startswith("test_")]
    numbers = {number for name in names for number in re.findall(r"_fo_(\d+)", name)}
    return {f"FO-{int(number):02}" for number in numbers}


def test_each_entry_has_a_case_or_a_reason() -> None:
    reasons = later()
    covered = {case.id for case in CASES} | _processes()
    assert covered | set(reasons) == ALL
    assert not covered & set(reasons)
    assert all(reason for reason in reasons.values())
    assert _processes() == set(PROCEDURES)


def test_each_entry_has_a_title_in_one_topic() -> None:
    named = [identity for table in topics().values() for identity in table]
    assert sorted(named) == sorted(ALL)
    lengths = {identity: len(title) for identity, title in titles().items()}
    assert {identity: length for identity, length in lengths.items() if length > LONGEST_TITLE} == {}
    assert len(set(titles().values())) == len(ALL)
    assert list(titles()) == [f"FO-{number:02}" for number in range(1, LAST + 1)]


def test_what_author_mode_does_not_promise_is_said_of_just_those_entries() -> None:
    silent = {case.id for case in CASES if unpromised(case)}
    silent |= {identity for identity, procedure in PROCEDURES.items() if not procedure.author}
    assert set(limits()) - set(later()) == silent
    assert {identity for identity in ALL if "no promise" in demanded(identity, Mode.AUTHOR)} == silent
    assert {identity for identity in ALL - set(later()) if not demanded(identity, Mode.SUPERVISED)} == set()


def test_labels_are_unique_and_each_entry_has_a_nameless_case() -> None:
    labels = [case.label for case in CASES]
    assert len(labels) == len(set(labels))
    nameless = {case.id for case in CASES if not case.name}
    assert {case.id for case in CASES} == nameless


def test_each_exit_code_occurs() -> None:
    stated = {
        EXIT[mode][expected]
        for case in CASES
        for mode in Mode
        if (expected := case.expected(mode)) is not None
    }
    text = (HERE / "test_processes.py").read_text("utf-8")
    signalled = {int(code) for code in re.findall(r"signal\.SIG\w+, (\d+)\)", text)}
    watched = {EXIT[Mode.SUPERVISED][Expected.WATCHDOG]} if "Expected.WATCHDOG" in text else set()
    documented = {code for column in EXIT.values() for code in column.values()} | {2, 130, 143}
    assert stated | signalled | watched == documented


def test_each_red_case_has_a_green_twin() -> None:
    """A case without a twin of its own differs from the green project itself, which is run as such."""
    gates = {*GATES, "probe"}
    assert {case.gate for case in CASES} <= gates


def test_peers_are_facts_about_entries() -> None:
    table = tomllib.loads((HERE / "peers.toml").read_text("utf-8"))
    versions = table["versions"]
    for fact in table["fact"]:
        assert set(fact) == {"id", "peer", "command", "result", "fooled"}, fact
        assert fact["id"] in ALL, fact
        assert fact["peer"] in versions, fact
        assert fact["result"], fact
        assert isinstance(fact["fooled"], bool)
    facts = [(fact["id"], fact["peer"], fact["command"]) for fact in table["fact"]]
    assert len(facts) == len(set(facts))
