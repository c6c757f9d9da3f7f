"""Writes what pytest is told in each tree, and what environment it runs in."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, distributions
from pathlib import Path

from packaging.utils import canonicalize_name

from pytest_failhard import config
from pytest_failhard.gates.performance.trees.laying import Tree, patterns
from pytest_failhard.model import GateError
from pytest_failhard.source import pytest_config
from pytest_failhard.source.pytest_config import PytestConfig
from pytest_failhard.system.environment import SYSTEM_PATH

WORKER = "failhard_serve"
PYTEST_GROUP = "pytest11"
BENCHMARK_PLUGINS = {"pytest-benchmark": "--benchmark-enable", "pytest-codspeed": ""}
"""What brings the fixture, and the option that has it measure whatever is configured."""
UNLOADED = frozenset(
    {"pytest-failhard", "pytest-xdist", "pytest-cov", "pytest-randomly", "pytest-rerunfailures"}
    | {"pytest-timeout", "pytest-random-order", "pytest-forked", "pytest-parallel", "pytest-retry", "flaky"}
    | {"pytest-profiling", "pytest-memray"}
)
"""What runs tests elsewhere, again, in another order, under a tracer, or ends them."""
MARKERS = ("timeout", "flaky", "xdist_group", "no_cover", "benchmark", "failhard_perf", "failhard_fault")
"""Markers of plugins that may not be loaded: where markers are strict, an unknown one is an error."""
OWN_KEYS = {"asyncio_": "pytest-asyncio", "anyio_": "anyio"}
"""The beginnings of keys that only a plugin knows."""
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True, kw_only=True)
class Plugins:
    """The plugins that both sides load: the names of their entry points, their options, whose they are."""

    names: tuple[str, ...]
    options: tuple[str, ...]
    distributions: frozenset[str]

    @property
    def arguments(self) -> tuple[str, ...]:
        """The part of the command line."""
        return (*(part for name in self.names for part in ("-p", name)), *self.options)


def plugins(head: Path, paths: Sequence[Path], own: PytestConfig, files: Sequence[str]) -> Plugins:
    """Return the plugins of the folders `paths` that are loaded.

    Those are what brings the fixture, what the project declares, and what its configuration or a test file
    names; never what would change how a test runs. Raises GateError without pytest itself.
    """
    declared = config.load(head).declared_distributions
    named = _words(head, files) | {" ".join(own.values)}
    names, options, found = list[str](), list[str](), set[str]()
    installed = {
        canonicalize_name(each.metadata["Name"]): each
        for each in distributions(path=[str(path) for path in reversed(paths)])
    }
    if "pytest" not in installed:
        raise GateError(
            "pytest is not installed for the interpreter that the benchmarks run on; install it there, or "
            "correct `python` in [tool.failhard]"
        )
    for name, distribution in installed.items():
        entries = [_called(entry) for entry in distribution.entry_points.select(group=PYTEST_GROUP)]
        if not entries or name in UNLOADED:
            continue
        if name in BENCHMARK_PLUGINS or name in declared or _is_named(name, named):
            found.add(name)
            names += entries
            options += [option] if (option := BENCHMARK_PLUGINS.get(name, "")) else []
    return Plugins(names=tuple(sorted(names)), options=tuple(options), distributions=frozenset(found))


def _called(entry: EntryPoint) -> str:
    """Return the name by which pytest loads a plugin: that of its entry point, unless a module has it too.

    Asserts are rewritten in a module of the name, which slows what is measured, or is refused.
    """
    is_module = entry.name in sys.stdlib_module_names or entry.name == entry.module.partition(".")[0]
    return entry.module if is_module else entry.name


def _words(head: Path, files: Sequence[str]) -> frozenset[str]:
    """Return the texts of the given files and of all conftest files of the tests."""
    conftests = [path.relative_to(head).as_posix() for path in head.rglob("conftest.py") if path.is_file()]
    return frozenset((head / path).read_text("utf-8", "replace") for path in {*files, *conftests})


def _is_named(name: str, texts: Iterable[str]) -> bool:
    stem = name.removeprefix("pytest-").replace("-", "_")
    return any(stem in text for text in texts)


def ini(tree: Tree, head: PytestConfig, loaded: Plugins) -> str:
    """Return the ini file of a side: head's configuration, with the side's own import path."""
    unknown = tuple(key for key, name in OWN_KEYS.items() if name not in loaded.distributions)
    values = {
        key: value
        for key, value in head.values.items()
        # What is not loaded here is no reason to refuse; the gate `tests` runs with all of it.
        if key not in {"pythonpath", "required_plugins"} and not (unknown and key.startswith(unknown))
    }
    values["markers"] = [*head.entries("markers"), *(f"{name}: of a plugin" for name in MARKERS)]
    if "pythonpath" in tree.own.values:
        values["pythonpath"] = tree.own.values["pythonpath"]
    tests = [name for name in tree.layout.tests if (tree.folder / name).exists()]
    return pytest_config.supervised_ini(
        replace(head, root=tree.folder, values=values),
        test_roots=tests,
        import_roots=tree.roots,
        patterns=patterns(head),
    )


def environment(*, python: Path, folder: Path, roots: Sequence[Path], last: Path) -> dict[str, str]:
    """Return all that a worker's environment holds but what differs between pairs; makes its folders.

    The roots come first in the import path, also that of children; `last` holds the worker.
    """
    home, temporary = folder / "home", folder / "tmp"
    for each in (home, temporary):
        each.mkdir(parents=True, mode=0o700)
    return {
        # A conftest that sets them has the last word.
        **dict.fromkeys(ONE_THREAD, "1"),
        "PATH": f"{python.parent}:{SYSTEM_PATH}",
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONPATH": ":".join(map(str, (*roots, last))),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }


def arguments(written: Path, tree: Path, loaded: Plugins, files: Iterable[str]) -> tuple[str, ...]:
    """Return what follows `python` on a worker's command line."""
    return (
        *("-P", "-s", "-m", "pytest", "-c", str(written), "--rootdir", str(tree)),
        *(f"--confcutdir={tree}", "-p", "no:cacheprovider", "-p", WORKER),
        *loaded.arguments,
        *files,
    )
