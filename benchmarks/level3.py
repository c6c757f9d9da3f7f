"""Level 3 on the example, cold: against the same tools one after another, and against one gate at a time."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.pairs import Command, pairs, spread

EXAMPLE = Path(__file__).parent.parent / "examples" / "triage_service"
# The tools as a person would line them up in a shell script, on the same files.
SCRIPT = """
set -u
# Only the plugins that the supervised run loads too.
export PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 PYTEST_ADDOPTS="-p failhard -p no:cacheprovider"
{python} -m coverage run --branch --source=triage -m pytest -q || exit 1
{python} -m coverage json -q -o /dev/null || exit 1
{python} -m ruff check --no-cache --isolated --select E,F,W,B,I,S,PTH,T20,C90 triage >/dev/null
{python} -m ruff format --no-cache --isolated --line-length 100 --check triage tests >/dev/null
{python} -m mypy --strict --cache-dir=/dev/null triage || exit 1
{python} -m bandit -q -r triage || exit 1
"""


def prepare(folder: Path) -> Path:
    """Copy the example into a git repository of its own."""
    project = folder / "triage_service"
    shutil.copytree(EXAMPLE, project, ignore=shutil.ignore_patterns("__pycache__", ".failhard"))
    for arguments in (
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=bench", "-c", "user.email=bench@example.org", "commit", "-qm", "first"],
    ):
        subprocess.run(["git", *arguments], cwd=project, check=True)
    return project


def main() -> None:
    """Print the ratios of wall time and CPU."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        project = prepare(Path(folder))
        check = [sys.executable, "-I", "-m", "pytest_failhard", "check", str(project), "--level", "3"]
        ours = Command(name="failhard", argv=check, cwd=project)
        script = Command(name="script", argv=["sh", "-c", SCRIPT.format(python=sys.executable)], cwd=project)
        single = Command(name="one gate at a time", argv=[*check, "--jobs", "1"], cwd=project)
        for other in (script, single):
            costs = pairs(ours, other, runs)
            walls = [mine.wall / theirs.wall for mine, theirs in costs]
            cpus = [mine.cpu / theirs.cpu for mine, theirs in costs]
            sys.stdout.write(
                f"failhard check --level 3 / {other.name}: wall {spread(walls)}, CPU {spread(cpus)}\n"
            )


if __name__ == "__main__":
    main()
