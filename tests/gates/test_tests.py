"""The gate `tests`: honest runs pass, and no way of not running or turning a test does."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path

import pytest

from pytest_failhard import model
from pytest_failhard.gates import tests as gate
from pytest_failhard.gates.tests import results
from tests.recording import Recorded, record, write
from tests.size import FULL, some
from tests.support import FACTS

WORKERS = "2" if FULL else "1"
BOTH = pytest.mark.parametrize("workers", [(), ("-n", WORKERS)], ids=["plain", "xdist"])
XDIST = pytest.mark.parametrize("workers", some({"plain": (), "xdist": ("-n", WORKERS)}, "plain").values())
"""Where the records are the same with xdist, as tests of the recorder show."""
GOOD = {"tests/test_a.py": "def test_a():\n    assert 1 + 1 == 2\n"}
TWO = {
    "tests/test_a.py": "def test_a():\n    pass\n\ndef test_b():\n    pass\n",
    "tests/test_c.py": "def test_c():\n    pass\n",
}


SETTINGS = gate.TestsSettings()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tree:
    """The part of a Run that this gate touches, for real."""

    root: Path
    tests: model.TestRun
    level: int = 1
    source: tuple[str, ...] = ()
    test_roots: tuple[str, ...] = ("tests",)
    settings: model.Settings = SETTINGS
    interpreter: Path = Path("python")
    packages: tuple[str, ...] = ()
    options: dict[str, model.Option] = dataclasses.field(default_factory=dict)
    base: model.Base | None = None
    base_missing: str = "no base"
    clarifications: tuple[model.Clarification, ...] = ()
    seed: int = 0
    today: date = date(2026, 1, 1)
    committed: datetime | None = None
    facts: model.ProjectFacts = FACTS
    signing_key: Path | None = None
    scratch: Path = Path()
    perf_prove: bool = False

    def tool(self, tool: model.Tool) -> str:
        raise AssertionError(tool)

    def python(
        self,
        module: str,
        *args: str,
        ok: frozenset[int] = frozenset({0}),
        found: frozenset[int] = frozenset(),
        cwd: Path | None = None,
        environment: Mapping[str, str] = model.NO_VARIABLES,
        volatile: bool = False,
        earlier: model.Completed | None = None,
    ) -> model.Completed:
        raise AssertionError(module, args, ok, found, cwd, environment, volatile, earlier)

    def keep(
        self, name: str, data: bytes, *, volatile: bool = False, has_contacts: bool = False
    ) -> model.Evidence:
        raise AssertionError(name, data, volatile, has_contacts)

    def remaining(self) -> float:
        raise AssertionError

    def start(
        self,
        argv: Sequence[str],
        *,
        environment: Mapping[str, str],
        cwd: Path,
        pass_fds: Sequence[int] = (),
        kept: bool = False,
    ) -> model.Process:
        raise AssertionError(argv, environment, cwd, pass_fds, kept)

    def recall(self) -> bytes | None:
        return None

    def lent(self) -> bytes | None:
        return None

    def remember(self, data: bytes) -> None:
        raise AssertionError(data)


def judged(
    tmp_path: Path, files: dict[str, str], *options: str, plugins: tuple[str, ...] = ()
) -> model.Observation:
    done: Recorded = record(tmp_path, files, *options, plugins=plugins, measured=False)
    return gate.TestsGate().observe(Tree(root=tmp_path / "project", tests=done.run))


def refusal(tmp_path: Path, files: dict[str, str], *options: str) -> str:
    with pytest.raises(model.GateError) as caught:
        judged(tmp_path, files, *options)
    return str(caught.value)


def names(seen: model.Observation, lowest: model.Severity = model.Severity.MEDIUM) -> list[str]:
    return [finding.name for finding in seen.findings if finding.severity >= lowest]


@BOTH
def test_a_clean_suite_passes(tmp_path: Path, workers: tuple[str, ...]) -> None:
    files = {
        **GOOD,
        "tests/test_many.py": """
            import unittest
            import pytest

            @pytest.mark.parametrize("number", [1, 2])
            def test_many(number):
                assert number

            @pytest.mark.skip(reason="needs PostgreSQL, see #12")
            def test_skipped():
                assert 0

            @pytest.mark.xfail(strict=True, reason="rounding is wrong, see #13")
            def test_known():
                assert 0

            class TestUnit(unittest.TestCase):
                def test_unit(self):
                    self.assertTrue(True)

                @unittest.skip("needs PostgreSQL, see #12")
                def test_later(self):
                    pass

                def test_inside(self):
                    self.skipTest("needs PostgreSQL, see #12")

            def test_subtests(subtests):
                with subtests.test(number=1):
                    assert 1
            """,
        "tests/test_helpers.py": "def helper():\n    return 1\n",
    }
    seen = judged(tmp_path, files, *workers)
    assert seen.findings == ()
    assert seen.examined == 6
    assert seen.measures == {
        "collected": 9,
        "executed": 6,
        "passed": 5,
        "failed": 0,
        "errors": 0,
        "flaky": 0,
        "isolation_mocks": 0,
        "skipped": 3,
        "skipped_unexplained": 0,
        "xfailed": 1,
        "xfailed_nonstrict": 0,
        "deselected": 0,
        "test_functions": 8,
        "assertions": 6,
        "assertion_free": 2,
    }


@XDIST
def test_a_failing_test_is_a_finding_with_its_command(tmp_path: Path, workers: tuple[str, ...]) -> None:
    seen = judged(tmp_path, {"tests/test_a.py": "def test_a():\n    assert 1 == 2, 'no'\n"}, *workers)
    assert seen.findings == (
        model.Finding(
            rule="test-failed",
            name="test-failed",
            path="tests/test_a.py",
            line=2,
            severity=model.Severity.HIGH,
            message="tests/test_a.py::test_a failed: AssertionError: no",
            fix="run `pytest tests/test_a.py::test_a` and mend what it shows",
            anchor="tests/test_a.py::test_a",
        ),
    )
    assert seen.measures["failed"] == 1


def test_a_broken_setup_and_a_broken_teardown_are_errors_of_the_test(tmp_path: Path) -> None:
    text = """
        import pytest

        @pytest.fixture
        def before():
            raise OSError("no disk")

        @pytest.fixture
        def after():
            yield
            raise OSError("no disk")

        def test_before(before):
            pass

        def test_after(after):
            pass

        def test_fine():
            pass
        """
    seen = judged(tmp_path, {"tests/test_a.py": text})
    assert [(f.name, f.anchor) for f in seen.findings] == [
        ("test-error", "tests/test_a.py::test_before setup"),
        ("test-error", "tests/test_a.py::test_after teardown"),
    ]
    assert seen.measures["errors"] == 2


def test_a_failed_subtest_fails(tmp_path: Path) -> None:
    text = "def test_a(subtests):\n    with subtests.test(n=1):\n        assert 0\n"
    seen = judged(tmp_path, {"tests/test_a.py": text})
    assert set(names(seen)) == {"test-failed"}
    assert seen.measures["failed"] == 1


@pytest.mark.parametrize(
    "options",
    [
        ("-k", "test_a"),
        ("--deselect", "tests/test_a.py::test_b"),
        ("tests/test_a.py::test_a",),
        ("tests/test_a.py",),
    ],
    ids=["keyword", "deselect", "node_id", "path"],
)
@XDIST
def test_a_part_of_the_suite_is_an_error_fo_39_fo_40(
    tmp_path: Path, options: tuple[str, ...], workers: tuple[str, ...]
) -> None:
    assert "run the whole suite" in refusal(tmp_path, TWO, *workers, *options)


def test_an_early_end_is_an_error_fo_32(tmp_path: Path) -> None:
    text = "def test_0():\n    assert 0\n\ndef test_1():\n    pass\n"
    assert refusal(tmp_path, {"tests/test_a.py": text}, "-x") == (
        "unfinished-test: 1 collected tests not run to their end: tests/test_a.py::test_1; run the whole "
        "suite, without a path, -k, -m, --deselect, --ignore, --lf or -x, on the command line and in "
        "addopts; "
        "also, 1 of the tests that ran failed: tests/test_a.py::test_0"
    )


@pytest.mark.parametrize(
    "text",
    [
        "[pytest]\naddopts = --ignore=tests/test_c.py\n",
        "[pytest]\npython_files = test_a.py\n",
        "[pytest]\ntestpaths = tests/test_a.py\n",
        "[pytest]\npython_functions = test_a test_c\n",
    ],
    ids=["ignore", "files", "testpaths", "functions"],
)
@XDIST
def test_a_narrowed_configuration_is_an_error_fo_41(
    tmp_path: Path, text: str, workers: tuple[str, ...]
) -> None:
    assert "uncollected-" in refusal(tmp_path, {**TWO, "pytest.ini": text}, *workers)


def test_an_uncollected_file_counts_even_without_a_test_in_it(tmp_path: Path) -> None:
    files = {**GOOD, "tests/test_b.py": "exec('def test_b(): assert 0')\n"}
    assert refusal(tmp_path, files, "--ignore=tests/test_b.py").startswith(
        "uncollected-file: 1 test files never collected: tests/test_b.py; "
    )


@BOTH
def test_a_collection_error_is_an_error_fo_42(tmp_path: Path, workers: tuple[str, ...]) -> None:
    files = {**GOOD, "tests/test_b.py": "import nowhere_to_be_found\n"}
    error = (
        "collection-error: tests/test_b.py: ModuleNotFoundError: No module named 'nowhere_to_be_found'; "
        "mend the import"
    )
    for options in ((), ("--continue-on-collection-errors",)):
        assert refusal(tmp_path / str(len(options)), files, *workers, *options) == error


def test_many_collection_errors_are_counted(tmp_path: Path) -> None:
    broken = tuple(
        model.TestRecord(nodeid=f"tests/test_{number:02}.py", when="collect", outcome="failed", raised="")
        for number in range(12)
    )
    with pytest.raises(model.GateError) as caught:
        observed(tmp_path, a_run(records=broken, exit_status=2, interrupted=True))
    assert str(caught.value).count("collection-error: ") == 10
    assert str(caught.value).endswith("; and 2 more files that cannot be collected")


@BOTH
def test_items_that_a_hook_never_makes_are_an_error(tmp_path: Path, workers: tuple[str, ...]) -> None:
    hook = "def pytest_pycollect_makeitem(name):\n    return [] if name == 'test_a' else None\n"
    assert refusal(tmp_path, {**TWO, "tests/conftest.py": hook}, *workers).startswith(
        "uncollected-test: 1 tests that are written were never collected: tests/test_a.py::test_a; "
    )


def test_a_body_that_is_replaced_fails(tmp_path: Path) -> None:
    hook = """
        def pytest_collection_modifyitems(items):
            for item in items:
                item.obj = lambda: None
        """
    assert names(judged(tmp_path, {**FAILING, "conftest.py": hook})) == ["forged-outcome"]


def test_no_test_at_all_is_an_error_fo_22(tmp_path: Path) -> None:
    assert "pytest collected no test" in refusal(tmp_path, {"tests/conftest.py": ""})


@pytest.mark.parametrize(
    "body",
    [
        "@pytest.mark.skip(reason='needs PostgreSQL, see #12')\ndef test_a():\n    pass\n",
        "def test_a():\n    pytest.skip('needs PostgreSQL, see #12')\n",
        "def test_a():\n    pytest.xfail('needs PostgreSQL, see #12')\n",
        "@pytest.mark.xfail(strict=True, run=False, reason='needs Postgres, #12')\ndef test_a():\n    pass\n",
    ],
)
def test_every_test_skipped_is_an_error_fo_23(tmp_path: Path, body: str) -> None:
    text = refusal(tmp_path, {"tests/test_a.py": f"import pytest\n{body}"})
    assert text.startswith("no-test-executed: 1 collected, 1 reported, none executed; ")


def test_a_crashed_worker_is_an_error_fo_119(tmp_path: Path) -> None:
    files = {**GOOD, "tests/test_b.py": "import os\ndef test_b():\n    os._exit(0)\n"}
    text = refusal(tmp_path, files, "-n", "2")
    assert text.startswith("lost-worker: gw")
    assert "find the test that ends its process: tests/test_b.py::test_b" in text


def test_pytest_exit_in_a_worker_is_an_error_fo_121(tmp_path: Path) -> None:
    files = {**GOOD, "tests/test_b.py": "import pytest\ndef test_b():\n    pytest.exit('x', returncode=0)\n"}
    done = record(tmp_path, files, "-n", "2")
    with pytest.raises(model.GateError):
        gate.TestsGate().observe(Tree(root=tmp_path / "project", tests=done.run))


SKIPS = """
import unittest
import pytest

def test_fine():
    pass

@pytest.mark.skip
def test_0():
    pass

@pytest.mark.skip(reason="todo")
def test_1():
    pass

def test_2():
    pytest.skip()

def test_3():
    pytest.skip("notimplemented")

def test_4():
    pytest.importorskip("nowhere_to_be_found")

@pytest.mark.skipif("1 == 1")
def test_5():
    pass

class TestUnit(unittest.TestCase):
    @unittest.skip("")
    def test_6(self):
        pass
"""


@XDIST
def test_a_skip_without_a_reason_is_a_finding(tmp_path: Path, workers: tuple[str, ...]) -> None:
    files = {
        "tests/test_a.py": SKIPS,
        "tests/test_b.py": "import pytest\npytest.skip('wip', allow_module_level=True)\ndef test_b(): pass\n",
    }
    seen = judged(tmp_path, files, *workers)
    found = {f.anchor.rpartition("/")[2].rpartition("::")[2] for f in seen.findings}
    assert found == {*(f"test_{number}" for number in range(7)), "test_b.py"}
    assert set(names(seen)) == {"unexplained-skip"}
    assert seen.measures["skipped_unexplained"] == 8


def test_a_policy_can_accept_a_reason(tmp_path: Path) -> None:
    text = "import pytest\ndef test_a():\n    pytest.skip('wip')\ndef test_b():\n    pass\n"
    done = record(tmp_path, {"tests/test_a.py": text})
    settings = gate.TestsSettings(accepted_skip_reasons=("wi*",))
    tree = Tree(root=tmp_path / "project", tests=done.run, settings=settings)
    assert gate.TestsGate().observe(tree).findings == ()


XFAILS = """
import unittest
import pytest

def test_fine():
    pass

@pytest.mark.xfail
def test_0():
    assert 0

@pytest.mark.xfail(reason="rounding is wrong, see #13")
def test_1():
    pass

@pytest.mark.xfail(strict=True)
def test_2():
    assert 0

class TestUnit(unittest.TestCase):
    @unittest.expectedFailure
    def test_3(self):
        self.fail("x")
"""


@XDIST
def test_an_xfail_needs_strict_and_a_reason_fo_67(tmp_path: Path, workers: tuple[str, ...]) -> None:
    seen = judged(tmp_path, {"tests/test_a.py": XFAILS}, *workers)
    assert {(f.name, f.anchor.rpartition("::")[2]) for f in seen.findings} == {
        ("nonstrict-xfail", f"test_{number}") for number in range(4)
    }
    assert seen.measures["xfailed_nonstrict"] == 4


@XDIST
def test_a_rerun_does_not_turn_red_into_green_fo_49(tmp_path: Path, workers: tuple[str, ...]) -> None:
    text = """
        from pathlib import Path

        def test_flaky():
            mark = Path("mark")
            if not mark.exists():
                mark.touch()
                assert 0
        """
    seen = judged(tmp_path, {"tests/test_a.py": text}, *workers, "--reruns", "1", plugins=("rerunfailures",))
    assert names(seen) == ["flaky-test"]
    assert (seen.measures["flaky"], seen.measures["passed"]) == (1, 0)


MARKED = {
    "tests/test_a.py": """
        import pytest

        @pytest.mark.failhard_isolation_mock(reason="the card service charges real money")
        class TestErrors:
            pytestmark = pytest.mark.errors

            @pytest.mark.parametrize("number", [1, 2])
            def test_error(self, number):
                assert number

        @pytest.mark.validation
        def test_wrong():
            assert 0

        @pytest.mark.resume
        @pytest.mark.skip(reason="needs PostgreSQL, #12")
        def test_later():
            assert 0

        @pytest.mark.failhard_isolation_mock(reason="nobody runs this one")
        @pytest.mark.skip(reason="needs PostgreSQL, #12")
        def test_mocked():
            assert 0
        """,
    "tests/test_b.py": """
        import pytest

        pytestmark = [pytest.mark.end_to_end]

        def test_whole():
            assert 1 + 1 == 2
        """,
}


@XDIST
def test_of_each_demanded_kind_a_test_has_to_pass(tmp_path: Path, workers: tuple[str, ...]) -> None:
    done = record(tmp_path, MARKED, *workers, "-Wignore::pytest.PytestUnknownMarkWarning", measured=False)
    demanded = ("resume", "errors", "end_to_end", "validation", "imports")
    tree = Tree(root=tmp_path / "project", tests=done.run)
    plain = gate.TestsGate().observe(tree)
    seen = gate.TestsGate().observe(
        dataclasses.replace(tree, settings=gate.TestsSettings(required_markers=demanded))
    )
    added = [each for each in seen.findings if each not in plain.findings]
    assert [(each.rule, each.severity, each.message) for each in added] == [
        ("missing-category", model.Severity.HIGH, f"no test with the marker {name} passed")
        for name in ("imports", "resume", "validation")
    ]
    assert seen.measures["isolation_mocks"] == 2


FAILING = {"tests/test_a.py": "def test_a():\n    assert 0\n"}
PLAIN = {"tests/test_b.py": "def test_b():\n    pass\n"}
MAKEREPORT = """
    import pytest

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(item, call):
        report = yield
        if call.excinfo is None:
            return report
        report.outcome = "{}"
        report.longrepr = ("tests/test_a.py", 1, "Skipped: needs PostgreSQL, see #12")
        return report
    """
STATUS = "def pytest_sessionfinish(session):\n    session.exitstatus = 0\n"
UNCONFIGURE = "import os\ndef pytest_unconfigure(config):\n    os._exit(0)\n"
ATEXIT = "import atexit, os\natexit.register(lambda: os._exit(0))\n"
PROPERTY = "import pytest\npytest.TestReport.failed = property(lambda self: False)\n"
LOOP = """
    import pytest

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(session):
        result = yield
        session.testsfailed = 0
        return result
    """
FORGERIES = {
    "FO_53": (UNCONFIGURE, "exit-code-forged"),
    "FO_54": (ATEXIT, "exit-code-forged"),
    "FO_57": (STATUS, "exit-code-forged"),
    "FO_58": (
        STATUS.replace("sessionfinish(session)", "unconfigure(config)").replace(
            "session.exitstatus", "config.pluginmanager.getplugin('session').exitstatus"
        ),
        "exit-code-forged",
    ),
    "FO_59": (LOOP, "exit-code-forged"),
    "FO_60": (MAKEREPORT.format("passed"), "forged-outcome"),
    "FO_60_skipped": (MAKEREPORT.format("skipped"), "forged-outcome"),
    "FO_61": ("def pytest_pyfunc_call(pyfuncitem):\n    return True\n", "forged-outcome"),
    "FO_64": (PROPERTY, "exit-code-forged"),
}


@pytest.mark.parametrize("case", FORGERIES)
def test_a_forged_result_fails(tmp_path: Path, case: str) -> None:
    text, expected = FORGERIES[case]
    found = names(judged(tmp_path, {**FAILING, **PLAIN, "tests/conftest.py": text}))
    assert expected in found


@XDIST
def test_items_dropped_by_the_project_fail_fo_62(tmp_path: Path, workers: tuple[str, ...]) -> None:
    hook = (
        "def pytest_collection_modifyitems(items):\n    items[:] = [i for i in items if i.name != 'test_a']\n"
    )
    seen = judged(tmp_path, {**FAILING, **PLAIN, "tests/conftest.py": hook}, *workers)
    assert set(names(seen)) == {"dropped-test", "forged-outcome"}


@pytest.mark.parametrize(
    "hook",
    [
        "def pytest_ignore_collect(collection_path):\n  return collection_path.name == 'test_a.py' or None\n",
        "collect_ignore = ['test_a.py']\n",
        "collect_ignore_glob = ['*_a.py']\n",
    ],
)
def test_files_ignored_by_the_project_fail_fo_63(tmp_path: Path, hook: str) -> None:
    seen = judged(tmp_path, {**FAILING, **PLAIN, "tests/conftest.py": hook})
    assert names(seen) == ["uncollected-test"]
    assert [f.path for f in seen.findings if f.name == "uncollected-test"] == ["tests/test_a.py"]


def test_an_honest_hook_is_only_listed(tmp_path: Path) -> None:
    hook = """
        def pytest_collection_modifyitems(items):
            items.sort(key=lambda item: item.name)
        """
    seen = judged(tmp_path, {**GOOD, "tests/conftest.py": hook})
    assert [(f.name, f.severity, f.path, f.line, f.message) for f in seen.findings] == [
        (
            *("project-hook", model.Severity.LOW, "tests/conftest.py", 1),
            "tests/conftest.py implements pytest_collection_modifyitems",
        )
    ]


def a_run(**changes: object) -> model.TestRun:
    records = tuple(
        model.TestRecord(nodeid="tests/test_a.py::test_a", when=when, outcome="passed", raised="")
        for when in ("setup", "call", "teardown")
    )
    run = model.TestRun(
        collected=("tests/test_a.py::test_a",),
        selected=("tests/test_a.py::test_a",),
        deselected=(),
        records=records,
        hooks=(),
        lost_workers=(),
        exit_status=0,
        interrupted=False,
        inipath="",
        arguments=(),
        environment_options="",
        coverage_data=None,
    )
    return dataclasses.replace(run, **changes)  # type: ignore[arg-type]  # the caller names fields of a run


def observed(
    root: Path, run: model.TestRun, files: dict[str, str] = GOOD, level: int = 1
) -> model.Observation:
    write(root, files)
    return gate.TestsGate().observe(Tree(root=root, tests=run, level=level))


def test_a_result_that_arrives_twice_counts_once_fo_124(tmp_path: Path) -> None:
    run = a_run()
    seen = observed(tmp_path, dataclasses.replace(run, records=run.records * 2, collected=run.collected * 2))
    assert (seen.examined, seen.measures["passed"], seen.measures["collected"]) == (1, 1, 1)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"exit_status": 1}, "contradiction: pytest ended with exit status 1 and no record says what failed"),
        ({"exit_status": 2}, "pytest was interrupted (exit status 2)"),
        ({"exit_status": 3}, "pytest broke (exit status 3)"),
        ({"exit_status": 4}, "pytest was used wrongly (exit status 4)"),
        ({"exit_status": 5}, "pytest collected no test (exit status 5)"),
        ({"exit_status": 6}, "pytest counted more warnings than --max-warnings allows (exit status 6)"),
        ({"exit_status": -9}, "contradiction: the test process ended with exit status -9"),
        ({"interrupted": True}, "interrupted: the test run ended early"),
        ({"lost_workers": ("gw1",)}, "lost-worker: gw1 ended without a word"),
        ({"records": ()}, "unfinished-test: 1 collected tests not run to their end: tests/test_a.py::test_a"),
        ({"collected": (), "selected": (), "records": ()}, "uncollected-file: 1 test files never collected"),
        ({"selected": ()}, "dropped-test: 1 collected tests not run, because a plugin dropped them"),
    ],
)
def test_a_run_that_contradicts_itself_is_an_error(
    tmp_path: Path, changes: dict[str, object], text: str
) -> None:
    with pytest.raises(model.GateError) as caught:
        observed(tmp_path, a_run(**changes))
    assert str(caught.value).startswith(text)


def test_a_test_without_teardown_is_unfinished(tmp_path: Path) -> None:
    with pytest.raises(model.GateError, match="unfinished-test"):
        observed(tmp_path, a_run(records=a_run().records[:2]))


def test_a_long_list_is_cut_and_counted(tmp_path: Path) -> None:
    gone = tuple(f"tests/test_a.py::test_{number:02}" for number in range(25))
    with pytest.raises(model.GateError) as caught:
        observed(tmp_path, a_run(collected=("tests/test_a.py::test_a", *gone), deselected=gone))
    assert "deselected-test: 25 collected tests not run" in str(caught.value)
    assert "tests/test_a.py::test_09 and 15 more; " in str(caught.value)


@pytest.mark.parametrize(("level", "severity"), [(1, 1), (2, 1), (3, 3), (4, 3)])
def test_options_from_the_environment_fo_44(tmp_path: Path, level: int, severity: int) -> None:
    seen = observed(tmp_path, a_run(environment_options="-q"), level=level)
    assert [(f.name, f.severity, f.message) for f in seen.findings] == [
        ("environment-options", severity, "PYTEST_ADDOPTS was set: -q")
    ]


def test_an_unexpected_configuration_file_fails_fo_44(tmp_path: Path) -> None:
    seen = observed(tmp_path, a_run(inipath="/dev/null"), {**GOOD, "pytest.ini": "[pytest]\n"})
    assert [(f.name, f.message) for f in seen.findings] == [
        ("unexpected-pytest-config", "pytest read null, not pytest.ini")
    ]
    expected = observed(tmp_path, a_run(inipath=str(tmp_path / "pytest.ini")))
    assert expected.findings == ()


def test_a_shadowing_file_fails_and_is_inert_under_our_own_configuration_fo_43(tmp_path: Path) -> None:
    files = {**GOOD, "pytest.toml": "", "pyproject.toml": "[tool.pytest]\nstrict = true\n"}
    seen = observed(tmp_path, a_run(inipath=str(tmp_path / "pytest.toml")), files)
    assert [(f.rule, f.severity) for f in seen.findings] == [("FH707/shadowing-pytest-config", 3)]
    assert [f.severity for f in observed(tmp_path, a_run()).findings] == [1]


def test_a_hook_without_a_source_is_taken_to_forge(tmp_path: Path) -> None:
    hooks = (model.ProjectHook(hook="pytest_unconfigure", path="tests/test_a.py", line=0),)
    seen = observed(tmp_path, a_run(hooks=hooks))
    assert [(f.name, f.message) for f in seen.findings] == [
        ("forged-outcome", "tests/test_a.py implements pytest_unconfigure: its source is hidden")
    ]


@pytest.mark.parametrize(
    ("reason", "explained"),
    [
        *[("", False), ("skip", False), ("todo", False), ("not today", False), ("unexplained", False)],
        *[("unconditional skip", False), ("could not import 'x': No module named 'x'", False)],
        *[("needs PostgreSQL", True), ("reason: told so, see #1", True), ("reason: ", False)],
    ],
)
def test_a_reason_is_two_words_of_ten_characters(reason: str, explained: bool) -> None:
    assert results.is_explained(reason, ()) is explained


def test_the_gate_has_the_shape_of_a_gate() -> None:
    assert isinstance(gate.TestsGate(), model.PhasedGate)
    with pytest.raises(TypeError):
        gate.TestsGate().observe(Tree(root=Path(), tests=a_run(), settings=model.Settings()))
