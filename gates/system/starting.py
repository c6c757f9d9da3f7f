"""R2: started as declared, the system becomes ready on the port it is given, and leaves its files alone."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from pytest_failhard.gates.system.seen import Seen, finding
from pytest_failhard.gates.system.stage import READY_SECONDS, Stage
from pytest_failhard.model import Finding, GateError
from pytest_failhard.system import workcopy
from pytest_failhard.system.launch import STEADY_SECONDS, Instance, LaunchError, Reason, redacted

LEFT_SECONDS = 1.0
"""So long after the main process what it started may live: an orchestrator ends it at once."""
ENDING = "R7"
"""The check that measures `processes_left` in its own way, where the level has it."""
_RAISED = re.compile(r"^([A-Za-z_][\w.]*(?:Error|Exception))(?:: (.*))?$", re.MULTILINE)
_MOVING = re.compile(r"[/\\]|\b\d{3,}\b|0x")
"""What differs between two runs: paths, ports, process ids, addresses."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long is waited, in seconds: until it is ready, that it stays so, for what it started to end."""

    ready: float = READY_SECONDS
    steady: float = STEADY_SECONDS
    left: float = LEFT_SECONDS


@dataclass(frozen=True, kw_only=True)
class Start:
    """One start. `seconds` is what it took to be ready; what never was, took the whole limit."""

    is_ready: bool
    seconds: float
    findings: tuple[Finding, ...] = ()
    left: int = 0
    described: Mapping[str, object]


LIMITS = Limits()


def check(stage: Stage, limits: Limits = LIMITS) -> Seen:
    """Start the system as often as the level demands, one after the other, until a start fails."""
    stage.originals.update(workcopy.digests(stage.tree))
    wanted = stage.settings.starts
    starts: list[Start] = []
    while len(starts) < wanted and all(start.is_ready for start in starts):
        # The last one is told to end; what the first has shown, the others need not show again.
        starts.append(_start(stage, len(starts) + 1, limits, ends=len(starts) + 1 == wanted))
    document = [start.described for start in starts]
    stage.run.keep("starts.json", json.dumps(document, indent=1).encode() + b"\n", volatile=True)
    ready = sum(start.is_ready for start in starts)
    slowest = max((start.seconds for start in starts), default=0.0)
    measures: dict[str, int | Fraction] = {
        "starts": ready,
        "ready_seconds": Fraction(round(slowest * 1000), 1000),
    }
    if _ends_here(stage):
        measures["processes_left"] = sum(start.left for start in starts)
    return Seen(
        findings=tuple(each for start in starts for each in start.findings),
        measures=measures,
        volatile=frozenset({"ready_seconds"}),
        examined=len(starts),
        proved={"S2": ready == wanted},
    )


def untouched(stage: Stage) -> Seen:
    """Look, after all checks, whether the system has written over what it was started from."""
    now = workcopy.digests(stage.tree)
    outputs = _outputs(stage)
    changed = [path for path, digest in stage.originals.items() if now.get(path) != digest]
    return Seen(
        findings=tuple(
            finding(
                "R2-writes-own-source",
                "the system changes or removes this file of its own tree",
                "write to a folder that configuration names: what is deployed must stay what was judged",
                at=(path, 0),
                basis=path,
            )
            for path in sorted(changed)
            if path not in outputs
        ),
        examined=len(stage.originals),
    )


def _start(stage: Stage, number: int, limits: Limits, *, ends: bool) -> Start:
    is_job = stage.system.kind == "job"
    watch = workcopy.Watch(stage.tree)
    try:
        with stage.instance(f"start {number}", within=limits.ready) as instance:
            if is_job:
                findings = tuple(_unwritten(stage, watch.written()))
            else:
                # Ready once is not ready: one that dies of its first request is seen here.
                findings = _steady(instance, limits.steady) if number == 1 else ()
            left = _left(instance, limits, is_job=is_job) if ends and _ends_here(stage) else 0
        process = instance.process
        _keep_log(stage, number, redacted(process.stdout + process.stderr, instance.secrets))
    except LaunchError as error:
        return _failed(stage, number, error, limits)
    return Start(
        is_ready=not findings,
        seconds=instance.ready_seconds,
        findings=findings,
        left=left,
        described={"ready_seconds": instance.ready_seconds, "retries": instance.retries, "left": left},
    )


def _failed(stage: Stage, number: int, error: LaunchError, limits: Limits) -> Start:
    if error.reason is Reason.UNDECLARED:
        raise error
    if error.port_taken:
        raise GateError(
            "cannot-run: twice the port that the system was given was taken before it listened; run again",
            external=True,
        ) from None
    _keep_log(stage, number, error.words)
    return Start(
        is_ready=False,
        seconds=limits.ready,
        findings=tuple(_findings(stage, number, error)),
        described={"reason": error.reason.value, "exit_code": error.code, "ports": sorted(error.ports)},
    )


def _findings(stage: Stage, number: int, error: LaunchError) -> Iterator[Finding]:
    log = f"its last words are in start-{number}.log"
    if error.reason is Reason.EXITED:
        yield _exits(stage, error.code, error.words, log)
    elif error.reason is Reason.FOREIGN:
        yield finding(
            "R2-foreign-listener",
            "another process than the system, or one that left its process tree, answers on its port",
            "let the declared command serve by itself; end what else listens on this machine",
            basis="foreign",
        )
    else:
        if error.ignores_port:
            yield finding(
                "R2-port-ignored",
                f"the system listens on another port than the one in {stage.system.port_env}",
                f"bind to the port in {stage.system.port_env}, or correct port_env",
                basis="port",
            )
        yield finding("R2-not-ready", _unready(stage), f"see why it is not: {log}", basis="ready")


def _unready(stage: Stage) -> str:
    system = stage.system
    if system.kind == "job":
        return "the job does not end"
    if system.kind == "worker":
        return "the system does not become ready: no line of its log matches ready_log"
    return f"the system does not become ready: GET {system.ready} is not answered with 200"


def _exits(stage: Stage, code: int | None, words: str, log: str) -> Finding:
    when = "" if stage.system.kind == "job" else " before it is ready, or soon after"
    return finding(
        "R2-exits",
        f"started as declared, with valid secrets and settings, it ends with exit code {code}{when}"
        f"{_cause(words)}",
        f"start it so in a fresh environment; {log}",
        basis="exits",
    )


def _cause(words: str) -> str:
    """Return the exception that ended it, without what differs between two runs."""
    raised = _RAISED.findall(words)
    if not raised:
        return ""
    name, text = raised[-1]
    return f": {name}: {text}" if text and not _MOVING.search(text) else f": {name}"


def _steady(instance: Instance, system_lives: float) -> tuple[Finding, ...]:
    code = instance.process.wait(system_lives)
    if code is None:
        return ()
    return (
        finding(
            "R2-exits",
            f"the system was ready once and then ended by itself with exit code {code}",
            "keep serving until it is told to end; its output is in start-1.log",
            basis="exits",
        ),
    )


def _unwritten(stage: Stage, written: Mapping[str, bytes]) -> Iterator[Finding]:
    for pattern in stage.system.outputs or ():
        if not _matching(stage, pattern) & written.keys():
            yield finding(
                "R2-no-output",
                f"the job ends with 0 and leaves nothing new that matches {pattern}",
                "write what is declared, or end with another code; correct outputs if it goes elsewhere",
                basis=pattern,
            )


def _outputs(stage: Stage) -> frozenset[str]:
    return frozenset(path for pattern in stage.system.outputs or () for path in _matching(stage, pattern))


def _matching(stage: Stage, pattern: str) -> frozenset[str]:
    if pattern.startswith("/") or ".." in pattern.split("/"):
        raise GateError(f"outputs: {pattern} is not below the project; name it relative to its root")
    return frozenset(path.relative_to(stage.tree).as_posix() for path in stage.tree.glob(pattern))


def _ends_here(stage: Stage) -> bool:
    parts: Iterable[str] = (*stage.settings.enforce, *stage.settings.report)
    return stage.system.kind == "job" or not any(part.partition("/")[0] == ENDING for part in parts)


def _left(instance: Instance, limits: Limits, *, is_job: bool) -> int:
    """Tell a system to end, as an operator does, and count what lives on; a job has ended already."""
    if not is_job:
        instance.process.stop()
        instance.process.wait(instance.system.grace_s)
    deadline = time.monotonic() + limits.left
    while (left := len(instance.process.family())) and time.monotonic() < deadline:
        time.sleep(min(0.02, limits.left))
    return left


def _keep_log(stage: Stage, number: int, text: str) -> None:
    stage.run.keep(f"start-{number}.log", text.encode(), volatile=True)
