"""Tests: every test that is written is collected, run to its end, and passes.

Why:
    A green run says nothing about the tests that did not run. Generated systems ship suites that are
    deselected, ignored, skipped "for now" or run again until they pass, and conftest files that turn a
    failed report into a passed one; pytest ends with 0 in each of these cases.

Fails when:
    A test fails (`test-failed`), breaks in its setup or teardown (`test-error`) or passes only on a
    further attempt (`flaky-test`); no test with a marker of `required_markers` passes
    (`missing-category`); a skip has no reason (`unexplained-skip`), an xfail is not strict or
    has no reason (`nonstrict-xfail`); an outcome does not fit what was raised, or a hook can turn one
    (`forged-outcome`); the exit code contradicts the records (`exit-code-forged`); the project's hooks
    drop tests or files (`dropped-test`, `uncollected-test`); pytest's configuration hides another, loads
    project code early or silences every warning (`shadowing-pytest-config`, `project-plugin-in-addopts`,
    `warnings-silenced`), was not the expected one (`unexpected-pytest-config`) or was overridden
    (`environment-options`). In the text, at the severity that the level's `severity` gives it: a test
    checks nothing, asserts what always holds, catches its own failure, hangs on a key or wants an answer
    without one (FH601 to FH607; `failhard explain RULE` says what each looks for). A skip that happened
    is judged by the run alone. It is an error if no test was executed, if a test or file that is written
    has no result, if a file could not be collected, a worker was lost or the run ended early. Reported
    only: `project-hook`, `narrowed-test-run`. Measures: collected, executed, passed, failed, errors,
    flaky, skipped, skipped_unexplained, xfailed, xfailed_nonstrict, deselected, isolation_mocks (tests
    marked with `failhard_isolation_mock(reason=...)`: they replace a neighbour and say why), and of the
    text test_functions, assertions, assertion_free.

Fix:
    Run `pytest NODEID` with the node id of the finding, and mend the code or the test. Give each skip a
    reason of two words or more, each xfail `strict=True` and a reason. Let each test assert what the
    product answered, and no test catch what it raised. Run the whole suite: no path, no
    `-k`, `-m`, `--deselect`, `--ignore` or `-x`.

Waive:
    A finding by its node id; the reason must say why the test may fail or not run, and until when. An
    error cannot be waived.
"""

from __future__ import annotations

import ast
import functools
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_failhard import stamps
from pytest_failhard.gates.tests.results import (
    SHOWN,
    View,
    categories,
    finding,
    first_line,
    forged,
    listed,
    outcomes,
    skips,
    xfails,
)
from pytest_failhard.model import (
    Finding,
    GateError,
    Observation,
    Phase,
    Reuse,
    Run,
    Settings,
    Severity,
    TestRun,
)
from pytest_failhard.rules.exclusion import Role, paths
from pytest_failhard.rules.limits import Limits
from pytest_failhard.source import files
from pytest_failhard.source.by_file import ByFile
from pytest_failhard.source.manifest import (
    KIND,
    PYTHON_CLASSES,
    PYTHON_FILES,
    PYTHON_FUNCTIONS,
    Patterns,
    conftests,
    manifest,
)
from pytest_failhard.source.pytest_config import PytestConfig, load, weaknesses
from pytest_failhard.stamps import Listed, stamp_of

if TYPE_CHECKING:
    from pytest_failhard.gates.tests.quality import Terms
    from pytest_failhard.rules.scan import Scan

HIGH_FROM_LEVEL = 3
STATUS = {
    2: "pytest was interrupted (exit status 2): run it again to its end",
    3: "pytest broke (exit status 3): its output in the evidence says where",
    4: "pytest was used wrongly (exit status 4): its output in the evidence says how",
    5: "pytest collected no test (exit status 5): write tests, or correct `tests` in [tool.failhard]",
    6: "pytest counted more warnings than --max-warnings allows (exit status 6): mend their causes",
}


@dataclass(frozen=True, kw_only=True)
class TestsSettings(Settings):
    """What counts as a test, how bad each rule is, which skips are accepted, what the tests may see."""

    severity: dict[str, str] = field(default_factory=dict)
    """Rule or rule with sub -> off, low, medium or high."""
    python_files: tuple[str, ...] = PYTHON_FILES
    python_classes: tuple[str, ...] = PYTHON_CLASSES
    python_functions: tuple[str, ...] = PYTHON_FUNCTIONS
    accepted_skip_reasons: tuple[str, ...] = ()
    """Globs over the whole reason."""
    required_markers: tuple[str, ...] = ()
    """Each names a kind of test of which one at least has to pass."""
    pass_env: tuple[str, ...] = ()
    """Read by the supervisor: names of variables that it hands to the test process."""
    exclude: tuple[str, ...] = ()
    """Globs of files whose text is not judged; their tests count all the same."""
    roles: dict[str, Role] = field(default_factory=dict)
    """Glob -> role of the files that it means, where their paths say otherwise."""
    max_file_bytes: int = Limits.max_bytes
    max_file_seconds: int = Limits.max_seconds


class TestsGate:
    """Compares what is written, what was collected and what has a result."""

    id = "tests"
    settings = TestsSettings
    phase = Phase.TESTS

    def memory(self, settings: Settings) -> Reuse:
        """Return what the tests that are written in a file depend on besides the file: our own code alone."""
        del settings
        return Reuse(day=False)

    def observe(self, run: Run) -> Observation:
        """Return what the tests did; raises GateError where the records do not prove a whole run."""
        return self._written(run).judged(run)

    def begin(self, run: Run) -> Callable[[Run], Observation]:
        """Read what is written, and return what is left: to hold against it what ran."""
        return functools.partial(self._rest, self._written(run))

    def _rest(self, written: _Written, run: Run) -> Observation:
        # A test may have hidden or changed one while it was read: then all is read once more.
        if written.seen is None or _seen(written.project) != written.seen:
            files.look_up.cache_clear()
            written = self._written(run)
        # Not before: only now is it known that each file was read as it stands.
        run.remember(written.known.dump())
        return written.judged(run)

    def _written(self, run: Run) -> _Written:
        # The rules are loaded when they are asked, not when pytest starts.
        from pytest_failhard.gates.tests import quality

        settings = run.settings
        if not isinstance(settings, TestsSettings):
            raise TypeError(f"the tests gate was given {type(settings).__name__}")
        project = files.read(run.root, run.source, run.test_roots)
        seen = _seen(project)
        known = ByFile(KIND, run.recall())
        written = manifest(project, _patterns(settings), run.test_roots, known)
        config = load(run.root)
        terms = _terms(settings, config)
        return _Written(
            project=project,
            seen=seen,
            settings=settings,
            manifest=written,
            known=known,
            config=config,
            ignoring=_ignoring(project),
            terms=terms,
            scan=quality.scanned(run, terms),
        )


@dataclass(frozen=True, kw_only=True)
class _Written:
    """What is written, whatever ran of it."""

    project: files.Project
    seen: frozenset[Listed] | None
    """What the system said of the files before they were read; None where it did not let itself be asked."""
    settings: TestsSettings
    manifest: Mapping[str, tuple[str, ...]]
    known: ByFile
    """The same by file, for a later run."""
    config: PytestConfig
    ignoring: bool
    terms: Terms
    scan: Scan

    def judged(self, run: Run) -> Observation:
        """Return what the tests did of it."""
        from pytest_failhard.gates.tests import quality

        view = View(run.tests)
        hidden = _Hidden(view, self.manifest, self.ignoring)
        # A file that cannot be collected explains all the rest.
        problems = [*_uncollectable(view)] or [*_broken(view), *hidden.problems(), *_status_problems(view)]
        if problems:
            raise GateError("; ".join([*problems, *_also(view)]))
        if not view.executed:
            raise GateError(_nothing(view))
        accepted = self.settings.accepted_skip_reasons
        text = quality.read(run, self.manifest, view, self.terms, self.scan)
        findings = {
            *outcomes(view),
            *skips(view, accepted),
            *xfails(view, accepted),
            *categories(view, self.settings.required_markers),
            *forged(view),
            *_hooks(run.root, view.run),
            *hidden.findings(),
            *_configured(run, self.config, view.run),
            *text.findings,
        }
        measures = view.measures(len(list(skips(view, accepted))), len(list(xfails(view, accepted))))
        return Observation(
            tool="pytest",
            examined=len(view.executed),
            findings=tuple(sorted(findings)),
            measures={**measures, **text.measures},
            allows=text.allows,
        )


def _seen(project: files.Project) -> frozenset[Listed] | None:
    """Return what the system says of each Python file, and of each link: what is written has a new time."""
    try:
        below = stamps.listed(project.root, files.UNREAD_FOLDERS)
        seen = {each for each in below if each.path.endswith(".py") or stat.S_ISLNK(each.stamp.mode)}
        # A link may lead to files where nobody looks for any.
        led_to = {file.path for file in project.files}.difference(each.path for each in seen)
        seen |= {Listed(path, stamp_of((project.root / path).stat())) for path in led_to}
    except OSError:
        return None
    return frozenset(seen)


def _terms(settings: TestsSettings, config: PytestConfig) -> Terms:
    from pytest_failhard.gates.tests import quality
    from pytest_failhard.rules.findings import options_of

    return quality.Terms(
        severity=settings.severity,
        options={**options_of(settings), **quality.strictness(config)},
        limits=Limits(max_bytes=settings.max_file_bytes, max_seconds=settings.max_file_seconds),
        paths=paths(settings.exclude, settings.roles),
    )


def _patterns(settings: TestsSettings) -> Patterns:
    return Patterns(
        files=settings.python_files,
        classes=settings.python_classes,
        functions=settings.python_functions,
    )


def _uncollectable(view: View) -> Iterator[str]:
    failed = sorted({record.nodeid: record for record in view.files if record.outcome == "failed"}.items())
    for nodeid, record in failed[:SHOWN]:
        yield f"collection-error: {nodeid}: {first_line(record.message)}; mend the import"
    if len(failed) > SHOWN:
        yield f"and {len(failed) - SHOWN} more files that cannot be collected"


def _broken(view: View) -> Iterator[str]:
    if view.run.lost_workers:
        yield (
            f"lost-worker: {listed(view.run.lost_workers)} ended without a word, so results are missing; "
            f"find the test that ends its process: {listed(_crashed(view)) or 'none is known'}"
        )
    if view.run.interrupted:
        yield "interrupted: the test run ended early; run it again to its end"


def _crashed(view: View) -> set[str]:
    return {record.nodeid for records in view.by_test.values() for record in records if record.when == "???"}


def _also(view: View) -> Iterator[str]:
    failed = {nodeid for nodeid, kind in view.kinds.items() if kind in {"failed", "error"}}
    if failed:
        yield f"also, {len(failed)} of the tests that ran failed: {listed(failed)}"


def _nothing(view: View) -> str:
    counts = f"{len(set(view.run.collected))} collected, {len(view.by_test)} reported, none executed"
    return f"no-test-executed: {counts}; write tests that run, and remove the skips that keep them from it"


def _base(nodeid: str) -> str:
    return nodeid.partition("[")[0]


class _Hidden:
    """Tests that are written or collected and have no result, by what kept them from one."""

    def __init__(self, view: View, written: Mapping[str, tuple[str, ...]], ignoring: bool) -> None:
        run = view.run
        collected, selected, deselected = set(run.collected), set(run.selected), set(run.deselected)
        hooks = {hook.hook for hook in run.hooks}
        seen = {record.nodeid for record in view.files} | {nodeid.partition("::")[0] for nodeid in collected}
        bare = {_base(nodeid) for nodeid in collected}
        refused = {record.nodeid for record in view.files if record.outcome != "passed"}
        self.files = set(written) - seen
        self.tests = {
            nodeid
            for path, ids in written.items()
            if path in seen
            for nodeid in ids
            if nodeid not in bare and not _refused(nodeid, refused)
        }
        self.deselected = deselected
        self.dropped = collected - selected - deselected
        self.unfinished = {nodeid for nodeid in selected - deselected if not view.kinds.get(nodeid)}
        self.ignored_by_project = ignoring or "pytest_ignore_collect" in hooks
        self.dropped_by_project = "pytest_collection_modifyitems" in hooks

    def problems(self) -> Iterator[str]:
        """Yield what makes the run incomplete."""
        groups = {
            "uncollected-file: {} test files never collected": () if self.ignored_by_project else self.files,
            "uncollected-test: {} tests that are written were never collected": self.tests,
            "deselected-test: {} collected tests not run, because they were deselected": self.deselected,
            "dropped-test: {} collected tests not run, because a plugin dropped them": (
                () if self.dropped_by_project else self.dropped
            ),
            "unfinished-test: {} collected tests not run to their end": self.unfinished,
        }
        for text, names in groups.items():
            if names:
                yield (
                    f"{text.format(len(names))}: {listed(names)}; run the whole suite, without a path, "
                    "-k, -m, --deselect, --ignore, --lf or -x, on the command line and in addopts"
                )

    def findings(self) -> Iterator[Finding]:
        """Yield what the project's own hooks kept from running."""
        for nodeid in sorted(self.dropped):
            yield finding(
                "dropped-test",
                nodeid,
                "was collected and dropped by the project's pytest_collection_modifyitems",
                "remove the hook, or skip the test with a reason",
            )
        for path in sorted(self.files):
            yield finding(
                "uncollected-test",
                path,
                "is a test file that the project's conftest keeps from being collected",
                "remove pytest_ignore_collect and collect_ignore, or the file",
            )


def _refused(nodeid: str, refused: set[str]) -> bool:
    parts = nodeid.split("::")
    return any("::".join(parts[:end]) in refused for end in range(1, len(parts)))


def _ignoring(project: files.Project) -> bool:
    """Tell whether a conftest sets `collect_ignore` or `collect_ignore_glob`."""
    trees = [files.parse(project.root, path) for path in conftests(project)]
    return any(
        isinstance(node, ast.Name) and node.id in {"collect_ignore", "collect_ignore_glob"}
        for tree in trees
        for node in ast.walk(tree)
    )


def _status_problems(view: View) -> Iterator[str]:
    status = view.run.exit_status
    red = any(record.outcome == "failed" for record in view.run.records)
    if status in STATUS:
        yield STATUS[status]
    elif status == 1 and not red:
        yield "contradiction: pytest ended with exit status 1 and no record says what failed; run it again"
    elif status not in {0, 1}:
        yield (
            f"contradiction: the test process ended with exit status {status}, which is none of pytest's; "
            "find the code that ends it"
        )


def _hooks(root: Path, run: TestRun) -> Iterator[Finding]:
    from pytest_failhard.source.forgery import forging

    for hook in run.hooks:
        way = (
            forging(files.parse(root, hook.path), hook.line, hook.hook)
            if hook.line
            else "its source is hidden"
        )
        name = "forged-outcome" if way else "project-hook"
        yield Finding(
            rule=name,
            name=name,
            path=hook.path,
            line=hook.line,
            severity=Severity.HIGH if way else Severity.LOW,
            message=f"{hook.path} implements {hook.hook}" + (f": {way}" if way else ""),
            fix="remove the hook" if way else "none needed; keep the hook small",
            anchor=hook.hook,
        )


def _configured(run: Run, config: PytestConfig, tests: TestRun) -> Iterator[Finding]:
    # The supervisor gives pytest its own file and no path to it: then these had no effect.
    inert = {"shadowing-pytest-config", "project-plugin-in-addopts"} if not tests.inipath else set()
    for weakness in weaknesses(config):
        yield replace(weakness, severity=Severity.LOW) if weakness.name in inert else weakness
    expected = (run.root / config.path).resolve() if config.path else None
    if tests.inipath and Path(tests.inipath).resolve() != expected:
        yield _configuration_finding(
            "unexpected-pytest-config",
            f"pytest read {Path(tests.inipath).name}, not {config.path or 'the root (it has no file)'}",
            "run pytest in the root, without -c, and remove configuration files in test folders",
            Severity.HIGH,
        )
    if tests.environment_options:
        yield _configuration_finding(
            "environment-options",
            f"PYTEST_ADDOPTS was set: {tests.environment_options}",
            "unset PYTEST_ADDOPTS",
            Severity.HIGH if run.level >= HIGH_FROM_LEVEL else Severity.LOW,
        )


def _configuration_finding(name: str, message: str, fix: str, severity: Severity) -> Finding:
    return Finding(rule=name, name=name, path="", line=0, severity=severity, message=message, fix=fix)
