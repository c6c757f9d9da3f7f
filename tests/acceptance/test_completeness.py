"""Each entry of the fail-open list has a case or a reason why not, each exit code occurs, each peer fact is in form."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from tests.acceptance import test_cache, test_processes, test_resuming
from tests.acceptance.harness import EXIT, Expected, Mode
from tests.acceptance.test_failopen import CASES
from tests.support import GATES

HERE = Path(__file__).parent
LAST = 139
"""The list's last id; ids are never used again."""
ALL = {f"FO-{number:02}" for number in range(1, LAST + 1)}


def _later() -> dict[str, str]:
    tables = tomllib.loads((HERE / "later.toml").read_text("utf-8"))
    return {identity: table["reason"] for table in tables.values() for identity in table["ids"]}


def _covered() -> set[str]:
    modules = (test_cache, test_processes, test_resuming)
    names = [name for module in modules for name in vars(module) if name.startswith("test_")]
    numbers = {number for name in names for number in re.findall(r"_fo_(\d+)", name)}
    return {case.id for case in CASES} | {f"FO-{int(number):02}" for number in numbers}


def test_each_entry_has_a_case_or_a_reason() -> None:
    later = _later()
    assert _covered() | set(later) == ALL
    assert not _covered() & set(later)
    assert all(reason for reason in later.values())


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
