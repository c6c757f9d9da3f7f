"""Judges both examples with the real command and compares the verdicts with what must come out.

Whether a package has a known vulnerability is asked of a service on this machine, which the demo starts over
hand-made records: an organisation's policy names it, and so does the report. The demo needs no network.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
DEMO = ROOT / "build" / "demo"
RECORDS = EXAMPLES / "advisories"
POLICY = ROOT / "policies" / "3-pre-production.yaml"
CHOICES = {
    "name: pre-production": "name: demo",
    "kind: project, stricter: choice, value: auto": "kind: fixed, stricter: choice, value: osv",
    'kind: fixed, stricter: choice, value: ""': "kind: fixed, stricter: choice, value: URL",
}
"""What the demo's policy says otherwise than the shipped one of its level."""
STOP_SECONDS = 30
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
                "dependencies",
                "security",
                "llm",
                "licences",
                "system",
                "container",
                "performance",
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


def archive(folder: Path) -> bytes:
    """Return the records of a folder as an archive, the same bytes for the same records."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as opened:
        for path in sorted(folder.glob("*.json")):
            opened.writestr(zipfile.ZipInfo(path.name), path.read_bytes())
    return stream.getvalue()


def policy_naming(url: str) -> str:
    """Return an organisation's policy: the shipped one of level 3, with a service of its own choice."""
    text = POLICY.read_text("utf-8")
    for shipped, chosen in CHOICES.items():
        if text.count(shipped) != 1:
            raise DemoError(f"{POLICY.name}: {shipped!r} does not stand there once")
        text = text.replace(shipped, chosen.replace("URL", json.dumps(url)))
    return text


@contextlib.contextmanager
def advisory_service() -> Iterator[str]:
    """Serve the hand-made records as long as the context is open; give the service's address."""
    DEMO.mkdir(parents=True, exist_ok=True)
    path = DEMO / "advisories.zip"
    path.write_bytes(archive(RECORDS))
    Path(f"{path}.sha256").write_text(hashlib.sha256(path.read_bytes()).hexdigest() + "\n", "utf-8")
    command = [sys.executable, "-I", "-m", "pytest_failhard", "advisories", "serve", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield _address(process)
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)


def _address(process: subprocess.Popen[str]) -> str:
    line = process.stdout.readline() if process.stdout is not None else ""
    try:
        ready = json.loads(line)
        print(f"advisories: {ready['records']} hand-made records, served at {ready['url']}", flush=True)
        return str(ready["url"])
    except (ValueError, KeyError, TypeError) as error:
        raise DemoError(f"the advisory service did not start: {line!r}") from error


def check(folder: Path, policy: Path) -> int:
    """Judge the folder; the report goes to our own output as it comes."""
    asked = [str(folder), "--level", "3", "--policy", str(policy)]
    command = [sys.executable, "-I", "-m", "pytest_failhard", "check", *asked]
    return subprocess.run(command, env=without_git(os.environ), check=False).returncode


def failing_gates(folder: Path, url: str) -> frozenset[str]:
    """Return the gates that the report calls failed; it must be readable, and name the advisory service."""
    path = folder / REPORT
    try:
        gates = json.loads(path.read_bytes())["gates"]
        if not any(gate["id"] == "vulnerabilities" and url in gate["tool"] for gate in gates):
            raise DemoError(f"{path.relative_to(ROOT)}: no gate says that {url} answered")
        return frozenset(gate["id"] for gate in gates if gate["verdict"] == "fail")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DemoError(f"{path.relative_to(ROOT)}: no readable report: {error!r}") from error


def outcome(status: int, failing: frozenset[str]) -> str:
    """Say a status and its failing gates in a few words."""
    verdict = VERDICTS.get(status, "unknown")
    gates = f", failing {', '.join(sorted(failing))}" if failing else ""
    return f"{verdict} (exit {status}{gates})"


def judge(expected: Expectation, url: str) -> tuple[bool, str]:
    """Run one example, its advisories from `url`; return whether it came out as it must, and a line on it."""
    print(f"== {expected.name}", flush=True)
    folder = prepare(expected.name)
    policy = DEMO / "policy.yaml"
    policy.write_text(policy_naming(url), "utf-8")
    status = check(folder, policy)
    try:
        failing = failing_gates(folder, url)
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
        with advisory_service() as url:
            results = [judge(expected, url) for expected in EXPECTATIONS]
    except (DemoError, OSError, subprocess.SubprocessError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2
    print("\n" + "\n".join(line for _, line in results))
    return 0 if all(as_expected for as_expected, _ in results) else 1


if __name__ == "__main__":
    sys.exit(main())
