"""Collects what was measured and writes it down: pairs, decisions, proofs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from fractions import Fraction

from pytest_failhard.gates.performance.pairs.measured import Measured
from pytest_failhard.gates.performance.samples import ADJ, Conditions, Pair, Sample, SideName
from pytest_failhard.gates.performance.statistics import Decision, Estimate, Terms
from pytest_failhard.model import Evidence, Run

SCHEMA = "failhard-decisions/1"
MEASURE, SELF_CHECK, PROVE_CPU, PROVE_WALL = "measure", "self-check", "prove-cpu", "prove-wall"
Json = Mapping[str, object]


class Journal:
    """What is written down, in the order in which it happened. `purpose` is one of the four above."""

    def __init__(self) -> None:
        self._pairs: list[Json] = []
        self._decisions: list[Json] = []
        self._proofs: list[Json] = []
        self._proven: dict[str, int] = {}
        self._estimates: dict[str, str] = {}

    def pair(self, purpose: str, benchmark: str, pair: Pair) -> None:
        """Note what one benchmark gave in a pair."""
        self._pairs.append({"benchmark": benchmark, "purpose": purpose, **_pair(pair)})

    def proofs(self, purpose: str, pair: int, proofs: Mapping[SideName, Mapping[str, object]]) -> None:
        """Note which code ran; a side's proof that stands there already is named by its line."""
        for side, proof in sorted(proofs.items()):
            text = json.dumps([side, proof], sort_keys=True)
            digest = hashlib.sha256(text.encode()).hexdigest()
            line = self._proven.setdefault(digest, len(self._proofs) + 1)
            seen = line <= len(self._proofs)
            what: Json = {"line": line} if seen else {"proof": proof}
            self._proofs.append({"purpose": purpose, "pair": pair, "side": side, "sha256": digest, **what})

    def decision(self, purpose: str, measured: Measured, terms: Terms) -> None:
        """Note how a benchmark ended, and under which terms of its own."""
        if measured.pairs:
            own = {"limit": _limit(terms.limit), "terms": _terms(terms), "tested": list(measured.clocks)}
            self._decisions.append({"purpose": purpose, **_measured(measured), **own})

    def estimate(self, purpose: str, seconds: float) -> None:
        """Note how long the first pair says that all will take."""
        self._estimates[purpose] = f"{seconds:.1f}"

    def keep(self, run: Run, limit: Fraction) -> tuple[Evidence, ...]:
        """Store it all; `limit` is the rule's."""
        decisions = {
            "schema": SCHEMA,
            "limit": _limit(limit),
            "estimated_seconds": self._estimates,
            "decisions": self._decisions,
        }
        return (
            run.keep("pairs.jsonl", _lines(self._pairs), volatile=True),
            run.keep(
                "decisions.json",
                (json.dumps(decisions, indent=1, sort_keys=True) + "\n").encode(),
                volatile=True,
            ),
            run.keep("proof.jsonl", _lines(self._proofs), volatile=True),
        )


def ratio(value: Fraction | float) -> str:
    """Return a ratio or a share as it is written down."""
    return f"{float(value):.6f}"


def _limit(limit: Fraction) -> str:
    return f"{float(limit):g}"


def _terms(terms: Terms) -> Json:
    """Return the terms exactly, so that the same pairs can be decided again."""
    return {
        "limit": str(terms.limit),
        "benchmarks": terms.benchmarks,
        "final_width": str(terms.final_width),
        "fewest": terms.fewest,
        "usual": terms.usual,
        "most": terms.most,
    }


def _lines(records: list[Json]) -> bytes:
    return "".join(json.dumps(each, sort_keys=True) + "\n" for each in records).encode()


def _pair(pair: Pair) -> Json:
    return {
        "pair": pair.number,
        "seed": pair.seed,
        "cpu": pair.cpu,
        "first": pair.first,
        "calls": pair.base.calls,
        "base": _sample(pair.base),
        "head": _sample(pair.head),
        "conditions": _conditions(pair.conditions),
    }


def _sample(sample: Sample) -> Json:
    batches = sample.batches
    return {
        "wall": [batch.wall for batch in batches],
        "cpu": [batch.cpu for batch in batches],
        "children": [batch.children for batch in batches],
        "delay": [batch.delay for batch in batches],
        "adj": [batch.adj for batch in batches],
        "peak_rss": sample.peak_rss,
    }


def _conditions(found: Conditions) -> Json:
    shares = {"load": found.load, "pressure": found.pressure, "steal": found.steal, "delay": found.delay}
    known = {name: None if value is None else ratio(value) for name, value in shares.items()}
    return {**known, "throttled": found.throttled, "periods": found.periods}


def _measured(measured: Measured) -> Json:
    decision = measured.decision
    return {
        "benchmark": measured.benchmark.id,
        "state": decision.state.value if decision else measured.outcome.value,
        "problem": measured.problem,
        "pairs": len(measured.pairs),
        "seconds": f"{measured.seconds:.3f}",
        **(_decision(decision, measured.unadjusted) if decision else {}),
    }


def _decision(decision: Decision, unadjusted: str) -> Json:
    return {
        "ratio": ratio(decision.ratio),
        "clock": decision.clock,
        "weak": decision.weak,
        "clocks": {name: _estimate(each) for name, each in sorted(decision.estimates.items())},
        "unavailable": {**({ADJ: unadjusted} if unadjusted else {}), **decision.unavailable},
        "alarms": [{"pair": each.pair, "clock": each.clock, "kept": each.kept} for each in decision.alarms],
    }


def _estimate(found: Estimate) -> Json:
    return {
        "ratio": ratio(found.ratio),
        "low": ratio(found.low),
        "high": ratio(found.high),
        "pairs": found.pairs,
        "spread": ratio(found.spread),
    }
