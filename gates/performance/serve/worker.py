"""The hooks of a worker: it pins itself, says hello, runs what the parent names, proves which code ran."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Generator, Iterable, Mapping, Sequence
from pathlib import Path

import pytest

from . import clocks, marker, plugins, proof
from .channel import Channel
from .counting import Counters
from .faults import cause, describe
from .loop import Case, Loop
from .place import Place
from .proof import Product


class Worker:
    """The hooks of a worker."""

    def __init__(self, channel: Channel) -> None:
        self._place = Place()
        self._place.prepare(pinned=True)
        self._channel = channel
        self._product = Product.from_environment()
        self._counters = Counters(self._product)
        self._counters.wrap()
        self._why = clocks.unavailable()
        self._loop = Loop(channel, self._counters, self._place, adjusted=not self._why)
        self._items: dict[str, pytest.Item] = {}
        self._errors: list[dict[str, str]] = []

    @pytest.fixture
    def failhard_benchmark(self) -> plugins.Served:
        """Measure what it is called with."""
        return plugins.Served(self._loop.serve)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_load_initial_conftests(self, early_config: pytest.Config) -> Generator[None, None, None]:
        """Say hello when all plugins are there; a conftest that cannot be imported is told as well."""
        _set_aside()
        try:
            yield
        except Exception as error:
            self._hello(early_config)
            self._errors.append(self._fault(error, Path(str(getattr(error, "path", early_config.rootpath)))))
            self._collected(())
            self._channel.receive()
            self._bye(())
            raise
        self._hello(early_config)

    def _hello(self, config: pytest.Config) -> None:
        unsupported, served = "", plugins.NEITHER
        try:
            served = plugins.serve(config.pluginmanager, self._loop.serve)
        except plugins.UnsupportedError as error:
            unsupported = str(error)
        self._channel.send(
            {
                "hello": {
                    **proof.facts(),
                    "pid": os.getpid(),
                    "python": sys.executable,
                    "version": sys.version.split()[0],
                    "adj": not self._why,
                    "why": self._why,
                    "plugin": served,
                    "unsupported": unsupported,
                    "traced": proof.traced(),
                }
            }
        )
        if unsupported:
            raise pytest.UsageError(f"failhard: benchmark-plugin-unsupported: {unsupported}")

    def pytest_configure(self, config: pytest.Config) -> None:
        """Know the marker."""
        config.addinivalue_line("markers", marker.HELP)

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Know each benchmark, also one that a conftest takes away later."""
        if marker.FIXTURES.intersection(getattr(item, "fixturenames", ())):
            self._items[item.nodeid] = item

    def pytest_exception_interact(
        self, node: pytest.Item | pytest.Collector, call: pytest.CallInfo[object]
    ) -> None:
        """Know why a file could not be collected."""
        if isinstance(node, pytest.Collector) and call.excinfo is not None:
            self._errors.append(self._fault(call.excinfo.value, node.path))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Know the outcome of each phase and what was raised in it."""
        report = yield
        if call.excinfo is not None:
            self._loop.case.errors.setdefault(call.when, call.excinfo.value)
        self._loop.case.report(call.when, report.outcome)
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run what the parent names, in its order."""
        demands = {name: _demands(item) for name, item in self._items.items()}
        self._errors += [
            self._fault(pytest.UsageError(f"{name}: {marker.NAME}: {mistake}"), self._items[name].path)
            for name, each in demands.items()
            for mistake in each.mistakes
        ]
        self._collected([self._line(name, each) for name, each in demands.items()])
        order = self._channel.receive()
        names = order.get("run") or order.get("count") or []
        self._loop.counting = "count" in order
        self._counters.decide(wanted=self._loop.counting)
        _set_aside()
        self._run(session, [str(name) for name in names] if isinstance(names, list) else [], demands)
        return True

    def _run(
        self, session: pytest.Session, names: Sequence[str], demands: Mapping[str, marker.Demands]
    ) -> None:
        selected = {item.nodeid for item in session.items}
        runnable = [name for name in names if name in selected]
        following = dict(zip(runnable, [*runnable[1:], None], strict=True))
        for name in names:
            item, case = self._items[name], Case(name, pinned=demands[name].pin)
            self._loop.case = case
            if name in selected:
                self._place.prepare(pinned=case.pinned)
                after = following[name]
                item.config.hook.pytest_runtest_protocol(
                    item=item, nextitem=self._items[after] if after else None
                )
            else:
                case.report("collect", "skipped")
                case.errors["collect"] = LookupError("taken out of the run by a hook")
            self._channel.send(case.done())

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Show which code ran."""
        plugins_there = session.config.pluginmanager.get_plugins()
        files = [getattr(plugin, "__file__", None) or "" for plugin in plugins_there]
        conftests = [file for file in files if Path(file).name == "conftest.py"]
        self._bye([*conftests, *(str(item.path) for item in self._items.values())])

    def _bye(self, files: Iterable[str]) -> None:
        self._channel.send({"proof": {**proof.of(self._product, files), "affinity": self._place.seen()}})
        self._channel.send({"bye": True})

    def _collected(self, lines: Sequence[Mapping[str, object]]) -> None:
        self._channel.send({"collected": lines, "errors": self._errors})

    def _line(self, name: str, demands: marker.Demands) -> dict[str, object]:
        return {
            "id": name,
            "path": self._product.place(str(self._items[name].path)),
            "max_regression": demands.max_regression,
            "budget_ms": demands.budget_ms,
            "pin": demands.pin,
            "clock": demands.clock,
        }

    def _fault(self, error: BaseException, path: Path) -> dict[str, str]:
        return {"file": self._product.place(str(path)), **describe(cause(error))}


def _set_aside() -> None:
    """Have no later collection look through what lives on: there is one before each batch.

    Over pytest, or over the classes of a large library, it takes many times as long as the batch and empties
    the caches. What a test sets up and what its calls make is collected as ever.
    """
    gc.collect()
    gc.freeze()


def _demands(item: pytest.Item) -> marker.Demands:
    return marker.read((mark.args, mark.kwargs) for mark in item.iter_markers(marker.NAME))
