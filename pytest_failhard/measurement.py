"""Measures coverage inside a test process with our own configuration, beside pytest-cov."""

from __future__ import annotations

import atexit
import configparser
import logging
import os
import signal
import sqlite3
import threading
from collections.abc import Generator, Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from pluggy import HookimplMarker

from pytest_failhard.handover import Sight, widen
from pytest_failhard.model import GateError

if TYPE_CHECKING:
    import pytest
    from coverage import Coverage, CoverageData

    class WorkerNode(Protocol):
        """What xdist's hooks give the controller of a worker."""

        workerinput: MutableMapping[str, object]
        workeroutput: MutableMapping[str, object]

    class Worker(Protocol):
        """What xdist adds to a worker's pytest configuration."""

        workeroutput: MutableMapping[str, object]


hookimpl = HookimplMarker("pytest")
LOG = logging.getLogger(__name__)
# Who embeds us says where it goes; the report holds it in any case.
LOG.addHandler(logging.NullHandler())

DATA_NAME = "data"
WORKER_KEY = "failhard_measurement"
VARIABLES = ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START")
# Warnings are off because a project's `filterwarnings = error` would turn them into crashes of the
# tests; all that they tell is proven or refused by the coverage gate.
_RCFILE = """\
[run]
branch = true
parallel = true
core = ctrace
data_file = {data}
patch =
    _exit
    subprocess
sigterm = true
disable_warnings =
    already-imported
    couldnt-parse
    dynamic-conflict
    module-not-imported
    module-not-measured
    module-not-python
    no-ctracer
    no-data-collected
    trace-changed
source =
{source}
[report]
include_namespace_packages = true
exclude_lines =
{exclude}
"""
EXCLUDE_NOTHING = "(?!)"


def rcfile_text(root: Path, source: Sequence[str], exclude: Sequence[str], data: Path) -> str:
    """Return the coverage configuration of a run; `data` is the folder of its data files.

    `exclude` holds the structural patterns only. A product root that is a module is measured through
    its folder, because coverage takes the name of a file for the name of a package. Raises GateError for
    a path that coverage's configuration cannot hold.
    """
    folders = sorted({str(folder) for name in source for folder in _folders(root / name)})
    parted = [folder for folder in folders if {",", "\n"} & set(folder)]
    if parted:
        raise GateError(f"{parted[0]}: coverage takes a comma for the end of a path; rename the folder")
    return _RCFILE.format(
        data=_escape(str(data / DATA_NAME)),
        source=_listed(folders),
        exclude=_listed(exclude or [EXCLUDE_NOTHING]),
    )


def _data_file(rcfile: Path) -> str:
    parser = configparser.RawConfigParser()
    parser.read_string(rcfile.read_text("utf-8"))
    return parser["run"]["data_file"].replace("$$", "$")


def _folders(path: Path) -> Iterator[Path]:
    """Yield the real folder of a root and those of the links in it: coverage knows real paths only."""
    if path.is_file():
        yield path.resolve().parent
        return
    yield path.resolve()
    for entry in sorted(path.rglob("*")):
        if entry.is_symlink():
            yield entry.resolve() if entry.is_dir() else entry.resolve().parent


def _listed(values: Iterable[str]) -> str:
    return "\n".join(f"    {_escape(value)}" for value in values)


def _escape(value: str) -> str:
    # Coverage replaces $NAME and ${NAME} by the environment.
    return value.replace("$", "$$")


@dataclass(frozen=True)
class _Layer:
    """One collector of ours and what it hides: coverage traces for the newest collector only."""

    ours: Coverage
    hidden: Coverage | None
    before: Mapping[str, str]
    after: Mapping[str, str]


class Measurement:
    """Measures the product in this process and in the processes that the tests start.

    Coverage keeps its collectors in a stack: the newest collects, the older ones pause, and they must
    stop in the reverse order. Where another one (of pytest-cov, of `coverage run`) comes on top of
    ours, one more of ours goes on top of it, measures for both, and hands over to the hidden one,
    before that one stops, what its own configuration would have made it see.
    """

    def __init__(self, rcfile: Path, *, worker: bool = False) -> None:
        self._rcfile = rcfile
        self._worker = worker
        self._layers: list[_Layer] = []
        self._open: list[Coverage] = []
        self._measuring = False
        self._contexts = False
        self._own_files: set[str] = set()

    @classmethod
    def of_worker(cls, workerinput: Mapping[str, object]) -> Measurement | None:
        """Return the measurement that the controller wants of this xdist worker, if any."""
        rcfile = workerinput.get(WORKER_KEY)
        return cls(Path(rcfile), worker=True) if isinstance(rcfile, str) else None

    def start(self) -> None:
        """Begin to measure, as early as possible: what was imported before counts as not run."""
        current = _current()
        self._measuring = True
        if current is not None and self._measures_for_us(current):
            # Coverage's own start-up file began for us, before anything was imported.
            self._layers.append(_Layer(current, None, {}, {}))
            self._open.append(current)
        else:
            self._push(current)

    def stop(self) -> None:
        """End the measuring, write the data and hand over.

        To be called once more when pytest-cov has stopped too: its collector may lie on one of ours.
        """
        from coverage.exceptions import CoverageException

        first, self._measuring = self._measuring, False
        if first:
            self._stop_leaked()
        while self._open and _current() is self._open[-1]:
            self._open.pop().stop()
        # A full disk must not end the run: the gate refuses data that is damaged or not there. A worker
        # that cannot say what it measured is better lost.
        survived = () if self._worker else (OSError, sqlite3.Error, CoverageException)
        try:
            self._write(hand_over=first)
        except survived as error:
            LOG.error("the coverage data could not be written: %s", error)
        if first:
            self._restore_environment()

    def _write(self, *, hand_over: bool) -> None:
        for layer in self._layers:
            self._save(layer.ours)
        if hand_over:
            # The lower layers of a worker hide collectors that pytest-cov abandons without saving.
            for layer in self._layers[-1:] if self._worker else self._layers:
                self._hand_over(layer)

    def _push(self, hidden: Coverage | None) -> None:
        before = _environment()
        ours = self._collector()
        if hidden is not None:
            widen(ours, hidden)
        _start(ours)
        self._layers.append(_Layer(ours, hidden, before, _environment()))
        self._open.append(ours)

    def _cover_again(self) -> None:
        """Go on top again where another collector was started since."""
        if self._measuring and (current := _current()) is not self._open[-1]:
            self._push(current)

    def _measures_for_us(self, coverage: Coverage) -> bool:
        return coverage.get_option("run:data_file") == _data_file(self._rcfile)

    def _collector(self) -> Coverage:
        """Return a collector of ours; COVERAGE_FILE in the environment names the project's data."""
        from coverage import Coverage

        return Coverage(data_file=_data_file(self._rcfile), config_file=str(self._rcfile), data_suffix=True)

    def _stop_leaked(self) -> None:
        """Stop what a test started and left on top of ours."""
        known = [layer.hidden for layer in self._layers]
        while (current := _current()) is not None and current is not self._open[-1]:
            if current in known:
                return
            current.stop()

    def _save(self, coverage: Coverage) -> None:
        data = coverage.get_data()
        # Leaves a file even where no line of the product ran: the proof that it was measured.
        data.add_arcs({})
        coverage.save()
        self._own_files.add(data.data_filename())

    def _hand_over(self, layer: _Layer) -> None:
        if layer.hidden is None:
            return
        sight = Sight(layer.hidden)
        sight.add(layer.ours.get_data())
        if sight.follows_processes and not self._worker:
            for path in self._children():
                sight.add(_read(path))
        sight.touch()
        _save_at_exit(layer.hidden)

    def _children(self) -> list[str]:
        """Return the data files of the processes that the tests started."""
        folder = Path(min(self._own_files)).parent
        return sorted({str(path) for path in folder.glob(f"{DATA_NAME}.*")} - self._own_files)

    def _restore_environment(self) -> None:
        """Give the variables the values that they would have without us."""
        environment = _environment()
        for layer in reversed(self._layers):
            for name in VARIABLES:
                if environment.get(name) == layer.after.get(name):
                    environment[name] = layer.before.get(name, "")
        for name in VARIABLES:
            os.environ.pop(name, None)
            if environment.get(name):
                os.environ[name] = environment[name]

    @hookimpl
    def pytest_plugin_registered(self, plugin_name: str) -> None:
        """Go on top again: pytest-cov starts just before it registers itself."""
        self._contexts = self._contexts or plugin_name == "_cov_contexts"
        self._cover_again()

    @hookimpl(trylast=True)
    def pytest_sessionstart(self) -> None:
        """Go on top again: in an xdist worker pytest-cov starts here."""
        self._cover_again()

    @hookimpl(wrapper=True, trylast=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Stop innermost: pytest-cov stops its own collector in a wrapper around this one."""
        try:
            return (yield)
        finally:
            self.stop()
            if self._worker:
                worker = cast("Worker", session.config)
                worker.workeroutput[WORKER_KEY] = sorted(self._own_files)

    @hookimpl
    def pytest_unconfigure(self) -> None:
        """Stop where the run ended before its loop, and what was left open below pytest-cov."""
        self.stop()

    @hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: WorkerNode) -> None:
        """Ask an xdist worker to measure too."""
        node.workerinput[WORKER_KEY] = str(self._rcfile)

    @hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: WorkerNode) -> None:
        """Learn which data files are a worker's own; a lost worker has none to tell."""
        try:
            names = node.workeroutput.get(WORKER_KEY)
        except AttributeError:
            return
        if isinstance(names, list):
            self._own_files.update(str(name) for name in names)

    @hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Follow pytest-cov's contexts."""
        self._switch_context(item, "setup")

    @hookimpl(tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> None:
        """Follow pytest-cov's contexts."""
        self._switch_context(item, "teardown")

    def _switch_context(self, item: pytest.Item, when: str) -> None:
        if self._contexts and self._measuring:
            self._open[-1].switch_context(f"{item.nodeid}|{when}")

    @hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Step aside where pytest-cov is about to pause: collectors stop in the reverse order."""
        self._switch_context(item, "run")
        if not self._pauses_others(item):
            return (yield)
        ours = self._open[-1]
        ours.stop()
        try:
            return (yield)
        finally:
            _start(ours)

    @hookimpl(specname="pytest_runtest_call", wrapper=True, trylast=True)
    def pytest_failhard_innermost_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Measure for ourselves what the project's `no_cover` hides from pytest-cov."""
        if not self._pauses_others(item) or _current() in self._open:
            return (yield)
        alone = self._collector()
        _start(alone)
        try:
            return (yield)
        finally:
            alone.stop()
            self._save(alone)

    def _pauses_others(self, item: pytest.Item) -> bool:
        if not self._measuring or self._layers[-1].hidden is None:
            return False
        return item.get_closest_marker("no_cover") is not None or "no_cover" in _fixtures(item)


def _read(path: str) -> CoverageData:
    from coverage import CoverageData

    data = CoverageData(basename=path)
    data.read()
    return data


def _current() -> Coverage | None:
    from coverage import Coverage

    return Coverage.current()


def _save_at_exit(hidden: Coverage) -> None:
    """Coverage leaves the collector of its own start-up file unsaved once another was made: ours."""
    from coverage import process_startup

    if vars(process_startup).get("coverage") is hidden:
        # At once too: a worker of xdist ends without its exit functions.
        hidden.save()
        atexit.register(_finish, hidden)


def _finish(hidden: Coverage) -> None:
    hidden.stop()
    hidden.save()


def _start(coverage: Coverage) -> None:
    """Start a collector and leave this process its own answer to SIGTERM.

    The processes that the tests start save their data on SIGTERM; a pytest process belongs to whoever
    started it, and loses nothing that counts.
    """
    main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGTERM)
    coverage.start()
    if main and handler is not None:
        signal.signal(signal.SIGTERM, handler)


def _environment() -> dict[str, str]:
    return {name: os.environ[name] for name in VARIABLES if name in os.environ}


def _fixtures(item: pytest.Item) -> Sequence[str]:
    """Return an item's fixtures; not every kind of item has them."""
    names = vars(item).get("fixturenames", ())
    return names if isinstance(names, (list, tuple)) else ()
