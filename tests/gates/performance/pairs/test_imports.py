"""Tests of the import of a package as a benchmark: real imports, in fresh processes."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_failhard.gates.performance.duet import Duet
from pytest_failhard.gates.performance.pairs.imports import Imports, benchmarks
from pytest_failhard.gates.performance.pairs.measured import Outcome, Product
from pytest_failhard.gates.performance.pairs.series import measure
from pytest_failhard.gates.performance.samples import Failure
from pytest_failhard.model import GateError
from tests.gates.performance.duets import Proven, conduct, run_of, side, trees
from tests.support import write

APP = "import:app"
WORK = "sum(i * i for i in range({}))\n"


def duet(folder: Path, base: str, head: str) -> Duet:
    """Return a duet of two trees with a package each."""
    sides = [
        replace(made, environment={"PATH": os.defpath, "PYTHONPATH": str(made.tree)})
        for made in (side(folder, "base"), side(folder, "head"))
    ]
    for made, text in zip(sides, (base, head), strict=True):
        write(made.tree, {"app/__init__.py": text})
    return Duet(run=run_of(folder), trees=trees(*sides), check=Proven())


def test_a_package_is_imported_in_turns_in_fresh_processes(tmp_path: Path) -> None:
    # The project may say something when it is imported.
    played = duet(tmp_path, "print('hello')\n" + WORK.format(10_000), WORK.format(200_000))
    imports = Imports(duet=played, samples=1)

    result, second = (imports.play(benchmarks(["app"]), number) for number in (1, 2))

    pair = result.pairs[APP]
    assert len(pair.base.batches) == len(pair.head.batches) == 1
    assert (second.pairs[APP].number, second.pairs[APP].first) == (2, "head")
    assert min(each.cpu for each in pair.head.batches) > 2 * min(each.cpu for each in pair.base.batches)
    assert (pair.number, pair.first, pair.base.calls, pair.cpu is None) == (1, "base", 1, not played.cpus)
    assert result.call_seconds[APP] > 0
    assert result.seconds[APP] > 0
    assert list((tmp_path / "base/app/__pycache__").iterdir())


def test_a_package_that_the_base_lacks_is_new(tmp_path: Path) -> None:
    played = duet(tmp_path, "", "")
    write(tmp_path / "head", {"shop.py": ""})

    (measured,) = measure(
        benchmarks(["shop"]),
        Imports(duet=played, samples=1).play,
        conduct(product=Product(packages=("app", "shop"))),
    )

    assert (measured.outcome, measured.head_failure) == (Outcome.NEW, None)
    assert measured.base_failure == Failure(
        kind="failed",
        phase="import",
        error="ModuleNotFoundError",
        name="shop",
        message="No module named 'shop'",
    )


def test_a_package_that_can_be_imported_only_once_fails(tmp_path: Path) -> None:
    played = duet(tmp_path, "import os\nos.mkdir('cache')", "")

    result = Imports(duet=played, samples=1).play(benchmarks(["app"]), 1)

    assert result.failures[APP]["base"].error == "FileExistsError"
    assert result.pairs == {}


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            "import os, sys\nsys.stderr.write('bye\\n')\nos._exit(0)",
            r"^worker-died: base did not import app.*\nbye",
        ),
        ("__file__ = '/elsewhere/app.py'", r"^wrong-code: base imports app from outside its own tree"),
    ],
)
def test_an_import_that_proves_nothing_is_an_error(tmp_path: Path, text: str, error: str) -> None:
    with pytest.raises(GateError, match=error):
        Imports(duet=duet(tmp_path, text, "")).play(benchmarks(["app"]), 1)
