"""What pytest is told in each tree, and in which environment it runs."""

from __future__ import annotations

import configparser
from itertools import pairwise
from pathlib import Path

import pytest

from pytest_failhard.gates.performance.sides import Side
from pytest_failhard.model import GateError
from tests.gates.performance.repositories import BENCHMARK, built, collected, repository, run_of
from tests.support import write

PLAIN = {"app/__init__.py": "", "tests/test_speed.py": BENCHMARK}
STRICT = """
[tool.pytest.ini_options]
addopts = "-n 2 --benchmark-disable --deselect tests/test_speed.py"
markers = ["own: a marker"]
required_plugins = ["pytest-xdist", "pytest-failhard"]
strict_markers = true
xfail_strict = true
asyncio_mode = "auto"
asyncio_default_fixture_loop_scope = "function"
anyio_mode = "auto"
filterwarnings = ["ignore", "error"]
python_functions = ["bench_*"]
"""
MARKED = """
import pytest
@pytest.mark.own
@pytest.mark.timeout(5)
@pytest.mark.failhard_perf(pin=False)
def bench_mark():
    assert 'benchmark'
"""


def ini(side: Side) -> dict[str, str]:
    parser = configparser.RawConfigParser()
    parser.read_string(side.config.read_text("utf-8"))
    return {key: " ".join(value.split()) for key, value in parser.items("pytest")}


def installed(tmp_path: Path, *plugins: str) -> list[Path]:
    """Write the metadata of plugins, of which none can be imported."""
    write(tmp_path / "site/pytest-9.dist-info", {"METADATA": "Metadata-Version: 2.1\nName: pytest\n"})
    for name in plugins:
        stem = name.replace("-", "_")
        files = {
            "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
            "entry_points.txt": f"[pytest11]\n{stem.removeprefix('pytest_')} = {stem}\n",
        }
        write(tmp_path / "site" / f"{stem}-1.0.dist-info", files)
    return [tmp_path / "site"]


def test_configuration_is_heads_without_options_and_the_import_path_is_each_sides(tmp_path: Path) -> None:
    base = {**PLAIN, "pytest.ini": "[pytest]\npythonpath = lib more\nxfail_strict = false\n", "lib/x.py": ""}
    head = {"pytest.ini": None, "pyproject.toml": STRICT, "tests/test_speed.py": MARKED}
    trees = built(run_of(repository(tmp_path / "project", base, head)))
    before, now = ini(trees.base), ini(trees.head)
    tree = trees.base.tree
    assert before.pop("pythonpath") == f"{tree}/lib {tree}/more {tree}"
    assert now.pop("pythonpath") == str(trees.head.tree)
    assert trees.base.roots == (tree / "lib", tree / "more", tree)
    assert before == now
    assert (now["addopts"], now["xfail_strict"], now["strict_markers"]) == ("", "true", "true")
    assert now["filterwarnings"] == "error error::pytest.PytestReturnNotNoneWarning"
    assert "bench_*" in now["python_functions"]
    assert "required_plugins" not in now
    done = collected(trees.base)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_environment_is_built_from_nothing_and_each_side_has_places_of_its_own(tmp_path: Path) -> None:
    trees = built(run_of(repository(tmp_path / "project", PLAIN, {"app/x.py": ""})))
    base, head = dict(trees.base.environment), dict(trees.head.environment)
    serve = trees.base.tree.parent / "serve"
    assert base.pop("PYTHONPATH") == f"{trees.base.tree}:{serve}"
    assert head.pop("PYTHONPATH") == f"{trees.head.tree}:{serve}"
    for name in ("HOME", "TMPDIR"):
        assert Path(base[name]).is_dir()
        assert len(base[name]) == len(head[name])
        assert base.pop(name) != head.pop(name)
    assert base == head
    assert set(base) == {
        *("PATH", "LANG", "TZ", "PYTEST_DISABLE_PLUGIN_AUTOLOAD"),
        *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"),
    }
    start = [*("-P", "-s", "-m", "pytest", "-c", str(trees.base.config), "--rootdir", str(trees.base.tree))]
    assert list(trees.base.arguments[:8]) == start
    named = [other for option, other in pairwise(trees.base.arguments) if option == "-p"]
    assert named[:2] == ["no:cacheprovider", "failhard_serve"]


def test_plugins_are_those_that_bring_the_fixture_are_declared_or_named_and_none_that_changes_a_run(
    tmp_path: Path,
) -> None:
    from pytest_failhard.gates.performance.trees.configuring import plugins
    from pytest_failhard.source import pytest_config

    project = '[project]\nname = "app"\n[dependency-groups]\ndev = ["pytest-snapshot", "pytest-xdist"]\n'
    conftest = "def pytest_configure(httpx_mock=None):\n    pass\n"
    files = {"pyproject.toml": project, "tests/test_a.py": "", "tests/conftest.py": conftest}
    root = write(tmp_path / "project", {**files, "pytest.ini": "[pytest]\nasyncio_mode = auto\n"})
    names = ("snapshot", "httpx", "asyncio", "benchmark", "codspeed", "xdist", "cov", "unrelated", "failhard")
    paths = installed(tmp_path, *(f"pytest-{name}" for name in names))
    write(tmp_path / "site/plain-1.0.dist-info", {"METADATA": "Metadata-Version: 2.1\nName: plain\n"})
    found = plugins(root, paths, pytest_config.load(root), ("tests/test_a.py",))
    assert found.names == ("benchmark", "codspeed", "httpx", "pytest_asyncio", "snapshot")
    assert found.options == ("--benchmark-enable",)
    assert found.arguments[-3:] == ("-p", "snapshot", "--benchmark-enable")
    with pytest.raises(GateError, match="pytest is not installed for the interpreter"):
        plugins(root, [tmp_path / "empty"], pytest_config.load(root), ())
