"""Judges both examples with the real command and compares the verdicts with what must come out."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
DEMO = ROOT / "build" / "demo"
REPORT = Path(".failhard", "report.json")
LEFTOVERS = shutil.ignore_patterns("__pycache__", ".*_cache", ".failhard", ".venv", ".coverage")
VERDICTS = {0: "pass", 1: "fail", 2: "usage error", 3: "error", 4: "tampering"}


class DemoError(Exception):
    """The demo itself could not do its work."""


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """An example, the exit status that `failhard check` must give it, and the gates that must fail."""

    name: str
    status: int
    failing: frozenset[str] = frozenset()


EXPECTATIONS = (
    Expectation(name="triage_service", status=0),
    Expectation(
        name="triage_service_lazy",
        status=1,
        failing=frozenset(
            {
                "tests",
                "coverage",
                "lint",
                "types",
                "fallbacks",
                "integrity",
                "secrets",
                "security",
                "llm",
                "licences",
            }
        ),
    ),
)


def prepare(name: str) -> Path:
    """Return a fresh repository with two commits: the example as it stands, then a small change to it."""
    folder = DEMO / name
    if folder.exists():
        shutil.rmtree(folder)
    shutil.copytree(EXAMPLES / name, folder, ignore=LEFTOVERS)
    git(folder, "init", "--quiet", "--initial-branch=main", "--template=")
    git(folder, "config", "user.name", "failhard demo")
    git(folder, "config", "user.email", "demo@example.invalid")
    git(folder, "config", "commit.gpgsign", "false")
    commit(folder, "Triage support tickets")
    git(folder, "apply", "--whitespace=nowarn", str(EXAMPLES / f"{name}.change.patch"))
    commit(folder, "Count the tickets of each queue")
    return folder


def commit(folder: Path, message: str) -> None:
    """Commit everything that is there."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--no-verify", f"--message={message}")


def git(folder: Path, *arguments: str) -> None:
    """Run git in the folder, deaf to a repository that the caller's environment names."""
    command = ["git", "-c", f"core.hooksPath={os.devnull}", *arguments]
    done = subprocess.run(
        command, cwd=folder, env=without_git(os.environ), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise DemoError(f"git {' '.join(arguments)} in {folder.name}: {done.stderr.strip()}")


def without_git(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without the variables by which a hook points git at another repository."""
    return {name: value for name, value in environment.items() if not name.startswith("GIT_")}


def check(folder: Path) -> int:
    """Judge the folder; the report goes to our own output as it comes."""
    command = [sys.executable, "-I", "-m", "pytest_failhard", "check", str(folder), "--level", "3"]
    return subprocess.run(command, env=without_git(os.environ), check=False).returncode


def failing_gates(folder: Path) -> frozenset[str]:
    """Return the gates that the report calls failed; no readable report is an error of the demo."""
    path = folder / REPORT
    try:
        gates = json.loads(path.read_bytes())["gates"]
        return frozenset(gate["id"] for gate in gates if gate["verdict"] == "fail")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DemoError(f"{path.relative_to(ROOT)}: no readable report: {error!r}") from error


def outcome(status: int, failing: frozenset[str]) -> str:
    """Say a status and its failing gates in a few words."""
    verdict = VERDICTS.get(status, "unknown")
    gates = f", failing {', '.join(sorted(failing))}" if failing else ""
    return f"{verdict} (exit {status}{gates})"


def judge(expected: Expectation) -> tuple[bool, str]:
    """Run one example; return whether it came out as it must, and the line that says so."""
    print(f"== {expected.name}", flush=True)
    folder = prepare(expected.name)
    status = check(folder)
    try:
        failing = failing_gates(folder)
    except DemoError as error:
        return False, f"UNEXPECTED: {expected.name}: exit {status}; {error}"
    as_expected = status == expected.status and failing >= expected.failing and bool(failing) == bool(status)
    line = (
        f"{'as expected' if as_expected else 'UNEXPECTED'}: {expected.name}: "
        f"expected {outcome(expected.status, expected.failing)}, got {outcome(status, failing)}"
    )
    return as_expected, line


def main() -> int:
    """Return 0 exactly when both examples came out as they must."""
    try:
        results = [judge(expected) for expected in EXPECTATIONS]
    except (DemoError, OSError, subprocess.SubprocessError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2
    print("\n" + "\n".join(line for _, line in results))
    return 0 if all(as_expected for as_expected, _ in results) else 1


if __name__ == "__main__":
    sys.exit(main())
