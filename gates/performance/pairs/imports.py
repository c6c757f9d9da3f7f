"""Times the import of the product's packages, in pairs of fresh processes, as if each were a benchmark."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter

from pytest_failhard.gates.performance.duet import Duet, Result, Start
from pytest_failhard.gates.performance.pairs import conditions
from pytest_failhard.gates.performance.pairs.channel import PATIENCE_SECONDS
from pytest_failhard.gates.performance.pairs.lockstep import BASE, HEAD
from pytest_failhard.gates.performance.pairs.messages import Raised
from pytest_failhard.gates.performance.samples import Batch, Benchmark, Failure, Pair, Sample, SideName
from pytest_failhard.gates.performance.sides import Side
from pytest_failhard.model import GateError

PREFIX = "import:"
SCRIPT = Path(__file__).with_name("import_time.py")


def benchmarks(packages: Sequence[str]) -> tuple[Benchmark, ...]:
    """Return the packages as benchmarks."""
    return tuple(Benchmark(id=f"{PREFIX}{package}") for package in packages)


@dataclass(frozen=True, kw_only=True)
class _Timed(Batch):
    """What an import took. `file` is where the module came from, empty where it has no file."""

    file: str


@dataclass(frozen=True, kw_only=True)
class _Failed:
    """What an import raised."""

    error: Raised


_ANSWER: TypeAdapter[_Timed | _Failed] = TypeAdapter(_Timed | _Failed)


@dataclass(frozen=True, kw_only=True)
class Imports:
    """Plays pairs of imports for a series: the same sides, seeds and processors as a duet's."""

    duet: Duet
    samples: int = 5
    _warm: set[str] = field(default_factory=set)

    def play(self, benchmarks: Sequence[Benchmark], number: int) -> Result:
        """Import each package some times on either side, in turns, each time in a fresh process."""
        start = self.duet.start(number)
        pairs: dict[str, Pair] = {}
        failures: dict[str, Mapping[SideName, Failure]] = {}
        seconds: dict[str, float] = {}
        for benchmark in benchmarks:
            began = time.monotonic()
            found = self._pair(benchmark, start)
            seconds[benchmark.id] = time.monotonic() - began
            if isinstance(found, Pair):
                pairs[benchmark.id] = found
            else:
                failures[benchmark.id] = found
        batches = [batch for pair in pairs.values() for batch in (*pair.base.batches, *pair.head.batches)]
        return Result(
            start=start,
            pairs=pairs,
            failures=failures,
            call_seconds={name: _longest(pair) for name, pair in pairs.items()},
            seconds=seconds,
            proofs={},
            adjusted=not batches or any(batch.adj is not None for batch in batches),
            why_not="the scheduler keeps no accounts",
        )

    def _pair(self, benchmark: Benchmark, start: Start) -> Pair | Mapping[SideName, Failure]:
        package = benchmark.id.removeprefix(PREFIX)
        if benchmark.id not in self._warm:
            # The first one writes the bytecode that all others read.
            first = {name: self._sample(name, package, start) for name in start.order}
            failures = {name: answer for name, answer in first.items() if isinstance(answer, Failure)}
            if failures:
                return failures
            self._warm.add(benchmark.id)
        before = conditions.read()
        batches: dict[SideName, list[Batch]] = {BASE: [], HEAD: []}
        for name in [
            name for turn in range(self.samples) for name in start.order[:: 1 if turn % 2 == 0 else -1]
        ]:
            answer = self._sample(name, package, start)
            if isinstance(answer, Failure):
                return {name: answer}
            batches[name].append(answer)
        return Pair(
            number=start.number,
            seed=start.seed,
            cpu=start.cpu,
            first=start.first,
            base=Sample(calls=1, batches=tuple(batches[BASE])),
            head=Sample(calls=1, batches=tuple(batches[HEAD])),
            conditions=conditions.since(before, [*batches[BASE], *batches[HEAD]]),
        )

    def _sample(self, name: SideName, package: str, start: Start) -> Batch | Failure:
        side = self.duet.trees.base if name == BASE else self.duet.trees.head
        argv = (str(side.python), "-P", "-s", str(SCRIPT), package)
        process = self.duet.run.start(
            argv, environment={**side.environment, **start.environment}, cwd=side.tree, kept=True
        )
        try:
            process.wait(PATIENCE_SECONDS)
        finally:
            process.kill()
        # The project may write what it likes when it is imported; ours is the last line.
        lines = process.stdout.splitlines()[-1:]
        try:
            answer = _ANSWER.validate_json("".join(lines), strict=True)
        except ValueError:
            raise GateError(
                f"worker-died: {name} did not import {package}: it ended or hung without a word; "
                f"its last lines:\n{process.stderr[-2000:]}"
            ) from None
        if isinstance(answer, _Failed):
            return _failure(answer.error)
        _require_own(side, package, answer.file)
        return answer


def _failure(error: Raised) -> Failure:
    return Failure(
        kind="failed",
        phase="import",
        error=error.type,
        name=error.name,
        owner=error.owner,
        message=error.message,
    )


def _require_own(side: Side, package: str, file: str) -> None:
    if file and not Path(file).resolve().is_relative_to(side.tree.resolve()):
        raise GateError(
            f"wrong-code: {side.name} imports {package} from outside its own tree; remove what puts another "
            "copy of the project first in the import path"
        )


def _longest(pair: Pair) -> float:
    return max(batch.wall for batch in (*pair.base.batches, *pair.head.batches)) / 1e9
