"""The five supply-chain gates at level 4, cold, against their three tools run plainly one after another."""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from packaging.utils import canonicalize_name

from benchmarks.pairs import Command, pairs, spread
from tools.demo import RECORDS, ROOT, advisory_service, archive

GATES = "dependencies,vulnerabilities,licences,sbom,provenance"
LOCK = ROOT / "requirements" / "dev.txt"
PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^ \\;]+)", re.MULTILINE)
PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "many-parts"
version = "1.0"
requires-python = ">=3.11"
license = "MIT"
license-files = ["LICENSE"]
authors = [{{ name = "Bench", email = "bench@example.org" }}]
dependencies = {dependencies}

[tool.hatch.build.targets.wheel]
packages = ["parts"]

[tool.failhard]
level = 4
purpose = "has many dependencies"
requirements = ["it has them"]
expected_load = {{ rps = 1, daily_users = 1 }}
source = ["parts"]

[tool.failhard.system]
kind = "library"
secrets = []
settings = []

[tool.failhard.vulnerabilities]
mode = "file"
path = "advisories.zip"
sha256 = "{sha256}"
"""
# As a person would type them: pip-audit over the same list, the others over the environment.
SCRIPT = """
{python} -m pip_audit -r {pins} --no-deps --disable-pip --progress-spinner off -f json -o {out}/audit.json \\
    -s osv --osv-url {url}
{python} -m piplicenses --from=all --with-system -f json --output-file {out}/licences.json >/dev/null
{python} -m cyclonedx_py environment --sv 1.6 --of JSON -o {out}/sbom.json
"""


def prepare(folder: Path, size: int) -> Path:
    """Write a project that runs on the first `size` distributions of our lock, commit it and build it."""
    project = folder / "project"
    (project / "parts").mkdir(parents=True)
    (project / "parts" / "__init__.py").write_text('"""Many parts."""\n')
    (project / "LICENSE").write_text("MIT License\n\nCopyright Bench\n")
    (project / ".gitignore").write_text("dist/\n.failhard/\n")
    advisories = archive(RECORDS)
    (project / "advisories.zip").write_bytes(advisories)
    names = [name for name, _ in pins()][:size]
    text = PROJECT.format(dependencies=names, sha256=hashlib.sha256(advisories).hexdigest())
    (project / "pyproject.toml").write_text(text)
    shutil.copy(LOCK, project / "requirements.txt")
    for argv in (
        ["git", "init", "-q"],
        ["git", "add", "-A"],
        ["git", "-c", "user.name=bench", "-c", "user.email=bench@example.org", "commit", "-qm", "first"],
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", "dist", "."],
    ):
        subprocess.run(argv, cwd=project, check=True, capture_output=True)
    return project


def pins() -> list[tuple[str, str]]:
    """Return what our lock pins and this environment holds."""
    installed = {canonicalize_name(each.name) for each in importlib.metadata.distributions()}
    return [pin for pin in PIN.findall(LOCK.read_text()) if pin[0] in installed]


def main() -> None:
    """Print the seconds of the five gates, and their ratio to the three tools."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--size", type=int, default=60, help="direct dependencies of the project")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, advisory_service() as url:
        folder = Path(name)
        project = prepare(folder, asked.size)
        (folder / "pins.txt").write_text(
            "".join(f"{pin}=={version}\n" for pin, version in pins()[: asked.size])
        )
        places = {"python": sys.executable, "pins": folder / "pins.txt", "out": folder, "url": url}
        check = [sys.executable, "-I", "-m", "pytest_failhard", "check", str(project), "--only", GATES]
        # A gate that fails has looked at everything; one that could not look ends with another code.
        ours = Command(name="failhard", argv=check, cwd=project, codes=frozenset({0, 1}))
        tools = Command(name="tools", argv=["sh", "-c", SCRIPT.format(**places)], cwd=folder)
        costs = pairs(ours, tools, asked.runs)
        walls = [mine.wall for mine, _ in costs]
        report = json.loads((project / ".failhard" / "report.json").read_bytes())
        members = report["gates"][0]["measures"]["closure_size"]
        sys.stdout.write(
            f"five gates at level 4, {members} packages: {statistics.median(walls):.2f} s "
            f"(min {min(walls):.2f}); to the tools: "
            f"wall {spread([mine.wall / theirs.wall for mine, theirs in costs])}, "
            f"CPU {spread([mine.cpu / theirs.cpu for mine, theirs in costs])}\n"
        )


if __name__ == "__main__":
    main()
