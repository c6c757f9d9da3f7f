"""Workloads over a real job of ten lines: what it asks the model, how it is slower, what it loses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_failhard.gates.performance.golden import FILE, SCHEMA, Golden, dump
from pytest_failhard.gates.performance.settings import PerformanceSettings
from pytest_failhard.gates.performance.statistics import State
from pytest_failhard.gates.performance.workload.tightening import Word, tightened
from pytest_failhard.gates.performance.workload.workplace import hash_seed
from pytest_failhard.gates.performance.workloads import Seen, observe_workloads
from pytest_failhard.model import GateError, Severity
from tests.gates.performance.jobs import ENFORCED, PROJECT, WORKLOAD, enforced, run_of, trees, variant
from tests.gates.performance.workload.test_golden import ENTRY
from tests.gates.test_integrity import FixedBase
from tests.support import Kept, write

TIMES = replace(ENFORCED, enforce=("workloads",))
COUNTS = {"llm_calls": 8, "llm_cost_micro_usd": 1300, "llm_input_tokens": 40, "llm_output_tokens": 120}


def seen(
    folder: Path,
    head: dict[str, str],
    base: dict[str, str] | None = None,
    settings: PerformanceSettings = TIMES,
    keep: Kept | None = None,
) -> Seen:
    """Return what is observed of two trees, of one without a base."""
    found = trees(folder, head, base)
    run = run_of(folder, settings, keep=keep)
    try:
        return observe_workloads(run, settings, found)
    finally:
        run.close()


def counts(found: Seen) -> dict[str, int]:
    return {each.counter: each.value for each in found.counts}


def test_what_lost_its_concurrency_takes_longer_a_unit(tmp_path: Path) -> None:
    keep = Kept()
    settings = replace(TIMES, report=("workloads/p50",), workloads=(replace(WORKLOAD, llm_delay_ms=40),))
    found = seen(tmp_path, variant("serialised"), PROJECT, settings, keep)
    (outcome,) = found.outcomes
    assert (outcome.id, outcome.unit, outcome.state) == ("describe", "service", State.SLOWER.value)
    assert outcome.decision is not None
    assert outcome.decision.estimates["seconds_per_unit"].ratio > 1.5
    assert set(outcome.decision.estimates) == {"cpu_per_unit", "seconds_per_unit", "p50"}
    lines = [json.loads(line) for line in keep.files["workloads/describe.jsonl"].splitlines()]
    assert {line["side"]: line["llm_in_flight"]["max"] for line in lines}["head"] == 1
    assert max(line["llm_in_flight"]["max"] for line in lines if line["side"] == "base") > 1
    assert [(line["pair"], line["side"]) for line in lines[:4]] == [
        (1, "base"),
        (1, "head"),
        (2, "base"),
        (2, "head"),
    ]
    # What an earlier run left is no work of this one.
    assert {(line["completed"], line["lost"], line["queue_depth"]["max"]) for line in lines} == {(8, 0, 8)}
    assert {each.counter: (each.value, each.base) for each in found.counts} == {
        name: (value, value) for name, value in COUNTS.items()
    }
    assert found.findings == ()


def test_what_came_in_addition_is_counted(tmp_path: Path) -> None:
    more = counts(seen(tmp_path / "more", variant("one_more_call")))
    assert more["llm_calls"] == 16
    longer = counts(seen(tmp_path / "longer", variant("longer_prompt")))
    assert longer["llm_calls"] == 8
    # Ten bytes more in each of eight prompts: 19, the role among them, became 29, and 5 tokens 8.
    assert longer["llm_input_tokens"] == 64
    assert longer["llm_output_tokens"] == COUNTS["llm_output_tokens"]
    assert longer["llm_cost_micro_usd"] == 1360


@pytest.mark.parametrize(
    ("name", "rule", "words"),
    [
        ("lost_item", "lost-units", "of 8 items 1 are lost, 0 done twice (item-0)"),
        ("doubled_item", "lost-units", "of 8 items 0 are lost, 8 done twice (item-0, item-1, item-2)"),
        ("bound_exceeded", "concurrency-bound-exceeded", "more than the declared 4 calls"),
    ],
)
def test_each_fault_of_a_run_is_a_finding(name: str, rule: str, words: str, tmp_path: Path) -> None:
    # Long enough that six calls meet at the model however slowly threads start.
    workload = replace(WORKLOAD, llm_delay_ms=150 if name == "bound_exceeded" else 1)
    demanded = seen(tmp_path / "demanded", variant(name), settings=replace(TIMES, workloads=(workload,)))
    (finding,) = demanded.findings
    assert (finding.rule, words in finding.message) == (rule, True)
    assert finding.severity > Severity.LOW
    assert demanded.outcomes[0].state == "identical"


def test_where_it_is_only_reported_nothing_is_worse_than_low(tmp_path: Path) -> None:
    found = seen(tmp_path, variant("lost_item"), settings=replace(ENFORCED, enforce=(), report=("counters",)))
    assert {finding.severity for finding in found.findings} == {Severity.LOW}
    assert [finding.rule for finding in found.findings] == ["golden-missing", "lost-units"]
    assert found.measures == {"counters": 0, "golden_exceeded": 0}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("crashed", "not-measured: workload describe: head ended with exit code 1: no items today"),
        ("silent", "not-measured: workload describe: head did not ask the model once"),
        ("at_random", "counter-not-deterministic: workload describe: llm_cost_micro_usd"),
    ],
)
def test_what_cannot_be_measured_is_an_error(name: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(GateError) as error:
        seen(tmp_path, variant(name))
    assert words in str(error.value)


TABLE = '[[tool.failhard.performance.workloads]]\nid = "describe"\n'


@pytest.mark.parametrize(
    ("text", "state"), [(TABLE, "incomparable"), ("tool = 1", "new"), ("no table", "new")]
)
def test_a_base_that_cannot_do_what_it_did_not_declare_is_new(text: str, state: str, tmp_path: Path) -> None:
    found = trees(tmp_path, PROJECT, variant("crashed"))
    run = run_of(tmp_path, TIMES, base=FixedBase(files={"pyproject.toml": text.encode()}))
    observed = observe_workloads(run, TIMES, found)
    run.close()
    (outcome,) = observed.outcomes
    assert outcome.state == state
    assert outcome.why == "workload describe: base ended with exit code 1: no items today"
    assert counts(observed) == COUNTS
    assert {each.base for each in observed.counts} == {None}


def test_ceilings_of_the_base_count(tmp_path: Path) -> None:
    # Nothing is declared, and what head added is not measured.
    added = {"schema": SCHEMA, "entries": [vars(ENTRY)]}
    write(tmp_path / "head", {FILE: json.dumps(added)})
    settings = replace(ENFORCED, workloads=(), enforce=(), report=("counters",))
    run = run_of(
        tmp_path, settings, base=FixedBase(files={FILE: b'{"schema": "failhard-golden/1", "entries": []}'})
    )
    told = observe_workloads(run, settings, trees(tmp_path, PROJECT)).findings
    assert [finding.name for finding in told] == ["golden-added", "golden-unmeasured"]
    broken = run_of(tmp_path, settings, base=FixedBase(files={FILE: b"{"}))
    with pytest.raises(GateError, match="at the merge base: failhard-golden"):
        observe_workloads(broken, settings, trees(tmp_path, PROJECT))


def test_a_side_that_fails_later_is_an_error(tmp_path: Path) -> None:
    # Another hash seed in each pair tells the second one.
    once = f"items = [1] if os.environ['PYTHONHASHSEED'] == {hash_seed(0, 2)!r} else ["
    for name, head, base in (("base", PROJECT, "broken"), ("head", "broken", PROJECT)):
        broken = {**PROJECT, "app.py": PROJECT["app.py"].replace("items = [", once)}
        sides = [broken if side == "broken" else PROJECT for side in (head, base)]
        with pytest.raises(
            GateError, match=f"not-measured: workload describe: {name} ended with exit code 1"
        ):
            seen(tmp_path / name, sides[0], sides[1])


def test_time_that_is_over_leaves_it_undecided(tmp_path: Path) -> None:
    found = seen(tmp_path, PROJECT, {**PROJECT}, replace(TIMES, max_seconds=0))
    assert (found.outcomes[0].state, found.outcomes[0].decision) == ("undecided", None)


def test_a_job_that_leaves_nothing_or_does_not_end(tmp_path: Path) -> None:
    with pytest.raises(GateError, match="head left no line in gone/"):
        seen(tmp_path / "a", PROJECT, settings=enforced(replace(WORKLOAD, done="gone/*.txt")))
    with pytest.raises(GateError, match="8 lines with 8 names for 9 items"):
        seen(tmp_path / "c", PROJECT, settings=enforced(replace(WORKLOAD, items=9)))


def test_counts_stand_beside_their_ceilings_in_the_evidence(tmp_path: Path) -> None:
    keep = Kept()
    found = trees(tmp_path, PROJECT)
    run = run_of(tmp_path, keep=keep)
    counted = observe_workloads(run, TIMES, found).counts
    word = Word(reason="as it is", owner="anna", commit="", date="2026-11-22")
    made, _ = tightened(Golden(), counted, word)
    write(
        run.root,
        {FILE: dump(Golden.of(replace(each, value=each.value + 1) for each in made.entries.values()))},
    )
    again = observe_workloads(run, ENFORCED, found)
    run.close()
    assert again.measures == {"counters": 4, "golden_exceeded": 0}
    assert [finding.name for finding in again.findings] == ["golden-slack"] * 4
    assert json.loads(keep.files["counters.json"])["counters"][0] == {
        "case": "describe",
        "counter": "llm_calls",
        "value": 8,
        "ceiling": 9,
        "base": None,
    }
    write(
        run.root, {FILE: dump(Golden.of(replace(each, harness="0" * 64) for each in made.entries.values()))}
    )
    with pytest.raises(GateError, match="golden-stale: describe/llm_calls"):
        observe_workloads(run_of(tmp_path), ENFORCED, found)


def test_without_workloads_and_ceilings_nothing_is_demanded(tmp_path: Path) -> None:
    assert seen(tmp_path, PROJECT, settings=replace(ENFORCED, workloads=())) == Seen()
