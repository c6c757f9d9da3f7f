"""Tests of what is written down: every figure of a pair, every decision, every proof once."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

from pytest_failhard.gates.performance import PerformanceGate
from pytest_failhard.gates.performance.evidence import Journal
from pytest_failhard.gates.performance.pairs.measured import Measured, Outcome
from pytest_failhard.gates.performance.pairs.series import measure
from pytest_failhard.gates.performance.samples import Conditions, Failure
from pytest_failhard.gates.performance.statistics import Terms
from tests.gates.performance.duets import ONE, TWO, Played, benchmark, conduct, pair, steady
from tests.support import Kept, gate_run


def written(journal: Journal, folder: Path) -> dict[str, str]:
    """Keep a journal and return its files."""
    kept = Kept()
    root = folder / "root"
    root.mkdir()
    evidence = journal.keep(gate_run(root, PerformanceGate(), keep=kept), Fraction("1.15"))
    assert all(each.volatile for each in evidence)
    return {name: data.decode() for name, data in kept.files.items()}


def test_a_series_as_it_is_written_down(tmp_path: Path) -> None:
    journal = Journal()
    play = Played(lambda name, number: steady(1.0 if name == ONE else 1.4)(name, number))
    measure([benchmark(), benchmark(TWO, limit="0.10")], play, conduct(journal))

    files = written(journal, tmp_path)

    lines = [json.loads(line) for line in files["pairs.jsonl"].splitlines()]
    assert [(line["benchmark"], line["pair"]) for line in lines[:4]] == [
        (ONE, 1),
        (TWO, 1),
        (ONE, 2),
        (TWO, 2),
    ]
    assert lines[1] == {
        "benchmark": TWO,
        "purpose": "measure",
        "pair": 1,
        "seed": 1,
        "cpu": 0,
        "first": "base",
        "calls": 1,
        "base": {
            "wall": [1_000_000] * 4,
            "cpu": [1_000_000] * 4,
            "children": [0] * 4,
            "delay": [0] * 4,
            "adj": [1_000_000] * 4,
            "peak_rss": 0,
        },
        "head": {
            "wall": [1_407_000] * 4,
            "cpu": [1_407_000] * 4,
            "children": [0] * 4,
            "delay": [0] * 4,
            "adj": [1_407_000] * 4,
            "peak_rss": 0,
        },
        "conditions": dict.fromkeys(("load", "pressure", "steal", "delay", "throttled", "periods")),
    }
    decisions = json.loads(files["decisions.json"])
    assert (decisions["schema"], decisions["limit"]) == ("failhard-decisions/1", "1.15")
    assert decisions["estimated_seconds"] == {"measure": "8.0"}
    same, slower = decisions["decisions"]
    assert (same["benchmark"], same["state"], same["limit"], same["pairs"]) == (ONE, "not-slower", "1.15", 3)
    assert (slower["benchmark"], slower["state"], slower["limit"], slower["pairs"]) == (
        TWO,
        "slower",
        "1.1",
        6,
    )
    assert slower["ratio"].startswith("1.40")
    assert slower["alarms"] == [{"pair": 3, "clock": "cpu_mean", "kept": True}]
    assert set(slower["clocks"]) == {"cpu", "cpu_mean", "adj"}
    assert set(slower["clocks"]["cpu"]) == {"ratio", "low", "high", "pairs", "spread"}


def test_a_clock_that_could_not_be_had_is_named(tmp_path: Path) -> None:
    journal = Journal()
    measure([benchmark()], Played(steady(1.0), adjusted=False, why_not="no schedstat"), conduct(journal))

    (decision,) = json.loads(written(journal, tmp_path)["decisions.json"])["decisions"]

    assert decision["unavailable"] == {"adj": "no schedstat"}
    assert set(decision["clocks"]) == {"cpu", "cpu_mean", "wall"}


def test_a_proof_that_stands_there_is_named_by_its_line(tmp_path: Path) -> None:
    journal = Journal()
    for number, head in enumerate(["a", "a", "b"], start=1):
        journal.proofs("measure", number, {"base": {"modules": "a"}, "head": {"modules": head}})

    lines = [json.loads(line) for line in written(journal, tmp_path)["proof.jsonl"].splitlines()]

    assert [(line["pair"], line["side"]) for line in lines[:2]] == [(1, "base"), (1, "head")]
    assert [line.get("line") for line in lines] == [None, None, 1, 2, 1, None]
    assert [line.get("proof") for line in lines if "proof" in line] == [
        {"modules": "a"},
        {"modules": "a"},
        {"modules": "b"},
    ]


def test_shares_are_text_and_what_gave_no_pair_is_no_decision(tmp_path: Path) -> None:
    journal = Journal()
    journal.pair("self-check", ONE, pair(1, 1.0, conditions=Conditions(load=1.5, throttled=2, periods=9)))
    journal.decision(
        "measure",
        Measured(benchmark=benchmark(), outcome=Outcome.NEW, base_failure=Failure(kind="absent")),
        Terms(limit=Fraction("1.15"), benchmarks=1, final_width=Fraction("0.10")),
    )

    files = written(journal, tmp_path)

    (line,) = [json.loads(line) for line in files["pairs.jsonl"].splitlines()]
    assert line["conditions"]["load"] == "1.500000"
    assert (line["conditions"]["throttled"], line["conditions"]["periods"]) == (2, 9)
    assert json.loads(files["decisions.json"])["decisions"] == []
