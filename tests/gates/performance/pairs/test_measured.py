"""Tests of what a failure means: new, incomparable, not measured, or an environment that is wrong."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from pytest_failhard.gates.performance.pairs.advice import advice
from pytest_failhard.gates.performance.pairs.measured import Measured, Outcome, Product, meaning
from pytest_failhard.gates.performance.pairs.symptoms import is_drifting, was_throttled
from pytest_failhard.gates.performance.samples import Conditions, Failure, Pair
from pytest_failhard.gates.performance.settings import PerformanceSettings
from pytest_failhard.gates.performance.statistics import Decision, Estimate, State
from pytest_failhard.gates.performance.terms import Rule, rule
from tests.gates.performance.duets import ONE, benchmark, pair, sample

APP = Product(packages=("app",), known={"t.py::old"})
LACKS = Failure(
    kind="failed",
    phase="setup",
    error="ImportError",
    name="app.core",
    owner="app.core",
    message="cannot import name 'fast' from 'app.core' (/tmp/x/app/core.py)",
)
MODULE = Failure(
    kind="absent", phase="collect", error="ModuleNotFoundError", name="app.fast", message="no app.fast"
)
ATTRIBUTE = Failure(kind="failed", phase="call", error="AttributeError", name="fast", owner="app.core.Parser")
STRANGER = Failure(kind="failed", phase="call", error="ModuleNotFoundError", name="numpy", message="no numpy")
ELSEWHERE = Failure(kind="failed", phase="call", error="AttributeError", name="fast", owner="json")
CHANGED = Failure(
    kind="failed", phase="call", error="TypeError", message="unexpected keyword argument 'fast'"
)
SYNTAX = Failure(kind="absent", phase="collect", error="SyntaxError", message="invalid syntax")


class TestMeaning:
    @pytest.mark.parametrize(
        ("base", "name", "outcome"),
        [
            (LACKS, "t.py::new", Outcome.NEW),
            (MODULE, "t.py::new", Outcome.NEW),
            (ATTRIBUTE, "t.py::new", Outcome.NEW),
            (LACKS, "t.py::old", Outcome.INCOMPARABLE),
            (MODULE, "t.py::old", Outcome.INCOMPARABLE),
            (CHANGED, "t.py::new", Outcome.INCOMPARABLE),
            (ELSEWHERE, "t.py::new", Outcome.INCOMPARABLE),
            (Failure(kind="absent", phase="collect"), "t.py::new", Outcome.INCOMPARABLE),
            (
                Failure(kind="not-repeatable", phase="call", error="ValueError"),
                "t.py::old",
                Outcome.INCOMPARABLE,
            ),
            (STRANGER, "t.py::new", Outcome.ERROR),
            (SYNTAX, "t.py::new", Outcome.ERROR),
            (Failure(kind="skipped", phase="setup"), "t.py::new", Outcome.NOT_MEASURED),
            (Failure(kind="unused", phase="call"), "t.py::old", Outcome.NOT_MEASURED),
            (Failure(kind="lazy", phase="call", message="generator"), "t.py::old", Outcome.NOT_MEASURED),
        ],
    )
    def test_of_the_base(self, base: Failure, name: str, outcome: Outcome) -> None:
        assert meaning(name, base, None, APP)[0] is outcome

    @pytest.mark.parametrize("base", [None, LACKS, STRANGER])
    def test_head_has_to_run_whatever_the_base_does(self, base: Failure | None) -> None:
        head = Failure(kind="failed", phase="call", error="AssertionError", message="assert 1 == 2")

        outcome, problem, detail = meaning(ONE, base, head, APP)

        assert (outcome, problem) == (Outcome.NOT_MEASURED, "not-measured")
        assert detail == "head: failed in call: AssertionError: assert 1 == 2"

    def test_the_text_names_what_is_missing(self) -> None:
        assert meaning("t.py::new", LACKS, None, APP)[2] == (
            "base: failed in setup: ImportError: cannot import name 'fast' from 'app.core'"
        )
        assert "ModuleNotFoundError: no numpy" in meaning("t.py::new", STRANGER, None, APP)[2]

    def test_without_a_failure_there_is_none_to_explain(self) -> None:
        with pytest.raises(ValueError, match="no side has failed"):
            meaning(ONE, None, None, APP)


class TestSymptoms:
    def grown(self, base: float, head: float) -> Pair:
        first, last = [100] * 3, [100] * 4
        made = pair(1, 1.0)
        return Pair(
            number=made.number,
            seed=1,
            cpu=0,
            first="base",
            base=sample(*first, *last, *[round(100 * base)] * 3),
            head=sample(*first, *last, *[round(100 * head)] * 3),
        )

    @pytest.mark.parametrize(
        ("pairs", "drifts"),
        [
            ([(1.2, 1.2)] * 3, True),
            ([(1.2, 1.2)] * 2, False),
            ([(1.2, 1.0)] * 3, False),
            ([(1.10, 1.10)] * 3, False),
            ([(1.11, 1.11)] * 3, True),
            ([(1.5, 1.5), (1.0, 1.0), (1.0, 1.0)], False),
        ],
    )
    def test_drift_is_growth_on_both_sides_in_all_pairs(
        self, pairs: list[tuple[float, float]], drifts: bool
    ) -> None:
        assert is_drifting([self.grown(*each) for each in pairs]) is drifts

    def test_a_little_work_that_varies_beside_much_waiting_is_no_drift(self) -> None:
        made = self.grown(1.5, 1.5)
        steady = [
            replace(side, batches=tuple(replace(batch, wall=10_000) for batch in side.batches))
            for side in (made.base, made.head)
        ]

        assert not is_drifting([replace(made, base=steady[0], head=steady[1])] * 3)

    @pytest.mark.parametrize(("throttled", "held"), [(1, False), (2, True), (None, False)])
    def test_more_than_a_tenth_of_the_periods_is_held_back(self, throttled: int | None, held: bool) -> None:
        found = Conditions(throttled=throttled, periods=None if throttled is None else 10)

        assert was_throttled([pair(1, 1.0, conditions=found)]) is held


class TestAdvice:
    def undecided(self, **changes: object) -> Measured:
        estimate = Estimate(pairs=24, ratio=1.1, low=0.974, high=1.312, spread=0.3)
        decision = Decision(
            state=State.UNDECIDED, pairs=24, ratio=Fraction("1.1"), clock="adj", estimates={"adj": estimate}
        )
        found = Conditions(load=6.21, delay=0.48, steal=0.021)
        fields: dict[str, object] = {
            "benchmark": benchmark(),
            "outcome": Outcome.UNDECIDED,
            "pairs": tuple(pair(number, 1.1, conditions=found) for number in range(24)),
            "decision": decision,
            "problem": "pairs",
            "call_seconds": 0.31,
            **changes,
        }
        # A test names what it changes by the fields that there are.
        return Measured(**fields)  # type: ignore[arg-type]

    def test_says_what_is_known_and_what_would_settle_it(self) -> None:
        assert advice(self.undecided()) == (
            "after 24 pairs, interval 0.97 to 1.31 by adj, load 6.2, 48 % of wall spent queueing, "
            "2 % stolen by the host; run on a quieter machine, or shrink the call (310 ms)"
        )

    @pytest.mark.parametrize(
        ("changes", "way"),
        [
            ({"call_seconds": 0.001}, "; run on a quieter machine"),
            (
                {"problem": "too-long", "pairs": (), "decision": None},
                "after 0 pairs; shrink the call (310 ms)",
            ),
            ({"problem": "throttled"}, "; measure with a larger share of a processor"),
        ],
    )
    def test_each_problem_has_its_own_way_out(self, changes: dict[str, object], way: str) -> None:
        assert advice(self.undecided(**changes)).endswith(way)


def test_the_rule_is_that_of_the_settings() -> None:
    assert rule(PerformanceSettings()) == Rule()
    assert rule(PerformanceSettings(max_regression="0.2", pairs=(3, 6, 9), max_seconds=5)) == Rule(
        max_regression=Fraction(1, 5), usual=6, most=9, max_seconds=5
    )
    assert Rule().limit == Fraction("1.15")
