"""Notes what pytest does, in the process that runs a test and in the one that controls the run."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Generator, Iterable, Iterator, Mapping
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from pluggy import HookimplMarker

from pytest_failhard.model import ProjectHook, TestRecord, TestRun
from pytest_failhard.records import Json, RecordsError, RecordWriter

if TYPE_CHECKING:
    import pytest
    from pluggy import HookImpl

hookimpl = HookimplMarker("pytest")

OWN_IDS = "failhard::"
"""What the node ids of our synthetic reports start with."""
UNRECORDED = "<unrecorded>"
"""Stands for the exception where a report lacks our note: it was replaced, or its worker died."""
NOTED = ("raised", "message", "line", "strict", "markers")
"""What we note on a report."""
MESSAGE_CHARACTERS = 2000
WATCHED_HOOKS = (
    *("pytest_runtest_makereport", "pytest_runtest_logreport", "pytest_report_teststatus"),
    *("pytest_pyfunc_call", "pytest_runtest_call", "pytest_runtest_protocol", "pytest_runtestloop"),
    *("pytest_sessionfinish", "pytest_unconfigure", "pytest_cmdline_main", "pytest_ignore_collect"),
    "pytest_collection_modifyitems",
)
"""Hooks by which a project can turn an outcome, an exit status or the collection."""


class Recorder:
    """Notes what pytest does: register it in the plain process, the xdist controller and each worker.

    Where a test runs, the exception that its phase really raised is put on the report before any other
    plugin can turn the outcome; it crosses xdist as JSON. The controller (or plain process) keeps the
    records and gives them to `writer`, if there is one, as they come.
    """

    def __init__(self, config: pytest.Config, writer: RecordWriter | None = None) -> None:
        self._config = config
        self._writer = writer
        # Dictionaries serve as ordered sets.
        self._collected: dict[str, None] = {}
        self._selected: dict[str, None] = {}
        self._deselected: dict[str, None] = {}
        self._hooks: dict[ProjectHook, None] = {}
        self._files: dict[str, str] = {}
        self._ready: dict[str, None] = {}
        self._down: dict[str, None] = {}
        self._lost: dict[str, None] = {}
        self._records: list[TestRecord] = []
        self._interrupted = False

    @hookimpl
    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Note an id before anything can deselect or drop it."""
        self._collected[item.nodeid] = None

    @hookimpl
    def pytest_deselected(self, items: Iterable[pytest.Item]) -> None:
        """Note the ids that were not to run."""
        self._deselected.update(dict.fromkeys(item.nodeid for item in items))

    # Last: what other plugins did to the list of items is done.
    @hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note the ids that are to run."""
        self._selected.update(dict.fromkeys(item.nodeid for item in session.items))
        self._note_hooks()

    @hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put on the report what the phase really raised."""
        report = yield
        vars(report)["failhard"] = _raw_facts(item, call, report)
        return report

    @hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Record a phase; our own synthetic reports are none."""
        if self._is_worker:
            return
        # Made anew each time that it is asked for.
        nodeid = report.nodeid
        if not nodeid.startswith(OWN_IDS):
            self._keep(_phase(report, nodeid))

    @hookimpl(tryfirst=True)
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Record what became of a file at collection; a file may hold no test and yet be collected."""
        if report.outcome == "passed" and not report.nodeid.endswith(".py"):
            return
        if self._is_worker:
            self._files[report.nodeid] = report.outcome
        else:
            self._keep_file(_collect(report))

    @hookimpl
    def pytest_keyboard_interrupt(self) -> None:
        """Note Ctrl-C, `pytest.exit` and every other early end."""
        self._interrupted = True

    @hookimpl
    def pytest_internalerror(self) -> None:
        """Note that pytest itself came to an end."""
        self._interrupted = True

    @hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """In a worker, hand the small facts to the controller."""
        self._note_hooks()
        if self._is_worker:
            output: dict[str, object] = vars(session.config)["workeroutput"]
            output["failhard"] = {
                "collected": list(self._collected),
                "deselected": list(self._deselected),
                "files": list(self._files),
                "hooks": [dataclasses.astuple(hook) for hook in self._hooks],
            }

    @hookimpl(optionalhook=True)
    def pytest_testnodeready(self, node: object) -> None:
        """Note a worker that began."""
        self._ready[_worker(node)] = None

    @hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: object, ids: Iterable[str]) -> None:
        """Note the ids that a worker is to run."""
        self._ready[_worker(node)] = None
        self._collected.update(dict.fromkeys(ids))
        self._selected.update(dict.fromkeys(ids))

    @hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        """Take a worker's facts; one that leaves none is lost."""
        name = _worker(node)
        self._down[name] = None
        match vars(node).get("workeroutput"):
            case {"failhard": {"collected": ids, "deselected": gone, "files": files, "hooks": hooks}}:
                for file in files:
                    self._keep_file(TestRecord(nodeid=file, when="collect", outcome="passed", raised=""))
                self._collected.update(dict.fromkeys(ids))
                self._deselected.update(dict.fromkeys(gone))
                self._hooks.update({ProjectHook(hook=h, path=p, line=n): None for h, p, n in hooks})
            case _:
                self._lost[name] = None

    def result(
        self,
        *,
        exit_status: int,
        interrupted: bool = False,
        arguments: Iterable[str] = (),
        environment_options: str = "",
        coverage_data: Path | None = None,
    ) -> TestRun:
        """Return all that was noted until now."""
        self._note_hooks()
        early = interrupted or self._interrupted
        silent = {} if early else {name: None for name in self._ready if name not in self._down}
        inipath = self._config.inipath
        return TestRun(
            collected=tuple(self._collected),
            selected=tuple(self._selected),
            deselected=tuple(self._deselected),
            records=tuple(self._records),
            hooks=tuple(sorted(self._hooks)),
            lost_workers=tuple(sorted({**self._lost, **silent})),
            exit_status=exit_status,
            interrupted=early,
            inipath="" if inipath is None else str(inipath),
            arguments=tuple(arguments),
            environment_options=environment_options,
            coverage_data=coverage_data,
        )

    def seal(self, run: TestRun) -> None:
        """Write the facts and the end of the run; the writer takes nothing after it."""
        if self._writer is None:
            raise RecordsError("the recorder was given no writer: pass a RecordWriter to Recorder")
        self._start()
        self._writer.finish(run)

    @functools.cached_property
    def _is_worker(self) -> bool:
        return hasattr(self._config, "workerinput")

    def _keep_file(self, record: TestRecord) -> None:
        # Under xdist each worker reports the same file; a failure in one of them is not forgotten.
        known = self._files.get(record.nodeid)
        if known is None or record.outcome not in {"passed", known}:
            self._files[record.nodeid] = record.outcome
            self._keep(record)

    def _keep(self, record: TestRecord) -> None:
        self._records.append(record)
        if self._writer is None:
            return
        # Files that cannot be collected come before the manifest is known.
        if self._writer.started:
            self._writer.record(record)
        elif record.when != "collect":
            self._start()

    def _start(self) -> None:
        if self._writer is not None and not self._writer.started:
            self._writer.manifest(self._collected, self._selected, self._deselected)
            for record in self._records:
                self._writer.record(record)

    def _note_hooks(self) -> None:
        self._hooks.update(dict.fromkeys(_project_hooks(self._config)))


def _raw_facts(item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport) -> dict[str, Json]:
    facts: dict[str, Json] = dict(zip(NOTED, ("", "", 0, False, ""), strict=True))
    if call.when == "setup":
        facts["markers"] = " ".join(sorted(_markers(item)))
    if call.excinfo is not None or "wasxfail" in vars(report):
        facts["strict"] = _is_strict(item)
    if call.excinfo is not None:
        facts["raised"] = call.excinfo.typename
        facts["message"] = call.excinfo.exconly(tryshort=True)[:MESSAGE_CHARACTERS]
        lines = [entry.lineno + 1 for entry in call.excinfo.traceback if entry.path == item.path]
        facts["line"] = lines[-1] if lines else 0
    return facts


def _markers(item: pytest.Item) -> set[str]:
    # What `iter_markers` yields, without a generator in each of its generators.
    names: set[str] = set()
    node: pytest.Item | pytest.Collector | None = item
    while node is not None:
        for mark in node.own_markers:
            names.add(mark.name)
        node = node.parent
    return names


def _is_strict(item: pytest.Item) -> bool:
    marks = [mark.kwargs.get("strict") for mark in item.iter_markers("xfail")]
    default = item.config.getini("strict_xfail")
    if default is None:
        default = item.config.getini("strict")
    # Without a marker it is `pytest.xfail()` in the body, which nothing holds to account.
    return bool(marks) and all(bool(default if strict is None else strict) for strict in marks)


def _phase(report: pytest.TestReport, nodeid: str) -> TestRecord:
    values: Mapping[str, object] = vars(report)
    path, first, _ = report.location
    raised, message, line, strict, markers = _noted(values.get("failhard"))
    reason = "" if report.longrepr is None else _skip_reason(report.longrepr)
    if "wasxfail" in values:
        reason = str(values["wasxfail"])
    return TestRecord(
        nodeid=nodeid,
        when=str(report.when),
        outcome=str(report.outcome),
        raised=raised,
        reason=reason,
        xfail="wasxfail" in values,
        xfail_strict=strict,
        path=_posix(path),
        line=line or (first or 0) + 1,
        seconds=float(report.duration),
        message=message if message or report.outcome == "passed" else _last_line(report),
        markers=markers,
    )


def _noted(note: object) -> tuple[str, str, int, bool, str]:
    # A pattern would take ten times as long, and there are three notes a test.
    if isinstance(note, dict):
        raised, message, line, strict, markers = map(note.get, NOTED)
        if (
            isinstance(raised, str)
            and isinstance(message, str)
            and isinstance(line, int)
            and isinstance(strict, bool)
            and isinstance(markers, str)
        ):
            return raised, message, line, strict, markers
    return UNRECORDED, "", 0, False, ""


@functools.lru_cache(maxsize=1024)
def _posix(path: str) -> str:
    return PurePath(path).as_posix()


def _collect(report: pytest.CollectReport) -> TestRecord:
    return TestRecord(
        nodeid=report.nodeid,
        when="collect",
        outcome=str(report.outcome),
        raised="",
        reason=_skip_reason(report.longrepr) if report.outcome == "skipped" else "",
        path=report.nodeid.partition("::")[0],
        message=_last_line(report),
    )


def _skip_reason(longrepr: object) -> str:
    match longrepr:
        case (_, _, str(reason)):
            return reason.removeprefix("Skipped: ")
    return ""


def _last_line(report: pytest.TestReport | pytest.CollectReport) -> str:
    if report.outcome == "passed":
        return ""
    lines = [line.removeprefix("E ").strip() for line in report.longreprtext.splitlines() if line.strip()]
    return lines[-1][:MESSAGE_CHARACTERS] if lines else ""


def _worker(node: object) -> str:
    return str(vars(vars(node)["gateway"])["id"])


def _project_hooks(config: pytest.Config) -> Iterator[ProjectHook]:
    relay = vars(config.pluginmanager.hook)
    for name in WATCHED_HOOKS:
        for implementation in relay[name].get_hookimpls():
            places = [(_below(path, config.rootpath), line) for path, line in _places(implementation)]
            known = [(path, line) for path, line in places if path]
            if known:
                yield ProjectHook(hook=name, path=known[0][0], line=known[0][1])


def _places(implementation: HookImpl) -> Iterator[tuple[str, int]]:
    """Yield where a hook is written, then its plugin's module (line 0): hooks are imported, compiled."""
    function = implementation.function
    if inspect.isfunction(function) or inspect.ismethod(function):
        yield function.__code__.co_filename, function.__code__.co_firstlineno
    module = inspect.getmodule(implementation.plugin)
    if module is not None:
        yield str(vars(module).get("__file__") or ""), 0


@functools.lru_cache(maxsize=4096)
def _below(path: str, root: Path) -> str:
    """Return the path relative to the root; empty outside it, in installed packages and for ourselves."""
    place = Path(path).resolve()
    own = place.is_relative_to(Path(__file__).resolve().parent)
    installed = {"site-packages", "dist-packages"}.intersection(place.parts)
    if own or installed or not place.is_file() or not place.is_relative_to(root.resolve()):
        return ""
    return place.relative_to(root.resolve()).as_posix()
