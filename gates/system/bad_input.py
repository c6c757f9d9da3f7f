"""R8: nothing that a caller sends makes the system fail: no 5xx, no dropped connection."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pytest_failhard.gates.system import bad_runs, fuzzing
from pytest_failhard.gates.system.seen import Seen, finding, joined
from pytest_failhard.gates.system.stage import Stage
from pytest_failhard.model import Finding
from pytest_failhard.system import corpus
from pytest_failhard.system.ask import Answer
from pytest_failhard.system.corpus import BadInput
from pytest_failhard.system.declaration import Route, System
from pytest_failhard.system.launch import Instance

ANSWER_SECONDS = 10.0
"""So long a bad request may take; a system that needs longer to say no can be held up by anybody."""
FIRST_SERVER_ERROR = 500
DYING_SECONDS = 0.2
"""So long after a dropped connection a process may take to be gone."""
SHOWN = 4
DROPPED, HUNG = "connection dropped", "no answer in time"
PLACEHOLDER = "1"
"""What stands for a value that no answer has given: the request is to be a bad one anyway."""


@dataclass(frozen=True, kw_only=True)
class Tried:
    """A bad request and what came of it: a status, or how it ended without one."""

    route: str
    method: str
    path: str
    bad: BadInput
    outcome: int | str

    @property
    def failed(self) -> bool:
        """Whether the system failed instead of refusing."""
        return isinstance(self.outcome, str) or self.outcome >= FIRST_SERVER_ERROR


def check(stage: Stage, *, within: float = ANSWER_SECONDS) -> Seen:
    """Send every bad input to every declared route, then let the fuzzer try what the document describes.

    An answer that takes longer than `within` seconds is none.
    """
    if stage.system.kind == "job":
        return bad_runs.check(stage)
    tried = _all(stage, within)
    _keep(stage, tried)
    findings = list(_failures(tried))
    if stage.runs("R8/classes"):
        findings += _wrong_classes(tried)
    findings += _no_limits(tried)
    seen = Seen(
        findings=tuple(findings),
        measures={"bad_inputs": len(tried)},
        examined=len(tried),
        proved={"F1": not any(each.failed for each in tried), "F2": not _misjudged(tried)},
    )
    if not stage.runs("R8/fuzz"):
        return seen
    fuzzed = fuzzing.check(stage)
    return _with_fuzz(seen, fuzzed)


def _with_fuzz(seen: Seen, fuzzed: Seen) -> Seen:
    """Join both: that nothing makes the system fail holds only where neither found anything."""
    both = joined([seen, Seen(findings=fuzzed.findings, measures=fuzzed.measures, examined=fuzzed.examined)])
    none_failed = seen.proved["F1"] and fuzzed.proved.get("F1", False)
    return Seen(
        findings=both.findings,
        measures=both.measures,
        examined=both.examined,
        proved={**seen.proved, "F1": none_failed},
    )


def _all(stage: Stage, within: float) -> list[Tried]:
    """Send everything; where a request has ended the system, the rest goes to another one."""
    tried: list[Tried] = []
    total = 1
    while len(tried) < total:
        with stage.instance("bad input") as instance:
            listed = list(_inputs(stage, instance))
            total = len(listed)
            for route, path, bad in listed[len(tried) :]:
                answer = instance.exchange(bad.request, within=within)
                stage.record.answer(route, answer)
                method = bad.request.method
                outcome = _outcome(answer)
                tried.append(Tried(route=route, method=method, path=path, bad=bad, outcome=outcome))
                if isinstance(outcome, str) and instance.process.wait(DYING_SECONDS) is not None:
                    break
    return tried


def _inputs(stage: Stage, instance: Instance) -> Iterator[tuple[str, str, BadInput]]:
    """Yield the route's id, its declared path and the bad input."""
    routes = _routes(stage.system)
    for route in routes:
        if route.capture:
            instance.send(route, within=ANSWER_SECONDS, unknown=PLACEHOLDER)
    known = _known_methods(stage.system, routes)
    for route in routes:
        request = instance.request(route, unknown=PLACEHOLDER)
        large = corpus.huge(request, route) if stage.runs("R8/body-limit") else None
        # The wrong method of a path is sent once, whichever routes share it.
        methods = known.pop(route.path, None)
        wrong = None if methods is None else corpus.wrong_method(request.path, methods)
        for bad in (*corpus.inputs(route, request), large, wrong):
            if bad is not None:
                yield route.id, route.path, bad
    for bad in corpus.unknown_paths(routes[-1].path):
        yield "unknown", "an unknown path", bad


def _known_methods(system: System, routes: Sequence[Route]) -> dict[str, set[str]]:
    known: dict[str, set[str]] = {}
    pairs = [(route.path, route.method.upper()) for route in routes]
    pairs += [(excluded.path, excluded.method.upper()) for excluded in system.routes_excluded]
    for path, method in pairs:
        known.setdefault(path, set()).add(method)
    return known


def _routes(system: System) -> tuple[Route, ...]:
    """Return what is asked: the declared routes, and the ready route where none of them is it."""
    declared = system.routes or ()
    ready = system.ready or "/"
    if any(route.path == ready for route in declared):
        return declared
    return (*declared, Route(id="ready", path=ready))


def _outcome(answer: Answer) -> int | str:
    if answer.status is not None and answer.ended:
        return answer.status
    return DROPPED if answer.ended else HUNG


def _keep(stage: Stage, tried: Sequence[Tried]) -> None:
    lines = (
        json.dumps(
            {
                "case": each.bad.case,
                "input": each.bad.what,
                "route": each.route,
                "method": each.method,
                "outcome": each.outcome,
            },
            sort_keys=True,
        )
        for each in tried
    )
    stage.run.keep("bad_input.jsonl", "".join(f"{line}\n" for line in lines).encode())


def _failures(tried: Sequence[Tried]) -> Iterator[Finding]:
    """Yield one finding for each route and number of the corpus."""
    for (route, case), group in _grouped([each for each in tried if each.failed]).items():
        yield finding(
            "R8-server-error",
            f"{_place(group[0])} fails on {case}: {_listed(group)}",
            "check the input before it is used, and refuse it with a status of the 400s",
            basis=f"{route}\0{case}",
        )


def _wrong_classes(tried: Sequence[Tried]) -> Iterator[Finding]:
    small = [each for each in _misjudged(tried) if not _is_huge(each)]
    for (route, case), group in _grouped(small).items():
        right = "/".join(map(str, sorted(group[0].bad.right & corpus.REFUSED)[:SHOWN]))
        yield finding(
            "R8-wrong-class",
            f"{_place(group[0])} does not refuse {case} as it should: {_listed(group)}",
            f"answer such input with {right}",
            basis=f"{route}\0{case}",
        )


def _no_limits(tried: Sequence[Tried]) -> Iterator[Finding]:
    for each in filter(_is_huge, _misjudged(tried)):
        yield finding(
            "R8-body-limit",
            f"{_place(each)} takes {each.bad.what}: {each.outcome}, not 413",
            "set a limit for the size of a body",
            basis=each.route,
        )


def _is_huge(tried: Tried) -> bool:
    return tried.bad.right == corpus.TOO_LARGE_BODY


def _misjudged(tried: Sequence[Tried]) -> list[Tried]:
    return [each for each in tried if not each.failed and each.outcome not in each.bad.right]


def _grouped(tried: Sequence[Tried]) -> dict[tuple[str, str], list[Tried]]:
    groups: dict[tuple[str, str], list[Tried]] = {}
    for each in tried:
        groups.setdefault((each.route, each.bad.case), []).append(each)
    return groups


def _place(tried: Tried) -> str:
    return tried.path if tried.route == "unknown" else f"{tried.method} {tried.path}"


def _listed(group: Sequence[Tried]) -> str:
    return "; ".join(f"{each.bad.what}: {each.outcome}" for each in group)
