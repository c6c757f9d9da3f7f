"""Which files are given to pytest, what is compiled, which release is the second baseline."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pytest_failhard.gates.performance.settings import PerformanceSettings
from pytest_failhard.gates.performance.trees import build, release
from pytest_failhard.model import GateError
from tests.gates.performance.repositories import BENCHMARK, built, commit, git, repository, run_of
from tests.support import write

PLAIN = {"app/__init__.py": "NAME = 'base'\n", "tests/test_speed.py": BENCHMARK}
OTHER = "def test_other():\n    assert True\n"


def refused(root: Path, settings: PerformanceSettings) -> str:
    with pytest.raises(GateError) as caught:
        built(run_of(root), settings)
    return str(caught.value)


def given(root: Path, *globs: str) -> list[str]:
    trees = built(run_of(root), PerformanceSettings(files=globs))
    return [part for part in trees.head.arguments if part.endswith(".py")]


def test_files_that_mention_the_fixture_are_given_and_those_below_a_conftest_that_hands_it_on(
    tmp_path: Path,
) -> None:
    handing = "import pytest\n@pytest.fixture\ndef timed(benchmark):\n    return benchmark\n"
    files = {
        **PLAIN,
        "tests/test_other.py": OTHER,
        "tests/conftest.py": "# a benchmark is no fixture here\n",
        "tests/slow/conftest.py": handing,
        "tests/slow/test_timed.py": "def test_timed(timed):\n    timed(len, ())\n",
        "tests/broken/conftest.py": "benchmark = (\n",
        "perf/bench_more.py": BENCHMARK,
        "app/benchmarking.py": "BENCHMARK = 'benchmark'\n",
        "pytest.ini": "[pytest]\npython_files = bench_*.py\n",
    }
    root = repository(tmp_path / "project", files, {"README.md": ""})
    assert given(root) == ["perf/bench_more.py", "tests/slow/test_timed.py", "tests/test_speed.py"]


def test_globs_say_which_files_are_given_and_what_lies_beside_them_is_heads(tmp_path: Path) -> None:
    base = {**PLAIN, "benchmarks/bench_a.py": "", "benchmarks/data.json": "base", "benchmarks/gone.txt": ""}
    head = {"benchmarks/data.json": "head", "benchmarks/bench_b.py": "", "benchmarks/gone.txt": None}
    root = repository(tmp_path / "project", base, head)
    assert given(root, "benchmarks/*") == ["benchmarks/bench_a.py", "benchmarks/bench_b.py"]
    trees = built(run_of(root), PerformanceSettings(files=("benchmarks/*",)))
    assert trees.base.files["benchmarks/data.json"] == trees.head.files["benchmarks/data.json"]
    assert "benchmarks/gone.txt" not in trees.base.files
    assert "tests/test_speed.py" not in trees.base.arguments
    assert refused(root, PerformanceSettings(files=("benchmarks/*", "perf/*"))) == (
        "no-benchmarks: [tool.failhard.performance] files: no Python file matches perf/*; correct the key"
    )


def test_compiled_code_needs_a_build_which_runs_in_every_tree(tmp_path: Path) -> None:
    base = {**PLAIN, "app/fast.pyx": "x = 1\n", "tests/some.c": "", ".gitignore": "*.so\n"}
    root = repository(tmp_path / "project", base, {"app/fast.pyx": "x = 2\n"})
    assert refused(root, PerformanceSettings()).startswith(
        "compiled-without-build: app/fast.pyx is compiled, and nothing says how: name the command as `build`"
    )
    code = (
        "import pathlib; pathlib.Path('app/fast.so').write_bytes(pathlib.Path('app/fast.pyx').read_bytes())"
    )
    trees = built(run_of(root), PerformanceSettings(build=("python", "-I", "-S", "-c", code)))
    assert trees.original is not None
    for side, text in ((trees.base, "x = 1\n"), (trees.head, "x = 2\n"), (trees.original, "x = 1\n")):
        assert (side.tree / "app/fast.so").read_text() == text
        assert side.files["app/fast.so"] == side.files["app/fast.pyx"]


@pytest.mark.parametrize(
    ("condition", "slug"),
    [("'base' in os.getcwd()", "baseline-environment"), ("'head' in os.getcwd()", "compiled-without-build")],
)
def test_build_that_fails_is_an_error_with_its_last_words(tmp_path: Path, condition: str, slug: str) -> None:
    root = repository(tmp_path / "project", PLAIN, {"README.md": ""})
    code = f"import os, sys; sys.exit(os.getcwd() if {condition} else 0)"
    said = refused(root, PerformanceSettings(build=(sys.executable, "-I", "-S", "-c", code)))
    assert said.startswith(f"{slug}: `{sys.executable} -I -S -c {code}` ended with 1 in the tree ")
    assert said.endswith(": .; run it in a fresh clone and mend `build`")


@pytest.mark.parametrize(
    ("files", "compiled"),
    [
        ({"app/x.c": ""}, ""),
        ({"app/x.c": "", "setup.py": ""}, "app/x.c"),
        ({"app/x.cpp": "", "pyproject.toml": "[build-system]\nrequires = []\n"}, "app/x.cpp"),
        ({"Cargo.toml": ""}, "Cargo.toml"),
        ({"docs/x.pyx": "", "tests/x.rs": ""}, ""),
    ],
)
def test_what_counts_as_compiled(tmp_path: Path, files: dict[str, str], compiled: str) -> None:
    from pytest_failhard.gates.performance.trees.building import compile_in

    run = run_of(write(tmp_path / "project", {**PLAIN, **files}))
    if not compiled:
        compile_in(run, (), (run.root,))
        return
    with pytest.raises(GateError, match=f"compiled-without-build: {compiled} is compiled"):
        compile_in(run, (), (run.root,))


def test_newest_version_before_this_one_is_the_second_baseline(tmp_path: Path) -> None:
    root = repository(tmp_path / "project", PLAIN)
    run, settings = run_of(root), PerformanceSettings()
    assert release(run, settings) == ""
    git(root, "tag", "v1.10")
    first = git(root, "rev-parse", "HEAD")
    commit(root, {"app/__init__.py": "NAME = 'older'\n"})
    git(root, "tag", "-a", "-m", "two", "1.9")
    git(root, "tag", "2.0rc1")
    git(root, "tag", "nightly")
    commit(root, {"app/__init__.py": "NAME = 'head'\n"})
    git(root, "tag", "v3.0")
    assert release(run_of(root), settings) == first
    named = release(run_of(root), PerformanceSettings(golden_commit="1.9"))
    assert named == git(root, "rev-parse", "1.9^{commit}")
    with pytest.raises(GateError, match=r"no-baseline: .* golden_commit = 'v9': git knows no such commit"):
        release(run_of(root), PerformanceSettings(golden_commit="v9"))

    run = run_of(root)
    trees, older = build(run, settings), build(run, settings, commit=named)
    assert (older.commit, older.chosen) == (named, "golden_commit")
    assert (older.base.tree / "app/__init__.py").read_text() == "NAME = 'older'\n"
    assert len(str(older.base.tree)) == len(str(trees.base.tree))

    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--no-tags", "--depth", "1", f"file://{root}", str(shallow))
    with pytest.raises(GateError, match="no-baseline: the clone is shallow and has no tag of a release"):
        release(run_of(shallow), settings)
