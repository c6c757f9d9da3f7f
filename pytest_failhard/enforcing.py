"""The pytest plugin where a level is asked for: refuses, records, has the gates judged, has the last word."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING

import pytest

from pytest_failhard.formats import TEXT

if TYPE_CHECKING:
    from pytest_failhard.author import Author
    from pytest_failhard.model import Report, Result
    from pytest_failhard.recorder import Recorder

NO_VERDICT = 4
"""The exit status where enforcement was asked for and no verdict exists."""
REFUSED = {
    "collectonly": "--collect-only",
    "setuponly": "--setup-only",
    "setupplan": "--setup-plan",
    "showfixtures": "--fixtures",
    "show_fixtures_per_test": "--fixtures-per-test",
    "markers": "--markers",
    "cacheshow": "--cache-show",
}
"""Options under which pytest runs no test and would end with 0."""
LISTED = frozenset({"auto", "long", "short", "native"})
"""With `--tb` like this pytest prints each failure whole."""


def prepare(config: pytest.Config) -> None:
    """Scan the tests for forced exits, take the report folder, start measuring."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        return
    from pytest_failhard.author import Author, RefusedError

    options = config.known_args_namespace
    try:
        author = Author(
            root=config.rootpath,
            level=options.failhard_level,
            policy=options.failhard_policy,
            base=options.failhard_base,
            only=options.failhard_only,
            report_dir=options.failhard_report_dir,
            seed=options.failhard_seed,
            jobs=options.failhard_jobs,
            perf_prove=options.failhard_perf_prove is True,
            cache=options.failhard_no_cache is None,
            resume=options.failhard_resume is True,
            arguments=config.invocation_params.args,
        )
        config.add_cleanup(author.close)
        author.prepare()
    except RefusedError as error:
        raise pytest.UsageError(f"failhard: {error}") from None
    config.stash[AUTHOR] = author
    if author.measurement is not None:
        config.pluginmanager.register(author.measurement, "failhard-measurement")


def configure(config: pytest.Config) -> None:
    """Refuse what would judge nothing; register what records and what enforces, unless help is asked for."""
    if not _asked_for_help(config):
        _refuse(config)
        _register(config)


def _asked_for_help(config: pytest.Config) -> bool:
    return any(argument in {"--help", "-h", "--version", "-V"} for argument in config.invocation_params.args)


def _refuse(config: pytest.Config) -> None:
    # A plugin that is switched off takes its options along: --cache-show with -p no:cacheprovider.
    given = [option for name, option in REFUSED.items() if config.getoption(name, default=False)]
    if config.getoption("help"):
        given.append("--help (from addopts or PYTEST_ADDOPTS)")
    if given:
        raise pytest.UsageError(
            f"failhard: gates not evaluated ({', '.join(given)}): no test would run; "
            "remove the option, or --failhard-level"
        )
    if sys.flags.optimize:
        raise pytest.UsageError(
            "failhard: gates not evaluated (python -O): assert statements are removed; "
            "run without -O and unset PYTHONOPTIMIZE"
        )


def _register(config: pytest.Config) -> None:
    from pytest_failhard.recorder import Recorder

    config.addinivalue_line("filterwarnings", "error::pytest.PytestReturnNotNoneWarning")
    recorder = Recorder(config)
    config.pluginmanager.register(recorder, "failhard-recorder")
    if hasattr(config, "workerinput"):
        register_worker_measurement(config)
        return
    from pytest_failhard import gates

    config.pluginmanager.register(gates, "failhard-gates")
    enforcer = Enforcer(config, recorder, config.stash[AUTHOR])
    config.stash[KEY] = enforcer
    config.pluginmanager.register(enforcer, "failhard-enforcer")


def register_worker_measurement(config: pytest.Config) -> None:
    """In an xdist worker: measure where the controller asks for it."""
    from pytest_failhard.measurement import Measurement

    measurement = Measurement.of_worker(vars(config)["workerinput"])
    if measurement is not None:
        measurement.start()
        config.pluginmanager.register(measurement, "failhard-measurement")


def last_word(config: pytest.Config, code: object) -> object:
    """Return the exit status: 0 needs a verdict that is a pass."""
    silent = hasattr(config, "workerinput") or config.getoption("failhard_explain") is not None
    if silent or _asked_for_help(config):
        return code
    report = config.stash[KEY].report if KEY in config.stash else None
    if report is None:
        return code if code not in {0, None} else NO_VERDICT
    return 1 if code == 0 and report.verdict.value != "pass" else code


class Explainer:
    """Prints what a gate demands instead of running anything."""

    def __init__(self, name: str) -> None:
        self.name = name

    @pytest.hookimpl(tryfirst=True)
    def pytest_cmdline_main(self) -> int:
        """Print the page and end; an unknown name is a usage error."""
        from pytest_failhard.explanation import ExplanationError, explain
        from pytest_failhard.redact import printable

        try:
            sys.stdout.write(explain(self.name) + "\n")
        except ExplanationError as error:
            raise pytest.UsageError(printable(str(error), os.environ)) from None
        return 0


class Enforcer:
    """Runs the gates around the tests and reports each, on the controller only."""

    def __init__(self, config: pytest.Config, recorder: Recorder, author: Author) -> None:
        self.config = config
        self.recorder = recorder
        self.author = author
        self.report: Report | None = None
        self.sending = False
        self.shown = False

    @pytest.hookimpl(trylast=True)
    def pytest_sessionstart(self) -> None:
        """Resolve everything; every mistake is a usage error, all of them at once."""
        from pytest_failhard.author import RefusedError

        gates = self.config.hook.pytest_failhard_gates(config=self.config)
        try:
            self.author.begin(gates)
        except RefusedError as error:
            raise pytest.UsageError(f"failhard: {error}") from None

    def pytest_report_header(self) -> str:
        """Name the level and the policy."""
        return self.author.header()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Have the gates judged when the tests are over, however they end."""
        interrupted = False
        try:
            return (yield)
        except KeyboardInterrupt as interruption:
            # pytest's and xdist's own, for collection errors and -x, derive from it: gates still run.
            interrupted = type(interruption) is KeyboardInterrupt
            raise
        finally:
            self._evaluate(session, interrupted=interrupted)

    def _evaluate(self, session: pytest.Session, *, interrupted: bool) -> None:
        run = self.recorder.result(
            exit_status=1 if session.testsfailed else 0,
            interrupted=interrupted,
            arguments=self.config.invocation_params.args,
            environment_options=os.environ.get("PYTEST_ADDOPTS", ""),
        )
        self._show_progress()
        self.report = self.author.end(run, interrupted=interrupted)
        self._send(session, self.report.results)

    def _show_progress(self) -> None:
        """Give the gates a live line below pytest's own, where a person looks at a terminal."""
        from pytest_failhard.progress import is_live

        reporter = self.config.pluginmanager.getplugin("terminalreporter")
        form = self.config.getoption("failhard_format") or TEXT
        if reporter is not None and form == TEXT and is_live((sys.stdout, sys.stderr)):
            reporter.ensure_newline()
            self.author.show(sys.stderr)

    def _send(self, session: pytest.Session, results: Sequence[Result]) -> None:
        """Report each gate as a test, past the caches that would remember it as one."""
        manager = session.config.pluginmanager
        deaf = [manager.getplugin(name) for name in ("lfplugin", "stepwiseplugin")]
        call = manager.subset_hook_caller(
            "pytest_runtest_logreport", remove_plugins=[plugin for plugin in deaf if plugin is not None]
        )
        self.sending = True
        for result in results:
            call(report=self._synthetic(result))
        self.sending = False

    def _synthetic(self, result: Result) -> pytest.TestReport:
        seconds = self.report.seconds.get(result.gate, 0.0) if self.report else 0.0
        passed = result.verdict.value == "pass"
        return pytest.TestReport(
            nodeid=f"failhard::{result.gate}",
            location=("failhard", None, result.gate),
            keywords={},
            outcome="passed" if passed else "failed",
            longrepr=None if passed else self.author.explain(result),
            when="call",
            duration=seconds,
        )

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Keep gates out of the progress display; name them in the short summary."""
        if not report.nodeid.startswith("failhard::"):
            return None
        return report.outcome, "", "" if self.sending else report.outcome.upper()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self) -> Generator[None, None, None]:
        """Print our section also under `--no-summary`, with which pytest before 9.2 asks nobody for one."""
        yield
        reporter = self.config.pluginmanager.getplugin("terminalreporter")
        if reporter is not None and self.config.getoption("no_summary"):
            self.pytest_terminal_summary(reporter)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print our section, once."""
        if self.report is None or self.shown:
            return
        self.shown = True
        terminalreporter.section("failhard")
        form = self.config.getoption("failhard_format") or TEXT
        # What pytest lists under FAILURES has each gate's details; nobody reads them twice.
        listed = not self.config.getoption("no_summary") and self.config.getoption("tbstyle") in LISTED
        text = self.author.render(
            self.report,
            form,
            colour=terminalreporter.hasmarkup,
            width=shutil.get_terminal_size().columns if terminalreporter.isatty else 0,
            brief=listed,
        )
        terminalreporter.write_line(text)


KEY = pytest.StashKey[Enforcer]()
AUTHOR = pytest.StashKey["Author"]()
