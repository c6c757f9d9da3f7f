"""Fix attempts: what counts as one, what ends the count, and when a person is asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_failhard import attempts
from pytest_failhard.attempts import MOST, MOST_IN_RUN, SAME, Count, Judged, Ran, count, stuck
from pytest_failhard.remembered import RUN, Decision

TODAY = date(2026, 11, 20)
PASSED = Judged(passed=True)


def failed(fingerprint: str = "a", *, counts: bool = True, most: int = MOST) -> Judged:
    return Judged(passed=False, counts=counts, fingerprint=fingerprint, most=most, why=f"found {fingerprint}")


def ran(tree: str, *, passed: bool = False, **gates: Judged) -> Ran:
    return Ran(at=f"at {tree}", commit="c0ffee", tree=tree, passed=passed, gates=gates)


def decided(gate: str = "lint", expires: date | None = None) -> Decision:
    return Decision(gate=gate, choice="continue", reason="a reason", owner="ana", at="now", expires=expires)


def lint(*entries: Ran | Decision) -> Count:
    return count(entries, TODAY).of("lint")


def failures(number: int, fingerprint: str = "") -> list[Ran]:
    """Return runs over other trees, each with findings of its own unless a fingerprint is given."""
    return [ran(f"t{each}", lint=failed(fingerprint or f"f{each}")) for each in range(number)]


def test_the_first_failure_is_no_attempt_and_each_changed_tree_after_it_is_one() -> None:
    assert [lint(*failures(number)).attempts for number in range(5)] == [0, 0, 1, 2, 3]
    assert [lint(*failures(number)).left for number in range(5)] == [3, 3, 2, 1, 0]


def test_after_three_attempts_a_person_is_asked_with_what_was_tried() -> None:
    assert stuck(count(failures(MOST), TODAY), ["lint"]) == ()
    (found,) = stuck(count(failures(MOST + 1), TODAY), ["lint"])
    assert (found.gate, found.why) == ("lint", "3 attempts have not mended it")
    assert [(each.at, each.why) for each in found.attempts] == [
        (f"at t{number}", f"found f{number}") for number in range(MOST + 1)
    ]


def test_of_a_slight_failure_two_are_enough() -> None:
    tries = [ran(f"t{number}", lint=failed(f"f{number}", most=2)) for number in range(3)]
    assert stuck(count(tries, TODAY), ["lint"])[0].why == "2 attempts have not mended it"


@pytest.mark.parametrize(
    "between",
    [
        ran("t0", lint=failed()),
        ran("t9", lint=failed(counts=False)),
        ran("t9", types=failed()),
    ],
    ids=["the same tree", "nothing that counts", "another gate"],
)
def test_what_is_no_attempt(between: Ran) -> None:
    assert lint(ran("t0", lint=failed()), between).attempts == 0


def test_a_pass_ends_the_count_and_a_decision_does() -> None:
    assert lint(*failures(3), ran("t9", lint=PASSED)) == Count()
    assert lint(*failures(3), ran("t9", lint=PASSED), *failures(2)).attempts == 1
    assert lint(*failures(4), decided()).attempts == 0
    assert lint(*failures(4), decided(RUN)).attempts == 0
    assert lint(*failures(4), decided("types")).attempts == 3
    # It still fails: the next changed tree is an attempt already, the same tree is none.
    assert lint(*failures(4), decided(), ran("t3", lint=failed())).attempts == 0
    assert lint(*failures(4), decided(), ran("t4", lint=failed())).attempts == 1


def test_a_decision_that_has_expired_counts_for_nothing() -> None:
    assert lint(*failures(4), decided(expires=TODAY)).attempts == 0
    assert lint(*failures(4), decided(expires=date(2026, 11, 19))).attempts == 3


def test_findings_that_come_a_fourth_time_are_seen_through_passes_in_between() -> None:
    back_and_forth: list[Ran | Decision] = []
    for number in range(SAME):
        assert not stuck(count(back_and_forth, TODAY), ["lint"])
        back_and_forth += [ran(f"t{number}", lint=failed("same")), ran(f"u{number}", lint=PASSED)]
    last = back_and_forth.pop()
    assert isinstance(last, Ran)
    (found,) = stuck(count(back_and_forth, TODAY), ["lint"])
    assert found.why == "the same findings came 4 times, each time after another change"
    # A decision ends that too, and so does a run in which everything passes.
    again = ran("t9", lint=failed("same"))
    assert lint(*back_and_forth, decided(), again).repeats == 1
    assert lint(*back_and_forth, ran("u9", passed=True, lint=PASSED), again).repeats == 1


def test_a_run_has_ten_attempts_over_all_gates() -> None:
    entries: list[Ran] = []
    for number in range(MOST_IN_RUN + 1):
        tally = count(entries, TODAY)
        assert not [each for each in stuck(tally, ["lint", "types"]) if each.gate == RUN]
        entries.append(ran(f"t{number}", lint=failed(f"l{number}"), types=failed(f"t{number}")))
    (found,) = [each for each in stuck(count(entries, TODAY), ["lint"]) if each.gate == RUN]
    assert found.why == "10 attempts have not mended it"
    assert found.attempts[-1].why == "still failing: lint, types"
    assert count([*entries, decided("types")], TODAY).run.attempts == 0
    assert count([*entries, ran("u", lint=PASSED, types=PASSED)], TODAY).run.attempts == 0
    assert stuck(count(entries, TODAY), []) == ()


def test_no_more_tries_are_kept_than_are_shown() -> None:
    assert len(lint(*failures(30)).tries) == attempts.KEPT_TRIES


GATES = st.sampled_from(["lint", "types"])
JUDGED = st.one_of(
    st.just(PASSED),
    st.builds(failed, st.sampled_from("ab"), counts=st.booleans(), most=st.sampled_from([2, 3])),
)
RUNS = st.builds(
    Ran,
    at=st.just("now"),
    commit=st.just(""),
    tree=st.sampled_from("tuvw"),
    passed=st.just(False),
    gates=st.dictionaries(GATES, JUDGED, min_size=1),
)
DECISIONS = st.builds(decided, st.sampled_from(["lint", "types", RUN]))
ENTRIES = st.lists(st.one_of(RUNS, RUNS, DECISIONS), max_size=12)


@settings(max_examples=60)
@given(ENTRIES, st.sampled_from("tuvw"), st.sampled_from("ab"))
def test_one_more_failing_run_never_lowers_a_count(
    entries: Sequence[Ran | Decision], tree: str, fingerprint: str
) -> None:
    before = count(entries, TODAY)
    after = count([*entries, ran(tree, lint=failed(fingerprint))], TODAY)
    assert 0 <= after.of("lint").attempts - before.of("lint").attempts <= 1
    assert 0 <= after.run.attempts - before.run.attempts <= 1
    assert after.of("types") == before.of("types")


@settings(max_examples=60)
@given(ENTRIES)
def test_a_pass_and_a_decision_always_begin_at_nothing(entries: Sequence[Ran | Decision]) -> None:
    assert lint(*entries, ran("z", lint=PASSED)) == Count(most=lint(*entries).most)
    assert lint(*entries, decided()).attempts == 0
    assert count([*entries, ran("z", passed=True, lint=PASSED)], TODAY).run == Count(most=MOST_IN_RUN)


@settings(max_examples=60)
@given(ENTRIES)
def test_what_does_not_count_changes_no_count(entries: Sequence[Ran | Decision]) -> None:
    once = [*entries, ran("z", lint=failed())]
    assert lint(*once, ran("y", lint=failed(counts=False))) == lint(*once)
    assert lint(*once, ran("z", lint=failed())) == lint(*once)
