"""Runs the matrix: every fault of the level against every declared call."""

from __future__ import annotations

import json
import os
import queue
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from importlib.metadata import version

from pytest_failhard.gates.llm import cases, healthy, series
from pytest_failhard.gates.llm.cases import Case
from pytest_failhard.gates.llm.declaration import LlmSettings
from pytest_failhard.gates.llm.healthy import Healthy
from pytest_failhard.gates.llm.installed import Installed
from pytest_failhard.gates.llm.lanes import Ground, Lane, Met
from pytest_failhard.gates.llm.series_bench import Bench
from pytest_failhard.gates.llm.sheet import Sheet
from pytest_failhard.llm import catalogue, providers
from pytest_failhard.llm.answers import AnswersError
from pytest_failhard.llm.calls import Call
from pytest_failhard.llm.ledger import Attempt, lines
from pytest_failhard.llm.prices import Prices
from pytest_failhard.llm.schedule import Kind, Match, Rule, When
from pytest_failhard.llm.server import CannotRunError, MissingExtraError, Server, ServerError, traps
from pytest_failhard.llm.server.certificates import INSTALL, Authority
from pytest_failhard.llm.verdicts import fallbacks, passing
from pytest_failhard.llm.verdicts.case import judge
from pytest_failhard.llm.verdicts.expectation import provider
from pytest_failhard.llm.verdicts.measures import measures, together
from pytest_failhard.llm.verdicts.rules import ERRORS, VerdictError
from pytest_failhard.model import DECLARED_FALLBACKS, Evidence, Finding, GateError, Observation, Run
from pytest_failhard.system.declaration import System
from pytest_failhard.system.provided import provided

SERVICES, OTHERS = 4, 16
"""The most systems at once: a service is large, a command and a worker are small."""
SERVICES_PER_CORE, OTHERS_PER_CORE = 2, 4
"""More than one: a system under a fault mostly waits for its next attempt."""
SLOWEST = {"deadline": 0, "network": 1, "benign": 2}
UNANSWERED = frozenset({"answer", "bad-request", "too-large"})


@dataclass(frozen=True, kw_only=True)
class Target:
    """What the matrix is run against: a declaration that is complete and agrees with the code."""

    settings: LlmSettings
    system: System
    import_roots: tuple[str, ...]
    installed: Mapping[str, Installed]


def run(run: Run, target: Target) -> Observation:
    """Return what was seen; raises GateError for what cannot be judged."""
    sheet = Sheet()
    with Server() as server, provided(run, target.system, interpreter=run.interpreter) as found:
        folder = run.scratch / "llm"
        folder.mkdir()
        ground = Ground(
            run=run,
            system=target.system,
            settings=target.settings,
            import_roots=target.import_roots,
            server=server,
            authority=_authority(run),
            provided=found.variables,
        )
        for call in target.settings.calls:
            _call(ground, call, sheet)
    series.close(run, target.settings, sheet)
    sheet.find(fallbacks.unexercised(healthy.declared(target.settings), sheet.trials))
    evidence = _keep(run, sheet)
    sheet.require()
    known = catalogue.load()
    return Observation(
        tool=f"pytest-failhard {version('pytest-failhard')} (faults {known.version}, {known.sha256[:12]})",
        examined=len(sheet.trials),
        findings=tuple(sorted(_once(sheet.findings))),
        measures={
            **measures(
                sheet.trials,
                sheet.findings,
                demanded=sheet.demanded,
                windows=sheet.windows,
                cost_usd=_cost(sheet),
                soaked=together(sheet.soaks),
            ),
            **({DECLARED_FALLBACKS: count} if (count := len(target.settings.fallbacks)) else {}),
        },
        evidence=evidence,
    )


def _authority(run: Run) -> Authority | None:
    try:
        return Authority.create(run.scratch)
    except MissingExtraError:
        # The proxy then refuses every tunnel; faults of TLS say what to install.
        return None


def _call(ground: Ground, call: Call, sheet: Sheet) -> None:
    with ExitStack() as opened:
        numbers = iter(range(1000))

        def open_lane(layers: frozenset[str], *, proxied: bool = False) -> Lane:
            folder = ground.run.scratch / "llm" / f"{call.id}-{next(numbers)}"
            lane = Lane(ground=ground, call=call, layers=layers, folder=folder, proxied=proxied)
            opened.callback(lane.close)
            return lane

        try:
            lane, seen = healthy.probe(call, ground.settings, open_lane)
            sheet.record(seen.first.ledger)
            sheet.record(seen.second.ledger)
            sheet.find(healthy.judge(seen))
        except (VerdictError, GateError, AnswersError, ServerError) as error:
            sheet.fail(_named(call.id, error))
            return
        matrix = cases.demanded(
            catalogue.load(),
            level=ground.run.level,
            call=call.id,
            dialects=seen.dialects,
            features=seen.features,
        )
        lacking = [reason for case in matrix.cases if (reason := _lacking(ground, case))]
        for reason in lacking:
            sheet.fail(GateError(reason))
        if lacking:
            return
        sheet.demanded += len(matrix.cases)
        serial: dict[str, object] = {}
        sheet.facts[call.id] = {
            "cases": [case.id for case in matrix.cases],
            "left_out": dict(matrix.left_out),
            "layers": sorted(seen.layers),
            "dialects": sorted(seen.dialects),
            "features": sorted(seen.features),
            "series": serial,
        }
        more = partial(open_lane, seen.layers, proxied=lane.proxied)
        lanes = _run_cases(matrix.cases, lane, more, seen, sheet)
        series.run(Bench(seen=seen, lanes=lanes, sheet=sheet, facts=serial))


def _lacking(ground: Ground, case: Case) -> str:
    """Return what this machine lacks for a case: to be told at once, not after all that can be run."""
    recipe = case.form.recipe
    if recipe in traps.CERTIFIED and ground.authority is None:
        return f"cannot-run: {recipe}: {INSTALL}"
    try:
        traps.require(recipe)
    except CannotRunError as error:
        return f"cannot-run: {case.id}: {error}"
    return ""


def _named(name: str, error: Exception) -> GateError:
    """Return an error that says which kind it is of, and of which call or case."""
    known = str(error).partition(":")[0] in ERRORS
    return GateError(str(error) if known else f"cannot-run: {name}: {error}")


def _run_cases(
    demanded: Sequence[Case], first: Lane, more: Callable[[], Lane], seen: Healthy, sheet: Sheet
) -> tuple[Lane, ...]:
    """Run the cases on as many systems as there are slots, the slowest kinds first; return the systems."""
    waiting: queue.SimpleQueue[Case] = queue.SimpleQueue()
    for case in sorted(demanded, key=_turn):
        waiting.put(case)
    slots = min(_slots(seen.call), len(demanded))

    def work(lane: Lane | None) -> Lane | None:
        try:
            own = lane or _warmed(more(), seen, sheet)
        except (GateError, ServerError) as error:
            sheet.fail(_named(seen.call.id, error))
            return None
        while (case := _next(waiting)) is not None:
            _judged(own, case, seen, sheet)
        return own

    with ThreadPoolExecutor(max_workers=max(1, slots), thread_name_prefix="failhard-llm") as pool:
        futures = [pool.submit(work, first if number == 0 else None) for number in range(slots)]
        lanes = (future.result() for future in futures)
        return tuple(lane for lane in lanes if lane is not None) or (first,)


def _turn(case: Case) -> tuple[bool, int, str]:
    # What needs a system of its own comes last: no other has to be started again after it.
    return case.fault.stage != "answer", SLOWEST.get(case.fault.kind, len(SLOWEST)), case.id


def _slots(call: Call) -> int:
    cores = os.cpu_count() or 1
    most, each = (SERVICES, SERVICES_PER_CORE) if call.form == "route" else (OTHERS, OTHERS_PER_CORE)
    return min(most, each * cores)


def _warmed(lane: Lane, seen: Healthy, sheet: Sheet) -> Lane:
    """Give a new system one healthy answer first, so that one kept for later would show."""
    met = lane.healthy(f"warm@{seen.call.id}", healthy.HEALTHY_SECONDS + seen.seconds)
    sheet.record(met.ledger)
    return lane


def _next(waiting: queue.SimpleQueue[Case]) -> Case | None:
    try:
        return waiting.get_nowait()
    except queue.Empty:
        return None


def _judged(lane: Lane, case: Case, seen: Healthy, sheet: Sheet) -> None:
    try:
        _forget(lane, case, seen, sheet)
        met = _met(lane, case, seen)
        trial = seen.trial(met, case.id, case)
        _require_met(case, met)
        found = (
            *judge(trial),
            *passing.egress(met.egress, trial.expectation, is_provider=_is_provider),
        )
    except (VerdictError, GateError, ServerError) as error:
        sheet.fail(_named(case.id, error))
        return
    sheet.add(trial, met.ledger, found)


def _forget(lane: Lane, case: Case, seen: Healthy, sheet: Sheet) -> None:
    """Give a case a fresh system where what the old one remembers could keep the fault away.

    Who meets no answer gets a fresh one anyway.
    """
    if case.fault.stage != "answer" or seen.call.form == "command":
        return
    full = lane.memory.is_full(seen.settings)
    if not full and lane.memory.is_doubtful(seen.settings):
        _warmed(lane, seen, sheet)
        full = lane.memory.failed
    if full:
        lane.renew()
        _warmed(lane, seen, sheet)


def _met(lane: Lane, case: Case, seen: Healthy) -> Met:
    within = seen.deadline(case) + seen.seconds
    if case.fault.stage == "environment":
        return lane.meet_without_key(case.id, within)
    if case.fault.stage == "connection":
        return lane.meet_trap(case.id, case.form.recipe, within)
    when = When(first=1) if case.single else When()
    rules = (
        Rule(id=f"r{number}", kinds=(Kind(fault=case.fault.id),), match=match, when=when)
        for number, match in enumerate(_matches(case, seen), start=1)
    )
    return lane.meet(case.id, tuple(rules), within)


def _matches(case: Case, seen: Healthy) -> tuple[Match, ...]:
    """Return what fails: the provider, or the models alone for which another of it may stand in."""
    whose = provider(case.dialect)
    sources = {
        entry.source.partition(":")[2]
        for entry in healthy.declared(seen.settings)
        if case.fault.id in entry.on
        and entry.source.startswith(f"{whose}:")
        and entry.target.startswith(f"{whose}:")
    }
    models = sorted(sources & {model for _, model in seen.models})
    return tuple(Match(provider=case.dialect, model=model) for model in models) or (
        Match(provider=case.dialect),
    )


def _require_met(case: Case, met: Met) -> None:
    """Raise VerdictError for a case of which too little reached the provider, or what it cannot read."""
    refused = next((each for each in met.ledger.refusals if each.what in UNANSWERED), None)
    if refused is not None:
        raise VerdictError("unknown-route", f"{case.id}: {refused.what}: {refused.detail}")
    if case.fault.id.startswith("tls_") and not met.connections:
        text = f"{case.id}: no connection reached the port that {case.fault.id} stands on"
        raise VerdictError("injection-not-exercised", text)


def _is_provider(host: str) -> bool:
    return providers.load().of_host(host) is not None


def _once(findings: Sequence[Finding]) -> Iterator[Finding]:
    yield from {finding.fingerprint: finding for finding in findings}.values()


def _unpriced(sheet: Sheet) -> list[str]:
    """Return the models that were asked and have no price."""
    prices = Prices.load()
    asked = {(each.dialect, each.model) for each in _asked(sheet)}
    return sorted(f"{dialect}:{model}" for dialect, model in asked if not prices.find(dialect, model))


def _cost(sheet: Sheet) -> Decimal | None:
    """Return what the cases would have cost, None where a model has no price."""
    if _unpriced(sheet):
        return None
    prices = Prices.load()
    return sum((prices.cost(each) for each in _asked(sheet)), Decimal(0))


def _asked(sheet: Sheet) -> Iterator[Attempt]:
    return (each for trial in sheet.trials for each in trial.attempts if each.kind == "call")


def _keep(run: Run, sheet: Sheet) -> tuple[Evidence, ...]:
    """Keep what was asked for, and the record of every case."""
    prices = Prices.load()
    records = b"".join(lines(ledger, prices) for ledger in sorted(sheet.ledgers, key=lambda each: each.case))
    document = {
        "catalogue": catalogue.load().sha256,
        "prices": prices.sha256,
        "models": sorted({f"{each.dialect}:{each.model}" for each in _asked(sheet)}),
        "unpriced": _unpriced(sheet),
        "calls": sheet.facts,
    }
    matrix = json.dumps(document, indent=1, sort_keys=True).encode() + b"\n"
    return (run.keep("matrix.json", matrix), run.keep("attempts.jsonl", records, volatile=True))
