"""What was decided live: a run of the gate or of the stored comparison, as lines of JSON and back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.performance_gate.recorded import lines
from benchmarks.performance_gate.through_gate import Judged

KEPT = Path(__file__).parent / "results" / "protocol.jsonl"
GATE, STORED = "gate", "stored"
SLOWER, NOT_SLOWER, UNDECIDED = "slower", "not-slower", "undecided"


@dataclass(frozen=True, kw_only=True)
class Decided:
    """What was said of one benchmark. `ratios` are those of each clock; `dropped` counts alarms that the
    following pairs did not confirm.
    """

    workload: str
    state: str
    pairs: int = 0
    seconds: float = 0.0
    ratios: Mapping[str, float] | None = None
    dropped: int = 0


@dataclass(frozen=True, kw_only=True)
class Run:
    """A project that was judged. `error` is why it could not be, and then nothing was decided."""

    tool: str
    noise: str
    level: int
    load: float
    seconds: float
    decisions: tuple[Decided, ...] = ()
    self_check: float = 0.0
    error: str = ""

    def line(self) -> str:
        """Return it as a line of JSON."""
        return json.dumps(asdict(self), separators=(",", ":")) + "\n"

    @classmethod
    def of(cls, line: str) -> Run:
        """Return what `line` wrote."""
        known = json.loads(line)
        decisions = tuple(Decided(**each) for each in known.pop("decisions"))
        return cls(**known, decisions=decisions)


def of_gate(judged: Judged) -> tuple[Decided, ...]:
    """Return what the gate said."""
    found = []
    for measured in judged.measured:
        decision = measured.decision
        ratios = decision.estimates.items() if decision else ()
        found.append(
            Decided(
                workload=measured.benchmark.id.rpartition("test_")[2],
                state=decision.state.value if decision else measured.problem or measured.outcome.value,
                pairs=len(measured.pairs),
                seconds=round(measured.seconds, 2),
                ratios={clock: round(each.ratio, 4) for clock, each in ratios},
                dropped=sum(not alarm.kept for alarm in decision.alarms) if decision else 0,
            )
        )
    return tuple(found)


def read(path: Path) -> tuple[dict[str, str], dict[str, dict[str, float]], list[Run]]:
    """Return the machine, the achieved ratios by workload and level, and the runs."""
    machine: dict[str, str] = {}
    achieved: dict[str, dict[str, float]] = {}
    runs = []
    for line in lines(path):
        document = json.loads(line)
        if "machine" in document:
            machine = machine or document["machine"]
            achieved |= document["achieved"]
        else:
            runs.append(Run.of(line))
    return machine, achieved, runs


def write(path: Path, machine: Mapping[str, str], runs: Sequence[Run]) -> None:
    """Write a file that `read` understands."""
    head = json.dumps({"machine": machine, "achieved": {}}) + "\n"
    path.write_text(head + "".join(run.line() for run in runs), "utf-8")
