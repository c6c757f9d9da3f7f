"""Brings counts and their ceilings together: what was measured, what the project and its base allow."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pytest_failhard.gates.performance import golden
from pytest_failhard.gates.performance.counters import SQL, Count, harness, same
from pytest_failhard.gates.performance.golden import Golden, Judged
from pytest_failhard.gates.performance.samples import Counts, SideName
from pytest_failhard.gates.performance.settings import PerformanceSettings
from pytest_failhard.gates.performance.workload.working import Bench, Ran
from pytest_failhard.model import Finding, GateError, Run, Severity

NO_FILE = hashlib.sha256(b"").hexdigest()
COUNTED = "counters"
"""The part of the gate, as `enforce` and `report` name it."""


def counts(bench: Bench, head: Sequence[Ran], base: Sequence[Ran]) -> tuple[Count, ...]:
    """Return what the runs of a workload count; raises GateError where head's do not agree."""
    workload = bench.workload
    digests = harness(workload, bench.grounds.head.tree, bench.grounds.items(workload))
    before = _agreed([_all(ran) for ran in base])
    counted = [ran for ran in head if ran.statements is not None]
    found = same(workload, [ran.counters for ran in head])
    found = {**found, **same(workload, [{SQL: ran.statements or 0} for ran in counted])}
    return tuple(
        Count(
            case=workload.id,
            counter=name,
            value=value,
            harness=digests[name],
            base=before.get(name),
        )
        for name, value in sorted(found.items())
    )


def _agreed(runs: Sequence[Mapping[str, int]]) -> Mapping[str, int]:
    """Return the counts that no run contradicts: the base's are told, and need not be right."""
    values = {name: {run[name] for run in runs if name in run} for run in runs for name in run}
    return {name: next(iter(found)) for name, found in values.items() if len(found) == 1}


def described(counts: Sequence[Count], judged: Judged) -> bytes:
    """Return counts beside their ceilings, for people and for a drawing."""
    rows = [
        {
            "case": each.case,
            "counter": each.counter,
            "value": each.value,
            "ceiling": judged.ceilings.get((each.case, each.counter)),
            "base": each.base,
        }
        for each in sorted(counts)
    ]
    document = {"schema": "failhard-counters/1", "counters": rows}
    return (json.dumps(document, indent=1, sort_keys=True) + "\n").encode()


def _all(ran: Ran) -> Mapping[str, int]:
    return ran.counters if ran.statements is None else {**ran.counters, SQL: ran.statements}


def statements(
    counted: Mapping[str, Mapping[SideName, Counts]], files: Mapping[str, str]
) -> tuple[Count, ...]:
    """Return the SQL statements of benchmarks, as `further` for `observe_workloads`; none needs a ceiling.

    `files` are the digests of head's files: another text of the test is other work.
    """
    steady = {name: sides for name, sides in counted.items() if all(each.steady for each in sides.values())}
    return tuple(
        Count(
            case=name,
            counter=SQL,
            value=sides["head"].sql,
            harness=files.get(name.partition("::")[0], NO_FILE),
            base=sides["base"].sql if "base" in sides else None,
            demanded=False,
        )
        for name, sides in steady.items()
        if "head" in sides
    )


def judge(run: Run, settings: PerformanceSettings, counted: Sequence[Count]) -> Judged:
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
