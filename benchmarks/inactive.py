"""What the plugin costs a pytest run that does not ask for it: CPU, instructions, modules.

Three runs of the same test, in turn: without the plugin installed, installed and kept from loading, and
installed. The last less the second is what our code costs; the last less the first is what having us
installed costs, of which pytest itself spends the larger part: it reads the list of a plugin's files.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from packaging.requirements import Requirement

from benchmarks.kept import keep
from benchmarks.pairs import Command, certain, once

ROOT = Path(__file__).parents[1]
OURS = "import sys, pytest; code = pytest.main(sys.argv[1:]); "
OURS += "print(*(name for name in sys.modules if name.startswith('pytest_failhard.'))); sys.exit(code)"
COLLECTED = re.compile(r"Collected : (\d+)")


def needed(name: str) -> Iterator[str]:
    """Yield a distribution and all that it needs here."""
    yield name
    for text in importlib.metadata.requires(name) or ():
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield from needed(requirement.name)


def copy(names: Iterator[str], folder: Path) -> None:
    """Copy installed distributions into a folder in which there is nothing else for pytest to look at."""
    for name in sorted(set(names)):
        distribution = importlib.metadata.distribution(name)
        for file in distribution.files or ():
            if ".." not in file.parts and "__pycache__" not in file.parts:
                target = folder / file
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(str(distribution.locate_file(file)), target)


def install(folder: Path) -> None:
    """Install the repository as pip does, compiled, without what it needs: an inactive run needs nothing."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"]
    options = ["--no-deps", "--no-build-isolation", "--compile", "--target", str(folder)]
    subprocess.run([*pip, *options, str(ROOT)], check=True)


def prepare(folder: Path) -> tuple[Command, Command, Command]:
    """Return the three runs: without us, with us kept from loading, with us."""
    for name in ("project", "pytest", "ours"):
        (folder / name).mkdir()
    (folder / "project" / "test_nothing.py").write_text("def test_nothing():\n    assert True\n")
    copy(needed("pytest"), folder / "pytest")
    install(folder / "ours")
    # -S: no environment of ours, in which each other distribution would cost both sides the same.
    argv = [sys.executable, "-S", "-m", "pytest", "-q", "-p", "no:cacheprovider"]

    def command(name: str, *options: str, installed: bool) -> Command:
        path = [folder / "pytest", *([folder / "ours"] if installed else [])]
        environment = {"PYTHONPATH": ":".join(map(str, path)), "PYTHONHASHSEED": "0", "PYTEST_ADDOPTS": ""}
        return Command(name=name, argv=[*argv, *options], cwd=folder / "project", environment=environment)

    return (
        command("without", installed=False),
        command("blocked", "-p", "no:failhard", installed=True),
        command("inactive", installed=True),
    )


def runs(commands: tuple[Command, Command, Command], count: int) -> list[list[float]]:
    """Return the CPU seconds of each in turn; each is first as often as the others."""
    for command in commands:
        once(command), once(command)
    found = []
    for number in range(count):
        first = number % len(commands)
        order = [*commands[first:], *commands[:first]]
        cpu = {command.name: once(command).cpu for command in order}
        found.append([cpu[command.name] for command in commands])
    return found


def instructions(commands: tuple[Command, Command, Command]) -> list[int] | None:
    """Return how many instructions each takes, which no other load changes; None without valgrind."""
    if shutil.which("valgrind") is None:
        return None
    counted = []
    for command in commands:
        tool = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command.argv]
        done = subprocess.run(
            tool, cwd=command.cwd, env=command.variables(), capture_output=True, text=True, check=True
        )
        found = COLLECTED.search(done.stderr)
        if found is None:
            sys.exit(f"valgrind told no number of instructions:\n{done.stderr}")
        counted.append(int(found[1]))
    return counted


def modules(command: Command) -> list[str]:
    """Return which of our modules a run has loaded at its end."""
    argv = [sys.executable, "-S", "-c", OURS, "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        argv, cwd=command.cwd, env=command.variables(), capture_output=True, text=True, check=True
    )
    return sorted(done.stdout.splitlines()[-1].split())


def told(measured: list[list[float]], counted: list[int] | None) -> Mapping[str, str]:
    """Return what our code costs, and what having us installed costs."""
    sides = {"our own code": 1, "installed, all that pytest does for it": 0}
    found = {}
    for name, side in sides.items():
        added = [(run[2] - run[side]) * 1000 for run in measured]
        least = (min(run[2] for run in measured) - min(run[side] for run in measured)) * 1000
        text = f"{certain(added)} ms of CPU; least against least {least:.1f} ms"
        if counted is not None:
            text += f"; {(counted[2] - counted[side]) / 1e6:.1f} of {counted[side] / 1e6:.0f} M instructions"
        found[name] = text
    return found


def main() -> None:
    """Print what is added, by the clock and by the instructions, and the modules that are loaded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--keep", action="store_true", help="add the runs to benchmarks/results")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        commands = prepare(Path(folder))
        measured, counted, loaded = runs(commands, asked.runs), instructions(commands), modules(commands[2])
    for name, text in told(measured, counted).items():
        sys.stdout.write(f"{name}: {text}\n")
    sys.stdout.write(f"our modules in the run: {', '.join(loaded)}\n")
    if asked.keep:
        keep("inactive", {"instructions": counted, "modules": loaded, "runs": measured}, {})


if __name__ == "__main__":
    main()
