"""The two trees: which code each side has, and loads."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_failhard.gates.performance.settings import PerformanceSettings
from pytest_failhard.gates.performance.sides import Side
from pytest_failhard.model import GateError, ProjectFacts
from tests.gates.performance.repositories import (
    BENCHMARK,
    WHICH,
    built,
    collected,
    commit,
    git,
    repository,
    run_of,
)
from tests.size import some
from tests.support import write

SHAPES: dict[str, tuple[dict[str, str], str]] = {
    "flat": ({}, "app/__init__.py"),
    "package of tests": ({"tests/__init__.py": ""}, "app/__init__.py"),
    "pythonpath": ({"pytest.ini": "[pytest]\npythonpath = .\n"}, "app/__init__.py"),
    "root conftest": ({"conftest.py": ""}, "app/__init__.py"),
    "src": ({}, "src/app/__init__.py"),
    "src on the pythonpath": (
        {"pyproject.toml": '[tool.pytest.ini_options]\npythonpath = ["src"]\naddopts = "-n 2"\n'},
        "src/app/__init__.py",
    ),
    "module": ({}, "app.py"),
}
TELLING = ("flat", "package of tests", "pythonpath", "root conftest", "src on the pythonpath")
PLAIN = {"app/__init__.py": "NAME = 'base'\n", "tests/test_speed.py": BENCHMARK}
MARK = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"


def read(side: Side, name: str) -> str:
    return (side.tree / name).read_text("utf-8")


def refused(root: Path, settings: PerformanceSettings | None = None, **given: str | tuple[str, ...]) -> str:
    with pytest.raises(GateError) as caught:
        built(run_of(root, **given), settings)  # type: ignore[arg-type]
    return str(caught.value)


@pytest.mark.parametrize("shape", some(SHAPES, *TELLING))
def test_each_side_loads_its_own_code(tmp_path: Path, shape: str) -> None:
    extra, module = SHAPES[shape]
    base = {**extra, module: "NAME = 'base'\n", "tests/test_speed.py": WHICH}
    root = repository(tmp_path / "project", base, {module: "NAME = 'head'\n"})
    trees = built(run_of(root, source=(module.removesuffix("/__init__.py"),)))
    assert trees.base.packages == trees.head.packages == ("app",)
    for side in (trees.base, *([trees.head] if shape == "flat" else [])):
        done = collected(side)
        assert f"ran {side.tree.name} {side.tree / module}" in done.stdout, done.stdout + done.stderr


def test_the_tests_are_heads_on_both_sides_and_the_rest_is_each_sides_own(tmp_path: Path) -> None:
    base = {
        **PLAIN,
        "tests/test_gone.py": "",
        "tests/data/input.json": "1",
        "tests/helpers/old.py": "",
        "perf/data": "a file\n",
        "conftest.py": "BASE = 1\n",
        "app/prompt.md": "base",
        "README.md": "base",
    }
    heavier = BENCHMARK.replace("work", "heavier")
    head = {
        "app/__init__.py": "NAME = 'head'\n",
        "app/prompt.md": "head",
        "README.md": "head",
        "tests/test_speed.py": heavier,
        "tests/test_new.py": "",
        "tests/data/input.json": "2",
        "conftest.py": "HEAD = 1\n",
        "tests/test_gone.py": None,
        # Where the base has a folder, head has a file, and the other way round.
        "tests/helpers/old.py": None,
        "perf/data": None,
    }
    root = repository(tmp_path / "project", base, head)
    commit(root, {"tests/helpers": "a file\n", "perf/data/test_more.py": ""})
    (root / "tests/nowhere.py").symlink_to("absent.py")
    git(root, "tag", "first", "HEAD~2")
    trees = built(run_of(root, base="first"))
    assert (trees.commit, trees.first) == (git(root, "rev-parse", "first"), False)
    for side in (trees.base, trees.head):
        own = side.tree.name
        assert (read(side, "app/prompt.md"), read(side, "README.md")) == (own, own)
        assert read(side, "app/__init__.py") == f"NAME = '{own}'\n"
        assert (read(side, "tests/test_speed.py"), read(side, "tests/data/input.json")) == (heavier, "2")
        assert read(side, "conftest.py") == "HEAD = 1\n"
        assert not (side.tree / "tests/test_gone.py").exists()
        assert read(side, "tests/helpers") == "a file\n"
    assert trees.original is not None
    assert read(trees.original, "tests/test_speed.py") == BENCHMARK
    assert read(trees.original, "tests/data/input.json") == "1"
    assert set(trees.harness) == {
        "conftest.py",
        "tests/test_speed.py",
        "tests/test_new.py",
        "tests/data/input.json",
        "tests/helpers",
        "tests/nowhere.py",
        "perf/data/test_more.py",
    }
    lengths = {len(str(side.tree)) for side in (trees.base, trees.head, trees.original)}
    assert len(lengths) == 1
    assert [side.arguments[-1] for side in (trees.base, trees.original)] == ["tests/test_speed.py"] * 2


def test_bytecode_is_never_taken_over(tmp_path: Path) -> None:
    stale = "app/__pycache__/__init__.cpython-311.pyc"
    root = repository(tmp_path / "project", {**PLAIN, stale: b"x", "app/old.pyc": b"x"}, {"README.md": ""})
    write(root, {"tests/__pycache__/test_speed.cpython-311-pytest-9.2.0.pyc": b"x"})
    trees = built(run_of(root))
    assert trees.original is not None
    for side in (trees.base, trees.head, trees.original):
        assert not list(side.tree.rglob("*.pyc"))
        assert not [name for name in side.files if "__pycache__" in name or name.endswith(".pyc")]


def test_what_is_not_committed_is_measured_and_said(tmp_path: Path) -> None:
    root = repository(tmp_path / "project", PLAIN)
    commit(root, {"app/__init__.py": "NAME = 'committed'\n"})
    write(root, {"app/__init__.py": "NAME = 'dirty'\n", "app/more.py": "", ".git/info/exclude": "junk\n"})
    write(root, {"junk/x.py": ""})
    facts = ProjectFacts(name="app", version="1", commit="a" * 40, dirty=True)
    trees = built(run_of(root, facts=facts))
    assert read(trees.head, "app/__init__.py") == "NAME = 'dirty'\n"
    assert "app/more.py" in trees.head.files.keys() - trees.base.files.keys()
    assert "junk/x.py" not in trees.head.files
    assert trees.notes == ("head has changes that are not committed",)


def test_module_that_a_build_wrote_and_git_ignores_is_copied_to_both(tmp_path: Path) -> None:
    code = "from app import _version\nfrom app._unused import x\nNAME = 'base'\n"
    base = {**PLAIN, "app/__init__.py": code, ".gitignore": "_version.py\n/app/_never.py\nbuild/\n"}
    root = repository(tmp_path / "project", base, {"README.md": ""})
    write(root, {"app/_version.py": "V = 1\n", "app/_never.py": "", "build/app/_version.py": ""})
    trees = built(run_of(root))
    for side in (trees.base, trees.head):
        assert read(side, "app/_version.py") == "V = 1\n"
        assert not (side.tree / "app/_never.py").exists()
    assert trees.notes == ("git ignores app/_version.py: copied to both sides",)


def test_file_of_the_tests_that_product_code_imports_is_each_sides_own(tmp_path: Path) -> None:
    code = "from tests import then\nNAME = 'base'\n"
    tests = {
        "tests/__init__.py": "",
        "tests/then.py": "base",
        "tests/now.py": "base",
        "tests/data.py": "base",
    }
    head = {"app/__init__.py": "from tests import now\n", "tests/data.py": "head"}
    head |= {"tests/then.py": "head", "tests/now.py": "head"}
    trees = built(run_of(repository(tmp_path / "project", {**PLAIN, **tests, "app/__init__.py": code}, head)))
    assert [read(trees.base, f"tests/{name}.py") for name in ("then", "now", "data")] == [
        "base",
        "base",
        "head",
    ]
    assert [read(trees.head, f"tests/{name}.py") for name in ("then", "now", "data")] == ["head"] * 3
    assert "tests/data.py" in trees.harness
    assert not {"tests/then.py", "tests/now.py"} & trees.harness.keys()


def test_package_that_was_renamed_is_product_under_both_names(tmp_path: Path) -> None:
    head = {"app/__init__.py": None, "shop/__init__.py": "NAME = 'head'\n"}
    root = repository(tmp_path / "project", PLAIN, head)
    trees = built(run_of(root, source=("shop",)))
    assert trees.base.packages == trees.head.packages == ("app", "shop")
    assert [side.roots for side in (trees.base, trees.head)] == [(trees.base.tree,), (trees.head.tree,)]


def test_root_of_each_side_is_what_the_side_declares(tmp_path: Path) -> None:
    project = '[tool.failhard]\nsource = ["lib"]\ntests = ["checks"]\n'
    base = {"lib/app.py": "", "checks/test_speed.py": BENCHMARK, "pyproject.toml": project}
    head = {"lib/app.py": None, "src/app.py": "", "pyproject.toml": "[pytest]\n", "checks/util.py": ""}
    trees = built(run_of(repository(tmp_path / "project", base, head), source=("src",), tests=("checks",)))
    assert trees.base.roots == (trees.base.tree / "lib",)
    assert trees.head.roots == (trees.head.tree / "src",)
    assert set(trees.harness) == {"checks/test_speed.py", "checks/util.py"}
    assert (trees.base.tree / "checks/util.py").is_file()


def test_nothing_changes_in_the_repository_and_nothing_of_it_is_run(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    attributes = "*.py filter=evil ident\ntests/** export-ignore\n*.bin filter=lfs\n*.crlf text eol=crlf\n"
    base = {**PLAIN, ".gitattributes": attributes, "app/data.bin": MARK, "app/x.crlf": "a\nb\n"}
    root = repository(tmp_path / "project", base, {"app/__init__.py": "NAME = 'head'\n"})
    program = write(tmp_path, {"evil": f"#!/bin/sh\ntouch {ran}\ncat\n"}) / "evil"
    program.chmod(0o755)
    for key in ("filter.evil.smudge", "filter.evil.clean", "filter.lfs.process", "core.fsmonitor"):
        git(root, "config", key, str(program))
    for key, value in (("core.worktree", str(tmp_path)), ("core.sparseCheckout", "true")):
        git(root, "config", key, value)
    hooks = write(root, {f".git/hooks/{name}": f"#!/bin/sh\ntouch {ran}\n" for name in ("post-checkout",)})
    (hooks / ".git/hooks/post-checkout").chmod(0o755)
    write(root, {".git/info/sparse-checkout": "/README.md\n", ".git/info/attributes": "* filter=evil\n"})
    git(root, "config", "--unset", "core.worktree")
    before = {path: path.stat().st_mtime_ns for path in (root / ".git").rglob("*")}
    trees = built(run_of(root))
    assert {path: path.stat().st_mtime_ns for path in (root / ".git").rglob("*")} == before
    assert not ran.exists()
    assert read(trees.base, "app/__init__.py") == "NAME = 'base'\n"
    assert read(trees.base, "app/data.bin") == MARK
    assert (trees.base.tree / "app/x.crlf").read_bytes() == b"a\r\nb\r\n"
    assert trees.original is not None
    assert read(trees.original, "tests/test_speed.py") == BENCHMARK


def test_project_in_a_subfolder_of_the_repository(tmp_path: Path) -> None:
    root = repository(tmp_path / "all", {f"one/{name}": text for name, text in PLAIN.items()})
    commit(root, {"one/app/__init__.py": "NAME = 'head'\n", "two/x.py": ""})
    trees = built(run_of(root / "one"))
    assert sorted(trees.base.files) == sorted(trees.head.files) == sorted(PLAIN)
    assert read(trees.base, "app/__init__.py") == "NAME = 'base'\n"
    commit(root, {f"new/{name}": text for name, text in PLAIN.items()})
    fresh = built(run_of(root / "new"))
    assert (fresh.first, fresh.original, fresh.base.packages) == (False, None, ("app",))
    assert set(fresh.base.files) == set(fresh.harness) == {"tests/test_speed.py"}


def test_submodule_with_product_is_refused_and_another_is_not(tmp_path: Path) -> None:
    part = repository(tmp_path / "part", {"core.py": ""})
    root = repository(tmp_path / "project", PLAIN)
    git(root, "submodule", "--quiet", "add", str(part), "theme")
    commit(root, {})
    commit(root, {"README.md": ""})
    assert sorted(built(run_of(root)).base.files) == [".gitmodules", *sorted(PLAIN)]
    git(root, "submodule", "--quiet", "add", str(part), "app/core")
    commit(root, {})
    assert refused(root).startswith("no-baseline: the base cannot be laid out: app/core is a submodule, ")


def test_without_a_base_there_is_an_error_and_only_a_proven_first_commit_is_none(tmp_path: Path) -> None:
    root = repository(tmp_path / "project", PLAIN)
    first = built(run_of(root))
    assert (first.first, first.commit, first.original, first.identical) == (True, "", None, True)
    assert first.base.files == first.head.files

    commit(root, {"app/__init__.py": "NAME = 'head'\n"})
    assert refused(root, base="absent").startswith("no-baseline: base absent: git knows no such commit")
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{root}", str(shallow))
    assert "fetch-depth: 0" in refused(shallow)
    assert refused(write(tmp_path / "plain", PLAIN)).startswith("no-baseline: the folder plain is in no git")

    blob = git(root, "rev-parse", "HEAD~1:app/__init__.py")
    (root / ".git/objects" / blob[:2] / blob[2:]).unlink()
    lost = refused(root)
    assert lost.startswith("no-baseline: the base cannot be laid out: `git checkout-index` ended with 1: ")
    assert "fetch-depth: 0" in lost


@pytest.mark.parametrize(
    ("change", "identical"),
    [
        ({"docs/index.md": "new", "README.md": "new", ".github/workflows/ci.yml": "new"}, True),
        ({"tests/test_speed.py": BENCHMARK.replace("work", "heavier")}, True),
        ({"app/prompt.md": "new"}, False),
        ({"data.json": "new"}, False),
        ({"app/__init__.py": "NAME = 'head'\n"}, False),
    ],
)
def test_only_documentation_ci_and_tests_leave_the_sides_identical(
    tmp_path: Path, change: dict[str, str], *, identical: bool
) -> None:
    root = repository(tmp_path / "project", {**PLAIN, "README.md": "", "app/prompt.md": ""}, change)
    assert built(run_of(root)).identical is identical
