"""Decides again from the kept pairs, and says where a kept decision or state is another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from pytest_failhard.gates.performance import clocks, evidence
from pytest_failhard.gates.performance.samples import Batch, Pair, Sample, SideName
from pytest_failhard.gates.performance.states import AGAINST_RELEASE
from pytest_failhard.gates.performance.statistics import Decision, Terms, decide
from pytest_failhard.model import GateError

NAMES = ("pairs.jsonl", "decisions.json", "states.json")
"""The evidence that is looked at."""
DIRECT = frozenset({evidence.MEASURE, evidence.PROVE_CPU, evidence.PROVE_WALL})
"""What was decided by the plain rule; a self-check has to hold both ways."""
ANSWERS = frozenset({"slower", "not-slower"})


class _Loose(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Side(_Loose):
    wall: tuple[int, ...]
    cpu: tuple[int, ...]
    children: tuple[int, ...]
    delay: tuple[int, ...]
    adj: tuple[int | None, ...]

    def sample(self, calls: int) -> Sample:
        rows = zip(self.wall, self.cpu, self.children, self.delay, self.adj, strict=True)
        batches = tuple(
            Batch(wall=wall, cpu=cpu, children=children, delay=delay, adj=adj)
            for wall, cpu, children, delay, adj in rows
        )
        return Sample(calls=calls, batches=batches)


class _Pair(_Loose):
    benchmark: str
    purpose: str
    pair: int
    seed: int
    cpu: int | None
    first: SideName
    calls: int
    base: _Side
    head: _Side

    def measured(self) -> Pair:
        return Pair(
            number=self.pair,
            seed=self.seed,
            cpu=self.cpu,
            first=self.first,
            base=self.base.sample(self.calls),
            head=self.head.sample(self.calls),
        )


Exact = Annotated[Fraction, BeforeValidator(Fraction)]


class _Terms(_Loose):
    limit: Exact
    benchmarks: int
    final_width: Exact
    fewest: int
    usual: int
    most: int


class _Decided(_Loose):
    benchmark: str
    purpose: str
    state: str
    problem: str
    pairs: int
    ratio: str = ""
    terms: _Terms
    tested: tuple[str, ...]


class _Decisions(_Loose):
    decisions: tuple[_Decided, ...]


class _States(_Loose):
    states: dict[str, str]


def mismatches(files: Mapping[str, bytes]) -> list[str]:
    """Return what does not follow from the pairs; `files` are the kept ones, by name."""
    if not set(NAMES) <= files.keys():
        return []
    try:
        pairs = [_Pair.model_validate_json(line) for line in files["pairs.jsonl"].splitlines()]
        decided = _Decisions.model_validate_json(files["decisions.json"]).decisions
        states = _States.model_validate_json(files["states.json"]).states
    except ValidationError as error:
        return [f"performance: its evidence cannot be read: {error}"]
    return [*_of_decisions(pairs, decided), *_of_states(decided, states)]


def _of_decisions(pairs: Sequence[_Pair], decided: Sequence[_Decided]) -> Iterator[str]:
    for each in decided:
        # What ran out of time, or failed, was not decided by the rule.
        if each.purpose not in DIRECT or each.problem not in {"", "pairs"}:
            continue
        own = [pair for pair in pairs if (pair.benchmark, pair.purpose) == (each.benchmark, each.purpose)]
        name = f"performance: {each.benchmark} ({each.purpose})"
        try:
            again = _again(own, each)
        except (GateError, ValueError) as error:
            yield f"{name}: its pairs cannot be decided: {error}"
            continue
        if again is None:
            yield f"{name}: its {len(own)} pairs decide nothing"
        elif _said(again) != (each.state, each.pairs, each.ratio):
            found, pairs_found, ratio = _said(again)
            yield (
                f"{name}: its pairs say {found} at {ratio} after {pairs_found}, "
                f"not {each.state} at {each.ratio} after {each.pairs}"
            )


def _said(decision: Decision) -> tuple[str, int, str]:
    return decision.state.value, decision.pairs, evidence.ratio(decision.ratio)


def _again(pairs: Sequence[_Pair], decided: _Decided) -> Decision | None:
    kept = decided.terms
    terms = Terms(
        limit=kept.limit,
        benchmarks=kept.benchmarks,
        final_width=kept.final_width,
        fewest=kept.fewest,
        usual=kept.usual,
        most=kept.most,
    )
    return decide([clocks.logs(pair.measured()) for pair in pairs], decided.tested, terms)


def _of_states(decided: Sequence[_Decided], states: Mapping[str, str]) -> Iterator[str]:
    proven = {each.benchmark for each in decided if each.purpose == evidence.MEASURE}
    for name, state in states.items():
        if "::" in name and not name.endswith(AGAINST_RELEASE) and state in ANSWERS and name not in proven:
            yield f"performance: {name} is {state} in states.json, and no pairs say so"
    for each in decided:
        if each.purpose == evidence.MEASURE and each.state in {*ANSWERS, "undecided"}:
            told = states.get(each.benchmark)
            if told != each.state:
                yield f"performance: {each.benchmark} is {told} in states.json, and {each.state} by its pairs"
