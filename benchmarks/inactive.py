"""What the plugin costs a pytest run that does not ask for it: CPU per start and modules imported."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.kept import keep
from benchmarks.pairs import Command, once, spread

HEAVY = (
    "asyncio",
    "ssl",
    "h11",
    "yaml",
    "coverage",
    "openai",
    "pydantic",
    "psutil",
    "rich",
    "click",
    "jinja2",
    "bandit",
    "tomlkit",
)
LISTING = "import sys, json, pytest; before = set(sys.modules); "
LISTING += "import pytest_failhard.plugin, pytest_failhard.llm.fixtures; "
LISTING += "print(json.dumps(sorted(set(sys.modules) - before)))"


def main() -> None:
    """Print the added CPU in milliseconds (minimum against minimum) and as a share of a run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=12)
    parser.add_argument("--keep", action="store_true", help="add the pairs to benchmarks/results")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_nothing.py").write_text("def test_nothing():\n    assert True\n")
        alone = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        environment = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        without = Command(name="without", argv=alone, cwd=Path(folder), environment=environment)
        inactive = Command(
            name="inactive",
            argv=[*alone, "-p", "pytest_failhard.plugin"],
            cwd=Path(folder),
            environment=environment,
        )
        costs = [(once(without).cpu, once(inactive).cpu) for _ in range(asked.runs + 1)][1:]
    least = [min(pair[side] for pair in costs) for side in (0, 1)]
    sys.stdout.write(
        f"inactive plugin, added CPU: {(least[1] - least[0]) * 1000:.1f} ms of {least[0] * 1000:.0f} ms\n"
    )
    sys.stdout.write(
        f"ratio of CPU, pair by pair: {spread([inactive / without for without, inactive in costs])}\n"
    )
    if asked.keep:
        keep("inactive", {"pairs": costs}, {})
    listed = subprocess.run([sys.executable, "-c", LISTING], capture_output=True, text=True, check=True)
    added = json.loads(listed.stdout)
    sys.stdout.write(f"modules added by the import: {', '.join(added)}\n")
    heavy = sorted(set(HEAVY) & {name.partition(".")[0] for name in added})
    sys.stdout.write(f"heavy ones among them: {', '.join(heavy) or 'none'}\n")


if __name__ == "__main__":
    main()
