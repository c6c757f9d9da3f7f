"""The tools of a whole run as a person would line them up: in a shell script, hooks, sessions, a profile."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from benchmarks.pairs import Command

LEVEL = Path(__file__).parent.parent / "policies" / "3-pre-production.yaml"
ENVIRONMENT = {
    # Only the plugins that the supervised run loads too.
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    "PYTEST_ADDOPTS": "-p failhard -p no:cacheprovider",
}
PEERS = {"prospector": "prospector", "pre-commit": "pre-commit", "nox": "nox"}
"""Command by distribution."""
FORMAT = ("format", "--no-cache", "--isolated", "--line-length=110", "--check", "--quiet")
CHECK = (
    "check",
    "--no-cache",
    "--isolated",
    "--ignore-noqa",
    "--quiet",
    "--target-version=py311",
    "--line-length=110",
)


@dataclass(frozen=True, kw_only=True)
class Step:
    """One tool: its arguments, and the folders that are given to it; none where it looks for itself."""

    name: str
    argv: tuple[str, ...]
    folders: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Project:
    """What the tools look at. `out` is a folder for what they write."""

    name: str
    root: Path
    source: str
    lines: int
    out: Path
    environment: Mapping[str, str] = field(default_factory=dict)


def terms() -> Mapping[str, Mapping[str, list[str]]]:
    """Return what level 3 demands of ruff and mypy: peers are asked for the same."""
    gates = yaml.safe_load(LEVEL.read_bytes())["gates"]
    return {
        "lint": {name: gates["lint"]["options"][name]["value"] for name in ("select", "test_select")},
        "types": {"flags": gates["types"]["options"]["flags"]["value"]},
    }


def steps(project: Project) -> list[Step]:
    """Return the tools that observe what the gates do, each with the terms of level 3 and without a cache."""
    demanded = terms()
    source, out = project.source, project.out
    product, tests = (",".join(demanded["lint"][name]) for name in ("select", "test_select"))
    python = (sys.executable, "-m")
    return [
        Step(
            name="tests",
            argv=(*python, "coverage", "run", "--branch", f"--source={source}", "-m", "pytest", "-q"),
        ),
        Step(name="coverage", argv=(*python, "coverage", "json", "-q", "-o", str(out / "coverage.json"))),
        Step(name="lint", argv=(*python, "ruff", *CHECK, f"--select={product}"), folders=(source,)),
        Step(name="lint-tests", argv=(*python, "ruff", *CHECK, f"--select={tests}"), folders=("tests",)),
        Step(name="format", argv=(*python, "ruff", *FORMAT), folders=(source, "tests")),
        Step(
            name="types",
            argv=(
                *(*python, "mypy", "--config-file=", "--cache-dir=/dev/null", *demanded["types"]["flags"]),
                source,
            ),
        ),
        Step(name="security", argv=(*python, "bandit", "-q", "-r"), folders=(source,)),
        Step(name="secrets", argv=(*python, "detect_secrets", "scan", "--no-verify")),
        Step(
            name="licences",
            argv=(
                *(*python, "piplicenses", "--from=all", "--with-system", "-f", "json"),
                *("--output-file", str(out / "licences.json")),
            ),
        ),
        Step(
            name="sbom",
            argv=(
                *(*python, "cyclonedx_py", "environment", "--sv", "1.6", "--of", "JSON"),
                *("-o", str(out / "sbom.json")),
            ),
        ),
    ]


def _command(name: str, argv: Sequence[str], project: Project, **environment: str) -> Command:
    given = {**ENVIRONMENT, "COVERAGE_FILE": str(project.out / "coverage"), **project.environment}
    return Command(name=name, argv=argv, cwd=project.root, environment={**given, **environment})


def tests(project: Project) -> Command:
    """Return the tests alone, under coverage as everywhere."""
    first = steps(project)[0]
    return _command(first.name, first.argv, project)


def script(project: Project) -> Command:
    """Return a shell script with one tool after another; the first that fails ends it."""
    lines = [shlex.join([*step.argv, *step.folders]) for step in steps(project)]
    path = project.out / "script.sh"
    path.write_text("set -eu\n" + "\n".join(lines) + "\n", "utf-8")
    return _command("script", ["sh", str(path)], project)


def pre_commit(project: Project, program: Path) -> Command:
    """Return hooks that are all local; those that take files get them, as pre-commit shares them out."""
    hooks = [
        {
            "id": step.name,
            "name": step.name,
            "entry": shlex.join(step.argv),
            "language": "system",
            "always_run": not step.folders,
            "pass_filenames": bool(step.folders),
            "files": f"^({'|'.join(step.folders)})/" if step.folders else "",
            "types": ["python"],
        }
        for step in steps(project)
    ]
    path = project.out / "pre-commit.yaml"
    path.write_text(yaml.safe_dump({"repos": [{"repo": "local", "hooks": hooks}]}), "utf-8")
    argv = [str(program), "run", "--all-files", "--config", str(path)]
    return _command("pre-commit", argv, project, PRE_COMMIT_HOME=str(project.out / "pre-commit"))


def nox(project: Project, program: Path) -> Command:
    """Return a session for each tool, in the environment that is there."""
    sessions = [
        f"@nox.session(name={step.name!r})\ndef session_{number}(session):\n"
        f"    session.chdir({str(project.root)!r})\n"
        f"    session.run(*{[*step.argv, *step.folders]!r}, external=True)\n"
        for number, step in enumerate(steps(project))
    ]
    path = project.out / "noxfile.py"
    path.write_text("\n\n".join(["import nox\n", *sessions]), "utf-8")
    return _command("nox", [str(program), "-f", str(path), "--no-venv"], project)


def prospector(project: Project, program: Path) -> Command:
    """Return what it can run of the tools: ruff, mypy and bandit."""
    demanded = terms()
    flags = {flag.removeprefix("--"): True for flag in demanded["types"]["flags"]}
    places = {"cache-dir": "/dev/null", "python-executable": sys.executable}
    tools: dict[str, object] = {
        "ruff": {"run": True, "options": {"select": demanded["lint"]["select"]}},
        "mypy": {"run": True, "options": {**flags, **places}},
        "bandit": {"run": True},
    }
    path = project.out / "prospector.yaml"
    path.write_text(yaml.safe_dump({"inherits": ["no_doc_warnings"], **tools}), "utf-8")
    named = [part for tool in tools for part in ("--tool", tool)]
    argv = [str(program), *named, "--profile", str(path), "--zero-exit", "--no-autodetect", project.source]
    return _command("prospector", argv, project)


@dataclass(frozen=True, kw_only=True)
class Installed:
    """Where the peers are and in which versions; `missing` says of each other one why it is not."""

    folder: Path
    versions: Mapping[str, str]
    missing: Mapping[str, str]

    def program(self, name: str) -> Path:
        """Return the path of a command."""
        return self.folder / "bin" / name


def installed(folder: Path, ours: Mapping[str, str]) -> Installed:
    """Make an environment of the peers' own where there is none, with the same tools as ours."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    tools = [f"{name}=={ours[name]}" for name in ("ruff", "mypy", "bandit")]
    pip = [str(python), "-m", "pip", "--disable-pip-version-check"]
    said = {
        name: subprocess.run(
            [*pip, "install", "-q", name, *tools], capture_output=True, text=True, check=False
        )
        for name in PEERS
        if not (folder / "bin" / PEERS[name]).exists()
    }
    listed = subprocess.run([*pip, "list", "--format=json"], capture_output=True, check=True).stdout
    known = {entry["name"].replace("_", "-"): entry["version"] for entry in json.loads(listed)}
    missing = {
        name: (done.stderr.strip().splitlines() or ["pip said nothing"])[-1]
        for name, done in said.items()
        if done.returncode
    }
    return Installed(
        folder=folder,
        versions={name: known[name] for name in PEERS if name in known and name not in missing},
        missing=missing,
    )
