"""What the static rules cost over a tree: against parsing it, beside other tools, growth, memory."""

from __future__ import annotations

import argparse
import ast
import json
import sys
import sysconfig
import tempfile
import tracemalloc
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from time import process_time

from benchmarks.pairs import Command, once
from pytest_failhard.rules.scan import Scan, scan_sources
from pytest_failhard.source.files import SourceFile, role, walk

Sources = Sequence[tuple[SourceFile, bytes]]
COPIES = (1, 2, 4)
MEGABYTE = 1024 * 1024
FINDINGS = frozenset({0, 1})
"""Exit codes of a tool that has worked; mypy ends with 2 where it stopped before it did."""


def main() -> None:
    """Print thousands of lines in a second, ratios to the parse, growth, and memory in megabytes."""
    parser = argparse.ArgumentParser(description=__doc__)
    ours = Path(sysconfig.get_path("stdlib"))
    parser.add_argument("tree", type=Path, nargs="?", default=ours, help="a folder with Python files")
    parser.add_argument("--lines", type=int, default=150_000, help="read about so many lines of it")
    parser.add_argument("--tools", action="store_true", help="run ruff, bandit and mypy over the same lines")
    given = parser.parse_args()
    sources = _sources(given.tree, given.lines)
    lines = sum(data.count(b"\n") for _, data in sources)
    parse = min(_cpu(lambda: _parse(sources)) for _ in range(3))
    rules = min(_cpu(lambda: _scan(sources)) for _ in range(3))
    growth = {str(times): _cpu(partial(_scan, _copied(sources, times))) for times in COPIES}
    figures = {
        "lines": lines,
        "files": len(sources),
        "parse_kloc_per_second": round(lines / parse / 1000, 1),
        "scan_kloc_per_second": round(lines / rules / 1000, 1),
        "scan_to_parse": round(rules / parse, 2),
        "growth": {times: round(seconds / growth["1"], 2) for times, seconds in growth.items()},
        "peak_megabytes": round(_peak(sources) / MEGABYTE, 1),
        "source_megabytes": round(sum(len(data) for _, data in sources) / MEGABYTE, 1),
    }
    if given.tools:
        figures["cpu_to_scan"] = {name: round(cpu / rules, 2) for name, cpu in _tools(sources).items()}
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")


def _sources(tree: Path, lines: int) -> Sources:
    found: list[tuple[SourceFile, bytes]] = []
    read = 0
    for path in walk(tree):
        data = (tree / path).read_bytes()
        if read >= lines:
            break
        if _parses(data):
            found.append((SourceFile(path=path, role=role(path)), data))
            read += data.count(b"\n")
    return found


def _parses(data: bytes) -> bool:
    try:
        ast.parse(data)
    except (SyntaxError, ValueError, RecursionError):
        return False
    return True


def _cpu(work: Callable[[], object]) -> float:
    begun = process_time()
    work()
    return process_time() - begun


def _parse(sources: Sources) -> None:
    for _, data in sources:
        ast.parse(data)


def _scan(sources: Sources) -> Scan:
    return scan_sources((file, partial(bytes, data)) for file, data in sources)


def _copied(sources: Sources, times: int) -> Sources:
    return [
        (SourceFile(path=f"copy{number}/{file.path}", role=file.role), data)
        for number in range(times)
        for file, data in sources
    ]


def _peak(sources: Sources) -> int:
    """Return the bytes that the scan needs above what is there before it, its result included."""
    tracemalloc.start()
    try:
        result = _scan(sources)
        return tracemalloc.get_traced_memory()[1] if result.index.files else 0
    finally:
        tracemalloc.stop()


def _tools(sources: Sources) -> dict[str, float]:
    """Return the CPU seconds of each tool, children included, over the same files."""
    with tempfile.TemporaryDirectory() as folder:
        for file, data in sources:
            path = Path(folder, file.path)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        commands = {
            "ruff default": ["ruff", "check", "--isolated", "--no-cache", "--exit-zero", "."],
            "ruff all": ["ruff", "check", "--isolated", "--no-cache", "--exit-zero", "--select=ALL", "."],
            "bandit": ["bandit", "-r", "-q", "--exit-zero", "-f", "json", "."],
        }
        cpu = {name: _tool(argv, Path(folder)) for name, argv in commands.items()}
        return {**cpu, "mypy": _mypy(sources, Path(folder))}


def _mypy(sources: Sources, folder: Path) -> float:
    """Return the CPU seconds of mypy over each project of the tree, scaled to the lines of all files.

    Where two files of a project have one name, mypy stops: the second is left out, and so is what lies in
    a package whose name is none.
    """
    projects: dict[str, dict[str, str]] = {}
    checked = 0
    for file, data in sources:
        project, _, path = file.path.partition("/")
        name = _mypy_name(folder / file.path)
        if path and name and name not in projects.setdefault(project, {}):
            projects[project][name] = path
            checked += data.count(b"\n")
    argv = ("mypy", "--config-file=", "--cache-dir=/dev/null", "--ignore-missing-imports")
    cpu = sum(
        _tool([*argv, "--no-namespace-packages", *sorted(paths.values())], folder / project)
        for project, paths in projects.items()
        if paths
    )
    return cpu / checked * sum(data.count(b"\n") for _, data in sources)


def _mypy_name(path: Path) -> str:
    """Return the dotted name under which mypy knows a file; empty where it would refuse it."""
    parts = [] if path.stem == "__init__" else [path.stem]
    package = path.parent
    while (package / "__init__.py").exists():
        parts.insert(0, package.name)
        package = package.parent
    return ".".join(parts) if all(part.isidentifier() for part in parts[:-1]) else ""


def _tool(argv: Sequence[str], folder: Path) -> float:
    command = Command(name=argv[0], argv=[sys.executable, "-m", *argv], cwd=folder, codes=FINDINGS)
    return once(command).cpu


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
