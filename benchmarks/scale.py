"""How time and memory grow with code, findings, tests and packages, and whether that is linear."""

from __future__ import annotations

import argparse
import json
import math
import shutil
import statistics
import subprocess
import sys
import tempfile
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

from benchmarks.grown import IGNORED, KILO, PROJECT, commit, grow
from benchmarks.kept import keep
from benchmarks.tree import Watched, watched
from benchmarks.whole_run import STATIC

TESTS_A_FILE = 50
FINDINGS_A_FILE = 25
TEST = """

def test_{number}() -> None:
    assert double({number}) == {result}
"""
FINDING = """

def f{number}(items: list[int] = []) -> list[int]:
    return items
"""
METADATA = """\
Metadata-Version: 2.4
Name: {name}
Version: 1.0
Summary: Made for a benchmark
Author: Bench
License-Expression: MIT
License-File: LICENSE
Requires-Python: >=3.11
{requires}
"""
LICENCE = """\
MIT License

Copyright (c) 2024 Bench

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without
limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the
Software, and to permit persons to whom the Software is furnished to do so, subject to the following
conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions
of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED
TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL
THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF
CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER
DEALINGS IN THE SOFTWARE.
"""
WHEEL = "Wheel-Version: 1.0\nGenerator: bench\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
NEEDS_EACH = 10
"""Each package needs the next one, in chains of this length."""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """What grows, which gates look at it, and what they may end with.

    `make` writes a project of a size; `unit` is what the size counts.
    """

    unit: str
    sizes: tuple[int, ...]
    quick: tuple[int, ...]
    gates: str
    make: Callable[[Path, int], None]
    codes: frozenset[int] = frozenset({0})
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Point:
    """All runs over one size."""

    size: int
    runs: tuple[Watched, ...]
    gates: Mapping[str, float]

    @property
    def cpu(self) -> float:
        """The median of CPU seconds."""
        return statistics.median(run.cpu for run in self.runs)

    @property
    def wall(self) -> float:
        """The median of wall seconds."""
        return statistics.median(run.wall for run in self.runs)

    @property
    def peak(self) -> float:
        """The median of the most megabytes."""
        return statistics.median(run.peak for run in self.runs)


def code(root: Path, size: int) -> None:
    """Write a project of so many thousand lines."""
    grow(root, size * KILO)


def _bare(root: Path, product: str, project: str = PROJECT) -> None:
    (root / "grown").mkdir(parents=True)
    (root / "tests").mkdir()
    (root / "grown" / "__init__.py").write_text(f'"""It doubles."""\n{product}', "utf-8")
    (root / "pyproject.toml").write_text(project, "utf-8")
    (root / ".gitignore").write_text(IGNORED + ".venv/\n", "utf-8")
    for name in ("README.md", "LICENSE"):
        (root / name).write_text(LICENCE, "utf-8")


DOUBLE = "\n\ndef double(number: int) -> int:\n    return 2 * number\n"


def tests(root: Path, size: int) -> None:
    """Write a project with so many tests of one function."""
    _bare(root, DOUBLE)
    for number, begin in enumerate(range(0, size, TESTS_A_FILE)):
        written = [
            TEST.format(number=each, result=2 * each)
            for each in range(begin, min(begin + TESTS_A_FILE, size))
        ]
        text = '"""It doubles."""\n\nfrom grown import double\n' + "".join(written)
        (root / "tests" / f"test_{number}.py").write_text(text, "utf-8")
    commit(root)


def findings(root: Path, size: int) -> None:
    """Write a project in which the linter finds so much."""
    _bare(root, DOUBLE)
    for number, begin in enumerate(range(0, size, FINDINGS_A_FILE)):
        written = [FINDING.format(number=each) for each in range(begin, min(begin + FINDINGS_A_FILE, size))]
        (root / "grown" / f"part_{number}.py").write_text('"""A part."""\n' + "".join(written), "utf-8")
    commit(root)


def packages(root: Path, size: int) -> None:
    """Write a project that runs in an environment of so many packages, of which it needs all."""
    names = [f"part-{number:04d}" for number in range(size)]
    table = '[tool.failhard]\npython = ".venv/bin/python"\n'
    needed = json.dumps([f"{name}==1.0" for name in names])
    project = PROJECT.replace("dependencies = []", f"dependencies = {needed}")
    _bare(
        root,
        "".join(f"import {_module(name)}\n" for name in names) + DOUBLE,
        project.replace("[tool.failhard]\n", table, 1),
    )
    (root / "requirements.txt").write_text(
        "".join(f"{name}==1.0 --hash=sha256:{number:064x}\n" for number, name in enumerate(names)), "utf-8"
    )
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", ".venv"], cwd=root, check=True)
    site = next((root / ".venv" / "lib").glob("python*/site-packages"))
    for number, name in enumerate(names):
        after = names[number + 1] if (number + 1) % NEEDS_EACH and number + 1 < size else ""
        _installed(site, name, f"Requires-Dist: {after}\n" if after else "")
    commit(root)


def _module(name: str) -> str:
    return name.replace("-", "_")


def _installed(site: Path, name: str, requires: str) -> None:
    """Write what pip leaves of a package with one module."""
    info = site / f"{_module(name)}-1.0.dist-info"
    (info / "licenses").mkdir(parents=True)
    (site / _module(name)).mkdir()
    files = {
        f"{_module(name)}/__init__.py": '"""A part."""\n',
        f"{_module(name)}/py.typed": "",
        f"{info.name}/METADATA": METADATA.format(name=name, requires=requires).replace("\n\n\n", "\n\n"),
        f"{info.name}/licenses/LICENSE": LICENCE,
        f"{info.name}/INSTALLER": "pip\n",
        f"{info.name}/WHEEL": WHEEL,
    }
    for path, text in files.items():
        (site / path).write_text(text, "utf-8")
    digests = {path: urlsafe_b64encode(sha256(text.encode()).digest()) for path, text in files.items()}
    listed = [f"{path},sha256={digest.decode().rstrip('=')},\n" for path, digest in digests.items()]
    (info / "RECORD").write_text("".join([*listed, f"{info.name}/RECORD,,\n"]), "utf-8")


JUDGED = frozenset({0, 1})
CURVES: Mapping[str, Curve] = {
    "code": Curve(unit="kLOC", sizes=(20, 100, 500), quick=(1, 2, 4), gates=STATIC, make=code),
    "findings": Curve(
        unit="findings",
        sizes=(500, 2500, 5000),
        quick=(50, 100, 200),
        gates="lint",
        make=findings,
        codes=frozenset({1}),
    ),
    "tests": Curve(
        unit="tests",
        sizes=(100, 1000, 10_000),
        quick=(10, 20, 40),
        gates="tests",
        make=tests,
        arguments=("--", "-n", "2"),
    ),
    "packages": Curve(
        unit="packages",
        sizes=(100, 500, 1000),
        quick=(5, 10, 20),
        gates="dependencies,licences,sbom",
        make=packages,
        codes=JUDGED,
    ),
}


def point(curve: Curve, size: int, runs: int, folder: Path) -> Point:
    """Run the gates over a project of a size; each run finds no cache."""
    root, out = folder / "project", folder / "out"
    out.mkdir(parents=True)
    curve.make(root, size)
    argv = [sys.executable, "-I", "-m", "pytest_failhard", "check", str(root), "--level", "3", "--no-cache"]
    argv += ["--only", curve.gates, *curve.arguments]
    found = [
        watched(argv, out, out / "output.txt", {"XDG_CACHE_HOME": str(out / "cache")}, curve.codes)
        for _ in range(runs)
    ]
    report = json.loads((root / ".failhard" / "report.json").read_bytes())
    seconds = report["volatile"]["seconds"]
    shutil.rmtree(folder)
    return Point(size=size, runs=tuple(found), gates=seconds)


def growth(sizes: Sequence[float], values: Sequence[float]) -> list[float]:
    """Return what one more costs in each span, as a ratio to the span before: 1 is linear, 2 twice as dear.

    What every run costs, however small, is thereby left out.
    """
    slopes = [
        (after - before) / (larger - smaller)
        for (smaller, larger), (before, after) in zip(pairwise(sizes), pairwise(values), strict=True)
    ]
    return [after / before if before > 0 else float("nan") for before, after in pairwise(slopes)]


def shown(ratio: float) -> str:
    """Return a ratio for a reader; where the first span costs nothing there is none."""
    return "-" if math.isnan(ratio) else f"{ratio:.2f}"


def told(name: str, curve: Curve, each: Point) -> str:
    """Return the line of one point."""
    top = max(each.runs, key=lambda run: run.largest)
    walls = [run.wall for run in each.runs]
    slowest = sorted(each.gates.items(), key=lambda item: -item[1])[:4]
    return (
        f"{name}: {each.size:,} {curve.unit}: {each.wall:.1f} s wall ({min(walls):.1f} to "
        f"{max(walls):.1f}), {each.cpu:.1f} s CPU, {each.peak:.0f} MB at most; largest: "
        f"{top.largest_is} {top.largest:.0f} MB; slowest: "
        + ", ".join(f"{gate} {seconds:.1f} s" for gate, seconds in slowest)
    )


def grown_by(name: str, curve: Curve, points: Sequence[Point]) -> Iterator[str]:
    """Yield what one more costs, a line for each kind of cost."""
    sizes = [each.size for each in points]
    for what, values in (
        ("wall", [each.wall for each in points]),
        ("CPU", [each.cpu for each in points]),
        ("memory", [each.peak for each in points]),
    ):
        ratios = ", ".join(shown(ratio) for ratio in growth(sizes, values)) or "-"
        yield f"{name}: {what} of one more {curve.unit}, later span to earlier one (1 is linear): {ratios}"


def main() -> None:
    """Print the curves, and keep them where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--curve", action="append", choices=[*CURVES])
    parser.add_argument("--size", action="append", type=int, help="other sizes than the usual ones")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="see that it works: tiny sizes, one run")
    parser.add_argument("--keep", action="store_true", help="add the points to benchmarks/results")
    asked = parser.parse_args()
    for name in asked.curve or CURVES:
        curve = CURVES[name]
        sizes = curve.quick if asked.quick else tuple(asked.size or curve.sizes)
        points = []
        for size in sizes:
            with tempfile.TemporaryDirectory(prefix="failhard-bench-") as folder:
                each = point(curve, size, 1 if asked.quick else asked.runs, Path(folder, "run"))
            points.append(each)
            sys.stdout.write(told(name, curve, each) + "\n")
            sys.stdout.flush()
            if asked.keep:
                keep("scale", record(name, curve, each), {})
        sys.stdout.write("\n".join(grown_by(name, curve, points)) + "\n")
        sys.stdout.flush()


def record(name: str, curve: Curve, each: Point) -> dict[str, object]:
    """Return what is kept of a point."""
    runs = [vars(run) for run in each.runs]
    return {"curve": name, "unit": curve.unit, "size": each.size, "runs": runs, "gates": dict(each.gates)}


if __name__ == "__main__":
    main()
