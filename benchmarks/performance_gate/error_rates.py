"""Prints in how many percent of decisions each method fails the gate, from recorded pairs of processes."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.performance_gate import page, rates, raw
from benchmarks.performance_gate.recorded import read


def main() -> int:
    """Count, print, and keep or compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "recorded", type=Path, nargs="?", default=raw.KEPT, help="lines of raw.py, packed or not"
    )
    parser.add_argument("--keep", action="store_true", help=f"write {rates.KEPT.name}")
    parser.add_argument(
        "--check", action="store_true", help=f"exit 1 if {rates.KEPT.name} says something else"
    )
    asked = parser.parse_args()
    machine, pairs = read(asked.recorded)
    text = rates.document(machine, pairs)
    sys.stdout.write(page.of_rates(text))
    if asked.keep:
        rates.KEPT.write_text(text, "utf-8")
    return int(asked.check and rates.KEPT.read_text("utf-8") != text)


if __name__ == "__main__":
    sys.exit(main())
