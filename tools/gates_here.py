"""Prints the options that leave out the gates of a level that cannot be judged here, and says which.

A report of such a run is marked incomplete: what is left out is judged elsewhere.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from pytest_failhard import policy
from pytest_failhard.distributions.advisories import services
from pytest_failhard.distributions.advisories.canaries import CANARIES
from pytest_failhard.gates import builtin

SECONDS = 5
ASKING = "vulnerabilities"
"""The gate that asks an advisory service."""
Service = Callable[[], bytes]


def index() -> bytes:
    """Return what pip-audit, which the gate asks with, learns of the canary from the package index."""
    canary = CANARIES[0]
    with tempfile.TemporaryDirectory() as folder:
        pins, report = Path(folder, "pins.txt"), Path(folder, "audit.json")
        pins.write_text(f"{canary.name}=={canary.version}\n", "utf-8")
        asked = ("-r", str(pins), "--no-deps", "--disable-pip", "--progress-spinner", "off", "-s", "pypi")
        written = ("--aliases", "on", "-f", "json", "-o", str(report), "--timeout", str(SECONDS))
        # Exit code 1 is both: the canary was found, and nobody could be asked. The report tells them apart.
        subprocess.run(
            [sys.executable, "-I", "-m", "pip_audit", *asked, *written], capture_output=True, check=False
        )
        return report.read_bytes()


def osv() -> bytes:
    """Return what the public OSV service says of the canary."""
    canary = CANARIES[0]
    question = {"package": {"name": canary.name, "ecosystem": "PyPI"}, "version": canary.version}
    with urllib.request.urlopen(services.address("osv"), json.dumps(question).encode(), SECONDS) as answer:
        data: bytes = answer.read()
    return data


def silence(asked: Service) -> str:
    """Say why a service is of no use, nothing where it names the canary's advisory."""
    try:
        said = asked().decode("utf-8", "replace")
    except (urllib.error.URLError, OSError, ValueError) as error:
        return f"{asked.__name__}: {error}"
    return "" if any(name in said for name in CANARIES[0].ids) else f"{asked.__name__}: no canary"


def unreachable(services: Sequence[Service]) -> str:
    """Say why no service can be asked, nothing where one answers."""
    reasons: list[str] = []
    for service in services:
        reason = silence(service)
        if not reason:
            return ""
        reasons.append(reason)
    return "; ".join(reasons)


def options(
    level: int, left_out: Sequence[str] = (), services: Sequence[Service] = (index, osv)
) -> tuple[str, tuple[str, ...]]:
    """Return the options, empty for a whole level, and a line about each gate that is left out.

    `left_out` are gates that the caller knows to be judged elsewhere; raises ValueError for a stranger.
    """
    known = [gate.id for gate in builtin()]
    demanded = [rule.gate for rule in policy.load(level, known, today=datetime.now(UTC).date()).rules]
    if strangers := sorted({*left_out} - {*demanded}):
        raise ValueError(f"level {level} has no gate {', '.join(strangers)}; it has {', '.join(demanded)}")
    said = {gate: f"{gate} is left out: it is judged elsewhere" for gate in left_out}
    if ASKING in demanded and (reason := unreachable(services)):
        said[ASKING] = f"{ASKING} is left out: no advisory service ({reason})"
    kept = ",".join(gate for gate in demanded if gate not in said)
    return (f"--failhard-only={kept}" if said else ""), tuple(said.values())


def main(arguments: Sequence[str]) -> None:
    """Print the options for a level and what else is left out of it, to stderr what that is."""
    level, *left_out = arguments
    given, said = options(int(level), left_out)
    sys.stdout.write(f"{given}\n")
    for line in said:
        sys.stderr.write(f"== {line}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
