"""Brings counts and their ceilings together: what was measured, what the project and its base allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pytest_failhard.gates.performance import golden
from pytest_failhard.gates.performance.counters import Measured, harness, same
from pytest_failhard.gates.performance.golden import Golden, Judged
from pytest_failhard.gates.performance.settings import PerformanceSettings
from pytest_failhard.gates.performance.working import Bench, Ran
from pytest_failhard.model import Finding, GateError, Run, Severity

COUNTED = "counters"
"""The part of the gate, as `enforce` and `report` name it."""


def measured(bench: Bench, head: Sequence[Ran], base: Sequence[Ran]) -> tuple[Measured, ...]:
    """Return what the runs of a workload count; raises GateError where head's do not agree."""
    workload = bench.workload
    before = base[0].counters if base else {}
    digests = harness(workload, bench.grounds.head.tree, bench.grounds.items(workload))
    return tuple(
        Measured(
            case=workload.id,
            counter=name,
            value=value,
            harness=digests[name],
            base=before.get(name),
        )
        for name, value in same(workload, [ran.counters for ran in head]).items()
    )


def judge(run: Run, settings: PerformanceSettings, counted: Sequence[Measured]) -> Judged:
    """Compare with the ceilings of the project; raises GateError for refusals where counters are demanded.

    Where they are only reported, all of it is a finding of the lowest severity.
    """
    if COUNTED not in {*settings.enforce, *settings.report}:
        return Judged()
    path = run.root / golden.FILE
    head = golden.parse(path.read_bytes()) if path.is_file() else None
    judged = golden.judge(counted, head, _of_base(run))
    if COUNTED not in settings.enforce:
        found = sorted({*map(_lowest, judged.findings), *map(_lowest, judged.refused)})
        return replace(judged, findings=tuple(found), refused=())
    if judged.refused:
        raise GateError("\n".join(f"{each.name}: {each.message}; {each.fix}" for each in judged.refused))
    return judged


def _of_base(run: Run) -> Golden | None:
    """Return the base's ceilings: none at all where it has no file, None without a base."""
    if run.base is None:
        return None
    data = run.base.read(golden.FILE)
    return Golden() if data is None else golden.parse(data, golden.AT_BASE)


def _lowest(finding: Finding) -> Finding:
    return replace(finding, severity=Severity.LOW)
