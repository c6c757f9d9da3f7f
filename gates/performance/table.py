"""What was measured as lines for a reader: each benchmark with its ratio by each clock, the worst first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pytest_failhard.gates.performance.pairs import advice
from pytest_failhard.gates.performance.pairs.measured import Measured, Outcome
from pytest_failhard.gates.performance.states import Judged

ORDER = (Outcome.ERROR, Outcome.NOT_MEASURED, Outcome.INCOMPARABLE, Outcome.UNDECIDED, Outcome.DECIDED)


def text(measured: Sequence[Measured], judged: Iterable[Judged]) -> bytes:
    """Return the table, and below it what has no numbers."""
    lines = [line for each in sorted(measured, key=_worst) for line in _lines(each)]
    known = {each.benchmark.id for each in measured}
    lines += [f"{each.id}: {each.state.value}" for each in judged if each.id not in known]
    return "".join(f"{line}\n" for line in lines or ["nothing was measured"]).encode()


def _worst(measured: Measured) -> tuple[int, bool, float, str]:
    place = ORDER.index(measured.outcome) if measured.outcome in ORDER else len(ORDER)
    ratio = float(measured.decision.ratio) if measured.decision else 0.0
    return (place, not measured.slower, -ratio, measured.benchmark.id)


def _lines(measured: Measured) -> Iterator[str]:
    decision = measured.decision
    state = decision.state.value if decision else measured.outcome.value
    told = f": {measured.detail}" if measured.detail else ""
    yield f"{measured.benchmark.id}: {state}{told}"
    if decision:
        weak = ", weak: its interval is wide" if decision.weak else ""
        yield f"  {decision.pairs} pairs, {measured.seconds:.1f} s{weak}"
        for name, each in decision.estimates.items():
            mark = "*" if name == decision.clock else " "
            interval = f"({each.low:.4f} to {each.high:.4f})"
            yield f"  {mark} {name:10} {each.ratio:.4f}  {interval}  {each.pairs} pairs"
        yield from (f"    {name}: {why}" for name, why in decision.unavailable.items())
        yield from (
            f"    alarm after pair {each.pair} by {each.clock}: {'confirmed' if each.kept else 'dropped'}"
            for each in decision.alarms
        )
    if measured.outcome is Outcome.UNDECIDED:
        yield f"  {advice.advice(measured)}"
