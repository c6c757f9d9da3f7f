"""Prints the options for a run on a machine that may reach no advisory service: one less gate, said aloud."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime

from pytest_failhard import policy
from pytest_failhard.distributions.advisories import services
from pytest_failhard.distributions.advisories.canaries import CANARIES
from pytest_failhard.gates import builtin

SECONDS = 5
GATE = "vulnerabilities"
INDEX = "https://pypi.org/pypi/{name}/{version}/json"


def index() -> bytes:
    """Return what the package index says of the canary."""
    canary = CANARIES[0]
    with urllib.request.urlopen(
        INDEX.format(name=canary.name, version=canary.version), timeout=SECONDS
    ) as answer:
        data: bytes = answer.read()
    return data


def osv() -> bytes:
    """Return what the public OSV service says of the canary."""
    canary = CANARIES[0]
    question = {"package": {"name": canary.name, "ecosystem": "PyPI"}, "version": canary.version}
    with urllib.request.urlopen(services.address("osv"), json.dumps(question).encode(), SECONDS) as answer:
        data: bytes = answer.read()
    return data


def silence(asked: Callable[[], bytes]) -> str:
    """Say why a service is of no use, nothing where it names the canary's advisory."""
    try:
        said = asked().decode("utf-8", "replace")
    except (urllib.error.URLError, OSError, ValueError) as error:
        return f"{asked.__name__}: {error}"
    return "" if any(name in said for name in CANARIES[0].ids) else f"{asked.__name__}: no canary"


def others(level: int) -> str:
    """Return the gates of a level but the one that asks, as an option takes them."""
    known = [gate.id for gate in builtin()]
    rules = policy.load(level, known, today=datetime.now(UTC).date()).rules
    return ",".join(rule.gate for rule in rules if rule.gate != GATE)


def options(level: int, asking: tuple[Callable[[], bytes], ...] = (index, osv)) -> tuple[str, str]:
    """Return the options, and what is to be said about them; both empty where a service answers."""
    reasons = []
    for asked in asking:
        reason = silence(asked)
        if not reason:
            return "", ""
        reasons.append(reason)
    return (
        f"--failhard-only={others(level)}",
        f"{GATE} is left out: no advisory service ({'; '.join(reasons)})",
    )


def main() -> None:
    """Print the options for the level that is given, to stderr what they leave out."""
    given, said = options(int(sys.argv[1]))
    print(given)
    if said:
        print(f"== {said}", file=sys.stderr)


if __name__ == "__main__":
    main()
