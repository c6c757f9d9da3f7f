"""Runs the fail-open list, prints it as a table, and keeps what was said in results.json.

Other options and files go to pytest. What ran in part, or into another file by `--output`, replaces nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.acceptance.matrix import HERE, RESULTS, Results, headline, load, not_run, results, summary, table

TESTS = tuple(f"test_{name}.py" for name in ("failopen", "processes", "completeness", "cache", "resuming"))
NEXT = "Run: python tools/generate_docs.py"


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code of pytest, or of what was kept."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.acceptance", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("--full", action="store_true", help="every mode and variant, in place of CI's part")
    parser.add_argument("--show", action="store_true", help="run nothing: print what is kept")
    parser.add_argument("--output", type=Path, default=RESULTS, help="where to keep it")
    chosen, others = parser.parse_known_args(arguments)
    if chosen.show:
        return show(chosen.output)
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder, "rows.json")
        code = run(rows, others, full=chosen.full)
        if not rows.is_file():
            sys.exit(f"nothing to show: pytest ended with {code} before it ran anything")
        found = results(json.loads(rows.read_bytes()), "full" if chosen.full else "ci")
    display(found)
    keep(found, chosen.output)
    return code


def run(rows: Path, others: Sequence[str], *, full: bool) -> int:
    """Run the tests of the list in a process of their own: the size is fixed at import."""
    environment = {name: value for name, value in os.environ.items() if name != "ACCEPTANCE_SIZE"}
    size = {"ACCEPTANCE_SIZE": "full"} if full else {}
    options = ("-p", "tests.acceptance.keeping", f"--keep-rows={rows}")
    tests = (str(HERE / name) for name in TESTS)
    argv = [sys.executable, "-m", "pytest", *options, *tests, *others]
    return subprocess.run(argv, cwd=HERE.parents[1], env=environment | size, check=False).returncode


def show(path: Path) -> int:
    """Print what is kept; a kept failure is a failure."""
    found = load(path)
    if found is None:
        sys.exit(f"{path}: nothing is kept; run without --show")
    display(found)
    bad = found["failed"] or not_run(found) or not all(row["ok"] for row in found["rows"])
    return 1 if bad else 0


def display(found: Results) -> None:
    """Print the table, and what it is a table of."""
    lines = [*table(found), "", headline(found), summary(found["rows"])]
    sys.stdout.write("\n".join(lines) + "\n")


def keep(found: Results, path: Path) -> None:
    """Write the results, but a part of the list never in place of the whole."""
    missing = not_run(found)
    if path == RESULTS and missing:
        sys.stdout.write(f"not kept: {len(missing)} entries were not run, {missing[0]} among them\n")
        return
    path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    sys.stdout.write(f"kept in {path}. {NEXT if path == RESULTS else ''}".rstrip() + "\n")


if __name__ == "__main__":
    sys.exit(main())
