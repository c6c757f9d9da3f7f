"""Builds sdist and wheel, installs the wheel elsewhere, judges a tiny project and follows the quickstart.

A build can leave the linked folders out and still exit 0: only what is installed and run is proven.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import textwrap
import venv
import zipfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINKED = ("gates", "policies")
DATA = {
    "pytest_failhard/llm/catalogue.yaml",
    "pytest_failhard/llm/traffic/guard.cjs",
    "pytest_failhard/report/controls.toml",
}
TEMPLATES = ("pytest_failhard/report/html/templates", "pytest_failhard/cli/templates")
"""Of these the page and the files for CI are made; all that git tracks there must be in the wheel."""
PERSON = {
    f"GIT_{role}_{what}": "a@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
}
LEVEL_1 = [
    "coverage",
    "dependencies",
    "fallbacks",
    "integrity",
    "lint",
    "llm",
    "secrets",
    "system",
    "tests",
    "types",
]
"""The gates of level 1; the one place beside the policies that names them, so that a lost one shows."""
TIMEOUT_SECONDS = 600
PROJECT = {
    "pyproject.toml": """\
[project]
name = "tiny"
version = "1"
dependencies = []

[tool.failhard]
level = 1
purpose = "adds numbers"
requirements = ["it adds two numbers"]
source = ["tiny"]
tests = ["tests"]

[tool.failhard.system]
kind = "library"
secrets = []
settings = []
""",
    "README.md": "# Tiny\n",
    "tiny/__init__.py": '''\
"""Adds."""


def add(left: int, right: int) -> int:
    """Return the sum."""
    return left + right
''',
    "tests/test_tiny.py": """\
from tiny import add


def test_add() -> None:
    assert add(2, 2) == 4
""",
}


class WheelError(Exception):
    """What was built does not hold what it must."""


def run(
    *command: str | Path,
    cwd: Path,
    allowed: tuple[int, ...] = (0,),
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run a command to its end and return its output; any other exit status is an error."""
    argv = [str(part) for part in command]
    env = {**os.environ, **(environment or {})}
    done = subprocess.run(
        argv, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=TIMEOUT_SECONDS
    )
    if done.returncode not in allowed:
        raise WheelError(f"{' '.join(argv)}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def expected() -> set[str]:
    """Return the linked files as they must stand in the installed package, and the data beside the code."""
    tracked = run("git", "ls-files", *LINKED, cwd=ROOT).splitlines()
    page = run("git", "ls-files", *TEMPLATES, cwd=ROOT).splitlines()
    return {f"pytest_failhard/{name}" for name in tracked} | set(page) | DATA


def contents(archive: Path) -> set[str]:
    """Return the names of the regular files in an sdist (without its top folder) or a wheel."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return set(wheel.namelist())
    with tarfile.open(archive) as sdist:
        names = {member.name.partition("/")[2] for member in sdist if member.isfile()}
    return names | {f"pytest_failhard/{name}" for name in names if name.startswith(LINKED)}


def check_contents(archive: Path) -> None:
    """Raise where a gate or a policy is missing from an archive."""
    missing = sorted(expected() - contents(archive))
    if missing:
        raise WheelError(
            f"{archive.name} lacks {', '.join(missing)}; see [tool.hatch.build] in pyproject.toml"
        )


def blocks(page: str, kind: str) -> list[str]:
    """Return the fenced blocks of a page, without their indentation."""
    found = re.findall(rf"(?ms)^( *)```{kind}\n(.*?)^\1```$", page)
    return [textwrap.dedent(text) for _, text in found]


def check_quickstart(wheel: Path, folder: Path, environment: Path) -> None:
    """Follow the page word for word, but for the first command: it takes the wheel, not that of the index."""
    page = (ROOT / "docs" / "quickstart.md").read_text("utf-8")
    path = f"{environment / 'bin'}{os.pathsep}{os.environ['PATH']}"
    variables = {**PERSON, "PATH": path}
    run("bash", "-e", "-c", blocks(page, "bash")[0], cwd=folder, environment=variables)
    install, *others = blocks(page, "console")[0].splitlines()
    for command in (install.replace("pytest-failhard", str(wheel)), *others):
        run("bash", "-e", "-c", command, cwd=folder / "shop", environment=variables)
    product = folder / "shop" / "app" / "__init__.py"
    product.write_text(product.read_text().replace("sum(prices)", "sum(prices) + 1"))
    run("bash", "-e", "-c", others[-1], cwd=folder / "shop", allowed=(1,), environment=variables)


def check_verdict(folder: Path, environment: Path) -> None:
    """Judge a tiny project at level 1."""
    python = environment / "bin" / "python"
    project = folder / "project"
    for name, text in PROJECT.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    printed = run(python, "-m", "pytest", "--failhard-level=1", cwd=project, allowed=(0, 1))
    report = json.loads((project / ".failhard" / "report.json").read_bytes())
    gates = sorted(gate["id"] for gate in report["gates"])
    if gates != LEVEL_1:
        raise WheelError(f"level 1 ran {gates}, not {LEVEL_1}\n{printed}")
    if report["verdict"] != "pass":
        raise WheelError(f"the tiny project is sound, and the verdict is {report['verdict']}\n{printed}")


def main() -> int:
    """Build, look inside, install, judge."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
        archives = sorted(path for path in folder.iterdir() if path.is_file())
        if len(archives) != 2:
            raise WheelError(f"built {[path.name for path in archives]}, not one sdist and one wheel")
        for archive in archives:
            check_contents(archive)
        wheel = next(path for path in archives if path.suffix == ".whl")
        environment = folder / "environment"
        venv.create(environment, with_pip=True)
        check_quickstart(wheel, folder, environment)
        check_verdict(folder, environment)
    sys.stdout.write("sdist and wheel are complete; the installed wheel judges, and the quickstart holds\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
