"""A whole run against the same tools by other means, and against itself when nothing or one file has changed.

The run is that of level 3 with its tests and all gates that look at files. Gates that start the system or
time it (system, llm, performance), look at its image (container) or ask a service (vulnerabilities) have no
counterpart among the peers and are left out; `fallbacks`, `integrity` and `dependencies` have none, and run.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks import line_up
from benchmarks.grown import KILO, PRODUCT, ROOT, commit, grow
from benchmarks.kept import keep, versions
from benchmarks.line_up import Installed, Project
from benchmarks.pairs import Command, Cost, once, spread

EXAMPLE = ROOT / "examples" / "triage_service"
EXAMPLE_NAME = "example"
STATIC = "lint,types,fallbacks,integrity,secrets,dependencies,security,sbom,licences"
WHOLE = f"tests,coverage,{STATIC}"
PROSPECTOR = "lint,types,security"
"""The gates whose tools prospector runs too."""
UNCHANGED, ONE_FILE, SINGLE = "unchanged", "one file changed", "one gate at a time"
BEYOND = "{}, with its tests"
RE_RUNS = (UNCHANGED, ONE_FILE, BEYOND.format(UNCHANGED), BEYOND.format(ONE_FILE))
TARGETS: Mapping[str, float] = {"script": 0.55, **dict(zip(RE_RUNS, (0.10, 0.35, 0.10, 0.35), strict=True))}
"""What the ratio of wall time is to be at most."""
PEERS = ("script", *line_up.PEERS, SINGLE)
COMPARISONS = (*PEERS, "re-runs")
QUICK = 2
Pair = tuple[Cost, Cost]


@dataclass(frozen=True, kw_only=True)
class Ours:
    """Our own command on a project, with a cache of its own."""

    project: Project

    @property
    def cache(self) -> Path:
        """The folder of caches."""
        return self.project.out / "cache"

    def check(self, gates: str, *options: str, cold: bool = True) -> Command:
        """Return the command; a cold one finds no cache."""
        return Command(
            name=f"failhard {gates}",
            argv=[
                *(sys.executable, "-I", "-m", "pytest_failhard", "check", str(self.project.root)),
                *("--level", "3", "--only", gates, *options),
            ],
            cwd=self.project.out,
            before=partial(shutil.rmtree, self.cache, ignore_errors=True) if cold else _nothing,
            environment={"XDG_CACHE_HOME": str(self.cache)},
        )


def _nothing() -> None:
    """Leave all as it is."""


def prepared(size: str, folder: Path) -> Project:
    """Make the project of a size: the example, or so many thousand lines."""
    root, out = folder / size, folder / f"{size}-out"
    out.mkdir()
    if size == EXAMPLE_NAME:
        shutil.copytree(EXAMPLE, root, ignore=shutil.ignore_patterns("__pycache__", ".failhard"))
        commit(root)
        lines = sum(path.read_bytes().count(b"\n") for path in root.rglob("*.py"))
        return Project(name=size, root=root, source="triage", lines=lines, out=out)
    grown = grow(root, int(size) * KILO)
    return Project(name=size, root=root, source=PRODUCT, lines=grown.lines, out=out)


def alternating(first: Command, second: Command, runs: int) -> Iterator[Pair]:
    """Yield what both cost, in pairs; each is first in every other one."""
    for number in range(runs):
        if number % 2:
            after = once(second)
            yield once(first), after
        else:
            before = once(first)
            yield before, once(second)


def peer(name: str, project: Project, peers: Installed) -> Command:
    """Return the command of a peer."""
    if name == "script":
        return line_up.script(project)
    if name == SINGLE:
        return Ours(project=project).check(WHOLE, "--jobs", "1")
    make: Mapping[str, Callable[[Project, Path], Command]] = {
        "prospector": line_up.prospector,
        "pre-commit": line_up.pre_commit,
        "nox": line_up.nox,
    }
    return make[name](project, peers.program(line_up.PEERS[name]))


def against(name: str, project: Project, peers: Installed, runs: int) -> dict[str, list[Pair]]:
    """Return the pairs of a whole run and a peer."""
    ours = Ours(project=project).check(PROSPECTOR if name == "prospector" else WHOLE)
    return {name: list(alternating(ours, peer(name, project, peers), runs))}


def re_runs(project: Project, runs: int) -> dict[str, list[Pair]]:
    """Return what a run costs when nothing has changed, and one file, each with its cold run.

    First that of the static gates alone, then the whole one. Tests are run anew each time: of the second run
    the whole one's cost is what it took beyond the tests themselves.
    """
    free = Cost(wall=0.0, cpu=0.0)
    alone = again(project, STATIC, runs, lambda: free)
    whole = again(project, WHOLE, runs, partial(once, line_up.tests(project)))
    return {**alone, **{BEYOND.format(name): pairs for name, pairs in whole.items()}}


def again(project: Project, gates: str, runs: int, tests: Callable[[], Cost]) -> dict[str, list[Pair]]:
    """Return what these gates cost beyond the tests when nothing has changed, and one file."""
    cold, warm = (Ours(project=project).check(gates, cold=each) for each in (True, False))
    found: dict[str, list[Pair]] = {UNCHANGED: [], ONE_FILE: []}
    target = sorted((project.root / project.source).rglob("*.py"))[-1]
    text = target.read_text("utf-8")
    # The first run of them all compiles the project, which none of those that are compared is to do.
    tests()
    try:
        for number in range(runs):
            own, whole = tests(), once(cold)
            found[UNCHANGED].append((beyond(once(warm), own), whole))
            target.write_text(f"{text}\n\nCHANGED = {number}\n", "utf-8")
            found[ONE_FILE].append((beyond(once(warm), own), whole))
            target.write_text(text, "utf-8")
    finally:
        target.write_text(text, "utf-8")
    return found


def beyond(cost: Cost, tests: Cost) -> Cost:
    """Return what a run took beyond the tests, nothing where it was not even that."""
    return Cost(wall=max(cost.wall - tests.wall, 0.0), cpu=max(cost.cpu - tests.cpu, 0.0))


def said(size: str, name: str, pairs: Sequence[Pair]) -> str:
    """Return the line for a reader."""
    walls = [mine.wall / theirs.wall for mine, theirs in pairs]
    cpus = [mine.cpu / theirs.cpu for mine, theirs in pairs]
    seconds = " and ".join(f"{min(each.wall for each in side):.1f}" for side in zip(*pairs, strict=True))
    beside = f"itself {name}" if name in {SINGLE} else "cold" if name in RE_RUNS else name
    what = name if name in RE_RUNS else "whole run"
    target = f"; wanted: at most {TARGETS[name]:.2f}" if name in TARGETS else ""
    return (
        f"{size}: {what} / {beside}: wall {spread(walls)}, CPU {spread(cpus)}; "
        f"least seconds {seconds}{target}\n"
    )


def main() -> None:
    """Print the ratios of wall time and CPU, and keep them where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--size", action="append", help="example, or thousands of lines: 20, 150")
    parser.add_argument("--against", action="append", choices=COMPARISONS)
    parser.add_argument("--peers", type=Path, default=Path(tempfile.gettempdir(), "failhard-bench-peers"))
    parser.add_argument("--quick", action="store_true", help="see that it works: 2,000 lines, one run")
    parser.add_argument("--keep", action="store_true", help="add the pairs to benchmarks/results")
    asked = parser.parse_args()
    sizes = [str(QUICK)] if asked.quick else asked.size or [EXAMPLE_NAME, "20"]
    comparisons = asked.against or COMPARISONS
    peers = Installed(folder=asked.peers, versions={}, missing={})
    if {*comparisons} & {*line_up.PEERS}:
        peers = line_up.installed(asked.peers, versions())
    runs = 1 if asked.quick else asked.runs
    with tempfile.TemporaryDirectory(prefix="failhard-bench-") as folder:
        projects = [prepared(size, Path(folder)) for size in dict.fromkeys(sizes)]
        for project, name in itertools.product(projects, comparisons):
            if name in peers.missing:
                sys.stdout.write(f"{project.name}: {name}: left out, not installed: {peers.missing[name]}\n")
                continue
            found = re_runs(project, runs) if name == "re-runs" else against(name, project, peers, runs)
            for what, pairs in found.items():
                sys.stdout.write(said(project.name, what, pairs))
                sys.stdout.flush()
                if asked.keep:
                    keep("whole_run", record(project, what, pairs), peers.versions)


def record(project: Project, what: str, pairs: Sequence[Pair]) -> dict[str, object]:
    """Return what is kept of pairs."""
    return {
        "size": project.name,
        "lines": project.lines,
        "against": what,
        "pairs": [[vars(cost) for cost in pair] for pair in pairs],
    }


if __name__ == "__main__":
    main()
