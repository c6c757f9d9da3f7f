"""Runs mutmut over the code that decides, and compares what survives with what is explained."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXPLAINED = ROOT / "tests" / "mutation" / "survivors.toml"
RESULTS = ROOT / "tests" / "mutation" / "results.json"
FOLDER = ROOT / ".nox" / "mutated"
"""A copy of the tree: the mutated code lies in it, and nobody imports that by accident."""
PACKAGE = "pytest_failhard."
KILLED, TIMEOUT = "killed", "timeout"
MARK = "__mutmut_"
OF_CLASS = "\N{LATIN LETTER LATERAL CLICK}"
"""What mutmut has between the names of a class and of its method."""


@dataclass(frozen=True, kw_only=True, order=True)
class Change:
    """What a mutant changes: lines of a function. Its number moves with every edit, this does not."""

    function: str
    was: str
    becomes: str

    def __str__(self) -> str:
        return f"{self.function}\n    - {self.was}\n    + {self.becomes}"


def statuses(text: str) -> dict[str, str]:
    """Read `mutmut results`: the status of each mutant by its name."""
    pairs = (line.strip().rpartition(": ") for line in text.splitlines() if MARK in line)
    return {name: status for name, _, status in pairs}


def change(name: str, shown: str) -> Change:
    """Read `mutmut show` of a mutant."""
    lines = [line for line in shown.splitlines() if not line.startswith(("---", "+++", "@@", "#"))]
    was, becomes = (
        "\n".join(line[1:].strip() for line in lines if line.startswith(sign)) for sign in ("-", "+")
    )
    return Change(function=function(name), was=was, becomes=becomes)


def function(name: str) -> str:
    """Return the name of the function that a mutant is of, as a reader knows it."""
    mangled = name.partition(MARK)[0].rpartition(".")[2]
    plain = mangled.removeprefix(f"x{OF_CLASS}").removeprefix("x_").replace(OF_CLASS, ".")
    return f"{module(name)}.{plain}"


def explained(path: Path = EXPLAINED) -> Counter[Change]:
    """Return what is known to survive; raises ValueError for an entry without a reason."""
    found: Counter[Change] = Counter()
    for entry in tomllib.loads(path.read_text("utf-8"))["survivor"]:
        if not entry["why"].strip():
            raise ValueError(f"{path.name}: {entry['function']}: say why it may survive")
        found[Change(function=entry["function"], was=entry["was"], becomes=entry["becomes"])] += 1
    return found


def mistakes(survivors: Collection[Change], known: Counter[Change]) -> list[str]:
    """Say which survivors nobody has explained, and which explanations are of no survivor."""
    there = Counter(survivors)
    return [
        *(f"survives, and nobody says why: {each}" for each in sorted((there - known).elements())),
        *(f"is explained and does not survive: {each}" for each in sorted((known - there).elements())),
    ]


def counted(found: Mapping[str, str]) -> dict[str, dict[str, int]]:
    """Count mutants by module and status."""
    modules = sorted({module(name) for name in found})
    return {
        each: dict(sorted(Counter(status for name, status in found.items() if module(name) == each).items()))
        for each in modules
    }


def module(name: str) -> str:
    """Return the module of a mutant, without our package's name."""
    return name.partition(MARK)[0].rpartition(".")[0].removeprefix(PACKAGE)


def table(results: Mapping[str, object]) -> str:
    """Return the kept results as a table in Markdown."""
    lines = ["| module | mutants | killed | out of time | survive, explained |", "|---|---:|---:|---:|---:|"]
    modules = results["modules"]
    assert isinstance(modules, dict)
    for name, counts in modules.items():
        total, killed, late = sum(counts.values()), counts.get(KILLED, 0), counts.get(TIMEOUT, 0)
        lines.append(f"| `{name}` | {total} | {killed} | {late} | {total - killed - late} |")
    return "\n".join((*lines, "", f"With {results['tool']}."))


def kept(path: Path = RESULTS) -> Mapping[str, object]:
    """Return the results of the last run that was kept."""
    found: Mapping[str, object] = json.loads(path.read_text("utf-8"))
    return found


def _copied(folder: Path) -> None:
    """Copy what git has of the tree, links as links."""
    shutil.rmtree(folder, ignore_errors=True)
    listed = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True).stdout.decode().split("\0")
    for name in filter(None, names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)


def _mutmut(folder: Path, *arguments: str) -> str:
    command = (sys.executable, "-m", "mutmut", *arguments)
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def _survivors(folder: Path, found: Mapping[str, str]) -> Iterator[Change]:
    for name, status in found.items():
        if status not in {KILLED, TIMEOUT}:
            yield change(name, _mutmut(folder, "show", name))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; exit 1 where a survivor is not explained, or an explanation is of none."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", default="2", help="mutants at once (default: 2)")
    parser.add_argument("--again", action="store_true", help="go on in the copy that the last run left")
    parser.add_argument("--keep", action="store_true", help="keep the counts for the docs")
    options = parser.parse_args(arguments)
    if not options.again:
        _copied(FOLDER)
    running = (sys.executable, "-m", "mutmut", "run", "--max-children", options.jobs)
    subprocess.run(running, cwd=FOLDER, check=True)
    found = statuses(_mutmut(FOLDER, "results", "--all", "true"))
    wrong = mistakes([*_survivors(FOLDER, found)], explained())
    results = {"tool": f"mutmut {metadata.version('mutmut')}", "modules": counted(found)}
    if options.keep and not wrong:
        RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write("\n".join((table(results), *wrong, "")))
    return bool(wrong) or not found


if __name__ == "__main__":
    sys.exit(main())
