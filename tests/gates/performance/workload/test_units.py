"""What is under way at a moment, which units are done, and what a workload may say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from pytest_failhard.gates.performance.counters import COST, counted, harness
from pytest_failhard.gates.performance.declaration import Delay, Workload
from pytest_failhard.gates.performance.settings import PerformanceSettings
from pytest_failhard.gates.performance.workload.answering import delay
from pytest_failhard.gates.performance.workload.flights import Steps, pending, rank, steps
from pytest_failhard.gates.performance.workload.units import Tally, Watch, expected, tally
from pytest_failhard.model import GateError
from tests.gates.performance.jobs import PROJECT, WORKLOAD
from tests.support import write

SPANS = st.lists(st.tuples(st.integers(0, 100), st.integers(0, 40)), max_size=30)


def test_a_step_function_is_exact() -> None:
    found = steps([(0, 10), (5, 20), (20, 30)], 0, 40)
    # What begins as another one ends is not beside it.
    assert found.points == ((0, 1), (5, 2), (10, 1), (30, 0))
    assert (found.highest, found.end) == (2, 40)
    assert found.average == (10 + 15 + 10) / 40
    assert found.mean(5, 10) == 2
    assert (found.mean(7, 7), steps([], 0, 5).average, Steps(points=(), end=0).average) == (0, 0, 0)


@given(SPANS)
def test_a_step_function_agrees_with_counting(drawn: list[tuple[int, int]]) -> None:
    spans = [(start, start + length) for start, length in drawn]
    found = steps(spans, 0, 200)
    at = {moment: sum(start <= moment < end for start, end in spans) for moment in range(200)}
    assert found.highest == max(at.values())
    assert found.average == pytest.approx(sum(at.values()) / 200)
    thin = found.thinned(7)
    assert len(thin) <= 7
    assert max((number for _, number in thin), default=0) == found.highest


def test_a_queue_that_grows_to_the_end() -> None:
    due = range(0, 3000, 10)
    steady = pending(due, [moment + 25 for moment in due], 0)
    assert (steady.highest, steady.grows(2, 2990)) == (3, False)
    growing = pending(due, [2 * moment + 25 for moment in due], 0)
    assert growing.grows(8, 2990)
    assert not growing.grows(1000, 2990)
    assert not Steps(points=(), end=0).grows(0, 9)
    # What never ends is still awaited at the end.
    assert pending([5, 6], [9], 5).points == ((0, 1), (1, 2), (4, 0))


@pytest.mark.parametrize(("percent", "value"), [(50, 2), (95, 4), (25, 1), (100, 4)])
def test_the_nearest_rank(percent: int, value: int) -> None:
    assert rank([1, 2, 3, 4], percent) == value
    assert rank([], percent) is None


def test_lines_are_seen_as_they_come(tmp_path: Path) -> None:
    write(tmp_path, {"out/a.jsonl": '{"id": "old"}\n'})
    watch = Watch(tmp_path, "out/*.jsonl", "id")
    watch.look(1)
    path = tmp_path / "out" / "a.jsonl"
    path.write_text('{"id": "x"}\n{"id": 7}\n\n{"id"')
    watch.look(2)
    with path.open("a") as stream:
        stream.write(': "late"}')
    watch.look(3)
    write(tmp_path, {"out/b.jsonl": "plain text\n[1]\n"})
    watch.look(4)
    watch.finish(5)
    assert [(unit.name, unit.moment) for unit in watch.units] == [
        ("x", 2),
        ("7", 2),
        ("plain text", 4),
        ("[1]", 4),
        ("late", 5),
    ]
    path.write_text('{"id": "anew"}\n')
    watch.finish(6)
    assert watch.units[-1].name == "anew"


def test_items_against_results(tmp_path: Path) -> None:
    write(tmp_path, {"items.jsonl": '{"id": "a"}\n{"id": "b"}\n{"id": "c"}\n'})
    wanted = expected(tmp_path / "items.jsonl", "id", 3)
    assert tally(wanted, 3, ["a", "b", "c"]) == Tally(completed=3)
    assert tally(wanted, 3, ["a", "a", "c"]) == Tally(completed=2, lost=1, duplicated=1, names=("b", "a"))
    # Where results carry other names, numbers have to do.
    assert tally(wanted, 3, ["A", "B"]) == Tally(completed=2, lost=1)
    assert tally(frozenset(), 2, ["x", "y", "y"]) == Tally(completed=2, duplicated=1, names=("y",))
    assert expected(None, "id", 3) == frozenset()
    with pytest.raises(GateError, match=r"3 lines with 3 names for 4 items"):
        expected(tmp_path / "items.jsonl", "id", 4)
    with pytest.raises(GateError, match="cannot be read"):
        expected(tmp_path / "none.jsonl", "id", 4)


def test_the_delay_follows_from_seed_and_request() -> None:
    drawn = Delay(median=20, sigma="0.4")
    bodies = [str(number).encode() for number in range(400)]
    taken = [delay(drawn, 1, body) for body in bodies]
    assert taken == [delay(drawn, 1, body) for body in bodies]
    assert taken != [delay(drawn, 2, body) for body in bodies]
    assert 0.018 < sorted(taken)[200] < 0.022
    assert 0.4 < sum(each > 0.020 for each in taken) / 400 < 0.6
    assert {delay(20, seed, b"") for seed in range(3)} == {0.02}


def test_the_harness_follows_from_all_that_makes_the_work(tmp_path: Path) -> None:
    write(tmp_path, PROJECT)
    items = tmp_path / "bench" / "items.jsonl"
    first = harness(WORKLOAD, tmp_path, items)
    assert first == harness(WORKLOAD, tmp_path, items)
    # Prices decide what it costs, and nothing else.
    assert first[COST] != first["llm_calls"] == first["llm_input_tokens"]
    items.write_text(PROJECT["bench/items.jsonl"] + "\n")
    assert first["llm_calls"] != harness(WORKLOAD, tmp_path, items)["llm_calls"]
    assert counted([]) == {}


def declared(**table: object) -> Workload:
    text = json.dumps({"workloads": [{"id": "x", "kind": "job", "items": 1, **table}]})
    return TypeAdapter(PerformanceSettings).validate_json(text).workloads[0]


def test_a_declaration_as_it_stands_in_a_table() -> None:
    found = declared(start=["a"], done="out", llm_delay_ms={"median": 20, "sigma": "0.4"}, seed=3)
    assert found.llm_delay_ms == Delay(median=20, sigma="0.4")
    assert found.asks
    assert found.table == {
        "id": "x",
        "kind": "job",
        "items": 1,
        "start": ("a",),
        "done": "out",
        "llm_delay_ms": {"median": 20, "sigma": "0.4"},
        "seed": 3,
    }


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({}, ["x: done: a workload of kind job needs it", "x: start: a workload of kind job needs it"]),
        ({"start": ["a"], "done": "o", "route": "r"}, ["x: route: a workload of kind job has no such thing"]),
        (
            {"kind": "http", "done": "o"},
            ["x: route: a workload of kind http needs it", "x: done: a workload"],
        ),
        ({"kind": "worker", "start": ["a"], "done": "o"}, ["x: ready_log", "x: submit"]),
        ({"id": "a b", "items": 0, "done": "../x"}, ["letters, digits", "items", "inside the project"]),
        ({"llm_delay_ms": {"median": 20, "sigma": "9"}}, ["a decimal from 0 to 2"]),
        ({"llm_delay_ms": {"median": 20, "sigma": "much"}}, ["a decimal from 0 to 2"]),
        ({"ready_log": "("}, ["must be a regular expression"]),
    ],
)
def test_all_mistakes_of_a_declaration_are_told(table: dict[str, object], words: list[str]) -> None:
    with pytest.raises(ValidationError) as error:
        declared(**table)
    assert [word for word in words if word not in str(error.value)] == []


def test_an_id_stands_once() -> None:
    with pytest.raises(ValueError, match="the id describe stands twice"):
        PerformanceSettings(workloads=(WORKLOAD, WORKLOAD))
