"""The recorder on real pytest runs, plain and with two workers, honest and forging."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.recording import Recorded, record
from tests.size import FULL, some

FAILING = {"test_a.py": "def test_bad():\n    assert 1 == 2\n"}
MIXED = {
    "test_a.py": """
        import unittest

        import pytest

        def test_good():
            pass

        def test_bad():
            value = 1
            assert value == 2, "one is not two"

        @pytest.mark.parametrize("number", [1, 2])
        def test_many(number):
            pass

        @pytest.mark.skip(reason="needs PostgreSQL, #12")
        def test_skipped():
            pass

        @pytest.mark.xfail(strict=True, reason="known defect, #13")
        def test_strict():
            raise ValueError

        @pytest.mark.xfail
        def test_lax():
            raise ValueError

        def test_imperative():
            pytest.xfail("told so")

        @pytest.fixture
        def broken():
            raise OSError("no disk")

        def test_setup(broken):
            pass

        class TestUnit(unittest.TestCase):
            def test_unit(self):
                self.assertEqual(1, 1)

            @unittest.expectedFailure
            def test_expected(self):
                self.fail("as expected")
        """
}
WORKERS = "2" if FULL else "1"
BOTH = pytest.mark.parametrize("workers", [(), ("-n", WORKERS)], ids=["plain", "xdist"])
XDIST = pytest.mark.parametrize("workers", some({"plain": (), "xdist": ("-n", WORKERS)}, "plain").values())
"""Where what xdist changes is told by the tests of both."""


def hook(body: str) -> dict[str, str]:
    return {**FAILING, "conftest.py": f"import os\nimport pytest\n{body}"}


@BOTH
def test_outcomes_exceptions_and_reasons(tmp_path: Path, workers: tuple[str, ...]) -> None:
    done = record(tmp_path, MIXED, *workers)
    run = done.run
    assert done.returncode == 1
    assert set(run.collected) == set(run.selected) == {f"test_a.py::{name}" for name in run_names()}
    calls = {r.nodeid.rpartition("::")[2]: r for r in run.records if r.when == "call"}
    bad = calls["test_bad"]
    assert (bad.outcome, bad.raised, bad.path, bad.line) == ("failed", "AssertionError", "test_a.py", 10)
    assert bad.message.startswith("AssertionError: one is not two")
    assert (calls["test_good"].outcome, calls["test_good"].raised) == ("passed", "")
    strict, lax, told = calls["test_strict"], calls["test_lax"], calls["test_imperative"]
    assert (strict.outcome, strict.raised, strict.xfail, strict.xfail_strict) == (
        *("skipped", "ValueError"),
        *(True, True),
    )
    assert (lax.xfail, lax.xfail_strict, told.xfail, told.xfail_strict) == (True, False, True, False)
    assert calls["test_expected"].xfail
    setups = {r.nodeid.rpartition("::")[2]: r for r in run.records if r.when == "setup"}
    assert (setups["test_skipped"].outcome, setups["test_skipped"].reason) == (
        *("skipped", "needs PostgreSQL, #12"),
    )
    assert (setups["test_setup"].outcome, setups["test_setup"].raised) == ("failed", "OSError")
    assert not run.hooks
    assert not run.lost_workers
    assert not run.interrupted


def run_names() -> list[str]:
    plain = ["test_good", "test_bad", "test_many[1]", "test_many[2]", "test_skipped", "test_strict"]
    return [
        *plain,
        "test_lax",
        "test_imperative",
        "test_setup",
        "TestUnit::test_unit",
        "TestUnit::test_expected",
    ]


@XDIST
def test_strict_can_come_from_the_configuration(tmp_path: Path, workers: tuple[str, ...]) -> None:
    files = {
        "pytest.ini": "[pytest]\nxfail_strict = true\n",
        "test_a.py": "import pytest\n@pytest.mark.xfail(reason='#1')\ndef test_x():\n    assert 0\n",
    }
    done = record(tmp_path, files, *workers)
    assert [r.xfail_strict for r in done.run.records if r.when == "call"] == [True]
    assert done.run.inipath.endswith("pytest.ini")


@XDIST
def test_deselected_tests_stay_in_the_manifest_fo_40(tmp_path: Path, workers: tuple[str, ...]) -> None:
    run = record(tmp_path, MIXED, *workers, "--deselect", "test_a.py::test_bad").run
    assert run.deselected == ("test_a.py::test_bad",)
    assert "test_a.py::test_bad" in run.collected
    assert "test_a.py::test_bad" not in run.selected


@XDIST
def test_a_keyword_selection_deselects_fo_39(tmp_path: Path, workers: tuple[str, ...]) -> None:
    run = record(tmp_path, MIXED, *workers, "-k", "good").run
    assert run.selected == ("test_a.py::test_good",)
    assert len(run.deselected) == len(run.collected) - 1


@BOTH
def test_an_early_end_leaves_selected_tests_without_result_fo_32(
    tmp_path: Path, workers: tuple[str, ...]
) -> None:
    run = record(tmp_path, {"test_a.py": "def test_0():\n    assert 0\n" + many(30)}, *workers, "-x").run
    assert len(run.selected) == 31
    assert len({r.nodeid for r in run.records}) < 31


def many(number: int) -> str:
    return "".join(f"def test_{index}():\n    pass\n" for index in range(1, number + 1))


@BOTH
def test_a_collection_error_is_recorded_once_fo_42(tmp_path: Path, workers: tuple[str, ...]) -> None:
    done = record(tmp_path, {**FAILING, "test_b.py": "import nowhere_to_be_found\n"}, *workers)
    collected = [r for r in done.run.records if r.when == "collect"]
    assert {(r.nodeid, r.outcome) for r in collected} == {("test_a.py", "passed"), ("test_b.py", "failed")}
    assert len(collected) == 2
    assert (
        next(r for r in collected if r.outcome == "failed").message
        == "ModuleNotFoundError: No module named 'nowhere_to_be_found'"
    )
    assert done.returncode in {1, 2}


@XDIST
def test_a_module_that_skips_itself_is_recorded_with_its_reason(
    tmp_path: Path, workers: tuple[str, ...]
) -> None:
    files = {**FAILING, "test_b.py": "import pytest\npytest.skip('todo', allow_module_level=True)\n"}
    collected = [r for r in record(tmp_path, files, *workers).run.records if r.when == "collect"]
    assert sorted((r.nodeid, r.outcome, r.reason) for r in collected) == [
        ("test_a.py", "passed", ""),
        ("test_b.py", "skipped", "todo"),
    ]


@XDIST
def test_a_failed_subtest_is_a_failed_record(tmp_path: Path, workers: tuple[str, ...]) -> None:
    files = {
        "test_a.py": """
            import unittest

            def test_core(subtests):
                for number in range(3):
                    with subtests.test(number=number):
                        assert number != 1

            class TestUnit(unittest.TestCase):
                def test_unit(self):
                    for number in range(3):
                        with self.subTest(number=number):
                            self.assertNotEqual(number, 1)
            """
    }
    done = record(tmp_path, files, *workers)
    failed = [r for r in done.run.records if r.outcome == "failed" and r.raised == "AssertionError"]
    assert {r.nodeid.rpartition("::")[2] for r in failed} == {"test_core", "test_unit"}
    assert done.returncode == 1


@BOTH
def test_reruns_are_recorded_fo_49(tmp_path: Path, workers: tuple[str, ...]) -> None:
    files = {
        "test_a.py": """
            from pathlib import Path

            def test_flaky():
                mark = Path("mark")
                if not mark.exists():
                    mark.touch()
                    assert 0
            """
    }
    done = record(tmp_path, files, *workers, "--reruns", "1", plugins=("rerunfailures",))
    assert [r.outcome for r in done.run.records if r.when == "call"] == ["rerun", "passed"]
    assert done.returncode == 0


def test_a_crashed_worker_is_lost_fo_119(tmp_path: Path) -> None:
    files = {"test_a.py": "import os\ndef test_end():\n    os._exit(0)\n" + many(3)}
    done = record(tmp_path, files, "-n", "2")
    assert len(done.run.lost_workers) == 1
    crashed = [r for r in done.run.records if r.when == "???"]
    assert [(r.nodeid, r.outcome, r.raised) for r in crashed] == [
        ("test_a.py::test_end", "failed", "<unrecorded>")
    ]


def test_pytest_exit_in_a_worker_ends_the_run_early_fo_121(tmp_path: Path) -> None:
    files = {"test_a.py": "import pytest\ndef test_end():\n    pytest.exit('x', returncode=0)\n" + many(3)}
    done = record(tmp_path, files, "-n", "2")
    assert (done.returncode, done.run.interrupted) == (3, True)
    assert "call" not in {r.when for r in done.run.records if r.nodeid == "test_a.py::test_end"}


def test_all_workers_that_die_at_start_prove_nothing_fo_120(tmp_path: Path) -> None:
    files = {
        **FAILING,
        "conftest.py": "import os, sys\nif 'xdist.remote' in str(sys.argv) or "
        "os.environ.get('PYTEST_XDIST_WORKER'):\n    os._exit(0)\n",
    }
    done = record(tmp_path, files, "-n", "2", "--max-worker-restart", "1")
    assert done.returncode != 0
    assert done.run.lost_workers
    assert not done.run.selected


@pytest.mark.parametrize(
    "where",
    ["import os\ndef test_end():\n    os._exit(0)\n", "import os\nos._exit(0)\n"],
    ids=["test", "import"],
)
def test_a_process_that_ends_itself_leaves_no_sealed_result_fo_51(tmp_path: Path, where: str) -> None:
    done = record(tmp_path, {"test_a.py": where})
    assert done.returncode == 0
    assert b'"final"' not in done.data


OUTCOME = """
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    report = yield
    report.outcome = "passed"
    return report
"""
REPLACED = """
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    old = yield
    return pytest.TestReport(nodeid=old.nodeid, location=old.location, keywords={}, outcome="passed",
                             longrepr=None, when=old.when)
"""
PROPERTY = "pytest.TestReport.failed = property(lambda self: False)\n"
STATUS = "def pytest_sessionfinish(session):\n    session.exitstatus = 0\n"
UNCONFIGURE = """
import atexit
def pytest_unconfigure(config):
    atexit.register(lambda: os._exit(0))
"""
LOOP = """
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session):
    result = yield
    session.testsfailed = 0
    return result
"""


@XDIST
@pytest.mark.parametrize("forgery", [OUTCOME, REPLACED], ids=["FO_60", "replaced"])
def test_a_turned_outcome_stands_beside_what_was_raised(
    tmp_path: Path, forgery: str, workers: tuple[str, ...]
) -> None:
    done = record(tmp_path, hook(forgery), *workers)
    call = next(r for r in done.run.records if r.when == "call")
    assert done.returncode == 0
    assert call.outcome == "passed"
    assert call.raised in {"AssertionError", "<unrecorded>"}
    assert [(h.hook, h.path) for h in done.run.hooks] == [("pytest_runtest_makereport", "conftest.py")]


@pytest.mark.parametrize(
    "forgery", [PROPERTY, STATUS, UNCONFIGURE, LOOP], ids=["FO_64", "FO_57", "FO_54", "FO_59"]
)
def test_a_failure_stays_recorded_whatever_the_exit_code_says(tmp_path: Path, forgery: str) -> None:
    done = record(tmp_path, hook(forgery))
    assert done.returncode == 0
    assert done.outcomes() == {"test_bad": "failed"}


@XDIST
def test_a_body_that_never_ran_shows_by_its_hook_fo_61(tmp_path: Path, workers: tuple[str, ...]) -> None:
    done = record(tmp_path, hook("def pytest_pyfunc_call(pyfuncitem):\n    return True\n"), *workers)
    assert done.outcomes() == {"test_bad": "passed"}
    assert [(h.hook, h.path, h.line) for h in done.run.hooks] == [("pytest_pyfunc_call", "conftest.py", 3)]


@XDIST
def test_dropped_items_stay_in_the_manifest_fo_62(tmp_path: Path, workers: tuple[str, ...]) -> None:
    files = hook(
        "def pytest_collection_modifyitems(items):\n  items[:] = [i for i in items if 'bad' not in i.name]\n"
    )
    run = record(tmp_path, {**files, "test_b.py": "def test_fine():\n    pass\n"}, *workers).run
    assert set(run.collected) == {"test_a.py::test_bad", "test_b.py::test_fine"}
    assert run.selected == ("test_b.py::test_fine",)
    assert not run.deselected


def test_an_ignored_file_shows_by_its_hook_fo_63(tmp_path: Path) -> None:
    files = hook(
        "def pytest_ignore_collect(collection_path):\n  return collection_path.name == 'test_a.py' or None\n"
    )
    run = record(tmp_path, {**files, "test_b.py": "def test_fine():\n    pass\n"}).run
    assert run.collected == ("test_b.py::test_fine",)
    assert [h.hook for h in run.hooks] == ["pytest_ignore_collect"]


@pytest.mark.parametrize(
    "body", ["def test_x():\n    return False\n", "async def test_x():\n    pass\n"], ids=["FO_66", "FO_68"]
)
def test_a_body_that_asserts_nothing_fails(tmp_path: Path, body: str) -> None:
    done = record(tmp_path, {"test_a.py": body})
    assert done.outcomes() == {"test_x": "failed"}


def test_a_hook_compiled_from_text_is_named_by_its_module(tmp_path: Path) -> None:
    text = "exec(compile('def pytest_pyfunc_call(pyfuncitem): return True', 'nowhere', 'exec'))\n"
    done: Recorded = record(tmp_path, hook(text))
    assert [(h.hook, h.path, h.line) for h in done.run.hooks] == [("pytest_pyfunc_call", "conftest.py", 0)]
