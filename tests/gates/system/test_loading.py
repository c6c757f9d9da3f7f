"""Tests of R6: systems under load, judged by exact counts."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction

import pytest

from pytest_failhard.gates.system import loading, repeated
from pytest_failhard.gates.system.settings import SystemSettings
from pytest_failhard.model import GateError
from pytest_failhard.system.declaration import Slo
from pytest_failhard.system.load_counts import Load, Round, RouteCounts
from pytest_failhard.system.load_watch import Watched
from tests.gates.system.staging import CREATE, Staging, system

SMALL = SystemSettings(load_requests=60, load_concurrency=4, load_warm_up=4, smoke_requests=3)
EXPECTED = "[tool.failhard]\nexpected_load = { rps = 100 }\n"


def test_a_good_system_answers_all(staging: Staging) -> None:
    seen = loading.check(staging(system(), "R6/smoke", "R6/load", options=SMALL))
    assert seen.findings == ()
    assert {name: seen.measures[name] for name in seen.measures if name not in seen.volatile} == {
        "requests": 66,
        "requests_per_route": 33,
        "success_rate": 1,
        "smoke_success_rate": 1,
        "worst_route_success": 1,
        "server_errors": 0,
        "resets": 0,
        "worker_restarts": 0,
    }
    assert seen.volatile == {"p95_ms", "health_under_load"}
    assert seen.measures["health_under_load"] == 1
    assert seen.proved["L1"]
    assert seen.proved["L3"]
    assert seen.proved["L4"]
    # Two routes in two parts.
    assert seen.examined == 4
    kept = json.loads(staging.kept.files["load.json"])
    assert set(kept) == {"R6/smoke", "R6/load", "beside"}
    assert kept["R6/load"]["generator"]["cpu_seconds"] > 0


def test_a_route_that_never_works_is_named(staging: Staging) -> None:
    seen = loading.check(staging(system("broken"), "R6/smoke", options=SMALL))
    assert [(each.rule, each.message) for each in seen.findings] == [
        (
            "R6-route-fails",
            "route create (POST /items): not one request was answered with 201; it gave 500",
        ),
        (
            "R6-route-fails",
            "route show (GET /items/${item}): not one request was answered with 200; it gave NothingCaptured",
        ),
    ]
    assert (seen.measures["success_rate"], seen.measures["server_errors"]) == (0, 3)
    assert seen.proved == {"L1": False}
    assert "worker_restarts" not in seen.measures


def test_the_highest_level_goes_by_time_and_at_the_expected_rate(staging: Staging) -> None:
    stage = staging(
        system(),
        "R6/paced",
        pyproject=EXPECTED,
        options=SystemSettings(paced_concurrency=(2, 3), paced_seconds=1, load_warm_up=2),
    )
    seen = loading.check(stage)
    kept = json.loads(staging.kept.files["load.json"])
    assert list(kept) == [
        "R6/paced at 2 at once",
        "R6/paced at 3 at once",
        "R6/paced at the expected rate",
        "beside",
    ]
    # A hundred a second, in three rounds of a third each; who asks a group of two asks both.
    assert kept["R6/paced at the expected rate"]["requests"] == 102
    assert seen.measures["requests"] > 99
    assert seen.measures["success_rate"] == 1
    assert {"requests", "requests_per_route", "p95_ms"} <= seen.volatile


def test_without_an_expected_rate_it_cannot_be_judged(staging: Staging) -> None:
    with pytest.raises(GateError, match="the expected load is not declared"):
        loading.check(staging(system(), "R6/paced"))


def test_without_routes_it_cannot_be_judged(staging: Staging) -> None:
    with pytest.raises(GateError, match="no route is declared"):
        loading.check(staging(system(routes=()), "R6/smoke"))
    assert loading.check(staging(system(routes=()), "R5")).measures == {}


def counts(name: str, *, seconds: float, expected: int = 1, failed: int = 0) -> RouteCounts:
    return RouteCounts(
        route=name,
        statuses={201: expected, 500: failed},
        errors={},
        expected=expected,
        seconds=(seconds,) * expected,
        unexpected_5xx=failed,
    )


def made(*routes: RouteCounts, cpu: float = 0.1) -> Load:
    one = Round(routes=routes, wall_seconds=1, cpu_seconds=cpu, process_cpu_seconds=cpu)
    return Load(concurrency=1, rounds=(one,))


@pytest.mark.parametrize(
    ("slo", "rules"),
    [
        (Slo(p95_ms=500, success_rate=0.5), []),
        (Slo(p95_ms=499), ["R6-p95-over-slo"]),
        (Slo(p95_ms=1001, success_rate=0.98), []),
        (Slo(p95_ms=1000, success_rate=0.992), ["R6-success-under-slo"]),
    ],
)
def test_a_declared_objective_is_held(staging: Staging, slo: Slo, rules: list[str]) -> None:
    stage = staging(replace(system(), slo=slo), "R6/load")
    found = loading.seen(
        stage, {"R6/load": made(counts("create", seconds=0.5, expected=99, failed=1))}, Watched()
    )
    assert [each.rule for each in found.findings] == rules
    # What a clock gave stands in no finding: it would be another one in the next run.
    assert all(" 500" not in each.message for each in found.findings)


def test_an_objective_is_not_judged_by_a_smoke_test(staging: Staging) -> None:
    stage = staging(replace(system(), slo=Slo(p95_ms=1)), "R6/smoke")
    found = loading.seen(stage, {"R6/smoke": made(counts("create", seconds=0.5))}, None)
    assert (found.findings, "p95_ms" in found.measures) == ((), False)


def test_no_right_answer_takes_as_long_as_the_time_out(staging: Staging) -> None:
    assert loading.p95_ms(made(counts("create", seconds=0.1, expected=0, failed=1))) == 10_000
    assert loading.p95_ms(made(counts("create", seconds=0.0125))) == Fraction(25, 2)


def test_the_score_does_not_know_the_level() -> None:
    right: dict[str, int | Fraction] = {
        "success_rate": Fraction(99, 100),
        "worst_route_success": Fraction(9, 10),
        "p95_ms": 1000,
        "health_under_load": Fraction(95, 100),
        "worker_restarts": 0,
    }
    assert loading.proved(right) == {"L1": True, "L2": True, "L3": True, "L4": True}
    assert loading.proved({**right, "success_rate": Fraction(98, 100)}) == {
        "L1": False,
        "L2": False,
        "L3": True,
        "L4": True,
    }
    worse: dict[str, int | Fraction] = {
        "p95_ms": 1001,
        "health_under_load": Fraction(94, 100),
        "worker_restarts": 1,
    }
    assert loading.proved({**right, **worse}) == {"L1": True, "L2": False, "L3": False, "L4": False}


def test_a_generator_that_cannot_keep_the_pace_is_an_error(
    staging: Staging, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_failhard.system.load_counts.SATURATED", 0)
    stage = staging(
        system(),
        "R6/paced",
        pyproject=EXPECTED,
        options=SystemSettings(paced_concurrency=(), paced_seconds=1, load_warm_up=0),
    )
    with pytest.raises(GateError, match="our own load generator is too slow for 100 requests a second"):
        loading.check(stage)


def test_memory_that_grows_is_measured(staging: Staging) -> None:
    watched = Watched()
    watched.memory = [100, 100, 100, 100, 130, 130]
    found = loading.seen(
        staging(system(), "R6/load"), {"R6/load": made(counts("create", seconds=0.1))}, watched
    )
    assert found.measures["rss_growth_percent"] == 30
    assert {"rss_growth_percent"} <= found.volatile


@pytest.mark.parametrize(("mode", "rules"), [("keys", []), ("none", ["R6-not-idempotent"])])
def test_the_same_key_twice_is_one_record(staging: Staging, mode: str, rules: list[str]) -> None:
    keyed = replace(CREATE, idempotency_header="Idempotency-Key")
    lost = replace(keyed, id="lost", path="/items?x=${nothing}")
    seen = repeated.check(staging(system(mode, routes=(keyed, lost)), "R6/idempotency"))
    assert ([each.rule for each in seen.findings], seen.examined) == (rules, 2)


def test_what_makes_nothing_is_not_judged_by_its_key(staging: Staging) -> None:
    keyed = replace(CREATE, idempotency_header="Idempotency-Key")
    # What makes nothing is the load's to tell.
    assert repeated.check(staging(system("broken", routes=(keyed,)), "R6/idempotency")).findings == ()
    assert repeated.check(staging(system(), "R6/idempotency")).examined == 0
