"""Prints the gates of a level but those that are named, for `--failhard-only`; an unknown one is refused.

What is left out of a run is said, and its report is marked incomplete: it is judged elsewhere.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from pytest_failhard import policy
from pytest_failhard.gates import builtin


def gates_but(level: int, left_out: Sequence[str]) -> list[str]:
    """Return the gates that a level demands, in order, without some; raises ValueError for a stranger."""
    known = [gate.id for gate in builtin()]
    demanded = [rule.gate for rule in policy.load(level, known, today=datetime.now(UTC).date()).rules]
    if strangers := sorted(set(left_out) - set(demanded)):
        raise ValueError(f"level {level} has no gate {', '.join(strangers)}; it has {', '.join(demanded)}")
    return [gate for gate in demanded if gate not in left_out]


def main(arguments: Sequence[str]) -> None:
    """Print what is left of a level on one line, and say what was left out."""
    level, *left_out = arguments
    sys.stdout.write(",".join(gates_but(int(level), left_out)) + "\n")
    sys.stderr.write(f"left out of level {level}: {', '.join(left_out) or 'nothing'}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
