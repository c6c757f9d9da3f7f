"""What pytest-benchmark says by itself: its own comparison with times that it stored earlier."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

REGRESSED = re.compile(r"^\ttest_(?P<name>\w+) \(.*\) - Field 'median' has failed", re.MULTILINE)
PASSED, FAILED = 0, 1
OPTIONS = ("-q", "--tb=line", "-p", "pytest_benchmark.plugin", "-p", "no:cacheprovider", "tests")


class StoredError(Exception):
    """It ended otherwise than by passing or by failing for a regression."""


@dataclass(frozen=True, kw_only=True)
class Storage:
    """A folder of stored times, the newest of which later runs are compared with."""

    folder: Path

    def save(self, project: Path) -> None:
        """Measure and store."""
        done = self._run(project, "--benchmark-save=base")
        if done.returncode != PASSED:
            raise StoredError(done.stdout + done.stderr)

    def regressed(self, project: Path) -> frozenset[str]:
        """Return the benchmarks whose median is more than 15 % above the stored one."""
        done = self._run(project, "--benchmark-compare", "--benchmark-compare-fail=median:15%")
        found = frozenset(match["name"] for match in REGRESSED.finditer(done.stdout + done.stderr))
        if done.returncode != (FAILED if found else PASSED):
            raise StoredError(done.stdout + done.stderr)
        return found

    def _run(self, project: Path, *options: str) -> subprocess.CompletedProcess[str]:
        storage = f"--benchmark-storage={self.folder.as_uri()}"
        return subprocess.run(
            [sys.executable, "-P", "-m", "pytest", *OPTIONS, storage, *options],
            cwd=project,
            env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(project)},
            capture_output=True,
            text=True,
            check=False,
        )
