"""Coverage: exact shares over every product file, from data of our own measurement alone."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from textwrap import dedent

import coverage
import pytest

from pytest_failhard import model
from pytest_failhard.gates.coverage import CoverageGate, measured, sheets
from pytest_failhard.measurement import rcfile_text
from pytest_failhard.model import Base, GateError, Memory, Observation
from pytest_failhard.source import files
from tests.conftest import Script
from tests.measuring import WIRING, environment
from tests.size import FULL
from tests.support import WITHOUT_OTHERS, Kept, gate_run, write

OTHERS = ("-p", "no:cacheprovider", *WITHOUT_OTHERS)


@dataclass(frozen=True)
class Changed:
    """A base with nothing but changed lines."""

    lines: Mapping[str, frozenset[int]]
    commit: str = "0" * 40
    chosen: str = "first parent of HEAD"

    def read(self, path: str) -> bytes | None:
        return b"" if path in self.lines else None

    def differing(self) -> frozenset[str]:
        return frozenset()

    def changed_lines(self) -> Mapping[str, frozenset[int]]:
        return self.lines


@dataclass
class Case:
    """A project on disk, data files beside it, and what a gate kept."""

    root: Path
    data: Path
    kept: Kept = field(default_factory=Kept)
    left: bytes | None = None
    """What the gate left, for its next run."""

    def files(self, **files: str) -> None:
        """Write product modules, dedented."""
        write(self.root, {f"app/{name}.py": dedent(text) for name, text in files.items()})

    def ran(self, name: str, lines: Iterable[int], file: str = "data.one") -> None:
        """Leave data that says these lines ran, one after the other."""
        found = coverage.CoverageData(basename=str(self.data / file))
        found.read()
        order = [-1, *lines, -1]
        found.add_arcs({str(self.root / "app" / f"{name}.py"): list(itertools.pairwise(order))})
        found.close()

    def tested(self, *arguments: str) -> str:
        """Run pytest as the plugin does, with nothing of it but the measurement."""
        rcfile = self.data.parent / "rcfile"
        rcfile.write_text(rcfile_text(self.root, ["app"], (), self.data), "utf-8")
        wiring = write(self.data.parent / "wiring", {"wiring.py": WIRING})
        variables = environment(PYTHONPATH=str(wiring), MEASUREMENT_RCFILE=str(rcfile))
        command = [sys.executable, "-m", "pytest", *OTHERS, "-p", "wiring", *arguments]
        done = subprocess.run(
            command, cwd=self.root, env=variables, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def observe(
        self,
        *,
        base: Base | None = None,
        lost: tuple[str, ...] = (),
        data: bool = True,
        executable: Path = Path(sys.executable),
        seconds: float = 120,
        meanwhile: Callable[[], object] = lambda: None,
    ) -> Observation:
        """Let the gate observe the run; `meanwhile` something happens while the tests run."""
        gate = CoverageGate()
        test_run = model.TestRun(
            collected=(),
            selected=(),
            deselected=(),
            records=(),
            hooks=(),
            lost_workers=lost,
            exit_status=0,
            interrupted=False,
            inipath="",
            arguments=(),
            environment_options="",
            coverage_data=self.data if data else None,
        )
        self.kept.files.clear()
        files.look_up.cache_clear()
        files.parsed.cache_clear()
        files.unreadable.cache_clear()
        run = gate_run(
            self.root,
            gate,
            tests=("tests",) if (self.root / "tests").exists() else (),
            base=base,
            keep=self.kept,
            test_run=test_run,
            memory=Memory(earlier=self.left),
            executable=executable,
            seconds=seconds,
        )
        rest = gate.begin(run)
        meanwhile()
        observation = rest(run)
        self.left = run.memory.left
        return observation

    def refused(self, **arguments: object) -> str:
        """Return the message of the gate's error."""
        with pytest.raises(GateError) as caught:
            self.observe(**arguments)  # type: ignore[arg-type]  # the arguments of each case differ
        return str(caught.value)

    def asked(self) -> set[str]:
        """Return the files of which coverage was asked in the last run."""
        commands = [json.loads(data) for name, data in self.kept.files.items() if name.endswith("-1.json")]
        commands += [json.loads(data) for name, data in self.kept.files.items() if name.endswith("-2.json")]
        return {Path(word).stem for each in commands for word in each["argv"] if word.endswith(".py")}

    def evidence(self) -> dict[str, dict[str, object]]:
        document: dict[str, dict[str, object]] = json.loads(self.kept.files["coverage.json"])
        return document


@pytest.fixture
def case(tmp_path: Path) -> Case:
    data = tmp_path / "data"
    data.mkdir()
    root = tmp_path / "project"
    root.mkdir()
    return Case(root, data)


def texts(observation: Observation, rule: str) -> list[tuple[str, str]]:
    return [(item.path, item.message) for item in observation.findings if item.rule == rule]


@pytest.mark.parametrize(
    ("covered", "total", "exact"),
    [
        (79, 100, Fraction(79)),
        (80, 100, Fraction(80)),
        (81, 100, Fraction(81)),
        (3987, 5000, Fraction(7974, 100)),
        *([(7999, 10000, Fraction(7999, 100))] if FULL else []),
        (1, 3, Fraction(100, 3)),
        (2999, 3000, Fraction(299900, 3000)),
    ],
)
def test_percent_is_exact_fo_01(case: Case, covered: int, total: int, exact: Fraction) -> None:
    case.files(m="x = 1\n" * total)
    case.ran("m", range(1, covered + 1))
    observation = case.observe()
    assert observation.measures["line_percent"] == exact
    assert observation.measures["statements"] == observation.examined == total


def test_shown_percent_never_looks_better(case: Case) -> None:
    # The fewest of which all but one are 100.00 percent when rounded.
    case.files(m="x = 1\n" * 20001)
    case.ran("m", range(1, 20001))
    assert texts(case.observe(), "uncovered-file") == [
        ("app/m.py", "1 of 20001 lines not run (99.99 % run): 20001")
    ]


def test_worst_file_first_with_ranges_and_a_fingerprint_without_numbers(case: Case) -> None:
    case.files(a="x = 1\n" * 5, b="x = 1\n\nx = 1\nx = 1\nx = 1\nx = 1\n", c="x = 1\n")
    case.ran("a", [1, 2, 3, 4])
    case.ran("b", [5])
    case.ran("c", [1])
    observation = case.observe()
    assert texts(observation, "uncovered-file") == [
        ("app/b.py", "4 of 5 lines not run (20.00 % run): 1-4, 6"),
        ("app/a.py", "1 of 5 lines not run (80.00 % run): 5"),
    ]
    first = observation.findings[0].fingerprint
    case.ran("b", [6])
    assert case.observe().findings[0].fingerprint == first


def test_file_that_nobody_imported_counts_with_all_its_lines(case: Case) -> None:
    case.files(a="x = 1\n", never="x = 1\ny = 2\nz = 3\n")
    case.ran("a", [1])
    observation = case.observe()
    assert observation.measures["line_percent"] == 25
    assert texts(observation, "uncovered-file") == [
        ("app/never.py", "3 of 3 lines not run (0.00 % run): 1-3")
    ]


def test_files_without_statements_are_fine(case: Case) -> None:
    case.files(__init__="", doc='"""Only words."""\n', a="x = 1\n")
    case.ran("a", [1])
    assert case.observe().measures["line_percent"] == 100


def test_nothing_to_examine_fo_05(case: Case) -> None:
    case.files(__init__="", doc='"""Only words."""\n')
    case.ran("doc", [1])
    assert case.refused() == (
        "app: no executable statement in 2 product files; correct `source` in [tool.failhard]"
    )


def test_no_data_fo_03_fo_04(case: Case) -> None:
    case.files(a="x = 1\n")
    assert case.refused() == (
        "no coverage data: the test run ended before it was written; see the tests gate"
    )
    assert case.refused(data=False) == "no coverage was measured; let pytest-failhard start the tests"


def test_lost_worker_fo_119(case: Case) -> None:
    case.files(a="x = 1\n")
    case.ran("a", [1])
    assert case.refused(lost=("gw1", "gw0")) == (
        "the coverage data is partial: gw0, gw1 died; repair the test that ends its process"
    )


@pytest.mark.parametrize("content", [b"no database", b"SQLite format 3\0"])
def test_damaged_data_file(case: Case, content: bytes) -> None:
    case.files(a="x = 1\n")
    case.ran("a", [1])
    (case.data / "data.two").write_bytes(content)
    assert case.refused() == "coverage data file data.two is damaged; run the tests again"


@pytest.mark.parametrize("page", range(1, 12))
def test_data_of_one_process_that_are_damaged_inside_are_an_error(case: Case, page: int) -> None:
    case.files(a="x = 1\n")
    case.ran("a", [1])
    (only,) = case.data.iterdir()
    data = bytearray(only.read_bytes())
    data[page * 4096 : (page + 1) * 4096] = b"\xff" * 4096
    only.write_bytes(data)
    assert "damaged" in case.refused()


def test_a_process_that_was_killed_while_it_wrote_counts_as_if_it_ran_nothing(case: Case) -> None:
    case.files(a="x = 1\n")
    (case.data / "data.two").touch()
    assert case.refused() == (
        "no coverage data: the test run ended before it was written; see the tests gate"
    )
    case.ran("a", [1])
    assert case.observe().measures["line_percent"] == 100


def test_what_any_process_ran_counts(case: Case) -> None:
    case.files(a="x = 1\n", b="x = 1\n", c="x = 1\n")
    for module, file in (("a", "data.one"), ("b", "data.two"), ("c", "data.three")):
        case.ran(module, [1], file)
    assert case.observe().measures["line_percent"] == 100


@pytest.mark.parametrize("files", [["data.one"], ["data.one", "data.two"]])
def test_data_that_say_nothing_ran_prove_nothing_fo_04(case: Case, files: list[str]) -> None:
    case.files(a="x = 1\n")
    for file in files:
        found = coverage.CoverageData(basename=str(case.data / file))
        found.add_arcs({})
        found.close()
    assert case.refused() == (
        "the coverage data says that nothing of the product ran: a test or a conftest stopped the measuring, "
        "or none of them imports the product; find which"
    )


def test_data_without_branches_is_not_ours(case: Case) -> None:
    case.files(a="x = 1\n")
    found = coverage.CoverageData(basename=str(case.data / "data.one"))
    found.add_lines({str(case.root / "app" / "a.py"): [1]})
    found.close()
    assert case.refused() == ("the coverage data holds no branches: it is not of our measurement; run again")


def test_unreadable_product_file(case: Case) -> None:
    case.files(a="x = (\n")
    case.ran("a", [1])
    assert case.refused().startswith("unreadable-source: app/a.py:1: does not parse")


def test_the_given_data_is_left_as_it_was(case: Case) -> None:
    case.files(a="x = 1\n")
    case.ran("a", [1])
    before = (case.data / "data.one").read_bytes()
    case.observe()
    assert [path.name for path in case.data.iterdir()] == ["data.one"]
    assert (case.data / "data.one").read_bytes() == before


def test_pragmas_exclude_nothing_and_are_counted_fo_05(case: Case) -> None:
    text = """\
        def f():  # pragma: no cover
            return 1


        if f:  # pragma: no branch
            x = "# pragma: no cover"
        """
    case.files(a=text)
    case.ran("a", [1, 5, 6])
    observation = case.observe()
    assert observation.measures["line_percent"] == 75
    assert observation.measures["branch_percent"] == 50
    assert observation.measures["no_cover_pragmas"] == 1


def test_declarations_stand_outside_the_count(case: Case) -> None:
    text = '''\
        from typing import TYPE_CHECKING, Protocol

        if TYPE_CHECKING:
            import os
            import sys


        class Shape(Protocol):
            def area(self) -> int:
                """Say how big."""
                ...

            def name(self) -> str: ...


        def later(flag):
            if flag:
                raise NotImplementedError("later")
            return 1
        '''
    case.files(a=text)
    case.ran("a", [1, 3, 8, 9, 13, 16, 17, 19])
    observation = case.observe()
    assert texts(observation, "uncovered-file") == []
    assert observation.measures["branch_percent"] == 100
    assert observation.measures["statements"] == 7


@pytest.mark.parametrize(
    "text",
    [
        "TYPE_CHECKING = True\nif TYPE_CHECKING:\n    x = 1\n",
        "from typing import TYPE_CHECKING\nif not TYPE_CHECKING:\n    x = 1\n",
        "y = 1\nif y:  # if TYPE_CHECKING:\n    x = 1\n",
        "y = 1\ndef f():  # @overload\n    x = 1\n",
        "y = 1\nif '''\nif TYPE_CHECKING:\n''':\n    x = 1\n",
    ],
)
def test_nothing_imitates_a_declaration(case: Case, text: str) -> None:
    case.files(a=text)
    case.ran("a", [1, 2])
    assert case.observe().measures["line_percent"] < 100


def test_branches(case: Case) -> None:
    case.files(a="def f(x):\n    if x:\n        x = 1\n    return x\n")
    case.ran("a", [1, 2, 3, 4])
    observation = case.observe()
    assert observation.measures["line_percent"] == 100
    assert observation.measures["branch_percent"] == 50


def test_except_lines(case: Case) -> None:
    text = """\
        try:
            x = 1
        except OSError:
            x = 2
            x = 3
        except ValueError:
            x = 4
        """
    case.files(a=text)
    case.ran("a", [1, 2, 6, 7])
    observation = case.observe()
    assert observation.measures["except_line_percent"] == Fraction(100, 3)
    assert texts(observation, "uncovered-except") == [
        ("app/a.py", "2 of 3 lines in `except` bodies not run (33.33 % run): 4-5")
    ]


def test_changed_lines_are_a_set_of_their_own_fo_07_fo_08(case: Case) -> None:
    case.files(a="x = 1\n" * 99 + "y = 1\n", new="x = (\n    1,\n)\n\n# words\n")
    case.ran("a", range(1, 100))
    changed = {"app/a.py": frozenset({1, 100}), "app/new.py": frozenset({2, 5}), "README.md": frozenset({1})}
    observation = case.observe(base=Changed(changed))
    assert observation.measures["changed_line_percent"] == Fraction(100, 3)
    assert texts(observation, "uncovered-changed-lines") == [
        ("app/a.py", "1 of 2 changed lines not run (50.00 % run): 100"),
        ("app/new.py", "1 of 1 changed lines not run (0.00 % run): 1"),
    ]


def test_changed_lines_under_a_pragma_are_uncovered_fo_06(case: Case) -> None:
    case.files(a="x = 1\nif x > 1:  # pragma: no cover\n    x = 2\n")
    case.ran("a", [1, 2])
    observation = case.observe(base=Changed({"app/a.py": frozenset({2, 3})}))
    assert observation.measures["changed_line_percent"] == 50
    assert observation.measures["changed_branch_percent"] == 50


def test_nothing_changed_is_complete_and_said(case: Case) -> None:
    case.files(a="x = 1\n")
    case.ran("a", [1])
    observation = case.observe(base=Changed({}))
    assert observation.measures["changed_line_percent"] == 100
    assert case.evidence()["facts"] == {
        "base": "first parent of HEAD",
        "branch_percent": "0 of 0 counts as 100",
        "changed_branch_percent": "0 of 0 counts as 100",
        "changed_line_percent": "0 of 0 counts as 100",
        "except_line_percent": "0 of 0 counts as 100",
    }


def test_without_base_the_changed_measures_are_absent_and_the_reason_is_said(case: Case) -> None:
    case.files(a="x = 1\n")
    case.ran("a", [1])
    assert not [name for name in case.observe().measures if name.startswith("changed")]
    assert case.evidence()["facts"]["changed_line_percent"] == "not measured: no base in this test"


def test_linked_folder_is_counted_once_under_its_product_path(case: Case) -> None:
    case.files(a="x = 1\n")
    write(case.root, {"real/b.py": "x = 1\nx = 2\n"})
    (case.root / "app" / "link.py").symlink_to("../real/b.py")
    (case.root / "app" / "twice.py").symlink_to("../real/b.py")
    case.ran("../real/b", [1])
    found = coverage.CoverageData(basename=str(case.data / "data.two"))
    found.add_arcs({str(case.root / "real" / "b.py"): [(-1, 1)]})
    found.close()
    observation = case.observe(base=Changed({"real/b.py": frozenset({2})}))
    assert observation.examined == 3
    assert texts(observation, "uncovered-changed-lines") == [
        ("app/link.py", "1 of 1 changed lines not run (0.00 % run): 2")
    ]


def test_evidence_is_the_same_wherever_and_whenever(case: Case) -> None:
    case.files(a="x = 1\nx = 2\n")
    case.ran("a", [1])
    case.observe()
    assert str(case.root) not in case.kept.files["coverage.json"].decode()
    evidence = case.evidence()
    assert evidence["counts"]["line_percent"] == "1/2"
    assert evidence["files"]["app/a.py"] == {
        "branches": 0,
        "changed_lines": [],
        "except_lines": [],
        "missing_branches": [],
        "missing_lines": [2],
        "statements": [1, 2],
    }


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["plain", "two workers"])
def test_real_run(case: Case, workers: tuple[str, ...]) -> None:
    """The project's configuration is powerless; processes that tests start count."""
    case.files(
        __init__="",
        run="def half(x):\n    if x:\n        return 1\n    return 2\n",
        tool="import sys\n\nif len(sys.argv) > 1:\n    x = 1\n",
        never="x = 1\n",
    )
    tests = """\
        import os, subprocess, sys

        from app.run import half


        def test_half():
            assert half(True) == 1


        def test_tool():
            subprocess.run([sys.executable, "-I", "app/tool.py"], check=True)


        def test_fork():
            if child := os.fork():
                assert os.waitpid(child, 0)[1] == 0
            else:
                half(False)
                os._exit(0)
        """
    omit = "[run]\nomit = *\nbranch = false\n[report]\nexclude_lines = .\n"
    write(case.root, {"test_all.py": dedent(tests), ".coveragerc": omit, "setup.cfg": omit})
    case.tested("--cov=app", *workers)
    observation = case.observe()
    assert texts(observation, "uncovered-file") == [
        ("app/never.py", "1 of 1 lines not run (0.00 % run): 1"),
        ("app/tool.py", "1 of 3 lines not run (66.66 % run): 4"),
    ]
    assert observation.measures["line_percent"] == Fraction(600, 8)
    assert observation.measures["branch_percent"] == Fraction(300, 4)


def test_a_path_that_looks_like_a_pattern_is_a_path(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    case = Case(root=tmp_path / "pro[j]ect ]***", data=tmp_path / "data")
    case.files(a="x = 1\ny = 2\n")
    case.ran("a", [1])
    assert case.observe().measures["line_percent"] == 50


def test_a_product_of_which_only_data_is_left_is_an_error(case: Case) -> None:
    write(case.root, {"app/test_a.py": "def test_a():\n    pass\n"})
    case.ran("gone", [1])
    assert case.refused() == (
        "app: no executable statement in 0 product files; correct `source` in [tool.failhard]"
    )


def test_what_is_known_of_a_file_holds_for_the_same_bytes_of_which_the_same_ran(case: Case) -> None:
    text = "if 1:  # pragma: no cover\n    x = (\n        1,\n    )\ntry:\n    y = 1\nexcept OSError:\n    y = 2\n"
    case.files(a=text, b="x = 1\nx = 2\n", never="x = 1\n")
    write(case.root, {"tests/test_a.py": "def test_a():\n    pass\n"})
    for name, lines in (("a", [1, 2, 5, 6]), ("b", [1])):
        case.ran(name, lines)
    changed = {"app/a.py": frozenset({3}), "app/b.py": frozenset({2})}
    first = case.observe(base=Changed(changed))
    assert case.asked() == {"a", "b", "never"}
    evidence = case.evidence()
    assert case.observe(base=Changed(changed)) == first
    assert (case.asked(), case.evidence()) == (set(), evidence)
    # What was changed since the base is no part of it.
    assert case.observe(base=Changed({})).measures["changed_line_percent"] == 100
    assert case.asked() == set()
    case.ran("b", [1, 2])
    again = case.observe(base=Changed(changed))
    assert case.asked() == {"b"}
    assert again.measures["changed_line_percent"] == 100
    case.files(never="y = 1\n")
    case.observe()
    assert case.asked() == {"never"}
    case.left = None
    assert case.observe(base=Changed(changed)) == again
    assert case.asked() == {"a", "b", "never"}


def test_a_file_that_was_another_one_while_it_was_read_is_judged_as_it_is(case: Case) -> None:
    case.files(a="x = 1\n")
    case.ran("a", [1])
    assert case.observe().measures["line_percent"] == 100
    # What an earlier run knows of the shorter file must not hold for the longer one.
    observation = case.observe(meanwhile=lambda: case.files(a="x = 1\ny = 2\n"))
    assert observation.measures["line_percent"] == 50


def test_a_known_test_file_that_parses_no_more_is_an_error(case: Case) -> None:
    case.files(a="x = 1\n")
    case.ran("a", [1])
    write(case.root, {"tests/test_a.py": "def test_a():\n    pass\n"})
    case.observe()
    write(case.root, {"tests/test_a.py": "def test_a(:\n    pass\n"})
    assert case.refused().startswith("unreadable-source: tests/test_a.py")


@pytest.mark.parametrize("path", ["app/empty.py", "tests/test_empty.py"])
def test_what_was_empty_and_cannot_be_read_now_is_an_error(case: Case, path: str) -> None:
    case.files(a="x = 1\n")
    case.ran("a", [1])
    write(case.root, {"app/empty.py": "", "tests/test_empty.py": ""})
    case.observe()
    (case.root / path).unlink()
    (case.root / path).symlink_to("gone")
    assert case.refused().startswith(f"unreadable-source: {path}: cannot be read")


def test_a_file_that_changes_while_coverage_reads_it_is_not_known_later(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    case.files(a="x = 1\n", b="x = 1\n")
    case.ran("a", [1])
    report = measured.Measured.report

    def slow(self: measured.Measured, places: Iterable[Path]) -> Mapping[str, object]:
        case.files(b="x = 1\nx = 2\n")
        found = report(self, places)
        case.files(b="x = 1\n")
        return found

    with monkeypatch.context() as patch:
        patch.setattr(measured.Measured, "report", slow)
        case.observe()
    assert case.observe().examined == 2
    assert case.asked() == {"b"}


def test_many_files_are_reported_by_several_processes(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "ALONE", 1)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    case.files(a="x = 1\nx = 2\n", b="x = 1\n", c="x = 1\n")
    case.ran("a", [1])
    observation = case.observe()
    assert observation.measures["line_percent"] == 25
    assert {name for name in case.kept.files if name.endswith(".json")} == {
        *("coverage.json", "coverage-1.json", "coverage-2.json")
    }
    assert case.asked() == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([("exit", 0)], "coverage's JSON report cannot be read"),
        ([("out", "58"), ("exit", 1)], "coverage cannot report: X; see the product file that it names"),
        ([("exit", 2)], "coverage ended with exit code 2"),
        ([("kill", 9)], "coverage was killed by signal 9"),
        ([("err", "Traceback (most recent call last):"), ("exit", 0)], "coverage crashed"),
        ([("hang", "")], "not finished after"),
    ],
)
def test_a_coverage_that_does_not_report_is_an_error(
    case: Case, script: Script, steps: list[tuple[str, object]], said: str
) -> None:
    case.files(a="x = 1\n")
    case.ran("a", [1])
    assert said in case.refused(executable=script(*steps).executable, seconds=2)


@pytest.mark.parametrize("told", [None, "parsed", [[1], [], [], [], [], []], [1, 2, 3, 4, 5, 6, 7]])
def test_what_is_no_sheet_is_none(told: object) -> None:
    assert sheets.load("a.py", told) is None
