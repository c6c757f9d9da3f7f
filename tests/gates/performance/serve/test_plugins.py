"""Which plugins are served: those that look as they are known, of the versions that are known."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from pytest_failhard.gates.performance.serve import plugins
from pytest_failhard.gates.performance.serve.faults import cause, describe
from pytest_failhard.gates.performance.serve.plugins import Feed, UnsupportedError
from pytest_failhard.gates.performance.serve.work import Work
from tests.support import write


def named(*parameters: str) -> Callable[..., None]:
    """Return a method with these parameters."""
    scope: dict[str, Callable[..., None]] = {}
    exec(f"def method({', '.join(parameters)}): pass", scope)
    return scope["method"]


RAW = named("self", "function_to_benchmark", "*args", "**kwargs")
PEDANTIC = named(*plugins.PEDANTIC)


class Plugins:
    """A plugin manager that has one plugin."""

    def __init__(self, plugin: ModuleType) -> None:
        self._plugin = plugin

    def is_registered(self, plugin: object) -> bool:
        """Tell whether it is that one."""
        return plugin is self._plugin


def serving(work: Work, feed: Feed) -> object:
    result = work.once()
    feed(2, [0.5])
    return result


def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str, **methods: object) -> Plugins:
    """Have a pytest-benchmark of that version, whose fixture has these methods."""
    metadata = f"Metadata-Version: 2.1\nName: pytest-benchmark\nVersion: {version}\n"
    write(tmp_path, {f"pytest_benchmark-{version}.dist-info/METADATA": metadata})
    monkeypatch.syspath_prepend(tmp_path)
    plugin, fixture = ModuleType("pytest_benchmark.plugin"), ModuleType("pytest_benchmark.fixture")
    if methods:
        vars(fixture)["BenchmarkFixture"] = type("BenchmarkFixture", (), methods)
    monkeypatch.setitem(sys.modules, "pytest_benchmark.plugin", plugin)
    monkeypatch.setitem(sys.modules, "pytest_benchmark.fixture", fixture)
    return Plugins(plugin)


@pytest.mark.parametrize(
    ("version", "methods", "message"),
    [
        ("4.0.1", {"_raw": RAW, "_raw_pedantic": PEDANTIC}, "pytest-benchmark 4.0.1: 5.x is supported"),
        ("5.9", {"_raw": RAW}, "pytest-benchmark 5.9: its fixture has no _raw_pedantic"),
        (
            "5.9",
            {"_raw": RAW, "_raw_pedantic": RAW},
            "pytest-benchmark 5.9: _raw_pedantic of its fixture has other parameters",
        ),
        ("5.9", {}, "pytest-benchmark 5.9: pytest_benchmark.fixture has no BenchmarkFixture"),
    ],
    ids=["version", "absent", "signature", "nothing"],
)
def test_what_is_not_as_it_is_known_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    version: str,
    methods: dict[str, object],
    message: str,
) -> None:
    there = installed(monkeypatch, tmp_path, version, **methods)
    with pytest.raises(UnsupportedError) as caught:
        plugins.serve(there, serving)
    assert str(caught.value) == message


@pytest.mark.parametrize("parameters", [plugins.PEDANTIC, plugins.OLD_PEDANTIC], ids=["now", "before"])
def test_versions_from_5_0_on_are_served(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, parameters: tuple[str, ...]
) -> None:
    methods = {"_raw": RAW, "_raw_pedantic": named(*parameters), "disabled": True}
    there = installed(monkeypatch, tmp_path, "5.0.0", **methods)
    assert plugins.serve(there, serving) == "pytest-benchmark 5.0.0"
    fixture = vars(sys.modules["pytest_benchmark.fixture"])["BenchmarkFixture"]()
    assert fixture._raw(max, 1, 2) == 2
    assert fixture._raw_pedantic(max, args=(1, 2), rounds=4) == 2


def test_without_a_plugin_the_own_fixture_is_served(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    installed(monkeypatch, tmp_path, "5.3", _raw=RAW)
    assert plugins.serve(Plugins(ModuleType("other")), serving) == "failhard_benchmark"
    served = plugins.Served(serving)
    assert served(max, 1, 2) == 2
    assert served.pedantic(max, (1, 2), rounds=4) == 2


def test_exceptions_are_described() -> None:
    assert describe(AttributeError("no", name="later", obj=Path))["owner"] == f"{Path.__module__}.Path"
    assert describe(AttributeError("no", name="later", obj=1))["owner"] == ""
    assert describe(ValueError("x" * 9999))["message"] == "x" * 2000


def test_what_pytest_wraps_is_unwrapped() -> None:
    inner = ImportError("no", name="app")
    outer = pytest.Collector.CollectError("no")
    outer.__cause__ = inner
    assert cause(outer) is inner
    assert cause(inner) is inner
