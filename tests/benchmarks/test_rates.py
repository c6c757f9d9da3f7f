"""Recorded pairs come back as they were, and are counted right; recording goes on where it was cut short."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from benchmarks.performance_gate import calibrate, page, rates, raw, recorded, replay
from benchmarks.performance_gate.bounds import at_least, at_most
from benchmarks.performance_gate.methods import Logs, Outcome, answered
from benchmarks.performance_gate.recorded import RawPair
from benchmarks.performance_gate.rows import OURS, ROWS, STORED
from tests.benchmarks.recordings import calls, recording

MACHINE = {"day": "2026-01-15", "python": "3", "system": "Linux", "processor": "one", "processors": "2"}


def percent(pairs: list[RawPair], noise: str = "quiet") -> dict[str, dict[str, float]]:
    """Return percent of decisions that fail, by method and level."""
    found: dict[str, dict[str, float]] = {}
    for count in rates.counted(replay.grouped(pairs)):
        if count.noise == noise:
            found.setdefault(count.method, {})[count.level] = count.percent
    return found


def test_on_a_steady_machine_thresholds_are_right() -> None:
    found = percent(recording())
    assert set(found) == {*ROWS} - {
        "stored median wall, baseline quiet, candidate noisy",
        "same, quiet to noisy, divided by reference CPU",
    }
    for method, levels in found.items():
        with_threshold = "no threshold" not in method and "same time" not in method
        if with_threshold:
            assert [levels[level] for level in ("0b", "10", "20", "30")] == [0, 0, 100, 100], method
    assert found["Mann-Whitney p < .05, 1 pair, no threshold"]["5"] == 100
    assert found["both sides at the same time, median wall > 15 %"] == {"0b": 0, "20": 100}


def test_where_the_machine_drifts_stored_times_fail_what_is_the_same() -> None:
    found = percent(recording(speed=lambda turn: 1 + 0.3 * turn))
    assert found[STORED]["0b"] == 100
    assert found["stored median wall / reference workload > 15 %"]["0b"] == 0
    assert found["alternating, 1 pair, median wall > 15 %"]["0b"] == 0
    assert found[OURS] == {"0b": 0, "5": 0, "10": 0, "15": pytest.approx(0, abs=100), "20": 100, "30": 100}


def test_disjoint_decisions_share_no_pair() -> None:
    logs: list[Logs] = [{"cpu": float(number)} for number in range(10)]
    seen: list[list[float | None]] = []

    def decided(chunk: list[Logs] | tuple[Logs, ...]) -> Outcome | None:
        if len(chunk) < 4:
            return None
        seen.append([each["cpu"] for each in chunk[:4]])
        return answered(True, 4)

    assert len(list(replay.disjoint(logs, 6, lambda chunk: decided(list(chunk))))) == 2
    assert seen == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_a_pair_comes_back_as_it_was(tmp_path: Path) -> None:
    pairs = recording(blocks=1, pairs=1)
    path, packed = tmp_path / "raw.jsonl", tmp_path / "raw.jsonl.gz"
    head = json.dumps({"machine": MACHINE}) + "\n"
    path.write_text(head + "".join(pair.line() for pair in pairs) + pairs[0].line()[:50])
    assert recorded.read(path) == (MACHINE, pairs)
    assert recorded.keep(path, packed) == packed.stat().st_size
    first = packed.read_bytes()
    recorded.keep(path, packed)
    assert (packed.read_bytes(), recorded.read(packed)) == (first, (MACHINE, pairs))
    recorded.mend(path)
    assert path.read_text().endswith(pairs[-1].line())
    without = calls(100, waiting=5, adjusted=False)
    assert recorded.Calls.unpacked(without.packed()) == without


def test_recording_goes_on_where_it_was_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "raw.jsonl"
    for _ in range(2):
        raw.run(path, ("string",), until=float("inf"), pairs=1, rounds=2, block=2)
        path.write_text(path.read_text() + '{"cut')
    _, pairs = recorded.read(path)
    assert [(pair.noise, pair.block, pair.number) for pair in pairs] == [("quiet", 0, 0), ("quiet", 0, 1)]
    assert {len(side[level].cpu) for pair in pairs for side in pair.sides for level in side} == {2}
    following = next(raw.steps(path, ("string",), 2))
    assert (following.noise, following.block, following.number) == ("noisy", 1, 0)


def test_blocks_alternate_between_quiet_and_noisy() -> None:
    steps = list(itertools.islice(raw.plan(("a", "b"), 2), 12))
    assert [step.noise for step in steps] == ["quiet"] * 4 + ["noisy"] * 4 + ["quiet"] * 4
    assert [(step.workload, step.block, step.number) for step in steps[6:10]] == [
        ("b", 3, 0),
        ("b", 3, 1),
        ("a", 4, 2),
        ("a", 4, 3),
    ]


@pytest.mark.parametrize("fixed", [0, 50, 400])
@pytest.mark.parametrize("bend", [0.0, 0.0005])
def test_fixed_costs_of_a_call_are_allowed_for(fixed: float, bend: float) -> None:
    def cost(units: int) -> float:
        return fixed + units + bend * units**2

    units = {level: 1000 + 10 * level for level in calibrate.LEVELS}
    for _ in range(2):
        achieved = {level: cost(count) / cost(1000) for level, count in units.items()}
        units = calibrate.corrected(1000, units, achieved)
    for level, count in units.items():
        assert cost(count) / cost(1000) == pytest.approx(1 + level / 100, abs=0.001)


def test_what_is_kept_to_make_calls_slower_was_checked() -> None:
    document = json.loads(calibrate.STORED.read_text("utf-8"))
    for name, units in calibrate.stored().items():
        assert list(units) == [0, *calibrate.LEVELS]
        assert list(units.values()) == sorted(units.values())
        assert set(document["achieved"][name]) == {str(level) for level in calibrate.LEVELS}


def test_bounds_are_those_of_clopper_and_pearson() -> None:
    assert at_most(0, 299) == pytest.approx(1 - 0.05 ** (1 / 299))
    assert at_most(1, 474) == pytest.approx(0.01, abs=0.00005)
    assert at_least(210, 210) == pytest.approx(0.05 ** (1 / 210))
    assert (at_most(0, 0), at_most(3, 3)) == (1.0, 1.0)


def test_the_page_repeats_the_counts() -> None:
    pairs = recording()
    text = page.of_rates(rates.document(MACHINE, pairs))
    assert "| alternating, 1 pair, min CPU > 15 % | 0.0 0.0 0.0 " in text
    assert "| pure | 10, 10 | 1.050 1.100 1.150 1.200 1.300 |" in text
    assert "| pure quiet | 0.0 %; 0 100 100 | 0.0 %; 0 100 100 |" in text
    assert text.startswith("20 pairs on 2 processors (one), Linux, 3, 2026-01-15.")
