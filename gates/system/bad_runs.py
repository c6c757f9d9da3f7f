"""R8 of a job: each declared bad run ends with an error, and says on stderr what is wrong."""

from __future__ import annotations

from pytest_failhard.gates.system.record import Ended
from pytest_failhard.gates.system.seen import Seen, finding
from pytest_failhard.gates.system.stage import Stage
from pytest_failhard.model import Finding

RUN_SECONDS = 60.0


def check(stage: Stage, *, within: float = RUN_SECONDS) -> Seen:
    """Start every bad run in an environment of its own; one that takes longer than `within` seconds hangs."""
    runs = stage.system.bad_runs or ()
    findings = [found for argv in runs for found in _tried(stage, argv, within)]
    return Seen(findings=tuple(findings), measures={"bad_runs": len(runs)}, examined=len(runs))


def _tried(stage: Stage, argv: tuple[str, ...], within: float) -> list[Finding]:
    process = stage.run.start(argv, environment=stage.prepare().variables, cwd=stage.tree, kept=True)
    code = process.wait(within)
    process.kill()
    stdout, stderr = process.stdout, process.stderr
    log = {"stdout": stdout, "stderr": stderr}.get(stage.system.logs, stdout + stderr)
    stage.record.end(Ended(purpose="bad run", stdout=stdout, stderr=stderr, log=log, argv=(argv,)))
    shown = " ".join(argv)
    if code is None:
        text = f"{shown} does not end"
        return [finding("R8-bad-run-hangs", text, "refuse bad input before the work begins", basis=shown)]
    if code == 0:
        text = f"{shown} ends with 0, although its input is bad"
        return [finding("R8-bad-run-accepted", text, "end with another status", basis=shown)]
    if not stderr.strip():
        text = f"{shown} ends with an error and does not say on stderr what is wrong"
        return [finding("R8-bad-run-silent", text, "say on stderr what is wrong with the input", basis=shown)]
    return []
