"""The gate `tests` on the text of the tests: what it lists, at which severity, and what it leaves to the run."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from pytest_failhard import model
from pytest_failhard.gates import tests as gate
from tests.gates.test_tests import Tree, a_run
from tests.recording import write

NODE = "tests/test_a.py::test_a"
SEVERITY = {
    "empty-test": "medium",
    "tautological-assertion": "high",
    "unexplained-skip": "high",
    "unexplained-skip/xfail-nonstrict": "medium",
    "credential-conditional-skip": "medium",
}
SKIP = "import pytest\n@pytest.mark.skip\ndef test_a():\n    assert 0\n"


def read(
    root: Path, files: dict[str, str], run: model.TestRun | None = None, **changes: object
) -> model.Observation:
    """Return what the gate says of a project; its one test `test_a` ran and passed unless a run is given."""
    write(root, files)
    # The caller names fields of the settings.
    settings = dataclasses.replace(gate.TestsSettings(severity=SEVERITY), **changes)  # type: ignore[arg-type]
    return gate.TestsGate().observe(Tree(root=root, tests=run or a_run(), settings=settings))


def named(seen: model.Observation) -> list[tuple[str, str, model.Severity]]:
    """Return rule, path and severity of each finding."""
    return [(each.rule, each.path, each.severity) for each in seen.findings]


def skipped(nodeid: str = NODE, when: str = "setup", reason: str = "needs PostgreSQL, #12") -> model.TestRun:
    """Return a run in which one test or file was skipped, and another test ran."""
    ran = a_run(collected=("tests/test_b.py::test_b",), selected=("tests/test_b.py::test_b",), records=())
    passed = [dataclasses.replace(each, nodeid="tests/test_b.py::test_b") for each in a_run().records]
    skip = model.TestRecord(nodeid=nodeid, when=when, outcome="skipped", raised="Skipped", reason=reason)
    down = model.TestRecord(nodeid=nodeid, when="teardown", outcome="passed", raised="")
    own = (skip,) if when == "collect" else (skip, down)
    known = ("tests/test_b.py::test_b",) if when == "collect" else (nodeid, "tests/test_b.py::test_b")
    return dataclasses.replace(ran, collected=known, selected=known, records=(*own, *passed))


OTHER = {"tests/test_b.py": "def test_b():\n    assert 1 + f()\n"}


def test_a_hit_has_the_severity_of_the_level_and_counts(tmp_path: Path) -> None:
    seen = read(tmp_path, {"tests/test_a.py": "def test_a():\n    assert 1 == 1\n    assert f()\n"})
    assert named(seen) == [("FH602", "tests/test_a.py", model.Severity.HIGH)]
    assert seen.findings[0].message == "test_a asserts what is always true"
    counts = {name: seen.measures[name] for name in ("test_functions", "assertions", "assertion_free")}
    assert counts == {"test_functions": 1, "assertions": 2, "assertion_free": 0}


def test_a_test_without_a_check_is_counted_at_every_level(tmp_path: Path) -> None:
    seen = read(tmp_path, {"tests/test_a.py": "def test_a():\n    pass\n"}, severity={"empty-test": "off"})
    assert seen.findings == ()
    assert seen.measures["assertion_free"] == 1


def test_what_pytest_does_not_collect_is_not_read(tmp_path: Path) -> None:
    files = {
        "tests/test_a.py": "def test_a():\n    assert f()\n",
        "tests/helpers.py": "def test_b():\n    pass\n",
        "scripts/test_connection.py": "def test_b():\n    pass\n",
        "examples/tests/conftest.py": "import pytest\nx = pytest.mark.skip()\n",
    }
    seen = read(tmp_path, files)
    assert seen.findings == ()
    assert seen.measures["test_functions"] == 1


def test_the_policys_names_of_test_files_count(tmp_path: Path) -> None:
    files = {"tests/check_a.py": "def test_a():\n    assert 1 == 1\n"}
    run = dataclasses.replace(
        a_run(),
        collected=("tests/check_a.py::test_a",),
        selected=("tests/check_a.py::test_a",),
        records=tuple(
            dataclasses.replace(each, nodeid="tests/check_a.py::test_a") for each in a_run().records
        ),
    )
    seen = read(tmp_path, files, run, python_files=("test_*.py", "check_*.py"))
    assert named(seen) == [("FH602", "tests/check_a.py", model.Severity.HIGH)]


def test_a_conftest_above_the_tests_is_read(tmp_path: Path) -> None:
    text = "import os\nimport pytest\n@pytest.fixture(autouse=True)\ndef key():\n"
    text += "    if not os.getenv('OPENAI_API_KEY'):\n        pytest.skip('there is no key')\n"
    files = {"conftest.py": text, "tests/test_a.py": "def test_a():\n    assert f()\n"}
    assert named(read(tmp_path, files)) == [("FH604", "conftest.py", model.Severity.MEDIUM)]


def test_a_skip_that_did_not_happen_is_judged_by_its_text(tmp_path: Path) -> None:
    text = "import pytest\ndef test_a():\n    if f():\n        pytest.skip('wip')\n    assert f()\n"
    assert named(read(tmp_path, {"tests/test_a.py": text})) == [
        ("FH603/skip-no-reason", "tests/test_a.py", model.Severity.HIGH)
    ]


@pytest.mark.parametrize("nodeid", [NODE, f"{NODE}[1-x]"], ids=["plain", "parametrised"])
def test_a_skip_that_happened_is_judged_by_the_run_alone(tmp_path: Path, nodeid: str) -> None:
    seen = read(tmp_path, {"tests/test_a.py": SKIP, **OTHER}, skipped(nodeid, reason="unconditional skip"))
    assert [each.rule for each in seen.findings] == ["unexplained-skip"]


def test_a_file_that_is_switched_off_is_reported_whatever_its_reason(tmp_path: Path) -> None:
    text = "import pytest\npytestmark = pytest.mark.skip(reason='needs PostgreSQL, #12')\ndef test_a():\n    assert f()\n"
    seen = read(tmp_path, {"tests/test_a.py": text, **OTHER}, skipped())
    assert named(seen) == [("FH603/module-skip", "tests/test_a.py", model.Severity.HIGH)]


def test_a_file_that_skipped_itself_is_judged_by_the_run(tmp_path: Path) -> None:
    text = "import pytest\npytest.skip('wip', allow_module_level=True)\ndef test_a():\n    assert f()\n"
    run = skipped("tests/test_a.py", "collect", "wip")
    seen = read(tmp_path, {"tests/test_a.py": text, **OTHER}, run)
    assert [each.rule for each in seen.findings] == ["unexplained-skip"]


@pytest.mark.parametrize(
    ("ini", "rules"),
    [
        pytest.param("[pytest]\n", ["FH603/xfail-nonstrict"], id="by-default"),
        pytest.param("[pytest]\nxfail_strict = true\n", [], id="xfail_strict"),
        pytest.param("[pytest]\nstrict = True\n", [], id="strict"),
        pytest.param(
            "[pytest]\nstrict = true\nstrict_xfail = false\n", ["FH603/xfail-nonstrict"], id="refused"
        ),
    ],
)
def test_an_xfail_is_strict_where_pytest_takes_it_so(tmp_path: Path, ini: str, rules: list[str]) -> None:
    text = "import pytest\ndef test_a():\n    assert f()\n\nlate = pytest.mark.xfail(reason='see #13')\n"
    files = {"pytest.ini": ini, "tests/test_a.py": text}
    assert [each.rule for each in read(tmp_path, files).findings] == rules


def test_a_conftest_that_does_not_parse_is_an_error(tmp_path: Path) -> None:
    files = {"tests/test_a.py": "def test_a():\n    assert f()\n", "tests/sub/conftest.py": "def broken(:\n"}
    with pytest.raises(model.GateError, match=r"tests/sub/conftest.py:1: does not parse"):
        read(tmp_path, files)


def test_a_file_that_takes_too_long_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(model.GateError, match=r"unreadable-source: tests/test_a.py: too-slow"):
        read(tmp_path, {"tests/test_a.py": "def test_a():\n    assert f()\n"}, max_file_seconds=-1)


def test_a_product_file_that_does_not_parse_is_left_to_its_gate(tmp_path: Path) -> None:
    files = {"tests/test_a.py": "def test_a():\n    assert f()\n", "app/broken.py": "def broken(:\n"}
    assert read(tmp_path, files).findings == ()


def test_a_comment_lets_a_finding_of_the_text_through(tmp_path: Path) -> None:
    comment = '# failhard: allow[FH602] owner=ana reason="proves the runner alone" until=2026-02-01'
    text = f"def test_a():  {comment}\n    assert 1 == 1\n    assert f()\n"
    seen = read(tmp_path, {"tests/test_a.py": text})
    assert [each.fingerprint for each in seen.allows] == [each.fingerprint for each in seen.findings]
    idle = read(tmp_path / "2", {"tests/test_a.py": f"x = 1  {comment}\n\n\ndef test_a():\n    assert f()\n"})
    assert named(idle) == [("unused-allow", "tests/test_a.py", model.Severity.MEDIUM)]
